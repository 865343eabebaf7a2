package oidcsso_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/oidcsso/oidcsso"
)

// Connectors in tables of the backend's own: a row for each customer, and a row for each domain that is proven to be theirs. Two
// maps stand for the tables.
func ExampleLoader() {
	connectors := map[string]oidcsso.Config{
		"acme": {ID: "acme", Issuer: "https://acme.okta.com", ClientID: "a", Domains: oidcsso.AssertDomains("acme.example", "*.acme.example")},
	}
	owners := map[string]string{"acme.example": "acme", "*.acme.example": "acme"}
	var down error

	opts := &oidcsso.Options{BaseURL: "https://app.example.com/sso"}
	loader := &oidcsso.Loader{
		Options: opts,
		// SELECT ... FROM connectors WHERE id = $1
		ByID: func(_ context.Context, id string) (oidcsso.Config, error) {
			cfg, ok := connectors[id]
			switch {
			case down != nil:
				return cfg, down // "unavailable": nobody gets in another way
			case !ok:
				return cfg, oidcsso.ErrNotFound // sql.ErrNoRows
			}
			return cfg, nil
		},
		// One statement for all names, so that it sees one state of the tables; as in ByID, each Config has all its Domains.
		// SELECT ... FROM connectors JOIN domains ON domains.connector = connectors.id WHERE domains.name = ANY($1) AND domains.verified
		ByDomain: func(_ context.Context, names []string) ([]oidcsso.Config, error) {
			var found []oidcsso.Config
			for _, name := range names {
				if id, ok := owners[name]; ok {
					found = append(found, connectors[id]) // once for each name is fine
				}
			}
			return found, down // rows.Err()
		},
	}
	flow, err := oidcsso.NewFlow(opts, loader, &oidcsso.FlowOptions{Keys: []oidcsso.SealKey{oidcsso.RandomSealKey()}})
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
	ask("alice@acme.example") // nobody can know, so nobody gets in
	// Output:
	// alice@acme.example must use acme because of acme.example
	// eve@lab.eu.acme.example must use acme because of *.acme.example
	// carol@home.example may use a password
	// alice@acme.example unavailable
}
