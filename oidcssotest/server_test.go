package oidcssotest_test

import (
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"syscall"
	"testing"

	"github.com/oidcsso/oidcsso/oidcssotest"
)

func TestStopAndStartAtTheSameAddress(t *testing.T) {
	t.Parallel()
	idp := newIdP(t)
	client := idp.HTTPClient()
	ask := func() error {
		response, err := client.Get(idp.Issuer() + "/jwks")
		if err == nil {
			response.Body.Close()
		}
		return err
	}
	before := document(t, idp, "/jwks")["keys"].([]any)[0].(map[string]any)["kid"]
	if err := ask(); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		idp.Stop()
		idp.Stop() // again changes nothing
		if err := ask(); !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.EOF) {
			t.Errorf("while stopped: %v", err)
		}
		idp.Start()
		idp.Start()
		if err := ask(); err != nil {
			t.Errorf("after start: %v", err)
		}
	}
	if after := document(t, idp, "/jwks")["keys"].([]any)[0].(map[string]any)["kid"]; after != before {
		t.Error("another key after start")
	}
}

func TestOnlyOurClientsTrustTheCertificate(t *testing.T) {
	t.Parallel()
	one, two := newIdP(t), newIdP(t)
	response, err := two.HTTPClient().Get(one.Issuer() + "/jwks")
	if err != nil {
		t.Fatalf("the client of another identity provider: %v", err)
	}
	response.Body.Close()
	var unknown x509.UnknownAuthorityError
	if response, err := http.DefaultClient.Get(one.Issuer() + "/jwks"); !errors.As(err, &unknown) {
		t.Errorf("the default client got %v, %v", response, err)
	}
}

// backend is the least that has a sign-in: it answers with the query that came back.
func backend(t *testing.T, start http.HandlerFunc) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	server := httptest.NewTLSServer(mux)
	t.Cleanup(server.Close)
	mux.HandleFunc("GET /start", start)
	mux.HandleFunc("GET /callback", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/welcome?"+r.URL.RawQuery, http.StatusSeeOther)
	})
	mux.HandleFunc("GET /welcome", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.URL.RawQuery) })
	mux.HandleFunc("GET /app", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "com.example.app:/done", http.StatusSeeOther)
	})
	return server
}

func TestSignInWalksThroughTheBackend(t *testing.T) {
	t.Parallel()
	var startAt string
	server := backend(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, startAt, http.StatusSeeOther) })
	idp := oidcssotest.New(t, server.URL)
	idp.AddUser(ann)
	idp.AddClient(oidcssotest.Client{ID: "c", Secret: "s", RedirectURIs: []string{server.URL + "/callback"}})
	rp := newRelyingParty(t, idp)
	startAt = idp.Issuer() + "/authorize?" + rp.authorizeParams("client_id", "c", "redirect_uri", server.URL+"/callback").Encode()

	text := func(response *http.Response) url.Values {
		t.Helper()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		values, err := url.ParseQuery(string(body))
		if err != nil || response.StatusCode != http.StatusOK || response.Request.URL.Path != "/welcome" {
			t.Fatalf("%s at %s: %s", response.Status, response.Request.URL, body)
		}
		return values
	}
	client := idp.HTTPClient(server.Certificate())
	if got := text(idp.Cancel(t, client, server.URL+"/start")); got.Get("error") != "access_denied" {
		t.Errorf("cancelled: %v", got)
	}
	for _, start := range []string{server.URL + "/start", startAt} {
		if got := text(idp.SignIn(t, client, start, "ann@acme.test")); got.Get("code") == "" || got.Get("state") != rp.state {
			t.Errorf("signed in: %v", got)
		}
	}
	if n := idp.Requests().SignIn; n != 2 { // the cancelled one and one sign-in: then there is a session
		t.Errorf("%d forms sent", n)
	}
	response := idp.SignIn(t, client, server.URL+"/app", "ann")
	if got := response.Header.Get("Location"); got != "com.example.app:/done" {
		t.Errorf("redirect out of the known hosts: %s, Location %q", response.Status, got)
	}
	client.CheckRedirect = nil // a client that follows by itself does no harm
	if got := text(idp.SignIn(t, client, server.URL+"/start", "ann")); got.Get("code") == "" {
		t.Errorf("with a following client: %v", got)
	}
}

// failing records what would have failed a test.
type failing struct {
	testing.TB
	message string
}

func (f *failing) Helper() {}

func (f *failing) Fatalf(format string, args ...any) {
	f.message = strings.TrimPrefix(format, "oidcssotest: ")
	for _, arg := range args {
		if err, ok := arg.(error); ok {
			f.message = err.Error()
		}
	}
	panic(f)
}

func TestSignInFailsTheTest(t *testing.T) {
	t.Parallel()
	loop := backend(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/start", http.StatusSeeOther) })
	idp := newIdP(t)
	rp := newRelyingParty(t, idp)
	client := idp.HTTPClient(loop.Certificate())
	for _, test := range []struct {
		name string
		call func(testing.TB)
		want string
	}{
		{"unknown user", func(t testing.TB) { idp.SignIn(t, nil, idp.Issuer(), "nobody") }, "there is no user %q"},
		{"unknown user of Authorize", func(t testing.TB) { idp.Authorize(t, idp.Issuer(), "nobody") }, "there is no user %q"},
		{"redirect loop", func(t testing.TB) { idp.SignIn(t, client, loop.URL+"/start", "ann") }, "more than 20 redirects"},
		{"refused request", func(t testing.TB) { idp.Authorize(t, rp.authorizeURL("client_id", "other"), "ann") },
			"the identity provider answered %s and no redirect"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := &failing{TB: t}
			func() {
				defer func() { recover() }()
				test.call(f)
			}()
			if f.message != test.want {
				t.Errorf("got %q, want %q", f.message, test.want)
			}
		})
	}
}
