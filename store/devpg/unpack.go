package devpg

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/ulikunitz/xz"
)

// unpack writes the files of a jar to a new directory. The jar is a zip file with one .txz file in it.
func unpack(ctx context.Context, jar, into string) error {
	archive, err := zip.OpenReader(jar)
	if err != nil {
		return err
	}
	defer archive.Close()
	i := slices.IndexFunc(archive.File, func(f *zip.File) bool { return filepath.Ext(f.Name) == ".txz" })
	if i < 0 {
		return errors.New("there is no .txz file in it")
	}
	txz, err := archive.File[i].Open()
	if err != nil {
		return err
	}
	defer txz.Close()
	plain, err := xz.NewReader(bufio.NewReader(contextReader{ctx, txz})) // xz reads single bytes
	if err != nil {
		return err
	}
	if err := os.Mkdir(into, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(into)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := unpackTar(root, tar.NewReader(plain)); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, plain) // the checksums of xz and zip are at the end
	return err
}

func unpackTar(root *os.Root, archive *tar.Reader) error {
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = unpackEntry(root, header, archive)
		}
		if err != nil {
			return err
		}
	}
}

// unpackEntry writes one entry of a tar archive. The root refuses every path that leads out of it, and a link that does is
// refused here.
func unpackEntry(root *os.Root, header *tar.Header, content io.Reader) error {
	name := filepath.Clean(header.Name)
	if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	switch header.Typeflag {
	case tar.TypeDir:
		return root.MkdirAll(name, 0o755)
	case tar.TypeSymlink:
		if filepath.IsAbs(header.Linkname) || !filepath.IsLocal(filepath.Join(filepath.Dir(name), header.Linkname)) {
			return fmt.Errorf("%s links to %s, which is outside of the archive", header.Name, header.Linkname)
		}
		return root.Symlink(header.Linkname, name)
	case tar.TypeReg:
		file, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, header.FileInfo().Mode().Perm())
		if err != nil {
			return err
		}
		_, err = io.Copy(file, content)
		return errors.Join(err, file.Close())
	default:
		return fmt.Errorf("%s is neither a file nor a directory nor a symbolic link", header.Name)
	}
}

// contextReader fails once its context has ended.
type contextReader struct {
	ctx context.Context
	io.Reader
}

func (r contextReader) Read(b []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.Reader.Read(b)
}
