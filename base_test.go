package oidcsso_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/oidcssotest"
)

const (
	hostA = "https://app.example.test"
	hostB = "https://sso.customer.test:8443"
	hostC = "https://c.example.test"
)

// newHosts is a direct Flow at three hosts. Their paths differ, so that nothing rests on the path alone.
func newHosts(t *testing.T, changes ...func(*oidcsso.Options, *oidcsso.FlowOptions)) *direct {
	t.Helper()
	several := func(o *oidcsso.Options, _ *oidcsso.FlowOptions) { o.OtherBaseURLs = []string{hostB + "/sso", hostC} }
	d := newDirectAt(t, hostA+"/sso", append([]func(*oidcsso.Options, *oidcsso.FlowOptions){several}, changes...)...)
	d.register()
	return d
}

// register tells the identity provider all redirect URIs of acme, as its administrator does.
func (d *direct) register() {
	d.idp.AddClient(oidcssotest.Client{ID: d.cfg.ClientID, Secret: d.cfg.ClientSecret.Reveal(), RedirectURIs: d.connector().CallbackURLs()})
}

func (d *direct) connector() *oidcsso.Connector {
	d.t.Helper()
	c, err := d.router.Connector(d.t.Context(), "acme")
	if err != nil {
		d.t.Fatal(err)
	}
	return c
}

// beginAt starts a sign-in by a request to a URL; change makes it a hostile one.
func (d *direct) beginAt(target string, change ...func(*http.Request)) (attempt, error) {
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, target, nil)
	for _, f := range change {
		f(r)
	}
	authorizationURL, err := d.flow.Begin(w, r, "acme", home)
	a := attempt{authorizationURL: authorizationURL, response: w.Result()}
	if cookies := a.response.Cookies(); len(cookies) == 1 {
		a.cookie = cookies[0]
	} else if err == nil || len(cookies) > 0 {
		d.t.Fatalf("error %v with the cookies %v", err, cookies)
	}
	return a, err
}

func (d *direct) mustBeginAt(target string) attempt {
	d.t.Helper()
	a, err := d.beginAt(target)
	if err != nil {
		d.t.Fatal(err)
	}
	return a
}

func TestEachBaseURLHasItsOwnRedirectURI(t *testing.T) {
	t.Parallel()
	d := newHosts(t)
	want := []string{hostA + "/sso/callback/acme", hostB + "/sso/callback/acme", hostC + "/callback/acme"}
	if got := d.connector().CallbackURLs(); !slices.Equal(got, want) || d.connector().CallbackURL() != want[0] {
		t.Errorf("the callback URLs are %q, the first is %q", got, d.connector().CallbackURL())
	}
	for target, redirectURI := range map[string]string{
		hostA + "/login":                       want[0],
		hostB + "/login":                       want[1],
		hostC + "/login":                       want[2],
		"https://SSO.Customer.TEST:8443/login": want[1],
		// Behind a proxy that ends TLS, a backend sees http; the scheme comes from the configuration.
		"http://c.example.test/login": want[2],
	} {
		a := d.mustBeginAt(target)
		if got := query(t, a.authorizationURL).Get("redirect_uri"); got != redirectURI {
			t.Errorf("begun at %s, the redirect URI is %s", target, got)
		}
		if !strings.HasPrefix(a.cookie.Name, "__Host-") || a.cookie.Domain != "" {
			t.Errorf("begun at %s, the cookie is %v", target, a.cookie)
		}
		callback := d.callback(a)
		if !strings.HasPrefix(callback, redirectURI+"?") {
			t.Fatalf("the identity provider sent the browser to %s", callback)
		}
		signIn, response, err := finishWith(d.flow, callbackRequest(callback, a.cookie))
		wantAlice(t, signIn, err)
		wantExpired(t, response, a.cookie)
	}
}

// A sign-in that was begun on one host can't be finished on another, whatever the browser was made to send there.
func TestSignInDoesNotMoveToAnotherHost(t *testing.T) {
	t.Parallel()
	d := newHosts(t)
	a := d.mustBeginAt(hostA + "/login")
	callback := d.callback(a)
	for _, at := range []string{hostB, hostC} {
		moved := strings.Replace(callback, hostA, at, 1)
		for _, target := range []string{moved, strings.Replace(moved, "/sso/", "/", 1)} {
			signIn, response, err := finishWith(d.flow, callbackRequest(target, a.cookie))
			if signIn != nil {
				t.Fatalf("signed in at %s", target)
			}
			wantError(t, err, oidcsso.CodeLoginMissing)
			wantNoCookie(t, response)
		}
	}
	d.wantTokenRequests(0)
	signIn, _, err := finishWith(d.flow, callbackRequest(callback, a.cookie)) // and its own host is not disturbed
	wantAlice(t, signIn, err)
}

func TestUnknownHostBeginsAndFinishesNothing(t *testing.T) {
	t.Parallel()
	d := newHosts(t)
	a := d.mustBeginAt(hostA + "/login")
	callback := d.callback(a)
	for name, host := range map[string]string{
		"another site": "evil.test", "below a host": "x.app.example.test", "a host begins it": "app.example.test.evil.test",
		"a host ends it": "evil-app.example.test", "another port": "app.example.test:8443", "without its port": "sso.customer.test",
		"the default port": "app.example.test:443", "the root's dot": "app.example.test.", "none": "", "two": "app.example.test,c.example.test",
		"user info": "x@app.example.test", "a path": "app.example.test/sso", "a line break": "evil.test\r\nX: y",
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "/login", nil)
			r.Host = host
			_, err := d.flow.Begin(forbidden{t}, r, "acme", oidcsso.BeginParams{})
			wantError(t, err, oidcsso.CodeParamsInvalid)
			if e := oidcsso.AsError(err); !strings.Contains(e.Remedy, "OtherBaseURLs") || strings.ContainsAny(e.Error(), "\r\n") {
				t.Errorf("the error is %v", err)
			}
			r = callbackRequest(callback, a.cookie)
			r.Host = host
			_, response, err := finishWith(d.flow, r)
			wantError(t, err, oidcsso.CodeResponseMisplaced)
			wantNoCookie(t, response)
		})
	}
	d.wantTokenRequests(0)
}

// Whoever can add a header to a request must not choose where the browser comes back to.
func TestHostIsTakenFromNothingElse(t *testing.T) {
	t.Parallel()
	d := newHosts(t)
	for _, name := range []string{"X-Forwarded-Host", "X-Forwarded-Server", "X-Original-Host", "X-Host", "Forwarded", "Origin", "Referer"} {
		for _, value := range []string{"c.example.test", "host=c.example.test;proto=https", hostC, "evil.test"} {
			a, err := d.beginAt(hostA+"/login", func(r *http.Request) { r.Header.Set(name, value) })
			if err != nil {
				t.Fatal(err)
			}
			if got := query(t, a.authorizationURL).Get("redirect_uri"); got != hostA+"/sso/callback/acme" {
				t.Errorf("%s: %s moved the redirect URI to %s", name, value, got)
			}
		}
	}
	_, err := d.beginAt("https://evil.test/login", func(r *http.Request) { r.Header.Set("X-Forwarded-Host", "app.example.test") })
	wantError(t, err, oidcsso.CodeParamsInvalid)
}

// With one base URL nothing depends on the Host, which a proxy in front may have replaced.
func TestOneBaseURLServesEveryHost(t *testing.T) {
	t.Parallel()
	d := newDirectAt(t, hostA+"/sso")
	for _, at := range []string{hostA, "http://10.0.0.7:8080", "http://backend.internal", hostB} {
		a := d.mustBeginAt(at + "/login")
		if got := query(t, a.authorizationURL).Get("redirect_uri"); got != hostA+"/sso/callback/acme" {
			t.Errorf("begun at %s, the redirect URI is %s", at, got)
		}
		signIn, _, err := finishWith(d.flow, callbackRequest(strings.Replace(d.callback(a), hostA, at, 1), a.cookie))
		wantAlice(t, signIn, err)
	}
}

// Two hosts of one machine, in a browser with a cookie jar.
func TestSignInAtTwoHostsInABrowser(t *testing.T) {
	t.Parallel()
	var flow *oidcsso.Flow
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/sso/callback/") {
			signIn, err := flow.Finish(w, r)
			answer(w, err, signIn)
			return
		}
		if err := flow.Redirect(w, r, "acme", oidcsso.BeginParams{}); err != nil {
			answer(w, err, nil)
		}
	}))
	t.Cleanup(server.Close)
	byName := strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	d := newDirectAt(t, server.URL+"/sso", func(o *oidcsso.Options, _ *oidcsso.FlowOptions) { o.OtherBaseURLs = []string{byName + "/sso"} })
	d.register()
	flow = d.flow
	for _, at := range []string{server.URL, byName} {
		page := d.idp.SignIn(t, d.idp.HTTPClient(), at+"/login", "alice@acme.test")
		if got := page.Request.URL.Scheme + "://" + page.Request.URL.Host; got != at {
			t.Errorf("begun at %s, it ended at %s", at, got)
		}
		wantSignedIn(t, read(t, page), "alice", "alice@acme.test")
	}
}

func TestFlowChoosesTheRedirectURIItself(t *testing.T) {
	t.Parallel()
	d := newHosts(t)
	for _, uri := range append(d.connector().CallbackURLs(), "https://evil.test/") {
		r := httptest.NewRequest(http.MethodPost, hostA+"/login", nil)
		_, err := d.flow.Begin(forbidden{t}, r, "acme", oidcsso.BeginParams{RedirectURI: uri})
		wantError(t, err, oidcsso.CodeParamsInvalid)
	}
}

// A redirect URI of its own stays where it is, on whatever host a sign-in begins; elsewhere the cookie would be missed.
func TestRedirectURLOfItsOwnAmongSeveralHosts(t *testing.T) {
	t.Parallel()
	const own = hostC + "/auth/oidc"
	d := newHosts(t, func(o *oidcsso.Options, _ *oidcsso.FlowOptions) { o.ExclusiveRedirectURLs = []string{own} })
	d.cfg.RedirectURL = own
	d.put(d.cfg)
	d.register()
	if got := d.connector().CallbackURLs(); !slices.Equal(got, []string{own}) {
		t.Errorf("the callback URLs are %q", got)
	}
	a := d.mustBeginAt(hostC + "/login")
	signIn, _, err := finishWith(d.flow, callbackRequest(d.callback(a), a.cookie))
	wantAlice(t, signIn, err)

	_, err = d.flow.Begin(forbidden{t}, httptest.NewRequest(http.MethodPost, hostA+"/login", nil), "acme", oidcsso.BeginParams{})
	wantError(t, err, oidcsso.CodeParamsInvalid)
	if e := oidcsso.AsError(err); !strings.Contains(e.Remedy, own) {
		t.Errorf("the remedy is %q", e.Remedy)
	}
}

func TestConnectorBeginsAtItsOwnRedirectURIsOnly(t *testing.T) {
	t.Parallel()
	d := newHosts(t)
	for _, uri := range d.connector().CallbackURLs() {
		authorizationURL, login, err := d.connector().Begin(t.Context(), oidcsso.BeginParams{RedirectURI: uri, Binding: "session"})
		if err != nil {
			t.Fatal(err)
		}
		answer := d.idp.Authorize(t, authorizationURL, "alice").String()
		for _, other := range d.connector().CallbackURLs() { // 8: it arrived where it was sent
			if other != uri {
				_, err := d.connector().Finish(t.Context(), login, oidcsso.Response{URL: strings.Replace(answer, uri, other, 1), Binding: "session"})
				wantError(t, err, oidcsso.CodeResponseMisplaced)
			}
		}
		id, err := d.connector().Finish(t.Context(), login, oidcsso.Response{URL: answer, Binding: "session"})
		if err != nil || id.Subject != "alice" {
			t.Errorf("%s: %v, %v", uri, id, err)
		}
	}
	for name, uri := range map[string]string{
		"elsewhere": "https://evil.test/sso/callback/acme", "another connector's": hostB + "/sso/callback/globex", "the base alone": hostB + "/sso",
		"with more behind it": hostB + "/sso/callback/acme/", "with a query": hostB + "/sso/callback/acme?x", "in upper case": strings.ToUpper(hostB) + "/sso/callback/acme",
		"a base that is longer": hostB + "/sso/sso/callback/acme", "relative": "/sso/callback/acme", "another path": hostC + "/sso/callback/acme",
	} {
		_, _, err := d.connector().Begin(t.Context(), oidcsso.BeginParams{RedirectURI: uri, Binding: "session"})
		if !errors.Is(err, oidcsso.CodeParamsInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The host of a sign-in under way was taken out of the configuration; its cookie, of whatever replica, ends nothing any more.
func TestBaseURLThatWasTakenAway(t *testing.T) {
	t.Parallel()
	d := newHosts(t)
	authorizationURL, login, err := d.connector().Begin(t.Context(), oidcsso.BeginParams{RedirectURI: hostB + "/sso/callback/acme", Binding: "session"})
	if err != nil {
		t.Fatal(err)
	}
	answer := d.idp.Authorize(t, authorizationURL, "alice").String()
	fewer, err := oidcsso.NewConnector(d.cfg, d.idp.Options(func(o *oidcsso.Options) { o.OtherBaseURLs = []string{hostC} }))
	if err != nil {
		t.Fatal(err)
	}
	_, err = fewer.Finish(t.Context(), login, oidcsso.Response{URL: answer, Binding: "session"})
	wantError(t, err, oidcsso.CodeConfigChanged)
	d.wantTokenRequests(0)
}

func TestHandlerServesEveryBaseURL(t *testing.T) {
	t.Parallel()
	d := newHosts(t)
	handler, err := oidcsso.NewHandler(d.flow, &oidcsso.HandlerOptions{
		OnSignIn: func(w http.ResponseWriter, r *http.Request, s *oidcsso.SignIn) error {
			answer(w, nil, s)
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	serve := func(r *http.Request) *http.Response {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w.Result()
	}
	for at, path := range map[string]string{hostA: "/sso", hostB: "/sso", hostC: ""} {
		begun := serve(httptest.NewRequest(http.MethodGet, at+path+"/start?email=alice@acme.test", nil))
		if begun.StatusCode != http.StatusSeeOther || len(begun.Cookies()) != 1 {
			t.Fatalf("%s: %s", at, begun.Status)
		}
		callback := d.idp.Authorize(t, begun.Header.Get("Location"), "alice").String()
		if !strings.HasPrefix(callback, at+path+"/callback/acme?") {
			t.Errorf("begun at %s, it comes back to %s", at, callback)
		}
		wantSignedIn(t, read(t, serve(callbackRequest(callback, begun.Cookies()...))), "alice", "alice@acme.test")
	}
	if got := serve(httptest.NewRequest(http.MethodGet, hostC+"/sso/start?email=alice@acme.test", nil)); got.StatusCode != http.StatusNotFound {
		t.Errorf("the path of another host: %s", got.Status)
	}
	if got := serve(httptest.NewRequest(http.MethodGet, "https://evil.test/sso/start?email=alice@acme.test", nil)); got.StatusCode != http.StatusBadRequest {
		t.Errorf("at an unknown host: %s", got.Status)
	}
	// A form on one of the application's own hosts may start a sign-in at another, a foreign one may not.
	for origin, want := range map[string]int{hostA: http.StatusSeeOther, hostB: http.StatusSeeOther, "https://evil.test": http.StatusBadRequest, "http://c.example.test": http.StatusBadRequest} {
		r := httptest.NewRequest(http.MethodPost, hostB+"/sso/start", strings.NewReader(url.Values{"email": {"alice@acme.test"}}.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", origin)
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		if got := serve(r); got.StatusCode != want {
			t.Errorf("a form from %s: %s", origin, got.Status)
		}
	}
}
