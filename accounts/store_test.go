package accounts_test

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/accounts"
)

// account is a row of the backend in these tests.
type account struct {
	id          int
	addresses   map[string]bool // and whether each is verified
	claimID     string
	credentials []accounts.Credential
}

// store is such a backend: every operation is a transaction, and the index over links is unique.
type store struct {
	mu       sync.Mutex
	accounts []*account
	links    map[oidcsso.AccountKey]*account
	ended    []string // claims that ended, in every domain here
	created  int
	linked   int
}

func newStore() *store { return &store{links: map[oidcsso.AccountKey]*account{}} }

// everything is what somebody who registers an account may leave in it.
var everything = []accounts.Credential{"passwords", "sessions", "tokens", "passkeys", "second_factors", "recovery_addresses", "pending_changes"}

// register makes an account the old way, without single sign-on.
func (s *store) register(address string, verified bool, others ...string) *account {
	a := &account{id: len(s.accounts) + 1, addresses: map[string]bool{address: verified}, credentials: slices.Clone(everything)}
	for _, other := range others {
		a.addresses[other] = true
	}
	s.accounts = append(s.accounts, a)
	return a
}

// resolver is the rule over this store, with accounts made at sign-in.
func (s *store) resolver() *accounts.Accounts[*account] {
	return &accounts.Accounts[*account]{ByKey: s.byKey, ByEmail: s.byEmail, Link: s.link, Create: s.create}
}

func (s *store) byKey(_ context.Context, key oidcsso.AccountKey) (*account, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a, ok := s.links[key]; ok {
		return a, nil
	}
	return nil, oidcsso.ErrNotFound
}

func (s *store) byEmail(_ context.Context, email string) ([]accounts.Candidate[*account], error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []accounts.Candidate[*account]
	for _, a := range s.accounts {
		for address, verified := range a.addresses {
			if strings.EqualFold(address, email) {
				found = append(found, accounts.Candidate[*account]{
					User: a, Email: address, EmailVerified: verified, Links: s.linksOf(a),
					ClaimID: a.claimID, Unclaimed: a.claimID == "" && len(s.linksOf(a)) == 0 && len(s.ended) == 0,
				})
			}
		}
	}
	return found, nil
}

func (s *store) linksOf(a *account) (keys []oidcsso.AccountKey) {
	for key, owner := range s.links {
		if owner == a {
			keys = append(keys, key)
		}
	}
	return keys
}

func (s *store) link(_ context.Context, a *account, id *oidcsso.Identity, lose []accounts.Credential) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.links[id.Key()] != nil || len(s.linksOf(a)) > 0 {
		return accounts.ErrConflict
	}
	a.credentials = slices.DeleteFunc(a.credentials, func(c accounts.Credential) bool { return slices.Contains(lose, c) })
	if slices.Contains(lose, accounts.RecoveryAddresses) {
		a.addresses = map[string]bool{id.Email: true}
	}
	s.links[id.Key()], a.claimID = a, id.Domain.ClaimID
	s.linked++
	return nil
}

func (s *store) create(_ context.Context, id *oidcsso.Identity) (*account, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.links[id.Key()] != nil {
		return nil, accounts.ErrConflict
	}
	a := &account{id: len(s.accounts) + 1, addresses: map[string]bool{}, claimID: id.Domain.ClaimID}
	if id.Email != "" {
		a.addresses[id.Email] = id.Domain.State != oidcsso.DomainClaimed
	}
	s.accounts, s.links[id.Key()] = append(s.accounts, a), a
	s.created++
	return a, nil
}

// endClaim removes a tenant's connector, by a cascade that backends are fond of: the links go, the accounts stay.
func (s *store) endClaim(connector, claimID string) {
	for key := range s.links {
		if key.Connector == connector {
			delete(s.links, key)
		}
	}
	s.ended = append(s.ended, claimID)
}

const acme = "https://acme.idp.example"

// person is an identity of the connector "acme", whose domain acme.example is asserted under the claim "claim-1".
func person(subject, email string) *oidcsso.Identity {
	return &oidcsso.Identity{
		Connector: "acme", Issuer: acme, Subject: subject, Email: email, EmailStatus: oidcsso.EmailTrusted,
		Domain: oidcsso.Domain{Name: "acme.example", State: oidcsso.DomainAsserted, ClaimID: "claim-1"},
	}
}

// stranger is an identity whose identity provider has no say over the address that it sends: Finish leaves Email empty.
func stranger(connector, issuer, subject string, status oidcsso.EmailStatus) *oidcsso.Identity {
	return &oidcsso.Identity{Connector: connector, Issuer: issuer, Subject: subject, EmailStatus: status}
}

// inDomain is the person of acme.example while the domain is in that state, as Finish gives it: without Email if it is frozen.
func inDomain(subject string, state oidcsso.DomainState) *oidcsso.Identity {
	id := person(subject, subject+"@acme.example")
	id.Domain.State = state
	if state == oidcsso.DomainFrozen || state == oidcsso.DomainLapsed {
		id.Email, id.EmailStatus = "", oidcsso.EmailFrozen
	}
	return id
}

// with changes an identity.
func with(id *oidcsso.Identity, change func(*oidcsso.Identity)) *oidcsso.Identity {
	change(id)
	return id
}
