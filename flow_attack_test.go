package oidcsso_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/oidcssotest"
)

// fickle is a Source that answers as a test wants; what is nil is answered by the Router.
type fickle struct {
	*oidcsso.Router
	connector func(ctx context.Context, id string) (*oidcsso.Connector, error)
	route     func(ctx context.Context, domain string) (*oidcsso.Route, error)
}

func (s *fickle) Connector(ctx context.Context, id string) (*oidcsso.Connector, error) {
	if s.connector != nil {
		return s.connector(ctx, id)
	}
	return s.Router.Connector(ctx, id)
}

func (s *fickle) Route(ctx context.Context, domain string) (*oidcsso.Route, error) {
	if s.route != nil {
		return s.route(ctx, domain)
	}
	return s.Router.Route(ctx, domain)
}

var errDatabase = errors.New("the database is down")

// forbidden is a ResponseWriter that nothing may be done with.
type forbidden struct{ t *testing.T }

func (w forbidden) Header() http.Header {
	w.t.Error("the header was touched")
	return http.Header{}
}

func (w forbidden) Write(b []byte) (int, error) {
	w.t.Errorf("%q was written", b)
	return len(b), nil
}

func (w forbidden) WriteHeader(status int) { w.t.Errorf("status %d was written", status) }

// wantFailed: the error has this code and what the sign-in had, and no code went to the identity provider.
func (d *direct) wantFailed(err error, code oidcsso.Code) {
	d.t.Helper()
	wantError(d.t, err, code)
	var e *oidcsso.Error
	if !errors.As(err, &e) {
		d.t.Fatalf("%T", err)
	}
	if e.ReturnTo != "/home" || string(e.Data) != "tab 1" || e.Connector != "acme" || e.ID == "" {
		d.t.Errorf("the error has return %q, data %q, connector %q, ID %q", e.ReturnTo, e.Data, e.Connector, e.ID)
	}
}

func (d *direct) wantTokenRequests(n int) {
	d.t.Helper()
	if got := d.idp.Requests().Token; got != n {
		d.t.Errorf("%d token requests, want %d", got, n)
	}
}

// home are the parameters that wantFailed looks for.
var home = oidcsso.BeginParams{ReturnTo: "/home", Data: []byte("tab 1")}

// The attacker signs in as themself, stops before the callback, and gets the victim to visit that URL.
func TestLoginCSRF(t *testing.T) {
	t.Parallel()
	b, idp := newBackend(t)
	b.put(idp.Config("acme", "acme.test"))
	attacker := idp.HTTPClient(b.server.Certificate())
	planted := b.begin(idp, attacker, "bob@acme.test")

	stranger := idp.HTTPClient(b.server.Certificate())
	wantCode(t, read(t, get(t, stranger, planted)), oidcsso.CodeLoginMissing)

	victim := idp.HTTPClient(b.server.Certificate())
	own := b.begin(idp, victim, "alice@acme.test")
	wantCode(t, read(t, get(t, victim, planted)), oidcsso.CodeLoginMissing)
	if len(b.ours(victim)) != 1 {
		t.Error("the victim's own sign-in was disturbed")
	}
	if n := idp.Requests().Token; n != 0 {
		t.Errorf("%d token requests", n)
	}
	wantSignedIn(t, read(t, get(t, victim, own)), "alice", "alice@acme.test")

	// The attacker's code with the victim's state: PKCE and the nonce hold it.
	first := b.begin(idp, victim, "alice@acme.test")
	u, err := url.Parse(first)
	if err != nil {
		t.Fatal(err)
	}
	stolen, err := url.Parse(planted)
	if err != nil {
		t.Fatal(err)
	}
	values := u.Query()
	values.Set("code", stolen.Query().Get("code"))
	u.RawQuery = values.Encode()
	wantCode(t, read(t, get(t, victim, u.String())), oidcsso.CodeCodeRejected)
}

func TestReplayOfTheCallback(t *testing.T) {
	t.Parallel()
	b, idp := newBackend(t)
	b.put(idp.Config("acme", "acme.test"))
	browser := idp.HTTPClient(b.server.Certificate())
	callback := b.begin(idp, browser, "alice@acme.test")
	wantSignedIn(t, read(t, get(t, browser, callback)), "alice", "alice@acme.test")
	for range 3 { // reloaded, or "back" in the browser
		wantCode(t, read(t, get(t, browser, callback)), oidcsso.CodeLoginMissing)
	}
	if n := idp.Requests().Token; n != 1 {
		t.Errorf("%d token requests, want 1", n)
	}
}

// Whoever kept the cookie can come again. Without Once it is the identity provider that accepts a code once.
func TestReplayWithTheCookie(t *testing.T) {
	t.Parallel()
	d := newDirect(t)
	a := d.begin(home)
	callback := d.callback(a)
	signIn, _, err := finishWith(d.flow, callbackRequest(callback, a.cookie))
	wantAlice(t, signIn, err)
	_, response, err := finishWith(d.flow, callbackRequest(callback, a.cookie))
	d.wantFailed(err, oidcsso.CodeCodeRejected)
	wantExpired(t, response, a.cookie)
}

func TestOnce(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		once   func(calls int64) (bool, error)
		first  oidcsso.Code
		second oidcsso.Code
		tokens int
	}{
		"the first passes, the second does not": {func(n int64) (bool, error) { return n == 1, nil }, "", oidcsso.CodeLoginUsed, 1},
		"never first":                           {func(int64) (bool, error) { return false, nil }, oidcsso.CodeLoginUsed, oidcsso.CodeLoginUsed, 0},
		"the store is down":                     {func(int64) (bool, error) { return false, errDatabase }, oidcsso.CodeUnavailable, oidcsso.CodeUnavailable, 0},
		"true and an error":                     {func(int64) (bool, error) { return true, errDatabase }, oidcsso.CodeUnavailable, oidcsso.CodeUnavailable, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var calls atomic.Int64
			var gotID string
			var gotUntil time.Time
			now := wholeSecond()
			d := newDirect(t, func(_ *oidcsso.Options, fo *oidcsso.FlowOptions) {
				fo.Once = func(_ context.Context, id string, until time.Time) (bool, error) {
					gotID, gotUntil = id, until
					return row.once(calls.Add(1))
				}
			}).withClock(now)
			a := d.begin(home)
			callback := d.callback(a)
			if calls.Load() != 0 {
				t.Error("it was called before the callback")
			}
			for i, code := range []oidcsso.Code{row.first, row.second} {
				signIn, response, err := finishWith(d.flow, callbackRequest(callback, a.cookie))
				wantExpired(t, response, a.cookie)
				if code == "" {
					wantAlice(t, signIn, err)
				} else {
					d.wantFailed(err, code)
					if code == oidcsso.CodeUnavailable && !errors.Is(err, errDatabase) {
						t.Errorf("the cause is lost: %v", err)
					}
				}
				if n := calls.Load(); n != int64(i+1) {
					t.Errorf("%d calls after %d callbacks", n, i+1)
				}
			}
			if gotID != a.state(t) || !gotUntil.Equal(now.Now().Add(10*time.Minute)) {
				t.Errorf("called with %q until %s", gotID, gotUntil)
			}
			d.wantTokenRequests(row.tokens)
			// A callback that matches no cookie uses nothing up.
			_, _, err := finishWith(d.flow, callbackRequest(callback))
			wantError(t, err, oidcsso.CodeLoginMissing)
			if n := calls.Load(); n != 2 {
				t.Errorf("%d calls", n)
			}
		})
	}
}

// The response of one connector's identity provider arrives at the other's redirect URI, and the other way round.
func TestMixUp(t *testing.T) {
	t.Parallel()
	d := newDirect(t)
	evil := oidcssotest.New(t, "https://app.example.test/sso")
	evil.AddUser(oidcssotest.User{Subject: "alice", Email: "alice@evil.test"})
	d.put(evil.Config("evil", "evil.test"))
	for name, change := range map[string]func(callback string) string{
		"at the other connector's path": func(u string) string { return strings.Replace(u, "/callback/acme", "/callback/evil", 1) },
		"with the other issuer": func(u string) string {
			return strings.Replace(u, url.QueryEscape(d.idp.Issuer()), url.QueryEscape(evil.Issuer()), 1)
		},
		"with both of the other": func(u string) string {
			return strings.Replace(strings.Replace(u, url.QueryEscape(d.idp.Issuer()), url.QueryEscape(evil.Issuer()), 1), "/callback/acme", "/callback/evil", 1)
		},
		"without the issuer that was promised": func(u string) string {
			return strings.Replace(u, "iss="+url.QueryEscape(d.idp.Issuer()), "", 1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := d.begin(home)
			callback := d.callback(a)
			changed := change(callback)
			if changed == callback {
				t.Fatalf("%q was not changed", callback)
			}
			_, response, err := finishWith(d.flow, callbackRequest(changed, a.cookie))
			d.wantFailed(err, oidcsso.CodeResponseMisplaced)
			wantExpired(t, response, a.cookie)
		})
	}
	d.wantTokenRequests(0)
	if n := evil.Requests().Token; n != 0 {
		t.Errorf("%d codes went to the other identity provider", n)
	}
}

func TestCallbackArrivesWhereItWasSent(t *testing.T) {
	t.Parallel()
	rewritten := func(_ *oidcsso.Options, fo *oidcsso.FlowOptions) {
		fo.CallbackPath = func(r *http.Request) string { return r.Header.Get("X-Original-Path") }
	}
	for name, row := range map[string]struct {
		base      string
		configure func(*oidcsso.Options, *oidcsso.FlowOptions)
		arrive    func(r *http.Request)
		misplaced bool
	}{
		"at the redirect URI":                  {arrive: func(*http.Request) {}},
		"at a base URL without a path":         {base: "https://app.example.test", arrive: func(*http.Request) {}},
		"at a base URL with a slash":           {base: "https://app.example.test/sso/", arrive: func(*http.Request) {}},
		"with the path alone":                  {arrive: func(r *http.Request) { r.RequestURI = r.URL.RequestURI() }},
		"behind a router that cut the path":    {arrive: func(r *http.Request) { r.URL.Path = "/acme" }},
		"behind a router that cut all of it":   {arrive: func(r *http.Request) { r.URL.Path = "" }},
		"with another Host, which says naught": {arrive: func(r *http.Request) { r.Host, r.URL.Host = "10.0.0.7:8080", "10.0.0.7:8080" }},
		"with a request that has no line":      {arrive: func(r *http.Request) { r.RequestURI = "" }},
		"behind a proxy that rewrites, with CallbackPath": {configure: rewritten, arrive: func(r *http.Request) {
			r.RequestURI = "/internal/7?x=y"
			r.Header.Set("X-Original-Path", "/sso/callback/acme")
		}},
		"CallbackPath with a query": {configure: rewritten, arrive: func(r *http.Request) { r.Header.Set("X-Original-Path", "/sso/callback/acme?x=y") }},
		"CallbackPath with the whole URL": {configure: rewritten, arrive: func(r *http.Request) {
			r.Header.Set("X-Original-Path", "https://app.example.test/sso/callback/acme")
		}},

		"behind a proxy that rewrites, without CallbackPath": {arrive: func(r *http.Request) { r.RequestURI = "/internal/7" }, misplaced: true},
		"CallbackPath of another path":                       {configure: rewritten, arrive: func(r *http.Request) { r.Header.Set("X-Original-Path", "/sso/callback/other") }, misplaced: true},
		"CallbackPath that is empty":                         {configure: rewritten, arrive: func(*http.Request) {}, misplaced: true},
		"CallbackPath that is no path":                       {configure: rewritten, arrive: func(r *http.Request) { r.Header.Set("X-Original-Path", "%zz") }, misplaced: true},
		"CallbackPath with another host": {configure: rewritten, arrive: func(r *http.Request) {
			r.Header.Set("X-Original-Path", "https://evil.test/sso/callback/acme")
		}, misplaced: true},
		"CallbackPath with another scheme": {configure: rewritten, arrive: func(r *http.Request) {
			r.Header.Set("X-Original-Path", "http://app.example.test/sso/callback/acme")
		}, misplaced: true},
		"with a slash behind":          {arrive: func(r *http.Request) { r.RequestURI = "/sso/callback/acme/" }, misplaced: true},
		"with a slash before":          {arrive: func(r *http.Request) { r.RequestURI = "//sso/callback/acme" }, misplaced: true},
		"with two slashes within":      {arrive: func(r *http.Request) { r.RequestURI = "/sso//callback/acme" }, misplaced: true},
		"with dots":                    {arrive: func(r *http.Request) { r.RequestURI = "/sso/callback/x/../acme" }, misplaced: true},
		"in upper case":                {arrive: func(r *http.Request) { r.RequestURI = "/sso/callback/ACME" }, misplaced: true},
		"with an escaped letter":       {arrive: func(r *http.Request) { r.RequestURI = "/sso/callback/%61cme" }, misplaced: true},
		"with an escaped slash":        {arrive: func(r *http.Request) { r.RequestURI = "/sso/callback%2facme" }, misplaced: true},
		"below another prefix":         {arrive: func(r *http.Request) { r.RequestURI = "/callback/acme" }, misplaced: true},
		"at the start route":           {arrive: func(r *http.Request) { r.RequestURI = "/sso/start" }, misplaced: true},
		"at a prefix of the path":      {arrive: func(r *http.Request) { r.RequestURI = "/sso/callback/acm" }, misplaced: true},
		"with more behind the path":    {arrive: func(r *http.Request) { r.RequestURI = "/sso/callback/acme2" }, misplaced: true},
		"with a request line of scrap": {arrive: func(r *http.Request) { r.RequestURI, r.URL.Path = "%zz", "/other" }, misplaced: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			base, configure := row.base, row.configure
			if base == "" {
				base = "https://app.example.test/sso"
			}
			if configure == nil {
				configure = func(*oidcsso.Options, *oidcsso.FlowOptions) {}
			}
			d := newDirectAt(t, base, configure)
			a := d.begin(home)
			r := callbackRequest(d.callback(a), a.cookie)
			row.arrive(r)
			signIn, response, err := finishWith(d.flow, r)
			wantExpired(t, response, a.cookie)
			if row.misplaced {
				d.wantFailed(err, oidcsso.CodeResponseMisplaced)
				d.wantTokenRequests(0)
				return
			}
			wantAlice(t, signIn, err)
		})
	}
}

func TestCallbackBehindStripPrefix(t *testing.T) {
	t.Parallel()
	d := newDirect(t)
	a := d.begin(home)
	var signIn *oidcsso.SignIn
	var err error
	finish := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { signIn, err = d.flow.Finish(w, r) })
	mux := http.NewServeMux()
	mux.Handle("/sso/", http.StripPrefix("/sso", http.StripPrefix("/callback", finish)))
	mux.ServeHTTP(httptest.NewRecorder(), callbackRequest(d.callback(a), a.cookie))
	wantAlice(t, signIn, err)
}

// Customers registered another redirect URI years ago.
func TestRedirectURLOfItsOwn(t *testing.T) {
	t.Parallel()
	const registered = "https://login.example.test/auth/oidc?tenant=7"
	for name, row := range map[string]struct {
		exclusive []string
		promised  bool
		code      oidcsso.Code // of Begin; empty: the sign-in succeeds
	}{
		"listed as exclusive, no iss": {[]string{"https://app.example.test/x", registered}, false, ""},
		"listed as exclusive, iss":    {[]string{registered}, true, ""},
		"not listed, iss":             {nil, true, ""},
		"not listed, no iss":          {nil, false, oidcsso.CodeIssNotPromised},
		"another listed, no iss":      {[]string{"https://login.example.test/auth/oidc"}, false, oidcsso.CodeIssNotPromised},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDirect(t, func(o *oidcsso.Options, _ *oidcsso.FlowOptions) { o.ExclusiveRedirectURLs = row.exclusive })
			d.idp.Configure(func(s *oidcssotest.Settings) { s.IssNotSupported = !row.promised })
			d.idp.AddClient(oidcssotest.Client{ID: d.cfg.ClientID, Secret: d.cfg.ClientSecret.Reveal(), RedirectURIs: []string{registered}})
			d.cfg.RedirectURL = registered
			d.put(d.cfg)
			if row.code != "" {
				_, err := d.flow.Begin(forbidden{t}, httptest.NewRequest(http.MethodGet, "/login", nil), "acme", home)
				wantError(t, err, row.code)
				return
			}
			a := d.begin(home)
			callback := d.callback(a)
			if !strings.HasPrefix(callback, registered+"&") {
				t.Fatalf("the callback is %q", callback)
			}
			// At the path that would be the default one it is misplaced.
			_, _, err := finishWith(d.flow, callbackRequest(strings.Replace(callback, "login.example.test/auth/oidc", "app.example.test/sso/callback/acme", 1), a.cookie))
			d.wantFailed(err, oidcsso.CodeResponseMisplaced)
			signIn, _, err := finishWith(d.flow, callbackRequest(callback, a.cookie))
			wantAlice(t, signIn, err)
		})
	}
}

// Whatever the response says, the cookie has gone once its state matched.
func TestCookieExpiresOnEveryError(t *testing.T) {
	t.Parallel()
	d := newDirect(t)
	iss := "&iss=" + url.QueryEscape(d.idp.Issuer())
	for name, row := range map[string]struct {
		query string
		code  oidcsso.Code
	}{
		"the person cancelled":              {"error=access_denied" + iss, oidcsso.CodeAccessDenied},
		"cancelled, with a description":     {"error=access_denied&error_description=%3Cscript%3E&error_uri=https%3A%2F%2Fevil.test" + iss, oidcsso.CodeAccessDenied},
		"the identity provider is busy":     {"error=temporarily_unavailable" + iss, oidcsso.CodeUnavailable},
		"the identity provider broke":       {"error=server_error" + iss, oidcsso.CodeUnavailable},
		"a scope that it does not know":     {"error=invalid_scope" + iss, oidcsso.CodeProviderError},
		"an error of no alphabet":           {"error=%0d%0aSet-Cookie" + iss, oidcsso.CodeProviderError},
		"neither code nor error":            {iss[1:], oidcsso.CodeResponseInvalid},
		"code and error":                    {"code=x&error=access_denied" + iss, oidcsso.CodeResponseInvalid},
		"code twice":                        {"code=x&code=y" + iss, oidcsso.CodeResponseInvalid},
		"iss twice":                         {"code=x" + iss + iss, oidcsso.CodeResponseInvalid},
		"an unknown parameter twice":        {"code=x&a=1&a=1" + iss, oidcsso.CodeResponseInvalid},
		"a hundred parameters":              {"code=x" + iss + manyParameters(100), oidcsso.CodeResponseInvalid},
		"a code of 9000 bytes":              {"code=" + strings.Repeat("x", 9000) + iss, oidcsso.CodeResponseInvalid},
		"an error without the promised iss": {"error=access_denied", oidcsso.CodeResponseMisplaced},
		"another issuer":                    {"error=access_denied&iss=https%3A%2F%2Fevil.test", oidcsso.CodeResponseMisplaced},
		"a code that was never given out":   {"code=forged" + iss, oidcsso.CodeCodeRejected},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := d.begin(home)
			signIn, response, err := finishWith(d.flow, callbackRequest("https://app.example.test/sso/callback/acme?"+row.query+"&state="+a.state(t), a.cookie))
			d.wantFailed(err, row.code)
			wantExpired(t, response, a.cookie)
			if signIn != nil {
				t.Errorf("signed in is %+v", signIn)
			}
			var e *oidcsso.Error
			if errors.As(err, &e); strings.Contains(e.Error()+e.Public, "script") || strings.Contains(e.Error()+e.Public, "evil.test") || strings.ContainsAny(e.Error(), "\r\n") {
				t.Errorf("the error repeats the response: %v", e)
			}
		})
	}
}

func manyParameters(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "&p%d=1", i)
	}
	return b.String()
}

func TestTokenErrorsExpireTheCookie(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		fault func(*oidcssotest.Faults)
		code  oidcsso.Code
	}{
		"no ID token":            {func(f *oidcssotest.Faults) { f.OmitIDToken = true }, oidcsso.CodeTokenRejected},
		"another nonce":          {func(f *oidcssotest.Faults) { f.WrongNonce = true }, oidcsso.CodeTokenRejected},
		"an unsigned ID token":   {func(f *oidcssotest.Faults) { f.SignWith = oidcssotest.SignNone }, oidcsso.CodeTokenRejected},
		"token endpoint is down": {func(f *oidcssotest.Faults) { f.Token.Down = true }, oidcsso.CodeUnavailable},
		"token endpoint answers with a page": {func(f *oidcssotest.Faults) {
			f.Token.Handler = oidcssotest.Answer(http.StatusOK, "text/html", "<html>")
		}, oidcsso.CodeTokenRejected},
		"an address elsewhere": {func(f *oidcssotest.Faults) {
			f.IDTokenClaims = func(c map[string]any) { c["email"] = "alice@free.test" }
		}, oidcsso.CodeEmailOutside},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDirect(t)
			a := d.begin(home)
			callback := d.callback(a)
			d.idp.Faults(row.fault)
			signIn, response, err := finishWith(d.flow, callbackRequest(callback, a.cookie))
			d.wantFailed(err, row.code)
			wantExpired(t, response, a.cookie)
			if signIn != nil {
				t.Errorf("signed in is %+v", signIn)
			}
		})
	}
}

func TestConnectorChangedMeanwhile(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		change func(*testing.T, *direct)
		code   oidcsso.Code // empty: the sign-in goes on
	}{
		"deleted": {func(t *testing.T, d *direct) {
			if err := d.router.Remove("acme"); err != nil {
				t.Error(err)
			}
		}, oidcsso.CodeConnectorUnknown},
		"disabled": {func(_ *testing.T, d *direct) { d.cfg.Disabled = true; d.put(d.cfg) }, oidcsso.CodeConnectorDisabled},
		"deleted and made again": {func(t *testing.T, d *direct) {
			if err := d.router.Remove("acme"); err != nil {
				t.Error(err)
			}
			d.put(d.cfg)
		}, ""},
		"another issuer": {func(t *testing.T, d *direct) {
			cfg := oidcssotest.New(t, "https://app.example.test/sso").Config("acme", "acme.test")
			cfg.ClientID = d.cfg.ClientID
			d.put(cfg)
		}, oidcsso.CodeConfigChanged},
		"the same issuer with a slash": {func(_ *testing.T, d *direct) { d.cfg.Issuer += "/"; d.put(d.cfg) }, oidcsso.CodeConfigChanged},
		"another client ID":            {func(_ *testing.T, d *direct) { d.cfg.ClientID += "2"; d.put(d.cfg) }, oidcsso.CodeConfigChanged},
		"another redirect URI": {func(_ *testing.T, d *direct) {
			d.cfg.RedirectURL = "https://app.example.test/sso/callback/acme2"
			d.put(d.cfg)
		}, oidcsso.CodeConfigChanged},
		"another secret, name and scopes": {func(_ *testing.T, d *direct) {
			d.cfg.ClientSecret, d.cfg.Name, d.cfg.Scopes = oidcsso.NewSecret("rotated"), "ACME Inc.", []string{"groups"}
			d.idp.AddClient(oidcssotest.Client{ID: d.cfg.ClientID, Secret: "rotated", RedirectURIs: []string{"https://app.example.test/sso/callback/acme"}})
			d.put(d.cfg)
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDirect(t)
			a := d.begin(home)
			callback := d.callback(a)
			row.change(t, d)
			signIn, response, err := finishWith(d.flow, callbackRequest(callback, a.cookie))
			wantExpired(t, response, a.cookie)
			if row.code == "" {
				wantAlice(t, signIn, err)
				return
			}
			d.wantFailed(err, row.code)
			d.wantTokenRequests(0)
		})
	}
}

// doubtful are answers for a connector that a Source must not be believed.
func doubtful(t *testing.T, d *direct) map[string]struct {
	connector func(context.Context, string) (*oidcsso.Connector, error)
	code      oidcsso.Code
} {
	t.Helper()
	good, err := d.router.Connector(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	d.put(d.idp.Config("globex"))
	other, err := d.router.Connector(t.Context(), "globex")
	if err != nil {
		t.Fatal(err)
	}
	type answer = struct {
		connector func(context.Context, string) (*oidcsso.Connector, error)
		code      oidcsso.Code
	}
	return map[string]answer{
		"an error":                 {func(context.Context, string) (*oidcsso.Connector, error) { return nil, errDatabase }, oidcsso.CodeUnavailable},
		"a connector and an error": {func(context.Context, string) (*oidcsso.Connector, error) { return good, errDatabase }, oidcsso.CodeUnavailable},
		"neither":                  {func(context.Context, string) (*oidcsso.Connector, error) { return nil, nil }, oidcsso.CodeUnavailable},
		"another connector":        {func(context.Context, string) (*oidcsso.Connector, error) { return other, nil }, oidcsso.CodeUnavailable},
		"not found, and an error": {func(context.Context, string) (*oidcsso.Connector, error) {
			return nil, errors.Join(oidcsso.ErrNotFound, errDatabase)
		}, oidcsso.CodeUnavailable},
		"not found": {func(context.Context, string) (*oidcsso.Connector, error) { return nil, oidcsso.ErrNotFound }, oidcsso.CodeConnectorUnknown},
		"not found, wrapped": {func(context.Context, string) (*oidcsso.Connector, error) {
			return nil, fmt.Errorf("tenants: %w", oidcsso.ErrNotFound)
		}, oidcsso.CodeConnectorUnknown},
		"a connector and not found": {func(context.Context, string) (*oidcsso.Connector, error) { return good, oidcsso.ErrNotFound }, oidcsso.CodeConnectorUnknown},
	}
}

func TestSourceFailsAtTheCallback(t *testing.T) {
	t.Parallel()
	d := newDirect(t)
	for name, row := range doubtful(t, d) {
		t.Run(name, func(t *testing.T) {
			a := d.begin(home)
			flow := d.newFlow(&fickle{Router: d.router, connector: row.connector}, d.flowOptions())
			_, response, err := finishWith(flow, callbackRequest(d.callback(a), a.cookie))
			d.wantFailed(err, row.code)
			wantExpired(t, response, a.cookie)
		})
	}
	d.wantTokenRequests(0)
}

// "Not found" may only mean that the search was broken off.
func TestSourceOfARequestThatEnded(t *testing.T) {
	t.Parallel()
	d := newDirect(t)
	a := d.begin(home)
	ctx, cancel := context.WithCancel(t.Context())
	flow := d.newFlow(&fickle{Router: d.router, connector: func(context.Context, string) (*oidcsso.Connector, error) {
		cancel()
		return nil, oidcsso.ErrNotFound
	}}, d.flowOptions())
	_, response, err := finishWith(flow, callbackRequest(d.callback(a), a.cookie).WithContext(ctx))
	d.wantFailed(err, oidcsso.CodeUnavailable)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("the cause is lost: %v", err)
	}
	wantExpired(t, response, a.cookie)
}

// The Source is asked once more, for whose domain the address is.
func TestDomainLookUpFailsAtTheCallback(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		route *oidcsso.Route
		err   error
		code  oidcsso.Code
	}{
		"an error":     {err: errDatabase, code: oidcsso.CodeUnavailable},
		"nothing":      {code: oidcsso.CodeUnavailable},
		"nobody's now": {err: oidcsso.ErrNotFound, code: oidcsso.CodeEmailOutside},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDirect(t)
			a := d.begin(home)
			flow := d.newFlow(&fickle{Router: d.router, route: func(context.Context, string) (*oidcsso.Route, error) { return row.route, row.err }}, d.flowOptions())
			signIn, response, err := finishWith(flow, callbackRequest(d.callback(a), a.cookie))
			d.wantFailed(err, row.code)
			wantExpired(t, response, a.cookie)
			if signIn != nil {
				t.Errorf("signed in is %+v", signIn)
			}
		})
	}
}

func TestBeginRefuses(t *testing.T) {
	t.Parallel()
	d := newDirect(t)
	off := d.idp.Config("off", "off.test")
	off.Disabled = true
	d.put(off)
	for name, row := range map[string]struct {
		id     string
		params oidcsso.BeginParams
		code   oidcsso.Code
	}{
		"a binding":                  {"acme", oidcsso.BeginParams{Binding: "session-1"}, oidcsso.CodeParamsInvalid},
		"to be unbound":              {"acme", oidcsso.BeginParams{InsecureUnbound: true}, oidcsso.CodeParamsInvalid},
		"a return elsewhere":         {"acme", oidcsso.BeginParams{ReturnTo: "https://evil.test/"}, oidcsso.CodeReturnRefused},
		"a scheme-relative return":   {"acme", oidcsso.BeginParams{ReturnTo: "//evil.test"}, oidcsso.CodeReturnRefused},
		"a return of 1025 bytes":     {"acme", oidcsso.BeginParams{ReturnTo: "/" + strings.Repeat("r", 1024)}, oidcsso.CodeReturnRefused},
		"data of 513 bytes":          {"acme", oidcsso.BeginParams{Data: make([]byte, 513)}, oidcsso.CodeParamsInvalid},
		"a hint with a line break":   {"acme", oidcsso.BeginParams{LoginHint: "a\r\nb"}, oidcsso.CodeParamsInvalid},
		"a hint of 321 bytes":        {"acme", oidcsso.BeginParams{LoginHint: strings.Repeat("a", 321)}, oidcsso.CodeParamsInvalid},
		"an unknown prompt":          {"acme", oidcsso.BeginParams{Prompt: "login&scope=x"}, oidcsso.CodeParamsInvalid},
		"an unknown connector":       {"nobody", oidcsso.BeginParams{}, oidcsso.CodeConnectorUnknown},
		"a disabled connector":       {"off", oidcsso.BeginParams{}, oidcsso.CodeConnectorDisabled},
		"a bad return, before an ID": {"nobody", oidcsso.BeginParams{ReturnTo: "//evil.test"}, oidcsso.CodeReturnRefused},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(http.MethodPost, "/login", nil)
			if text, err := d.flow.Begin(forbidden{t}, r, row.id, row.params); text != "" || !errors.Is(err, row.code) {
				t.Errorf("Begin: %q, %v, want %s", text, err, row.code)
			}
			if err := d.flow.Redirect(forbidden{t}, r, row.id, row.params); !errors.Is(err, row.code) {
				t.Errorf("Redirect: %v, want %s", err, row.code)
			}
			var e *oidcsso.Error
			if err := d.flow.Redirect(forbidden{t}, r, row.id, row.params); errors.As(err, &e) && strings.Contains(e.Error(), "evil") {
				t.Errorf("the error repeats the target: %v", e)
			}
		})
	}
	if n := d.idp.Requests().Discovery; n != 0 {
		t.Errorf("%d discovery requests", n)
	}
}

func TestSourceIsDoubtedAtTheStart(t *testing.T) {
	t.Parallel()
	d := newDirect(t)
	for name, row := range doubtful(t, d) {
		t.Run(name, func(t *testing.T) {
			flow := d.newFlow(&fickle{Router: d.router, connector: row.connector}, d.flowOptions())
			r := httptest.NewRequest(http.MethodPost, "/login", nil)
			_, err := flow.Begin(forbidden{t}, r, "acme", oidcsso.BeginParams{})
			wantError(t, err, row.code)
			// The Route is good, and yet nobody gets the password form.
			handled, err := flow.Enforce(forbidden{t}, r, oidcsso.Attempt{Typed: "alice@acme.test"}, oidcsso.BeginParams{})
			if handled {
				t.Error("it says that it sent the browser away")
			}
			wantError(t, err, row.code)
		})
	}
}

// What anybody may send as the name of a connector must not get to a database.
func TestMalformedConnectorIDsDontReachTheSource(t *testing.T) {
	t.Parallel()
	d := newDirect(t)
	flow := d.newFlow(&fickle{Router: d.router, connector: func(_ context.Context, id string) (*oidcsso.Connector, error) {
		t.Errorf("the Source was asked for %q", id)
		return nil, errDatabase
	}}, d.flowOptions())
	for _, id := range []string{"", "ACME", "acme ", " acme", "acme\x00", "acme\xff", "ac/me", "../acme", "acme?", "a'--", "-acme", "_acme", "ａcme", "start", "callback",
		strings.Repeat("a", 65), strings.Repeat("a", 1<<20)} {
		_, err := flow.Begin(forbidden{t}, httptest.NewRequest(http.MethodPost, "/login", nil), id, oidcsso.BeginParams{})
		wantError(t, err, oidcsso.CodeConnectorUnknown)
		var e *oidcsso.Error
		if errors.As(err, &e); len(e.Connector) > 110 || strings.Contains(e.Connector, "\x00") || strings.Contains(e.Connector, "\xff") {
			t.Errorf("the error names %q", e.Connector)
		}
	}
}

func TestSignInReturnsWhereItMay(t *testing.T) {
	t.Parallel()
	d := newDirect(t, func(_ *oidcsso.Options, fo *oidcsso.FlowOptions) {
		fo.DefaultReturn, fo.AllowedReturns = "/dashboard", []string{"https://eu.example.test"}
	})
	for target, want := range map[string]string{
		"": "/dashboard", "/home?x=%2f%2f#y": "/home?x=%2f%2f#y", "https://eu.example.test/home": "https://eu.example.test/home",
	} {
		a := d.begin(oidcsso.BeginParams{ReturnTo: target})
		signIn, _, err := finishWith(d.flow, callbackRequest(d.callback(a), a.cookie))
		wantAlice(t, signIn, err)
		if signIn.ReturnTo != want || signIn.Data != nil {
			t.Errorf("returned to %q with %q, want %q", signIn.ReturnTo, signIn.Data, want)
		}
	}
}

func TestRedirectIsA303ForEveryMethod(t *testing.T) {
	t.Parallel()
	d := newDirect(t)
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut} {
		w := httptest.NewRecorder()
		if err := d.flow.Redirect(w, httptest.NewRequest(method, "/login", strings.NewReader("password=x")), "acme", oidcsso.BeginParams{}); err != nil {
			t.Fatal(err)
		}
		if w.Code != http.StatusSeeOther || !strings.HasPrefix(w.Header().Get("Location"), d.idp.Issuer()+"/authorize?") || len(w.Header()["Set-Cookie"]) != 1 ||
			w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: %d, %v", method, w.Code, w.Header())
		}
	}
}
