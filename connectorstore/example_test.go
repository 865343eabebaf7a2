package connectorstore_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"time"

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
	tenant := store.Tenant("tenant-42") // of the session

	// 1. A draft, so that there is a Callback URI to register.
	c, err := tenant.Create(ctx, oidcsso.Config{Name: "Acme"})
	if err != nil {
		return err
	}
	callbacks, err := tenant.CallbackURLs(ctx, c.ID)
	if err != nil {
		return err
	}
	fmt.Println("register these at the identity provider:", callbacks)

	// 2. What the registration gave, and on. Nobody is sent anywhere by it, since there is no domain yet.
	c.Config.Issuer, c.Config.ClientID = "https://acme.okta.com", "0oa1b2c3"
	c.Config.ClientSecret = oidcsso.NewSecret("from the form") // sealed; no call gives it back unless asked for by name
	c, err = tenant.Update(ctx, c)
	if errors.Is(err, connectorstore.CodeConflict) {
		return errors.New("somebody else changed it meanwhile: show it again")
	}
	if err != nil { // an *oidcsso.ConfigError has a message and a remedy for each field
		return err
	}
	c, err = tenant.SetState(ctx, c.ID, c.Revision, connectorstore.StateActive) // until then it is a draft, and enforces nothing
	if err != nil {
		return err
	}

	// 3. A domain, proven by a DNS record, and enforced.
	claim, err := tenant.Claim(ctx, c.ID, "acme.example")
	if err != nil {
		return err
	}
	fmt.Println("publish this:", claim.RecordName, claim.RecordType, claim.RecordValue)
	claim, err = tenant.Verify(ctx, claim.ID) // CodeProofMissing until it is published
	if err != nil {
		return err
	}
	claim, err = tenant.SetDomainState(ctx, claim.ID, claim.State, oidcsso.DomainEnforced) // from the state that was read
	return err
}

// What an administrator wants to see before anything is stored, and before anybody signs in.
func ExampleLive_Connector() {
	ctx, opts := context.Background(), &oidcsso.Options{BaseURL: "https://app.example.com/sso"}
	_, findings, err := preview(ctx, opts, "https://acme.okta.com")
	if err != nil {
		log.Fatal(err)
	}
	store, live := new(connectorstore.Store), new(connectorstore.Live)
	c, err := store.Tenant("of the session").Connector(ctx, "from the path")
	if err != nil {
		log.Fatal(err)
	}
	found, err := testConnection(ctx, live, c)
	if err != nil {
		log.Fatal(err)
	}
	for _, f := range append(findings, found...) {
		fmt.Println(f.Level, f.Message, f.Remedy)
	}
}

// preview says what an issuer is. One that is mistyped is a finding, whose remedy says what to type.
func preview(ctx context.Context, opts *oidcsso.Options, issuer string) (*oidcsso.Metadata, []oidcsso.Finding, error) {
	connector, err := oidcsso.NewConnector(oidcsso.Config{ID: "preview", Issuer: issuer, ClientID: "preview"}, opts)
	if err != nil {
		return nil, nil, err // it is no URL
	}
	metadata, findings := connector.CheckIssuer(ctx)
	return metadata, findings, nil
}

// testConnection is the button of this name. Bound how often it may be pressed: the identity provider logs each as a failure.
func testConnection(ctx context.Context, live *connectorstore.Live, c connectorstore.Connector) ([]oidcsso.Finding, error) {
	if c.Incomplete {
		return nil, errors.New("enter issuer and client ID first")
	}
	if err := live.Sync(ctx); err != nil { // it may have been saved a moment ago, at another replica
		return nil, err
	}
	connector, err := live.Connector(ctx, c.ID)
	if err != nil {
		return nil, err
	}
	_, findings := connector.Check(ctx)
	return findings, nil
}

// A whole sign-in of the administrator, before any domain is enforced. It signs nobody in here.
func Example_trial() {
	flow := new(oidcsso.Flow)
	http.HandleFunc("POST /admin/connectors/{id}/trial", func(w http.ResponseWriter, r *http.Request) { trial(w, r, flow, "of the tenant, active") })
	http.HandleFunc("GET /sso/callback/{id}", func(w http.ResponseWriter, r *http.Request) { callback(w, r, flow) })
}

func trial(w http.ResponseWriter, r *http.Request, flow *oidcsso.Flow, connectorID string) {
	if err := flow.Redirect(w, r, connectorID, oidcsso.BeginParams{Data: []byte("trial")}); err != nil {
		fail(w, err)
	}
}

func callback(w http.ResponseWriter, r *http.Request, flow *oidcsso.Flow) {
	signIn, err := flow.Finish(w, r)
	if err != nil {
		fail(w, err)
		return
	}
	if string(signIn.Data) == "trial" { // it was sealed: nobody else can have written it
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(signIn.Identity); err != nil {
			log.Print(err)
		}
		return
	}
	// Otherwise find the account, and start its session.
}

func fail(w http.ResponseWriter, err error) {
	e := oidcsso.AsError(err)
	log.Print(err)
	http.Error(w, e.Public+" "+e.ID, e.HTTPStatus())
}

// An administrator's request: whose it is, the session says, and the ID comes with the request.
func ExampleStore_Tenant() {
	store := new(connectorstore.Store)
	http.HandleFunc("GET /admin/connectors/{id}", func(w http.ResponseWriter, r *http.Request) { showConnector(w, r, store, "the session's") })
}

func showConnector(w http.ResponseWriter, r *http.Request, store *connectorstore.Store, sessionTenant string) {
	tenant := store.Tenant(sessionTenant)
	c, err := tenant.Connector(r.Context(), r.PathValue("id"))
	var refused *connectorstore.Error
	if errors.As(err, &refused) { // CodeNotFound, in the same words, for another tenant's and for none
		http.Error(w, refused.Message+" "+refused.Remedy, refused.HTTPStatus())
		return
	}
	if err != nil {
		fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(c); err != nil {
		log.Print(err)
	}
}

// A tenant changes its own domain. The events of it name who did.
func ExampleWithActor() {
	ctx, tenant := connectorstore.WithActor(context.Background(), "nina@acme.example"), new(connectorstore.Store).Tenant("tenant-42")
	claim, err := tenant.ClaimByID(ctx, "from the path")
	if err != nil {
		log.Fatal(err)
	}
	if _, err := tenant.SetDomainState(ctx, claim.ID, claim.State, oidcsso.DomainReportOnly); err != nil {
		log.Fatal(err)
	}
}

// A client secret that is about to expire gives way to another one, while people sign in.
func ExampleStore_PromoteNextSecret() {
	ctx, tenant, live := context.Background(), new(connectorstore.Store).Tenant("tenant-42"), new(connectorstore.Live)
	c, err := enterNextSecret(ctx, tenant, "the connector's ID", 42, "from the form")
	if err != nil {
		log.Fatal(err)
	}
	findings, err := testConnection(ctx, live, c) // asks about both secrets
	if err != nil {
		log.Fatal(err)
	}
	for _, f := range findings {
		if f.Code == "next_client_secret_accepted" {
			_, err = tenant.PromoteNextSecret(ctx, c.ID, c.Revision) // the old one is gone here: end it at the identity provider
		}
	}
	if err != nil {
		log.Fatal(err)
	}
}

// enterNextSecret changes nothing yet: the next one is used when the identity provider refuses the current one.
func enterNextSecret(ctx context.Context, tenant *connectorstore.Tenant, id string, revision int64, secret string) (connectorstore.Connector, error) {
	c, err := tenant.Connector(ctx, id)
	if err != nil {
		return connectorstore.Connector{}, err
	}
	c.Revision = revision                                 // the one that the administrator saw
	c.Config.NextClientSecret = oidcsso.NewSecret(secret) // the current one is never in c, and stays as it is
	return tenant.Update(ctx, c)
}

// An exception from single sign-on, for the day on which the identity provider is down.
func ExampleStore_AddGrant() {
	ctx, store := context.Background(), new(connectorstore.Store)
	grant, err := store.AddGrant(ctx, connectorstore.GrantParams{
		Connector: "the connector's ID",
		Address:   "otto@acme.example",     // in a domain of the connector
		By:        "nina@operator.example", // as the backend has authenticated her; somebody else than Otto
		Reason:    "their identity provider is down",
		Until:     time.Now().Add(4 * time.Hour),
	})
	if err != nil {
		log.Fatal(err)
	}
	// It is over before its time. The sessions that began with it end when they ask the next time.
	if err := store.RevokeGrant(ctx, grant.ID); err != nil {
		log.Fatal(err)
	}
}

// A domain moves to another connector. At no moment is it nobody's, or less enforced than it was.
func ExampleStore_Transfer() {
	ctx, store := context.Background(), new(connectorstore.Store)
	claim, err := store.Claim(ctx, "the new connector's ID", "acme.example")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("publish this beside the old one:", claim.RecordName, claim.RecordType, claim.RecordValue)
	claim, err = store.Transfer(ctx, "the old claim's ID", claim.ID) // CodeProofMissing until it is published
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(claim.Domain(), "is", claim.State, "for", claim.Connector)
}
