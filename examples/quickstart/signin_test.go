package main

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/oidcsso/oidcsso/oidcssotest"
)

func TestStartPageIsOneFormForTheEmailAddress(t *testing.T) {
	t.Parallel()
	b := newWorld(t).browser()
	page := b.get("/")
	if page.status != http.StatusOK || strings.Count(page.body, "<form") != 1 || strings.Count(page.body, "<input") != 1 {
		t.Fatalf("%d, not one form with one field:\n%s", page.status, page.body)
	}
	page.contains(t, `name="email"`, `<label for="email">`, `<html lang="en">`, `<form method="post" action="/login">`)
	if strings.Count(page.body, "<h1") != 1 || strings.Contains(page.body, "<script") {
		t.Errorf("not one heading, or a script:\n%s", page.body)
	}
	if policy := page.header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'; style-src 'self';") {
		t.Errorf("policy %q", policy)
	}
	if css := b.get("/static/style.css"); css.status != http.StatusOK || css.header.Get("Content-Type") != "text/css; charset=utf-8" {
		t.Errorf("style %d %s", css.status, css.header.Get("Content-Type"))
	}
}

func TestSignInThroughACompany(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		idp                                  func(*world) *oidcssotest.IdP
		email, name, company, connector, sub string
	}{
		{func(w *world) *oidcssotest.IdP { return w.acme }, "alice@acme.test", "Alice Ames", "Acme Inc.", "acme", "00u1alice"},
		{func(w *world) *oidcssotest.IdP { return w.acme }, "bob@acme.test", "Bob Brandt", "Acme Inc.", "acme", "00u2bob"},
		{func(w *world) *oidcssotest.IdP { return w.globex }, "gina@globex.test", "Gina Grant", "Globex Corporation", "globex", "7f3c-gina"},
	} {
		t.Run(test.email, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			b, idp := w.browser(), test.idp(w)
			page := b.signIn(idp, test.email)
			if page.status != http.StatusOK {
				t.Fatalf("%d %s", page.status, page.body)
			}
			page.contains(t, "Hello, "+test.name, test.email, "Signed in through "+test.company, test.sub)
			me := b.me()
			for name, want := range map[string]any{
				"method": "sso", "issuer": idp.Issuer(), "subject": test.sub, "email": test.email, "email_status": "trusted",
				"name": test.name, "connector": test.connector,
			} {
				if me[name] != want {
					t.Errorf("/me has %s %v, want %v", name, me[name], want)
				}
			}
			if w.compared.Load() != 0 {
				t.Error("a password was compared")
			}
			if out := b.submit("/logout"); out.status != http.StatusSeeOther || b.session() != "" || b.me() != nil {
				t.Errorf("after signing out: %d, cookie %q", out.status, b.session())
			}
		})
	}
}

func TestPasswordOfAnEnforcedAddressIsNotCompared(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, email, hint string }{
		{"account with the right password", "alice@acme.test", "alice%40acme.test"},
		{"no account", "carol@acme.test", "carol%40acme.test"},
		{"domain in capitals", "alice@ACME.TEST", "alice%40acme.test"},
		{"white space around it", " alice@acme.test ", "alice%40acme.test"},
		{"another address of the account is enforced", "sam@home.test", "sam%40home.test"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			b := w.browser()
			with := b.submit("/login", "email", test.email, "password", "old-password")
			without := b.submit("/login", "email", test.email)
			for _, a := range []answer{with, without} {
				if a.status != http.StatusSeeOther || !strings.HasPrefix(a.location, w.acme.Issuer()+"/authorize?") ||
					!strings.Contains(a.location, "login_hint="+test.hint) {
					t.Errorf("%d %s", a.status, a.location)
				}
				if strings.Contains(strings.Join(a.header.Values("Set-Cookie"), "\n"), sessionCookie) {
					t.Errorf("a session cookie was set: %v", a.header.Values("Set-Cookie"))
				}
			}
			if b.me() != nil || w.compared.Load() != 0 {
				t.Errorf("signed in as %v after comparing %d passwords", b.me(), w.compared.Load())
			}
		})
	}
}

func TestAnyOtherAddressLearnsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	// The pages of an account and of a stranger are equal but for the address, and so is the work.
	var pages, wrong []string
	for _, email := range []string{"nora@northwind.test", "nobody@elsewhere.test"} {
		b := w.browser()
		page := b.submit("/login", "email", email)
		if page.status != http.StatusOK {
			t.Fatalf("%s: %d", email, page.status)
		}
		page.contains(t, `type="password"`, `value="`+email+`"`)
		before := w.compared.Load()
		refused := b.submit("/login", "email", email, "password", "wrong")
		if refused.status != http.StatusForbidden || w.compared.Load() != before+1 || b.session() != "" {
			t.Errorf("%s: wrong password: %d after %d comparisons", email, refused.status, w.compared.Load()-before)
		}
		refused.contains(t, "Email address or password is wrong.")
		pages = append(pages, strings.ReplaceAll(page.body, email, "EMAIL"))
		wrong = append(wrong, strings.ReplaceAll(refused.body, email, "EMAIL"))
	}
	if pages[0] != pages[1] || wrong[0] != wrong[1] {
		t.Errorf("the pages differ:\n%s\n%s\n%s\n%s", pages[0], pages[1], wrong[0], wrong[1])
	}
}

func TestSignInWithAPassword(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser()
	if a := b.submit("/login", "email", "Nora@northwind.test", "password", "sunflower"); a.status != http.StatusSeeOther || a.location != "/signed-in" {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if a := b.get("/signed-in"); a.status != http.StatusSeeOther || a.location != "/" {
		t.Errorf("after the sign-in: %d %s", a.status, a.location)
	}
	b.get("/").contains(t, "Hello, Nora Lindqvist", "Signed in with a password")
	me := b.me()
	want := map[string]any{"method": "password", "issuer": w.origin, "subject": "nora", "email": "nora@northwind.test", "name": "Nora Lindqvist"}
	for name, value := range want {
		if me[name] != value {
			t.Errorf("/me has %s %v, want %v", name, me[name], value)
		}
	}
	if len(me) != len(want) {
		t.Errorf("/me %v", me)
	}
}

func TestIdentityProviderThatIsDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser()
	w.acme.Stop()
	for _, fields := range [][]string{{"email", "alice@acme.test"}, {"email", "alice@acme.test", "password", "old-password"}} {
		a := b.submit("/login", fields...)
		if a.status != http.StatusServiceUnavailable || strings.Contains(a.body, "password") || b.session() != "" {
			t.Errorf("%d %s", a.status, a.body)
		}
		a.contains(t, "Sign-in is unavailable", "Your company&#39;s sign-in is unavailable at the moment.")
		id := regexp.MustCompile(`<code>unavailable ([a-z2-7]{10})</code>`).FindStringSubmatch(a.body)
		if id == nil || !strings.Contains(w.log.String(), "error.code=unavailable error.id="+id[1]) {
			t.Errorf("the correlation id is not in the log, or not on the page:\n%s\n%s", a.body, w.log)
		}
	}
	if w.compared.Load() != 0 {
		t.Error("a password was compared")
	}
	b.signIn(w.globex, "gina@globex.test").contains(t, "Hello, Gina Grant") // the other company does not notice
}

func TestCallbackThatFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser()
	start := b.submit("/login", "email", "alice@acme.test")
	cancelled := b.read(w.acme.Cancel(t, b.client, start.location))
	if cancelled.status != http.StatusForbidden || b.session() != "" {
		t.Errorf("cancelled: %d", cancelled.status)
	}
	cancelled.contains(t, "This sign-in did not work", "access_denied")
	forged := b.get("/sso/callback/acme?code=x&state=" + strings.Repeat("A", 43))
	if forged.status != http.StatusBadRequest || b.session() != "" {
		t.Errorf("forged: %d", forged.status)
	}
	forged.contains(t, "Please sign in again", "allow cookies for this site", "login_missing")
	b.signIn(w.acme, "alice@acme.test")
	again := b.get("/sso/callback/acme?code=x&state=" + strings.Repeat("A", 43)) // as by the back button
	if again.status != http.StatusBadRequest || b.me()["email"] != "alice@acme.test" {
		t.Errorf("once more: %d", again.status)
	}
	again.contains(t, "This sign-in is over", "You are still signed in as Alice Ames.", "Go on as Alice Ames", "login_missing")
}

func TestBrowserThatKeepsNoCookies(t *testing.T) {
	t.Parallel()
	a := newWorld(t).browser().get("/signed-in")
	if a.status != http.StatusBadRequest {
		t.Errorf("%d", a.status)
	}
	a.contains(t, "Please allow cookies for this site.", `name="email"`)
}

func TestIdPPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser()
	w.globex.Stop()
	page := b.get("/idp", "Accept", "text/html,application/json;q=0.9")
	if page.status != http.StatusOK || page.header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Fatalf("%d %s", page.status, page.header.Get("Content-Type"))
	}
	page.contains(t, "Acme Inc.", w.origin+"/sso/callback/acme", w.acme.Issuer()+"/token", ">ready<",
		"Globex Corporation", w.origin+"/sso/callback/globex", ">failing<", "Your company&#39;s sign-in is unavailable")
	for _, get := range []answer{b.get("/idp?format=json"), b.get("/idp", "Accept", "application/json")} {
		var doc struct {
			Connectors []struct {
				ID, Name, State string
				CallbackURI     string         `json:"callback_uri"`
				Metadata        map[string]any `json:"metadata"`
				Problem         *problem       `json:"problem"`
			}
		}
		if err := json.Unmarshal([]byte(get.body), &doc); err != nil || len(doc.Connectors) != 2 {
			t.Fatalf("%v %s", err, get.body)
		}
		acme, globex := doc.Connectors[0], doc.Connectors[1]
		if acme.State != "ready" || acme.Metadata["token_endpoint"] != w.acme.Issuer()+"/token" || acme.Problem != nil {
			t.Errorf("acme: %+v", acme)
		}
		if globex.State != "failing" || globex.Metadata != nil || globex.Problem == nil || globex.Problem.Code != "unavailable" || globex.Problem.Remedy == "" {
			t.Errorf("globex: %+v", globex)
		}
		if strings.Contains(get.body, "secret\":") {
			t.Errorf("a secret: %s", get.body)
		}
	}
}

func TestMeWhenNobodyIsSignedIn(t *testing.T) {
	t.Parallel()
	a := newWorld(t).browser().get("/me")
	if a.status != http.StatusUnauthorized || a.header.Get("Content-Type") != "application/json" {
		t.Errorf("%d %s", a.status, a.header.Get("Content-Type"))
	}
	a.contains(t, `"code": "not_signed_in"`)
}

func TestUnknownPage(t *testing.T) {
	t.Parallel()
	if a := newWorld(t).browser().get("/admin"); a.status != http.StatusNotFound || !strings.Contains(a.body, "There is no such page") {
		t.Errorf("%d %s", a.status, a.body)
	}
}
