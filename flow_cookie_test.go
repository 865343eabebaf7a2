package oidcsso_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/oidcssotest"
)

// direct is a Flow without a server: the tests call its methods and say which cookies the browser sends. The connector acme
// has the domain acme.test and the people alice and bob.
type direct struct {
	t      *testing.T
	idp    *oidcssotest.IdP
	opts   *oidcsso.Options
	router *oidcsso.Router
	cfg    oidcsso.Config
	key    oidcsso.SealKey
	flow   *oidcsso.Flow
}

func newDirect(t *testing.T, changes ...func(*oidcsso.Options, *oidcsso.FlowOptions)) *direct {
	t.Helper()
	return newDirectAt(t, "https://app.example.test/sso", changes...)
}

func newDirectAt(t *testing.T, base string, changes ...func(*oidcsso.Options, *oidcsso.FlowOptions)) *direct {
	t.Helper()
	d := &direct{t: t, idp: oidcssotest.New(t, base), key: oidcsso.RandomSealKey()}
	for _, name := range []string{"alice", "bob"} {
		d.idp.AddUser(oidcssotest.User{Subject: name, Email: name + "@acme.test"})
	}
	d.opts = d.idp.Options()
	fo := d.flowOptions()
	for _, change := range changes {
		change(d.opts, fo)
	}
	d.router = oidcsso.NewRouter(d.opts)
	d.cfg = d.idp.Config("acme", "acme.test")
	d.put(d.cfg)
	d.flow = d.newFlow(d.router, fo)
	return d
}

// withClock sets the clock of everything.
func (d *direct) withClock(now *clock) *direct {
	d.idp.Configure(func(s *oidcssotest.Settings) { s.Now = now.Now }) // idp.Options has made it the library's, too
	return d
}

func (d *direct) flowOptions() *oidcsso.FlowOptions {
	return &oidcsso.FlowOptions{Keys: []oidcsso.SealKey{d.key}}
}

func (d *direct) newFlow(source oidcsso.Source, fo *oidcsso.FlowOptions) *oidcsso.Flow {
	d.t.Helper()
	flow, err := oidcsso.NewFlow(d.opts, source, fo)
	if err != nil {
		d.t.Fatal(err)
	}
	return flow
}

func (d *direct) put(cfg oidcsso.Config) {
	d.t.Helper()
	if err := d.router.Put(cfg); err != nil {
		d.t.Fatal(err)
	}
}

// attempt is a sign-in under way, as the browser sees it.
type attempt struct {
	authorizationURL string
	cookie           *http.Cookie   // the one that was set
	dropped          []string       // the names of those that were expired
	response         *http.Response // all that was written
}

func (a attempt) state(t *testing.T) string {
	t.Helper()
	u, err := url.Parse(a.authorizationURL)
	if err != nil || u.Query().Get("state") == "" {
		t.Fatalf("no state in %q", a.authorizationURL)
	}
	return u.Query().Get("state")
}

func beginWith(t *testing.T, f *oidcsso.Flow, p oidcsso.BeginParams, cookies ...*http.Cookie) (attempt, error) {
	t.Helper()
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/login", nil)
	setCookies(r, cookies)
	authorizationURL, err := f.Begin(w, r, "acme", p)
	a := attempt{authorizationURL: authorizationURL, response: w.Result()}
	for _, c := range a.response.Cookies() {
		switch {
		case c.MaxAge < 0:
			a.dropped = append(a.dropped, c.Name)
		case a.cookie != nil:
			t.Fatalf("two cookies were set: %v", a.response.Cookies())
		default:
			a.cookie = c
		}
	}
	return a, err
}

func (d *direct) begin(p oidcsso.BeginParams, cookies ...*http.Cookie) attempt {
	d.t.Helper()
	a, err := beginWith(d.t, d.flow, p, cookies...)
	if err != nil {
		d.t.Fatal(err)
	}
	if a.cookie == nil {
		d.t.Fatalf("no cookie was set: %v", a.response.Header)
	}
	return a
}

// callback is the URL at which alice comes back from the identity provider.
func (d *direct) callback(a attempt) string {
	d.t.Helper()
	return d.idp.Authorize(d.t, a.authorizationURL, "alice").String()
}

func callbackRequest(url string, cookies ...*http.Cookie) *http.Request {
	r := httptest.NewRequest(http.MethodGet, url, nil)
	setCookies(r, cookies)
	return r
}

// setCookies sends them in this order. Request.AddCookie takes too long for thousands.
func setCookies(r *http.Request, cookies []*http.Cookie) {
	var pairs []string
	for _, c := range cookies {
		pairs = append(pairs, c.Name+"="+c.Value)
	}
	if len(pairs) > 0 {
		r.Header.Set("Cookie", strings.Join(pairs, "; "))
	}
}

// finishWith gives the outcome of a callback, and what was written.
func finishWith(f *oidcsso.Flow, r *http.Request) (*oidcsso.SignIn, *http.Response, error) {
	w := httptest.NewRecorder()
	signIn, err := f.Finish(w, r)
	return signIn, w.Result(), err
}

func wantAlice(t *testing.T, signIn *oidcsso.SignIn, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if signIn.Identity.Subject != "alice" || signIn.Identity.Email != "alice@acme.test" {
		t.Fatalf("signed in is %+v", signIn.Identity)
	}
}

// wantExpired: this cookie, and no other, was expired in a way in which the browser finds it.
func wantExpired(t *testing.T, response *http.Response, set *http.Cookie) {
	t.Helper()
	cookies := response.Cookies()
	if len(cookies) != 1 {
		t.Fatalf("Set-Cookie: %q, want the sign-in's cookie expired", response.Header["Set-Cookie"])
	}
	c := cookies[0]
	if c.Name != set.Name || c.MaxAge >= 0 || c.Value != "" || c.Path != set.Path || c.Domain != "" || c.Secure != set.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode {
		t.Errorf("Set-Cookie: %q", response.Header["Set-Cookie"])
	}
}

func wantNoCookie(t *testing.T, response *http.Response) {
	t.Helper()
	if set := response.Header["Set-Cookie"]; len(set) != 0 {
		t.Errorf("Set-Cookie: %q, want none", set)
	}
}

func TestCookieOfASignIn(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		base, cookieName, prefix string
		secure                   bool
	}{
		"https":                         {"https://app.example.test/sso", "", "__Host-oidcsso-", true},
		"https without a path":          {"https://app.example.test", "", "__Host-oidcsso-", true},
		"https, a name of its own":      {"https://app.example.test/sso", "my_App-2", "__Host-my_App-2-", true},
		"http on loopback":              {"http://127.0.0.1:8080/sso", "", "oidcsso-", false},
		"http on loopback, a name too":  {"http://localhost:8080/sso", "app", "app-", false},
		"http on loopback, IPv6":        {"http://[::1]:8080/sso", "", "oidcsso-", false},
		"the longest name":              {"https://app.example.test/sso", strings.Repeat("n", 40), "__Host-" + strings.Repeat("n", 40) + "-", true},
		"https on loopback is no less":  {"https://localhost:8443/sso", "", "__Host-oidcsso-", true},
		"an upper-case name stays that": {"https://app.example.test/sso", "APP", "__Host-APP-", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDirectAt(t, row.base, func(_ *oidcsso.Options, fo *oidcsso.FlowOptions) { fo.CookieName = row.cookieName })
			a := d.begin(oidcsso.BeginParams{ReturnTo: "/projects/42?tab=members"})
			c := a.cookie
			if c.Name != row.prefix+a.state(t)[:12] || c.Secure != row.secure {
				t.Errorf("the cookie is %s, for the state %s", c, a.state(t))
			}
			if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || c.MaxAge != 600 || c.Partitioned {
				t.Errorf("the cookie is %s", c)
			}
			if len(c.Value) > 400 {
				t.Errorf("a usual cookie has %d bytes, want at most 400", len(c.Value))
			}
			if len(a.dropped) != 0 {
				t.Errorf("dropped were %q", a.dropped)
			}
			if a.response.Header.Get("Cache-Control") != "no-store" || a.response.Header.Get("Referrer-Policy") != "no-referrer" {
				t.Errorf("headers %v", a.response.Header)
			}
			signIn, response, err := finishWith(d.flow, callbackRequest(d.callback(a), c))
			wantAlice(t, signIn, err)
			wantExpired(t, response, c)
			if signIn.ReturnTo != "/projects/42?tab=members" {
				t.Errorf("returned to %q", signIn.ReturnTo)
			}
		})
	}
}

func TestCookieAtItsBoundsIsKeptByBrowsers(t *testing.T) {
	t.Parallel()
	longest := oidcsso.BeginParams{ReturnTo: "/" + strings.Repeat("r", 1023), Data: bytes.Repeat([]byte{0xff}, 512)}
	d := newDirectAt(t, "https://app.example.test/"+strings.Repeat("p", 900), func(_ *oidcsso.Options, fo *oidcsso.FlowOptions) {
		fo.CookieName = strings.Repeat("n", 40)
	})
	a := d.begin(longest)
	if n := len(a.cookie.Name) + len(a.cookie.Value); n > 4096 {
		t.Errorf("name and value have %d bytes", n)
	}
	signIn, _, err := finishWith(d.flow, callbackRequest(d.callback(a), a.cookie))
	wantAlice(t, signIn, err)
	if signIn.ReturnTo != longest.ReturnTo || !bytes.Equal(signIn.Data, longest.Data) {
		t.Error("the return target or the data is another one")
	}

	// A redirect URI with which it would not fit: better no sign-in than one that can't be finished.
	for _, length := range []int{1338, 1900} { // a few bytes too long together with its name, and far too long
		d = newDirectAt(t, "https://app.example.test/"+strings.Repeat("p", length))
		a, err = beginWith(t, d.flow, longest, d.begin(oidcsso.BeginParams{}).cookie, &http.Cookie{Name: "__Host-oidcsso-aaaaaaaaaaaa", Value: "x"})
		wantError(t, err, oidcsso.CodeInternal)
		if a.authorizationURL != "" || len(a.response.Header) != 0 {
			t.Errorf("after the error: %q, %v", a.authorizationURL, a.response.Header)
		}
		a = d.begin(oidcsso.BeginParams{ReturnTo: "/home"})
		signIn, _, err = finishWith(d.flow, callbackRequest(d.callback(a), a.cookie))
		wantAlice(t, signIn, err)
	}
}

// A real browser, six tabs, and a clock that stands still: the cookies' order is all that tells the attempts apart.
func TestSixthSignInDropsTheOldest(t *testing.T) {
	t.Parallel()
	now := wholeSecond()
	b, idp := newBackend(t, func(o *oidcsso.Options, _ *oidcsso.FlowOptions) { o.Now = now.Now })
	b.put(idp.Config("acme", "acme.test"))
	browser := idp.HTTPClient(b.server.Certificate())
	var callbacks []string
	for i := range 6 {
		callbacks = append(callbacks, b.begin(idp, browser, "alice@acme.test"))
		if n := len(b.ours(browser)); n != min(i+1, 5) {
			t.Errorf("%d cookies after %d starts", n, i+1)
		}
	}
	wantCode(t, read(t, get(t, browser, callbacks[0])), oidcsso.CodeLoginMissing)
	if n := len(b.ours(browser)); n != 5 {
		t.Errorf("%d cookies are left", n)
	}
	for i, callback := range callbacks[1:] {
		wantSignedIn(t, read(t, get(t, browser, callback)), "alice", "alice@acme.test")
		if n := len(b.ours(browser)); n != 4-i {
			t.Errorf("%d cookies are left", n)
		}
	}
}

// Whatever the order in which the browser sends them, the age counts.
func TestOldestIsDroppedInAnyOrder(t *testing.T) {
	t.Parallel()
	now := wholeSecond()
	d := newDirect(t).withClock(now)
	var cookies []*http.Cookie
	for range 7 { // more than a browser of ours has
		cookies = append(cookies, d.begin(oidcsso.BeginParams{}).cookie)
		now.advance(time.Second)
	}
	oldest := []string{cookies[0].Name, cookies[1].Name, cookies[2].Name}
	slices.Sort(oldest)
	for _, order := range [][]int{{0, 1, 2, 3, 4, 5, 6}, {6, 5, 4, 3, 2, 1, 0}, {3, 0, 6, 1, 5, 2, 4}} {
		var sent []*http.Cookie
		for _, i := range order {
			sent = append(sent, cookies[i])
		}
		dropped := d.begin(oidcsso.BeginParams{}, sent...).dropped
		if slices.Sort(dropped); !slices.Equal(dropped, oldest) {
			t.Errorf("in the order %v %q are dropped, want %q", order, dropped, oldest)
		}
	}
}

func TestCookiesThatDontOpenAreDropped(t *testing.T) {
	t.Parallel()
	now := wholeSecond()
	d := newDirect(t).withClock(now)
	expired := d.begin(oidcsso.BeginParams{}).cookie
	now.advance(10*time.Minute + time.Second)
	good := d.begin(oidcsso.BeginParams{}).cookie
	stranger := d.newFlow(d.router, &oidcsso.FlowOptions{Keys: []oidcsso.SealKey{oidcsso.RandomSealKey()}})
	foreign, err := beginWith(t, stranger, oidcsso.BeginParams{})
	if err != nil {
		t.Fatal(err)
	}
	cookie := func(name, value string) *http.Cookie { return &http.Cookie{Name: name, Value: value} }
	drop := []*http.Cookie{
		expired, foreign.cookie,
		cookie("__Host-oidcsso-emptyempty00", ""), cookie("__Host-oidcsso-junkjunkjunk", "junk"), cookie("__Host-oidcsso-oversized000", strings.Repeat("A", 5000)),
		cookie("__Host-oidcsso-otherotherot", good.Value),
	}
	keep := []*http.Cookie{
		good, cookie("session", "x"), cookie("oidcsso-aaaaaaaaaaaa", "x"), cookie("__Host-oidcsso", "x"), cookie("__Host-oidcsso-", "x"), cookie("__Host-oidcsso-short", "x"),
		cookie("__Host-oidcsso-aaaaaaaaaaaaa", "x"), cookie("__Host-oidcsso-admin-aaaaaaaaaaaa", "x"), cookie("__host-oidcsso-aaaaaaaaaaaa", "x"),
		cookie("__Host-other-aaaaaaaaaaaa", "x"), cookie("__Secure-oidcsso-aaaaaaaaaaaa", "x"),
	}
	a := d.begin(oidcsso.BeginParams{}, append(slices.Clone(keep), drop...)...)
	var want []string
	for _, c := range drop {
		want = append(want, c.Name)
	}
	slices.Sort(want)
	if slices.Sort(a.dropped); !slices.Equal(a.dropped, want) {
		t.Errorf("dropped are %q, want %q", a.dropped, want)
	}
}

// A browser in which somebody planted hundreds of cookies: the work of a start is bounded, and the sign-in still ends well.
func TestHundredsOfCookies(t *testing.T) {
	t.Parallel()
	d := newDirect(t)
	var junk []*http.Cookie
	for i := range 500 {
		junk = append(junk, &http.Cookie{Name: fmt.Sprintf("__Host-oidcsso-junk%08d", i), Value: strings.Repeat("A", 300)})
	}
	a := d.begin(oidcsso.BeginParams{}, junk...)
	if len(a.dropped) != 50 {
		t.Errorf("%d were dropped, want the 50 that are looked at", len(a.dropped))
	}
	signIn, response, err := finishWith(d.flow, callbackRequest(d.callback(a), append(junk, a.cookie)...))
	wantAlice(t, signIn, err)
	wantExpired(t, response, a.cookie)

	// So many that package net/http reads none of them: no sign-in, and no harm.
	_, response, err = finishWith(d.flow, callbackRequest(d.callback(d.begin(oidcsso.BeginParams{})), slices.Repeat(append(junk, a.cookie), 20)...))
	wantError(t, err, oidcsso.CodeLoginMissing)
	wantNoCookie(t, response)
}

func TestTwoApplicationsOnOneHost(t *testing.T) {
	t.Parallel()
	d := newDirect(t)
	admin := d.newFlow(d.router, &oidcsso.FlowOptions{Keys: []oidcsso.SealKey{oidcsso.RandomSealKey()}, CookieName: "oidcsso-admin"})
	first := d.begin(oidcsso.BeginParams{})
	second, err := beginWith(t, admin, oidcsso.BeginParams{}, first.cookie)
	if err != nil {
		t.Fatal(err)
	}
	third := d.begin(oidcsso.BeginParams{}, first.cookie, second.cookie)
	if len(second.dropped)+len(third.dropped) != 0 {
		t.Errorf("they drop each other's cookies: %q, %q", second.dropped, third.dropped)
	}
	jar := []*http.Cookie{first.cookie, second.cookie, third.cookie}
	for _, row := range []struct {
		flow *oidcsso.Flow
		a    attempt
	}{{d.flow, first}, {admin, second}, {d.flow, third}} {
		callback := d.callback(row.a)
		for _, other := range []*oidcsso.Flow{d.flow, admin} {
			if other != row.flow {
				_, response, err := finishWith(other, callbackRequest(callback, jar...))
				wantError(t, err, oidcsso.CodeLoginMissing)
				wantNoCookie(t, response)
			}
		}
		signIn, response, err := finishWith(row.flow, callbackRequest(callback, jar...))
		wantAlice(t, signIn, err)
		wantExpired(t, response, row.a.cookie)
	}
}

// Whoever holds a sealed text of any other origin, under the right name of a cookie, has nothing.
func TestHostileCookies(t *testing.T) {
	t.Parallel()
	d := newDirect(t)
	a, other := d.begin(oidcsso.BeginParams{}), d.begin(oidcsso.BeginParams{})
	callback := d.callback(a)
	text := a.cookie.Value

	connector, err := d.router.Connector(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	_, login := beginAlone(t, connector, oidcsso.BeginParams{InsecureUnbound: true})
	atOtherBase := newDirectAt(t, "https://staging.example.test/sso", func(_ *oidcsso.Options, fo *oidcsso.FlowOptions) { fo.Keys = []oidcsso.SealKey{d.key} })
	otherName := d.newFlow(d.router, &oidcsso.FlowOptions{Keys: []oidcsso.SealKey{d.key}, CookieName: "other"})
	named, err := beginWith(t, otherName, oidcsso.BeginParams{})
	if err != nil {
		t.Fatal(err)
	}
	foreignKey := d.newFlow(d.router, &oidcsso.FlowOptions{Keys: []oidcsso.SealKey{oidcsso.RandomSealKey()}})
	foreign, err := beginWith(t, foreignKey, oidcsso.BeginParams{})
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{
		"empty":                          "",
		"junk":                           "junk",
		"of another attempt":             other.cookie.Value,
		"of another base URL":            atOtherBase.begin(oidcsso.BeginParams{}).cookie.Value,
		"of another cookie name":         named.cookie.Value,
		"of a foreign key":               foreign.cookie.Value,
		"Login.Seal's text":              sealed(t, login, d.key),
		"oversized":                      strings.Repeat("A", 4097),
		"a kilobyte too much":            text + strings.Repeat("A", 1024),
		"twice":                          text + text,
		"padded":                         text + "=",
		"the right one of its two lists": text + "," + text,
	}
	for n := range text {
		rows[fmt.Sprintf("cut to %d bytes", n)] = text[:n]
	}
	for i := range text {
		for bit := range 8 {
			flipped := []byte(text)
			flipped[i] ^= 1 << bit
			rows[fmt.Sprintf("bit %d of byte %d flipped", bit, i)] = string(flipped)
		}
	}
	for name, value := range rows {
		r := callbackRequest(callback, &http.Cookie{Name: a.cookie.Name, Value: value})
		signIn, response, err := finishWith(d.flow, r)
		if !errors.Is(err, oidcsso.CodeLoginMissing) || signIn != nil || len(response.Header["Set-Cookie"]) != 0 {
			t.Errorf("%s: %v, Set-Cookie %q", name, err, response.Header["Set-Cookie"])
		}
		var e *oidcsso.Error
		if errors.As(err, &e) && (e.ReturnTo != "" || e.Data != nil || e.Connector != "") {
			t.Errorf("%s: the error says %+v", name, e)
		}
	}
	if n := d.idp.Requests().Token; n != 0 {
		t.Errorf("%d token requests", n)
	}
	// The very cookie, at a Flow that differs in the base URL alone.
	_, response, err := finishWith(atOtherBase.flow, callbackRequest(callback, a.cookie))
	wantError(t, err, oidcsso.CodeLoginMissing)
	wantNoCookie(t, response)
	// A cookie's text is no Login for the lower tier either.
	if _, err := oidcsso.OpenLogin([]oidcsso.SealKey{d.key}, text); !errors.Is(err, oidcsso.CodeLoginMissing) {
		t.Errorf("OpenLogin reads a cookie: %v", err)
	}
	signIn, _, err := finishWith(d.flow, callbackRequest(callback, a.cookie))
	wantAlice(t, signIn, err)
}

func TestCallbackThatMatchesNoCookieChangesNothing(t *testing.T) {
	t.Parallel()
	d := newDirect(t)
	a, other := d.begin(oidcsso.BeginParams{}), d.begin(oidcsso.BeginParams{})
	callback := d.callback(a)
	state := a.state(t)
	path, query, _ := strings.Cut(callback, "?")
	replaced := func(by string) string { return path + "?" + strings.Replace(query, "state="+state, by, 1) }
	lastChanged := []byte(state)
	lastChanged[len(state)-1] ^= 'A' ^ 'Q' // still canonical base64
	for name, row := range map[string]struct {
		url    string
		change func(*http.Request)
		code   oidcsso.Code
	}{
		"no cookie":                       {callback, func(r *http.Request) { r.Header.Del("Cookie") }, oidcsso.CodeLoginMissing},
		"the cookie of another attempt":   {callback, func(r *http.Request) { r.Header.Del("Cookie"); r.AddCookie(other.cookie) }, oidcsso.CodeLoginMissing},
		"the cookie twice":                {callback, func(r *http.Request) { r.AddCookie(a.cookie) }, oidcsso.CodeLoginMissing},
		"a second cookie of the name":     {callback, func(r *http.Request) { r.AddCookie(&http.Cookie{Name: a.cookie.Name, Value: "x"}) }, oidcsso.CodeLoginMissing},
		"a second, empty one":             {callback, func(r *http.Request) { r.AddCookie(&http.Cookie{Name: a.cookie.Name}) }, oidcsso.CodeLoginMissing},
		"a second header with the cookie": {callback, func(r *http.Request) { r.Header.Add("Cookie", a.cookie.String()) }, oidcsso.CodeLoginMissing},
		"the name in lower case": {callback, func(r *http.Request) {
			r.Header.Set("Cookie", strings.ToLower(a.cookie.Name)+"="+a.cookie.Value)
		}, oidcsso.CodeLoginMissing},
		"no state":                              {replaced("x=y"), nil, oidcsso.CodeLoginMissing},
		"empty state":                           {replaced("state="), nil, oidcsso.CodeLoginMissing},
		"state twice":                           {callback + "&state=" + state, nil, oidcsso.CodeLoginMissing},
		"another state besides":                 {callback + "&state=" + other.state(t), nil, oidcsso.CodeLoginMissing},
		"state in another case":                 {replaced("STATE=" + state), nil, oidcsso.CodeLoginMissing},
		"forged state":                          {replaced("state=" + strings.Repeat("A", 22)), nil, oidcsso.CodeLoginMissing},
		"forged state that begins as ours":      {replaced("state=" + state[:12] + strings.Repeat("A", 10)), nil, oidcsso.CodeLoginMissing},
		"forged state with another last letter": {replaced("state=" + string(lastChanged)), nil, oidcsso.CodeLoginMissing},
		"state cut short":                       {replaced("state=" + state[:12]), nil, oidcsso.CodeLoginMissing},
		"state with something behind it":        {replaced("state=" + state + "A"), nil, oidcsso.CodeLoginMissing},
		"state of a megabyte":                   {replaced("state=" + strings.Repeat(state, 1<<15)), nil, oidcsso.CodeLoginMissing},
		"state with separators of cookies":      {replaced("state=%3B%20%0d%0a%3D%2C%22" + state[:14]), nil, oidcsso.CodeLoginMissing},
		"no query":                              {path, nil, oidcsso.CodeLoginMissing},
		"semicolons for separators":             {path + "?" + strings.ReplaceAll(query, "&", ";"), nil, oidcsso.CodeResponseInvalid},
		"a semicolon behind the response":       {callback + ";x=y", nil, oidcsso.CodeResponseInvalid},
		"a malformed escape":                    {callback + "&x=%zz", nil, oidcsso.CodeResponseInvalid},
		"POST":                                  {callback, func(r *http.Request) { r.Method = http.MethodPost }, oidcsso.CodeResponseInvalid},
		"HEAD":                                  {callback, func(r *http.Request) { r.Method = http.MethodHead }, oidcsso.CodeResponseInvalid},
		"PUT":                                   {callback, func(r *http.Request) { r.Method = http.MethodPut }, oidcsso.CodeResponseInvalid},
		"OPTIONS":                               {callback, func(r *http.Request) { r.Method = http.MethodOptions }, oidcsso.CodeResponseInvalid},
		"no method at all":                      {callback, func(r *http.Request) { r.Method = "" }, oidcsso.CodeResponseInvalid},
		"get in lower case":                     {callback, func(r *http.Request) { r.Method = "get" }, oidcsso.CodeResponseInvalid},
		"an error that nobody asked for":        {path + "?error=access_denied&error_description=%3Cscript%3E&state=" + strings.Repeat("A", 22), nil, oidcsso.CodeLoginMissing},
	} {
		t.Run(name, func(t *testing.T) {
			r := callbackRequest(row.url, a.cookie)
			if row.change != nil {
				row.change(r)
			}
			signIn, response, err := finishWith(d.flow, r)
			wantError(t, err, row.code)
			wantNoCookie(t, response)
			if signIn != nil || d.idp.Requests().Token != 0 {
				t.Errorf("%+v after %d token requests", signIn, d.idp.Requests().Token)
			}
			if response.Header.Get("Cache-Control") != "no-store" || response.Header.Get("Referrer-Policy") != "no-referrer" {
				t.Errorf("headers %v", response.Header)
			}
		})
	}
	signIn, _, err := finishWith(d.flow, callbackRequest(callback, a.cookie)) // it was all in vain
	wantAlice(t, signIn, err)
}

// A response in the body of a POST (response_mode=form_post) is not ours; it must not be read as one.
func TestResponseInABodyIsNotRead(t *testing.T) {
	t.Parallel()
	d := newDirect(t)
	a := d.begin(oidcsso.BeginParams{})
	path, query, _ := strings.Cut(d.callback(a), "?")
	for _, method := range []string{http.MethodPost, http.MethodGet} {
		r := httptest.NewRequest(method, path, strings.NewReader(query))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.AddCookie(a.cookie)
		_, response, err := finishWith(d.flow, r)
		want := oidcsso.CodeResponseInvalid
		if method == http.MethodGet {
			want = oidcsso.CodeLoginMissing
		}
		wantError(t, err, want)
		wantNoCookie(t, response)
	}
}

func TestLoginExpiresInTheCookie(t *testing.T) {
	t.Parallel()
	for after, code := range map[time.Duration]oidcsso.Code{
		10*time.Minute - time.Second: "", 10 * time.Minute: "", 10*time.Minute + time.Second: oidcsso.CodeLoginExpired, 24 * time.Hour: oidcsso.CodeLoginExpired,
	} {
		t.Run(after.String(), func(t *testing.T) {
			t.Parallel()
			now := wholeSecond()
			d := newDirect(t).withClock(now)
			a := d.begin(oidcsso.BeginParams{ReturnTo: "/home", Data: []byte("tab 1")})
			now.advance(after)
			signIn, response, err := finishWith(d.flow, callbackRequest(d.callback(a), a.cookie))
			wantExpired(t, response, a.cookie)
			if code == "" {
				wantAlice(t, signIn, err)
				return
			}
			wantError(t, err, code)
			var e *oidcsso.Error
			if errors.As(err, &e); e.ReturnTo != "/home" || string(e.Data) != "tab 1" || e.Connector != "acme" || d.idp.Requests().Token != 0 {
				t.Errorf("%+v after %d token requests", e, d.idp.Requests().Token)
			}
		})
	}
}

func TestNewFlowReportsAllThatIsWrong(t *testing.T) {
	t.Parallel()
	key := oidcsso.RandomSealKey()
	same, err := oidcsso.NewSealKey(randomLooking())
	if err != nil {
		t.Fatal(err)
	}
	again, err := oidcsso.NewSealKey(randomLooking())
	if err != nil {
		t.Fatal(err)
	}
	good := func(change func(*oidcsso.FlowOptions)) *oidcsso.FlowOptions {
		fo := &oidcsso.FlowOptions{Keys: []oidcsso.SealKey{key}}
		change(fo)
		return fo
	}
	base := &oidcsso.Options{BaseURL: "https://app.example.test/sso"}
	router := oidcsso.NewRouter(base)
	for name, row := range map[string]struct {
		opts   *oidcsso.Options
		source oidcsso.Source
		fo     *oidcsso.FlowOptions
		fields []string
	}{
		"nothing at all":                         {nil, nil, nil, []string{"base_url", "source", "keys"}},
		"no FlowOptions":                         {base, router, nil, []string{"keys"}},
		"no base URL":                            {&oidcsso.Options{}, router, good(func(*oidcsso.FlowOptions) {}), []string{"base_url"}},
		"a bad base URL":                         {&oidcsso.Options{BaseURL: "http://app.example.test"}, router, good(func(*oidcsso.FlowOptions) {}), []string{"base_url"}},
		"no Source":                              {base, nil, good(func(*oidcsso.FlowOptions) {}), []string{"source"}},
		"an empty key":                           {base, router, &oidcsso.FlowOptions{Keys: []oidcsso.SealKey{{}}}, []string{"keys"}},
		"an empty key behind a good":             {base, router, &oidcsso.FlowOptions{Keys: []oidcsso.SealKey{key, {}}}, []string{"keys"}},
		"a key twice":                            {base, router, &oidcsso.FlowOptions{Keys: []oidcsso.SealKey{same, key, again}}, []string{"keys"}},
		"a cookie name with a space":             {base, router, good(func(fo *oidcsso.FlowOptions) { fo.CookieName = "my app" }), []string{"cookie_name"}},
		"a cookie name with a prefix of its own": {base, router, good(func(fo *oidcsso.FlowOptions) { fo.CookieName = "__Host-app;" }), []string{"cookie_name"}},
		"a cookie name of 41 bytes":              {base, router, good(func(fo *oidcsso.FlowOptions) { fo.CookieName = strings.Repeat("n", 41) }), []string{"cookie_name"}},
		"a cookie name outside ASCII":            {base, router, good(func(fo *oidcsso.FlowOptions) { fo.CookieName = "größe" }), []string{"cookie_name"}},
		"a default return elsewhere":             {base, router, good(func(fo *oidcsso.FlowOptions) { fo.DefaultReturn = "https://evil.test/" }), []string{"default_return"}},
		"an allowed return that is no origin":    {base, router, good(func(fo *oidcsso.FlowOptions) { fo.AllowedReturns = []string{"https://eu.example.test/"} }), []string{"allowed_returns[0]"}},
		"all of it": {&oidcsso.Options{}, nil, &oidcsso.FlowOptions{CookieName: " ", DefaultReturn: "x", AllowedReturns: []string{"https://eu.example.test", "*"}},
			[]string{"base_url", "source", "keys", "cookie_name", "allowed_returns[1]", "default_return"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			flow, err := oidcsso.NewFlow(row.opts, row.source, row.fo)
			var invalid *oidcsso.ConfigError
			if !errors.As(err, &invalid) || !errors.Is(err, oidcsso.CodeConfigInvalid) || flow != nil {
				t.Fatalf("%v, %v", flow, err)
			}
			var fields []string
			for _, f := range invalid.Fields {
				fields = append(fields, f.Field)
				if f.Message == "" || f.Remedy == "" {
					t.Errorf("%+v", f)
				}
			}
			if !slices.Equal(fields, row.fields) {
				t.Errorf("fields %q, want %q", fields, row.fields)
			}
		})
	}
}

// The caller's slice of keys may be changed afterwards, for the next Flow.
func TestFlowKeepsItsKeys(t *testing.T) {
	t.Parallel()
	d := newDirect(t)
	keys := []oidcsso.SealKey{d.key}
	flow := d.newFlow(d.router, &oidcsso.FlowOptions{Keys: keys})
	keys[0] = oidcsso.RandomSealKey()
	a := d.begin(oidcsso.BeginParams{})
	signIn, _, err := finishWith(flow, callbackRequest(d.callback(a), a.cookie))
	wantAlice(t, signIn, err)
}
