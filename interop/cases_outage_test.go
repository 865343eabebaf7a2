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
		{"down in the middle", "It is down at the callback, and at the next login form: `unavailable`, and no password is compared. Five seconds after it is back sign-ins work, with a backend that knew it before and with one that did not.", testDown},
		{"new keys between sign-ins", "It came back with other keys, after a sign-in and before the next one.", testKeysBetweenSignIns},
		{"new keys in the middle", "It came back with other keys after the redirect, before alice opened it.", testKeysInTheMiddle},
		{"restart with a code", "It came back and has forgotten the code with which alice's browser arrives now: refused, and the next sign-in works.", testRestartWithCode},
	}
}

// retryWithin is how long a failed fetch is remembered at most (README: "half a second to five").
const retryWithin = 5 * time.Second

func testRotation(c *trial) {
	if c.rotate == nil {
		c.na("as it is started here, its keys change only with a restart")
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

// outage is one for four cases: each has a backend, with a sign-in from before it.
type outage struct {
	down, betweenSignIns, inTheMiddle, withCode arrived
	over                                        bool
}

// arrived is a browser that has an authorization URL, and the callback that it led to if somebody signed in there.
type arrived struct {
	be                         *backend
	browser                    *browser.Browser
	authorizationURL, callback string
}

// outage begins now if it has not yet.
func (c *trial) outage() *outage {
	c.Helper()
	if c.broken != nil {
		return c.broken
	}
	o := &outage{}
	for _, a := range []*arrived{&o.down, &o.betweenSignIns, &o.inTheMiddle, &o.withCode} {
		a.be, a.browser = c.backend(), c.newBrowser()
		c.isAlice(c.signIn(c.newBrowser(), c.alice)) // from now on it knows the keys
		a.authorizationURL = c.begin(a.browser, c.alice.email)
		if a != &o.inTheMiddle {
			a.callback = c.authorize(a.browser, a.authorizationURL, c.alice)
		}
	}
	c.stop()
	c.broken = o
	return o
}

// afterOutage ends it: the identity provider is at the same place, with new keys and without its old state.
func (c *trial) afterOutage() *outage {
	c.Helper()
	o := c.outage()
	if o.over {
		return o
	}
	if err := c.start(); err != nil {
		c.Fatal(err)
	}
	o.over = true
	if c.newSubjects {
		for _, a := range []arrived{o.down, o.betweenSignIns, o.inTheMiddle, o.withCode} {
			a.be.forgetLinks()
		}
	}
	return o
}

func testDown(c *trial) {
	o := c.outage()
	warm := o.down.be
	c.use(warm)
	c.refused(o.down.browser, o.down.callback, oidcsso.CodeUnavailable)
	c.begin(o.down.browser, c.alice.email) // what is known of it still leads there
	if _, err := c.newBrowser().Get(c.Context(), c.issuer); err == nil {
		c.Error("the identity provider is not down")
	}
	cold := c.backend()
	for range 3 {
		c.isUnavailable(c.newBrowser())
	}
	c.afterOutage()
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

func testKeysBetweenSignIns(c *trial) {
	c.use(c.afterOutage().betweenSignIns.be)
	c.isAlice(c.signIn(c.newBrowser(), c.alice))
}

func testKeysInTheMiddle(c *trial) {
	a := c.afterOutage().inTheMiddle
	c.use(a.be)
	c.isAlice(c.finish(a.browser, c.authorize(a.browser, a.authorizationURL, c.alice)))
}

func testRestartWithCode(c *trial) {
	a := c.afterOutage().withCode
	c.use(a.be)
	e := c.refused(a.browser, a.callback, oidcsso.CodeCodeRejected, oidcsso.CodeProviderError)
	c.note(string(e.Code) + ": it answers " + providerError(e))
	c.isAlice(c.signIn(a.browser, c.alice))
}
