package main

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/oidcsso/oidcsso"
)

// mobile is an app on a device whose browser is the world's.
type mobile struct {
	*world
	verifier string
	page     string // the last one of the start
}

func newMobile(t *testing.T) *mobile {
	return &mobile{world: newWorld(t), verifier: rand.Text() + rand.Text()}
}

func challengeOf(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// open lets the system's browser open the start page; site is what the browser says of who asked.
func (m *mobile) open(email, challenge, site string) *http.Response {
	m.t.Helper()
	request, err := http.NewRequest(http.MethodGet, m.origin+"/app/start?"+url.Values{"email": {email}, "challenge": {challenge}}.Encode(), nil)
	if err != nil {
		m.t.Fatal(err)
	}
	request.Header.Set("Sec-Fetch-Site", site)
	response, err := m.client.Do(request)
	if err != nil {
		m.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		m.t.Fatal(err)
	}
	m.page = string(text)
	return response
}

// start is what follows a click on the page that asks.
func (m *mobile) start(email string) *http.Response {
	m.t.Helper()
	return m.open(email, challengeOf(m.verifier), "same-origin")
}

// signIn goes on from the start to what the system hands to the app.
func (m *mobile) signIn() url.Values {
	m.t.Helper()
	start := m.start("alice@acme.test")
	if start.StatusCode != http.StatusSeeOther || !strings.HasPrefix(start.Header.Get("Location"), m.idp.Issuer()) {
		m.t.Fatalf("the start answered %s to %q", start.Status, start.Header.Get("Location"))
	}
	return m.handedOver(m.idp.SignIn(m.t, m.client, start.Header.Get("Location"), "alice@acme.test"))
}

func (m *mobile) handedOver(response *http.Response) url.Values {
	m.t.Helper()
	query, ok := strings.CutPrefix(response.Header.Get("Location"), appURI+"?")
	values, err := url.ParseQuery(query)
	if !ok || err != nil || response.StatusCode != http.StatusSeeOther {
		m.t.Fatalf("%s to %q", response.Status, response.Header.Get("Location"))
	}
	return values
}

func (m *mobile) exchange(code, verifier string) reply {
	m.t.Helper()
	header := http.Header{"Content-Type": {"application/json"}} // an app sends no more
	return m.fetch(http.MethodPost, "/api/app/session", `{"code":"`+code+`","verifier":"`+verifier+`"}`, header)
}

func (m *mobile) whose(token string) reply {
	m.t.Helper()
	return m.fetch(http.MethodGet, "/api/me", "", http.Header{"Authorization": {"Bearer " + token}})
}

func TestAppSignsInThroughTheSystemsBrowser(t *testing.T) {
	t.Parallel()
	m := newMobile(t)
	values := m.signIn()
	if len(values) != 1 || values.Get("code") == "" {
		t.Fatalf("handed over is %v", values)
	}
	answer := m.exchange(values.Get("code"), m.verifier)
	if got := m.whose(answer.Token); got.Email != "alice@acme.test" {
		t.Errorf("the token is of %+v", got)
	}
	if got := m.me(); got != "" {
		t.Errorf("the browser got a session of %q", got)
	}
	// What the browser saw on the way opens nothing.
	if got := m.whose(values.Get("code")); got.status != http.StatusUnauthorized {
		t.Errorf("the code as a token: %+v", got)
	}
}

// Another app on the device has claimed the same URI and got the code.
func TestStolenCodeIsWorthNothing(t *testing.T) {
	t.Parallel()
	for name, verifier := range map[string]string{"none": "", "a guess": "guess", "the challenge": "challenge"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMobile(t)
			if verifier == "challenge" {
				verifier = challengeOf(m.verifier)
			}
			code := m.signIn().Get("code")
			if got := m.exchange(code, verifier); got.status != http.StatusForbidden || got.Token != "" {
				t.Errorf("the thief got %+v", got)
			}
			if got := m.exchange(code, m.verifier); got.status != http.StatusForbidden { // it was there once
				t.Errorf("after the thief, the app got %+v", got)
			}
		})
	}
}

func TestCodeWorksOnceAndForAMinute(t *testing.T) {
	t.Parallel()
	m := newMobile(t)
	code := m.signIn().Get("code")
	if got := m.exchange(code, m.verifier); got.Token == "" {
		t.Fatalf("the first time: %+v", got)
	}
	if got := m.exchange(code, m.verifier); got.status != http.StatusForbidden {
		t.Errorf("the second time: %+v", got)
	}
	code = m.signIn().Get("code")
	m.app.store.mu.Lock()
	m.app.store.now = func() time.Time { return time.Now().Add(codeLifetime) }
	m.app.store.mu.Unlock()
	if got := m.exchange(code, m.verifier); got.status != http.StatusForbidden {
		t.Errorf("after a minute: %+v", got)
	}
}

// A web page, a link in a mail or another app starts the app's sign-in with a challenge of its own, or none, or through the
// page's login. "none" is what browsers say when an app opened them.
func TestNobodyElseStartsAnAppsSignIn(t *testing.T) {
	t.Parallel()
	m := newMobile(t)
	for site, status := range map[string]int{"cross-site": http.StatusOK, "same-site": http.StatusOK, "none": http.StatusOK, "": http.StatusBadRequest} {
		if got := m.open("alice@acme.test", challengeOf("evil"), site); got.StatusCode != status || len(got.Cookies()) > 0 || got.Header.Get("Location") != "" {
			t.Errorf("from %q: %s", site, got.Status)
		}
	}
	// A click on the page that asks goes on with the same person and challenge.
	m.open("alice+app@acme.test", challengeOf(m.verifier), "none")
	link := regexp.MustCompile(`<a href="([^"]*)">`).FindStringSubmatch(m.page)
	if link == nil {
		t.Fatalf("the page has no link: %s", m.page)
	}
	query, err := url.ParseQuery(strings.TrimPrefix(html.UnescapeString(link[1]), "?"))
	if err != nil || query.Get("email") != "alice+app@acme.test" || query.Get("challenge") != challengeOf(m.verifier) {
		t.Errorf("the page goes on with %q", link[1])
	}
	if got := m.open(query.Get("email"), query.Get("challenge"), "same-origin"); got.StatusCode != http.StatusSeeOther {
		t.Errorf("after the question: %s", got.Status)
	}
	for _, challenge := range []string{"", "short", challengeOf("x") + "=", challengeOf("x") + "x", strings.Repeat("*", 43)} {
		if got := m.open("alice@acme.test", challenge, "same-origin"); got.StatusCode != http.StatusBadRequest || len(got.Cookies()) > 0 {
			t.Errorf("challenge %q: %s", challenge, got.Status)
		}
	}
	page := m.idp.SignIn(t, m.client, m.begin(appURI), "alice@acme.test")
	if got := page.Request.URL.Query().Get("error"); got != string(oidcsso.CodeRefused) || page.Header.Get("Location") != "" {
		t.Errorf("the page's login with the app's URI ended at %s, %q", page.Request.URL, page.Header.Get("Location"))
	}
	if got := m.me(); got != "" {
		t.Errorf("the browser got a session of %q", got)
	}
}

func TestAppHearsWhatWentWrong(t *testing.T) {
	t.Parallel()
	m := newMobile(t)
	start := m.start("alice@acme.test")
	cancelled := m.idp.Cancel(t, m.client, start.Header.Get("Location"))
	if got := m.handedOver(cancelled); got.Get("error") != string(oidcsso.CodeAccessDenied) || got.Get("id") == "" || got.Has("code") {
		t.Errorf("cancelled: %v", got)
	}
	if got := m.handedOver(m.start("nora@northwind.test")); got.Get("error") != "password" {
		t.Errorf("without single sign-on: %v", got)
	}
	if got := m.handedOver(m.start("not an address@")); got.Get("error") != string(oidcsso.CodeAddressInvalid) {
		t.Errorf("no address: %v", got)
	}
}
