package storetest

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/connectorstore"
)

// NewDatabase makes an empty database, and gives a function that opens it, each time with a pool of its own: one for each
// replica. Both are cleaned up with their test.
type NewDatabase func(t testing.TB) (open func(t testing.TB) *sql.DB)

// Store runs the suite of package connectorstore over a driver, for one of the dialects that the package has.
func Store(t *testing.T, dialect connectorstore.Dialect, database NewDatabase) {
	s := suite{dialect, database}
	for _, part := range []struct {
		name string
		run  func(suite, *testing.T)
	}{
		{"migrations", suite.migrations},
		{"life", suite.life},
		{"configuration", suite.configuration},
		{"refusals", suite.refusals},
		{"lists", suite.lists},
		{"tenants", suite.tenants},
		{"lost updates", suite.lostUpdates},
		{"identifiers", suite.identifiers},
		{"secrets", suite.secrets},
		{"silence", suite.silence},
		{"rekeying", suite.rekeying},
		{"readmission", suite.readmission},
		{"resealing", suite.resealing},
		{"hostile texts", suite.hostile},
		{"events", suite.events},
	} {
		t.Run(part.name, func(t *testing.T) {
			t.Parallel()
			part.run(s, t)
		})
	}
}

type suite struct {
	dialect  connectorstore.Dialect
	database NewDatabase
}

// world is one database with a store over it.
type world struct {
	*connectorstore.Store
	suite
	open   func(testing.TB) *sql.DB
	db     *sql.DB // the store's pool
	now    time.Time
	events *recorder
}

// start makes an empty database with the tables.
func (s suite) start(t testing.TB) *world {
	t.Helper()
	w := &world{suite: s, open: s.database(t), now: time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC), events: new(recorder)}
	w.db = w.open(t)
	w.Store = w.over(t, w.db, Ring(t, "first"))
	if err := w.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return w
}

// over makes a store over a pool, with the world's clock and events.
func (w *world) over(t testing.TB, db *sql.DB, ring *connectorstore.Ring) *connectorstore.Store {
	t.Helper()
	sso := Options()
	sso.Now, sso.Events = func() time.Time { return w.now }, w.events
	store, err := connectorstore.New(db, &connectorstore.Options{Dialect: w.dialect, Ring: ring, SSO: sso})
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// replica is another store over the same database, with a pool of its own.
func (w *world) replica(t testing.TB) *connectorstore.Store {
	return w.over(t, w.open(t), Ring(t, "first"))
}

// exec changes the database behind the store's back. query has "?" for each argument.
func (w *world) exec(t testing.TB, query string, args ...any) {
	t.Helper()
	if w.dialect == connectorstore.PostgreSQL {
		for n := 1; strings.Contains(query, "?"); n++ {
			query = strings.Replace(query, "?", "$"+string(rune('0'+n)), 1)
		}
	}
	if _, err := w.db.ExecContext(t.Context(), query, args...); err != nil {
		t.Fatal(err)
	}
}

// Ring makes a ring of keys that follow from names: the first seals.
func Ring(t testing.TB, names ...string) *connectorstore.Ring {
	t.Helper()
	keys := make([]connectorstore.Key, len(names))
	for i, name := range names {
		secret := sha256.Sum256([]byte(name))
		key, err := connectorstore.NewKey(secret[:])
		if err != nil {
			t.Fatal(err)
		}
		keys[i] = key
	}
	ring, err := connectorstore.NewRing(keys[0], keys[1:]...)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// plain is a Config that a tenant entered.
func plain() oidcsso.Config {
	return oidcsso.Config{Name: "Acme", Issuer: "https://acme.idp.example", ClientID: "client"}
}

// withSecrets is one with both client secrets.
func withSecrets() oidcsso.Config {
	cfg := plain()
	cfg.ClientSecret, cfg.NextClientSecret = oidcsso.NewSecret("current-hunter2"), oidcsso.NewSecret("next-hunter3")
	cfg.ClientSecretExpiry = time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	cfg.NextClientSecretExpiry = time.Date(2028, 1, 1, 0, 0, 0, 0, time.UTC)
	return cfg
}

func (w *world) create(t testing.TB, cfg oidcsso.Config) connectorstore.Connector {
	t.Helper()
	return must(w.Create(t.Context(), "tenant", cfg))(t)
}

// wantSecrets expects what is stored, and that the connector says the same.
func (w *world) wantSecrets(t testing.TB, c connectorstore.Connector, current, next string) {
	t.Helper()
	gotCurrent, gotNext, err := w.RevealSecrets(t.Context(), c.ID)
	if err != nil || gotCurrent.Reveal() != current || gotNext.Reveal() != next {
		t.Errorf("the secrets are %q and %q, %v; want %q and %q", gotCurrent.Reveal(), gotNext.Reveal(), err, current, next)
	}
	if c.HasSecret != (current != "") || c.HasNextSecret != (next != "") {
		t.Errorf("the connector says %v and %v", c.HasSecret, c.HasNextSecret)
	}
	if (current == "") != c.Config.ClientSecretExpiry.IsZero() || (next == "") != c.Config.NextClientSecretExpiry.IsZero() {
		t.Errorf("the expiries are %v and %v", c.Config.ClientSecretExpiry, c.Config.NextClientSecretExpiry)
	}
}

// must fails the test for an error: must(f())(t).
func must[T any](value T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// wantCode expects a refusal that an administrator can be shown.
func wantCode(t testing.TB, err error, code connectorstore.Code) {
	t.Helper()
	var refused *connectorstore.Error
	switch {
	case !errors.Is(err, code) || !errors.As(err, &refused):
		t.Errorf("got %v; want %s", err, code)
	case refused.Message == "" || refused.Remedy == "" || refused.HTTPStatus() < 400:
		t.Errorf("%+v lacks a text or a status", refused)
	case errors.Is(err, oidcsso.ErrNotFound) != (code == connectorstore.CodeNotFound):
		t.Errorf("%v: ErrNotFound", err)
	}
}

// wantField expects that a Config is refused for a field of it.
func wantField(t testing.TB, err error, field string) {
	t.Helper()
	var invalid *oidcsso.ConfigError
	if !errors.As(err, &invalid) {
		t.Errorf("got %v; want a ConfigError for %s", err, field)
		return
	}
	for _, f := range invalid.Fields {
		if f.Field == field {
			return
		}
	}
	t.Errorf("got %v; want a ConfigError for %s", err, field)
}

// recorder is Events that keeps all.
type recorder struct {
	mu     sync.Mutex
	events []event
}

type event struct {
	name  string
	attrs map[string]string
}

func (r *recorder) Event(_ context.Context, name string, attrs ...slog.Attr) {
	e := event{name, map[string]string{}}
	for _, a := range attrs {
		e.attrs[a.Key] = a.Value.String()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

// taken gives the events since it was last called.
func (r *recorder) taken() []event {
	r.mu.Lock()
	defer r.mu.Unlock()
	taken := r.events
	r.events = nil
	return taken
}
