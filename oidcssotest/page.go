package oidcssotest

import (
	_ "embed"
	"html/template"
	"net/http"
	"net/url"
)

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// page is one page of the identity provider; with an Action it has the sign-in form.
type page struct {
	Name, Accent, Title, Text string

	Action, Alert, Username, Hint string
}

// showForm shows the sign-in page. The form sends the authorization request along, so that nothing has to be kept.
func (p *IdP) showForm(w http.ResponseWriter, s *state, req *authRequest, status int, username, alert string) {
	target := req.client.ID
	if u, err := url.Parse(req.redirectURI); err == nil && u.Host != "" {
		target = u.Host
	}
	show(w, s, status, page{
		Title: "Sign in", Text: "to continue to " + target,
		Action: p.endpoint(signInPath) + "?" + req.params.Encode(), Alert: alert, Username: username, Hint: s.Hint,
	})
}

func showError(w http.ResponseWriter, s *state, status int, text string) {
	show(w, s, status, page{Title: "This sign-in can't go on", Alert: text})
}

func show(w http.ResponseWriter, s *state, status int, content page) {
	if content.Name = s.Name; content.Name == "" {
		content.Name = "Test identity provider"
	}
	if content.Accent = s.Accent; content.Accent == "" {
		content.Accent = "#2557c7"
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	// No form-action: browsers apply it to the redirect that follows the form, too, and that one leads to the application.
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'")
	w.WriteHeader(status)
	pageTemplate.Execute(w, content) // fails only when the browser has gone
}
