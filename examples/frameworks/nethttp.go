package main

import (
	"net/http"

	"github.com/oidcsso/oidcsso"
)

// nethttpRoutes is the backend with the standard library alone.
func nethttpRoutes(a *app) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.nethttpHome)
	mux.HandleFunc("POST /login", a.nethttpLogin)
	mux.HandleFunc("GET /sso/callback/{id}", a.nethttpCallback)
	mux.HandleFunc("POST /logout", a.nethttpLogout)
	return http.NewCrossOriginProtection().Handler(mux)
}

func (a *app) nethttpHome(w http.ResponseWriter, r *http.Request) {
	user, ok := a.user(nethttpCookie(r))
	if !ok {
		nethttpPage(w, http.StatusUnauthorized, loginPage(""))
		return
	}
	nethttpPage(w, http.StatusOK, homePage(user))
}

func (a *app) nethttpLogin(w http.ResponseWriter, r *http.Request) {
	email := r.PostFormValue("email")
	found := a.find(email)
	handled, err := a.sso.Enforce(w, r, found.attempt(email), oidcsso.BeginParams{})
	switch {
	case err != nil: // "unavailable" too: never fall through to the password
		nethttpFail(w, err)
	case handled: // the browser is on its way to the identity provider
	case !found.password.is(r.PostFormValue("password")):
		nethttpPage(w, http.StatusForbidden, loginPage("The address or the password is wrong."))
	default:
		http.SetCookie(w, a.startSession(nethttpCookie(r), found))
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}
}

func (a *app) nethttpCallback(w http.ResponseWriter, r *http.Request) {
	signIn, err := a.sso.Finish(w, r)
	if err != nil {
		nethttpFail(w, err)
		return
	}
	user, err := a.account(r.Context(), signIn, nethttpCookie(r))
	if err != nil {
		nethttpFail(w, err)
		return
	}
	http.SetCookie(w, a.startSession(nethttpCookie(r), user))
	http.Redirect(w, r, signIn.ReturnTo, http.StatusSeeOther)
}

func (a *app) nethttpLogout(w http.ResponseWriter, r *http.Request) {
	http.SetCookie(w, a.endSession(nethttpCookie(r)))
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func nethttpFail(w http.ResponseWriter, err error) {
	status, text := failure(err)
	nethttpPage(w, status, loginPage(text))
}

func nethttpPage(w http.ResponseWriter, status int, html string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	w.Write([]byte(html)) // fails only when the browser has gone
}

func nethttpCookie(r *http.Request) string {
	if cookie, err := r.Cookie(sessionCookie); err == nil {
		return cookie.Value
	}
	return ""
}
