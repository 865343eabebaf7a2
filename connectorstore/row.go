package connectorstore

import (
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/internal/lengthed"
)

// row is one connector as the database has it.
type row struct {
	id, tenant, state        string
	revision                 int64
	config                   string
	secret, nextSecret       string
	domains, formerIssuers   string
	signedIn, created, upped int64
	mac                      string
	odd                      bool // a column has what no store writes
}

const rowColumns = "id, tenant, state, revision, config, secret, next_secret, domains, former_issuers, signed_in, created, updated, mac"

func (r *row) fields() []any {
	return columns(&r.odd, &r.id, &r.tenant, &r.state, &r.revision, &r.config, &r.secret, &r.nextSecret, &r.domains, &r.formerIssuers,
		&r.signedIn, &r.created, &r.upped, &r.mac)
}

func (r *row) values() []any {
	return []any{r.id, r.tenant, r.state, r.revision, r.config, r.secret, r.nextSecret, r.domains, r.formerIssuers,
		r.signedIn, r.created, r.upped, r.mac}
}

// signed is what the MAC covers: everything.
func (r *row) signed() []byte {
	number := func(n int64) string { return strconv.FormatInt(n, 10) }
	return lengthed.Join("connector", r.id, r.tenant, r.state, number(r.revision), r.config, r.secret, r.nextSecret, r.domains, r.formerIssuers,
		number(r.signedIn), number(r.created), number(r.upped))
}

// verify refuses a row that this store did not write.
func (s *Store) verify(r *row) error {
	if r.odd || !s.options.Ring.verify(r.signed(), r.mac) { //check:row-tampered
		return tampered("connector", r.id)
	}
	return nil
}

func tampered(what, id string) error {
	return refuse(CodeTampered, "Find out who changed the database. If the keys of the ring were changed, put the old one back behind the new one.",
		"The row of %s %q was not written with one of the keys, or was changed since.", what, id)
}

func (s *Store) readRow(ctx context.Context, q queryer, id string) (*row, error) {
	if !storable(id) {
		return nil, notFound("connector")
	}
	r := new(row)
	err := q.QueryRowContext(ctx, s.options.Dialect.query("SELECT "+rowColumns+" FROM oidcsso_connectors WHERE id = ?"), id).Scan(r.fields()...)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, notFound("connector")
	case err != nil:
		return nil, fmt.Errorf("connectorstore: %w", err)
	}
	return r, nil
}

// storable says whether a TEXT column of every engine can have it. PostgreSQL fails for anything else, which must not look like
// an outage.
func storable(s string) bool { return utf8.ValidString(s) && !strings.Contains(s, "\x00") }

func notFound(what string) error {
	return refuse(CodeNotFound, "Look for it in the list; it may have been deleted.", "There is no such %s.", what)
}

// insert and save give the row the writer's revision and a new MAC.
func (w *writer) insert(ctx context.Context, r *row) error {
	w.sign(r)
	_, err := w.options.Dialect.exec(ctx, w.tx, "INSERT INTO oidcsso_connectors ("+rowColumns+") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", r.values()...)
	return err
}

func (w *writer) save(ctx context.Context, r *row) error {
	old := r.mac
	w.sign(r)
	return w.overwrite(ctx, r, old)
}

func (w *writer) sign(r *row) {
	r.revision, r.upped = w.revision, millis(w.now)
	r.mac = w.options.Ring.mac(r.signed())
}

// overwrite finds the row by its old MAC too: what it replaces is what was read.
func (w *writer) overwrite(ctx context.Context, r *row, oldMAC string) error {
	n, err := w.options.Dialect.exec(ctx, w.tx, "UPDATE oidcsso_connectors SET tenant = ?, state = ?, revision = ?, config = ?, secret = ?, next_secret = ?, "+
		"domains = ?, former_issuers = ?, signed_in = ?, created = ?, updated = ?, mac = ? WHERE id = ? AND mac = ?",
		append(r.values()[1:], r.id, oldMAC)...)
	if err == nil && n != 1 {
		err = errChanged
	}
	return err
}

// storedConfig is the column config. RedirectURL is the developer's, and left out of a Config's JSON.
type storedConfig struct {
	oidcsso.Config
	RedirectURL string `json:"redirect_url,omitempty"`
}

// storedDomain is an entry of the column domains.
type storedDomain struct {
	Name     string              `json:"name"`
	Wildcard bool                `json:"wildcard,omitempty"`
	State    oidcsso.DomainState `json:"state"`
	Claim    string              `json:"claim"`
	Since    int64               `json:"since"`
}

// configuration reads the Config, without secrets and with the domains as they are stored.
func (r *row) configuration() (oidcsso.Config, error) {
	var stored storedConfig
	if err := json.Unmarshal([]byte(r.config), &stored); err != nil {
		return oidcsso.Config{}, fmt.Errorf("connectorstore: the configuration of connector %q: %w", r.id, err)
	}
	cfg := stored.Config
	cfg.ID, cfg.RedirectURL = r.id, stored.RedirectURL
	domains, err := r.ownedDomains()
	cfg.Domains = domains
	return cfg, err
}

func (r *row) setConfiguration(cfg oidcsso.Config) error {
	stored := storedConfig{cfg, cfg.RedirectURL}
	stored.Domains, stored.ClientSecret, stored.NextClientSecret, stored.Disabled = nil, oidcsso.Secret{}, oidcsso.Secret{}, false
	text, err := json.Marshal(stored)
	r.config = string(text)
	return err
}

func (r *row) ownedDomains() ([]oidcsso.Domain, error) {
	var stored []storedDomain
	if err := json.Unmarshal([]byte(r.domains), &stored); err != nil {
		return nil, fmt.Errorf("connectorstore: the domains of connector %q: %w", r.id, err)
	}
	domains := make([]oidcsso.Domain, len(stored))
	for i, d := range stored {
		if i > 0 && d.Name == stored[i-1].Name { // with its wildcard beside it; a replica has many such
			d.Name = stored[i-1].Name
		}
		domains[i] = oidcsso.Domain{Name: d.Name, Wildcard: d.Wildcard, State: shared(d.State), ClaimID: d.Claim, Since: instant(d.Since)}
	}
	return domains, nil
}

// shared is the state in memory that all have in common.
func shared(state oidcsso.DomainState) oidcsso.DomainState {
	for _, known := range []oidcsso.DomainState{oidcsso.DomainVerified, oidcsso.DomainRouted, oidcsso.DomainReportOnly, oidcsso.DomainEnforced, oidcsso.DomainFrozen, oidcsso.DomainLapsed} {
		if state == known {
			return known
		}
	}
	return state
}

func (r *row) setDomains(domains []oidcsso.Domain) error {
	stored := make([]storedDomain, len(domains))
	for i, d := range domains {
		stored[i] = storedDomain{d.Name, d.Wildcard, d.State, d.ClaimID, millis(d.Since)}
	}
	text, err := json.Marshal(stored)
	r.domains = string(text)
	return err
}

// The two secrets' purposes are part of what they are sealed with: one does not open as the other.
const (
	purposeCurrent = "client_secret"
	purposeNext    = "next_client_secret"
)

// sealedFor is the associated data of a secret: where it may be sent. An edit of any of it makes the secret useless.
func sealedFor(purpose string, cfg *oidcsso.Config) []byte {
	return lengthed.Join("oidcsso connectorstore v1", purpose, cfg.ID, cfg.Issuer, cfg.ClientID, cfg.TokenEndpointAuthMethod)
}

// sealerTimeout is for one call of a Sealer. All others who write may have to wait for it.
const sealerTimeout = 5 * time.Second

// errSlow is of a Sealer that did not answer in time.
var errSlow = errors.New("the Sealer does not answer")

func (s *Store) seal(ctx context.Context, purpose string, cfg *oidcsso.Config, secret oidcsso.Secret) (string, error) {
	if secret.IsZero() {
		return "", nil
	}
	inTime, cancel := context.WithTimeout(ctx, sealerTimeout)
	defer cancel()
	sealed, err := s.options.Sealer.Seal(inTime, []byte(secret.Reveal()), sealedFor(purpose, cfg))
	if err != nil {
		return "", fmt.Errorf("connectorstore: sealing: %w", err)
	}
	return base64.StdEncoding.EncodeToString(sealed), nil
}

func (s *Store) open(ctx context.Context, purpose string, cfg *oidcsso.Config, text string) (oidcsso.Secret, error) {
	if text == "" {
		return oidcsso.Secret{}, nil
	}
	failed := func(err error) error {
		return fmt.Errorf("connectorstore: opening the %s of connector %q: %w", purpose, cfg.ID, err)
	}
	sealed, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil {
		return oidcsso.Secret{}, failed(errOpen)
	}
	inTime, cancel := context.WithTimeout(ctx, sealerTimeout)
	defer cancel()
	plaintext, err := s.options.Sealer.Open(inTime, sealed, sealedFor(purpose, cfg))
	if err != nil && inTime.Err() != nil && ctx.Err() == nil {
		err = fmt.Errorf("%w: %w", errSlow, err)
	}
	if err != nil {
		return oidcsso.Secret{}, failed(err)
	}
	return oidcsso.NewSecret(string(plaintext)), nil
}

// openSecrets puts both secrets into the Config.
func (s *Store) openSecrets(ctx context.Context, r *row, cfg *oidcsso.Config) (err error) {
	if cfg.ClientSecret, err = s.open(ctx, purposeCurrent, cfg, r.secret); err != nil {
		return err
	}
	cfg.NextClientSecret, err = s.open(ctx, purposeNext, cfg, r.nextSecret)
	return err
}

// sealSecrets stores the Config's secrets in the row, in place of those that were there.
func (s *Store) sealSecrets(ctx context.Context, r *row, cfg *oidcsso.Config) (err error) {
	if r.secret, err = s.seal(ctx, purposeCurrent, cfg, cfg.ClientSecret); err != nil {
		return err
	}
	r.nextSecret, err = s.seal(ctx, purposeNext, cfg, cfg.NextClientSecret)
	return err
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func instant(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
