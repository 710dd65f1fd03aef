package devpg

import (
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
)

// freePort picks a port below the range from which systems take the ports of outgoing connections (Linux: from 32768 on). Inside
// that range a client that keeps dialling a server which is down connects to itself sooner or later, and then the server
// cannot come back.
func freePort() (int, error) {
	for range 100 {
		if port := 15000 + rand.IntN(15000); portFree(port) {
			return port, nil
		}
	}
	return 0, errors.New("find a free port of 127.0.0.1: 100 ports tried, all taken")
}

func portFree(port int) bool {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return false
	}
	return l.Close() == nil
}
