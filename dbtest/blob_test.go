package dbtest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/oidcsso/oidcsso/connectorstore"
)

// An ID that is a blob is behind every text in SQLite, also behind itself: who reads page by page would never come to an end.
func TestBlobIDs(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	o := newOwners(t, Engines(t)[0])
	acme := o.connector("acme").ID
	o.claim(acme, "acme.example")
	o.sql("PRAGMA foreign_keys = 0")
	o.sql("INSERT INTO oidcsso_claims SELECT x'', connector, 'x.example', wildcard, owned, proof, token, created, expires, verified, thawed, missing_since, mac, checked, 0, 0, 0, 0 FROM oidcsso_claims")
	o.sql("INSERT INTO oidcsso_grants VALUES (x'', 'c', 'a', 'b', 'r', 1, 2, 0, 'm', 0, 0)")
	o.sql("INSERT INTO oidcsso_connectors SELECT x'', tenant, state, revision, config, secret, next_secret, domains, former_issuers, signed_in, created, updated, mac FROM oidcsso_connectors")
	ctx, cancel := context.WithTimeout(ctx, time.Minute) // who looped would do so for ever
	defer cancel()
	faults, err := o.Integrity(ctx)
	if err != nil || !strings.Contains(strings.Join(faults, "\n"), "no text") {
		t.Errorf("it finds %q, %v", faults, err)
	}
	if _, err := o.Reseal(ctx); err != nil {
		t.Error(err)
	}
	for after, pages := "", 0; ; pages++ {
		page, err := o.Connectors(ctx, connectorstore.Filter{After: after, Limit: 1})
		if err != nil || pages > 9 {
			t.Fatalf("page %d: %v", pages, err)
		}
		if len(page) == 0 {
			break
		}
		after = page[0].ID
	}
	o.empty()
}
