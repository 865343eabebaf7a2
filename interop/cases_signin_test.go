package interop

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/oidcsso/oidcsso"

	"github.com/oidcsso/oidcsso/interop/internal/browser"
)

func signInCases() []testCase {
	return []testCase{
		{"sign-in", "From the backend's login form through the pages of the identity provider and back. Issuer, subject, address and its status are as expected; the account that had a password is linked and loses it; a second sign-in finds it by key.", testSignIn},
		{"handler", "The same through `Handler`, begun by a script with JSON.", testHandler},
		{"wrong password", "The identity provider refuses a wrong password on its own page; the right one then gets in.", testWrongPassword},
		{"unverified address", "Bob's address is not verified: he gets no account by it, and `RequireEmail` refuses him.", testUnverified},
		{"two tabs", "Two sign-ins of one browser, both pages open at once; both end in a session, in the other order.", testTwoTabs},
		{"email only in UserInfo", "The ID token has no address; UserInfo is asked by itself.", testUserInfoOnly},
		{"UserInfo always", "With `UserInfoAlways`, UserInfo is asked at every sign-in and agrees about the subject.", testUserInfoAlways},
		{"max_age", "With `MaxAge`, auth_time is demanded: who sends it gets in, who does not is refused.", testMaxAge},
	}
}

func testSignIn(c *trial) {
	be := c.backend(func(s *setUp) { s.config.RequireEmail = true })
	be.returns = "/?from=login"
	b := c.newBrowser()
	s := c.signIn(b, c.alice)
	c.isAlice(s)
	if s.account.hasPassword || len(s.account.links) != 1 || s.account.links[0] != s.identity.Key() {
		c.Errorf("the account is %+v", s.account)
	}
	if again := c.signIn(c.newBrowser(), c.alice); again == s || again.account != s.account || again.identity.Key() != s.identity.Key() {
		c.Errorf("the second sign-in is %+v, the first one %+v", again.identity, s.identity)
	}
	if be.passwordsCompared() != 0 {
		c.Error("a password was compared")
	}
	if requests := be.wire.tokenRequests(); len(requests) != 2 {
		c.Errorf("%d token requests for two sign-ins", len(requests))
	}
}

// isAlice checks what the library says of alice.
func (c *trial) isAlice(s *session) {
	c.Helper()
	id := s.identity
	if id.Connector != connectorID || id.Issuer != c.issuer || id.Subject == "" || c.alice.subject != "" && id.Subject != c.alice.subject {
		c.Errorf("connector %q, issuer %q, subject %q", id.Connector, id.Issuer, id.Subject)
	}
	if id.Email != c.alice.email || id.EmailStatus != oidcsso.EmailTrusted || id.Domain.Name != c.domain() || s.account.email != c.alice.email {
		c.Errorf("email %q (%s) under %v, account of %q", id.Email, id.EmailStatus, id.Domain, s.account.email)
	}
	if claim, _ := id.Claim("email"); claim.Origin != c.emailFrom {
		c.Errorf("the address is from %q", claim.Origin)
	}
}

func testHandler(c *trial) {
	be := c.backend()
	if err := be.useHandler(); err != nil {
		c.Fatal(err)
	}
	b := c.newBrowser()
	body := `{"email":"` + c.alice.email + `","return_to":"/?from=script"}`
	answer, err := b.Send(c.Context(), http.MethodPost, c.server.URL+basePath+"/start", "application/json", body)
	if err != nil {
		c.Fatal(err)
	}
	var start struct{ Method, URL string }
	if err := json.Unmarshal(answer.Body, &start); err != nil || start.Method != "sso" || !strings.HasPrefix(start.URL, c.place()) {
		c.Fatalf("the start was answered with %d %q: %v", answer.Status, answer.Body, be.lastFailure())
	}
	page := c.open(b, c.authorize(b, start.URL, c.alice))
	s := c.sessionOf(b, be)
	if s == nil || page.URL.RawQuery != "from=script" {
		c.Fatalf("the callback led to %s: %v", page.URL, be.lastFailure())
	}
	c.isAlice(s)
}

func testWrongPassword(c *trial) {
	c.backend()
	b := c.newBrowser()
	page := c.open(b, c.begin(b, c.alice.email))
	page, err := c.signInAt(c.Context(), b, page, c.alice.name, "not her password")
	if err != nil {
		c.Fatal(err)
	}
	if page.Held || !c.asksToSignIn(page) {
		c.Fatalf("a wrong password led to %s, %d", page.URL, page.Status)
	}
	c.isAlice(c.finish(b, c.atIdP(b, page, c.alice)))
}

func testUnverified(c *trial) {
	be := c.backend()
	b := c.newBrowser()
	e := c.refused(b, c.authorize(b, c.begin(b, c.bob.email), c.bob), oidcsso.CodeRefused)
	if !strings.Contains(e.Error(), "trusted") {
		c.Errorf("the refusal says %v", e)
	}
	if a := be.byAddress(c.bob.email); !a.hasPassword || len(a.links) != 0 {
		c.Errorf("his account is %+v", a)
	}
	c.backend(func(s *setUp) { s.config.RequireEmail = true })
	b = c.newBrowser()
	c.refused(b, c.authorize(b, c.begin(b, c.bob.email), c.bob), oidcsso.CodeEmailUntrusted)
}

func testTwoTabs(c *trial) {
	c.backend()
	b := c.newBrowser()
	var tabs [2]*browser.Page
	var authorizationURLs [2]string
	for i := range tabs {
		authorizationURLs[i] = c.begin(b, c.alice.email)
		tabs[i] = c.open(b, authorizationURLs[i])
	}
	callback := c.atIdP(b, tabs[1], c.alice)
	second := c.finish(b, callback)
	if c.oneTab != "" {
		other := authorizationURLs[0]
		if state(c, other) == state(c, callback) {
			other = authorizationURLs[1]
		}
		c.note(c.oneTab + "; the sign-in that is left works when its page is loaded anew")
		tabs[0] = c.open(b, other)
	}
	first := c.finish(b, c.atIdP(b, tabs[0], c.alice))
	c.isAlice(second)
	c.isAlice(first)
	if first == second || first.account != second.account {
		c.Error("the two tabs did not end in two sessions of one account")
	}
}

// state is the state parameter of a URL.
func state(c *trial, text string) string {
	u, err := url.Parse(text)
	if err != nil {
		c.Fatal(err)
	}
	return u.Query().Get("state")
}

func testUserInfoOnly(c *trial) {
	if c.emailFrom != oidcsso.FromUserInfo {
		c.na("it puts the address into the ID token")
	}
	c.backend(func(s *setUp) { s.config.RequireEmail = true })
	c.isAlice(c.signIn(c.newBrowser(), c.alice))
	c.backend(func(s *setUp) { s.config.RequireEmail, s.config.UserInfo = true, oidcsso.UserInfoNever })
	b := c.newBrowser()
	c.refused(b, c.authorize(b, c.begin(b, c.alice.email), c.alice), oidcsso.CodeEmailMissing)
}

func testUserInfoAlways(c *trial) {
	c.backend(func(s *setUp) { s.config.UserInfo = oidcsso.UserInfoAlways })
	c.isAlice(c.signIn(c.newBrowser(), c.alice))
}

func testMaxAge(c *trial) {
	c.backend(func(s *setUp) { s.config.MaxAge = 3600 })
	b := c.newBrowser()
	page := c.open(b, c.authorize(b, c.begin(b, c.alice.email), c.alice))
	s := c.sessionOf(b, c.be)
	if s != nil {
		if age := c.be.clock.now().Sub(s.identity.AuthTime); age < 0 || age.Hours() > 1 {
			c.Errorf("auth_time is %v old", age)
		}
		return
	}
	e := c.be.lastFailure()
	if e == nil {
		c.Fatalf("the callback was answered with %d", page.Status)
	}
	c.hasCode(e, oidcsso.CodeTokenRejected)
	if !strings.Contains(e.Error(), "auth_time") {
		c.Errorf("it was refused for %v", e)
	}
	c.note("refused: it sends no usable auth_time")
}
