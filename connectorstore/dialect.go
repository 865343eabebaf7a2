package connectorstore

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Dialect is the engine of a database.
type Dialect string

const (
	// SQLite needs a driver of the application's choice, such as modernc.org/sqlite. Every connection must wait for locks, and
	// the database should be in WAL mode: "file:sso.db?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)" with that
	// driver.
	SQLite Dialect = "sqlite"
	// PostgreSQL needs a driver of the application's choice, such as github.com/jackc/pgx/v5/stdlib. From version 12 on.
	PostgreSQL Dialect = "postgres"
)

// query has "?" for each argument; PostgreSQL wants them numbered. No text of this package has a "?" for anything else.
func (d Dialect) query(text string) string {
	if d != PostgreSQL {
		return text
	}
	var b strings.Builder
	for n := 1; ; n++ {
		before, after, found := strings.Cut(text, "?")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		b.WriteString("$" + strconv.Itoa(n))
		text = after
	}
}

// queryer is a *sql.DB or a *sql.Tx.
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// storable says whether every text can be in a row: PostgreSQL has neither NUL nor what is not UTF-8, and SQLite should not.
func storable(args ...any) bool {
	for _, arg := range args {
		if text, ok := arg.(string); ok && (!utf8.ValidString(text) || strings.Contains(text, "\x00")) { //check:store-text
			return false
		}
	}
	return true
}

// exec says how many rows it changed.
func (d Dialect) exec(ctx context.Context, q queryer, query string, args ...any) (int64, error) {
	result, err := q.ExecContext(ctx, d.query(query), args...)
	if err != nil {
		return 0, fmt.Errorf("connectorstore: %w", err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return 0, fmt.Errorf("connectorstore: %w", err)
	}
	return n, nil
}
