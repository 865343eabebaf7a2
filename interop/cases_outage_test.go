package interop

import (
	"net/http"
	"time"

	"github.com/oidcsso/oidcsso"

	"github.com/oidcsso/oidcsso/interop/internal/browser"
)

func outageCases() []testCase {
	return []testCase{
		{"own key rotation", "The identity provider gets a new key while alice is there, between redirect and callback.", testRotation},
		{"new keys between sign-ins", "It starts anew with other keys between two sign-ins.", testKeysBetweenSignIns},
		{"new keys in the middle", "It starts anew with other keys after the redirect, before alice has opened it.", testKeysInTheMiddle},
		{"restart with a code", "It starts anew and forgets the code, before the callback: refused, and the next sign-in works.", testRestartWithCode},
		{"down in the middle", "It is down at the callback, and at the next login form: `unavailable`, and no password is compared. Five seconds after it is back sign-ins work, with a backend that knew it before and with one that did not.", testDown},
	}
}

// retryWithin is how long a failed fetch is remembered at most (README: "half a second to five").
const retryWithin = 5 * time.Second

func testRotation(c *trial) {
	if c.rotate == nil {
		c.na("it makes new keys only when it starts")
	}
	c.backend()
	c.isAlice(c.signIn(c.newBrowser(), c.alice)) // the old keys are known
	b := c.newBrowser()
	authorizationURL := c.begin(b, c.alice.email)
	if err := c.rotate(c.Context(), c.world); err != nil {
		c.Fatal(err)
	}
	c.isAlice(c.finish(b, c.authorize(b, authorizationURL, c.alice)))
}

// aftermath is one restart for three cases: each has a backend that knows the old keys.
type aftermath struct {
	betweenSignIns, inTheMiddle, withCode *backend

	notOpened string              // the authorization URL of a sign-in through inTheMiddle, which nobody had opened before the restart
	callback  string              // the authorization response to one through withCode, with a code from before
	browsers  [2]*browser.Browser // theirs: two products at one address would clear away each other's cookies
}

func (c *trial) afterRestart() *aftermath {
	c.Helper()
	if c.restarted != nil {
		return c.restarted
	}
	a := &aftermath{browsers: [2]*browser.Browser{c.newBrowser(), c.newBrowser()}}
	for _, be := range []**backend{&a.betweenSignIns, &a.inTheMiddle, &a.withCode} {
		*be = c.backend()
		c.isAlice(c.signIn(c.newBrowser(), c.alice))
	}
	a.callback = c.authorize(a.browsers[1], c.begin(a.browsers[1], c.alice.email), c.alice)
	c.use(a.inTheMiddle)
	a.notOpened = c.begin(a.browsers[0], c.alice.email)
	c.stop()
	c.up(a.betweenSignIns, a.inTheMiddle, a.withCode)
	c.restarted = a
	return a
}

func testKeysBetweenSignIns(c *trial) {
	c.use(c.afterRestart().betweenSignIns)
	c.isAlice(c.signIn(c.newBrowser(), c.alice))
}

func testKeysInTheMiddle(c *trial) {
	a := c.afterRestart()
	c.use(a.inTheMiddle)
	c.isAlice(c.finish(a.browsers[0], c.authorize(a.browsers[0], a.notOpened, c.alice)))
}

func testRestartWithCode(c *trial) {
	a := c.afterRestart()
	c.use(a.withCode)
	e := c.refused(a.browsers[1], a.callback, oidcsso.CodeCodeRejected, oidcsso.CodeProviderError)
	c.note(string(e.Code) + ": it answers " + providerError(e))
	c.isAlice(c.signIn(a.browsers[1], c.alice))
}

func testDown(c *trial) {
	warm := c.backend()
	c.isAlice(c.signIn(c.newBrowser(), c.alice))
	b := c.newBrowser()
	callback := c.authorize(b, c.begin(b, c.alice.email), c.alice)
	c.stop()
	c.refused(b, callback, oidcsso.CodeUnavailable)
	// What is known of it still leads there; the password form does not open.
	c.begin(b, c.alice.email)
	if _, err := b.Get(c.Context(), c.issuer); err == nil {
		c.Error("the identity provider is not down")
	}
	cold := c.backend()
	for range 3 {
		c.isUnavailable(b)
	}
	c.up(cold, warm)
	for _, be := range []*backend{cold, warm} {
		c.use(be)
		be.clock.advance(retryWithin)
		c.isAlice(c.signIn(c.newBrowser(), c.alice))
		if n := be.passwordsCompared(); n != 0 {
			c.Errorf("%d passwords were compared", n)
		}
	}
}

// isUnavailable sends the login form, which must answer so, without a cookie.
func (c *trial) isUnavailable(b *browser.Browser) {
	c.Helper()
	page := c.login(b, c.alice.email)
	e := c.be.lastFailure()
	if e == nil || page.Status != http.StatusServiceUnavailable || len(page.Header.Values("Set-Cookie")) != 0 {
		c.Fatalf("the login form was answered with %d, %v", page.Status, e)
	}
	c.hasCode(e, oidcsso.CodeUnavailable)
}
