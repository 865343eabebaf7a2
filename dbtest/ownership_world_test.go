package dbtest

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/connectorstore"
)

// zone is the DNS as the tests want it. What it does not have is certainly not there.
type zone struct {
	mu      sync.Mutex
	records map[string][]string
	fails   error
	asked   int
	before  func() // each answer
}

func (z *zone) TXT(ctx context.Context, name string) ([]string, error) {
	z.mu.Lock()
	z.asked++
	records, err, before := slices.Clone(z.records[name]), z.fails, z.before
	z.mu.Unlock()
	if before != nil {
		before()
	}
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, err
	case len(records) == 0:
		return nil, connectorstore.ErrNoRecord
	}
	return records, nil
}

func (z *zone) publish(c connectorstore.Claim) {
	z.mu.Lock()
	defer z.mu.Unlock()
	if !slices.Contains(z.records[c.RecordName], c.RecordValue) {
		z.records[c.RecordName] = append(z.records[c.RecordName], c.RecordValue)
	}
}

func (z *zone) clear(c connectorstore.Claim) {
	z.mu.Lock()
	defer z.mu.Unlock()
	delete(z.records, c.RecordName)
}

func (z *zone) failing(err error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.fails = err
}

func (z *zone) beforeAnswers(f func()) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.before = f
}

func (z *zone) questions() int {
	z.mu.Lock()
	defer z.mu.Unlock()
	return z.asked
}

// told is the events of a store, each in one line.
type told struct {
	mu    sync.Mutex
	lines []string
}

func (l *told) Event(_ context.Context, name string, attrs ...slog.Attr) {
	line := name
	for _, a := range attrs {
		line += " " + a.String()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, line)
}

func (l *told) has(t *testing.T, parts ...string) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.lines {
		if !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(line+" ", part+" ") }) {
			return
		}
	}
	t.Errorf("no event has %q; there are:\n%s", parts, strings.Join(l.lines, "\n"))
}

func (l *told) count(name string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.lines {
		if strings.HasPrefix(line, name+" ") {
			n++
		}
	}
	return n
}

// owners is a store with a DNS and a clock of its own.
type owners struct {
	*connectorstore.Store
	t      *testing.T
	engine Engine
	open   func(testing.TB) *sql.DB
	db     *sql.DB
	dns    *zone
	events *told
	clock  sync.Mutex
	time   time.Time
	allow  func(domain string) bool // of replicas that are made from now on
}

func newOwners(t *testing.T, e Engine) *owners {
	t.Helper()
	o := &owners{t: t, engine: e, open: e.New(t), dns: &zone{records: map[string][]string{}}, events: new(told),
		time: time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)}
	o.db = o.open(t)
	o.db.SetMaxOpenConns(1) // no call needs a second connection, and none is held while the DNS is asked
	o.Store = o.replica(o.db, 1)
	if err := o.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if faults, err := o.Integrity(context.Background()); (err != nil || len(faults) > 0) && !t.Failed() {
			t.Errorf("at the end: %q, %v", faults, err)
		}
	})
	return o
}

// replica is another store over the same database, with a key of the number.
func (o *owners) replica(db *sql.DB, keys ...byte) *connectorstore.Store {
	o.t.Helper()
	var ring []connectorstore.Key
	for _, n := range keys {
		key, err := connectorstore.NewKey([]byte("0123456789abcdef0123456789abcde" + string('a'+rune(n))))
		if err != nil {
			o.t.Fatal(err)
		}
		ring = append(ring, key)
	}
	made, err := connectorstore.NewRing(ring[0], ring[1:]...)
	if err != nil {
		o.t.Fatal(err)
	}
	s, err := connectorstore.New(db, &connectorstore.Options{Dialect: o.engine.Dialect, Ring: made, Resolver: o.dns, SSO: &oidcsso.Options{
		BaseURL: "https://app.example.com/sso", Events: o.events, Now: o.now, AllowDomain: o.allow, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}})
	if err != nil {
		o.t.Fatal(err)
	}
	return s
}

func (o *owners) now() time.Time {
	o.clock.Lock()
	defer o.clock.Unlock()
	return o.time
}

func (o *owners) later(d time.Duration) {
	o.clock.Lock()
	defer o.clock.Unlock()
	o.time = o.time.Add(d)
}

// connector is an active one.
func (o *owners) connector(tenant string) connectorstore.Connector {
	o.t.Helper()
	c := o.draft(tenant)
	c, err := o.SetState(o.t.Context(), c.ID, c.Revision, connectorstore.StateActive)
	if err != nil {
		o.t.Fatal(err)
	}
	return c
}

func (o *owners) draft(tenant string) connectorstore.Connector {
	o.t.Helper()
	c, err := o.Create(o.t.Context(), tenant, oidcsso.Config{Issuer: "https://" + tenant + ".okta.com", ClientID: "x",
		ClientSecret: oidcsso.NewSecret("hunter2"), TokenEndpointAuthMethod: "client_secret_post"})
	if err != nil {
		o.t.Fatal(err)
	}
	return c
}

func (o *owners) claim(connector, domain string) connectorstore.Claim {
	o.t.Helper()
	return must(o.t)(o.Claim(o.t.Context(), connector, domain))
}

// owned is a domain that was proven, in a state.
func (o *owners) owned(connector, domain string, state oidcsso.DomainState) connectorstore.Claim {
	o.t.Helper()
	c := o.claim(connector, domain)
	o.dns.publish(c)
	c = must(o.t)(o.Verify(o.t.Context(), c.ID))
	if state != oidcsso.DomainVerified {
		c = must(o.t)(o.SetDomainState(o.t.Context(), c.ID, c.State, state))
	}
	return c
}

func must(t *testing.T) func(connectorstore.Claim, error) connectorstore.Claim {
	return func(c connectorstore.Claim, err error) connectorstore.Claim {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
}

// domains are those of the connector's row: "acme.example enforced".
func (o *owners) domains(connector string) string {
	o.t.Helper()
	c, err := o.Connector(o.t.Context(), connector)
	if err != nil {
		o.t.Fatal(err)
	}
	var all []string
	for _, d := range c.Config.Domains {
		all = append(all, d.String()+" "+string(d.State))
	}
	return strings.Join(all, ", ")
}

func (o *owners) has(connector, want string) {
	o.t.Helper()
	if got := o.domains(connector); got != want {
		o.t.Errorf("the connector has the domains %q, want %q", got, want)
	}
}

// sql changes the database behind the store's back.
func (o *owners) sql(query string) {
	o.t.Helper()
	if _, err := o.db.Exec(query); err != nil {
		o.t.Fatal(err)
	}
}

func refused(t *testing.T, err error, code connectorstore.Code) {
	t.Helper()
	var e *connectorstore.Error
	if !errors.Is(err, code) || !errors.As(err, &e) || e.Message == "" || e.Remedy == "" {
		t.Errorf("the error is %v, want %s with a message and a remedy", err, string(code))
	}
}
