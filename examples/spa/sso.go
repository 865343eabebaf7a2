package main

import (
	"embed"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/accounts"
)

// ssoPath is the path of the BaseURL; the callbacks are below it.
const ssoPath = "/sso"

// app is the backend.
type app struct {
	sso    *oidcsso.Flow
	log    *slog.Logger
	store  *store
	secure bool // whether browsers reach it by https
}

func newApp(opts *oidcsso.Options, connectors ...oidcsso.Config) (*app, error) {
	router := oidcsso.NewRouter(opts)
	if err := router.Replace(connectors); err != nil {
		return nil, err
	}
	// With several replicas all have the same key: oidcsso.ParseSealKey(os.Getenv("SSO_KEY")).
	sso, err := oidcsso.NewFlow(opts, router, &oidcsso.FlowOptions{
		Keys:           []oidcsso.SealKey{oidcsso.RandomSealKey()},
		AllowedReturns: []string{appURI},
	})
	if err != nil {
		return nil, err
	}
	return &app{sso: sso, log: opts.Logger, store: newStore(), secure: strings.HasPrefix(opts.BaseURL, "https:")}, nil
}

//go:embed static
var static embed.FS

func (a *app) routes() http.Handler {
	files, err := fs.Sub(static, "static")
	if err != nil {
		panic(err) // the directory is embedded above
	}
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServerFS(files))
	mux.HandleFunc("POST /api/login", a.login)
	mux.HandleFunc("POST /api/password", a.password)
	mux.HandleFunc("POST /api/logout", a.logout)
	mux.HandleFunc("GET /api/me", a.me)
	mux.HandleFunc("GET /api/errors/{code}", a.errorText)
	mux.HandleFunc("GET /sso/callback/{id}", a.callback)
	mux.HandleFunc("GET /app/start", a.appStart)
	mux.HandleFunc("POST /api/app/session", a.appSession)
	return protected(mux)
}

// protected puts around every route what a browser should know, and refuses requests that other sites make.
func protected(next http.Handler) http.Handler {
	const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	next = http.NewCrossOriginProtection().Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// callback is a navigation, not a call of the page: its answers are redirects, back to the page or to the app.
func (a *app) callback(w http.ResponseWriter, r *http.Request) {
	signIn, err := a.sso.Finish(w, r)
	if err != nil {
		a.callbackFailed(w, r, err)
		return
	}
	resolver := accounts.Accounts[person]{ByKey: a.store.byKey, Create: a.store.create}
	user, err := resolver.Resolve(r.Context(), signIn.Identity)
	if err != nil {
		a.callbackFailed(w, r, err)
		return
	}
	if signIn.ReturnTo == appURI {
		a.handOver(w, r, user, string(signIn.Data))
		return
	}
	// Anybody can make a link that starts a sign-in, so it must not replace another person silently.
	if current, ok := a.user(r); ok && current.ID != user.ID {
		a.callbackFailed(w, r, oidcsso.Refuse("You are signed in as somebody else. Sign out first, then sign in again."))
		return
	}
	a.startSession(w, r, user)
	http.Redirect(w, r, signIn.ReturnTo, http.StatusSeeOther)
}

// callbackFailed brings the page, or the app that began, an error's code and the id that is in the log. The sentence is not in
// the URL, where anybody could put another one.
func (a *app) callbackFailed(w http.ResponseWriter, r *http.Request, err error) {
	e := oidcsso.AsError(err)
	a.log.Warn("sign-in failed", "error", e)
	target := "/"
	if e.ReturnTo == appURI {
		target = appURI
	}
	http.Redirect(w, r, target+"?"+url.Values{"error": {string(e.Code)}, "id": {e.ID}}.Encode(), http.StatusSeeOther)
}
