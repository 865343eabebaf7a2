// Package dbtest runs package connectorstore on real databases. Its drivers are in no module that a user imports.
package dbtest

import (
	"crypto/rand"
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // driver "pgx"
	_ "modernc.org/sqlite"             // driver "sqlite"

	"github.com/oidcsso/oidcsso/connectorstore"
)

// Engine is a database engine, and how to get an empty database of it.
type Engine struct {
	Name    string
	Dialect connectorstore.Dialect
	// New gives a function that opens the same new database, each time with a pool of its own: one per replica.
	New func(t testing.TB) func(t testing.TB) *sql.DB
}

// Engines are SQLite and, if OIDCSSO_POSTGRES has its URL, PostgreSQL.
func Engines(t testing.TB) []Engine {
	engines := []Engine{{"sqlite", connectorstore.SQLite, newSQLite}}
	if os.Getenv("OIDCSSO_POSTGRES") == "" {
		t.Log("without PostgreSQL: OIDCSSO_POSTGRES is not set")
		return engines
	}
	return append(engines, Engine{"postgres", connectorstore.PostgreSQL, newPostgres})
}

// Each runs a test on each engine.
func Each(t *testing.T, test func(t *testing.T, e Engine)) {
	for _, e := range Engines(t) {
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			test(t, e)
		})
	}
}

func open(t testing.TB, driver, dsn string) *sql.DB {
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func newSQLite(t testing.TB) func(testing.TB) *sql.DB {
	path := filepath.Join(t.TempDir(), "sso.db")
	return func(t testing.TB) *sql.DB { return open(t, "sqlite", SQLiteDSN(path)) }
}

// SQLiteDSN is what the documentation of connectorstore.SQLite advises.
func SQLiteDSN(path string) string {
	return "file:" + path + "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=foreign_keys(1)"
}

// newPostgres makes a schema, which is dropped at the end.
func newPostgres(t testing.TB) func(testing.TB) *sql.DB {
	name := "t_" + strings.ToLower(rand.Text())
	admin := open(t, "pgx", os.Getenv("OIDCSSO_POSTGRES"))
	if _, err := admin.Exec("CREATE SCHEMA " + name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := admin.Exec("DROP SCHEMA " + name + " CASCADE"); err != nil {
			t.Error(err)
		}
	})
	dsn, err := url.Parse(os.Getenv("OIDCSSO_POSTGRES"))
	if err != nil {
		t.Fatal(err)
	}
	query := dsn.Query()
	query.Set("search_path", name)
	dsn.RawQuery = query.Encode()
	return func(t testing.TB) *sql.DB { return open(t, "pgx", dsn.String()) }
}
