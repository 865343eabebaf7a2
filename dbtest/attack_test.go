package dbtest

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/connectorstore"
	"github.com/oidcsso/oidcsso/connectorstore/storetest"
)

// victim is a database that somebody has got write access to, but not the ring.
type victim struct {
	*connectorstore.Store
	Engine
	open func(testing.TB) *sql.DB
	db   *sql.DB
	a, b connectorstore.Connector // of two tenants, both with two secrets, at the same identity provider
}

const (
	secretCurrent = "clear-text-current-secret"
	secretNext    = "clear-text-next-secret"
)

func attacked(t testing.TB, e Engine) *victim {
	t.Helper()
	v := &victim{Engine: e, open: e.New(t)}
	v.db = v.open(t)
	v.Store = storeOver(t, e, v.db)
	if err := v.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	v.a, v.b = v.create(t, "a"), v.create(t, "b")
	return v
}

func storeOver(t testing.TB, e Engine, db *sql.DB) *connectorstore.Store {
	t.Helper()
	store, err := connectorstore.New(db, &connectorstore.Options{Dialect: e.Dialect, Ring: storetest.Ring(t, "dbtest"), SSO: storetest.Options()})
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func (v *victim) create(t testing.TB, tenant string) connectorstore.Connector {
	t.Helper()
	c, err := v.Create(t.Context(), tenant, oidcsso.Config{Issuer: "https://idp.example", ClientID: "client",
		ClientSecret: oidcsso.NewSecret(secretCurrent + "-" + tenant), NextClientSecret: oidcsso.NewSecret(secretNext + "-" + tenant)})
	if err == nil {
		c, err = v.SetState(t.Context(), c.ID, c.Revision, connectorstore.StateActive)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// exec is what the attacker does. query has $1, $2, which both engines know.
func (v *victim) exec(t testing.TB, query string, args ...any) {
	t.Helper()
	if _, err := v.db.ExecContext(t.Context(), query, args...); err != nil {
		t.Fatal(err)
	}
}

// columns are those of a table as the database has it, so that none that is new can be forgotten.
func (v *victim) columns(t testing.TB, table string) []string {
	t.Helper()
	rows, err := v.db.QueryContext(t.Context(), "SELECT * FROM "+table+" WHERE 1 = 0")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil || len(names) == 0 {
		t.Fatal(err)
	}
	return names
}

// text gives one column of one row.
func (v *victim) text(t testing.TB, table, column, id string) string {
	t.Helper()
	var value string
	if err := v.db.QueryRowContext(t.Context(), "SELECT CAST("+column+" AS TEXT) FROM "+table+" WHERE id = $1", id).Scan(&value); err != nil {
		t.Fatal(err)
	}
	return value
}

// wantTampered expects that no call trusts the connector.
func (v *victim) wantTampered(t testing.TB, id string) {
	t.Helper()
	ctx := t.Context()
	_, read := v.Connector(ctx, id)
	_, _, reveal := v.RevealSecrets(ctx, id)
	_, state := v.SetState(ctx, id, v.a.Revision, connectorstore.StateActive)
	_, promote := v.PromoteNextSecret(ctx, id, v.a.Revision)
	_, drop := v.DropSecrets(ctx, id, v.a.Revision, true)
	_, update := v.Update(ctx, v.a)
	_, _, rekey := v.Rekey(ctx, v.a)
	for call, err := range map[string]error{"Connector": read, "RevealSecrets": reveal, "SetState": state, "PromoteNextSecret": promote,
		"DropSecrets": drop, "Update": update, "Rekey": rekey, "Delete": v.Delete(ctx, id, v.a.Revision)} {
		if !errors.Is(err, connectorstore.CodeTampered) {
			t.Errorf("%s: %v; want tampered", call, err)
		}
	}
}

func (v *victim) wantIntact(t testing.TB, want connectorstore.Connector) {
	t.Helper()
	got, err := v.Connector(t.Context(), want.ID)
	if err != nil || got.Revision != want.Revision || got.Tenant != want.Tenant || got.Config.Issuer != want.Config.Issuer {
		t.Errorf("another connector: %+v, %v", got, err)
	}
}

// edits are values for a column of any type; the one that is there already is left out.
func edits(column, now string) []string {
	values := map[string][]string{
		"tenant": {"b", ""}, "state": {"draft", "disabled", "deleted", "ACTIVE", ""}, "revision": {"1", "999999", "-1"},
		"config":  {"{}", `{"id":"","issuer":"https://evil.example","client_id":"client"}`, now + " ", "not JSON", ""},
		"domains": {`[{"name":"b.example","state":"enforced","claim":"x","since":0}]`, "null", "[ ]"}, "former_issuers": {`["https://evil.example"]`, "null"},
		"signed_in": {"0", "1"}, "created": {"0", "1"}, "updated": {"0", "1"},
	}[column]
	if values == nil { // texts: id, secrets, mac
		values = []string{"", "x", now + "x", strings.ToUpper(now), strings.TrimRight(now, "=") + "A", now + "\n"}
	}
	return slices.DeleteFunc(values, func(value string) bool { return value == now })
}

func TestConnectorEditedBySQLIsNotTrusted(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, e Engine) {
		for _, column := range attacked(t, e).columns(t, "oidcsso_connectors") {
			t.Run(column, func(t *testing.T) {
				t.Parallel()
				v := attacked(t, e)
				now := v.text(t, "oidcsso_connectors", column, v.a.ID)
				for i, value := range edits(column, now) {
					id := v.a.ID
					if column == "id" {
						if id = fmt.Sprint(value, i); strings.Contains(value, "\n") {
							continue
						}
						v.exec(t, "UPDATE oidcsso_connectors SET id = $1 WHERE tenant = 'a'", id)
						v.a.ID = id
					} else {
						v.exec(t, "UPDATE oidcsso_connectors SET "+column+" = "+v.cast(column)+" WHERE id = $2", value, id)
					}
					v.wantTampered(t, id)
					v.wantIntact(t, v.b)
					if t.Failed() {
						t.Fatalf("%s = %q", column, value)
					}
				}
			})
		}
	})
}

// cast makes a text fit for a column.
func (v *victim) cast(column string) string {
	switch column {
	case "revision", "signed_in", "created", "updated", "expires", "verified", "missing_since", "until", "revoked":
		return "CAST(CAST($1 AS TEXT) AS BIGINT)"
	case "wildcard", "owned":
		return "CAST(CAST($1 AS TEXT) AS INTEGER)"
	}
	return "CAST($1 AS TEXT)"
}

// What is copied from another row, with or without its MAC, opens nothing there.
func TestRowsThatAreMixed(t *testing.T) {
	t.Parallel()
	const from = "(SELECT %[1]s FROM oidcsso_connectors WHERE id = $1)"
	set := func(columns ...string) string {
		var parts []string
		for _, c := range columns {
			parts = append(parts, fmt.Sprintf("%[1]s = "+from, c))
		}
		return "UPDATE oidcsso_connectors SET " + strings.Join(parts, ", ") + " WHERE id = $2"
	}
	for name, query := range map[string]string{
		"the other's secret":             set("secret"),
		"the other's secret and MAC":     set("secret", "mac"),
		"the other's next secret":        set("next_secret"),
		"both secrets, and the MAC":      set("secret", "next_secret", "mac"),
		"the other's MAC":                set("mac"),
		"the other's configuration, MAC": set("config", "mac"),
		"all of the other but the ID": set("tenant", "state", "config", "secret", "next_secret", "domains", "former_issuers", "signed_in",
			"created", "updated", "mac"),
		"its own secrets, swapped":     "UPDATE oidcsso_connectors SET secret = next_secret, next_secret = secret WHERE id = $2 AND id <> $1",
		"its next secret as current":   "UPDATE oidcsso_connectors SET secret = next_secret WHERE id = $2 AND id <> $1",
		"its tenant as its state":      "UPDATE oidcsso_connectors SET tenant = state, state = tenant WHERE id = $2 AND id <> $1",
		"what moved between columns":   "UPDATE oidcsso_connectors SET tenant = tenant || state, state = '' WHERE id = $2 AND id <> $1",
		"its MAC without the key's ID": "UPDATE oidcsso_connectors SET mac = substr(mac, 10) WHERE id = $2 AND id <> $1",
		"its MAC with another key's":   "UPDATE oidcsso_connectors SET mac = '00000000' || substr(mac, 9) WHERE id = $2 AND id <> $1",
		"a MAC of nothing":             "UPDATE oidcsso_connectors SET mac = substr(mac, 1, 9) WHERE id = $2 AND id <> $1",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			Each(t, func(t *testing.T, e Engine) {
				v := attacked(t, e)
				v.exec(t, query, v.b.ID, v.a.ID)
				v.wantTampered(t, v.a.ID)
				v.wantIntact(t, v.b)
			})
		})
	}
	t.Run("two rows whose IDs are swapped", func(t *testing.T) {
		t.Parallel()
		Each(t, func(t *testing.T, e Engine) {
			v := attacked(t, e)
			for _, step := range [][2]string{{v.a.ID, "between"}, {v.b.ID, v.a.ID}, {"between", v.b.ID}} {
				v.exec(t, "UPDATE oidcsso_connectors SET id = $1 WHERE id = $2", step[1], step[0])
			}
			v.wantTampered(t, v.a.ID)
			v.a = v.b
			v.wantTampered(t, v.a.ID)
		})
	})
	t.Run("a row with another ID", func(t *testing.T) {
		t.Parallel()
		Each(t, func(t *testing.T, e Engine) {
			v := attacked(t, e)
			v.copyRow(t, "oidcsso_connectors", "id", "'copy'", "revision", "revision + 1000")
			v.a.ID = "copy"
			v.wantTampered(t, "copy")
		})
	})
}

// copyRow inserts row a once more, with other values for some columns: name, SQL, name, SQL...
func (v *victim) copyRow(t testing.TB, table string, changed ...string) {
	t.Helper()
	names := v.columns(t, table)
	values := slices.Clone(names)
	for i := 0; i < len(changed); i += 2 {
		values[slices.Index(names, changed[i])] = changed[i+1]
	}
	v.exec(t, "INSERT INTO "+table+" ("+strings.Join(names, ", ")+") SELECT "+strings.Join(values, ", ")+" FROM "+table+" WHERE id = $1", v.a.ID)
}

// An old state of a row, put back with its own MAC, is one that the store wrote. By itself the row can't tell: what it says
// was true once. The test pins what does notice: everybody who has read the newer one. SECURITY.md says what remains.
func TestOldRowPutBack(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, e Engine) {
		v, ctx := attacked(t, e), t.Context()
		v.exec(t, "CREATE TABLE kept AS SELECT * FROM oidcsso_connectors WHERE id = '"+v.a.ID+"'")
		newer, err := v.SetState(ctx, v.a.ID, v.a.Revision, connectorstore.StateDisabled)
		if err != nil {
			t.Fatal(err)
		}
		v.exec(t, "DELETE FROM oidcsso_connectors WHERE id = $1", v.a.ID)
		v.exec(t, "INSERT INTO oidcsso_connectors SELECT * FROM kept")
		if got, err := v.Connector(ctx, v.a.ID); err != nil || got.Revision != v.a.Revision || got.State != connectorstore.StateActive {
			t.Errorf("%+v, %v", got, err)
		}
		if _, err := v.Update(ctx, newer); !errors.Is(err, connectorstore.CodeConflict) {
			t.Errorf("who has read the newer one is not told: %v", err)
		}
		// A change makes a revision that never was, so that replicas see it, and the old state is gone.
		again, err := v.SetState(ctx, v.a.ID, v.a.Revision, connectorstore.StateDisabled)
		if err != nil || again.Revision <= newer.Revision {
			t.Errorf("%+v, %v", again, err)
		}
	})
}

// In a dump there is no secret, in clear or in an encoding.
func TestDumpHasNoSecret(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, e Engine) {
		v, ctx := attacked(t, e), t.Context()
		// Every way in which a secret comes to the database or leaves it.
		if _, err := v.Update(ctx, v.b); err != nil {
			t.Fatal(err)
		}
		if _, err := v.PromoteNextSecret(ctx, v.a.ID, v.a.Revision); err != nil {
			t.Fatal(err)
		}
		rotated, err := connectorstore.New(v.db, &connectorstore.Options{Dialect: e.Dialect, Ring: storetest.Ring(t, "newer", "dbtest"), SSO: storetest.Options()})
		if err != nil {
			t.Fatal(err)
		}
		if done, err := rotated.Reseal(ctx); err != nil || done.Changed != 2 {
			t.Fatal(done, err)
		}
		current, _, err := rotated.RevealSecrets(ctx, v.a.ID)
		if err != nil || current.Reveal() != secretNext+"-a" {
			t.Fatal(current.Reveal(), err)
		}
		for name, text := range v.dumps(ctx, t) {
			if !bytes.Contains(text, []byte(v.a.ID)) {
				t.Errorf("%s is no dump: it lacks the connector", name)
			}
			for _, secret := range []string{secretCurrent, secretNext} {
				for _, form := range []string{secret, base64.StdEncoding.EncodeToString([]byte(secret))[:24], hex.EncodeToString([]byte(secret))} {
					if bytes.Contains(text, []byte(form)) {
						t.Errorf("%s has a secret: %s", name, form)
					}
				}
			}
		}
	})
}

// dumps are all rows, and what a backup has.
func (v *victim) dumps(ctx context.Context, t testing.TB) map[string][]byte {
	t.Helper()
	dumps := map[string][]byte{"SELECT *": v.selectAll(ctx, t)}
	if v.Dialect == connectorstore.SQLite {
		var path string
		if err := v.db.QueryRowContext(ctx, "SELECT file FROM pragma_database_list WHERE name = 'main'").Scan(&path); err != nil {
			t.Fatal(err)
		}
		var files []byte // the log too: what is new is only there
		for _, suffix := range []string{"", "-wal", "-shm"} {
			text, err := os.ReadFile(path + suffix)
			if err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
			files = append(files, text...)
		}
		dumps["the database's files"] = files
		return dumps
	}
	program := pgProgram("pg_dump")
	if program == "" {
		t.Log("without pg_dump, which is not here")
		return dumps
	}
	var schema string
	if err := v.db.QueryRowContext(ctx, "SELECT current_schema()").Scan(&schema); err != nil {
		t.Fatal(err)
	}
	text, err := exec.CommandContext(ctx, program, "--schema="+schema, "--dbname="+os.Getenv("OIDCSSO_POSTGRES")).Output()
	if err != nil {
		t.Fatal(err)
	}
	dumps["pg_dump"] = text
	return dumps
}

func (v *victim) selectAll(ctx context.Context, t testing.TB) []byte {
	t.Helper()
	var text bytes.Buffer
	for _, table := range []string{"oidcsso_meta", "oidcsso_connectors", "oidcsso_claims", "oidcsso_grants"} {
		rows, err := v.db.QueryContext(ctx, "SELECT * FROM "+table)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		names, err := rows.Columns()
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			values := make([]any, len(names))
			for i := range values {
				values[i] = new(any)
			}
			if err := rows.Scan(values...); err != nil {
				t.Fatal(err)
			}
			for i := range values {
				fmt.Fprintf(&text, "%s.%s=%s\n", table, names[i], *values[i].(*any))
			}
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	}
	return text.Bytes()
}

// pgProgram finds a program of PostgreSQL; "" if it is not here.
func pgProgram(name string) string {
	all, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	all = append(all, filepath.Join(os.Getenv("PGBIN"), name))
	if program, err := exec.LookPath(name); err == nil {
		all = append(all, program)
	}
	for _, program := range all {
		if _, err := exec.LookPath(program); err == nil {
			return program
		}
	}
	return ""
}
