package devpg

import "os"

const (
	logLimit  = 8 << 20 // bytes after which postgres.log becomes postgres.log.1
	tailLimit = 4 << 10 // bytes quoted in an error
)

// serverLog keeps what the server says, in two files of logLimit at most. A write never fails: the server must not wait for
// a full disk.
type serverLog struct {
	path    string
	account account
	file    *os.File
	size    int64
	tail    tail
}

func openServerLog(path string, a account) (*serverLog, error) {
	file, err := createOwned(path, os.O_APPEND, a)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return &serverLog{path: path, account: a, file: file, size: info.Size()}, nil
}

func (l *serverLog) Write(b []byte) (int, error) {
	_, _ = l.tail.Write(b)
	if l.size > logLimit {
		l.rotate()
	}
	n, _ := l.file.Write(b)
	l.size += int64(n)
	return len(b), nil
}

func (l *serverLog) rotate() {
	if err := os.Rename(l.path, l.path+".1"); err != nil {
		return
	}
	file, err := createOwned(l.path, os.O_APPEND, l.account)
	if err != nil {
		return
	}
	_ = l.file.Close()
	l.file, l.size = file, 0
}

func (l *serverLog) Close() error { return l.file.Close() }

// tail keeps the last tailLimit bytes written to it.
type tail []byte

func (t *tail) Write(b []byte) (int, error) {
	*t = append(*t, b...)
	if over := len(*t) - tailLimit; over > 0 {
		*t = append((*t)[:0], (*t)[over:]...)
	}
	return len(b), nil
}
