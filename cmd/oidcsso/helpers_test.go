package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/oidcsso/oidcsso/oidcssotest"
)

// confidential is the client secret, with characters that a sloppy authentication damages.
const confidential = "s3cret&%+/ of-the-client"

// newIdP serves an identity provider on loopback, with Alice and a client "rp".
func newIdP(t *testing.T) (*oidcssotest.IdP, *httptest.Server) {
	t.Helper()
	var handler http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	idp := oidcssotest.NewLocal(server.URL, "")
	handler = idp
	idp.Configure(func(s *oidcssotest.Settings) { s.Algorithm = "ES256" })
	idp.AddUser(oidcssotest.User{Subject: "alice", Email: "alice@acme.test", Name: "Alice Ames", Groups: []string{"staff"}})
	idp.AddClient(oidcssotest.Client{ID: "rp", Secret: confidential})
	return idp, server
}

// run is one run of the command in this process.
type run struct {
	t        *testing.T
	out, err *screen
	stdin    string
	env      map[string]string
	colour   bool
	opened   []string
}

func newRun(t *testing.T) *run {
	return &run{t: t, out: newScreen(), err: newScreen(), env: map[string]string{"SECRET": confidential}}
}

func (r *run) program() *program {
	return &program{
		stdin: strings.NewReader(r.stdin), out: newPrinter(r.out, r.colour), err: newPrinter(r.err, false),
		getenv: func(name string) string { return r.env[name] },
		open: func(url, without string) error {
			r.opened = append(r.opened, url, without)
			return nil
		},
	}
}

// do runs the command to its end, and looks for the secret in all that it printed.
func (r *run) do(args ...string) int {
	r.t.Helper()
	code := r.program().run(r.t.Context(), args)
	r.wantNoSecret()
	return code
}

func (r *run) wantNoSecret(more ...string) {
	r.t.Helper()
	for _, secret := range append(more, confidential, url.QueryEscape(confidential), "another-secret") {
		for _, text := range []string{r.out.String(), r.err.String()} {
			if secret == "" || strings.Contains(text, secret) {
				r.t.Errorf("%q is in %q", secret, text)
			}
		}
	}
}

// screen is what is printed, as it comes.
type screen struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{} // closed at the next Write
}

func newScreen() *screen { return &screen{changed: make(chan struct{})} }

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.changed)
	s.changed = make(chan struct{})
	return s.text.Write(p)
}

func (s *screen) String() string {
	text, _ := s.now()
	return text
}

func (s *screen) now() (string, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String(), s.changed
}

// find waits for what the pattern matches, and gives its last group.
func (s *screen) find(ctx context.Context, pattern string) string {
	expression := regexp.MustCompile(pattern)
	for {
		text, changed := s.now()
		if match := expression.FindStringSubmatch(text); match != nil {
			return match[len(match)-1]
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ""
		}
	}
}

// terminal is a login under way.
type terminal struct {
	*run
	idp      *oidcssotest.IdP
	callback string // the Callback URI
	address  string // of the authorization request
	stop     context.CancelFunc
	ended    <-chan int
}

// startLogin goes as far as the authorization URL. The client is registered with the Callback URI, as its administrator does.
func startLogin(t *testing.T, idp *oidcssotest.IdP, server *httptest.Server, args ...string) *terminal {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(stop)
	ended := make(chan int, 1)
	l := &terminal{run: newRun(t), idp: idp, stop: stop, ended: ended}
	p := l.program()
	over, end := context.WithCancel(ctx)
	go func() {
		ended <- p.run(ctx, append([]string{"login", server.URL, "-allow-loopback", "-client-id", "rp", "-client-secret-env", "SECRET", "-port", "0"}, args...))
		end()
	}()
	l.callback = l.err.find(over, `exactly so:\n  (\S+)\n`)
	idp.AddClient(oidcssotest.Client{ID: "rp", Secret: confidential, RedirectURIs: []string{l.callback}})
	l.address = l.err.find(over, `on this machine:\n  (\S+)\n`)
	if l.err.find(over, `(Waiting)`); l.address == "" {
		t.Fatalf("no login began: %s%s", l.err, l.out)
	}
	return l
}

// authorize signs Alice in at the identity provider, up to the redirect to the Callback URI.
func (l *terminal) authorize() *url.URL {
	l.t.Helper()
	return l.idp.Authorize(l.t, l.address, "alice")
}

// get is what a browser on this machine gets.
func get(t *testing.T, url string) (int, http.Header, string) {
	t.Helper()
	request, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return send(t, request)
}

func send(t *testing.T, request *http.Request) (int, http.Header, string) {
	t.Helper()
	answer, err := (&http.Transport{}).RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, answer.Header, string(body)
}

// wantPlain fails the test if a terminal would do anything but print the text.
func wantPlain(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		for _, r := range text {
			if r != '\n' && !printable(r) {
				t.Errorf("%U is in %q", r, text)
				break
			}
		}
	}
}
