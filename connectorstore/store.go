package connectorstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/oidcsso/oidcsso"
)

// Store is connectors, domain claims and grants in a SQL database. It holds no state of its own: any number of replicas may
// have one over the same database. It is safe for concurrent use.
//
// Every change is one transaction, and all changes come one after the other. A change that is refused, or fails, changes
// nothing; one whose commit failed may have been made, and the revision tells.
type Store struct {
	db      *sql.DB
	options Options
	sso     *oidcsso.Options
	tenant  string // of a view, see Tenant; empty: everybody's
}

// Options is how a Store behaves. Ring and SSO are required.
type Options struct {
	// Dialect is the database's engine. Default: SQLite.
	Dialect Dialect

	// Ring has the keys that rows are signed with, and secrets sealed. All replicas need the same. Required.
	Ring *Ring

	// Sealer seals client secrets. Default: Ring.
	Sealer Sealer

	// Resolver answers whether domains are proven. Default: SystemResolver.
	Resolver Resolver

	// ProofLabel is the label below which a domain is proven: the record of acme.example is at _oidcsso-challenge.acme.example.
	// It begins with "_" and has no dot. With another one, what was published for the old one counts as missing. Default:
	// "_oidcsso-challenge".
	ProofLabel string

	// SSO is the Options that the backend's connectors have: a Config is checked with them before it is stored, and their
	// Events and Now are the store's. Required.
	SSO *oidcsso.Options
}

// New makes a Store over a database whose driver the application has chosen. It does no network; see [Store.Migrate]. The
// error is an [oidcsso.ConfigError].
func New(db *sql.DB, o *Options) (*Store, error) {
	invalid := new(oidcsso.ConfigError)
	add := func(field, message, remedy string) {
		invalid.Fields = append(invalid.Fields, oidcsso.FieldError{Field: field, Message: message, Remedy: remedy})
	}
	s := &Store{db: db}
	if o != nil {
		s.options = *o
	}
	if db == nil {
		add("db", "is missing", "open one with sql.Open")
	}
	switch s.options.Dialect {
	case "":
		s.options.Dialect = SQLite
	case SQLite, PostgreSQL:
	default:
		add("dialect", "is not an engine that is supported", "use SQLite or PostgreSQL")
	}
	if s.options.Ring == nil || len(s.options.Ring.keys) == 0 {
		add("ring", "is missing", "make one with NewRing, of keys that ParseKey read from a setting")
	} else if s.options.Sealer == nil {
		s.options.Sealer = s.options.Ring
	}
	if s.options.Resolver == nil {
		s.options.Resolver = SystemResolver()
	}
	if s.options.ProofLabel == "" {
		s.options.ProofLabel = defaultProofLabel
	}
	if _, _, err := proofRecord(s.options.ProofLabel, "acme.example", ""); err != nil { //check:store-proof-label
		add("proof_label", "is no single DNS label that begins with _", "leave it empty, for "+defaultProofLabel)
	}
	if s.sso = s.options.SSO; s.sso == nil {
		add("sso", "is missing", "pass the *oidcsso.Options that the flow has")
	}
	if len(invalid.Fields) > 0 {
		return nil, invalid
	}
	return s, nil
}

func (s *Store) now() time.Time {
	if s.sso.Now != nil {
		return s.sso.Now()
	}
	return time.Now()
}

// tell is for what is no sign-in: the actor of the context goes with it.
func (s *Store) tell(ctx context.Context, name string, attrs ...slog.Attr) {
	if s.sso.Events == nil {
		return
	}
	if actor, ok := ctx.Value(actorKey{}).(string); ok {
		attrs = append(attrs, slog.String("actor", actor))
	}
	s.sso.Events.Event(ctx, name, attrs...)
}

type actorKey struct{}

// WithActor says who asks for the changes that are made with the context: an attribute "actor" of their events. It is
// the backend's own name of an administrator, and decides nothing.
func WithActor(ctx context.Context, actor string) context.Context {
	return context.WithValue(ctx, actorKey{}, actor)
}

// writer is a transaction that has the writers' lock.
type writer struct {
	*Store
	tx       *sql.Tx
	revision int64 // of what it changes
	now      time.Time
	after    []func() // once it is committed
}

// write runs fn in a transaction. It begins with an update of the one row of meta, and so waits for all others that write:
// revisions become visible in their order, and what fn reads stays as it is until the commit.
func (s *Store) write(ctx context.Context, fn func(*writer) error) error {
	tx, err := s.begin(ctx)
	if err != nil {
		return fmt.Errorf("connectorstore: %w", err)
	}
	defer tx.Rollback() // after a commit it does nothing
	w := &writer{Store: s, tx: tx, now: s.now()}
	n, err := s.options.Dialect.exec(ctx, tx, "UPDATE oidcsso_meta SET revision = revision + 1")
	if err == nil && n != 1 {
		err = errors.New("connectorstore: the table oidcsso_meta does not have one row; call Migrate")
	}
	if err != nil {
		return err
	}
	if err := tx.QueryRowContext(ctx, "SELECT revision FROM oidcsso_meta").Scan(&w.revision); err != nil {
		return fmt.Errorf("connectorstore: %w", err)
	}
	if err := fn(w); err != nil {
		return err
	}
	if s.options.Dialect == PostgreSQL {
		// Only a wake-up: what it says is nothing that a listener would believe.
		if _, err := tx.ExecContext(ctx, "SELECT pg_notify('oidcsso', '')"); err != nil {
			return fmt.Errorf("connectorstore: %w", err)
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("connectorstore: %w", err)
	}
	for _, f := range w.after {
		f()
	}
	return nil
}

// begin begins a transaction that waits for the writers' lock and then sees what the others have written, whatever isolation is
// the database's default: with a stricter one PostgreSQL refuses all who had to wait.
func (s *Store) begin(ctx context.Context) (*sql.Tx, error) {
	var o *sql.TxOptions // SQLite has but one
	if s.options.Dialect == PostgreSQL {
		o = &sql.TxOptions{Isolation: sql.LevelReadCommitted}
	}
	return s.db.BeginTx(ctx, o)
}

// told is told when the transaction is committed.
func (w *writer) told(ctx context.Context, name string, attrs ...slog.Attr) {
	w.after = append(w.after, func() { w.tell(ctx, name, attrs...) })
}
