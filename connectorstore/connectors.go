package connectorstore

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/oidcsso/oidcsso"
)

// EventConnectorChanged is the event of every change of a connector: connector, tenant, change ("created", "updated",
// "rekeyed", "redirect_url", "tenant", "state", "secrets", "domains", "deleted", "readmitted"), revision, state; actor if [WithActor] named one.
const EventConnectorChanged oidcsso.EventName = "connector_changed"

func (w *writer) changed(ctx context.Context, r *row, change string) {
	w.told(ctx, EventConnectorChanged, slog.String("connector", r.id), slog.String("tenant", r.tenant),
		slog.String("change", change), slog.Int64("revision", r.revision), slog.String("state", r.state))
}

const (
	maxTenant     = 200 // bytes
	maxConnectors = 100 // of a tenant, without deleted ones
)

func checkTenant(tenant string) error {
	if len(tenant) > maxTenant || !storable(tenant) { //check:store-tenant
		return refuse(CodeInvalid, "Use the backend's own ID of the tenant.", "The tenant is longer than %d bytes, or is not text.", maxTenant)
	}
	return nil
}

// Create stores a new connector as a draft, under an ID that is drawn now: the Callback URI follows from it, see
// [Store.CallbackURLs]. cfg may be empty, and lack issuer and client ID until [Store.SetState] activates it. It has neither an
// ID nor domains; these are claimed, see [Store.Claim]. Its secrets are sealed. Its RedirectURL is the developer's: no form
// that an administrator fills in should set it.
//
// A tenant that has a name may have 100. What was deleted leaves a row behind, so where a tenant may call it, bound how often.
//
// Errors: [oidcsso.ConfigError], or an [Error] with CodeInvalid or CodeTooMany.
func (s *Store) Create(ctx context.Context, tenant string, cfg oidcsso.Config) (Connector, error) {
	if err := checkTenant(tenant); err != nil {
		return Connector{}, err
	}
	if cfg.ID != "" { //check:store-own-id
		return Connector{}, refuse(CodeInvalid, "Leave it out: the store draws one that was never used.", "The configuration has an ID.")
	}
	if len(cfg.Domains) > 0 { //check:store-domains
		return Connector{}, refuse(CodeInvalid, "Create the connector without domains, then claim them.", "The configuration has domains.")
	}
	if cfg.Disabled { //check:store-created-disabled
		return Connector{}, errDisabled()
	}
	cfg.ID = newID()
	if err := s.checkIn(StateDraft, cfg); err != nil {
		return Connector{}, err
	}
	r := &row{id: cfg.ID, tenant: tenant, state: string(StateDraft), domains: "[]", formerIssuers: "[]"}
	if err := r.setConfiguration(cfg); err != nil {
		return Connector{}, err
	}
	if err := s.sealSecrets(ctx, r, &cfg); err != nil { // not while others wait
		return Connector{}, err
	}
	err := s.write(ctx, func(w *writer) error {
		if err := w.roomForConnector(ctx, tenant); err != nil {
			return err
		}
		r.created = millis(w.now)
		if err := w.insert(ctx, r); err != nil {
			return err
		}
		w.changed(ctx, r, "created")
		return nil
	})
	if err != nil {
		return Connector{}, err
	}
	return r.connector()
}

// roomForConnector bounds what one tenant can have every replica keep in memory, and have looked up each day.
func (w *writer) roomForConnector(ctx context.Context, tenant string) error {
	if tenant == "" { // a backend that names none has one for all of its customers
		return nil
	}
	var has int
	err := w.count(ctx, &has, "SELECT COUNT(*) FROM oidcsso_connectors WHERE tenant = ? AND state <> 'deleted'", tenant)
	if err == nil && has >= maxConnectors { //check:connectors-tenant
		err = refuse(CodeTooMany, "Delete those that are not needed.", "The tenant has %d connectors.", has)
	}
	return err
}

// errDisabled is of a switch that is State's.
func errDisabled() error {
	return refuse(CodeInvalid, "Use SetState.", "The configuration is disabled.")
}

// newID is 80 random bits, in the alphabet of connector IDs.
func newID() string { return strings.ToLower(rand.Text()[:16]) }

// Connector gives one connector, as it is now. A deleted one is CodeNotFound; one whose row was changed behind the store's
// back is CodeTampered.
func (s *Store) Connector(ctx context.Context, id string) (Connector, error) {
	r, err := s.verified(ctx, s.db, id)
	if err != nil {
		return Connector{}, err
	}
	return r.connector()
}

// verified reads a row that can be trusted, is not a deleted one, and is the tenant's, in a view of one.
func (s *Store) verified(ctx context.Context, q queryer, id string) (*row, error) {
	r, err := s.readRow(ctx, q, id)
	if err != nil {
		return nil, err
	}
	if !s.sees(r) { //check:tenant-row
		return nil, notFound("connector")
	}
	return s.trusted(r)
}

// trusted is whosever row, if it can be trusted and is not a deleted one.
func (s *Store) trusted(r *row) (*row, error) {
	if err := s.verify(r); err != nil {
		return nil, err
	}
	if r.state == stateDeleted {
		return nil, notFound("connector")
	}
	return r, nil
}

// Filter chooses connectors. The zero value chooses the first 100 of all.
type Filter struct {
	// Tenant chooses those of one tenant. Default: of all.
	Tenant string
	// After is the ID behind which to go on, to read page by page. Default: from the beginning.
	After string
	// Limit is how many at most. Default: 100; at most 1000.
	Limit int
}

// Connectors gives connectors sorted by their IDs, without deleted ones. A row that can't be trusted is in the list with
// its ID and its error, and nothing else of it. The list is never nil.
func (s *Store) Connectors(ctx context.Context, f Filter) ([]Listed, error) {
	if !storable(f.Tenant) || !storable(f.After) {
		return nil, refuse(CodeInvalid, "Leave it out, or use what a connector has.", "What to look for is not text.")
	}
	if f.Limit <= 0 {
		f.Limit = 100
	}
	if s.tenant != "" { //check:tenant-list
		if f.Tenant != "" && f.Tenant != s.tenant {
			return []Listed{}, nil
		}
		f.Tenant = s.tenant
	}
	query, args := "SELECT "+rowColumns+" FROM oidcsso_connectors WHERE state <> 'deleted' AND id > ? AND "+textID, []any{f.After}
	if f.Tenant != "" {
		query, args = query+" AND tenant = ?", append(args, f.Tenant)
	}
	rows, err := s.db.QueryContext(ctx, s.options.Dialect.query(query+" ORDER BY id LIMIT ?"), append(args, min(f.Limit, 1000))...)
	if err != nil {
		return nil, fmt.Errorf("connectorstore: %w", err)
	}
	defer rows.Close()
	list := []Listed{}
	for rows.Next() {
		r := new(row)
		if err := rows.Scan(r.fields()...); err != nil {
			return nil, fmt.Errorf("connectorstore: %w", err)
		}
		one := Listed{Err: s.verify(r)}
		if one.Err == nil {
			one.Connector, one.Err = r.connector()
		}
		if one.Err != nil {
			one.Connector = Connector{ID: r.id}
		}
		list = append(list, one)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("connectorstore: %w", err)
	}
	return list, nil
}

// Listed is one connector of a list.
type Listed struct {
	// Connector is what is stored, or only the ID beside an Err.
	Connector
	// Err says why nothing but the ID can be given.
	Err error
}

// MarshalJSON gives the connector, or else its ID and the text of Err as "error", which is for an operator. A struct that
// embeds a Listed is written in the same way.
func (l Listed) MarshalJSON() ([]byte, error) {
	if l.Err == nil {
		return json.Marshal(l.Connector)
	}
	return json.Marshal(Quarantined{l.ID, l.Err})
}

// Update stores c.Config, if the connector is still as it was when c was read: c.Revision decides. Only a draft may lack issuer and
// client ID.
//
// A secret in c.Config replaces the stored one; an empty one leaves it as it is. But a change of the issuer, the client ID
// or the client authentication discards both stored secrets, with their expiry: who may edit a connector must not be able
// to have the old secret sent to a server of theirs.
//
// What has calls of its own is not changed here. Domains are the same as those that were read, by name and wildcard, or nil: a
// Config may come back as JSON, where they are claims. RedirectURL, which is in no JSON, is empty or the stored one: see
// [Store.SetRedirectURL]. c.Tenant is empty or the stored one: see [Store.SetTenant]. Disabled is false.
//
// Errors: CodeNotFound, CodeConflict, CodeTampered, CodeInvalid, CodeIssuerFrozen, or an [oidcsso.ConfigError].
func (s *Store) Update(ctx context.Context, c Connector) (Connector, error) {
	return s.edit(ctx, c.ID, c.Revision, "updated", func(w *writer, r *row) error { return w.update(ctx, r, c, false) })
}

// edit changes one row, if it is at the revision, and gives what became of it.
func (s *Store) edit(ctx context.Context, id string, revision int64, change string, fn func(*writer, *row) error) (Connector, error) {
	var r *row
	err := s.write(ctx, func(w *writer) (err error) {
		if r, err = w.current(ctx, id, revision); err != nil {
			return err
		}
		if err := fn(w, r); err != nil {
			return err
		}
		if err := w.save(ctx, r); err != nil {
			return err
		}
		w.changed(ctx, r, change)
		return nil
	})
	if err != nil {
		return Connector{}, err
	}
	return r.connector()
}

// current is the row, if it is still the one that was read.
func (w *writer) current(ctx context.Context, id string, revision int64) (*row, error) {
	r, err := w.verified(ctx, w.tx, id)
	if err != nil {
		return nil, err
	}
	if r.revision != revision { //check:store-revision
		return nil, refuse(CodeConflict, "Read it again, and make the change on what it is now.", "The connector was changed meanwhile.")
	}
	return r, nil
}

func (w *writer) update(ctx context.Context, r *row, c Connector, rekey bool) error {
	old, err := r.configuration()
	if err != nil {
		return err
	}
	cfg := c.Config
	if cfg.ID != "" && cfg.ID != r.id { //check:store-id-changed
		return refuse(CodeInvalid, "Leave it as it was read.", "The configuration has another ID.")
	}
	if cfg.Domains != nil && !slices.EqualFunc(cfg.Domains, old.Domains, sameDomain) { //check:store-domains-changed
		return refuse(CodeInvalid, "Use Claim, Verify, SetDomainState and Release.", "The configuration has other domains than the connector.")
	}
	if cfg.RedirectURL != "" && cfg.RedirectURL != old.RedirectURL { //check:store-redirect-changed
		return refuse(CodeInvalid, "Leave it out. It is for the developer to change, by SetRedirectURL.", "The configuration has another redirect URL.")
	}
	if cfg.Disabled { //check:store-disabled
		return errDisabled()
	}
	if c.Tenant != "" && c.Tenant != r.tenant { //check:store-tenant-changed
		return refuse(CodeInvalid, "Leave it as it was read. It is for an operator to change, by SetTenant.", "The connector is another tenant's.")
	}
	if cfg.Issuer != old.Issuer && r.signedIn != 0 && !rekey { //check:issuer-frozen
		return refuse(CodeIssuerFrozen, "Ask the operator of this service, who uses Rekey and then changes the accounts: their keys, where the new issuer has the same people "+
			"under the same subjects; otherwise their links to the old issuer are removed, and people are linked anew by address.",
			"Somebody has signed in since, and accounts are found by the issuer.")
	}
	cfg.ID, cfg.Domains, cfg.RedirectURL = r.id, old.Domains, old.RedirectURL
	keep := cfg.Issuer == old.Issuer && cfg.ClientID == old.ClientID && cfg.TokenEndpointAuthMethod == old.TokenEndpointAuthMethod
	if err := w.replaceSecrets(ctx, r, old, &cfg, keep); err != nil {
		return err
	}
	return r.setConfiguration(cfg)
}

// sameDomain compares what JSON keeps of a domain.
func sameDomain(a, b oidcsso.Domain) bool { return a.Name == b.Name && a.Wildcard == b.Wildcard }

// SetState switches a connector on and off, if it is at the revision. It can't become a draft again. Whatever is to be active
// is checked in whole; switching off is always possible, but for a draft without issuer or client ID, which is off.
//
// Errors: CodeNotFound, CodeConflict, CodeTampered, CodeStateRefused, or an [oidcsso.ConfigError].
func (s *Store) SetState(ctx context.Context, id string, revision int64, state State) (Connector, error) {
	return s.edit(ctx, id, revision, "state", func(w *writer, r *row) error {
		if state != StateActive && state != StateDisabled { //check:store-state
			return refuse(CodeStateRefused, "Use active or disabled.", "The state %q can't be set.", state)
		}
		cfg, err := r.configuration()
		if err != nil {
			return err
		}
		if state == StateActive || incomplete(&cfg) { //check:activate-checked
			if err := w.openSecrets(ctx, r, &cfg); err != nil {
				return err
			}
			if err := w.check(cfg); err != nil {
				return err
			}
		}
		r.state = string(state)
		return nil
	})
}

// Delete ends a connector, if it is at the revision. Its secrets and configuration are gone; its ID is never used again. It
// must have released its domains, since their people could otherwise sign in another way from one moment to the next.
//
// Errors: CodeNotFound, CodeConflict, CodeTampered, CodeStateRefused.
func (s *Store) Delete(ctx context.Context, id string, revision int64) error {
	_, err := s.edit(ctx, id, revision, "deleted", func(w *writer, r *row) error {
		if r.domains != "[]" { //check:delete-domains
			return refuse(CodeStateRefused, "Release the domains first: their people then sign in without single sign-on.", "The connector still has domains.")
		}
		owned, err := w.readClaims(ctx, w.tx, "connector = ? AND owned = 1", id) // none, unless somebody changed the rows
		if err != nil {
			return err
		}
		for _, c := range owned {
			if err := w.noteEnd(ctx, c.name, c.wildcard); err != nil {
				return err
			}
		}
		for _, table := range []string{"oidcsso_claims", "oidcsso_grants"} {
			if _, err := s.options.Dialect.exec(ctx, w.tx, "DELETE FROM "+table+" WHERE connector = ?", id); err != nil {
				return err
			}
		}
		r.state, r.config, r.secret, r.nextSecret = stateDeleted, "{}", "", ""
		return nil
	})
	return err
}
