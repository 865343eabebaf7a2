package main

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"slices"
	"strings"
	"sync"
	"time"
)

// account is a row of the table of accounts. The zero account is nobody.
type account struct {
	name      string   // unique
	addresses []string // unique; each was confirmed by its owner before it was stored
	password  password
}

func (a *account) has(address string) bool {
	return slices.ContainsFunc(a.addresses, func(own string) bool { return strings.EqualFold(own, address) })
}

// ticket is what a random key stands for: a session, or a mailed link.
type ticket struct {
	name   string
	expiry time.Time
}

// store stands for the database. What it gives out are copies.
type store struct {
	mu       sync.Mutex
	accounts map[string]*account // by name
	sessions map[string]ticket   // by cookie
	resets   map[string]ticket   // by token
}

func newStore(accounts ...account) *store {
	s := &store{accounts: map[string]*account{}, sessions: map[string]ticket{}, resets: map[string]ticket{}}
	for _, a := range accounts {
		s.accounts[a.name] = &a
	}
	return s
}

// find gives the account with this user name or address.
func (s *store) find(login string) account {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.accounts {
		if a.name == login || a.has(login) {
			return *a
		}
	}
	return account{}
}

// issue makes a ticket in sessions or resets.
func (s *store) issue(table map[string]ticket, name string, lifetime time.Duration) (key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key = rand.Text()
	table[key] = ticket{name, time.Now().Add(lifetime)}
	return key
}

// redeem gives the account of a ticket, and with remove it is the last time.
func (s *store) redeem(table map[string]ticket, key string, remove bool) account {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := table[key]
	if remove {
		delete(table, key)
	}
	if a := s.accounts[t.name]; a != nil && time.Now().Before(t.expiry) {
		return *a
	}
	return account{}
}

func (s *store) setPassword(name string, p password) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accounts[name].password = p
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
