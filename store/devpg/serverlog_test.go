package devpg

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestServerLogIsBoundedAndKeepsItsTail(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "postgres.log")
	log, err := openServerLog(path, account{})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	chunk := bytes.Repeat([]byte("x"), 1<<20)
	for range 3 * logLimit / len(chunk) {
		if _, err := log.Write(chunk); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := log.Write([]byte("the end")); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{path, path + ".1"} {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if most := int64(logLimit + len(chunk)); info.Size() == 0 || info.Size() > most {
			t.Errorf("%s has %d bytes, want 1 to %d", filepath.Base(file), info.Size(), most)
		}
	}
	if len(log.tail) != tailLimit || !bytes.HasSuffix(log.tail, []byte("the end")) {
		t.Errorf("tail has %d bytes and ends in %q", len(log.tail), log.tail[len(log.tail)-7:])
	}
}
