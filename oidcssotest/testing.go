package oidcssotest

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/oidcsso/oidcsso"
)

// Options are those of the backend under test: its BaseURL, the right to reach the identity provider on loopback, trust in
// its certificate, its clock, and, for an IdP of [New], a Logger that writes to the test's log. Each call makes new ones, so
// keep them for everything of one backend.
func (p *IdP) Options(changes ...func(*oidcsso.Options)) *oidcsso.Options {
	opts := &oidcsso.Options{
		BaseURL: p.baseURL,
		Egress:  oidcsso.Egress{InsecureAllowLoopback: true, RootCAs: p.roots},
		Now:     p.now,
	}
	if p.t != nil {
		opts.Logger = newTestLogger(p.t)
	}
	for _, change := range changes {
		change(opts)
	}
	return opts
}

// Config registers a client for the connector id, with its Callback URI below the BaseURL, and gives the Config that an
// administrator would enter; the domains are asserted. A second call with the same id gives the same client. Its secret
// has characters that a sloppy client authentication damages.
//
// It does not judge id and domains: that is for what the Config is given to.
func (p *IdP) Config(id string, domains ...string) oidcsso.Config {
	client, ok := p.client(id + "-client")
	if !ok {
		client = Client{ID: id + "-client", Secret: rand.Text() + "+/%:&=~"}
	}
	if uri, err := oidcsso.CallbackURL(p.baseURL, id); err == nil && !slices.Contains(client.RedirectURIs, uri) {
		client.RedirectURIs = append(client.RedirectURIs, uri)
	}
	p.AddClient(client)
	return oidcsso.Config{
		ID: id, Issuer: p.issuer, ClientID: client.ID, ClientSecret: oidcsso.NewSecret(client.Secret),
		Domains: oidcsso.AssertDomains(domains...),
	}
}

// Identity signs the user in, by the real protocol but without a network, and gives the Identity that a backend would get:
// for unit tests of what comes after a sign-in, such as the linking of accounts.
//
// The connector is "acme", its issuer "https://idp.example.test", and its one asserted domain that of the user's address.
// changes may make it another one; the same User and the same changes give the same Identity.Key each time. An Identity
// that the connector refuses fails the test.
func Identity(t testing.TB, u User, changes ...func(*oidcsso.Config)) *oidcsso.Identity {
	t.Helper()
	id, err := identity(t, u, changes)
	if err != nil {
		t.Fatalf("oidcssotest: no identity: %v", err)
	}
	return id
}

func identity(t testing.TB, u User, changes []func(*oidcsso.Config)) (*oidcsso.Identity, error) {
	t.Helper()
	cfg := oidcsso.Config{ID: "acme", Issuer: "https://idp.example.test", ClientID: "acme-client", ClientSecret: oidcsso.NewSecret("secret")}
	if at := strings.LastIndexByte(u.Email, '@'); at >= 0 {
		cfg.Domains = oidcsso.AssertDomains(u.Email[at+1:])
	}
	for _, change := range changes {
		change(&cfg)
	}
	p := NewLocal(cfg.Issuer, "https://app.example.test/sso")
	p.transport = inProcess{p}
	p.Configure(func(s *Settings) { s.Algorithm = "ES256" }) // its keys are made in no time
	p.AddUser(u)
	connector, err := oidcsso.NewConnector(cfg, p.Options(func(o *oidcsso.Options) {
		o.Logger = newTestLogger(t)
		o.AllowDomain = func(string) bool { return true }
		o.Egress.WrapTransport = func(http.RoundTripper) http.RoundTripper { return p.transport }
	}))
	if err != nil {
		return nil, err
	}
	client := Client{ID: cfg.ClientID, Secret: cfg.ClientSecret.Reveal(), RedirectURIs: []string{connector.CallbackURL()}}
	if client.Secret == "" {
		client.AuthMethod = authNone
	}
	p.AddClient(client)
	authorizationURL, login, err := connector.Begin(t.Context(), oidcsso.BeginParams{InsecureUnbound: true})
	if err != nil {
		return nil, err
	}
	answer := p.Authorize(t, authorizationURL, u.subject())
	return connector.Finish(t.Context(), login, oidcsso.Response{URL: answer.String()})
}

// inProcess brings requests to an IdP that no server serves.
type inProcess struct{ idp *IdP }

// RoundTrip makes of a client's request the one that a server would have got.
func (t inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	if !strings.HasPrefix(r.URL.String(), t.idp.endpoint("/")) {
		return nil, fmt.Errorf("oidcssotest: nothing is served at %s", r.URL.Host)
	}
	request := r.Clone(r.Context())
	if request.Body == nil {
		request.Body = http.NoBody
	}
	recorder := httptest.NewRecorder()
	t.idp.ServeHTTP(recorder, request)
	response := recorder.Result()
	response.Request = r
	return response, nil
}
