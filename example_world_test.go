package oidcsso_test

import (
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"

	"github.com/oidcsso/oidcsso/oidcssotest"
)

// startIdP serves an identity provider for the examples, by http on loopback. Whoever the backend hints at is signed in
// there at once, without a page. baseURL is the backend's.
func startIdP(baseURL string) (idp *oidcssotest.IdP, stop func()) {
	server := httptest.NewUnstartedServer(nil)
	idp = oidcssotest.NewLocal("http://"+server.Listener.Addr().String(), baseURL)
	idp.Configure(func(s *oidcssotest.Settings) { s.Algorithm, s.AutoSignInByHint = "ES256", true })
	idp.AddUser(oidcssotest.User{Subject: "00u1alice", Email: "alice@acme.example", Name: "Alice Ames", Groups: []string{"engineering"},
		Claims: map[string]any{"department": "Rockets", "realm_access": map[string]any{"roles": []string{"pilot"}}}})
	server.Config.Handler = idp
	server.Start()
	return idp, server.Close
}

// newBrowser keeps cookies and follows redirects.
func newBrowser() *http.Client {
	jar, _ := cookiejar.New(nil) // never fails
	return &http.Client{Jar: jar}
}

// newLocation keeps cookies and follows no redirect.
func newLocation() *http.Client {
	browser := newBrowser()
	browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return browser
}
