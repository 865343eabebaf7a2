package oidcsso

import (
	"crypto/sha256"
	"encoding/base64"
	"html/template"
	"net/http"
)

// page is a plain page: a heading, a sentence, a link, and what to tell an administrator.
type page struct {
	Title, Text    string
	Link, LinkText string
	Code           string
	ID             string
	Style          template.CSS
}

// pageStyle adapts to light and dark, to zoom and to small screens; text has a contrast of at least 7 to 1.
const pageStyle = `:root{color-scheme:light dark;--page:#f3f5f8;--card:#fff;--ink:#1b2430;--soft:#47505e;--line:#dde2e9}
@media(prefers-color-scheme:dark){:root{--page:#12151a;--card:#1c2128;--ink:#eef1f6;--soft:#b9c1cd;--line:#353d49}}
body{margin:0;min-height:100vh;display:grid;place-items:center;
background:var(--page);color:var(--ink);font:1rem/1.55 system-ui,sans-serif}
main{box-sizing:border-box;width:calc(100% - 2rem);max-width:27rem;margin:1rem;padding:clamp(1.5rem,6vw,2.25rem);
border:1px solid var(--line);border-radius:.9rem;background:var(--card);overflow-wrap:anywhere}
h1{margin:0 0 .75rem;font-size:1.5rem;line-height:1.25;letter-spacing:-.01em}
p{margin:0 0 1.5rem}
p:last-child{margin:0}
a{display:inline-block;padding:.65rem 1.25rem;border:2px solid var(--ink);border-radius:.55rem;
background:var(--ink);color:var(--card);font-weight:600;text-decoration:none}
a:focus-visible{outline:3px solid var(--ink);outline-offset:3px}
small{display:block;padding-top:1.25rem;border-top:1px solid var(--line);color:var(--soft);font-size:.875rem}
code{display:block;font-family:ui-monospace,monospace}`

var pageTemplate = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Title}}</title>
<style>{{.Style}}</style>
</head>
<body>
<main>
<h1>{{.Title}}</h1>
<p{{if .Code}} role="alert"{{end}}>{{.Text}}</p>
<p><a href="{{.Link}}">{{.LinkText}}</a></p>
{{with .Code}}<small>If you ask for help, please give this code: <code>{{.}} {{$.ID}}</code></small>{{end}}
</main>
</body>
</html>
`))

// pagePolicy lets a page load nothing but its own style.
var pagePolicy = func() string {
	sum := sha256.Sum256([]byte(pageStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}()

func errorPage(e *Error, loginURL string) page {
	p := page{Text: e.Public, Code: string(e.Code), ID: e.ID, Link: loginURL}
	switch e.Kind() {
	case KindUnavailable:
		p.Title, p.LinkText = "Sign-in is unavailable", "Try again"
	case KindExpired:
		p.Title, p.LinkText = "Please sign in again", "Sign in"
	case KindInvalid:
		p.Title, p.LinkText = "That did not work", "Back to sign-in"
	default:
		p.Title, p.LinkText = "You are not signed in", "Back to sign-in"
	}
	return p
}

func (h *Handler) page(w http.ResponseWriter, status int, p page) {
	p.Style = pageStyle
	noTrace(w)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", pagePolicy)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = pageTemplate.Execute(w, p) // fails only with the connection
}
