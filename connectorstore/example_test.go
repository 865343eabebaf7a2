package connectorstore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/connectorstore"
)

// A backend whose connectors are rows: what it does at its start.
func Example() {
	ctx := context.Background()
	flow, live, err := newSSO(ctx, "postgres://app@db.internal/app")
	if err != nil {
		log.Fatal(err)
	}
	_ = flow // Enforce, Finish and Decide in the handlers, as with a Router
	http.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) { health(w, live) })
}

func newSSO(ctx context.Context, url string) (*oidcsso.Flow, *connectorstore.Live, error) {
	opts := &oidcsso.Options{BaseURL: "https://app.example.com/sso", Events: oidcsso.LogEvents(nil)}
	db, err := sql.Open("pgx", url) // import _ "github.com/jackc/pgx/v5/stdlib"
	if err != nil {
		return nil, nil, err
	}
	key, err := connectorstore.ParseKey(os.Getenv("SSO_STORE_KEY")) // openssl rand -base64 32; the same on every replica
	if err != nil {
		return nil, nil, err
	}
	ring, err := connectorstore.NewRing(key)
	if err != nil {
		return nil, nil, err
	}
	store, err := connectorstore.New(db, &connectorstore.Options{Dialect: connectorstore.PostgreSQL, Ring: ring, SSO: opts})
	if err != nil {
		return nil, nil, err
	}
	if err := store.Migrate(ctx); err != nil {
		return nil, nil, err
	}
	live := store.NewLive(nil)
	go live.Run(ctx)        // changes arrive within seconds; until the first load, sign-in is unavailable
	go store.RunChecks(ctx) // proofs of domains are looked for again, by one replica or another
	loginKey, err := oidcsso.ParseSealKey(os.Getenv("SSO_KEY"))
	if err != nil {
		return nil, nil, err
	}
	flow, err := oidcsso.NewFlow(opts, live, &oidcsso.FlowOptions{Keys: []oidcsso.SealKey{loginKey}})
	return flow, live, err
}

func health(w http.ResponseWriter, live *connectorstore.Live) {
	status := live.Status()
	if status.LastSync.IsZero() { // nothing is known yet: no sign-in would work
		http.Error(w, "loading", http.StatusServiceUnavailable)
		return
	}
	for _, q := range status.Quarantined { // alarm, but go on: all others work
		log.Printf("connector %s is out of order: %v", q.ID, q.Err)
	}
}

// The three steps of a tenant's administrator.
func ExampleStore() {
	err := threeSteps(context.Background(), new(connectorstore.Store))
	if err != nil {
		log.Fatal(err)
	}
}

func threeSteps(ctx context.Context, store *connectorstore.Store) error {
	// 1. A draft, so that there is a Callback URI to register.
	c, err := store.Create(ctx, "tenant-42", oidcsso.Config{Name: "Acme"})
	if err != nil {
		return err
	}
	callbacks, err := store.CallbackURLs(c)
	if err != nil {
		return err
	}
	fmt.Println("register these at the identity provider:", callbacks)

	// 2. What the registration gave.
	c.Config.Issuer, c.Config.ClientID = "https://acme.okta.com", "0oa1b2c3"
	c.Config.ClientSecret = oidcsso.NewSecret("from the form") // sealed; no call gives it back unless asked for by name
	c, err = store.Update(ctx, c)
	if errors.Is(err, connectorstore.CodeConflict) {
		return errors.New("somebody else changed it meanwhile: show it again")
	}
	if err != nil { // an *oidcsso.ConfigError has a message and a remedy for each field
		return err
	}

	// 3. The domains, each proven by a DNS record, and on.
	claim, err := store.Claim(ctx, c.ID, "acme.example")
	if err != nil {
		return err
	}
	fmt.Println("publish this:", claim.RecordName, claim.RecordType, claim.RecordValue)
	claim, err = store.Verify(ctx, claim.ID) // CodeProofMissing until it is published
	if err != nil {
		return err
	}
	claim, err = store.SetDomainState(ctx, claim.ID, claim.State, oidcsso.DomainEnforced)
	if err != nil {
		return err
	}
	_, err = store.SetState(ctx, c.ID, claim.Revision, connectorstore.StateActive) // that of the connector by now
	return err
}
