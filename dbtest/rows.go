package dbtest

import (
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/connectorstore"
)

// Secret is the key of all stores here.
const Secret = "0123456789abcdef0123456789abcdef"

// Ring is the ring of all stores here.
func Ring(t testing.TB) *connectorstore.Ring {
	t.Helper()
	key, err := connectorstore.NewKey([]byte(Secret))
	if err != nil {
		t.Fatal(err)
	}
	ring, err := connectorstore.NewRing(key)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// Row is a connector's row as a Store writes it, made by hand: a hundred thousand changes by the Store itself would take
// minutes. That it is made right, the Lives of the tests say, which trust no other.
type Row struct {
	ID       string
	State    string // default: active
	Revision int64
	Config   oidcsso.Config
	Domains  []oidcsso.Domain
	Secret   string // the client secret
}

// RowColumns are the columns of Values.
var RowColumns = []string{"id", "tenant", "state", "revision", "config", "secret", "next_secret", "domains", "former_issuers", "signed_in", "created", "updated", "mac"}

// Values are the row's columns, signed.
func (r Row) Values(t testing.TB, ring *connectorstore.Ring) []any {
	t.Helper()
	if r.State == "" {
		r.State = "active"
	}
	type domain struct {
		Name     string              `json:"name"`
		Wildcard bool                `json:"wildcard,omitempty"`
		State    oidcsso.DomainState `json:"state"`
		Claim    string              `json:"claim"`
		Since    int64               `json:"since"`
	}
	domains := []domain{}
	for _, d := range r.Domains {
		domains = append(domains, domain{d.Name, d.Wildcard, d.State, d.ClaimID, 0})
	}
	cfg := r.Config
	cfg.ID = r.ID
	secret := ""
	if r.Secret != "" {
		sealed, err := ring.Seal(context.Background(), []byte(r.Secret), joined("oidcsso connectorstore v1", "client_secret", r.ID, cfg.Issuer, cfg.ClientID, cfg.TokenEndpointAuthMethod))
		if err != nil {
			t.Fatal(err)
		}
		secret = base64.StdEncoding.EncodeToString(sealed)
	}
	values := []any{r.ID, "tenant", r.State, r.Revision, text(t, cfg), secret, "", text(t, domains), "[]", int64(0), int64(1), int64(1)}
	return append(values, Sign(t, "connector", values...))
}

// Sign gives the MAC of a row, for whoever has the key.
func Sign(t testing.TB, table string, columns ...any) string {
	t.Helper()
	derive := func(use string, size int) []byte {
		key, err := hkdf.Key(sha256.New, []byte(Secret), nil, "oidcsso connectorstore v1 "+use, size)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	parts := []string{table}
	for _, c := range columns {
		parts = append(parts, fmt.Sprint(c))
	}
	h := hmac.New(sha256.New, derive("mac", sha256.Size))
	h.Write(joined(parts...))
	return hex.EncodeToString(derive("id", 4)) + "." + base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

func joined(parts ...string) []byte {
	var b []byte
	for _, part := range parts {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(part))), part...)
	}
	return b
}

func text(t testing.TB, value any) string {
	t.Helper()
	b, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Insert writes rows in one transaction, and moves the store's revision on to the highest.
func Insert(t testing.TB, e Engine, db *sql.DB, table string, columns []string, rows [][]any) {
	t.Helper()
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	const batch = 200
	for len(rows) > 0 {
		n := min(batch, len(rows))
		var values []any
		var query strings.Builder
		query.WriteString("INSERT INTO " + table + " (" + strings.Join(columns, ", ") + ") VALUES ")
		for i, row := range rows[:n] {
			if i > 0 {
				query.WriteString(", ")
			}
			query.WriteString("(" + strings.Repeat("?, ", len(columns)-1) + "?)")
			values = append(values, row...)
		}
		if _, err := tx.Exec(e.Query(query.String()), values...); err != nil {
			t.Fatal(err)
		}
		rows = rows[n:]
	}
	if _, err := tx.Exec("UPDATE oidcsso_meta SET revision = (SELECT MAX(r) FROM (SELECT revision AS r FROM oidcsso_meta UNION ALL SELECT MAX(revision) AS r FROM oidcsso_connectors) AS all_of_them)"); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
}

// Query has "?" for each argument, whatever the engine wants.
func (e Engine) Query(query string) string {
	if e.Dialect != connectorstore.PostgreSQL {
		return query
	}
	var b strings.Builder
	for n := 1; ; n++ {
		before, after, found := strings.Cut(query, "?")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		b.WriteString("$" + strconv.Itoa(n))
		query = after
	}
}
