package browser

import (
	"strings"
	"testing"
)

// signIn walks from the email form of the quickstart through a company's sign-in page.
func signIn(p *person, origin, email string) {
	p.t.Helper()
	p.open(origin)
	p.sees("Sign in", "Enter your work email address")
	p.types("Email address", email)
	p.clicks("Continue")
	p.sees("Sign in", "to continue to")
	p.clicks("Sign in")
}

func TestQuickstartSignIn(t *testing.T) {
	t.Parallel()
	origin := quickstart(t)
	p := newPerson(t)
	signIn(p, origin, "alice@acme.test")
	p.sees("Hello, Alice Ames", "alice@acme.test", "Signed in through Acme Inc.", "engineering, admins")
	if p.url() != origin+"/" || p.me(origin) != "alice@acme.test" {
		t.Errorf("at %s, signed in as %q", p.url(), p.me(origin))
	}
	p.clicks("Sign out")
	p.sees("Sign in", "Enter your work email address")
	if p.me(origin) != "" {
		t.Errorf("still signed in as %q", p.me(origin))
	}
}

func TestQuickstartPassword(t *testing.T) {
	t.Parallel()
	origin := quickstart(t)
	p := newPerson(t)
	p.open(origin)
	p.sees("Sign in")
	p.types("Email address", "nora@northwind.test")
	p.clicks("Continue")
	p.sees("Enter your password")
	p.types("Password", "tulip")
	p.clicks("Sign in")
	p.sees("Enter your password", "Email address or password is wrong.")
	if p.lastStatus() != 403 || p.me(origin) != "" {
		t.Errorf("a wrong password: %d, signed in as %q", p.lastStatus(), p.me(origin))
	}
	p.types("Password", "sunflower")
	p.clicks("Sign in")
	p.sees("Hello, Nora Lindqvist", "Signed in with a password")
	if p.me(origin) != "nora@northwind.test" {
		t.Errorf("signed in as %q", p.me(origin))
	}
}

func TestQuickstartAsksBeforeSomebodyElseIsSignedIn(t *testing.T) {
	t.Parallel()
	origin := quickstart(t)
	p := newPerson(t)
	p.open(origin)
	p.sees("Sign in")
	late := p.tab() // has the form open while the first tab signs in
	late.open(origin)
	signIn(p, origin, "alice@acme.test")
	p.sees("Hello, Alice Ames")
	late.types("Email address", "gina@globex.test")
	late.clicks("Continue")
	late.sees("Sign in", "Globex Corporation")
	late.clicks("Sign in")
	late.sees("Switch to another person?", "You are signed in as Alice Ames")
	if p.me(origin) != "alice@acme.test" {
		t.Fatalf("replaced silently by %q", p.me(origin))
	}
	late.clicks("Continue as Gina Grant")
	late.sees("Hello, Gina Grant")
	if p.me(origin) != "gina@globex.test" {
		t.Errorf("signed in as %q", p.me(origin))
	}
}

func TestExistingLoginSignIn(t *testing.T) {
	t.Parallel()
	idp := company(t)
	origin := existingLogin(t, idp).origin
	p := newPerson(t)
	p.open(origin)
	p.sees("Sign in")
	p.types("User name or email address", "alice") // her user name: the account's address decides
	p.types("Password", "snowdrop")                // right, and of no use any more
	p.clicks("Sign in")
	p.sees("Sign in", "Acme Inc.")
	if !strings.HasPrefix(p.url(), idp.Issuer()+"/authorize?") || strings.Contains(p.url(), "snowdrop") {
		t.Fatalf("at %s", p.url())
	}
	p.types("Email or username", "alice")
	p.types("Password", "tulip")
	p.clicks("Sign in")
	p.sees("Sign in", "Username or password is wrong.")
	p.types("Password", "wonderland")
	p.clicks("Sign in")
	p.sees("Hello, alice")
	if p.url() != origin+"/" {
		t.Errorf("at %s", p.url())
	}
	p.clicks("Sign out")
	p.sees("Sign in", "User name or email address")
}

func TestExistingLoginPassword(t *testing.T) {
	t.Parallel()
	origin := existingLogin(t, company(t)).origin
	p := newPerson(t)
	p.open(origin)
	p.sees("Sign in")
	p.types("User name", "nora")
	p.types("Password", "tulip")
	p.clicks("Sign in")
	p.sees("Sign in", "The name or the password is wrong.")
	p.types("User name", "nora")
	p.types("Password", "sunflower")
	p.clicks("Sign in")
	p.sees("Hello, nora")
}

func TestHandlerSignIn(t *testing.T) {
	t.Parallel()
	idp := company(t)
	b := newBackend(t, idp)
	p := newPerson(t)
	p.open(b.origin)
	p.types("Email", "alice@acme.test")
	p.clicks("Go")
	p.sees("Sign in", "Acme Inc.")
	p.types("Password", "wonderland")
	p.clicks("Sign in")
	p.sees("Hello, Alice")
}
