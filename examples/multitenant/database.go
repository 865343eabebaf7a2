package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	_ "embed"
	"encoding/base64"
	"fmt"
	"strings"

	_ "github.com/jackc/pgx/v5/stdlib" // driver "pgx"
	_ "modernc.org/sqlite"             // driver "sqlite"

	"github.com/oidcsso/oidcsso/connectorstore"
)

// openDatabase opens a pool of its own for one replica.
func openDatabase(name string) (*sql.DB, connectorstore.Dialect, error) {
	if isPostgres(name) {
		db, err := sql.Open("pgx", name)
		return db, connectorstore.PostgreSQL, err
	}
	db, err := sql.Open("sqlite", "file:"+name+"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=foreign_keys(1)")
	return db, connectorstore.SQLite, err
}

func isPostgres(name string) bool {
	return strings.HasPrefix(name, "postgres://") || strings.HasPrefix(name, "postgresql://")
}

// schema are the backend's own tables, beside those of connectorstore. The same text for both engines, whose drivers both
// know $1.
//
//go:embed schema.sql
var schema string

func makeTables(ctx context.Context, db *sql.DB, dialect connectorstore.Dialect) error {
	return inTransaction(ctx, db, func(tx *sql.Tx) error {
		if dialect == connectorstore.PostgreSQL { // two that make the same table at once fail there
			if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock(1)"); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, schema)
		return err
	})
}

// inTransaction commits what fn did, unless fn fails.
func inTransaction(ctx context.Context, db *sql.DB, fn func(*sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // after a commit it does nothing
	if err := fn(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// execer is a *sql.DB or a *sql.Tx.
type execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// changed says how many rows a statement changed.
func changed(ctx context.Context, db execer, query string, args ...any) (int64, error) {
	result, err := db.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, fmt.Errorf("database: %w", err)
	}
	return result.RowsAffected()
}

// newToken is 130 random bits.
func newToken() string { return rand.Text() }

func newKeyText() string {
	var key [32]byte
	rand.Read(key[:]) // never fails
	return base64.StdEncoding.EncodeToString(key[:])
}
