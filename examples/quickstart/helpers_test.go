package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/oidcsso/oidcsso/oidcssotest"
)

// world is the whole program behind a real listener.
type world struct {
	t            *testing.T
	origin       string
	acme, globex *oidcssotest.IdP
	compared     atomic.Int64 // passwords
	log          *syncBuffer
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, log: &syncBuffer{}}
	users := newUsers(func(password string, salt []byte) ([]byte, error) {
		w.compared.Add(1)
		sum := sha256.Sum256(append([]byte(password), salt...))
		return sum[:], nil
	})
	var err error
	for _, u := range []struct {
		id, name, password string
		addresses          []string
	}{
		{"nora", "Nora Lindqvist", "sunflower", []string{"nora@northwind.test"}},
		{"alice", "Alice Ames", "old-password", []string{"alice@acme.test"}},
		{"sam", "Sam Stone", "old-password", []string{"sam@home.test", "sam@acme.test"}},
	} {
		if err == nil {
			err = users.add(u.id, u.name, u.password, u.addresses...)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(nil)
	w.origin = "http://" + server.Listener.Addr().(*net.TCPAddr).String()
	companies := demoCompanies(w.origin)
	w.acme, w.globex = companies.idps["/idps/acme/"], companies.idps["/idps/globex/"]
	server.Config.Handler, err = newBackend(w.origin, companies, users, slog.New(slog.NewTextHandler(w.log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	server.Start()
	t.Cleanup(server.Close)
	w.compared.Store(0)
	return w
}

// browser has a cookie jar and shows redirects instead of following them.
type browser struct {
	*world
	client *http.Client
}

func (w *world) browser() *browser {
	client := w.acme.HTTPClient()
	w.t.Cleanup(client.CloseIdleConnections)
	return &browser{w, client}
}

// answer is a response with its body read.
type answer struct {
	status   int
	location string
	body     string
	header   http.Header
}

func (b *browser) do(r *http.Request) answer {
	b.t.Helper()
	response, err := b.client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.read(response)
}

func (b *browser) read(response *http.Response) answer {
	b.t.Helper()
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header.Get("Location"), string(body), response.Header}
}

func (b *browser) get(path string, header ...string) answer {
	b.t.Helper()
	r, err := http.NewRequest(http.MethodGet, b.origin+path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return b.do(r)
}

func (b *browser) post(path, contentType, body string, header ...string) answer {
	b.t.Helper()
	r, err := http.NewRequest(http.MethodPost, b.origin+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Content-Type", contentType)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return b.do(r)
}

// submit sends a form, given as names and values in turn.
func (b *browser) submit(path string, fields ...string) answer {
	b.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	return b.post(path, "application/x-www-form-urlencoded", form.Encode())
}

// signIn walks from the login form through the identity provider and back, to the first page.
func (b *browser) signIn(idp *oidcssotest.IdP, email string) answer {
	b.t.Helper()
	start := b.submit("/login", "email", email)
	if start.status != http.StatusSeeOther || !strings.HasPrefix(start.location, idp.Issuer()+"/authorize?") {
		b.t.Fatalf("login of %s: %d %s", email, start.status, start.location)
	}
	return b.read(idp.SignIn(b.t, b.client, start.location, email))
}

// me is the JSON of /me; nil if nobody is signed in.
func (b *browser) me() map[string]any {
	b.t.Helper()
	a := b.get("/me")
	if a.status == http.StatusUnauthorized {
		return nil
	}
	var me map[string]any
	if err := json.Unmarshal([]byte(a.body), &me); err != nil || a.status != http.StatusOK {
		b.t.Fatalf("/me: %d %s", a.status, a.body)
	}
	return me
}

// session is the value of the session cookie, or nothing.
func (b *browser) session() string {
	u, _ := url.Parse(b.origin)
	for _, c := range b.client.Jar.Cookies(u) {
		if c.Name == sessionCookie {
			return c.Value
		}
	}
	return ""
}

func (a answer) contains(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(a.body, text) {
			t.Errorf("the page does not have %q:\n%s", text, a.body)
		}
	}
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
