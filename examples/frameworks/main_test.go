package main

import (
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/oidcsso/oidcsso/oidcssotest"
)

func TestMain(m *testing.M) {
	iterations = 1
	gin.SetMode(gin.TestMode)
	os.Exit(m.Run())
}

// world is the backend in one framework, the identity provider of acme.test, and a browser.
type world struct {
	t      *testing.T
	origin string
	idp    *oidcssotest.IdP
	client *http.Client
}

// everywhere runs a test for each framework.
func everywhere(t *testing.T, test func(*world)) {
	t.Parallel()
	for name, serve := range frameworks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			w := &world{t: t, origin: "http://" + listener.Addr().String()}
			w.idp = oidcssotest.New(t, w.origin+"/sso")
			w.idp.AddUser(oidcssotest.User{Subject: "00u1", Email: "alice@acme.test"})
			w.idp.AddUser(oidcssotest.User{Subject: "00u2", Email: "bob@acme.test"})
			w.client = w.idp.HTTPClient()
			a, err := newApp(w.idp.Options(), w.idp.Config("acme", "acme.test"))
			if err != nil {
				t.Fatal(err)
			}
			served := make(chan struct{})
			go func() {
				defer close(served)
				_ = serve(a, listener) // ends with the listener
			}()
			t.Cleanup(func() {
				listener.Close()
				<-served
			})
			test(w)
		})
	}
}

func (w *world) read(response *http.Response, err error) (status int, location, body string) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return response.StatusCode, response.Header.Get("Location"), string(text)
}

func (w *world) login(email, password string) (status int, location, body string) {
	w.t.Helper()
	return w.read(w.client.PostForm(w.origin+"/login", url.Values{"email": {email}, "password": {password}}))
}

var greeting = regexp.MustCompile(`<h1>Hello, ([^<]*)</h1>`)

// user is whom the protected page greets; empty if it lets nobody in.
func (w *world) user() string {
	w.t.Helper()
	status, _, body := w.read(w.client.Get(w.origin + "/"))
	match := greeting.FindStringSubmatch(body)
	if (status == http.StatusOK) != (match != nil) || match == nil && status != http.StatusUnauthorized {
		w.t.Fatalf("the protected page answered %d %s", status, body)
	}
	if match == nil {
		return ""
	}
	return match[1]
}

// begin sends the login form and demands to be sent to the identity provider, with a cookie that browsers keep as it is meant.
func (w *world) begin(email, password string) (authorizationURL string) {
	w.t.Helper()
	response, err := w.client.PostForm(w.origin+"/login", url.Values{"email": {email}, "password": {password}})
	status, location, body := w.read(response, err)
	if status != http.StatusSeeOther || !strings.HasPrefix(location, w.idp.Issuer()+"/authorize?") {
		w.t.Fatalf("the login of %s answered %d %s %s", email, status, location, body)
	}
	cookies := response.Cookies()
	if len(cookies) != 1 || cookies[0].Path != "/" || cookies[0].MaxAge != 600 || !cookies[0].HttpOnly || cookies[0].SameSite != http.SameSiteLaxMode {
		w.t.Errorf("Set-Cookie: %q", response.Header["Set-Cookie"])
	}
	if response.Header.Get("Cache-Control") != "no-store" || response.Header.Get("Referrer-Policy") != "no-referrer" {
		w.t.Errorf("the headers are %v", response.Header)
	}
	return location
}

func (w *world) wantUser(want string) {
	w.t.Helper()
	if got := w.user(); got != want {
		w.t.Fatalf("signed in is %q, want %q", got, want)
	}
}

func TestSignInAndOut(t *testing.T) {
	everywhere(t, func(w *world) {
		w.wantUser("")
		page := w.idp.SignIn(w.t, w.client, w.begin("alice@acme.test", ""), "alice@acme.test")
		if page.Request.URL.String() != w.origin+"/" {
			w.t.Errorf("the sign-in ended at %s", page.Request.URL)
		}
		w.wantUser("alice@acme.test")
		if status, location, _ := w.read(w.client.PostForm(w.origin+"/logout", nil)); status != http.StatusSeeOther || location != "/" {
			w.t.Errorf("the logout answered %d %s", status, location)
		}
		w.wantUser("")

		// Somebody whom the backend never saw gets an account, and finds it again.
		for range 2 {
			w.client = w.idp.HTTPClient() // another browser
			w.idp.SignIn(w.t, w.client, w.begin("bob@acme.test", ""), "bob@acme.test")
			w.wantUser("bob@acme.test")
		}
	})
}

// Of the people of acme.test nobody gets in by a password, though one of them still has one.
func TestPasswordOpensNothingInAnEnforcedDomain(t *testing.T) {
	everywhere(t, func(w *world) {
		w.begin("alice@acme.test", "snowdrop")
		w.begin("ALICE@Acme.TEST", "snowdrop")
		w.begin("nobody@acme.test", "guess")
		w.wantUser("")
	})
}

func TestOthersStillHaveTheirPassword(t *testing.T) {
	everywhere(t, func(w *world) {
		for _, row := range [][2]string{{"nora@northwind.test", "guess"}, {"nora@northwind.test", ""}, {"stranger@northwind.test", "sunflower"}} {
			if status, _, _ := w.login(row[0], row[1]); status != http.StatusForbidden {
				w.t.Errorf("%q answered %d", row, status)
			}
		}
		w.wantUser("")
		if status, location, body := w.login("nora@northwind.test", "sunflower"); status != http.StatusSeeOther || location != "/" {
			w.t.Fatalf("answered %d %s %s", status, location, body)
		}
		w.wantUser("nora@northwind.test")
	})
}

func TestDeadIdentityProviderDoesNotOpenThePassword(t *testing.T) {
	everywhere(t, func(w *world) {
		w.idp.Stop()
		status, location, body := w.login("alice@acme.test", "snowdrop")
		if status != http.StatusServiceUnavailable || location != "" || !strings.Contains(body, "(unavailable ") {
			w.t.Errorf("answered %d %s %s", status, location, body)
		}
		w.wantUser("")
	})
}

// The callback URL alone is worth nothing: in another browser, a second time, or with a second cookie of the same name.
func TestCallbackIsForOneBrowserOnce(t *testing.T) {
	everywhere(t, func(w *world) {
		callback := w.idp.Authorize(w.t, w.begin("alice@acme.test", ""), "alice@acme.test").String()
		refused := func(client *http.Client, header http.Header) {
			w.t.Helper()
			request, err := http.NewRequest(http.MethodGet, callback, nil)
			if err != nil {
				w.t.Fatal(err)
			}
			if header != nil {
				request.Header = header
			}
			status, _, body := w.read(client.Do(request))
			if status != http.StatusBadRequest || !strings.Contains(body, "(login_missing ") {
				w.t.Errorf("answered %d %s", status, body)
			}
		}
		refused(w.idp.HTTPClient(), nil)
		own, err := url.Parse(w.origin)
		if err != nil {
			w.t.Fatal(err)
		}
		var pairs []string
		for _, cookie := range w.client.Jar.Cookies(own) {
			pairs = append(pairs, cookie.Name+"=planted", cookie.String())
		}
		refused(w.idp.HTTPClient(), http.Header{"Cookie": {strings.Join(pairs, "; ")}})
		refused(w.idp.HTTPClient(), http.Header{"Cookie": pairs}) // on a line each
		slices.Reverse(pairs)
		refused(w.idp.HTTPClient(), http.Header{"Cookie": pairs})

		if status, location, body := w.read(w.client.Get(callback)); status != http.StatusSeeOther || location != "/" {
			w.t.Fatalf("answered %d %s %s", status, location, body)
		}
		w.wantUser("alice@acme.test")
		refused(w.client, nil)
	})
}

// A stranger's link starts a sign-in as somebody else. It must not replace who is signed in.
func TestSignedInPersonIsNotReplaced(t *testing.T) {
	everywhere(t, func(w *world) {
		w.login("nora@northwind.test", "sunflower")
		page := w.idp.SignIn(w.t, w.client, w.begin("alice@acme.test", ""), "alice@acme.test")
		if page.StatusCode != http.StatusForbidden {
			w.t.Errorf("answered %s", page.Status)
		}
		w.wantUser("nora@northwind.test")
	})
}

// A form on another site must neither sign somebody in nor out.
func TestFormsOfOtherSitesAreRefused(t *testing.T) {
	everywhere(t, func(w *world) {
		w.login("nora@northwind.test", "sunflower")
		for _, path := range []string{"/login", "/logout"} {
			request, err := http.NewRequest(http.MethodPost, w.origin+path, strings.NewReader("email=alice@acme.test"))
			if err != nil {
				w.t.Fatal(err)
			}
			request.Header = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://evil.test"}}
			if status, _, _ := w.read(w.client.Do(request)); status != http.StatusForbidden {
				w.t.Errorf("%s answered %d", path, status)
			}
		}
		w.wantUser("nora@northwind.test")
	})
}

func TestUnknownFrameworkIsSaid(t *testing.T) {
	t.Parallel()
	if err := run([]string{"martini"}); err == nil || !strings.Contains(err.Error(), "net/http, chi, gin, echo or fiber") {
		t.Errorf("got %v", err)
	}
}
