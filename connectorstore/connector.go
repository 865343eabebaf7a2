package connectorstore

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/oidcsso/oidcsso"
)

// State says what a [Connector] does.
type State string

const (
	// StateDraft: nobody can sign in through it yet, and its domains, also verified ones, lead nobody anywhere. It may lack
	// issuer and client ID: the Callback URI, by which an administrator gets them, follows from the ID alone.
	StateDraft State = "draft"
	// StateActive: people sign in through it.
	StateActive State = "active"
	// StateDisabled: nobody can sign in through it. Its domains stay as they are: those that are enforced let nobody in
	// another way, until they are released.
	StateDisabled State = "disabled"

	stateDeleted = "deleted" // a row that only says that its ID was used
)

// Connector is what is stored of one connector. It has no secrets; see [Store.RevealSecrets].
type Connector struct {
	// ID was drawn by the store, and is never given to another connector.
	ID string `json:"id"`
	// Tenant is whose it is, in the backend's own words, up to 200 bytes. It may be empty.
	Tenant string `json:"tenant"`
	// State says whether people sign in through it.
	State State `json:"state"`
	// Revision counts the changes of the whole store: two states of a connector never have the same one.
	Revision int64 `json:"revision"`
	// Config is what the administrator entered, with the ID, and with the domains that are the connector's as they are
	// stored. ClientSecret and NextClientSecret are empty, and Disabled is false: State says more.
	Config oidcsso.Config `json:"config"`
	// Incomplete says that a draft still lacks its issuer or its client ID, without which it can't be activated.
	Incomplete bool `json:"incomplete,omitempty"`
	// HasSecret and HasNextSecret say whether the secrets are stored.
	HasSecret     bool `json:"has_secret"`
	HasNextSecret bool `json:"has_next_secret"`
	// SignedIn is when somebody first signed in with the issuer; zero if nobody did.
	SignedIn time.Time `json:"signed_in,omitzero"`
	// FormerIssuers are those that [Store.Rekey] replaced, the oldest first.
	FormerIssuers []string `json:"former_issuers,omitempty"`
	// Created is when it was made, Updated when it last changed.
	Created time.Time `json:"created"`
	Updated time.Time `json:"updated"`
}

func (r *row) connector() (Connector, error) {
	cfg, err := r.configuration()
	if err != nil {
		return Connector{}, err
	}
	c := Connector{
		ID: r.id, Tenant: r.tenant, State: State(r.state), Revision: r.revision, Config: cfg, Incomplete: incomplete(&cfg),
		HasSecret: r.secret != "", HasNextSecret: r.nextSecret != "",
		SignedIn: instant(r.signedIn), Created: instant(r.created), Updated: instant(r.upped),
	}
	if err := json.Unmarshal([]byte(r.formerIssuers), &c.FormerIssuers); err != nil {
		return Connector{}, fmt.Errorf("connectorstore: the former issuers of connector %q: %w", r.id, err)
	}
	return c, nil
}

// live is the Config that replicas route and sign in by, without secrets.
func (r *row) live() (oidcsso.Config, error) {
	cfg, err := r.configuration()
	cfg.Disabled = r.state != string(StateActive)
	if r.state == string(StateDraft) { //check:draft-enforces-nothing
		cfg = withStandIns(cfg)         // no sign-in begins with them, and the domains are owned all the same
		for i, d := range cfg.Domains { // owned, but nobody is sent there or kept out
			state := oidcsso.DomainVerified
			if unproven(d.State) { //check:draft-unproven
				state = oidcsso.DomainLapsed
			}
			cfg.Domains[i].State = state
		}
	}
	return cfg, err
}

// incomplete says whether a Config is one that only a draft may have.
func incomplete(cfg *oidcsso.Config) bool { return cfg.Issuer == "" || cfg.ClientID == "" }

// check validates as the replicas will, all problems at once. The secrets of cfg are those that are about to be stored.
func (s *Store) check(cfg oidcsso.Config) error {
	_, err := oidcsso.NewConnector(cfg, s.sso)
	return err
}

// checkIn is check for a connector in the state: of a draft, only what is there must be right. A secret would be sealed for an
// issuer that is not known, and lost as soon as there is one.
func (s *Store) checkIn(state State, cfg oidcsso.Config) error {
	if state != StateDraft || !incomplete(&cfg) {
		return s.check(cfg)
	}
	for _, secret := range []struct {
		field string
		value oidcsso.Secret
	}{{"client_secret", cfg.ClientSecret}, {"next_client_secret", cfg.NextClientSecret}} {
		if !secret.value.IsZero() { //check:draft-secret
			return &oidcsso.ConfigError{Connector: cfg.ID, Fields: []oidcsso.FieldError{{Field: secret.field,
				Message: "is there without the issuer and the client ID that it belongs to", Remedy: "enter all three at once"}}}
		}
	}
	return s.check(withStandIns(cfg))
}

// withStandIns fills in what an incomplete draft lacks, so that the rest can be checked.
func withStandIns(cfg oidcsso.Config) oidcsso.Config {
	if cfg.Issuer == "" {
		cfg.Issuer = "https://issuer.invalid"
	}
	if cfg.ClientID == "" {
		cfg.ClientID = "none"
	}
	return cfg
}
