package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"strings"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/accounts"
)

// connectorID is in the Callback URI and in every link. It never changes.
const connectorID = "main"

// newSSO reads the one connector from the environment. It needs no network.
func newSSO(opts *oidcsso.Options, getenv func(string) string) (*oidcsso.Flow, error) {
	key, err := oidcsso.ParseSealKey(getenv("SSO_KEY")) // openssl rand -base64 32; the same on every replica
	if err != nil {
		return nil, fmt.Errorf("SSO_KEY: %w", err)
	}
	domains := strings.FieldsFunc(getenv("OIDC_DOMAINS"), func(r rune) bool { return r == ' ' || r == ',' })
	if len(domains) == 0 {
		return nil, errors.New("OIDC_DOMAINS is empty, so nobody would be sent to the identity provider")
	}
	router := oidcsso.NewRouter(opts)
	err = router.Put(oidcsso.Config{
		ID:           connectorID,
		Issuer:       getenv("OIDC_ISSUER"),
		ClientID:     getenv("OIDC_CLIENT_ID"),
		ClientSecret: oidcsso.NewSecret(getenv("OIDC_CLIENT_SECRET")),
		Domains:      oidcsso.AssertDomains(domains...),
		RequireEmail: true, // this backend knows people by an address
	})
	if err != nil {
		return nil, err
	}
	return oidcsso.NewFlow(opts, router, &oidcsso.FlowOptions{Keys: []oidcsso.SealKey{key}})
}

// callback is where the identity provider sends people back to.
func (a *app) callback(w http.ResponseWriter, r *http.Request) {
	signIn, err := a.sso.Finish(w, r)
	if err != nil {
		a.fail(w, err)
		return
	}
	s := a.store
	resolver := accounts.Accounts[account]{ByKey: s.byKey, ByEmail: s.byEmail, Link: s.link, Create: s.create}
	user, err := resolver.Resolve(r.Context(), signIn.Identity)
	if err != nil {
		a.fail(w, err)
		return
	}
	// Anybody can make a link that starts a sign-in, so it must not replace another person silently.
	if current := a.user(r); current.name != "" && current.name != user.name {
		a.fail(w, oidcsso.Refuse("You are signed in as "+current.name+". Sign out first, then sign in again."))
		return
	}
	a.startSession(w, r, user)
}

// fail tells the person what is for the person, and the log everything.
func (a *app) fail(w http.ResponseWriter, err error) {
	e := oidcsso.AsError(err) // of any error
	slog.Warn("sign-in failed", "error", e)
	show(w, e.HTTPStatus(), view{Title: "This sign-in did not work", Text: e.Public + " (" + string(e.Code) + " " + e.ID + ")"})
}

// What follows is the storage that package accounts asks for. Over a database, each function is one transaction.

func (s *store) byKey(_ context.Context, key oidcsso.AccountKey) (account, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.linked(key); a != nil {
		return *a, nil
	}
	return account{}, oidcsso.ErrNotFound
}

// linked gives the account with this link. s.mu is held.
func (s *store) linked(key oidcsso.AccountKey) *account {
	for _, a := range s.accounts {
		if a.link == key {
			return a
		}
	}
	return nil
}

// byEmail gives accounts that are older than single sign-on. They are linked to it once.
func (s *store) byEmail(_ context.Context, email string) (found []accounts.Candidate[account], err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.accounts {
		for _, address := range a.addresses {
			if !strings.EqualFold(address, email) {
				continue
			}
			c := accounts.Candidate[account]{User: *a, Email: address, EmailVerified: true, ClaimID: a.claim}
			if a.link == (oidcsso.AccountKey{}) {
				c.Unclaimed = true // the domains are the operator's word, and none has ever changed hands
			} else {
				c.Links = []oidcsso.AccountKey{a.link}
			}
			found = append(found, c)
		}
	}
	return found, nil
}

// link also closes every other way into the account: whoever made it may have known nothing but the address.
func (s *store) link(_ context.Context, user account, id *oidcsso.Identity, lose []accounts.Credential) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.accounts[user.name]
	if a == nil || a.link != (oidcsso.AccountKey{}) || !a.has(id.Email) || s.linked(id.Key()) != nil {
		return accounts.ErrConflict
	}
	for _, credential := range lose {
		switch credential {
		case accounts.Passwords:
			a.password = password{}
		case accounts.Sessions:
			s.revoke(s.sessions, a.name)
		case accounts.PendingChanges:
			s.revoke(s.resets, a.name)
		case accounts.RecoveryAddresses:
			a.addresses = []string{id.Email}
		}
	}
	a.link, a.claim = id.Key(), id.Domain.ClaimID
	return nil
}

// revoke drops every ticket of an account. s.mu is held.
func (s *store) revoke(table map[string]ticket, name string) {
	maps.DeleteFunc(table, func(_ string, t ticket) bool { return t.name == name })
}

// create makes an account for somebody who has none. Without it, only people with an account get in.
func (s *store) create(_ context.Context, id *oidcsso.Identity) (account, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.accounts {
		if a.name == id.Email || a.has(id.Email) || a.link == id.Key() {
			return account{}, accounts.ErrConflict
		}
	}
	a := &account{name: id.Email, addresses: []string{id.Email}, link: id.Key(), claim: id.Domain.ClaimID}
	s.accounts[a.name] = a
	return *a, nil
}
