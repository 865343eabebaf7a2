package main

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"

	"github.com/oidcsso/oidcsso"
)

// app is the backend. What it does about single sign-on is in sso.go.
type app struct {
	origin   string
	flow     *oidcsso.Flow
	router   *oidcsso.Router
	users    *users
	sessions *sessions
	log      *slog.Logger
	guide    []hint
}

func (a *app) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.home)
	mux.HandleFunc("POST /login", a.login)
	mux.Handle("GET /login", http.RedirectHandler("/", http.StatusSeeOther)) // the password form, reloaded
	mux.HandleFunc("GET "+ssoPath+"/callback/{id}", a.callback)
	mux.HandleFunc("GET /signed-in", a.signedIn)
	mux.HandleFunc("GET /switch", a.switchPage)
	mux.HandleFunc("POST /switch", a.switchPerson)
	mux.HandleFunc("POST /logout", a.logout)
	mux.HandleFunc("GET /me", a.me)
	mux.HandleFunc("GET /idp", a.idp)
	mux.Handle("GET /static/", staticFiles())
	mux.HandleFunc("/", a.notFound)
	return protected(mux)
}

// home is the start page, or who is signed in.
func (a *app) home(w http.ResponseWriter, r *http.Request) {
	if current, ok := a.sessions.of(r); ok {
		a.page(w, http.StatusOK, "home", view{Title: "You are signed in", Person: &current.person})
		return
	}
	a.startPage(w, http.StatusOK, "")
}

// signIn is the only place where sessions begin. It never replaces a person by another one without asking.
func (a *app) signIn(w http.ResponseWriter, r *http.Request, p person) {
	current, ok := a.sessions.of(r)
	if ok && current.person.key != p.key {
		a.sessions.ask(r, p)
		http.Redirect(w, r, "/switch", http.StatusSeeOther)
		return
	}
	a.sessions.start(w, r, p)
	http.Redirect(w, r, "/signed-in", http.StatusSeeOther)
}

// signedIn comes right after a session has begun. Whose browser keeps no cookies would otherwise see the sign-in form again,
// without a word.
func (a *app) signedIn(w http.ResponseWriter, r *http.Request) {
	if _, ok := a.sessions.of(r); ok {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	a.startPage(w, http.StatusBadRequest, "Your browser did not keep you signed in. Please allow cookies for this site.")
}

func (a *app) switchPage(w http.ResponseWriter, r *http.Request) {
	current, ok := a.sessions.of(r)
	if !ok || current.question == nil {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	a.page(w, http.StatusOK, "switch", view{
		Title: "Switch to another person?", Person: &current.person,
		Data: map[string]any{"Question": current.question.id, "Other": current.question.person},
	})
}

func (a *app) switchPerson(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	other, ok := a.sessions.answered(r, r.PostFormValue("question"))
	if ok && r.PostFormValue("answer") == "switch" {
		a.sessions.start(w, r, other)
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (a *app) logout(w http.ResponseWriter, r *http.Request) {
	a.sessions.end(w, r)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (a *app) me(w http.ResponseWriter, r *http.Request) {
	current, ok := a.sessions.of(r)
	if !ok {
		a.json(w, http.StatusUnauthorized, map[string]string{"code": "not_signed_in", "message": "You are not signed in."})
		return
	}
	a.json(w, http.StatusOK, current.person.me())
}

// fail shows an error to the person and says to the log what the person is not told.
func (a *app) fail(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, oidcsso.CodeAddressMissing) || errors.Is(err, oidcsso.CodeAddressInvalid) {
		a.startPage(w, http.StatusBadRequest, "Please enter a valid email address.")
		return
	}
	e := oidcsso.AsError(err) // of any error, also this application's own
	level := slog.LevelInfo
	if e.Kind() == oidcsso.KindUnavailable {
		level = slog.LevelWarn
	}
	a.log.Log(r.Context(), level, "sign-in failed", "error", e)
	v := view{Title: "This sign-in did not work"}
	text, link := e.Public, "Back to sign-in"
	switch e.Kind() {
	case oidcsso.KindUnavailable:
		v.Title, link = "Sign-in is unavailable", "Try again"
	case oidcsso.KindExpired:
		v.Title, link = "Please sign in again", "Sign in"
	}
	if current, ok := a.sessions.of(r); ok {
		if e.Kind() == oidcsso.KindExpired { // reloaded, or gone back to
			v.Title, text = "This sign-in is over", ""
		}
		v.Person = &current.person
		text, link = text+" You are still signed in as "+current.person.Name+".", "Go on as "+current.person.Name
	}
	v.Data = map[string]string{"Text": text, "Link": link, "Code": string(e.Code), "ID": e.ID}
	a.page(w, e.HTTPStatus(), "error", v)
}

func (a *app) notFound(w http.ResponseWriter, r *http.Request) {
	a.page(w, http.StatusNotFound, "error", view{Title: "There is no such page", Data: map[string]string{
		"Text": "The address may have been mistyped.", "Link": "Go to the start page",
	}})
}

func (a *app) json(w http.ResponseWriter, status int, value any) {
	body, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(append(body, '\n'))
}
