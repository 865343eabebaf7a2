package main

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"html/template"
	"net/http"
	"net/url"
	"regexp"

	"github.com/oidcsso/oidcsso"
)

// A mobile app signs in through the system's browser, since only there the person has a session at the identity provider, and
// the app can't read along:
//
//  1. The app draws a verifier, keeps it, and opens /app/start?email=...&challenge=SHA-256(verifier) in the browser, where the
//     person is asked.
//  2. After the sign-in the browser is sent to appURI with a code, which the system hands to the app.
//  3. The app sends code and verifier to /api/app/session and gets its token.
//
// A token in that URL would be anybody's who claimed the app's URI on the device, or who reads its log. The code works once, for
// a minute, and only with the verifier, which never left the app: PKCE (RFC 7636) between the app and this backend.

// appURI is where the app is, an exact entry of FlowOptions.AllowedReturns.
const appURI = "com.example.northwind://signed-in"

var challengeForm = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`) // SHA-256 in base64url

var askPage = template.Must(template.New("ask").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Northwind</title>
<link rel="stylesheet" href="/style.css">
<main>
<h1>Do you want to sign in to the Northwind app?</h1>
<p><a href="{{.}}">Sign in</a></p>
<p>If you were not about to, close this page.</p>
</main>
`))

// appStart is opened in the browser, because the cookie of the sign-in has to be there.
func (a *app) appStart(w http.ResponseWriter, r *http.Request) {
	email, challenge := r.URL.Query().Get("email"), r.URL.Query().Get("challenge")
	site := r.Header.Get("Sec-Fetch-Site") // without it, the browser is too old to say who asked
	if site == "" || !challengeForm.MatchString(challenge) {
		http.Error(w, "Please sign in from within the app.", http.StatusBadRequest)
		return
	}
	// Nothing starts it unasked: not a link, nor another app on the device, which has claimed appURI and opens the browser with a
	// challenge of its own (RFC 8252, 8.6). Neither can click on this page.
	if site != "same-origin" {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_ = askPage.Execute(w, "?"+url.Values{"email": {email}, "challenge": {challenge}}.Encode()) // fails only with the connection
		return
	}
	decision, err := a.decide(r, email, oidcsso.MethodIdentify)
	if err != nil {
		a.appFailed(w, r, err)
		return
	}
	if decision.Allowed() { // the app shows its password form
		http.Redirect(w, r, appURI+"?error=password", http.StatusSeeOther)
		return
	}
	err = a.sso.Redirect(w, r, decision.Connector.ID(), oidcsso.BeginParams{LoginHint: email, ReturnTo: appURI, Data: []byte(challenge)})
	if err != nil {
		a.appFailed(w, r, err)
	}
}

// appFailed is callbackFailed for an error of the start, which does not know yet where it was to lead.
func (a *app) appFailed(w http.ResponseWriter, r *http.Request, err error) {
	e := *oidcsso.AsError(err)
	e.ReturnTo = appURI
	a.callbackFailed(w, r, &e)
}

// handOver ends a sign-in that an app began. The browser gets no session.
func (a *app) handOver(w http.ResponseWriter, r *http.Request, user person, challenge string) {
	if challenge == "" { // it was begun by the page's login, which binds no app
		a.callbackFailed(w, r, oidcsso.Refuse("Please sign in from within the app."))
		return
	}
	code := a.store.newCode(user, challenge)
	http.Redirect(w, r, appURI+"?"+url.Values{"code": {code}}.Encode(), http.StatusSeeOther)
}

// appSession exchanges the code. It is gone at the first try, whoever makes it.
func (a *app) appSession(w http.ResponseWriter, r *http.Request) {
	var in struct{ Code, Verifier string }
	if err := readJSON(w, r, &in); err != nil {
		a.fail(w, err)
		return
	}
	user, challenge, ok := a.store.redeemCode(in.Code)
	sum := sha256.Sum256([]byte(in.Verifier))
	if !ok || subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(challenge)) != 1 {
		a.fail(w, &problem{http.StatusForbidden, "code_refused", "Please sign in again."})
		return
	}
	writeJSON(w, http.StatusOK, map[string]string{"token": a.store.newSession(user)})
}
