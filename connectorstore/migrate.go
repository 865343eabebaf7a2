package connectorstore

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
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
	}
	for _, statement := range []string{
		"CREATE TABLE IF NOT EXISTS oidcsso_meta (id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1), version BIGINT NOT NULL, revision BIGINT NOT NULL)",
		"INSERT INTO oidcsso_meta (id, version, revision) SELECT 1, 0, 0 WHERE NOT EXISTS (SELECT 1 FROM oidcsso_meta)",
		"UPDATE oidcsso_meta SET version = version", // the writers' lock
	} {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return err
		}
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
