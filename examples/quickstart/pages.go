package main

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"strings"
	"time"
)

//go:embed templates static
var files embed.FS

// view is what a template gets.
type view struct {
	Title  string
	Person *person // who is signed in, if anybody is
	Data   any
}

var pages = parsePages("start", "password", "home", "switch", "idp", "error")

func parsePages(names ...string) map[string]*template.Template {
	layout := template.Must(template.New("layout.html").Funcs(template.FuncMap{
		"initials": initials,
		"list":     func(items []string) string { return strings.Join(items, ", ") },
		"when":     func(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 MST") },
	}).ParseFS(files, "templates/layout.html"))
	pages := map[string]*template.Template{}
	for _, name := range names {
		pages[name] = template.Must(template.Must(layout.Clone()).ParseFS(files, "templates/"+name+".html"))
	}
	return pages
}

// page is rendered in whole before anything is written.
func (a *app) page(w http.ResponseWriter, status int, name string, v view) {
	var body bytes.Buffer
	if err := pages[name].Execute(&body, v); err != nil {
		a.log.Error("page not rendered", "page", name, "error", err)
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	w.Write(body.Bytes())
}

func (a *app) startPage(w http.ResponseWriter, status int, problem string) {
	a.page(w, status, "start", view{Title: "Sign in", Data: map[string]any{"Problem": problem, "Guide": a.guide}})
}

// passwordPage is the same whether the address has an account or not.
func (a *app) passwordPage(w http.ResponseWriter, status int, email, problem string) {
	a.page(w, status, "password", view{Title: "Enter your password", Data: map[string]any{"Email": email, "Problem": problem}})
}

func staticFiles() http.Handler {
	serve := http.FileServerFS(files)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/") { // no list of files
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Cache-Control", "no-cache")
		serve.ServeHTTP(w, r)
	})
}

// initials stand in the header for a picture: an identity provider's picture is never loaded.
func initials(name string) string {
	var letters []rune
	for _, word := range strings.Fields(name) {
		letters = append(letters, []rune(word)[0])
	}
	if len(letters) > 2 {
		letters = []rune{letters[0], letters[len(letters)-1]}
	}
	return strings.ToUpper(string(letters))
}
