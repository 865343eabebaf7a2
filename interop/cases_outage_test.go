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

func testKeysBetweenSignIns(c *trial) {
	c.backend()
	c.isAlice(c.signIn(c.newBrowser(), c.alice))
	c.restart()
	c.isAlice(c.signIn(c.newBrowser(), c.alice))
}

func testKeysInTheMiddle(c *trial) {
	c.backend()
	c.isAlice(c.signIn(c.newBrowser(), c.alice))
	b := c.newBrowser()
	authorizationURL := c.begin(b, c.alice.email)
	c.restart()
	c.isAlice(c.finish(b, c.authorize(b, authorizationURL, c.alice)))
}

func testRestartWithCode(c *trial) {
	c.backend()
	b := c.newBrowser()
	callback := c.authorize(b, c.begin(b, c.alice.email), c.alice)
	c.restart()
	e := c.refused(b, callback, oidcsso.CodeCodeRejected, oidcsso.CodeProviderError)
	c.note(string(e.Code) + ": it answers " + providerError(e))
	c.isAlice(c.signIn(b, c.alice))
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
	c.up()
	for _, be := range []*backend{cold, warm} {
		c.use(be)
		if c.newSubjects {
			be.forgetLinks()
		}
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
