package migrations

import (
	"context"
	"io/fs"
)

// Files is the SQL of this binary.
var Files fs.FS = files

// LockKey is the advisory lock of migrations.
const LockKey = lockKey

// UpFrom is Up by a binary with other files.
func UpFrom(ctx context.Context, files fs.FS, url string, tell ...func(string)) ([]string, error) {
	return source{files}.up(ctx, url, tell)
}

// DownFrom is Down by a binary with other files.
func DownFrom(ctx context.Context, files fs.FS, url string, all bool) ([]string, error) {
	return source{files}.down(ctx, url, all, nil)
}
