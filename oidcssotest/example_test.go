package oidcssotest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/oidcssotest"
)

// newApp stands for the constructor of your backend: it takes the options and the source of connectors.
func newApp(opts *oidcsso.Options, source oidcsso.Source) (http.Handler, error) {
	flow, err := oidcsso.NewFlow(opts, source, &oidcsso.FlowOptions{Keys: []oidcsso.SealKey{oidcsso.RandomSealKey()}})
	if err != nil {
		return nil, err
	}
	return oidcsso.NewHandler(flow, &oidcsso.HandlerOptions{
		OnSignIn: func(w http.ResponseWriter, _ *http.Request, s *oidcsso.SignIn) error {
			fmt.Fprintln(w, "Welcome,", s.Identity.Name)
			return nil
		},
	})
}

var testSignIn, testLinking func(*testing.T)

func TestExamples(t *testing.T) {
	Example()
	ExampleIdentity()
	Example_takeover()
	t.Run("sign-in", testSignIn)
	t.Run("linking", testLinking)
	t.Run("takeover", testTakeover)
}

// A backend's test: somebody signs in through the customer's identity provider, and nobody gets in by a forged token.
func Example() {
	testSignIn = func(t *testing.T) { // in your test file: func TestSignIn(t *testing.T) {
		mux := http.NewServeMux()
		backend := httptest.NewServer(mux)
		defer backend.Close()

		idp := oidcssotest.New(t, backend.URL+"/sso")
		idp.AddUser(oidcssotest.User{Email: "ann@acme.test", Name: "Ann", Password: "secret"})
		opts := idp.Options()
		router := oidcsso.NewRouter(opts)
		if err := router.Put(idp.Config("acme", "acme.test")); err != nil {
			t.Fatal(err)
		}
		app, err := newApp(opts, router)
		if err != nil {
			t.Fatal(err)
		}
		mux.Handle("/sso/", app)

		start := backend.URL + "/sso/start?email=ann@acme.test"
		if response := idp.SignIn(t, nil, start, "ann@acme.test"); response.StatusCode != http.StatusOK {
			t.Errorf("sign-in: %s", response.Status)
		}
		idp.Faults(func(f *oidcssotest.Faults) { f.SignWith = oidcssotest.SignUnpublished })
		if response := idp.SignIn(t, nil, start, "ann@acme.test"); response.StatusCode != http.StatusForbidden {
			t.Errorf("forged token: %s", response.Status)
		}
	}
}

// An identity without a backend, for the test of what makes an account of it.
func ExampleIdentity() {
	testLinking = func(t *testing.T) { // in your test file: func TestLinking(t *testing.T) {
		verified := oidcssotest.Identity(t, oidcssotest.User{Subject: "42", Email: "ann@acme.test"})
		silent := oidcssotest.Identity(t, oidcssotest.User{Subject: "42", Email: "ann@acme.test", EmailVerified: oidcssotest.SaysNothing},
			func(c *oidcsso.Config) { c.Domains = nil }) // a plain "Sign in with ..." button
		if verified.Key() != silent.Key() {
			t.Error("the same person has two keys")
		}
		if verified.Email != "ann@acme.test" || silent.Email != "" {
			t.Errorf("trusted addresses: %q and %q", verified.Email, silent.Email)
		}
	}
}

// An identity provider beside a demo, on the same port.
func ExampleNewLocal() {
	idp := oidcssotest.NewLocal("http://127.0.0.1:8080/idp/acme", "http://127.0.0.1:8080/sso")
	idp.Configure(func(s *oidcssotest.Settings) {
		s.Name, s.Accent, s.Hint = "Acme Corp", "#7a1f5c", "Demo account: ann@acme.test, any password"
	})
	idp.AddUser(oidcssotest.User{Email: "ann@acme.test", Name: "Ann"})

	router := oidcsso.NewRouter(idp.Options())
	if err := router.Put(idp.Config("acme", "acme.test")); err != nil {
		fmt.Println(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/idp/acme/", idp)
	fmt.Println(idp.Issuer())
	// Output: http://127.0.0.1:8080/idp/acme
}
