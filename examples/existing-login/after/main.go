// Command after is the backend of ../before, with single sign-on for the people of one company.
package main

import (
	_ "embed"
	"errors"
	"flag"
	"html/template"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/oidcsso/oidcsso"
)

type app struct {
	origin string
	store  *store
	mail   func(to, text string)
	sso    *oidcsso.Flow
}

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "`address` to listen on; port 0 takes a free one")
	loopback := flag.Bool("insecure-loopback", false, "allow an identity provider on this machine, also by http")
	flag.Parse()
	listener, err := net.Listen("tcp", *addr)
	if err != nil {
		slog.Error("no address to listen on", "error", err)
		os.Exit(1)
	}
	origin := "http://" + listener.Addr().String()
	opts := &oidcsso.Options{BaseURL: origin + "/sso", Egress: oidcsso.Egress{InsecureAllowLoopback: *loopback}}
	sso, err := newSSO(opts, os.Getenv)
	if err != nil {
		slog.Error("single sign-on is not configured", "error", err)
		os.Exit(1)
	}
	a := &app{origin: origin, store: demoStore(), mail: logMail, sso: sso}
	slog.Info("sign in as nora with the password sunflower, or as alice with snowdrop", "open", origin)
	server := &http.Server{Handler: a.routes(), ReadHeaderTimeout: 5 * time.Second}
	slog.Error("ended", "error", server.Serve(listener))
}

func demoStore() *store {
	return newStore(
		account{name: "nora", addresses: []string{"nora@northwind.test"}, password: newPassword("sunflower")},
		account{name: "alice", addresses: []string{"alice@acme.test", "alice@home.test"}, password: newPassword("snowdrop")},
	)
}

func logMail(to, text string) { slog.Info("mail", "to", to, "text", text) }

func (a *app) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.home)
	mux.HandleFunc("POST /login", a.login)
	mux.HandleFunc("GET /sso/callback/"+connectorID, a.callback)
	mux.HandleFunc("POST /logout", a.logout)
	mux.HandleFunc("POST /forgot", a.forgot)
	mux.HandleFunc("GET /reset", a.resetPage)
	mux.HandleFunc("POST /reset", a.reset)
	return http.MaxBytesHandler(http.NewCrossOriginProtection().Handler(mux), 64<<10)
}

func (a *app) home(w http.ResponseWriter, r *http.Request) {
	if user := a.user(r); user.name != "" {
		show(w, http.StatusOK, view{Title: "Hello, " + user.name, Form: "logout"})
		return
	}
	show(w, http.StatusOK, view{Title: "Sign in", Form: "login"})
}

func (a *app) login(w http.ResponseWriter, r *http.Request) {
	login := r.PostFormValue("login")
	found := a.store.find(login)
	handled, err := a.sso.Enforce(w, r,
		oidcsso.Attempt{Typed: login, Account: found.addresses, Method: oidcsso.MethodPassword},
		oidcsso.BeginParams{})
	if errors.Is(err, oidcsso.CodeAddressMissing) { // a user name without an address behind it
		found, err = account{}, nil // nobody, whose password is always wrong
	}
	if err != nil { // "unavailable" too: never fall through to the password
		a.fail(w, err)
		return
	}
	if handled { // the browser is on its way to the identity provider
		return
	}
	if !found.password.is(r.PostFormValue("password")) {
		show(w, http.StatusForbidden, view{Title: "Sign in", Text: "The name or the password is wrong.", Form: "login"})
		return
	}
	a.startSession(w, r, found)
}

func (a *app) logout(w http.ResponseWriter, r *http.Request) {
	a.endSession(r)
	a.setCookie(w, "", -time.Second)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// forgot mails a link. Its page does not tell whether there is an account.
func (a *app) forgot(w http.ResponseWriter, r *http.Request) {
	if found := a.store.find(r.PostFormValue("login")); len(found.addresses) > 0 {
		token := a.store.issue(a.store.resets, found.name, time.Hour)
		a.mail(found.addresses[0], a.origin+"/reset?token="+token)
	}
	show(w, http.StatusOK, view{Title: "Look into your mail", Text: "If there is such an account, a link is on its way."})
}

func (a *app) resetPage(w http.ResponseWriter, r *http.Request) {
	show(w, http.StatusOK, view{Title: "New password", Form: "reset", Token: r.URL.Query().Get("token")})
}

func (a *app) reset(w http.ResponseWriter, r *http.Request) {
	found := a.store.redeem(a.store.resets, r.PostFormValue("token"), true)
	if found.name == "" || r.PostFormValue("password") == "" {
		show(w, http.StatusForbidden, view{Title: "New password", Text: "The link is no longer valid, or the password is empty."})
		return
	}
	decision, err := a.sso.Decide(r.Context(), oidcsso.Attempt{Account: found.addresses, Method: oidcsso.MethodPasswordReset})
	if err != nil {
		a.fail(w, err)
		return
	}
	if !decision.Allowed() {
		show(w, http.StatusForbidden, view{Title: "New password", Text: "Your company signs you in. You need no password here."})
		return
	}
	a.store.setPassword(found.name, newPassword(r.PostFormValue("password")))
	show(w, http.StatusOK, view{Title: "Sign in", Text: "Your password is changed.", Form: "login"})
}

// user is who is signed in.
func (a *app) user(r *http.Request) account {
	cookie, err := r.Cookie("session")
	if err != nil {
		return account{}
	}
	return a.store.redeem(a.store.sessions, cookie.Value, false)
}

func (a *app) startSession(w http.ResponseWriter, r *http.Request, user account) {
	a.endSession(r)
	a.setCookie(w, a.store.issue(a.store.sessions, user.name, sessionLifetime), sessionLifetime)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (a *app) endSession(r *http.Request) {
	if cookie, err := r.Cookie("session"); err == nil {
		a.store.redeem(a.store.sessions, cookie.Value, true)
	}
}

const sessionLifetime = 8 * time.Hour

func (a *app) setCookie(w http.ResponseWriter, value string, lifetime time.Duration) {
	http.SetCookie(w, &http.Cookie{
		Name: "session", Value: value, Path: "/", MaxAge: int(lifetime.Seconds()),
		HttpOnly: true, Secure: strings.HasPrefix(a.origin, "https:"), SameSite: http.SameSiteLaxMode,
	})
}

// view is a page: a heading, a sentence, a form. Role says whether the sentence is news or an alert.
type view struct{ Title, Text, Role, Form, Token string }

//go:embed page.html
var pageText string

var page = template.Must(template.New("page").Parse(pageText))

func show(w http.ResponseWriter, status int, v view) {
	if v.Role = "status"; status >= 400 {
		v.Role = "alert"
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	page.Execute(w, v) // fails only when the browser has gone
}
