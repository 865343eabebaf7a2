package main

import (
	_ "embed"
	"html/template"
	"log/slog"
	"net/http"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/connectorstore"
)

// app is what people see, at one replica. It has nothing in memory that another replica lacks.
type app struct {
	replica string
	origin  string
	people  *people
	flow    *oidcsso.Flow
	live    *connectorstore.Live
	log     *slog.Logger
}

func (a *app) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.home)
	mux.HandleFunc("POST /login", a.login)
	mux.Handle("GET /login", http.RedirectHandler("/", http.StatusSeeOther)) // the password form, reloaded
	mux.HandleFunc("POST "+ssoPath+"/start/{id}", a.offered)
	mux.HandleFunc("GET "+ssoPath+"/callback/{id}", a.callback)
	mux.HandleFunc("GET /emergency", a.emergencyPage)
	mux.HandleFunc("POST /emergency", a.emergency)
	mux.HandleFunc("POST /logout", a.logout)
	mux.HandleFunc("GET /me", a.me)
	return http.NewCrossOriginProtection().Handler(mux)
}

// view is a page: a heading, a sentence, a form. Role says whether the sentence is news or an alert.
type view struct {
	Title, Text, Role, Form string
	Email                   string
	Connector, Company      string // beside the password
	Replica                 string
}

//go:embed page.html
var pageText string

var page = template.Must(template.New("page").Parse(pageText))

func (a *app) show(w http.ResponseWriter, status int, v view) {
	if v.Role = "status"; status >= 400 {
		v.Role = "alert"
	}
	v.Replica = a.replica
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	// No form-action: browsers apply it also to the redirect that follows a form, and that one leads to the identity provider.
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	page.Execute(w, v) // fails only when the browser has gone
}
