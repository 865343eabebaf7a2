package oidcssotest_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/oidcsso/oidcsso/oidcssotest"
)

func TestAuthorizeNeverRedirectsToAnUnknownAddress(t *testing.T) {
	t.Parallel()
	idp := newIdP(t)
	for _, test := range []struct {
		name    string
		changes []string
		repeat  string
	}{
		{"unknown client", []string{"client_id", "other"}, ""},
		{"no client", []string{"client_id", ""}, ""},
		{"client twice", nil, "client_id"},
		{"no redirect URI", []string{"redirect_uri", ""}, ""},
		{"redirect URI twice", nil, "redirect_uri"},
		{"redirect URI of an attacker", []string{"redirect_uri", "https://evil.test/"}, ""},
		{"redirect URI with a slash at its end", []string{"redirect_uri", redirectURI + "/"}, ""},
		{"redirect URI with a query", []string{"redirect_uri", redirectURI + "?x=1"}, ""},
		{"redirect URI in another case", []string{"redirect_uri", strings.ToUpper(redirectURI)}, ""},
		{"redirect URI that is a prefix", []string{"redirect_uri", redirectURI[:len(redirectURI)-1]}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			rp := newRelyingParty(t, idp)
			params := rp.authorizeParams(test.changes...)
			if test.repeat != "" {
				params.Add(test.repeat, params.Get(test.repeat))
			}
			response, _ := rp.get(idp.Issuer() + "/authorize?" + params.Encode())
			if response.StatusCode != http.StatusBadRequest || response.Header.Get("Location") != "" {
				t.Errorf("%s, Location %q", response.Status, response.Header.Get("Location"))
			}
		})
	}
}

func TestAuthorizeRefuses(t *testing.T) {
	t.Parallel()
	idp := newIdP(t)
	for _, test := range []struct {
		name    string
		changes []string
		want    string
	}{
		{"no response type", []string{"response_type", ""}, "invalid_request"},
		{"implicit flow", []string{"response_type", "id_token"}, "unsupported_response_type"},
		{"hybrid flow", []string{"response_type", "code id_token"}, "unsupported_response_type"},
		{"no openid", []string{"scope", "profile email"}, "invalid_scope"},
		{"no state", []string{"state", ""}, "invalid_request"},
		{"no nonce", []string{"nonce", ""}, "invalid_request"},
		{"no PKCE", []string{"code_challenge", "", "code_challenge_method", ""}, "invalid_request"},
		{"PKCE plain", []string{"code_challenge_method", "plain"}, "invalid_request"},
		{"PKCE method left out, which means plain", []string{"code_challenge_method", ""}, "invalid_request"},
		{"PKCE challenge cut", []string{"code_challenge", "abc"}, "invalid_request"},
		{"PKCE challenge not base64url", []string{"code_challenge", strings.Repeat("+", 43)}, "invalid_request"},
		{"fragment response mode", []string{"response_mode", "fragment"}, "invalid_request"},
		{"request object", []string{"request", "eyJ"}, "request_not_supported"},
		{"request object by reference", []string{"request_uri", "https://x.test/"}, "request_uri_not_supported"},
		{"unknown prompt", []string{"prompt", "force"}, "invalid_request"},
		{"prompt none beside login", []string{"prompt", "none login"}, "invalid_request"},
		{"negative max_age", []string{"max_age", "-1"}, "invalid_request"},
		{"nobody is signed in", []string{"prompt", "none"}, "login_required"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			rp := newRelyingParty(t, idp)
			response, answer := rp.get(rp.authorizeURL(test.changes...))
			if response.StatusCode != http.StatusSeeOther || answer.Get("error") != test.want || answer.Has("code") {
				t.Fatalf("%s %v, want error %s", response.Status, answer, test.want)
			}
			if wantState := map[bool]string{true: "", false: rp.state}[test.name == "no state"]; answer.Get("state") != wantState {
				t.Errorf("state %q", answer.Get("state"))
			}
			if answer.Get("iss") != idp.Issuer() {
				t.Error("an error without iss")
			}
		})
	}
	t.Run("parameter twice", func(t *testing.T) {
		t.Parallel()
		rp := newRelyingParty(t, idp)
		if _, answer := rp.get(rp.authorizeURL() + "&nonce=other"); answer.Get("error") != "invalid_request" {
			t.Errorf("answer %v", answer)
		}
	})
}

func TestAuthorizeByPost(t *testing.T) {
	t.Parallel()
	idp := newIdP(t)
	rp := newRelyingParty(t, idp)
	idp.Configure(func(s *oidcssotest.Settings) { s.AutoSignIn = "ann" })
	response, err := rp.client.PostForm(idp.Issuer()+"/authorize", rp.authorizeParams())
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	location, err := response.Location()
	if err != nil || location.Query().Get("code") == "" {
		t.Fatalf("%s %v", response.Status, location)
	}
}

// body of a page that must not be a redirect.
func (rp *relyingParty) page(response *http.Response, status int) string {
	rp.t.Helper()
	if response.StatusCode != status || response.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		rp.t.Fatalf("%s, want the status %d and a page", response.Status, status)
	}
	text, err := io.ReadAll(response.Body)
	if err != nil {
		rp.t.Fatal(err)
	}
	return string(text)
}

func TestSignInPage(t *testing.T) {
	t.Parallel()
	idp := newIdP(t)
	idp.Configure(func(s *oidcssotest.Settings) {
		s.Name, s.Accent, s.Hint = "Acme & Co", "#0a6b3d", "Demo: ann"
	})
	rp := newRelyingParty(t, idp)
	authorizeURL := rp.authorizeURL("login_hint", `"><script>alert(1)</script>@acme.test`)
	response, _ := rp.get(authorizeURL)
	text := rp.page(response, http.StatusOK)
	for _, want := range []string{
		`<title>Sign in - Acme &amp; Co</title>`, `--accent: #0a6b3d;`, `<label for="username">`, `<label for="password">`,
		`value="&#34;&gt;&lt;script&gt;alert(1)&lt;/script&gt;@acme.test"`, `to continue to app.example.test`, `Demo: ann`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if strings.Contains(text, "<script") {
		t.Error("the hint became a script")
	}
	if csp := response.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") {
		t.Errorf("Content-Security-Policy %q", csp)
	}
	query := authorizeURL[strings.Index(authorizeURL, "?"):]
	submit := func(fields url.Values) (*http.Response, url.Values) {
		t.Helper()
		response, err := rp.client.PostForm(idp.Issuer()+"/sign-in"+query, fields)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { response.Body.Close() })
		location, err := response.Location()
		if err != nil {
			return response, nil
		}
		return response, location.Query()
	}
	for _, fields := range []url.Values{
		{"username": {"ann"}, "password": {"wrong"}, "action": {"sign-in"}},
		{"username": {"ann"}, "action": {"sign-in"}},
		{"username": {"nobody"}, "password": {"correct horse"}, "action": {"sign-in"}},
		{"username": {""}, "password": {""}, "action": {"sign-in"}},
	} {
		response, _ := submit(fields)
		if text := rp.page(response, http.StatusForbidden); !strings.Contains(text, `role="alert"`) {
			t.Errorf("%v: no alert", fields)
		}
	}
	if _, answer := submit(url.Values{"action": {"cancel"}}); answer.Get("error") != "access_denied" || answer.Get("state") != rp.state {
		t.Errorf("cancelled: %v", answer)
	}
	response, answer := submit(url.Values{"username": {" Ann@Acme.test "}, "password": {"correct horse"}, "action": {"sign-in"}})
	if response.StatusCode != http.StatusSeeOther || answer.Get("code") == "" {
		t.Errorf("%s %v", response.Status, answer)
	}
}

func TestSignInFormChecksTheRequestAgain(t *testing.T) {
	t.Parallel()
	rp := newRelyingParty(t, newIdP(t))
	query := rp.authorizeParams("redirect_uri", "https://evil.test/").Encode()
	response, err := rp.client.PostForm(rp.idp.Issuer()+"/sign-in?"+query, url.Values{"username": {"ann"}, "password": {"correct horse"}})
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusBadRequest || response.Header.Get("Location") != "" || len(response.Cookies()) != 0 {
		t.Errorf("%s %v", response.Status, response.Header)
	}
}

func TestSession(t *testing.T) {
	t.Parallel()
	idp := newIdP(t)
	idp.AddUser(oidcssotest.User{Subject: "bob-1", Email: "bob@acme.test"})
	clock := time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)
	setClock := func(after time.Duration) {
		now := clock.Add(after)
		idp.Configure(func(s *oidcssotest.Settings) { s.Now = func() time.Time { return now } })
	}
	setClock(0)
	rp := newRelyingParty(t, idp)
	start := func(changes ...string) url.Values { // nil for the sign-in page
		t.Helper()
		_, answer := rp.get(rp.authorizeURL(changes...))
		return answer
	}
	if start() != nil {
		t.Fatal("no page for a stranger")
	}
	idp.Configure(func(s *oidcssotest.Settings) { s.AutoSignIn = "ann-1" })
	if start()["code"] == nil {
		t.Fatal("no automatic sign-in")
	}
	idp.Configure(func(s *oidcssotest.Settings) { s.AutoSignIn = "" })

	setClock(10 * time.Minute)
	for _, test := range []struct {
		name    string
		changes []string
		page    bool
		err     string
	}{
		{"again", nil, false, ""},
		{"without asking", []string{"prompt", "none"}, false, ""},
		{"login asked", []string{"prompt", "login"}, true, ""},
		{"account choice asked", []string{"prompt", "select_account"}, true, ""},
		{"young enough", []string{"max_age", "600"}, false, ""},
		{"too old", []string{"max_age", "599"}, true, ""},
		{"a fresh proof asked", []string{"max_age", "0"}, true, ""},
		{"too old without asking", []string{"max_age", "599", "prompt", "none"}, false, "login_required"},
		{"hint at the same person", []string{"login_hint", "ann@acme.test"}, false, ""},
		{"hint at somebody unknown", []string{"login_hint", "carol@acme.test"}, false, ""},
		{"hint at another person", []string{"login_hint", "bob@acme.test"}, true, ""},
		{"hint at another person without asking", []string{"login_hint", "bob@acme.test", "prompt", "none"}, false, "login_required"},
	} {
		t.Run(test.name, func(t *testing.T) {
			answer := start(test.changes...)
			if test.page != (answer == nil) || answer.Get("error") != test.err || test.err == "" && !test.page && !answer.Has("code") {
				t.Errorf("answer %v", answer)
			}
		})
	}
	_, tokens := rp.tokens(rp.exchange(start().Get("code")))
	if _, claims := payload(t, tokens["id_token"]); claims["auth_time"] != float64(clock.Unix()) || claims["iat"] != float64(clock.Add(10*time.Minute).Unix()) {
		t.Errorf("auth_time %v, iat %v", claims["auth_time"], claims["iat"])
	}
	setClock(8 * time.Hour)
	if start() != nil {
		t.Error("the session never ends")
	}
}

func TestAutoSignInByHint(t *testing.T) {
	t.Parallel()
	idp := newIdP(t)
	idp.AddUser(oidcssotest.User{Subject: "bob-1", Email: "bob@acme.test"})
	idp.Configure(func(s *oidcssotest.Settings) { s.AutoSignIn, s.AutoSignInByHint = "ann", true })
	for hint, want := range map[string]string{"": "ann-1", "bob@acme.test": "bob-1"} {
		rp := newRelyingParty(t, idp)
		_, answer := rp.get(rp.authorizeURL("login_hint", hint))
		_, tokens := rp.tokens(rp.exchange(answer.Get("code")))
		if _, claims := payload(t, tokens["id_token"]); claims["sub"] != want {
			t.Errorf("hint %q: %v, want %s", hint, claims["sub"], want)
		}
	}
	rp := newRelyingParty(t, idp)
	if response, _ := rp.get(rp.authorizeURL("login_hint", "nobody@acme.test")); response.StatusCode != http.StatusInternalServerError {
		t.Errorf("a hint at nobody: %s", response.Status)
	}
}

func TestLogout(t *testing.T) {
	t.Parallel()
	const loggedOut = "https://app.example.test/bye?from=idp"
	idp := newIdP(t)
	idp.Configure(func(s *oidcssotest.Settings) { s.AutoSignIn = "ann" })
	idp.AddClient(oidcssotest.Client{ID: "c", RedirectURIs: []string{redirectURI}, PostLogoutRedirectURIs: []string{loggedOut}, AuthMethod: "none"})
	rp := newRelyingParty(t, idp)
	_, answer := rp.get(rp.authorizeURL("client_id", "c"))
	e := rp.exchange(answer.Get("code"))
	e.header.Del("Authorization")
	e.form.Set("client_id", "c")
	_, tokens := rp.tokens(e)
	idToken := tokens["id_token"].(string)
	idp.Configure(func(s *oidcssotest.Settings) { s.AutoSignIn = "" })

	for _, test := range []struct {
		name     string
		params   url.Values
		status   int
		location string
		session  bool
	}{
		{"address of an attacker", url.Values{"client_id": {"c"}, "post_logout_redirect_uri": {"https://evil.test/"}}, http.StatusBadRequest, "", true},
		{"address without a client", url.Values{"post_logout_redirect_uri": {loggedOut}}, http.StatusBadRequest, "", true},
		{"hint that is no token", url.Values{"id_token_hint": {"a.b.c"}, "post_logout_redirect_uri": {loggedOut}}, http.StatusBadRequest, "", true},
		{"hint and state", url.Values{"id_token_hint": {idToken}, "post_logout_redirect_uri": {loggedOut}, "state": {"s&1"}}, http.StatusSeeOther, loggedOut + "&state=s%261", false},
		{"client ID", url.Values{"client_id": {"c"}, "post_logout_redirect_uri": {loggedOut}}, http.StatusSeeOther, loggedOut, false},
		{"nothing given", url.Values{}, http.StatusOK, "", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			response, err := rp.client.Get(idp.Issuer() + "/logout?" + test.params.Encode())
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			if response.StatusCode != test.status || response.Header.Get("Location") != test.location {
				t.Errorf("%s, Location %q", response.Status, response.Header.Get("Location"))
			}
			if _, answer := rp.get(rp.authorizeURL("prompt", "none")); answer.Has("code") != test.session {
				t.Errorf("session afterwards: %v", answer)
			}
		})
	}
	if n := idp.Requests().EndSession; n != 6 {
		t.Errorf("%d end session requests", n)
	}
}
