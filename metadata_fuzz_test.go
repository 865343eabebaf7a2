package oidcsso

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// What is accepted of a hostile discovery document sends nobody anywhere but to https URLs without tricks, and asks for
// nothing in the library's name.
func FuzzDiscoveryDocument(f *testing.F) {
	const issuer = "https://idp.example.test"
	known, err := filepath.Glob("testdata/discovery/*.json")
	if err != nil || len(known) == 0 {
		f.Fatalf("no documents: %v", err)
	}
	for _, name := range known {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		var document struct{ Issuer string }
		if json.Unmarshal(text, &document) == nil && document.Issuer != "" {
			text = []byte(strings.ReplaceAll(string(text), document.Issuer, issuer))
		}
		f.Add(text)
	}
	f.Add([]byte(`{"issuer":"https://idp.example.test","authorization_endpoint":"https://a.test/?x=1","token_endpoint":"https://a.test","jwks_uri":"https://a.test"}`))
	f.Fuzz(func(t *testing.T, document []byte) {
		m, err := parseMetadata(document, issuer, true, time.Unix(0, 0))
		if err != nil {
			if e := AsError(err); e.Code != CodeMetadataInvalid && e.Code != CodeIssuerMismatch || len(e.Error()) > 8000 {
				t.Fatalf("%s with a text of %d bytes", e.Code, len(e.Error()))
			}
			return
		}
		if m.Issuer != issuer || len(m.algorithms) == 0 {
			t.Fatalf("accepted issuer %q with algorithms %q", m.Issuer, m.algorithms)
		}
		for _, field := range m.usedEndpoints() {
			if *field.to == "" && field.name == "userinfo_endpoint" {
				continue
			}
			u, err := parseHTTPURL(*field.to, false)
			if err != nil || u.Scheme != "https" {
				t.Fatalf("%s is %q", field.name, *field.to)
			}
			if field.name == "authorization_endpoint" {
				for name := range u.Query() {
					if slices.Contains(ownParameters, name) {
						t.Fatalf("the authorization endpoint has %q of its own", name)
					}
				}
			}
		}
		if kept := m.kept().metadata(issuer); !reflect.DeepEqual(kept, m) {
			t.Fatalf("kept is %+v of %+v", kept, m)
		}
		for _, field := range m.lists() {
			if len(*field.to) > maxMetadataList {
				t.Fatalf("%s has %d entries", field.name, len(*field.to))
			}
		}
	})
}
