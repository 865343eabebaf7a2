package connectorstore

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// An operator who looks at the status by HTTP, or in the log, learns what is wrong.
func TestStatusIsReadable(t *testing.T) {
	t.Parallel()
	status := Status{Revision: 7, LastSync: time.Unix(0, 0).UTC(), Err: errors.New("the database is away"), Connectors: 2,
		Quarantined: []Quarantined{{ID: "acme", Err: errors.New("bad row")}}}
	bad := Listed{Connector: Connector{ID: "acme"}, Err: errors.New("bad row")}
	for _, test := range []struct {
		value any
		want  string
	}{
		{status, `{"revision":7,"last_sync":"1970-01-01T00:00:00Z","connectors":2,"quarantined":[{"id":"acme","error":"bad row"}],"error":"the database is away"}`},
		{Status{}, `{"revision":0,"connectors":0,"quarantined":[]}`},
		{bad, `{"id":"acme","error":"bad row"}`},
	} {
		if text, err := json.Marshal(test.value); string(text) != test.want || err != nil {
			t.Errorf("%s, %v", text, err)
		}
	}
	if text, err := json.Marshal(Listed{Connector: Connector{ID: "acme", Tenant: "a"}}); !strings.HasPrefix(string(text), `{"id":"acme","tenant":"a","state":`) || strings.Contains(string(text), "rror") || err != nil {
		t.Errorf("%s, %v", text, err)
	}
	var b bytes.Buffer
	log := slog.New(slog.NewTextHandler(&b, nil))
	log.Info("x", "status", status, "one", status.Quarantined[0])
	for _, want := range []string{"status.revision=7", "status.quarantined=1", `status.error="the database is away"`, "one.id=acme", `one.error="bad row"`} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in %s", want, &b)
		}
	}
}
