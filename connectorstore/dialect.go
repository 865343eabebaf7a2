package connectorstore

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
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
