package browser

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

func TestTwoTabsBothFinish(t *testing.T) {
	t.Parallel()
	origin := quickstart(t)
	first := newPerson(t)
	second := first.tab()
	for _, p := range []*person{first, second} { // both are under way before either is done
		p.open(origin)
		p.sees("Sign in", "Enter your work email address")
		p.types("Email address", "alice@acme.test")
		p.clicks("Continue")
		p.sees("Sign in", "Acme Inc.")
	}
	for _, p := range []*person{first, second} {
		p.clicks("Sign in")
		p.sees("Hello, Alice Ames")
		if got := p.me(origin); got != "alice@acme.test" || p.url() != origin+"/" {
			t.Errorf("at %s, signed in as %q", p.url(), got)
		}
	}
}

func TestTwoTabsFinishInTheOtherOrder(t *testing.T) {
	t.Parallel()
	origin := existingLogin(t, company(t)).origin
	first := newPerson(t)
	second := first.tab()
	for _, p := range []*person{first, second} {
		p.open(origin)
		p.types("User name", "alice@acme.test")
		p.clicks("Sign in")
		p.sees("Sign in", "Acme Inc.")
	}
	for _, p := range []*person{second, first} {
		p.types("Password", "wonderland")
		p.clicks("Sign in")
		p.sees("Hello, alice")
	}
}

// Back from the signed-in page is the identity provider's page, which knows the person by now and answers at once: with a
// sign-in that is over. The person is told so, is still signed in, and gets on.
func TestBackButtonAfterSignIn(t *testing.T) {
	t.Parallel()
	origin := quickstart(t)
	p := newPerson(t)
	signIn(p, origin, "alice@acme.test")
	p.sees("Hello, Alice Ames")
	p.do(chromedp.NavigateBack())
	p.sees("This sign-in is over", "You are still signed in as Alice Ames")
	if got := p.me(origin); got != "alice@acme.test" {
		t.Fatalf("signed in as %q", got)
	}
	p.clicks("Go on as Alice Ames")
	p.sees("Hello, Alice Ames")
	p.do(chromedp.NavigateBack())
	p.do(chromedp.NavigateBack())
	p.sees("Hello, Alice Ames") // the start page, asked for again
	if got := p.me(origin); got != "alice@acme.test" {
		t.Errorf("signed in as %q", got)
	}
}

func TestBackButtonAfterSignInOfExistingLogin(t *testing.T) {
	t.Parallel()
	origin := existingLogin(t, company(t)).origin
	p := newPerson(t)
	p.open(origin)
	p.types("User name", "alice@acme.test")
	p.clicks("Sign in")
	p.sees("Sign in", "Acme Inc.")
	p.types("Password", "wonderland")
	p.clicks("Sign in")
	p.sees("Hello, alice")
	p.do(chromedp.NavigateBack())
	p.sees("This sign-in did not work", "login_missing")
	p.clicks("Back to the start")
	p.sees("Hello, alice")
}

func TestReplayOfTheCallback(t *testing.T) {
	t.Parallel()
	origin := quickstart(t)
	p := newPerson(t)
	signIn(p, origin, "alice@acme.test")
	p.sees("Hello, Alice Ames")
	callbacks := p.requests("/sso/callback/acme?")
	if len(callbacks) != 1 {
		t.Fatalf("callbacks %q", callbacks)
	}
	p.open(callbacks[0])
	p.sees("This sign-in is over", "login_missing")
	if p.lastStatus() != http.StatusBadRequest {
		t.Errorf("%d", p.lastStatus())
	}
	p.do(chromedp.Reload())
	p.sees("This sign-in is over", "login_missing")
	if got := p.me(origin); got != "alice@acme.test" {
		t.Errorf("signed in as %q", got)
	}
	// The URL is of no use in another browser either.
	thief := newPerson(t)
	thief.open(callbacks[0])
	thief.sees("Please sign in again", "login_missing")
	if got := thief.me(origin); got != "" {
		t.Errorf("the thief is signed in as %q", got)
	}
}

func TestCancelAtTheIdentityProvider(t *testing.T) {
	t.Parallel()
	origin := quickstart(t)
	p := newPerson(t)
	p.open(origin)
	p.types("Email address", "alice@acme.test")
	p.clicks("Continue")
	p.sees("Sign in", "Acme Inc.")
	p.clicks("Cancel")
	p.sees("This sign-in did not work", "access_denied")
	if p.lastStatus() != http.StatusForbidden || !strings.HasPrefix(p.url(), origin+"/sso/callback/acme?") {
		t.Errorf("%d at %s", p.lastStatus(), p.url())
	}
	p.do(chromedp.Reload()) // of the callback: that sign-in is over
	p.sees("Please sign in again", "login_missing")
	if got := p.me(origin); got != "" {
		t.Fatalf("signed in as %q", got)
	}
	p.clicks("Sign in")
	p.sees("Sign in", "Enter your work email address")
	signIn(p, origin, "alice@acme.test")
	p.sees("Hello, Alice Ames")
}

const allowCookies = "allow cookies for this site"

func TestCookiesAreDisabled(t *testing.T) {
	t.Parallel()
	t.Run("quickstart", func(t *testing.T) {
		t.Parallel()
		origin := quickstart(t)
		p := withoutCookies(t)
		signIn(p, origin, "alice@acme.test")
		p.sees("Please sign in again", allowCookies)
		if callbacks := p.requests("/sso/callback/"); len(callbacks) != 1 || p.me(origin) != "" {
			t.Errorf("callbacks %q, signed in as %q", callbacks, p.me(origin))
		}
		p.clicks("Sign in")
		p.sees("Sign in", "Enter your work email address")
	})
	t.Run("quickstart, password", func(t *testing.T) {
		t.Parallel()
		origin := quickstart(t)
		p := withoutCookies(t)
		p.open(origin)
		p.types("Email address", "nora@northwind.test")
		p.clicks("Continue")
		p.sees("Enter your password")
		p.types("Password", "sunflower")
		p.clicks("Sign in")
		p.sees("Sign in", allowCookies)
	})
	t.Run("existing-login", func(t *testing.T) {
		t.Parallel()
		origin := existingLogin(t, company(t)).origin
		p := withoutCookies(t)
		p.open(origin)
		p.types("User name", "alice@acme.test")
		p.clicks("Sign in")
		p.sees("Sign in", "Acme Inc.")
		p.types("Password", "wonderland")
		p.clicks("Sign in")
		p.sees("This sign-in did not work", allowCookies)
		if callbacks := p.requests("/sso/callback/"); len(callbacks) != 1 {
			t.Errorf("callbacks %q", callbacks)
		}
	})
	t.Run("Handler", func(t *testing.T) {
		t.Parallel()
		b := newBackend(t, company(t))
		p := withoutCookies(t)
		p.open(b.origin + "/sso/start?email=alice@acme.test")
		p.sees("Sign in", "Acme Inc.")
		p.types("Password", "wonderland")
		p.clicks("Sign in")
		p.sees("Please sign in again", allowCookies)
		if callbacks := p.requests("/sso/callback/"); len(callbacks) != 1 {
			t.Errorf("callbacks %q", callbacks)
		}
	})
}

// The pages are plain forms.
func TestJavaScriptIsDisabled(t *testing.T) {
	t.Parallel()
	origin := quickstart(t)
	p := newPerson(t)
	if _, err := chromedp.Call(p.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		t.Fatal(err)
	}
	p.open("data:text/html,<h1>off</h1><script>document.querySelector('h1').textContent = 'on'</script>")
	p.sees("off")
	signIn(p, origin, "alice@acme.test")
	p.sees("Hello, Alice Ames")
	p.clicks("Sign out")
	p.sees("Sign in", "Enter your work email address")
	p.types("Email address", "nora@northwind.test")
	p.clicks("Continue")
	p.sees("Enter your password")
	p.types("Password", "sunflower")
	p.clicks("Sign in")
	p.sees("Hello, Nora Lindqvist")
}

// A link on another site can't sign anybody in unasked.
func TestLinkOfAnotherSiteIsAskedAbout(t *testing.T) {
	t.Parallel()
	idp := company(t)
	b := newBackend(t, idp)
	p := newPerson(t)
	p.open(otherSite(t, b.origin+"/sso/start?connector=acme"))
	p.clicks("A link")
	p.sees("Do you want to sign in?", "Acme Inc.")
	if at := p.requests(idp.Issuer()); len(at) != 0 {
		t.Fatalf("on the way already: %q", at)
	}
	p.clicks("Sign in")
	p.sees("Sign in", "Acme Inc.")
}

// otherSite is a page at localhost with a link.
func otherSite(t *testing.T, link string) (url string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Write([]byte(`<!doctype html><title>Another site</title><h1>Another site</h1><a href="` + link + `">A link</a>`))
	}))
	t.Cleanup(server.Close)
	return strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
}
