package main

import (
	"encoding/json"
	"testing"
	"time"
)

func TestSecondsHaveThreeDecimals(t *testing.T) {
	t.Parallel()
	for ms := range 10_000 {
		d := time.Duration(ms) * time.Millisecond
		if text, err := json.Marshal(seconds(d)); err != nil || len(text) > len("9.999") {
			t.Fatalf("%s is %s, %v", d, text, err)
		}
	}
}
