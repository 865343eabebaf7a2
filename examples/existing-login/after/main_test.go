package main

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/oidcsso/oidcsso/oidcssotest"
)

func TestMain(m *testing.M) {
	iterations = 1
	os.Exit(m.Run())
}

// world is the backend and the identity provider of the company that owns acme.test.
type world struct {
	t      *testing.T
	app    *app
	idp    *oidcssotest.IdP
	client *http.Client

	mu    sync.Mutex
	mails []string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	origin := "http://" + server.Listener.Addr().(*net.TCPAddr).String()
	w := &world{t: t, idp: oidcssotest.New(t, origin+"/sso")}
	w.idp.AddUser(oidcssotest.User{Subject: "00u1", Email: "alice@acme.test", PreferredUsername: "alice"})
	w.idp.AddUser(oidcssotest.User{Subject: "00u2", Email: "bob@acme.test"})
	w.client = w.idp.HTTPClient()
	sso, err := newSSO(w.idp.Options(), environment(w.idp).get)
	if err != nil {
		t.Fatal(err)
	}
	w.app = &app{origin: origin, store: demoStore(), sso: sso, mail: func(to, text string) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.mails = append(w.mails, to+": "+text)
	}}
	server.Config.Handler = w.app.routes()
	server.Start()
	t.Cleanup(server.Close)
	return w
}

type env map[string]string

func (e env) get(name string) string { return e[name] }

func environment(idp *oidcssotest.IdP) env {
	cfg := idp.Config(connectorID, "acme.test")
	return env{
		"OIDC_ISSUER": cfg.Issuer, "OIDC_CLIENT_ID": cfg.ClientID, "OIDC_CLIENT_SECRET": cfg.ClientSecret.Reveal(),
		"OIDC_DOMAINS": "acme.test acme.example", "SSO_KEY": "cXVpdGUgYSBsb3Qgb2YgcmFuZG9tIGJ5dGVzIGhlcmU=",
	}
}

// post sends a form, given as names and values in turn, and does not follow a redirect.
func (w *world) post(path string, fields ...string) (status int, location, body string) {
	w.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	response, err := w.client.PostForm(w.app.origin+path, form)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.read(response)
}

func (w *world) read(response *http.Response) (status int, location, body string) {
	w.t.Helper()
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return response.StatusCode, response.Header.Get("Location"), string(text)
}

// start sends the login form and demands to be sent to the identity provider.
func (w *world) start(login, password string) (authorizationURL string) {
	w.t.Helper()
	status, location, body := w.post("/login", "login", login, "password", password)
	if status != http.StatusSeeOther || !strings.HasPrefix(location, w.idp.Issuer()+"/authorize?") {
		w.t.Fatalf("login of %s: %d %s %s", login, status, location, body)
	}
	return location
}

// finish goes on to the first page after the sign-in.
func (w *world) finish(authorizationURL, user string) (status int, body string) {
	w.t.Helper()
	status, _, body = w.read(w.idp.SignIn(w.t, w.client, authorizationURL, user))
	return status, body
}

// user is who the start page greets; empty if nobody is signed in.
func (w *world) user() string {
	w.t.Helper()
	response, err := w.client.Get(w.app.origin + "/")
	if err != nil {
		w.t.Fatal(err)
	}
	_, _, body := w.read(response)
	if match := regexp.MustCompile(`<h1>Hello, ([^<]*)</h1>`).FindStringSubmatch(body); match != nil {
		return match[1]
	}
	return ""
}

func TestSignInWithAPassword(t *testing.T) {
	t.Parallel()
	for _, login := range []string{"nora", "nora@northwind.test", "Nora@Northwind.test"} {
		w := newWorld(t)
		if status, location, _ := w.post("/login", "login", login, "password", "sunflower"); status != http.StatusSeeOther || location != "/" || w.user() != "nora" {
			t.Errorf("%s: %d %s, signed in as %q", login, status, location, w.user())
		}
		if w.post("/logout"); w.user() != "" {
			t.Errorf("%s: still signed in as %q", login, w.user())
		}
	}
}

func TestSignInThroughTheCompany(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, login, hint string }{
		{"by address", "alice@acme.test", "alice@acme.test"},
		{"by user name", "alice", ""},
		{"by another address of the account", "alice@home.test", "alice@home.test"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			authorizationURL := w.start(test.login, "snowdrop") // the right password, which does not count
			if w.user() != "" {
				t.Fatal("signed in already")
			}
			if u, err := url.Parse(authorizationURL); err != nil || u.Query().Get("login_hint") != test.hint {
				t.Errorf("login hint in %s, want %q", authorizationURL, test.hint)
			}
			if status, body := w.finish(authorizationURL, "alice"); status != http.StatusOK || w.user() != "alice" {
				t.Errorf("%d, signed in as %q: %s", status, w.user(), body)
			}
		})
	}
	t.Run("somebody new gets an account", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		if status, body := w.finish(w.start("bob@acme.test", ""), "bob@acme.test"); status != http.StatusOK || w.user() != "bob@acme.test" {
			t.Errorf("%d, signed in as %q: %s", status, w.user(), body)
		}
		w.post("/logout")
		w.finish(w.start("bob@acme.test", ""), "bob@acme.test")
		if w.user() != "bob@acme.test" || len(w.app.store.accounts) != 3 {
			t.Errorf("the second time %q, with %d accounts", w.user(), len(w.app.store.accounts))
		}
	})
}

// An attacker has registered alice's address before her, and has left every door open.
func TestLinkingClosesEveryOtherWayIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.app.store
	session := s.issue(s.sessions, "alice", sessionLifetime)
	reset := s.issue(s.resets, "alice", sessionLifetime)
	others := s.issue(s.sessions, "nora", sessionLifetime)
	w.finish(w.start("alice@acme.test", ""), "alice")
	alice := s.find("alice")
	if alice.link.Subject != "00u1" || alice.password.is("snowdrop") || alice.has("alice@home.test") || !alice.has("alice@acme.test") {
		t.Errorf("%+v", alice)
	}
	if s.redeem(s.sessions, session, false).name != "" || s.redeem(s.resets, reset, false).name != "" {
		t.Error("an old session or a mailed link still works")
	}
	if s.redeem(s.sessions, others, false).name != "nora" {
		t.Error("another person was signed out")
	}
	// From now on the key counts: her address may change, and who gets the old one is somebody else.
	w.post("/logout")
	w.idp.AddUser(oidcssotest.User{Subject: "00u1", Email: "alice.smith@acme.test"})
	if w.finish(w.start("alice.smith@acme.test", ""), "00u1"); w.user() != "alice" {
		t.Errorf("after her marriage she is %q", w.user())
	}
	w.post("/logout")
	w.client = w.idp.HTTPClient()
	w.idp.AddUser(oidcssotest.User{Subject: "00u9", Email: "alice@acme.test"})
	if status, body := w.finish(w.start("alice@acme.test", ""), "00u9"); status != http.StatusForbidden || w.user() != "" {
		t.Errorf("another alice: %d, signed in as %q: %s", status, w.user(), body)
	}
}

func TestLoginsThatFail(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, login, password string
		status                int
		text                  string
	}{
		{"wrong password", "nora", "x", http.StatusForbidden, "The name or the password is wrong."},
		{"empty password", "nora", "", http.StatusForbidden, "The name or the password is wrong."},
		{"unknown user name", "mallory", "x", http.StatusForbidden, "The name or the password is wrong."},
		{"unknown user name, empty password", "mallory", "", http.StatusForbidden, "The name or the password is wrong."},
		{"unknown address", "mallory@elsewhere.test", "", http.StatusForbidden, "The name or the password is wrong."},
		{"nothing typed", "", "", http.StatusForbidden, "The name or the password is wrong."},
		{"no address", "mallory@", "x", http.StatusBadRequest, "Please enter a valid email address."},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			status, _, body := w.post("/login", "login", test.login, "password", test.password)
			if status != test.status || !strings.Contains(body, test.text) || w.user() != "" {
				t.Errorf("%d, signed in as %q: %s", status, w.user(), body)
			}
		})
	}
	t.Run("account without a password", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.app.store.setPassword("nora", password{})
		for _, text := range []string{"", "sunflower"} {
			if status, _, _ := w.post("/login", "login", "nora", "password", text); status != http.StatusForbidden || w.user() != "" {
				t.Errorf("%q: %d", text, status)
			}
		}
	})
}

func TestPasswordReset(t *testing.T) {
	t.Parallel()
	link := regexp.MustCompile(`/reset\?token=([A-Z2-7]+)$`)
	token := func(w *world, login string) string {
		t.Helper()
		w.post("/forgot", "login", login)
		return link.FindStringSubmatch(w.mails[len(w.mails)-1])[1]
	}
	t.Run("account with a password", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		mailed := token(w, "nora")
		if status, _, body := w.post("/reset", "token", mailed, "password", "new"); status != http.StatusOK || !strings.Contains(body, "Your password is changed.") {
			t.Fatalf("%d %s", status, body)
		}
		if w.post("/login", "login", "nora", "password", "new"); w.user() != "nora" {
			t.Error("the new password does not work")
		}
		if status, _, _ := w.post("/reset", "token", mailed, "password", "newer"); status != http.StatusForbidden {
			t.Errorf("the link works twice: %d", status)
		}
	})
	for _, login := range []string{"alice", "alice@home.test"} {
		t.Run("enforced account, found by "+login, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			status, _, body := w.post("/reset", "token", token(w, login), "password", "new")
			if status != http.StatusForbidden || !strings.Contains(body, "Your company signs you in.") || w.app.store.find("alice").password.is("new") {
				t.Errorf("%d %s", status, body)
			}
		})
	}
	t.Run("nobody", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		_, _, somebody := w.post("/forgot", "login", "nora")
		_, _, nobody := w.post("/forgot", "login", "mallory")
		if somebody != nobody || len(w.mails) != 1 {
			t.Errorf("%q, %q, mails %v", somebody, nobody, w.mails)
		}
	})
}

func TestIdentityProviderThatIsDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.idp.Stop()
	for _, login := range []string{"alice@acme.test", "alice"} {
		status, _, body := w.post("/login", "login", login, "password", "snowdrop")
		if status != http.StatusServiceUnavailable || !regexp.MustCompile(`is unavailable .* \(unavailable [a-z2-7]{10}\)`).MatchString(body) || w.user() != "" {
			t.Errorf("%s: %d, signed in as %q: %s", login, status, w.user(), body)
		}
	}
	if w.post("/login", "login", "nora", "password", "sunflower"); w.user() != "nora" {
		t.Error("others can't sign in")
	}
}

func TestAnotherPersonIsNotReplaced(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.post("/login", "login", "nora", "password", "sunflower")
	status, body := w.finish(w.start("bob@acme.test", ""), "bob@acme.test")
	if status != http.StatusForbidden || !strings.Contains(body, "You are signed in as nora. Sign out first") || w.user() != "nora" {
		t.Errorf("%d, signed in as %q: %s", status, w.user(), body)
	}
}

func TestForgedCallback(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	response, err := w.client.Get(w.app.origin + "/sso/callback/main?code=x&state=x")
	if err != nil {
		t.Fatal(err)
	}
	if status, _, body := w.read(response); status != http.StatusBadRequest || !strings.Contains(body, "(login_missing ") || w.user() != "" {
		t.Errorf("%d %s", status, body)
	}
}

func TestSettingsThatAreRefused(t *testing.T) {
	t.Parallel()
	idp := oidcssotest.New(t, "https://app.test/sso")
	for name, want := range map[string]string{
		"OIDC_ISSUER": "issuer:", "OIDC_CLIENT_ID": "client_id:", "OIDC_DOMAINS": "OIDC_DOMAINS is empty", "SSO_KEY": "SSO_KEY: ",
	} {
		e := environment(idp)
		delete(e, name)
		if _, err := newSSO(idp.Options(), e.get); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("without %s: %v", name, err)
		}
	}
}
