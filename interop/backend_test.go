package interop

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/accounts"

	"github.com/oidcsso/oidcsso/interop/internal/browser"
)

const (
	connectorID   = "main"
	basePath      = "/sso"
	callbackPath  = basePath + "/callback/" + connectorID
	localPassword = "the one from before single sign-on"
	sessionCookie = "backend_session"
)

// backend is a small product: people who had passwords before, and single sign-on in front of that.
type backend struct {
	router  *oidcsso.Router
	flow    *oidcsso.Flow
	handler http.Handler // its routes
	clock   *clock
	wire    *wire
	returns string // BeginParams.ReturnTo of its login form

	mu       sync.Mutex
	accounts []*account
	sessions map[string]*session
	failures []*oidcsso.Error
	compared int // passwords
}

type account struct {
	email       string // verified long ago
	hasPassword bool
	links       []oidcsso.AccountKey
	claimID     string
}

// session is who is signed in.
type session struct {
	account  *account
	identity *oidcsso.Identity
}

// setUp is what one case changes.
type setUp struct {
	config  oidcsso.Config
	options oidcsso.Options
	flow    oidcsso.FlowOptions
	wire    *wire
	emails  []string // of the accounts
}

func newBackend(s *setUp) (*backend, error) {
	b := &backend{clock: &clock{}, wire: s.wire, sessions: map[string]*session{}}
	s.options.Now = b.clock.now
	s.options.Egress.WrapTransport = s.wire.wrap
	s.options.Logger = slog.New(slog.DiscardHandler)
	router := oidcsso.NewRouter(&s.options)
	if err := router.Put(s.config); err != nil {
		return nil, err
	}
	b.router = router
	s.flow.Keys = []oidcsso.SealKey{oidcsso.RandomSealKey()}
	var err error
	if b.flow, err = oidcsso.NewFlow(&s.options, router, &s.flow); err != nil {
		return nil, err
	}
	for _, email := range s.emails {
		b.accounts = append(b.accounts, &account{email: email, hasPassword: true})
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", b.login)
	mux.HandleFunc("GET "+basePath+"/callback/{id}", b.callback)
	mux.HandleFunc("GET /{$}", b.home)
	b.handler = mux
	return b, nil
}

// useHandler takes the library's own routes and pages instead.
func (b *backend) useHandler() error {
	handler, err := oidcsso.NewHandler(b.flow, &oidcsso.HandlerOptions{
		OnSignIn: b.signedIn,
		OnError:  func(w http.ResponseWriter, _ *http.Request, e *oidcsso.Error) { b.fail(w, e) },
	})
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle(basePath+"/", handler)
	mux.HandleFunc("GET /{$}", b.home)
	b.handler = mux
	return nil
}

func (b *backend) login(w http.ResponseWriter, r *http.Request) {
	email := r.PostFormValue("email")
	found := b.byAddress(email)
	attempt := oidcsso.Attempt{Typed: email, Method: oidcsso.MethodPassword}
	if found != nil {
		attempt.Account = []string{found.email}
	}
	handled, err := b.flow.Enforce(w, r, attempt, oidcsso.BeginParams{ReturnTo: b.returns})
	switch {
	case err != nil:
		b.fail(w, err)
		return
	case handled:
		return
	}
	b.mu.Lock()
	b.compared++
	right := found != nil && found.hasPassword && r.PostFormValue("password") == localPassword
	b.mu.Unlock()
	if !right {
		http.Error(w, "wrong password", http.StatusUnauthorized)
		return
	}
	b.start(w, &session{account: found})
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (b *backend) callback(w http.ResponseWriter, r *http.Request) {
	signIn, err := b.flow.Finish(w, r)
	if err == nil {
		err = b.signedIn(w, r, signIn)
	}
	if err != nil {
		b.fail(w, err)
	}
}

func (b *backend) signedIn(w http.ResponseWriter, r *http.Request, s *oidcsso.SignIn) error {
	resolver := accounts.Accounts[*account]{ByKey: b.byKey, ByEmail: b.byEmail, Link: b.link}
	found, err := resolver.Resolve(r.Context(), s.Identity)
	if err != nil {
		return err
	}
	b.start(w, &session{found, s.Identity})
	http.Redirect(w, r, s.ReturnTo, http.StatusSeeOther)
	return nil
}

func (b *backend) home(w http.ResponseWriter, r *http.Request) {
	cookie, err := r.Cookie(sessionCookie)
	if err != nil || b.session(cookie.Value) == nil {
		http.Error(w, "nobody is signed in", http.StatusUnauthorized)
		return
	}
	fmt.Fprintln(w, "signed in:", b.session(cookie.Value).account.email)
}

func (b *backend) fail(w http.ResponseWriter, err error) {
	e := oidcsso.AsError(err)
	b.mu.Lock()
	b.failures = append(b.failures, e)
	b.mu.Unlock()
	http.Error(w, e.Public+" ("+string(e.Code)+")", e.HTTPStatus())
}

func (b *backend) start(w http.ResponseWriter, s *session) {
	id := rand.Text()
	b.mu.Lock()
	b.sessions[id] = s
	b.mu.Unlock()
	http.SetCookie(w, &http.Cookie{Name: sessionCookie, Value: id, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

func (b *backend) session(id string) *session {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.sessions[id]
}

// lastFailure is the newest error, or nil; it is forgotten then.
func (b *backend) lastFailure() *oidcsso.Error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.failures) == 0 {
		return nil
	}
	e := b.failures[len(b.failures)-1]
	b.failures = nil
	return e
}

func (b *backend) passwordsCompared() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.compared
}

// forgetLinks is what an administrator does when an identity provider has given its people new subjects.
func (b *backend) forgetLinks() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, a := range b.accounts {
		a.links = nil
	}
}

// The four functions that package accounts asks for; see there. Accounts are never made at sign-in here.

func (b *backend) byAddress(email string) *account {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, a := range b.accounts {
		if a.email == email {
			return a
		}
	}
	return nil
}

func (b *backend) byKey(_ context.Context, key oidcsso.AccountKey) (*account, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, a := range b.accounts {
		if slices.Contains(a.links, key) {
			return a, nil
		}
	}
	return nil, oidcsso.ErrNotFound
}

func (b *backend) byEmail(_ context.Context, email string) ([]accounts.Candidate[*account], error) {
	a := b.byAddress(email)
	if a == nil {
		return nil, oidcsso.ErrNotFound
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return []accounts.Candidate[*account]{{User: a, Email: a.email, EmailVerified: true, Links: slices.Clone(a.links),
		ClaimID: a.claimID, Unclaimed: a.claimID == ""}}, nil
}

func (b *backend) link(_ context.Context, a *account, id *oidcsso.Identity, lose []accounts.Credential) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(a.links) > 0 {
		return accounts.ErrConflict
	}
	if !slices.Contains(lose, accounts.Passwords) {
		return errors.New("the account would keep its password")
	}
	a.hasPassword, a.links, a.claimID = false, []oidcsso.AccountKey{id.Key()}, id.Domain.ClaimID
	return nil
}

// clock is the machine's, put forward by hand.
type clock struct {
	mu      sync.Mutex
	forward time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.forward)
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forward += d
}

// sessionOf is who is signed in in a browser, or nil.
func (w *world) sessionOf(b *browser.Browser, be *backend) *session {
	for _, cookie := range b.Cookies(w.origin("/")) {
		if cookie.Name == sessionCookie {
			return be.session(cookie.Value)
		}
	}
	return nil
}
