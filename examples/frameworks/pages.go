package main

import (
	"html/template"
	"strings"
)

// The pages are the same in every framework: texts that its own way of answering sends.

var pageTemplate = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{{.Title}}</title>
<h1>{{.Title}}</h1>
{{with .Text}}<p role="status">{{.}}</p>{{end}}
{{if .SignedIn}}
<form method="post" action="/logout"><button>Sign out</button></form>
{{else}}
<form method="post" action="/login">
<p><label>Email address<br><input name="email" type="email" autocomplete="username" required></label></p>
<p><label>Password, if your company does not sign you in<br><input name="password" type="password" autocomplete="current-password"></label></p>
<p><button>Sign in</button></p>
</form>
{{end}}
`))

type page struct {
	Title, Text string
	SignedIn    bool
}

func (p page) html() string {
	var b strings.Builder
	if err := pageTemplate.Execute(&b, p); err != nil { // the template is constant, and a Builder does not fail
		panic(err)
	}
	return b.String()
}

func loginPage(text string) string { return page{Title: "Sign in", Text: text}.html() }

func homePage(p person) string { return page{Title: "Hello, " + p.email, SignedIn: true}.html() }
