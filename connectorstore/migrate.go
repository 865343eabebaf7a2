package connectorstore

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"time"
)

// Each file is one version of the schema, in order. One that was released is never changed.
//
//go:embed schema/*.sql
var schema embed.FS

// Migrate makes the tables, or brings those of an older version up to date. It may be called at each start, by all
// replicas at once. It fails if the database is of a newer version than this one knows.
func (s *Store) Migrate(ctx context.Context) error {
	if err := s.migrate(ctx); err != nil {
		return fmt.Errorf("connectorstore: migrating: %w", err)
	}
	return nil
}

func (s *Store) migrate(ctx context.Context) error {
	files, err := fs.Glob(schema, "schema/*.sql")
	if err != nil {
		return err
	}
	if s.options.Dialect == SQLite {
		if err := s.firstOfAll(ctx); err != nil {
			return err
		}
	}
	tx, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if s.options.Dialect == PostgreSQL {
		// CREATE TABLE IF NOT EXISTS fails there when two do it at once.
		if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock(7162439817743001)"); err != nil {
			return err
		}
		if err := createMeta(ctx, tx); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, "UPDATE oidcsso_meta SET version = version"); err != nil { // the writers' lock
		return err
	}
	var version int
	if err := tx.QueryRowContext(ctx, "SELECT version FROM oidcsso_meta").Scan(&version); err != nil {
		return err
	}
	if version > len(files) { //check:schema-newer
		return fmt.Errorf("the database has version %d of the tables, and this program knows %d; use a newer one", version, len(files))
	}
	for _, name := range files[version:] {
		text, err := schema.ReadFile(name)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, string(text)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if _, err := tx.ExecContext(ctx, s.options.Dialect.query("UPDATE oidcsso_meta SET version = ?"), len(files)); err != nil {
		return err
	}
	return tx.Commit()
}

// firstOfAll makes the table of versions in SQLite, each statement by itself: a transaction that has read first can't wait for
// another one that writes. Nor can a connection that changes a new database to WAL mode, which several do when they open it at
// once: they fail, and succeed a moment later.
func (s *Store) firstOfAll(ctx context.Context) error {
	for tries := 1; ; tries++ {
		err := createMeta(ctx, s.db)
		if err == nil || tries == 20 {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(rand.N(100 * time.Millisecond)):
		}
	}
}

func createMeta(ctx context.Context, q queryer) error {
	for _, statement := range []string{
		"CREATE TABLE IF NOT EXISTS oidcsso_meta (id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1), version BIGINT NOT NULL, revision BIGINT NOT NULL)",
		"INSERT INTO oidcsso_meta (id, version, revision) SELECT 1, 0, 0 WHERE NOT EXISTS (SELECT 1 FROM oidcsso_meta)",
	} {
		if _, err := q.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}
