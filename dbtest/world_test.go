package dbtest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/connectorstore"
)

// world is one database, and whoever uses it.
type world struct {
	e     Engine
	open  func(testing.TB) *sql.DB
	db    *sql.DB // the attacker's
	store *connectorstore.Store
	ring  *connectorstore.Ring
	log   *eventLog

	mu    sync.Mutex
	now   time.Time
	onNow func() // before the next answer of the clock
}

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func newWorld(t testing.TB, e Engine) *world {
	t.Helper()
	w := &world{e: e, open: e.New(t), ring: Ring(t), log: &eventLog{}, now: start}
	w.db = w.open(t)
	w.store = w.newStore(t, nil)
	if err := w.store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	once := w.onNow
	w.onNow = nil
	w.mu.Unlock()
	if once != nil {
		once()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) later(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// meanwhile runs fn when somebody asks the clock next: in the middle of what they do.
func (w *world) meanwhile(fn func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.onNow = fn
}

func (w *world) options() *oidcsso.Options {
	return &oidcsso.Options{BaseURL: "https://app.example.com/sso", Now: w.clock, Events: w.log}
}

// newStore has a pool of its own, as another process.
func (w *world) newStore(t testing.TB, change func(*connectorstore.Options)) *connectorstore.Store {
	t.Helper()
	o := &connectorstore.Options{Dialect: w.e.Dialect, Ring: w.ring, SSO: w.options()}
	if change != nil {
		change(o)
	}
	store, err := connectorstore.New(w.open(t), o)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// live is a replica that has just started.
func (w *world) live(t testing.TB) *connectorstore.Live {
	t.Helper()
	l := w.newStore(t, nil).NewLive(nil)
	sync1(t, l)
	return l
}

func sync1(t testing.TB, l *connectorstore.Live) {
	t.Helper()
	if err := l.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (w *world) exec(t testing.TB, query string, args ...any) int64 {
	t.Helper()
	result, err := w.db.Exec(w.e.Query(query), args...)
	if err != nil {
		t.Fatal(err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// insert writes rows as a Store would have.
func (w *world) insert(t testing.TB, rows ...Row) {
	t.Helper()
	var values [][]any
	for _, r := range rows {
		values = append(values, r.Values(t, w.ring))
	}
	Insert(t, w.e, w.db, "oidcsso_connectors", RowColumns, values)
}

// replace writes a row in the place of the one that is there.
func (w *world) replace(t testing.TB, r Row) {
	t.Helper()
	w.put(t, r.Values(t, w.ring))
	w.exec(t, "UPDATE oidcsso_meta SET revision = ? WHERE revision < ?", r.Revision, r.Revision)
}

func (w *world) put(t testing.TB, values []any) {
	t.Helper()
	set := strings.Join(RowColumns[1:], " = ?, ") + " = ?"
	if w.exec(t, "UPDATE oidcsso_connectors SET "+set+" WHERE id = ?", append(values[1:len(values):len(values)], values[0])...) == 1 {
		return
	}
	w.exec(t, "INSERT INTO oidcsso_connectors ("+strings.Join(RowColumns, ", ")+") VALUES ("+strings.Repeat("?, ", len(values)-1)+"?)", values...)
}

// copy gives the columns of a row as they are.
func (w *world) copy(t testing.TB, id string) []any {
	t.Helper()
	values := make([]any, len(RowColumns))
	targets := make([]any, len(RowColumns))
	for i := range values {
		targets[i] = &values[i]
	}
	if err := w.db.QueryRow(w.e.Query("SELECT "+strings.Join(RowColumns, ", ")+" FROM oidcsso_connectors WHERE id = ?"), id).Scan(targets...); err != nil {
		t.Fatal(err)
	}
	return values
}

func enforced(names ...string) []oidcsso.Domain {
	var domains []oidcsso.Domain
	for _, name := range names {
		name, wildcard := strings.CutPrefix(name, "*.")
		domains = append(domains, oidcsso.Domain{Name: name, Wildcard: wildcard, State: oidcsso.DomainEnforced, ClaimID: "claim-" + name})
	}
	return domains
}

func row(id string, revision int64, domains ...string) Row {
	return Row{ID: id, Revision: revision, Config: oidcsso.Config{Issuer: "https://" + id + ".okta.com", ClientID: "client"}, Domains: enforced(domains...), Secret: "hunter2-" + id}
}

// password says what becomes of somebody with a password: "open", "by ID", or "unavailable".
func password(ctx context.Context, s oidcsso.Source, address string) string {
	d, err := oidcsso.Decide(ctx, s, oidcsso.Attempt{Typed: address, Account: []string{address}, Method: oidcsso.MethodPassword})
	switch {
	case d.Allowed():
		return "open"
	case errors.Is(err, oidcsso.CodeUnavailable):
		return "unavailable"
	case err != nil:
		return err.Error()
	}
	return "by " + d.Connector.ID()
}

// connector says how a connector stands: "healthy", "disabled", "none" or "unavailable".
func connector(ctx context.Context, s oidcsso.Source, id string) string {
	c, err := s.Connector(ctx, id)
	switch {
	case errors.Is(err, oidcsso.ErrNotFound):
		return "none"
	case err != nil:
		return "unavailable"
	case c.Disabled():
		return "disabled"
	}
	return "healthy"
}

func quarantined(l *connectorstore.Live) string {
	var ids []string
	for _, q := range l.Status().Quarantined {
		ids = append(ids, q.ID)
	}
	return strings.Join(ids, " ")
}

// eventLog remembers what it was told.
type eventLog struct {
	mu     sync.Mutex
	events []string
}

func (l *eventLog) Event(_ context.Context, name string, attrs ...slog.Attr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, name+fmt.Sprint(attrs))
}

// take gives what was told of one kind, and forgets all.
func (l *eventLog) take(name string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []string
	for _, e := range l.events {
		if strings.HasPrefix(e, name+"[") {
			found = append(found, e)
		}
	}
	l.events = nil
	return found
}
