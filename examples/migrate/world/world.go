// Package world is where the tests of the four backends take place: identity providers and a browser.
package world

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/oidcsso/oidcsso/oidcssotest"
)

// Backend serves handlers at an origin that is known before they are made.
func Backend(t testing.TB) (origin string, serve func(http.Handler)) {
	t.Helper()
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL, func(h http.Handler) { mux.Handle("/", h) }
}

// IdP serves an identity provider by plain http, which goth and go-oidc reach without further ado. Its client is registered
// with the redirect URI.
func IdP(t testing.TB, origin string, client oidcssotest.Client) *oidcssotest.IdP {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	idp := oidcssotest.NewLocal("http://"+server.Listener.Addr().String(), origin+"/sso")
	idp.Configure(func(s *oidcssotest.Settings) { s.IssNotSupported = true }) // as most do
	idp.AddClient(client)
	server.Config.Handler = lax{idp}
	server.Start()
	t.Cleanup(server.Close)
	return idp
}

// lax makes it an identity provider that demands neither a nonce nor PKCE. The one of oidcssotest does, and goth sends
// neither.
type lax struct{ idp http.Handler }

const (
	verifier  = "dBjftJeZ4CVP-mBCunlVOkjTxcvaPg8H1xPAxVH5JQY"
	challenge = "9ZKqljQUS0k62z6dXphqPiIzNkEuoOEIbcqAg8C4-_4" // the SHA-256 of the verifier
)

func (l lax) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch query := r.URL.Query(); {
	case r.URL.Path == "/authorize" && !query.Has("code_challenge"):
		query.Set("code_challenge", challenge)
		query.Set("code_challenge_method", "S256")
		query.Set("nonce", "none")
		r.URL.RawQuery = query.Encode()
	case r.URL.Path == "/token":
		if r.ParseForm() == nil && !r.PostForm.Has("code_verifier") {
			r.PostForm.Set("code_verifier", verifier)
		}
	}
	l.idp.ServeHTTP(w, r)
}

// Walk signs the user in through the backend and gives its page and the browser.
func Walk(t testing.TB, idp *oidcssotest.IdP, startURL, user string) (page string, browser *http.Client) {
	t.Helper()
	browser = idp.HTTPClient()
	return Read(t, idp.SignIn(t, browser, startURL, user)), browser
}

// Get gives the page that the browser sees.
func Get(t testing.TB, browser *http.Client, address string) string {
	t.Helper()
	response, err := browser.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	return Read(t, response)
}

// Read gives the body.
func Read(t testing.TB, response *http.Response) string {
	t.Helper()
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(body))
}

// Halfway goes as far as the answer of the identity provider, and gives the callback URL that was not followed yet.
func Halfway(t testing.TB, idp *oidcssotest.IdP, browser *http.Client, startURL, user string) *url.URL {
	t.Helper()
	response, err := browser.Get(startURL)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return idp.Authorize(t, response.Header.Get("Location"), user)
}
