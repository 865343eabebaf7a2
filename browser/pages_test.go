package browser

import (
	"regexp"
	"strings"
	"testing"
)

// visit brings a person to a page; alert is what the page must tell at once.
type visit struct {
	name  string
	to    func(p *person)
	alert string
}

// everyPage holds each page against what every page must be.
func everyPage(t *testing.T, visits []visit) {
	t.Helper()
	needsChromium(t)
	if axeCore == "" {
		t.Skip("AXE_CORE is not set: it is the path of axe-core's axe.min.js; .ci/run browser sets it")
	}
	for _, v := range visits {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			p := newPerson(t)
			v.to(p)
			p.wellMade(v.alert)
		})
	}
}

func TestQuickstartPages(t *testing.T) {
	t.Parallel()
	idp, down := company(t), company(t)
	origin := quickstart(t)
	real := quickstartAt(t, idp)
	unavailable := quickstartAt(t, down)
	down.Stop()
	answer := func(p *person, email string) {
		p.open(origin)
		p.sees("Sign in")
		p.types("Email address", email)
		p.clicks("Continue")
	}
	everyPage(t, []visit{
		{"start", func(p *person) { p.open(origin); p.sees("Sign in", "Try it") }, ""},
		{"start of a real one", func(p *person) { p.open(real); p.sees("Sign in") }, ""},
		{"start, no address", func(p *person) { answer(p, "alice@localhost"); p.sees("Sign in", "Please enter a valid") }, "Please enter a valid email address."},
		{"start, no cookies", func(p *person) { p.open(origin + "/signed-in"); p.sees("Sign in", "allow cookies") }, "allow cookies"},
		{"password", func(p *person) { answer(p, "nora@northwind.test"); p.sees("Enter your password") }, ""},
		{"wrong password", func(p *person) {
			answer(p, "an.unusually.long.name.that.nobody.has@a-subdomain.of-a-company.with-a-long-name.example")
			p.sees("Enter your password")
			p.types("Password", "wrong")
			p.clicks("Sign in")
			p.sees("Enter your password", "is wrong")
		}, "Email address or password is wrong."},
		{"signed in by a company", func(p *person) { signIn(p, origin, "alice@acme.test"); p.sees("Hello, Alice Ames") }, ""},
		{"signed in without an address", func(p *person) { signIn(p, origin, "gina@globex.test"); p.sees("Hello, Gina Grant") }, ""},
		{"signed in by password", func(p *person) {
			answer(p, "nora@northwind.test")
			p.sees("Enter your password")
			p.types("Password", "sunflower")
			p.clicks("Sign in")
			p.sees("Hello, Nora Lindqvist")
		}, ""},
		{"switch", func(p *person) {
			late := p.tab()
			late.open(origin)
			signIn(p, origin, "alice@acme.test")
			p.sees("Hello")
			late.types("Email address", "gina@globex.test")
			late.clicks("Continue")
			late.sees("Sign in", "Globex Corporation")
			late.clicks("Sign in")
			late.sees("Switch")
			p.open(origin + "/switch")
			p.sees("Switch to another person?")
		}, ""},
		{"identity providers", func(p *person) { p.open(origin + "/idp"); p.sees("Identity providers", "ready") }, ""},
		{"identity provider that is down", func(p *person) { p.open(unavailable + "/idp"); p.sees("Identity providers", "failing") }, ""},
		{"unavailable", func(p *person) {
			p.open(unavailable)
			p.types("Email address", "alice@acme.test")
			p.clicks("Continue")
			p.sees("Sign-in is unavailable")
		}, "Your company's sign-in is unavailable at the moment."},
		{"forged callback", func(p *person) {
			p.open(origin + "/sso/callback/acme?code=x&state=" + strings.Repeat("A", 22))
			p.sees("Please sign in again")
		}, "Please sign in again"},
		{"sign-in that is over", func(p *person) {
			signIn(p, origin, "alice@acme.test")
			p.sees("Hello, Alice Ames")
			p.open(p.requests("/sso/callback/acme?")[0])
			p.sees("This sign-in is over")
		}, "You are still signed in as Alice Ames."},
		{"cancelled", func(p *person) {
			answer(p, "alice@acme.test")
			p.sees("Sign in", "Acme Inc.")
			p.clicks("Cancel")
			p.sees("This sign-in did not work")
		}, "did not let you in"},
		{"no such page", func(p *person) { p.open(origin + "/nowhere"); p.sees("There is no such page") }, "The address"},
		{"sign-in page", func(p *person) { answer(p, "alice@acme.test"); p.sees("Sign in", "Acme Inc.", "to continue to") }, ""},
		{"sign-in page of another company", func(p *person) { answer(p, "gina@globex.test"); p.sees("Sign in", "Globex Corporation") }, ""},
		{"sign-in page, wrong password", func(p *person) {
			p.open(real)
			p.types("Email address", "alice@acme.test")
			p.clicks("Continue")
			p.sees("Sign in", "Acme Inc.")
			p.types("Password", "tulip")
			p.clicks("Sign in")
			p.sees("Sign in", "is wrong")
		}, "Username or password is wrong."},
		{"sign-in page, unknown application", func(p *person) { p.open(idp.Issuer() + "/authorize?client_id=x"); p.sees("This sign-in can't go on") }, "not known"},
		{"signed out at the identity provider", func(p *person) { p.open(idp.Issuer() + "/logout"); p.sees("You are signed out") }, ""},
	})
}

func TestExistingLoginPages(t *testing.T) {
	t.Parallel()
	idp, down := company(t), company(t)
	running := existingLogin(t, idp)
	origin, unavailable := running.origin, existingLogin(t, down).origin
	down.Stop()
	// forgets lets somebody ask for a link and read the mail, which this example prints.
	forgets := func(p *person, login, address string) (link string) {
		p.open(origin)
		p.types("User name", login)
		p.clicks("I forgot my password")
		p.sees("Look into your mail")
		match := regexp.MustCompile(`mail to=` + address + ` text="?(http[^"\s]+)`).FindStringSubmatch(running.log())
		if match == nil {
			p.t.Fatalf("no mail to %s:\n%s", address, running.log())
		}
		return match[1]
	}
	answer := func(p *person, origin, login, password string) {
		p.open(origin)
		p.sees("Sign in")
		p.types("User name", login)
		p.types("Password", password)
		p.clicks("Sign in")
	}
	everyPage(t, []visit{
		{"start", func(p *person) { p.open(origin); p.sees("Sign in") }, ""},
		{"wrong password", func(p *person) { answer(p, origin, "nora", "tulip"); p.sees("Sign in", "is wrong") }, "The name or the password is wrong."},
		{"signed in", func(p *person) { answer(p, origin, "nora", "sunflower"); p.sees("Hello, nora") }, ""},
		{"forgotten", func(p *person) { forgets(p, "nora", "nora@northwind.test") }, ""},
		{"new password", func(p *person) { p.open(origin + "/reset?token=x"); p.sees("New password") }, ""},
		{"new password, changed", func(p *person) {
			p.open(forgets(p, "nora", "nora@northwind.test"))
			p.sees("New password")
			p.types("New password", "sunflower")
			p.clicks("Change it")
			p.sees("Sign in", "Your password is changed.")
		}, ""},
		{"new password, of no use", func(p *person) {
			p.open(forgets(p, "alice", "alice@acme.test"))
			p.sees("New password")
			p.types("New password", "snowdrop")
			p.clicks("Change it")
			p.sees("New password", "Your company signs you in")
		}, "You need no password here."},
		{"new password, used link", func(p *person) {
			p.open(origin + "/reset?token=x")
			p.types("New password", "rose")
			p.clicks("Change it")
			p.sees("New password", "no longer valid")
		}, "The link is no longer valid"},
		{"unavailable", func(p *person) {
			answer(p, unavailable, "alice", "snowdrop")
			p.sees("This sign-in did not work", "unavailable")
		}, "is unavailable at the moment"},
		{"forged callback", func(p *person) {
			p.open(origin + "/sso/callback/main?code=x&state=x")
			p.sees("This sign-in did not work", "login_missing")
		}, "Please sign in again"},
		{"cancelled", func(p *person) {
			answer(p, origin, "alice", "x")
			p.sees("Sign in", "Acme Inc.")
			p.clicks("Cancel")
			p.sees("This sign-in did not work", "access_denied")
		}, "did not let you in"},
		{"another person is signed in", func(p *person) {
			late := p.tab()
			late.open(origin)
			answer(p, origin, "nora", "sunflower")
			p.sees("Hello, nora")
			late.types("User name", "bob@acme.test")
			late.clicks("Sign in")
			late.sees("Sign in", "Acme Inc.")
			p.open(late.url())
			p.sees("Sign in", "Acme Inc.")
			p.types("Password", "builder")
			p.clicks("Sign in")
			p.sees("This sign-in did not work", "You are signed in as nora.")
		}, "Sign out first"},
	})
}

// The default pages of oidcsso.Handler.
func TestHandlerPages(t *testing.T) {
	t.Parallel()
	down := company(t)
	b, unavailable, strict, busy := newBackend(t, company(t)), newBackend(t, down), newBackend(t, company(t)), newBackend(t, company(t))
	down.Stop()
	strict.refuse = "Your account is locked since Monday. Write to an.unusually.long.address.of.a.help.desk@support.of-a-company.example."
	busy.busy = true
	at := func(origin, path string, heading ...string) func(*person) {
		return func(p *person) { p.open(origin + path); p.sees(heading[0], heading[1:]...) }
	}
	everyPage(t, []visit{
		{"no address", at(b.origin, "/sso/start?email=alice", "That did not work"), "Please enter a valid email address."},
		{"no single sign-on", at(b.origin, "/sso/start?email=carol@free.test", "No single sign-on"), ""},
		{"no such connector", at(b.origin, "/sso/start?connector=umbrella", "You are not signed in"), "There is no such sign-in."},
		{"too many", at(busy.origin, "/sso/start?email=alice@acme.test", "Sign-in is unavailable"), "There were too many attempts."},
		{"unavailable", at(unavailable.origin, "/sso/start?email=alice@acme.test", "Sign-in is unavailable"), "is unavailable at the moment"},
		{"forged callback", at(b.origin, "/sso/callback/acme?code=x&state="+strings.Repeat("A", 22), "Please sign in again"), "Please sign in again"},
		{"link of another site", func(p *person) {
			p.open(otherSite(t, b.origin+"/sso/start?connector=acme"))
			p.clicks("A link")
			p.sees("Do you want to sign in?")
		}, ""},
		{"cancelled", func(p *person) {
			p.open(b.origin + "/sso/start?connector=acme")
			p.sees("Sign in", "Acme Inc.")
			p.clicks("Cancel")
			p.sees("You are not signed in", "access_denied")
		}, "did not let you in"},
		{"refused", func(p *person) {
			p.open(strict.origin + "/sso/start?email=alice@acme.test")
			p.sees("Sign in", "Acme Inc.")
			p.types("Password", "wonderland")
			p.clicks("Sign in")
			p.sees("You are not signed in", "locked")
		}, "Your account is locked"},
	})
}
