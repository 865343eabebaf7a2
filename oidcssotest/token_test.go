package oidcssotest_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/oidcsso/oidcsso/oidcssotest"
)

func TestTokenEndpointRefuses(t *testing.T) {
	t.Parallel()
	idp := newIdP(t)
	idp.AddClient(oidcssotest.Client{ID: "other", Secret: "secret", RedirectURIs: []string{redirectURI}})
	idp.AddClient(oidcssotest.Client{ID: "post", Secret: "secret", RedirectURIs: []string{redirectURI}, AuthMethod: "client_secret_post"})
	idp.AddClient(oidcssotest.Client{ID: "public", Secret: "unused", RedirectURIs: []string{redirectURI}, AuthMethod: "none"})
	idp.AddClient(oidcssotest.Client{ID: "empty", RedirectURIs: []string{redirectURI}})

	inBody := func(id, secret string) func(*exchange) {
		return func(e *exchange) {
			e.header.Del("Authorization")
			e.form.Set("client_id", id)
			e.form.Set("client_secret", secret)
		}
	}
	for _, test := range []struct {
		name   string
		client string // who asks for the code; default: the awkward one
		change func(*exchange)
		want   string
	}{
		{"wrong verifier", "", func(e *exchange) { e.form.Set("code_verifier", e.form.Get("code_verifier")+"x") }, "invalid_grant"},
		{"no verifier", "", func(e *exchange) { e.form.Del("code_verifier") }, "invalid_grant"},
		{"unknown code", "", func(e *exchange) { e.form.Set("code", "x") }, "invalid_grant"},
		{"no code", "", func(e *exchange) { e.form.Del("code") }, "invalid_grant"},
		{"redirect URI of another client", "", func(e *exchange) { e.form.Set("redirect_uri", "https://evil.test/") }, "invalid_grant"},
		{"another registered redirect URI", "", func(e *exchange) { e.form.Set("redirect_uri", redirectURI+"/other") }, "invalid_grant"},
		{"no redirect URI", "", func(e *exchange) { e.form.Del("redirect_uri") }, "invalid_grant"},
		{"code of another client", "other", func(*exchange) {}, "invalid_grant"},
		{"no grant type", "", func(e *exchange) { e.form.Del("grant_type") }, "invalid_request"},
		{"refresh token grant", "", func(e *exchange) { e.form.Set("grant_type", "refresh_token") }, "unsupported_grant_type"},
		{"parameter twice", "", func(e *exchange) { e.form.Add("code", e.form.Get("code")) }, "invalid_request"},
		{"wrong secret", "", func(e *exchange) { e.basic(url.QueryEscape(awkwardID), "wrong") }, "invalid_client"},
		{"secret not form-urlencoded", "", func(e *exchange) { e.basic(url.QueryEscape(awkwardID), awkwardSecret) }, "invalid_client"},
		{"credentials that can't be decoded", "", func(e *exchange) { e.basic("c", "%zz") }, "invalid_client"},
		{"unknown client", "", func(e *exchange) { e.basic("nobody", "secret") }, "invalid_client"},
		{"no authentication", "", func(e *exchange) { e.header.Del("Authorization") }, "invalid_client"},
		{"bearer authentication", "", func(e *exchange) { e.header.Set("Authorization", "Bearer x") }, "invalid_client"},
		{"two methods at once", "", func(e *exchange) { e.form.Set("client_secret", awkwardSecret) }, "invalid_request"},
		{"client ID of the body differs", "", func(e *exchange) { e.form.Set("client_id", "other") }, "invalid_request"},
		{"basic client in the body", "", inBody(awkwardID, awkwardSecret), "invalid_client"},
		{"basic client as public one", "", func(e *exchange) { e.header.Del("Authorization"); e.form.Set("client_id", awkwardID) }, "invalid_client"},
		{"post client by basic", "post", func(e *exchange) { e.basic("post", "secret") }, "invalid_client"},
		{"post client with the wrong secret", "post", inBody("post", "wrong"), "invalid_client"},
		{"public client with a secret", "public", inBody("public", "unused"), "invalid_client"},
		{"client without a secret by an empty one", "empty", func(e *exchange) { e.basic("empty", "") }, "invalid_client"},
		{"JSON body", "", func(e *exchange) { e.header.Set("Content-Type", "application/json") }, "invalid_request"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			rp := newRelyingParty(t, idp)
			client := test.client
			if client == "" {
				client = awkwardID
			}
			e := rp.exchange(rp.code("client_id", client))
			test.change(e)
			basic := e.header.Get("Authorization") != ""
			response, body := rp.tokens(e)
			wantStatus, wantChallenge := http.StatusBadRequest, ""
			if test.want == "invalid_client" {
				wantStatus = http.StatusUnauthorized
				if basic {
					wantChallenge = `Basic realm="token"`
				}
			}
			if response.StatusCode != wantStatus || body["error"] != test.want || body["access_token"] != nil || body["id_token"] != nil {
				t.Errorf("%s %v, want %d %s", response.Status, body, wantStatus, test.want)
			}
			if got := response.Header.Get("WWW-Authenticate"); got != wantChallenge {
				t.Errorf("WWW-Authenticate %q, want %q", got, wantChallenge)
			}
			if got := response.Header.Get("Cache-Control"); got != "no-store" {
				t.Errorf("Cache-Control %q", got)
			}
		})
	}
}

func TestTokenEndpointTakesSeveralSecrets(t *testing.T) {
	t.Parallel()
	idp := newIdP(t)
	idp.AddClient(oidcssotest.Client{ID: "rotating", Secret: "a", MoreSecrets: []string{"b"}, RedirectURIs: []string{redirectURI}})
	idp.SetSecrets("nobody", "a") // makes no client
	accepted := func() string {
		var all string
		for _, secret := range []string{"a", "b", "c", ""} {
			rp := newRelyingParty(t, idp)
			e := rp.exchange(rp.code("client_id", "rotating"))
			e.basic("rotating", secret)
			if response, _ := rp.tokens(e); response.StatusCode == http.StatusOK {
				all += secret
			}
		}
		return all
	}
	if got := accepted(); got != "ab" {
		t.Errorf("as registered, %q are accepted", got)
	}
	for want, set := range map[string][]string{"ab": {"a", "b"}, "b": {"b"}, "bc": {"c", "b"}, "": nil} {
		idp.SetSecrets("rotating", set...)
		if got := accepted(); got != want {
			t.Errorf("%q are accepted, want %q", got, want)
		}
	}
}

func TestTokenEndpointTakesEachMethod(t *testing.T) {
	t.Parallel()
	idp := newIdP(t)
	idp.AddClient(oidcssotest.Client{ID: "post", Secret: "s+%", RedirectURIs: []string{redirectURI}, AuthMethod: "client_secret_post"})
	idp.AddClient(oidcssotest.Client{ID: "public", RedirectURIs: []string{redirectURI}, AuthMethod: "none"})
	for client, secret := range map[string]string{"post": "s+%", "public": ""} {
		rp := newRelyingParty(t, idp)
		e := rp.exchange(rp.code("client_id", client))
		e.header.Del("Authorization")
		e.form.Set("client_id", client)
		if secret != "" {
			e.form.Set("client_secret", secret)
		}
		if response, body := rp.tokens(e); response.StatusCode != http.StatusOK || body["id_token"] == nil {
			t.Errorf("%s: %s %v", client, response.Status, body)
		}
	}
}

func TestReplayedCodeIsRefusedAndRevokesItsToken(t *testing.T) {
	t.Parallel()
	rp := newRelyingParty(t, newIdP(t))
	code := rp.code()
	_, tokens := rp.tokens(rp.exchange(code))
	if response, _ := rp.userInfo(tokens["access_token"]); response.StatusCode != http.StatusOK {
		t.Fatalf("before the replay: %s", response.Status)
	}
	if response, body := rp.tokens(rp.exchange(code)); response.StatusCode != http.StatusBadRequest || body["error"] != "invalid_grant" {
		t.Errorf("replay: %s %v", response.Status, body)
	}
	response, _ := rp.userInfo(tokens["access_token"])
	if response.StatusCode != http.StatusUnauthorized || response.Header.Get("WWW-Authenticate") != `Bearer error="invalid_token"` {
		t.Errorf("after the replay: %s %v", response.Status, response.Header)
	}
}

func TestCodeIsUsedUpByAWrongVerifier(t *testing.T) {
	t.Parallel()
	rp := newRelyingParty(t, newIdP(t))
	code := rp.code()
	wrong := rp.exchange(code)
	wrong.form.Set("code_verifier", "guess")
	rp.tokens(wrong)
	if response, body := rp.tokens(rp.exchange(code)); response.StatusCode != http.StatusBadRequest || body["error"] != "invalid_grant" {
		t.Errorf("%s %v", response.Status, body)
	}
}

func TestWhatExpires(t *testing.T) {
	t.Parallel()
	idp := newIdP(t)
	rp := newRelyingParty(t, idp)
	clock := time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)
	at := func(after time.Duration) {
		now := clock.Add(after)
		idp.Configure(func(s *oidcssotest.Settings) { s.Now = func() time.Time { return now } })
	}
	at(0)
	late, inTime := rp.code(), rp.code()
	at(time.Minute - time.Second)
	response, tokens := rp.tokens(rp.exchange(inTime))
	if response.StatusCode != http.StatusOK {
		t.Fatalf("a code of 59 seconds: %s %v", response.Status, tokens)
	}
	at(time.Minute)
	if response, body := rp.tokens(rp.exchange(late)); response.StatusCode != http.StatusBadRequest || body["error"] != "invalid_grant" {
		t.Errorf("a code of a minute: %s %v", response.Status, body)
	}
	at(time.Minute + time.Hour)
	if response, _ := rp.userInfo(tokens["access_token"]); response.StatusCode != http.StatusUnauthorized {
		t.Errorf("an access token of an hour: %s", response.Status)
	}
	rp.code() // which forgets what has expired
	for name, code := range map[string]string{"late": late, "used": inTime} {
		if response, body := rp.tokens(rp.exchange(code)); response.StatusCode != http.StatusBadRequest || body["error"] != "invalid_grant" {
			t.Errorf("the %s code, forgotten: %s %v", name, response.Status, body)
		}
	}
}

func TestUserInfoRefuses(t *testing.T) {
	t.Parallel()
	rp := newRelyingParty(t, newIdP(t))
	token := rp.signIn()["access_token"].(string)
	for _, test := range []struct{ name, header, query, challenge string }{
		{"no token", "", "", "Bearer"},
		{"token in the query", "", "?access_token=" + token, "Bearer"},
		{"Basic", "Basic " + token, "", "Bearer"},
		{"unknown token", "Bearer x", "", `Bearer error="invalid_token"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			request, err := http.NewRequest(http.MethodGet, rp.idp.Issuer()+"/userinfo"+test.query, nil)
			if err != nil {
				t.Fatal(err)
			}
			if test.header != "" {
				request.Header.Set("Authorization", test.header)
			}
			response, body := rp.do(request)
			if response.StatusCode != http.StatusUnauthorized || response.Header.Get("WWW-Authenticate") != test.challenge || body != nil {
				t.Errorf("%s %q %v", response.Status, response.Header.Get("WWW-Authenticate"), body)
			}
		})
	}
}

func TestMethodsThatAreNotAllowed(t *testing.T) {
	t.Parallel()
	idp := newIdP(t)
	for path, method := range map[string]string{
		"/.well-known/openid-configuration": http.MethodPost, "/jwks": http.MethodPost, "/authorize": http.MethodPut,
		"/sign-in": http.MethodGet, "/token": http.MethodGet, "/userinfo": http.MethodPost, "/logout": http.MethodDelete,
	} {
		request, err := http.NewRequest(method, idp.Issuer()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := idp.HTTPClient().Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusMethodNotAllowed || response.Header.Get("Allow") == "" {
			t.Errorf("%s %s: %s", method, path, response.Status)
		}
	}
}

func TestMalformedForm(t *testing.T) {
	t.Parallel()
	idp := newIdP(t)
	response, err := idp.HTTPClient().Post(idp.Issuer()+"/token", "application/x-www-form-urlencoded", strings.NewReader("code=%zz"))
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusBadRequest {
		t.Errorf("%s", response.Status)
	}
}

// A user's name must never stand for another user's subject.
func TestSubjectOfAnotherUserAsUsername(t *testing.T) {
	t.Parallel()
	idp := newIdP(t)
	idp.AddUser(oidcssotest.User{Subject: "mallory", PreferredUsername: "victim"})
	idp.AddUser(oidcssotest.User{Subject: "victim", Email: "victim@acme.test"})
	rp := newRelyingParty(t, idp)
	code := idp.Authorize(t, rp.authorizeURL(), "victim@acme.test").Query().Get("code")
	_, tokens := rp.tokens(rp.exchange(code))
	if _, claims := payload(t, tokens["id_token"]); claims["sub"] != "victim" || claims["email"] != "victim@acme.test" {
		t.Errorf("claims %v", claims)
	}
	if _, claims := rp.userInfo(tokens["access_token"]); claims["sub"] != "victim" {
		t.Errorf("UserInfo %v", claims)
	}
}
