package interop

import (
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/oidcsso/oidcsso"
)

func configurationCases() []testCase {
	return []testCase{
		{"check", "`Connector.Check` finds nothing that would keep a sign-in from working.", testCheck},
		{"check of a wrong secret", "`Connector.Check` finds the wrong secret before anybody signs in.", testCheckSecret},
		{"wrong client secret", "`client_rejected`, with a remedy that names the secret.", testWrongSecret},
		{"issuer off by a slash", "`issuer_mismatch` before anybody leaves the backend, and the remedy says exactly what to enter.", testSlash},
		{"client_secret_basic", "Where it is offered, the secret goes into the Authorization header, in one request.", testBasic},
		{"client_secret_post", "Where basic is not offered, the secret goes into the body, in one request. (The discovery document is changed on the way to offer post alone; the token endpoint is the real one.)", testPost},
		{"client for post alone", "Basic is offered, and the client is registered for client_secret_post: `client_rejected` after one request, and with the setting that the remedy names the sign-in works.", testPostOnly},
		{"public client", "A client without a secret, by PKCE alone.", testPublic},
		{"signing algorithms", "ID tokens of clients with another algorithm: asymmetric ones are taken, unsigned, HMAC and encrypted ones refused.", testAlgorithms},
	}
}

func testCheck(c *trial) {
	findings := c.check(c.backend())
	var seen []string
	for _, f := range findings {
		if f.Level >= slog.LevelError {
			c.Errorf("%s: %s %s", f.Code, f.Message, f.Remedy)
		}
		if f.Level >= slog.LevelWarn || strings.HasPrefix(f.Code, "client_") {
			seen = append(seen, f.Code)
		}
	}
	c.note(strings.Join(seen, ", "))
}

func testCheckSecret(c *trial) {
	if c.codeFirst {
		c.na("it looks at the code before the secret, and a check has no code that it would take")
	}
	findings := c.check(c.backend(func(s *setUp) { s.config.ClientSecret = oidcsso.NewSecret("a secret that expired") }))
	if findings[0].Code != string(oidcsso.CodeClientRejected) || findings[0].Level != slog.LevelError {
		c.Errorf("the gravest finding is %+v", findings[0])
	}
}

// check gives what the library has to say about a backend's connector.
func (c *trial) check(be *backend) []oidcsso.Finding {
	c.Helper()
	connector, err := be.router.Connector(c.Context(), connectorID)
	if err != nil {
		c.Fatal(err)
	}
	md, findings := connector.Check(c.Context())
	if md == nil || md.Issuer != c.issuer || len(findings) == 0 {
		c.Fatalf("it found %+v, %+v", md, findings)
	}
	return findings
}

func testWrongSecret(c *trial) {
	const wrong = "a secret that expired"
	be := c.backend(func(s *setUp) { s.config.ClientSecret = oidcsso.NewSecret(wrong) })
	b := c.newBrowser()
	e := c.refused(b, c.authorize(b, c.begin(b, c.alice.email), c.alice), oidcsso.CodeClientRejected)
	if !strings.Contains(e.Remedy, "secret") || strings.Contains(e.Error(), wrong) {
		c.Errorf("the error is %v", e)
	}
	if n := len(be.wire.tokenRequests()); n != 1 {
		c.Errorf("%d token requests", n)
	}
	c.note("it answers " + providerError(e))
}

func testSlash(c *trial) {
	typed, slash := strings.CutSuffix(c.issuer, "/")
	if !slash {
		typed += "/"
	}
	be := c.backend(func(s *setUp) { s.config.Issuer = typed })
	b := c.newBrowser()
	page := c.login(b, c.alice.email)
	e := be.lastFailure()
	if e == nil || page.Status != http.StatusServiceUnavailable || len(b.Cookies(c.origin("/"))) != 0 {
		c.Fatalf("the login form was answered with %d, %v", page.Status, e)
	}
	c.hasCode(e, oidcsso.CodeIssuerMismatch)
	if want := "Use exactly: " + c.issuer; !strings.HasSuffix(e.Remedy, want) {
		c.Errorf("the remedy is %q", e.Remedy)
	}
	if be.passwordsCompared() != 0 {
		c.Error("the password form opened")
	}
}

func testBasic(c *trial) {
	c.authenticates(c.client, nil, tokenRequest{basic: true})
}

func testPost(c *trial) {
	c.authenticates(c.post, []string{"client_secret_post"}, tokenRequest{post: true})
}

func testPostOnly(c *trial) {
	if !c.strictAuth {
		c.na("its clients may use any method that it offers")
	}
	be := c.backend(func(s *setUp) { s.config.ClientID, s.config.ClientSecret = c.post.id, oidcsso.NewSecret(c.post.secret) })
	b := c.newBrowser()
	e := c.refused(b, c.authorize(b, c.begin(b, c.alice.email), c.alice), oidcsso.CodeClientRejected)
	if !strings.Contains(e.Remedy, "token_endpoint_auth_method to client_secret_post") {
		c.Errorf("the remedy is %q", e.Remedy)
	}
	if n := len(be.wire.tokenRequests()); n != 1 {
		c.Errorf("%d token requests", n)
	}
	c.backend(func(s *setUp) {
		s.config.ClientID, s.config.ClientSecret = c.post.id, oidcsso.NewSecret(c.post.secret)
		s.config.TokenEndpointAuthMethod = "client_secret_post"
	})
	c.isAlice(c.signIn(c.newBrowser(), c.alice))
}

// authenticates signs in with a client, and the one token request must be as wanted.
func (c *trial) authenticates(cl client, offered []string, want tokenRequest) {
	c.Helper()
	be := c.backend(func(s *setUp) {
		s.config.ClientID, s.config.ClientSecret = cl.id, oidcsso.NewSecret(cl.secret)
		s.wire.authMethods = offered
	})
	c.isAlice(c.signIn(c.newBrowser(), c.alice))
	if got := be.wire.tokenRequests(); !slices.Equal(got, []tokenRequest{want}) {
		c.Errorf("token requests %+v, want %+v", got, want)
	}
}

func testPublic(c *trial) {
	c.authenticates(c.public, nil, tokenRequest{})
}

func testAlgorithms(c *trial) {
	if len(c.algorithms) == 0 {
		c.na("it has no clients with another algorithm")
	}
	var seen []string
	for _, name := range slices.Sorted(maps.Keys(c.algorithms)) {
		a := c.algorithms[name]
		c.backend(func(s *setUp) {
			s.config.ClientID, s.config.ClientSecret = a.client.id, oidcsso.NewSecret(a.client.secret)
		})
		b := c.newBrowser()
		callback := c.authorize(b, c.begin(b, c.alice.email), c.alice)
		if a.taken {
			c.isAlice(c.finish(b, callback))
			seen = append(seen, name+" taken")
			continue
		}
		e := c.refused(b, callback, oidcsso.CodeTokenRejected)
		if !strings.Contains(e.Error(), "signature") {
			c.Errorf("%s was refused for %v", name, e)
		}
		seen = append(seen, name+" refused")
	}
	c.note(strings.Join(seen, ", "))
}
