package oidcsso_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/oidcsso/oidcsso"
)

// routes is a Handler over a direct Flow, with what it called and logged.
type routes struct {
	*direct
	handler *oidcsso.Handler
	signIns []*oidcsso.SignIn
	log     *bytes.Buffer
}

func newRoutes(t *testing.T, change func(*oidcsso.HandlerOptions), changes ...func(*oidcsso.Options, *oidcsso.FlowOptions)) *routes {
	t.Helper()
	h := &routes{log: &bytes.Buffer{}}
	h.direct = newDirect(t, append([]func(*oidcsso.Options, *oidcsso.FlowOptions){func(o *oidcsso.Options, _ *oidcsso.FlowOptions) {
		o.Logger = slog.New(slog.NewTextHandler(h.log, nil))
	}}, changes...)...)
	ho := &oidcsso.HandlerOptions{
		LoginURL: "/login",
		OnSignIn: func(w http.ResponseWriter, r *http.Request, s *oidcsso.SignIn) error {
			h.signIns = append(h.signIns, s)
			http.Redirect(w, r, s.ReturnTo, http.StatusSeeOther)
			return nil
		},
	}
	if change != nil {
		change(ho)
	}
	handler, err := oidcsso.NewHandler(h.flow, ho)
	if err != nil {
		t.Fatal(err)
	}
	h.handler = handler
	return h
}

// serve sends a request to the routes. On every answer of a route it looks for what all must have.
func (h *routes) serve(r *http.Request) *httptest.ResponseRecorder {
	h.t.Helper()
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, r)
	if w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Referrer-Policy") != "no-referrer" {
		h.t.Errorf("%s %.100s: headers %v", r.Method, r.URL, w.Header())
	}
	if 300 <= w.Code && w.Code < 400 && w.Code != http.StatusSeeOther {
		h.t.Errorf("%s %.100s: redirected with status %d", r.Method, r.URL, w.Code)
	}
	return w
}

func startRequest(method, query, contentType, body string) *http.Request {
	target := "https://app.example.test/sso/start"
	if query != "" {
		target += "?" + query
	}
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	return r
}

func acceptsJSON(r *http.Request) *http.Request {
	r.Header.Set("Accept", "application/json")
	return r
}

const formType = "application/x-www-form-urlencoded"

func jsonOf(t *testing.T, w *httptest.ResponseRecorder) map[string]string {
	t.Helper()
	if got := w.Header().Get("Content-Type"); got != "application/json" {
		t.Errorf("content type %q", got)
	}
	var members map[string]string
	if err := json.Unmarshal(w.Body.Bytes(), &members); err != nil {
		t.Fatalf("%v in %q", err, w.Body)
	}
	return members
}

// wantRefused: this error as JSON, no cookie, and nothing begun.
func (h *routes) wantRefused(w *httptest.ResponseRecorder, code oidcsso.Code, status int) {
	h.t.Helper()
	members := jsonOf(h.t, w)
	if w.Code != status || members["code"] != string(code) || members["message"] == "" || len(members["id"]) != 10 || len(members) != 3 {
		h.t.Errorf("status %d with %v, want %d with %s", w.Code, members, status, code)
	}
	if set := w.Header()["Set-Cookie"]; len(set) != 0 {
		h.t.Errorf("Set-Cookie: %q", set)
	}
}

// wantStarted gives the attempt that an answer, a redirect or JSON, began.
func (h *routes) wantStarted(w *httptest.ResponseRecorder) attempt {
	h.t.Helper()
	a := attempt{response: w.Result()}
	cookies := a.response.Cookies()
	if len(cookies) != 1 || cookies[0].MaxAge != 600 {
		h.t.Fatalf("status %d, cookies %v, body %q", w.Code, cookies, w.Body)
	}
	a.cookie = cookies[0]
	if w.Code == http.StatusSeeOther {
		a.authorizationURL = w.Header().Get("Location")
	} else {
		members := jsonOf(h.t, w)
		if w.Code != http.StatusOK || members["method"] != "sso" || len(members) != 2 {
			h.t.Fatalf("status %d with %v", w.Code, members)
		}
		a.authorizationURL = members["url"]
	}
	if !strings.HasPrefix(a.authorizationURL, h.idp.Issuer()+"/authorize?") {
		h.t.Fatalf("sent to %q", a.authorizationURL)
	}
	return a
}

func TestHandlerSignsIn(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		request  func() *http.Request
		hint     string
		returnTo string
	}{
		"GET with an email":     {func() *http.Request { return startRequest("GET", "email=Alice@ACME.test", "", "") }, "Alice@acme.test", "/"},
		"GET with a connector":  {func() *http.Request { return startRequest("GET", "connector=acme", "", "") }, "", "/"},
		"GET with a return":     {func() *http.Request { return startRequest("GET", "connector=acme&return_to=/home%3Fx%3D1", "", "") }, "", "/home?x=1"},
		"GET that accepts JSON": {func() *http.Request { return acceptsJSON(startRequest("GET", "email=alice@acme.test", "", "")) }, "alice@acme.test", "/"},
		"GET with other things": {func() *http.Request { return startRequest("GET", "utm=x&utm=y&connector=acme&email=", "", "") }, "", "/"},
		"form with an email": {func() *http.Request {
			return startRequest("POST", "", formType, "email=alice%40acme.test&return_to=/home")
		}, "alice@acme.test", "/home"},
		"form with a connector": {func() *http.Request { return startRequest("POST", "", formType+"; charset=UTF-8", "connector=acme") }, "", "/"},
		"form that accepts JSON": {func() *http.Request {
			return acceptsJSON(startRequest("POST", "", formType, "connector=acme"))
		}, "", "/"},
		"JSON with an email": {func() *http.Request {
			return startRequest("POST", "", "application/json", ` {"email": "alice@acme.test", "return_to": "/home"} `)
		}, "alice@acme.test", "/home"},
		"JSON with a connector": {func() *http.Request {
			return startRequest("POST", "", "application/json; charset=utf-8", `{"connector": "acme", "email": null}`)
		}, "", "/"},
		"JSON with escapes": {func() *http.Request {
			return startRequest("POST", "", "application/json", `{"\u0065mail": "alice\u0040acme.test"}`)
		}, "alice@acme.test", "/"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newRoutes(t, nil)
			r := row.request()
			wantJSON := r.Header.Get("Accept") != "" || strings.Contains(r.Header.Get("Content-Type"), "json")
			w := h.serve(r)
			if (w.Code == http.StatusOK) != wantJSON {
				t.Errorf("status %d", w.Code)
			}
			a := h.wantStarted(w)
			u, err := url.Parse(a.authorizationURL)
			if err != nil || u.Query().Get("login_hint") != row.hint {
				t.Errorf("login_hint %q, %v", u.Query().Get("login_hint"), err)
			}
			w = h.serve(callbackRequest(h.callback(a), a.cookie))
			wantExpired(t, w.Result(), a.cookie)
			if w.Code != http.StatusSeeOther || w.Header().Get("Location") != row.returnTo || len(h.signIns) != 1 || h.signIns[0].Identity.Email != "alice@acme.test" {
				t.Errorf("status %d to %q after %d sign-ins", w.Code, w.Header().Get("Location"), len(h.signIns))
			}
			if h.log.Len() != 0 {
				t.Errorf("logged: %s", h.log)
			}
		})
	}
}

func TestHandlerRoutes(t *testing.T) {
	t.Parallel()
	for base, row := range map[string]struct{ start, callback string }{
		"https://app.example.test/sso":     {"/sso/start", "/sso/callback/acme"},
		"https://app.example.test":         {"/start", "/callback/acme"},
		"https://app.example.test/a/b/sso": {"/a/b/sso/start", "/a/b/sso/callback/acme"},
	} {
		d := newDirectAt(t, base)
		handler, err := oidcsso.NewHandler(d.flow, &oidcsso.HandlerOptions{OnSignIn: func(w http.ResponseWriter, _ *http.Request, s *oidcsso.SignIn) error {
			fmt.Fprint(w, s.Identity.Subject)
			return nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		prefix := strings.TrimSuffix(row.start, "/start")
		for name, mounted := range map[string]http.Handler{"as it is": handler, "behind StripPrefix": http.StripPrefix(prefix, handler)} {
			h := &routes{direct: d, handler: handler}
			w := httptest.NewRecorder()
			mounted.ServeHTTP(w, httptest.NewRequest("GET", row.start+"?connector=acme", nil))
			a := h.wantStarted(w)
			w = httptest.NewRecorder()
			mounted.ServeHTTP(w, callbackRequest(d.callback(a), a.cookie))
			if w.Code != http.StatusOK || w.Body.String() != "alice" {
				t.Errorf("%s, %s: %d %q", base, name, w.Code, w.Body)
			}
		}
	}
	h := newRoutes(t, nil)
	for _, path := range []string{"/", "/sso", "/sso/", "/sso/callback", "/sso/Start", "/sso/start/", "/sso/starter", "/ssostart", "/sso/sso/start", "/sso//start",
		"/other/start", "/sso/x/callback/acme", "/logout"} {
		r := httptest.NewRequest("GET", "https://app.example.test/?email=alice@acme.test", nil)
		r.URL.Path = path
		if w := h.serve(r); w.Code != http.StatusNotFound || w.Header()["Set-Cookie"] != nil {
			t.Errorf("%s: %d, %v", path, w.Code, w.Header())
		}
	}
	// The two routes may also stand anywhere by themselves.
	w := httptest.NewRecorder()
	h.handler.Start(w, httptest.NewRequest("GET", "/anywhere?connector=acme", nil))
	a := h.wantStarted(w)
	h.handler.Callback(httptest.NewRecorder(), callbackRequest(h.callback(a), a.cookie))
	if len(h.signIns) != 1 {
		t.Error("nobody signed in")
	}
}

func TestHandlerOfAnAddressOfNobody(t *testing.T) {
	t.Parallel()
	h := newRoutes(t, nil)
	w := h.serve(startRequest("GET", "email=carol@free.test", "", ""))
	wantPage(t, w, http.StatusNotFound, "No single sign-on", "There is no single sign-on for this email address.", "/login")
	for _, r := range []*http.Request{
		acceptsJSON(startRequest("GET", "email=carol@free.test", "", "")),
		startRequest("POST", "", "application/json", `{"email":"carol@free.test"}`),
	} {
		w := h.serve(r)
		if members := jsonOf(t, w); w.Code != http.StatusOK || members["method"] != "password" || len(members) != 1 {
			t.Errorf("status %d, %v", w.Code, members)
		}
	}
	var asked []string
	h = newRoutes(t, func(ho *oidcsso.HandlerOptions) {
		ho.OnUnrouted = func(w http.ResponseWriter, _ *http.Request, email string) {
			asked = append(asked, email)
			w.WriteHeader(http.StatusTeapot)
		}
	})
	if w := h.serve(startRequest("POST", "", formType, "email=+Carol%40FREE.test.")); w.Code != http.StatusTeapot || !slices.Equal(asked, []string{"Carol@free.test"}) {
		t.Errorf("status %d, asked for %q", w.Code, asked)
	}
	h.serve(startRequest("GET", "email=alice@acme.test", "", ""))
	h.serve(startRequest("GET", "email=nonsense", "", ""))
	h.serve(acceptsJSON(startRequest("GET", "email=carol@free.test", "", "")))
	if len(asked) != 1 {
		t.Errorf("asked for %q", asked)
	}
}

// A failed look-up must not look like an address of nobody.
func TestHandlerNeverOpensThePasswordFormOnErrors(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		change func(*testing.T, *routes)
		query  string
		code   oidcsso.Code
		status int
	}{
		"identity provider down": {func(_ *testing.T, h *routes) { h.idp.Stop() }, "email=alice@acme.test", oidcsso.CodeUnavailable, 503},
		"connector disabled":     {func(_ *testing.T, h *routes) { h.cfg.Disabled = true; h.put(h.cfg) }, "email=alice@acme.test", oidcsso.CodeConnectorDisabled, 503},
		"disabled, by its ID":    {func(_ *testing.T, h *routes) { h.cfg.Disabled = true; h.put(h.cfg) }, "connector=acme", oidcsso.CodeConnectorDisabled, 503},
		"unknown connector":      {nil, "connector=nobody", oidcsso.CodeConnectorUnknown, 404},
		"malformed connector":    {nil, "connector=%00%27--", oidcsso.CodeConnectorUnknown, 404},
		"a return elsewhere":     {nil, "connector=acme&return_to=//evil.test", oidcsso.CodeReturnRefused, 400},
		"no address":             {nil, "email=alice", oidcsso.CodeAddressInvalid, 400},
		"two addresses":          {nil, "email=carol@free.test,alice@acme.test", oidcsso.CodeAddressInvalid, 400},
		"an empty address":       {nil, "email=", oidcsso.CodeAddressMissing, 400},
		"nothing":                {nil, "", oidcsso.CodeAddressMissing, 400},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newRoutes(t, func(ho *oidcsso.HandlerOptions) {
				ho.OnUnrouted = func(http.ResponseWriter, *http.Request, string) { t.Error("the password form was shown") }
			})
			if row.change != nil {
				row.change(t, h)
			}
			h.wantRefused(h.serve(acceptsJSON(startRequest("GET", row.query, "", ""))), row.code, row.status)
			w := h.serve(startRequest("GET", row.query, "", ""))
			if w.Code != row.status || !strings.Contains(w.Body.String(), string(row.code)) || w.Header()["Set-Cookie"] != nil {
				t.Errorf("as a page: status %d, %v, %q", w.Code, w.Header(), w.Body)
			}
		})
	}
	failing := newDirect(t)
	flow := failing.newFlow(&fickle{Router: failing.router, route: func(context.Context, string) (*oidcsso.Route, error) { return nil, errDatabase }}, failing.flowOptions())
	handler, err := oidcsso.NewHandler(flow, &oidcsso.HandlerOptions{OnSignIn: func(http.ResponseWriter, *http.Request, *oidcsso.SignIn) error { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	h := &routes{direct: failing, handler: handler}
	h.wantRefused(h.serve(acceptsJSON(startRequest("GET", "email=carol@free.test", "", ""))), oidcsso.CodeUnavailable, 503)
}

// What the backend's own code says about somebody who came through.
func TestOnSignInRefuses(t *testing.T) {
	t.Parallel()
	shared := oidcsso.Refuse("Registration is <b>closed</b>.")
	for name, row := range map[string]struct {
		err    error
		code   oidcsso.Code
		status int
		public string
	}{
		"Refuse":                   {shared, oidcsso.CodeRefused, 403, "Registration is <b>closed</b>."},
		"Refuse, wrapped":          {fmt.Errorf("user 7: %w", shared), oidcsso.CodeRefused, 403, "Registration is <b>closed</b>."},
		"an error of its database": {errors.New("pq: no route to 10.0.0.7"), oidcsso.CodeInternal, 500, "Something went wrong on our side. Please try again."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, asJSON := range []bool{false, true} {
				h := newRoutes(t, func(ho *oidcsso.HandlerOptions) {
					ho.OnSignIn = func(http.ResponseWriter, *http.Request, *oidcsso.SignIn) error { return row.err }
				})
				a := h.begin(home)
				r := callbackRequest(h.callback(a), a.cookie)
				if asJSON {
					acceptsJSON(r)
				}
				w := h.serve(r)
				wantExpired(t, w.Result(), a.cookie)
				if asJSON {
					if members := jsonOf(t, w); w.Code != row.status || members["code"] != string(row.code) || members["message"] != row.public {
						t.Errorf("status %d, %v", w.Code, members)
					}
				} else {
					wantPage(t, w, row.status, "", row.public, "/login")
				}
				if strings.Contains(w.Body.String(), "10.0.0.7") || strings.Contains(w.Body.String(), "user 7") {
					t.Errorf("internal text is shown: %q", w.Body)
				}
				if !strings.Contains(h.log.String(), "connector=acme") || !strings.Contains(h.log.String(), string(row.code)) {
					t.Errorf("logged: %s", h.log)
				}
			}
		})
	}
	t.Cleanup(func() {
		if shared.Connector != "" || shared.ReturnTo != "" || shared.Data != nil {
			t.Errorf("an error that is one for all was changed: %+v", shared)
		}
	})
}

// OnError gets what it needs to answer the right client, wherever the sign-in failed.
func TestOnError(t *testing.T) {
	t.Parallel()
	var got []*oidcsso.Error
	h := newRoutes(t, func(ho *oidcsso.HandlerOptions) {
		ho.OnError = func(w http.ResponseWriter, _ *http.Request, e *oidcsso.Error) {
			got = append(got, e)
			w.WriteHeader(http.StatusTeapot)
		}
		ho.OnSignIn = func(http.ResponseWriter, *http.Request, *oidcsso.SignIn) error {
			return oidcsso.Refuse("Your account is locked.")
		}
	})
	last := func(r *http.Request) *oidcsso.Error {
		t.Helper()
		n := len(got)
		if w := h.serve(r); w.Code != http.StatusTeapot || w.Body.Len() != 0 || len(got) != n+1 {
			t.Fatalf("status %d, %q, %d calls", w.Code, w.Body, len(got)-n)
		}
		return got[n]
	}
	a := h.begin(home)
	if e := last(callbackRequest(h.callback(a), a.cookie)); e.Code != oidcsso.CodeRefused || e.Public != "Your account is locked." || e.ReturnTo != "/home" || string(e.Data) != "tab 1" || e.Connector != "acme" {
		t.Errorf("%+v", e)
	}
	a = h.begin(home)
	denied := "https://app.example.test/sso/callback/acme?error=access_denied&state=" + a.state(t) + "&iss=" + url.QueryEscape(h.idp.Issuer())
	if e := last(callbackRequest(denied, a.cookie)); e.Code != oidcsso.CodeAccessDenied || e.ReturnTo != "/home" || string(e.Data) != "tab 1" {
		t.Errorf("%+v", e)
	}
	if e := last(callbackRequest(denied)); e.Code != oidcsso.CodeLoginMissing || e.ReturnTo != "" {
		t.Errorf("%+v", e)
	}
	if e := last(startRequest("GET", "email=x", "", "")); e.Code != oidcsso.CodeAddressInvalid {
		t.Errorf("%+v", e)
	}
	if h.log.Len() != 0 {
		t.Errorf("logged, though the hook was there: %s", h.log)
	}
}

func TestErrorsAreLoggedForTheAdministrator(t *testing.T) {
	t.Parallel()
	h := newRoutes(t, nil)
	w := h.serve(acceptsJSON(startRequest("GET", "connector=nobody", "", "")))
	id := jsonOf(t, w)["id"]
	line := h.log.String()
	if !strings.Contains(line, "level=INFO") || !strings.Contains(line, "error.code=connector_unknown") || !strings.Contains(line, "error.id="+id) || !strings.Contains(line, "error.remedy=") {
		t.Errorf("logged: %s", line)
	}
	h.log.Reset()
	h.idp.Stop()
	h.serve(acceptsJSON(startRequest("GET", "connector=acme", "", "")))
	if line := h.log.String(); !strings.Contains(line, `level=WARN msg="oidcsso: sign-in failed" error.code=unavailable`) {
		t.Errorf("logged: %s", line)
	}
}

func TestStartFromAnotherSite(t *testing.T) {
	t.Parallel()
	h := newRoutes(t, nil, func(_ *oidcsso.Options, fo *oidcsso.FlowOptions) {
		fo.AllowedReturns = []string{"https://eu.example.test"}
	})
	for name, row := range map[string]struct {
		site, origin, host string
		refused            bool
	}{
		"same origin":                             {"same-origin", "https://app.example.test", "", false},
		"typed or bookmarked":                     {"none", "", "", false},
		"no browser":                              {"", "", "", false},
		"allowed origin":                          {"cross-site", "https://eu.example.test", "", false},
		"old browser, same origin":                {"", "https://app.example.test", "", false},
		"old browser, behind a proxy":             {"", "https://app.example.test", "10.0.0.7:8080", false},
		"new browser, behind a proxy":             {"same-origin", "https://app.example.test", "10.0.0.7:8080", false},
		"another site":                            {"cross-site", "https://evil.test", "", true},
		"another site that hides its origin":      {"cross-site", "", "", true},
		"a sandboxed frame":                       {"cross-site", "null", "", true},
		"a sibling domain":                        {"same-site", "https://blog.example.test", "", true},
		"old browser, another site":               {"", "https://evil.test", "", true},
		"old browser, another port":               {"", "https://app.example.test:8443", "", true},
		"allowed name by http":                    {"cross-site", "http://eu.example.test", "", true},
		"allowed name in another site's":          {"cross-site", "https://eu.example.test.evil.test", "", true},
		"old browser, the name that a proxy sees": {"", "https://evil.test", "10.0.0.7:8080", true},
	} {
		t.Run(name, func(t *testing.T) {
			r := acceptsJSON(startRequest("POST", "", formType, "connector=acme"))
			for header, value := range map[string]string{"Sec-Fetch-Site": row.site, "Origin": row.origin} {
				if value != "" {
					r.Header.Set(header, value)
				}
			}
			if row.host != "" {
				r.Host = row.host
			}
			w := h.serve(r)
			if row.refused {
				h.wantRefused(w, oidcsso.CodeParamsInvalid, 400)
				return
			}
			h.wantStarted(w)
		})
	}
}

// A link on another site must not sign anybody in unasked.
func TestLinkOnAnotherSiteAsksFirst(t *testing.T) {
	t.Parallel()
	h := newRoutes(t, nil)
	h.cfg.Name = `ACME "<Labs>"`
	h.put(h.cfg)
	query := "email=alice%40acme.test&x=a:b&return_to=/home%3Fx=a:b%26c&y=%22%3E%3Cscript%3E"
	r := startRequest("GET", query, "", "")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	w := h.serve(r)
	link := wantPage(t, w, http.StatusOK, "Do you want to sign in?", `You came here from another site. Go on to sign in with ACME "<Labs>".`, "")
	if w.Header()["Set-Cookie"] != nil || h.idp.Requests().Discovery != 0 {
		t.Errorf("something was begun: %v", w.Header())
	}
	next, err := r.URL.Parse(link) // as a browser follows it
	if err != nil || next.Path != "/sso/start" || next.Host != "app.example.test" {
		t.Fatalf("the link leads to %s, %v", next, err)
	}
	r = httptest.NewRequest("GET", next.String(), nil)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	a := h.wantStarted(h.serve(r))
	h.serve(callbackRequest(h.callback(a), a.cookie))
	if len(h.signIns) != 1 || h.signIns[0].ReturnTo != "/home?x=a:b&c" {
		t.Errorf("%+v", h.signIns)
	}

	for _, site := range []string{"", "none", "same-origin", "same-site"} {
		r := startRequest("GET", query, "", "")
		r.Header.Set("Sec-Fetch-Site", site)
		h.wantStarted(h.serve(r))
	}
	// An address of nobody, and errors, are no reason to ask.
	for query, status := range map[string]int{"email=carol@free.test": 404, "connector=nobody": 404, "email=x": 400} {
		r := startRequest("GET", query, "", "")
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		if w := h.serve(r); w.Code != status || strings.Contains(w.Body.String(), "Do you want") {
			t.Errorf("%s: status %d, %q", query, w.Code, w.Body)
		}
	}
}

func TestStartThatNobodyAskedForYet(t *testing.T) {
	t.Parallel()
	h := newRoutes(t, nil)
	for _, purpose := range []string{"prefetch", "prefetch;prerender", "prefetch;anonymous-client-ip"} {
		r := acceptsJSON(startRequest("GET", "connector=acme", "", ""))
		r.Header.Set("Sec-Purpose", purpose)
		h.wantRefused(h.serve(r), oidcsso.CodeParamsInvalid, http.StatusBadRequest)
	}
}

// A stranger who tries domains is stopped before anything is looked up, whatever the answer would have been.
func TestRateLimitComesFirst(t *testing.T) {
	t.Parallel()
	asked := 0
	h := newRoutes(t, func(ho *oidcsso.HandlerOptions) {
		ho.Allow = func(r *http.Request) bool { asked++; return r.Header.Get("X-Forwarded-For") == "" }
	})
	for _, query := range []string{"email=alice@acme.test", "email=carol@free.test", "connector=acme", "connector=nobody", "email=x", ""} {
		r := acceptsJSON(startRequest("GET", query, "", ""))
		r.Header.Set("X-Forwarded-For", "203.0.113.7")
		h.wantRefused(h.serve(r), oidcsso.CodeTooManyRequests, http.StatusTooManyRequests)
	}
	h.wantStarted(h.serve(acceptsJSON(startRequest("GET", "connector=acme", "", ""))))
	if asked != 7 || h.idp.Requests().Discovery != 1 {
		t.Errorf("asked %d times, %d discoveries", asked, h.idp.Requests().Discovery)
	}
}

func TestHandlerCallbackErrors(t *testing.T) {
	t.Parallel()
	h := newRoutes(t, nil)
	w := h.serve(callbackRequest("https://app.example.test/sso/callback/acme?code=x&state=y"))
	wantPage(t, w, 400, "Please sign in again", "Your sign-in could not be completed. Please sign in again, and allow cookies for this site if that does not help.", "/login")
	wantNoCookie(t, w.Result())
	h.wantRefused(h.serve(acceptsJSON(callbackRequest("https://app.example.test/sso/callback/acme?code=x&state=y"))), oidcsso.CodeLoginMissing, 400)
	if len(h.signIns) != 0 {
		t.Error("somebody signed in")
	}
}

func TestNewHandlerReportsAllThatIsWrong(t *testing.T) {
	t.Parallel()
	d := newDirect(t)
	onSignIn := func(http.ResponseWriter, *http.Request, *oidcsso.SignIn) error { return nil }
	for name, row := range map[string]struct {
		flow   *oidcsso.Flow
		ho     *oidcsso.HandlerOptions
		fields []string
	}{
		"no Flow":                  {nil, &oidcsso.HandlerOptions{OnSignIn: onSignIn}, []string{"flow"}},
		"no options":               {d.flow, nil, []string{"on_sign_in"}},
		"no OnSignIn":              {d.flow, &oidcsso.HandlerOptions{}, []string{"on_sign_in"}},
		"a login URL elsewhere":    {d.flow, &oidcsso.HandlerOptions{OnSignIn: onSignIn, LoginURL: "https://evil.test/"}, []string{"login_url"}},
		"a login URL of a script":  {d.flow, &oidcsso.HandlerOptions{OnSignIn: onSignIn, LoginURL: "javascript:alert(1)"}, []string{"login_url"}},
		"a login URL in two parts": {d.flow, &oidcsso.HandlerOptions{LoginURL: "/a b"}, []string{"on_sign_in", "login_url"}},
	} {
		handler, err := oidcsso.NewHandler(row.flow, row.ho)
		var invalid *oidcsso.ConfigError
		if !errors.As(err, &invalid) || handler != nil {
			t.Errorf("%s: %v, %v", name, handler, err)
			continue
		}
		var fields []string
		for _, f := range invalid.Fields {
			fields = append(fields, f.Field)
		}
		if !slices.Equal(fields, row.fields) {
			t.Errorf("%s: fields %q, want %q", name, fields, row.fields)
		}
	}
}

// The whole way with a real browser's cookies and two servers.
func TestHandlerInABrowser(t *testing.T) {
	t.Parallel()
	b, idp := newBackend(t)
	b.put(idp.Config("acme", "acme.test"))
	handler, err := oidcsso.NewHandler(b.flow, &oidcsso.HandlerOptions{OnSignIn: func(w http.ResponseWriter, _ *http.Request, s *oidcsso.SignIn) error {
		answer(w, nil, s)
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	b.mux.Handle("/sso/", handler) // beside the harness's /sso/callback/, which is more specific
	b.mux.Handle("GET /sso/callback/acme", handler)
	browser := idp.HTTPClient(b.server.Certificate())
	start := b.server.URL + "/sso/start?" + url.Values{"email": {"alice@acme.test"}, "return_to": {"/home"}}.Encode()
	o := read(t, idp.SignIn(t, browser, start, "alice"))
	wantSignedIn(t, o, "alice", "alice@acme.test")
	if o.ReturnTo != "/home" || len(b.ours(browser)) != 0 {
		t.Errorf("returned to %q, %d cookies left", o.ReturnTo, len(b.ours(browser)))
	}
	resp := idp.Cancel(t, idp.HTTPClient(b.server.Certificate()), start)
	if resp.StatusCode != http.StatusForbidden || !strings.Contains(resp.Header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Errorf("cancelled: %s, %v", resp.Status, resp.Header)
	}

}
