package oidcssotest_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/oidcssotest"
)

// ssoBackend is a backend with the library's routes, whose people see who they are.
func ssoBackend(t *testing.T) (*httptest.Server, *oidcssotest.IdP) {
	t.Helper()
	mux := http.NewServeMux()
	server := httptest.NewTLSServer(mux)
	t.Cleanup(server.Close)
	idp := oidcssotest.New(t, server.URL+"/sso")
	idp.AddUser(ann)
	opts := idp.Options()
	router := oidcsso.NewRouter(opts)
	if err := router.Put(idp.Config("acme", "acme.test")); err != nil {
		t.Fatal(err)
	}
	flow, err := oidcsso.NewFlow(opts, router, &oidcsso.FlowOptions{Keys: []oidcsso.SealKey{oidcsso.RandomSealKey()}})
	if err != nil {
		t.Fatal(err)
	}
	handler, err := oidcsso.NewHandler(flow, &oidcsso.HandlerOptions{
		OnSignIn: func(w http.ResponseWriter, r *http.Request, s *oidcsso.SignIn) error {
			http.Redirect(w, r, "/welcome?email="+url.QueryEscape(s.Identity.Email), http.StatusSeeOther)
			return nil
		},
		OnError: func(w http.ResponseWriter, _ *http.Request, err *oidcsso.Error) {
			w.WriteHeader(err.HTTPStatus())
			io.WriteString(w, string(err.Code))
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	mux.Handle("/sso/", handler)
	mux.HandleFunc("GET /welcome", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.FormValue("email")) })
	return server, idp
}

func TestBackend(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		start string
		walk  func(t *testing.T, idp *oidcssotest.IdP, client *http.Client, start string) *http.Response
		want  string
	}{
		{"signs in", "email=ann@acme.test", func(t *testing.T, idp *oidcssotest.IdP, client *http.Client, start string) *http.Response {
			return idp.SignIn(t, client, start, "ann")
		}, "200 ann@acme.test"},
		{"cancels", "connector=acme", func(t *testing.T, idp *oidcssotest.IdP, client *http.Client, start string) *http.Response {
			return idp.Cancel(t, client, start)
		}, "403 access_denied"},
		{"forged token", "connector=acme", func(t *testing.T, idp *oidcssotest.IdP, client *http.Client, start string) *http.Response {
			idp.Faults(func(f *faults) { f.SignWith = oidcssotest.SignUnpublished })
			return idp.SignIn(t, client, start, "ann")
		}, "403 token_rejected"},
		{"identity provider down", "connector=acme", func(t *testing.T, idp *oidcssotest.IdP, client *http.Client, start string) *http.Response {
			idp.Stop()
			return idp.SignIn(t, client, start, "ann")
		}, "503 unavailable"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			server, idp := ssoBackend(t)
			response := test.walk(t, idp, idp.HTTPClient(server.Certificate()), server.URL+"/sso/start?"+test.start)
			body, err := io.ReadAll(response.Body)
			if err != nil {
				t.Fatal(err)
			}
			if got := response.Status[:4] + string(body); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	idp := oidcssotest.New(t, "https://app.example.test/sso")
	one, again := idp.Config("acme", "acme.test", "*.acme.test"), idp.Config("acme")
	if one.ID != "acme" || one.Issuer != idp.Issuer() || one.ClientID != again.ClientID || !one.ClientSecret.Equal(again.ClientSecret) {
		t.Errorf("%+v, then %+v", one, again)
	}
	if !strings.HasSuffix(one.ClientSecret.Reveal(), "+/%:&=~") {
		t.Error("a secret without awkward characters")
	}
	if len(one.Domains) != 2 || one.Domains[0].State != oidcsso.DomainAsserted || !one.Domains[1].Wildcard || len(again.Domains) != 0 {
		t.Errorf("domains %v and %v", one.Domains, again.Domains)
	}
	if other := idp.Config("other"); other.ClientID == one.ClientID || other.ClientSecret.Equal(one.ClientSecret) {
		t.Error("two connectors share a client")
	}
	if _, err := oidcsso.NewConnector(idp.Config("Not An ID"), idp.Options()); !errors.Is(err, oidcsso.CodeConfigInvalid) {
		t.Errorf("a bad ID: %v", err)
	}
}

// One connector, without a backend: Begin, Authorize, Finish; and one clock for both sides.
func TestConnectorAndClock(t *testing.T) {
	t.Parallel()
	idp := oidcssotest.New(t, "https://app.example.test/sso")
	idp.AddUser(ann)
	start := time.Date(2031, 5, 1, 0, 0, 0, 0, time.UTC)
	idp.Configure(func(s *oidcssotest.Settings) { s.Now = func() time.Time { return start } })
	connector, err := oidcsso.NewConnector(idp.Config("acme", "acme.test"), idp.Options(func(o *oidcsso.Options) { o.KeepTokens = true }))
	if err != nil {
		t.Fatal(err)
	}
	begin := func() (*oidcsso.Login, oidcsso.Response) {
		t.Helper()
		authorizationURL, login, err := connector.Begin(t.Context(), oidcsso.BeginParams{Binding: "session"})
		if err != nil {
			t.Fatal(err)
		}
		return login, oidcsso.Response{URL: idp.Authorize(t, authorizationURL, "ann").String(), Binding: "session"}
	}
	login, response := begin()
	id, err := connector.Finish(t.Context(), login, response)
	if err != nil {
		t.Fatal(err)
	}
	if !id.AuthTime.Equal(start) || !id.Expiry.Equal(start.Add(10*time.Minute)) || id.Tokens == nil || id.SessionID == "" {
		t.Errorf("identity %+v", id)
	}
	login, response = begin()
	idp.Configure(func(s *oidcssotest.Settings) { s.Now = func() time.Time { return start.Add(11 * time.Minute) } })
	if _, err := connector.Finish(t.Context(), login, response); !errors.Is(err, oidcsso.CodeLoginExpired) {
		t.Errorf("after eleven minutes: %v", err)
	}
}
