package oidcsso_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strings"
	"sync"

	"github.com/oidcsso/oidcsso"
)

// row is one customer in the backend's own table.
type row struct {
	config   oidcsso.Config
	revision int // counts the changes
}

// tableSource is a Source over tables of the backend's own. It reads a row each time, so that its answers are never older
// than the table, and keeps the Connector that it made of a revision: what that one has discovered would be lost otherwise.
type tableSource struct {
	opts    *oidcsso.Options
	byID    func(ctx context.Context, id string) (row, bool, error)        // SELECT ... WHERE id = $1
	ownerOf func(ctx context.Context, domain string) (string, bool, error) // SELECT connector FROM domains WHERE verified AND name = $1

	mu   sync.Mutex
	made map[string]made
}

type made struct {
	revision  int
	connector *oidcsso.Connector
}

// Connector must tell "there is none" from "I could not look".
func (s *tableSource) Connector(ctx context.Context, id string) (*oidcsso.Connector, error) {
	row, ok, err := s.byID(ctx, id)
	switch {
	case err != nil:
		return nil, err // "unavailable": nobody gets in another way
	case !ok:
		return nil, oidcsso.ErrNotFound
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if m, ok := s.made[id]; ok && m.revision == row.revision {
		return m.connector, nil
	}
	connector, err := oidcsso.NewConnector(row.config, s.opts)
	if err != nil {
		return nil, err
	}
	if s.made == nil {
		s.made = map[string]made{}
	}
	s.made[id] = made{row.revision, connector}
	return connector, nil
}

// Route looks for the domain itself, and then for the wildcards above it, the longest first.
func (s *tableSource) Route(ctx context.Context, domain string) (*oidcsso.Route, error) {
	for name := domain; name != ""; {
		id, ok, err := s.ownerOf(ctx, name)
		if err != nil {
			return nil, err
		}
		if ok {
			connector, err := s.Connector(ctx, id)
			if errors.Is(err, oidcsso.ErrNotFound) { // a domain without its connector is out of order, not nobody's
				return nil, fmt.Errorf("domain %s belongs to no connector", name)
			}
			if err != nil {
				return nil, err
			}
			for _, d := range connector.Config().Domains {
				if d.String() == name && d.State == oidcsso.DomainAsserted {
					return &oidcsso.Route{Connector: connector, Domain: d}, nil
				}
			}
			return nil, fmt.Errorf("connector %s does not have the domain %s", id, name)
		}
		_, parent, _ := strings.Cut(strings.TrimPrefix(name, "*."), ".")
		if name = ""; parent != "" {
			name = "*." + parent
		}
	}
	return nil, oidcsso.ErrNotFound // nobody's: its people sign in without single sign-on
}

// Connectors in tables of the backend's own. Two maps stand for the tables.
func ExampleSource() {
	rows := map[string]row{
		"acme": {oidcsso.Config{ID: "acme", Issuer: "https://acme.okta.com", ClientID: "a", Domains: oidcsso.AssertDomains("acme.example", "*.acme.example")}, 1},
	}
	owners := map[string]string{"acme.example": "acme", "*.acme.example": "acme"}
	var down error
	source := &tableSource{
		opts: &oidcsso.Options{BaseURL: "https://app.example.com/sso"},
		byID: func(_ context.Context, id string) (row, bool, error) { r, ok := rows[id]; return r, ok, down },
		ownerOf: func(_ context.Context, domain string) (string, bool, error) {
			id, ok := owners[domain]
			return id, ok, down
		},
	}
	flow, err := oidcsso.NewFlow(source.opts, source, &oidcsso.FlowOptions{Keys: []oidcsso.SealKey{oidcsso.RandomSealKey()}})
	if err != nil {
		log.Fatal(err)
	}
	ask := func(address string) {
		decision, err := flow.Decide(context.Background(), oidcsso.Attempt{Typed: address})
		switch {
		case err != nil:
			fmt.Println(address, string(oidcsso.AsError(err).Code))
		case decision.Allowed():
			fmt.Println(address, "may use a password")
		default:
			fmt.Println(address, "must use", decision.Connector.ID(), "because of", decision.Domain)
		}
	}
	ask("alice@acme.example")
	ask("eve@lab.eu.acme.example")
	ask("carol@home.example")
	down = errors.New("the database is down")
	ask("carol@home.example") // nobody can know, so nobody gets in
	// Output:
	// alice@acme.example must use acme because of acme.example
	// eve@lab.eu.acme.example must use acme because of *.acme.example
	// carol@home.example may use a password
	// carol@home.example unavailable
}
