package dbtest

import (
	"database/sql"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/connectorstore"
)

// The application's other tables may need another isolation, or a pooler the simple protocol. All who write at once still do so
// one after the other, and nobody is refused for it.
func TestPostgreSQLSettings(t *testing.T) {
	t.Parallel()
	if os.Getenv("OIDCSSO_POSTGRES") == "" {
		t.Skip("OIDCSSO_POSTGRES is not set")
	}
	for name, set := range map[string]url.Values{
		"repeatable read": {"default_transaction_isolation": {"repeatable read"}},
		"serializable":    {"default_transaction_isolation": {"serializable"}},
		"simple protocol": {"default_query_exec_mode": {"simple_protocol"}},
		"no preparation":  {"default_query_exec_mode": {"exec"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := Engine{"postgres", connectorstore.PostgreSQL, func(t testing.TB) func(testing.TB) *sql.DB {
				plain := newPostgres(t)
				var schema string
				if err := plain(t).QueryRow("SHOW search_path").Scan(&schema); err != nil {
					t.Fatal(err)
				}
				dsn := os.Getenv("OIDCSSO_POSTGRES") + "&search_path=" + schema + "&" + strings.ReplaceAll(set.Encode(), "+", "%20")
				return func(t testing.TB) *sql.DB { return open(t, "pgx", dsn) }
			}}
			o := newOwners(t, e)
			db := o.open(t)
			store := o.replica(db, 1)
			l := store.NewLive(nil)
			var all sync.WaitGroup
			for range 8 {
				all.Go(func() {
					for range 5 {
						c, err := store.Create(t.Context(), "acme", oidcsso.Config{Issuer: "https://acme.okta.com", ClientID: "x", ClientSecret: oidcsso.NewSecret("hunter2")})
						if err == nil {
							_, err = store.SetState(t.Context(), c.ID, c.Revision, connectorstore.StateActive)
						}
						if err != nil {
							t.Error(err)
						}
						if err := l.Sync(t.Context()); err != nil {
							t.Error(err)
						}
					}
				})
			}
			all.Wait()
			if s := l.Status(); s.Connectors != 40 || len(s.Quarantined) != 0 {
				t.Errorf("the status is %+v", s)
			}
			claim := o.owned(o.connector("acme").ID, "acme.example", oidcsso.DomainEnforced)
			must(t)(o.Freeze(t.Context(), claim.ID))
			if _, err := o.Reseal(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}
