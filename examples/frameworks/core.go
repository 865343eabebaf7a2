package main

import (
	"context"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/accounts"
)

// app is what a backend has in any framework: accounts, sessions, and single sign-on.
type app struct {
	sso    *oidcsso.Flow
	secure bool // whether browsers reach it by https

	mu       sync.Mutex
	people   map[string]*person // by address
	sessions map[string]string  // address by the session cookie
}

// person is an account. The zero person is nobody.
type person struct {
	email    string // confirmed when the account was made
	password password
	link     oidcsso.AccountKey // to single sign-on
}

func newApp(opts *oidcsso.Options, connectors ...oidcsso.Config) (*app, error) {
	router := oidcsso.NewRouter(opts)
	if err := router.Replace(connectors); err != nil {
		return nil, err
	}
	// With several replicas all have the same key: oidcsso.ParseSealKey(os.Getenv("SSO_KEY")).
	sso, err := oidcsso.NewFlow(opts, router, &oidcsso.FlowOptions{Keys: []oidcsso.SealKey{oidcsso.RandomSealKey()}})
	if err != nil {
		return nil, err
	}
	return &app{
		sso: sso, secure: strings.HasPrefix(opts.BaseURL, "https:"), sessions: map[string]string{},
		people: map[string]*person{
			"nora@northwind.test": {email: "nora@northwind.test", password: newPassword("sunflower")},
			"alice@acme.test":     {email: "alice@acme.test", password: newPassword("snowdrop")}, // older than single sign-on
		},
	}, nil
}

// find gives the account with this address, or nobody.
func (a *app) find(email string) person {
	a.mu.Lock()
	defer a.mu.Unlock()
	if p := a.people[strings.ToLower(email)]; p != nil {
		return *p
	}
	return person{}
}

// attempt is what Enforce and Decide are asked: what was typed, and all addresses of the account that was found.
func (p person) attempt(typed string) oidcsso.Attempt {
	return oidcsso.Attempt{Typed: typed, Account: []string{p.email}, Method: oidcsso.MethodPassword}
}

const sessionCookie = "session"

// user is who has the session of this cookie.
func (a *app) user(cookie string) (person, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.people[a.sessions[cookie]]
	if p == nil {
		return person{}, false
	}
	return *p, true
}

// startSession begins a session and ends the one that the browser had.
func (a *app) startSession(old string, p person) *http.Cookie {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.sessions, old)
	id := rand.Text()
	a.sessions[id] = p.email
	return a.cookie(id, 8*time.Hour)
}

func (a *app) endSession(old string) *http.Cookie {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.sessions, old)
	return a.cookie("", -time.Second)
}

func (a *app) cookie(value string, lifetime time.Duration) *http.Cookie {
	return &http.Cookie{
		Name: sessionCookie, Value: value, Path: "/", MaxAge: int(lifetime.Seconds()),
		HttpOnly: true, Secure: a.secure, SameSite: http.SameSiteLaxMode,
	}
}

// account gives the account of somebody who has signed in. current is the cookie of the session that the browser has: anybody
// can make a link that starts a sign-in, so it must not replace another person silently.
func (a *app) account(ctx context.Context, signIn *oidcsso.SignIn, current string) (person, error) {
	resolver := accounts.Accounts[person]{ByKey: a.byKey, ByEmail: a.byEmail, Link: a.link, Create: a.create}
	p, err := resolver.Resolve(ctx, signIn.Identity)
	if err != nil {
		return person{}, err
	}
	if other, ok := a.user(current); ok && other.email != p.email {
		return person{}, oidcsso.Refuse("You are signed in as " + other.email + ". Sign out first, then sign in again.")
	}
	return p, nil
}

// failure is what the person sees of an error. The log gets all of it.
func failure(err error) (status int, text string) {
	e := oidcsso.AsError(err)
	slog.Warn("sign-in failed", "error", err, "id", e.ID)
	return e.HTTPStatus(), e.Public + " (" + string(e.Code) + " " + e.ID + ")"
}

// What follows is the storage that package accounts asks for. Over a database, each function is one transaction.

func (a *app) byKey(_ context.Context, key oidcsso.AccountKey) (person, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, p := range a.people {
		if p.link == key {
			return *p, nil
		}
	}
	return person{}, oidcsso.ErrNotFound
}

func (a *app) byEmail(_ context.Context, email string) ([]accounts.Candidate[person], error) {
	p := a.find(email)
	if p.email == "" {
		return nil, nil
	}
	c := accounts.Candidate[person]{User: p, Email: p.email, EmailVerified: true}
	if p.link == (oidcsso.AccountKey{}) {
		c.Unclaimed = true // no domain has ever changed hands here
	} else {
		c.Links = []oidcsso.AccountKey{p.link}
	}
	return []accounts.Candidate[person]{c}, nil
}

// link also closes every other way into the account.
func (a *app) link(_ context.Context, user person, id *oidcsso.Identity, _ []accounts.Credential) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.people[user.email]
	if p == nil || p.link != (oidcsso.AccountKey{}) {
		return accounts.ErrConflict
	}
	for cookie, email := range a.sessions {
		if email == p.email {
			delete(a.sessions, cookie)
		}
	}
	p.link, p.password = id.Key(), password{}
	return nil
}

func (a *app) create(_ context.Context, id *oidcsso.Identity) (person, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	email := strings.ToLower(id.Email)
	if email == "" || a.people[email] != nil {
		return person{}, accounts.ErrConflict
	}
	a.people[email] = &person{email: email, link: id.Key()}
	return *a.people[email], nil
}

// password is the hash of one. The zero password is none.
type password struct{ salt, sum []byte }

var iterations = 600_000 // of PBKDF2; tests take fewer

func newPassword(text string) password {
	p := password{salt: []byte(rand.Text())}
	p.sum = p.derive(text)
	return p
}

// is compares. No text is the zero password, and finding that takes as long.
func (p password) is(text string) bool {
	return subtle.ConstantTimeCompare(p.derive(text), p.sum) == 1 && len(p.sum) > 0
}

func (p password) derive(text string) []byte {
	sum, _ := pbkdf2.Key(sha256.New, text, p.salt, iterations, sha256.Size) // where it fails there is no sum, and no match
	return sum
}
