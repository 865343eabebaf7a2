package oidcssotest_test

import (
	"errors"
	"testing"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/oidcssotest"
)

var testConnector, testOutage, testTwoFaults func(*testing.T)

func TestMoreExamples(t *testing.T) {
	ExampleNew()
	ExampleIdP_Stop()
	ExampleIdP_Faults()
	t.Run("connector", testConnector)
	t.Run("outage", testOutage)
	t.Run("faults", testTwoFaults)
}

// The shortest test of all: the protocol alone, without a backend.
func ExampleNew() {
	testConnector = func(t *testing.T) { // in your test file: func TestConnector(t *testing.T) {
		idp := oidcssotest.New(t, "https://app.example.test/sso")
		idp.AddUser(oidcssotest.User{Subject: "42", Email: "ann@acme.test", Groups: []string{"staff"}})
		connector, err := oidcsso.NewConnector(idp.Config("acme", "acme.test"), idp.Options())
		if err != nil {
			t.Fatal(err)
		}
		authorizationURL, login, err := connector.Begin(t.Context(), oidcsso.BeginParams{Binding: "her session"})
		if err != nil {
			t.Fatal(err)
		}
		callback := idp.Authorize(t, authorizationURL, "ann@acme.test") // what her browser does
		identity, err := connector.Finish(t.Context(), login, oidcsso.Response{URL: callback.String(), Binding: "her session"})
		if err != nil {
			t.Fatal(err)
		}
		if identity.Subject != "42" || identity.Email != "ann@acme.test" {
			t.Errorf("%+v", identity)
		}
	}
}

// A backend's test for the day on which a customer's identity provider is down.
func ExampleIdP_Stop() {
	testOutage = func(t *testing.T) { // in your test file: func TestOutage(t *testing.T) {
		idp := oidcssotest.New(t, "https://app.example.test/sso")
		connector, err := oidcsso.NewConnector(idp.Config("acme", "acme.test"), idp.Options())
		if err != nil {
			t.Fatal(err)
		}
		idp.Stop()
		_, _, err = connector.Begin(t.Context(), oidcsso.BeginParams{Binding: "her session"})
		if !errors.Is(err, oidcsso.CodeUnavailable) {
			t.Errorf("while it is down: %v", err)
		}
		idp.Start() // at the same address; the failure is remembered for half a second
	}
}

// What a hostile or broken identity provider sends. The table at Faults has more.
func ExampleIdP_Faults() {
	testTwoFaults = func(t *testing.T) { // in your test file: func TestFaults(t *testing.T) {
		idp := oidcssotest.New(t, "https://app.example.test/sso")
		idp.AddUser(oidcssotest.User{Subject: "42", Email: "ann@acme.test"})
		connector, err := oidcsso.NewConnector(idp.Config("acme", "acme.test"), idp.Options())
		if err != nil {
			t.Fatal(err)
		}
		for name, fault := range map[string]func(*oidcssotest.Faults){
			"another audience": func(f *oidcssotest.Faults) {
				f.IDTokenClaims = func(m map[string]any) { m["aud"] = "another client" }
			},
			"EMAIL beside email": func(f *oidcssotest.Faults) {
				f.IDTokenClaims = func(m map[string]any) { m["EMAIL"] = "eve@acme.test" }
			},
		} {
			idp.Faults(func(f *oidcssotest.Faults) { *f = oidcssotest.Faults{}; fault(f) })
			authorizationURL, login, err := connector.Begin(t.Context(), oidcsso.BeginParams{InsecureUnbound: true})
			if err != nil {
				t.Fatal(err)
			}
			callback := idp.Authorize(t, authorizationURL, "42")
			_, err = connector.Finish(t.Context(), login, oidcsso.Response{URL: callback.String()})
			if !errors.Is(err, oidcsso.CodeTokenRejected) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
