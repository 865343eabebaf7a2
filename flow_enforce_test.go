package oidcsso_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/oidcssotest"
)

func TestEnforceWritesNothingOnErrors(t *testing.T) {
	t.Parallel()
	d := newDirect(t)
	off := d.idp.Config("off", "off.test")
	off.Disabled = true
	d.put(off)
	dead := oidcssotest.New(t, "https://app.example.test/sso")
	d.put(dead.Config("dead", "dead.test"))
	dead.Stop()
	shared := d.idp.Config("shared", "shared.test")
	shared.RedirectURL = "https://app.example.test/shared"
	d.put(shared)
	d.idp.Configure(func(s *oidcssotest.Settings) { s.IssNotSupported = true })
	failing := &fickle{Router: d.router, route: func(context.Context, string) (*oidcsso.Route, error) { return nil, errDatabase }}
	odd := &fickle{Router: d.router, route: func(context.Context, string) (*oidcsso.Route, error) { return nil, nil }}
	vanished := &fickle{Router: d.router, connector: func(context.Context, string) (*oidcsso.Connector, error) { return nil, oidcsso.ErrNotFound }}
	for name, row := range map[string]struct {
		source  oidcsso.Source
		attempt oidcsso.Attempt
		params  oidcsso.BeginParams
		code    oidcsso.Code
	}{
		"the Source fails":                         {failing, oidcsso.Attempt{Typed: "alice@acme.test"}, oidcsso.BeginParams{}, oidcsso.CodeUnavailable},
		"the Source fails for a free address":      {failing, oidcsso.Attempt{Typed: "carol@free.test"}, oidcsso.BeginParams{}, oidcsso.CodeUnavailable},
		"the Source gives nothing":                 {odd, oidcsso.Attempt{Typed: "alice@acme.test"}, oidcsso.BeginParams{}, oidcsso.CodeUnavailable},
		"the connector vanishes in between":        {vanished, oidcsso.Attempt{Typed: "alice@acme.test"}, oidcsso.BeginParams{}, oidcsso.CodeConnectorUnknown},
		"the connector is disabled":                {nil, oidcsso.Attempt{Typed: "alice@off.test"}, oidcsso.BeginParams{}, oidcsso.CodeConnectorDisabled},
		"the identity provider is down":            {nil, oidcsso.Attempt{Typed: "alice@dead.test"}, oidcsso.BeginParams{}, oidcsso.CodeUnavailable},
		"the identity provider promises no iss":    {nil, oidcsso.Attempt{Typed: "alice@shared.test"}, oidcsso.BeginParams{}, oidcsso.CodeIssNotPromised},
		"nothing typed, nobody found":              {nil, oidcsso.Attempt{}, oidcsso.BeginParams{}, oidcsso.CodeAddressMissing},
		"a user name of nobody":                    {nil, oidcsso.Attempt{Typed: "alice"}, oidcsso.BeginParams{}, oidcsso.CodeAddressMissing},
		"two addresses typed":                      {nil, oidcsso.Attempt{Typed: "carol@free.test,alice@acme.test"}, oidcsso.BeginParams{}, oidcsso.CodeAddressInvalid},
		"a malformed address stored":               {nil, oidcsso.Attempt{Typed: "alice", Account: []string{"alice@acme.test@free.test"}}, oidcsso.BeginParams{}, oidcsso.CodeAddressInvalid},
		"a binding":                                {nil, oidcsso.Attempt{Typed: "alice@acme.test"}, oidcsso.BeginParams{Binding: "session-1"}, oidcsso.CodeParamsInvalid},
		"to be unbound":                            {nil, oidcsso.Attempt{Typed: "alice@acme.test"}, oidcsso.BeginParams{InsecureUnbound: true}, oidcsso.CodeParamsInvalid},
		"a return elsewhere":                       {nil, oidcsso.Attempt{Typed: "alice@acme.test"}, oidcsso.BeginParams{ReturnTo: `/\evil.test`}, oidcsso.CodeReturnRefused},
		"too much data":                            {nil, oidcsso.Attempt{Typed: "alice@acme.test"}, oidcsso.BeginParams{Data: make([]byte, 513)}, oidcsso.CodeParamsInvalid},
		"account enforced by a disabled connector": {nil, oidcsso.Attempt{Typed: "carol@free.test", Account: []string{"carol@free.test", "carol@off.test"}}, oidcsso.BeginParams{}, oidcsso.CodeConnectorDisabled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			flow := d.flow
			if row.source != nil {
				flow = d.newFlow(row.source, d.flowOptions())
			}
			handled, err := flow.Enforce(forbidden{t}, callbackRequest("/login", &http.Cookie{Name: "__Host-oidcsso-junkjunkjunk", Value: "x"}), row.attempt, row.params)
			if handled {
				t.Error("it says that it sent the browser away")
			}
			wantError(t, err, row.code)
		})
	}
	// And when the attempt may go on, nothing is written either.
	for _, attempt := range []oidcsso.Attempt{{Typed: "carol@free.test"}, {Typed: "carol", Account: []string{"carol@free.test"}}} {
		handled, err := d.flow.Enforce(forbidden{t}, httptest.NewRequest(http.MethodPost, "/login", nil), attempt, oidcsso.BeginParams{ReturnTo: "//evil.test"})
		if handled || err != nil {
			t.Errorf("%+v: %t, %v", attempt, handled, err)
		}
	}
}

// Who types a user name may be anybody: the URL must not tell them the account's address.
func TestEnforceTellsNoAddressOfTheAccount(t *testing.T) {
	t.Parallel()
	d := newDirect(t)
	globex := oidcssotest.New(t, "https://app.example.test/sso")
	d.put(globex.Config("globex", "globex.test"))
	for name, row := range map[string]struct {
		attempt oidcsso.Attempt
		params  oidcsso.BeginParams
		idp     *oidcssotest.IdP
		hint    string
	}{
		"address":                    {oidcsso.Attempt{Typed: "alice@acme.test"}, oidcsso.BeginParams{}, d.idp, "alice@acme.test"},
		"address in another form":    {oidcsso.Attempt{Typed: " Alice@ACME.test. "}, oidcsso.BeginParams{}, d.idp, "Alice@acme.test"},
		"user name":                  {oidcsso.Attempt{Typed: "alice", Account: []string{"private@acme.test"}}, oidcsso.BeginParams{}, d.idp, ""},
		"user name with an at":       {oidcsso.Attempt{Typed: "@alice", Account: []string{"private@acme.test"}}, oidcsso.BeginParams{}, d.idp, ""},
		"nothing, as with a passkey": {oidcsso.Attempt{Account: []string{"private@acme.test"}, Method: oidcsso.MethodPasskey}, oidcsso.BeginParams{}, d.idp, ""},
		"free address, account enforced": {oidcsso.Attempt{Typed: "alice@free.test", Account: []string{"alice@free.test", "private@acme.test"}},
			oidcsso.BeginParams{}, d.idp, "alice@free.test"},
		"typed goes before the account": {oidcsso.Attempt{Typed: "alice@globex.test", Account: []string{"private@acme.test", "alice@globex.test"}},
			oidcsso.BeginParams{}, globex, "alice@globex.test"},
		"a hint of the backend's own":  {oidcsso.Attempt{Typed: "alice@acme.test"}, oidcsso.BeginParams{LoginHint: "alice.ames"}, d.idp, "alice.ames"},
		"a quoted address, no hint":    {oidcsso.Attempt{Typed: `"alice"@acme.test`, Account: []string{"private@acme.test"}}, oidcsso.BeginParams{}, d.idp, ""},
		"a hint for a user name typed": {oidcsso.Attempt{Typed: "alice", Account: []string{"private@acme.test"}}, oidcsso.BeginParams{LoginHint: "alice"}, d.idp, "alice"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := httptest.NewRecorder()
			handled, err := d.flow.Enforce(w, httptest.NewRequest(http.MethodPost, "/login", nil), row.attempt, row.params)
			if !handled || err != nil {
				t.Fatalf("%t, %v", handled, err)
			}
			location, err := w.Result().Location()
			if err != nil || !strings.HasPrefix(location.String(), row.idp.Issuer()+"/") {
				t.Fatalf("sent to %s, %v", location, err)
			}
			if hint := location.Query()["login_hint"]; row.hint == "" && hint != nil || row.hint != "" && !slices.Equal(hint, []string{row.hint}) {
				t.Errorf("login_hint %q, want %q", hint, row.hint)
			}
			var all bytes.Buffer
			w.Result().Header.Write(&all)
			if text := all.String() + w.Body.String(); strings.Contains(text, "private") {
				t.Errorf("the account's address is told: %s", text)
			}
		})
	}
}

func TestDecideOfAFlow(t *testing.T) {
	t.Parallel()
	d := newDirect(t)
	decision, err := d.flow.Decide(t.Context(), oidcsso.Attempt{Typed: "alice", Account: []string{"alice@acme.test"}, Method: oidcsso.MethodPasswordReset})
	if err != nil || decision.Allowed() || decision.Connector.ID() != "acme" || decision.Address != "alice@acme.test" || decision.Domain.Name != "acme.test" {
		t.Errorf("%+v, %v", decision, err)
	}
	decision, err = d.flow.Decide(t.Context(), oidcsso.Attempt{Typed: "carol@free.test"})
	if err != nil || !decision.Allowed() || decision.Connector != nil {
		t.Errorf("%+v, %v", decision, err)
	}
	failing := d.newFlow(&fickle{Router: d.router, route: func(context.Context, string) (*oidcsso.Route, error) { return nil, errDatabase }}, d.flowOptions())
	decision, err = failing.Decide(t.Context(), oidcsso.Attempt{Typed: "carol@free.test"})
	if wantError(t, err, oidcsso.CodeUnavailable); decision.Allowed() || !errors.Is(err, errDatabase) {
		t.Errorf("%+v, %v", decision, err)
	}
}
