package main

import (
	"context"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/accounts"
)

// person is an account. The zero person is nobody.
type person struct {
	ID    int    `json:"id"`
	Name  string `json:"name"`
	Email string `json:"email"`

	password password
	link     oidcsso.AccountKey // to single sign-on
}

// store stands for the database. Replicas share it: sessions, and the codes for apps.
type store struct {
	now func() time.Time

	mu       sync.Mutex
	people   []*person
	sessions map[string]entry
	codes    map[string]entry
}

type entry struct {
	person    int // its ID
	challenge string
	expiry    time.Time
}

const (
	sessionLifetime = 8 * time.Hour
	codeLifetime    = time.Minute
)

func newStore() *store {
	return &store{
		now: time.Now, sessions: map[string]entry{}, codes: map[string]entry{},
		people: []*person{{ID: 1, Name: "Nora North", Email: "nora@northwind.test", password: newPassword("sunflower")}},
	}
}

func (s *store) byAddress(email string) person {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.people {
		if p.Email != "" && strings.EqualFold(p.Email, email) {
			return *p
		}
	}
	return person{}
}

func (s *store) newSession(p person) (token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	token = rand.Text()
	s.sessions[token] = entry{person: p.ID, expiry: s.now().Add(sessionLifetime)}
	return token
}

func (s *store) bySession(token string) (person, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.alive(s.sessions[token])
}

func (s *store) endSession(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions, token)
}

func (s *store) newCode(p person, challenge string) (code string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	code = rand.Text()
	s.codes[code] = entry{person: p.ID, challenge: challenge, expiry: s.now().Add(codeLifetime)}
	return code
}

func (s *store) redeemCode(code string) (p person, challenge string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.codes[code]
	delete(s.codes, code)
	p, ok = s.alive(e)
	return p, e.challenge, ok
}

// alive gives the person of an entry that has not expired. s.mu is held.
func (s *store) alive(e entry) (person, bool) {
	for _, p := range s.people {
		if p.ID == e.person && s.now().Before(e.expiry) {
			return *p, true
		}
	}
	return person{}, false
}

// byKey and create are what package accounts asks for; an account that is older than single sign-on is not linked here, see
// examples/existing-login for that.

func (s *store) byKey(_ context.Context, key oidcsso.AccountKey) (person, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.people {
		if p.link == key {
			return *p, nil
		}
	}
	return person{}, oidcsso.ErrNotFound
}

func (s *store) create(_ context.Context, id *oidcsso.Identity) (person, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.people {
		if p.link == id.Key() || id.Email != "" && strings.EqualFold(p.Email, id.Email) {
			return person{}, accounts.ErrConflict
		}
	}
	p := &person{ID: len(s.people) + 1, Name: id.Name, Email: id.Email, link: id.Key()}
	s.people = append(s.people, p)
	return *p, nil
}

const sessionCookie = "session"

// token is the page's cookie, or what an app sends.
func token(r *http.Request) string {
	if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		return bearer
	}
	if cookie, err := r.Cookie(sessionCookie); err == nil {
		return cookie.Value
	}
	return ""
}

func (a *app) user(r *http.Request) (person, bool) { return a.store.bySession(token(r)) }

func (a *app) startSession(w http.ResponseWriter, r *http.Request, p person) {
	a.store.endSession(token(r))
	a.setCookie(w, a.store.newSession(p), sessionLifetime)
}

func (a *app) endSession(w http.ResponseWriter, r *http.Request) {
	a.store.endSession(token(r))
	a.setCookie(w, "", -time.Second)
}

// setCookie: out of reach for scripts, so that one that slips into the page can't carry the session away.
func (a *app) setCookie(w http.ResponseWriter, value string, lifetime time.Duration) {
	http.SetCookie(w, &http.Cookie{
		Name: sessionCookie, Value: value, Path: "/", MaxAge: int(lifetime.Seconds()),
		HttpOnly: true, Secure: a.secure, SameSite: http.SameSiteLaxMode,
	})
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
