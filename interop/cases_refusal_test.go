package interop

import (
	"bytes"
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/oidcsso/oidcsso"
)

func refusalCases() []testCase {
	return []testCase{
		{"denied", "The person cancels, or refuses consent: `access_denied`, and no session.", testDenied},
		{"replay", "The callback's URL is opened again, in the same browser (`login_missing`), and with a copy of its cookie: the identity provider refuses the code, and `FlowOptions.Once` the callback (`login_used`).", testReplay},
		{"other browser", "The callback's URL is opened in another browser: `login_missing`.", testOtherBrowser},
		{"address outside", "The connector's domain is another one than that of alice's address: `email_outside`.", testOutside},
	}
}

func testDenied(c *trial) {
	// Who has agreed once is not asked again, but for this prompt (OpenID Connect Core 1.0, 3.1.2.1).
	c.backend(func(s *setUp) { s.config.Prompt = "consent" })
	b := c.newBrowser()
	page, err := c.deny(c.Context(), &c.provider, b, c.open(b, c.begin(b, c.alice.email)))
	if err != nil {
		c.Fatal(err)
	}
	if c.denyEnds != "" && !page.Held && bytes.Contains(page.Body, []byte(c.denyEnds)) {
		c.na("it shows a page of its own (\"" + c.denyEnds + "\") and sends nobody back")
	}
	if !page.Held {
		c.Fatalf("it led to %s, %d: %.300q", page.URL, page.Status, page.Body)
	}
	c.note("error=" + page.URL.Query().Get("error"))
	e := c.refused(b, page.URL.String(), oidcsso.CodeAccessDenied)
	if e.Kind() != oidcsso.KindRefused {
		c.Errorf("kind %s", e.Kind())
	}
}

func testReplay(c *trial) {
	be := c.backend()
	b := c.newBrowser()
	callback := c.authorize(b, c.begin(b, c.alice.email), c.alice)
	kept := b.Cookies(c.origin("/"))
	c.finish(b, callback)
	c.refused(b, callback, oidcsso.CodeLoginMissing)
	if n := len(be.wire.tokenRequests()); n != 1 {
		c.Errorf("%d token requests", n)
	}
	other := c.newBrowser() // whoever has the URL and the cookie
	other.SetCookies(c.origin("/"), kept)
	e := c.refused(other, callback, oidcsso.CodeCodeRejected, oidcsso.CodeProviderError)
	c.note(string(e.Code) + ": it answers " + providerError(e))

	seen := map[string]bool{}
	c.backend(func(s *setUp) { s.flow.Once = once(seen) })
	b = c.newBrowser()
	callback = c.authorize(b, c.begin(b, c.alice.email), c.alice)
	kept = b.Cookies(c.origin("/"))
	c.finish(b, callback)
	other = c.newBrowser()
	other.SetCookies(c.origin("/"), kept)
	c.refused(other, callback, oidcsso.CodeLoginUsed)
	if n := len(c.be.wire.tokenRequests()); n != 1 {
		c.Errorf("%d token requests with Once", n)
	}
}

// providerError is the error code that the identity provider sent.
func providerError(err error) string {
	var cause *oidcsso.ProviderError
	if errors.As(err, &cause) {
		return cause.Code
	}
	return "no error code"
}

func testOtherBrowser(c *trial) {
	be := c.backend()
	b := c.newBrowser()
	callback := c.authorize(b, c.begin(b, c.alice.email), c.alice)
	c.refused(c.newBrowser(), callback, oidcsso.CodeLoginMissing)
	if n := len(be.wire.tokenRequests()); n != 0 {
		c.Errorf("%d token requests", n)
	}
	// It changed nothing for the browser to which the sign-in belongs.
	if u, err := url.Parse(callback); err != nil || u.Query().Get("code") == "" {
		c.Fatalf("there is no code in the authorization response: %v", err)
	}
	c.isAlice(c.finish(b, callback))
}

func testOutside(c *trial) {
	const elsewhere = "elsewhere.example"
	be := c.backend(func(s *setUp) { s.config.Domains = oidcsso.AssertDomains(elsewhere) })
	b := c.newBrowser()
	c.refused(b, c.authorize(b, c.begin(b, "alice@"+elsewhere), c.alice), oidcsso.CodeEmailOutside)
	if a := be.byAddress(c.alice.email); len(a.links) != 0 {
		c.Error("the account was linked")
	}
}

// once is a FlowOptions.Once over a map, for one case at a time.
func once(seen map[string]bool) func(context.Context, string, time.Time) (bool, error) {
	return func(_ context.Context, id string, _ time.Time) (bool, error) {
		first := !seen[id]
		seen[id] = true
		return first, nil
	}
}
