package page

import (
	"bytes"
	"compress/gzip"
	"embed"
	"fmt"
	"hash/fnv"
	"mime"
	"net/http"
	"path"
	"strings"
)

//go:embed assets
var assetFiles embed.FS

// asset is a file that pages load.
type asset struct {
	kind          string
	plain, zipped []byte
}

// assets by their name in links, which changes with the content: so a browser may keep each for good.
var assets, assetNames = func() (map[string]asset, map[string]string) {
	entries, err := assetFiles.ReadDir("assets")
	if err != nil {
		panic(err) // nothing is embedded
	}
	list, names := map[string]asset{}, map[string]string{}
	for _, entry := range entries {
		text, err := assetFiles.ReadFile("assets/" + entry.Name())
		if err != nil {
			panic(err)
		}
		hash := fnv.New32a()
		_, _ = hash.Write(text)
		extension := path.Ext(entry.Name())
		name := fmt.Sprintf("%s.%x%s", strings.TrimSuffix(entry.Name(), extension), hash.Sum32(), extension)
		var zipped bytes.Buffer
		z, _ := gzip.NewWriterLevel(&zipped, gzip.BestCompression) // the level is one
		_, _ = z.Write(text)                                       // to memory
		_ = z.Close()
		list[name] = asset{mime.TypeByExtension(extension), text, zipped.Bytes()}
		names[entry.Name()] = name
	}
	return list, names
}()

// Asset is the link to a file that a page loads.
func (f *frame) Asset(name string) string { return f.Base + "/assets/" + assetNames[name] }

func serveAsset(w http.ResponseWriter, r *http.Request) {
	a, ok := assets[r.PathValue("file")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", a.kind)
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	text := a.plain
	if takesGzip(r) {
		w.Header().Set("Content-Encoding", "gzip")
		text = a.zipped
	}
	w.Header().Set("Vary", "Accept-Encoding")
	_, _ = w.Write(text) // the visitor may be gone
}
