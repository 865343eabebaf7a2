package main

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/oidcsso/oidcsso/connectorstore"
	"github.com/oidcsso/oidcsso/oidcssotest"
)

func TestMain(m *testing.M) {
	iterations = 1
	os.Exit(m.Run())
}

const testToken = "the-token-of-the-administrator"

// world is the whole program on a database of its own: two replicas, behind one address and each at one of its own too.
type world struct {
	t       *testing.T
	origin  string    // where they take turns
	replica [2]string // where each is
	backend *backend
	demo    *demo
	dsn     string
	hints   string
	log     *syncBuffer
	answers *syncBuffer // every body that the admin API sent
}

// each runs a test on SQLite and, if OIDCSSO_POSTGRES has its URL, on PostgreSQL; see dbtest/postgres.sh.
func each(t *testing.T, test func(t *testing.T, w *world)) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, newWorld(t, filepath.Join(t.TempDir(), "sso.db")))
	})
	if os.Getenv("OIDCSSO_POSTGRES") != "" {
		t.Run("postgres", func(t *testing.T) {
			t.Parallel()
			test(t, newWorld(t, newSchema(t)))
		})
	}
}

// newSchema gives the URL of a schema that is dropped at the end.
func newSchema(t *testing.T) string {
	name := "t_" + strings.ToLower(rand.Text())
	dsn, err := url.Parse(os.Getenv("OIDCSSO_POSTGRES"))
	if err != nil {
		t.Fatal(err)
	}
	db, _, err := openDatabase(dsn.String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("CREATE SCHEMA " + name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := db.Exec("DROP SCHEMA " + name + " CASCADE"); err != nil {
			t.Error(err)
		}
		db.Close()
	})
	query := dsn.Query()
	query.Set("search_path", name)
	dsn.RawQuery = query.Encode()
	return dsn.String()
}

var testKeys = map[string]string{"SSO_STORE_KEY": newKeyText(), "SSO_KEY": newKeyText(), "ADMIN_TOKEN": testToken}

func newWorld(t *testing.T, database string) *world {
	t.Helper()
	w := &world{t: t, dsn: database, log: &syncBuffer{}, answers: &syncBuffer{}}
	s, err := readSettings([]string{"-db", database, "-demo"}, func(name string) string { return testKeys[name] }, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	front := httptest.NewUnstartedServer(nil)
	s.bound(front.Listener.Addr())
	w.origin = s.origin
	if w.backend, err = newBackend(t.Context(), s, slog.New(slog.NewJSONHandler(w.log, nil))); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.backend.end(); err != nil {
			t.Error(err)
		}
	})
	w.demo, w.hints = w.backend.outside, strings.Join(w.backend.hints, "\n")
	front.Config.Handler = w.backend.handler
	front.Start()
	t.Cleanup(front.Close)
	for i, r := range w.backend.replicas {
		server := httptest.NewServer(r.handler)
		t.Cleanup(server.Close)
		w.replica[i] = server.URL
	}
	return w
}

// settle has every replica know what is stored now: in a second or so they would by themselves.
func (w *world) settle() {
	w.t.Helper()
	for _, r := range w.backend.replicas {
		if err := r.live.Sync(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
	}
}

// reply is a response with its body read.
type reply struct {
	t        *testing.T
	status   int
	location string
	etag     string
	replica  string
	body     string
}

// want fails the test unless the status is this one, and the body has the texts.
func (a reply) want(status int, texts ...string) reply {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("status %d instead of %d: %s", a.status, status, a.body)
	}
	for _, text := range texts {
		if !strings.Contains(a.body, text) {
			a.t.Errorf("no %q in %s", text, a.body)
		}
	}
	return a
}

// field is a string of a JSON object; several names lead further in.
func (a reply) field(names ...string) string {
	a.t.Helper()
	var value any
	if err := json.Unmarshal([]byte(a.body), &value); err != nil {
		a.t.Fatalf("%v: %s", err, a.body)
	}
	for _, name := range names {
		object, _ := value.(map[string]any)
		value = object[name]
	}
	text, _ := value.(string)
	return text
}

// raw is a member of a JSON object as it stands.
func (a reply) raw(name string) string {
	a.t.Helper()
	var object map[string]json.RawMessage
	if err := json.Unmarshal([]byte(a.body), &object); err != nil {
		a.t.Fatalf("%v: %s", err, a.body)
	}
	return string(object[name])
}

func (w *world) do(client *http.Client, r *http.Request) reply {
	w.t.Helper()
	response, err := client.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.read(response)
}

func (w *world) read(response *http.Response) reply {
	w.t.Helper()
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	h := response.Header
	return reply{w.t, response.StatusCode, h.Get("Location"), h.Get("ETag"), h.Get("Replica"), string(body)}
}

// admin calls the API at the first replica. ifMatch may be empty.
func (w *world) admin(method, path, ifMatch, body string) reply {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.replica[0]+"/admin"+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+testToken)
	if ifMatch != "" {
		r.Header.Set("If-Match", ifMatch)
	}
	a := w.do(http.DefaultClient, r)
	w.answers.Write([]byte(a.body))
	return a
}

// etag is the connector's revision as it is now.
func (w *world) etag(id string) string {
	w.t.Helper()
	return w.admin("GET", "/connectors/"+id, "", "").want(200).etag
}

// connectorOf is the one connector of a tenant.
func (w *world) connectorOf(tenant string) string {
	w.t.Helper()
	list, err := w.backend.replicas[0].store.Connectors(w.t.Context(), filterOf(tenant))
	if err != nil || len(list) != 1 {
		w.t.Fatal(list, err)
	}
	return list[0].ID
}

// browser has a cookie jar, which does not tell ports apart, and shows redirects instead of following them.
type browser struct {
	*world
	client *http.Client
}

func (w *world) browser() *browser {
	client := w.demo.idps["acme"].HTTPClient()
	w.t.Cleanup(client.CloseIdleConnections)
	return &browser{w, client}
}

func (b *browser) get(url string) reply {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, url, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.do(b.client, r)
}

// submit sends a form, given as names and values in turn.
func (b *browser) submit(url string, fields ...string) reply {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, url, strings.NewReader(form(fields...)))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.do(b.client, r)
}

func form(fields ...string) string {
	values := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		values.Add(fields[i], fields[i+1])
	}
	return values.Encode()
}

// signIn walks from the login form through the identity provider and back.
func (b *browser) signIn(tenant, email string) reply {
	b.t.Helper()
	idp := b.demo.idps[tenant]
	begun := b.submit(b.origin+"/login", "email", email).want(http.StatusSeeOther)
	return b.walk(idp, begun.location, email)
}

// offered presses the button beside the password.
func (b *browser) offered(tenant, email string) reply {
	b.t.Helper()
	begun := b.submit(b.origin+"/sso/start/"+b.connectorOf(tenant), "email", email).want(http.StatusSeeOther)
	return b.walk(b.demo.idps[tenant], begun.location, email)
}

func (b *browser) walk(idp *oidcssotest.IdP, authorizationURL, email string) reply {
	b.t.Helper()
	if !strings.HasPrefix(authorizationURL, idp.Issuer()+"/") {
		b.t.Fatalf("sent to %s", authorizationURL)
	}
	return b.read(idp.SignIn(b.t, b.client, authorizationURL, email))
}

// me is the name of who is signed in, at both replicas; empty if nobody is.
func (b *browser) me() string {
	b.t.Helper()
	var names [2]string
	for i, replica := range b.replica {
		if a := b.get(replica + "/me"); a.status == http.StatusOK {
			names[i] = a.field("name")
		} else {
			a.want(http.StatusUnauthorized)
		}
	}
	if names[0] != names[1] {
		b.t.Fatalf("the replicas don't agree on who it is: %q", names)
	}
	return names[0]
}

// syncBuffer is a log that can be read while it is written.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func filterOf(tenant string) connectorstore.Filter { return connectorstore.Filter{Tenant: tenant} }

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func userOf(subject, email, name string) oidcssotest.User {
	return oidcssotest.User{Subject: subject, Email: email, Name: name}
}

// copyOf is a jar with the cookies that a browser has for the origin.
func copyOf(t *testing.T, b *browser, origin string) http.CookieJar {
	t.Helper()
	u, err := url.Parse(origin)
	if err != nil {
		t.Fatal(err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	cookies := b.client.Jar.Cookies(u)
	for _, c := range cookies {
		c.Path = "/"
	}
	jar.SetCookies(u, cookies)
	return jar
}

// claimIn is the first claim of a connector as the API shows it.
func (w *world) claimIn(connector reply) string {
	w.t.Helper()
	var c struct{ Domains []struct{ ID string } }
	if err := json.Unmarshal([]byte(connector.body), &c); err != nil || len(c.Domains) == 0 {
		w.t.Fatal(err, connector.body)
	}
	return c.Domains[0].ID
}
