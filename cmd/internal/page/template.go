package page

import (
	"embed"
	"html/template"
	"io/fs"
	"path"
	"strings"
)

//go:embed templates/*.html
var templateFiles embed.FS

// around are the templates that every page has.
var around = []string{"templates/layout.html", "templates/parts.html"}

// templates are the pages by the name of their file. Each defines what its content is.
var templates = func() map[string]*template.Template {
	base := template.Must(template.New("").Funcs(functions).ParseFS(templateFiles, around...))
	files, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		panic(err) // the pattern is wrong
	}
	list := map[string]*template.Template{}
	for _, file := range files {
		if file != around[0] && file != around[1] {
			list[strings.TrimSuffix(path.Base(file), ".html")] = template.Must(template.Must(base.Clone()).ParseFS(templateFiles, file))
		}
	}
	return list
}()
