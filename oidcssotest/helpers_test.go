package oidcssotest_test

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/oidcsso/oidcsso/oidcssotest"
)

const (
	redirectURI = "https://app.example.test/sso/callback/acme"
	// What breaks without the form-urlencoding of RFC 6749, 2.3.1.
	awkwardID, awkwardSecret = "client:+1 %2F", "s+e%c&r=e/t:%41 é"
)

var ann = oidcssotest.User{
	Subject: "ann-1", Email: "ann@acme.test", Name: "Ann Example", GivenName: "Ann", FamilyName: "Example",
	PreferredUsername: "ann", Groups: []string{"staff", "admins"}, Password: "correct horse",
}

// newIdP has ann and one client.
func newIdP(t *testing.T) *oidcssotest.IdP {
	t.Helper()
	idp := oidcssotest.New(t, "https://app.example.test/sso")
	idp.AddUser(ann)
	idp.AddClient(oidcssotest.Client{ID: awkwardID, Secret: awkwardSecret, RedirectURIs: []string{redirectURI, redirectURI + "/other"}})
	return idp
}

// relyingParty is a relying party of net/http alone, with one attempt under way.
type relyingParty struct {
	t                      *testing.T
	idp                    *oidcssotest.IdP
	client                 *http.Client
	state, nonce, verifier string
}

func newRelyingParty(t *testing.T, idp *oidcssotest.IdP) *relyingParty {
	t.Helper()
	return &relyingParty{t: t, idp: idp, client: idp.HTTPClient(), state: rand.Text(), nonce: rand.Text(), verifier: rand.Text() + rand.Text()}
}

// authorizeParams is a valid request, with changes; an empty value takes a parameter away.
func (rp *relyingParty) authorizeParams(changes ...string) url.Values {
	rp.t.Helper()
	sum := sha256.Sum256([]byte(rp.verifier))
	params := url.Values{
		"response_type": {"code"}, "client_id": {awkwardID}, "redirect_uri": {redirectURI},
		"scope": {"openid profile email"}, "state": {rp.state}, "nonce": {rp.nonce},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}
	change(rp.t, params, changes)
	return params
}

func (rp *relyingParty) authorizeURL(changes ...string) string {
	rp.t.Helper()
	return rp.idp.Issuer() + "/authorize?" + rp.authorizeParams(changes...).Encode()
}

// change sets parameters from pairs of name and value.
func change(t *testing.T, params url.Values, pairs []string) {
	t.Helper()
	for len(pairs) >= 2 {
		if params.Set(pairs[0], pairs[1]); pairs[1] == "" {
			params.Del(pairs[0])
		}
		pairs = pairs[2:]
	}
	if len(pairs) != 0 {
		t.Fatal("a change without a value")
	}
}

// get gives what the authorization endpoint redirects to, or nil for a page.
func (rp *relyingParty) get(target string) (*http.Response, url.Values) {
	rp.t.Helper()
	response, err := rp.client.Get(target)
	if err != nil {
		rp.t.Fatal(err)
	}
	rp.t.Cleanup(func() { response.Body.Close() })
	location, err := response.Location()
	if err != nil {
		return response, nil
	}
	if !strings.HasPrefix(location.String(), redirectURI+"?") {
		rp.t.Fatalf("redirect to %s", location)
	}
	return response, location.Query()
}

// code signs ann in and gives a fresh code.
func (rp *relyingParty) code(changes ...string) string {
	rp.t.Helper()
	answer := rp.idp.Authorize(rp.t, rp.authorizeURL(changes...), ann.Subject).Query()
	if answer.Get("state") != rp.state || answer.Get("code") == "" {
		rp.t.Fatalf("authorization response %v", answer)
	}
	return answer.Get("code")
}

// exchange is a token request of this client with HTTP Basic.
type exchange struct {
	form   url.Values
	header http.Header
}

func (rp *relyingParty) exchange(code string) *exchange {
	e := &exchange{form: url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {redirectURI}, "code_verifier": {rp.verifier},
	}, header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}}
	e.basic(url.QueryEscape(awkwardID), url.QueryEscape(awkwardSecret))
	return e
}

func (e *exchange) basic(id, secret string) {
	e.header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(id+":"+secret)))
}

// tokens sends the token request.
func (rp *relyingParty) tokens(e *exchange) (*http.Response, map[string]any) {
	rp.t.Helper()
	return rp.post(rp.idp.Issuer()+"/token", e)
}

func (rp *relyingParty) post(endpoint string, e *exchange) (*http.Response, map[string]any) {
	rp.t.Helper()
	request, err := http.NewRequest(http.MethodPost, endpoint, strings.NewReader(e.form.Encode()))
	if err != nil {
		rp.t.Fatal(err)
	}
	request.Header = e.header
	return rp.do(request)
}

// userInfo asks with a bearer token.
func (rp *relyingParty) userInfo(accessToken any) (*http.Response, map[string]any) {
	rp.t.Helper()
	request, err := http.NewRequest(http.MethodGet, rp.idp.Issuer()+"/userinfo", nil)
	if err != nil {
		rp.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+accessToken.(string))
	return rp.do(request)
}

func (rp *relyingParty) do(request *http.Request) (*http.Response, map[string]any) {
	rp.t.Helper()
	response, err := rp.client.Do(request)
	if err != nil {
		rp.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		rp.t.Fatal(err)
	}
	var object map[string]any
	json.Unmarshal(body, &object) // nil if it is none
	return response, object
}

// document fetches a JSON document.
func document(t *testing.T, idp *oidcssotest.IdP, path string) map[string]any {
	t.Helper()
	response, err := idp.HTTPClient().Get(idp.Issuer() + path)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != "application/json" {
		t.Fatalf("%s: %s, %s", path, response.Status, response.Header.Get("Content-Type"))
	}
	var object map[string]any
	if err := json.NewDecoder(response.Body).Decode(&object); err != nil {
		t.Fatal(err)
	}
	return object
}

// signIn walks the whole flow and gives the token response.
func (rp *relyingParty) signIn(changes ...string) map[string]any {
	rp.t.Helper()
	response, tokens := rp.tokens(rp.exchange(rp.code(changes...)))
	if response.StatusCode != http.StatusOK {
		rp.t.Fatalf("token response %s %v", response.Status, tokens)
	}
	return tokens
}

// payload are the header and the claims of a token, not verified.
func payload(t *testing.T, token any) (header, claims map[string]any) {
	t.Helper()
	parts := strings.Split(token.(string), ".")
	if len(parts) != 3 {
		t.Fatalf("%d parts in a token", len(parts))
	}
	for i, target := range []*map[string]any{&header, &claims} {
		text, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err == nil {
			err = json.Unmarshal(text, target)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return header, claims
}

// without is a map without some keys, for comparison.
func without(m map[string]any, keys ...string) map[string]any {
	m = maps.Clone(m)
	for _, k := range keys {
		delete(m, k)
	}
	return m
}

// serve runs a plain server for the time of the test.
func serve(t *testing.T, handler http.Handler) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

func status(t *testing.T, target string) int {
	t.Helper()
	response, err := http.Get(target)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response.StatusCode
}
