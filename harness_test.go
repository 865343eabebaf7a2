package oidcsso_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/oidcssotest"
)

// backend is a small web backend behind TLS, wired as the README does it: a login handler with Enforce, a callback with
// Finish. It answers in JSON, so that tests can read what a person would see.
type backend struct {
	t      *testing.T
	server *httptest.Server
	mux    *http.ServeMux
	opts   *oidcsso.Options
	router *oidcsso.Router
	flow   *oidcsso.Flow
}

// outcome is what the backend answers.
type outcome struct {
	Page     string // "signed-in", "password" or "error"
	Code     oidcsso.Code
	ReturnTo string
	Identity *oidcsso.Identity
	Data     []byte
}

// newBackend starts a backend and an identity provider that knows it. The Router is empty.
func newBackend(t *testing.T, changes ...func(*oidcsso.Options, *oidcsso.FlowOptions)) (*backend, *oidcssotest.IdP) {
	t.Helper()
	b := &backend{t: t, mux: http.NewServeMux()}
	b.server = httptest.NewTLSServer(b.mux)
	t.Cleanup(b.server.Close)
	idp := newIdP(t, b)
	b.opts = idp.Options()
	fo := &oidcsso.FlowOptions{Keys: []oidcsso.SealKey{oidcsso.RandomSealKey()}}
	for _, change := range changes {
		change(b.opts, fo)
	}
	b.router = oidcsso.NewRouter(b.opts)
	b.flow = b.newFlow(b.router, fo)
	b.mux.HandleFunc("/login", b.login)
	b.mux.HandleFunc("/sso/callback/", b.callback)
	return b, idp
}

// newIdP starts an identity provider with two people.
func newIdP(t *testing.T, b *backend) *oidcssotest.IdP {
	t.Helper()
	idp := oidcssotest.New(t, b.server.URL+"/sso")
	idp.AddUser(oidcssotest.User{Subject: "alice", Email: "alice@acme.test", Name: "Alice Ames", Groups: []string{"staff"}})
	idp.AddUser(oidcssotest.User{Subject: "bob", Email: "bob@acme.test", Name: "Bob Barr"})
	return idp
}

func (b *backend) newFlow(source oidcsso.Source, fo *oidcsso.FlowOptions) *oidcsso.Flow {
	b.t.Helper()
	flow, err := oidcsso.NewFlow(b.opts, source, fo)
	if err != nil {
		b.t.Fatal(err)
	}
	return flow
}

func (b *backend) put(cfg oidcsso.Config) {
	b.t.Helper()
	if err := b.router.Put(cfg); err != nil {
		b.t.Fatal(err)
	}
}

func (b *backend) login(w http.ResponseWriter, r *http.Request) {
	handled, err := b.flow.Enforce(w, r, oidcsso.Attempt{Typed: r.FormValue("email"), Method: oidcsso.MethodPassword},
		oidcsso.BeginParams{ReturnTo: r.FormValue("next")})
	switch {
	case err != nil:
		answer(w, err, nil)
	case !handled:
		answer(w, nil, nil)
	}
}

func (b *backend) callback(w http.ResponseWriter, r *http.Request) {
	signIn, err := b.flow.Finish(w, r)
	answer(w, err, signIn)
}

func answer(w http.ResponseWriter, err error, signIn *oidcsso.SignIn) {
	o := outcome{Page: "password"}
	status := http.StatusOK
	var e *oidcsso.Error
	switch {
	case errors.As(err, &e):
		o = outcome{Page: "error", Code: e.Code, ReturnTo: e.ReturnTo, Data: e.Data}
		status = e.HTTPStatus()
	case err != nil:
		o, status = outcome{Page: "error"}, http.StatusInternalServerError
	case signIn != nil:
		o = outcome{Page: "signed-in", ReturnTo: signIn.ReturnTo, Identity: signIn.Identity, Data: signIn.Data}
	}
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(o)
}

// loginURL is what the login form of a person with this address sends.
func (b *backend) loginURL(email string) string {
	return b.server.URL + "/login?" + url.Values{"email": {email}}.Encode()
}

// read gives the backend's answer.
func read(t *testing.T, resp *http.Response) outcome {
	t.Helper()
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var o outcome
	if err := json.Unmarshal(body, &o); err != nil {
		t.Fatalf("%s from %s: %q", resp.Status, resp.Request.URL, body)
	}
	return o
}

// signIn walks the whole sign-in of a user in a browser; nil is a new one.
func (b *backend) signIn(idp *oidcssotest.IdP, browser *http.Client, email string) outcome {
	b.t.Helper()
	if browser == nil {
		browser = idp.HTTPClient(b.server.Certificate())
	}
	return read(b.t, idp.SignIn(b.t, browser, b.loginURL(email), email))
}

// get makes one request without following a redirect.
func get(t *testing.T, browser *http.Client, url string) *http.Response {
	t.Helper()
	resp, err := browser.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

// begin goes as far as the redirect to the identity provider, and to the authorization response that it gives the user: the
// callback URL, not yet visited.
func (b *backend) begin(idp *oidcssotest.IdP, browser *http.Client, email string) string {
	b.t.Helper()
	resp := get(b.t, browser, b.loginURL(email))
	resp.Body.Close()
	if resp.StatusCode != http.StatusSeeOther {
		b.t.Fatalf("the login handler answered %s, not a redirect", resp.Status)
	}
	return idp.Authorize(b.t, resp.Header.Get("Location"), email).String()
}

func wantSignedIn(t *testing.T, o outcome, subject, email string) {
	t.Helper()
	if o.Page != "signed-in" || o.Identity == nil || o.Identity.Subject != subject || o.Identity.Email != email {
		t.Fatalf("got %+v with identity %+v, want %s <%s> signed in", o, o.Identity, subject, email)
	}
}

func wantCode(t *testing.T, o outcome, code oidcsso.Code) {
	t.Helper()
	if o.Page != "error" || o.Code != code {
		t.Fatalf("got page %q with code %q, want the error %s", o.Page, o.Code, code)
	}
}

func wantError(t *testing.T, err error, code oidcsso.Code) {
	t.Helper()
	if !errors.Is(err, code) {
		t.Fatalf("got %v, want %s", err, code)
	}
}

// ours are the cookies of sign-ins under way that the browser holds for the backend.
func (b *backend) ours(browser *http.Client) []*http.Cookie {
	b.t.Helper()
	u, err := url.Parse(b.server.URL)
	if err != nil {
		b.t.Fatal(err)
	}
	var found []*http.Cookie
	for _, c := range browser.Jar.Cookies(u) {
		if strings.HasPrefix(c.Name, "__Host-oidcsso-") {
			found = append(found, c)
		}
	}
	return found
}

// clock stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Now()} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}
