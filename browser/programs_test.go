package browser

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/oidcssotest"
)

// program is a running example.
type program struct {
	origin string

	mu      sync.Mutex
	printed strings.Builder
}

func (p *program) log() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.printed.String()
}

var openURL = regexp.MustCompile(`(?i)\bopen[ =](http://[^/ ]*)`)

// start runs a program until the test ends. Its origin is what it prints after the word open.
func start(t *testing.T, name string, env []string, args ...string) *program {
	t.Helper()
	needsChromium(t) // else there is nobody to use it
	dir, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	output, pipe := io.Pipe()
	cmd := exec.Command(filepath.Join(dir, name), append([]string{"-addr", "127.0.0.1:0"}, args...)...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = pipe, pipe
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &program{}
	ready, ended := make(chan string, 1), make(chan struct{})
	go func() {
		cmd.Wait()
		pipe.Close()
	}()
	go func() {
		defer close(ended)
		defer close(ready)
		lines := bufio.NewScanner(output)
		for lines.Scan() {
			p.mu.Lock()
			p.printed.WriteString(lines.Text() + "\n")
			p.mu.Unlock()
			if match := openURL.FindStringSubmatch(lines.Text()); match != nil {
				ready <- match[1]
			}
		}
	}()
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		<-ended
		if t.Failed() {
			t.Logf("%s printed:\n%s", name, p.log())
		}
	})
	if p.origin = <-ready; p.origin == "" {
		t.Fatalf("%s has ended", name)
	}
	return p
}

// quickstart is examples/quickstart with its two companies.
func quickstart(t *testing.T) (origin string) {
	t.Helper()
	return start(t, "quickstart", nil).origin
}

// company is the identity provider of acme.test. It is at another site than the backends: they are at 127.0.0.1, it is at
// localhost.
func company(t *testing.T) *oidcssotest.IdP {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	idp := oidcssotest.NewLocal("http://localhost:"+strconv.Itoa(server.Listener.Addr().(*net.TCPAddr).Port), "")
	idp.Configure(func(s *oidcssotest.Settings) { s.Name, s.Accent = "Acme Inc.", "#b3261e" })
	idp.AddUser(oidcssotest.User{
		Subject: "00u1", Email: "alice@acme.test", PreferredUsername: "alice", Name: "Alice Ames", Password: "wonderland",
	})
	idp.AddUser(oidcssotest.User{
		Subject: "00u2", Email: "bob@acme.test", PreferredUsername: "bob", Name: "Bob Brandt", Password: "builder",
	})
	server.Config.Handler = idp
	server.Start()
	t.Cleanup(server.Close)
	return idp
}

const clientID, clientSecret = "northwind", "a secret that only this test knows"

// register does what the company's administrator does by hand.
func register(idp *oidcssotest.IdP, origin, connector string) {
	idp.AddClient(oidcssotest.Client{ID: clientID, Secret: clientSecret, RedirectURIs: []string{origin + "/sso/callback/" + connector}})
}

// quickstartAt is examples/quickstart with an identity provider that goes wrong on demand.
func quickstartAt(t *testing.T, idp *oidcssotest.IdP) (origin string) {
	t.Helper()
	origin = start(t, "quickstart", []string{"OIDC_CLIENT_SECRET=" + clientSecret},
		"-issuer", idp.Issuer(), "-client-id", clientID, "-domain", "acme.test").origin
	register(idp, origin, "main")
	return origin
}

// existingLogin is examples/existing-login/after.
func existingLogin(t *testing.T, idp *oidcssotest.IdP) *program {
	t.Helper()
	p := start(t, "after", []string{
		"OIDC_ISSUER=" + idp.Issuer(), "OIDC_CLIENT_ID=" + clientID, "OIDC_CLIENT_SECRET=" + clientSecret,
		"OIDC_DOMAINS=acme.test", "SSO_KEY=cXVpdGUgYSBsb3Qgb2YgcmFuZG9tIGJ5dGVzIGhlcmU=",
	}, "-insecure-loopback")
	register(idp, p.origin, "main")
	return p
}

// backend is a small one that mounts oidcsso.Handler and leaves all pages to it.
type backend struct {
	origin string
	refuse string // what OnSignIn refuses everybody with
	busy   bool   // what Allow says no to
}

func newBackend(t *testing.T, idp *oidcssotest.IdP) *backend {
	t.Helper()
	needsChromium(t)
	server := httptest.NewUnstartedServer(nil)
	b := &backend{origin: "http://" + server.Listener.Addr().String()}
	opts := &oidcsso.Options{BaseURL: b.origin + "/sso", Egress: oidcsso.Egress{InsecureAllowLoopback: true}}
	router := oidcsso.NewRouter(opts)
	err := router.Put(oidcsso.Config{
		ID: "acme", Name: "Acme Inc.", Issuer: idp.Issuer(), ClientID: clientID, ClientSecret: oidcsso.NewSecret(clientSecret),
		Domains: oidcsso.AssertDomains("acme.test"),
	})
	if err != nil {
		t.Fatal(err)
	}
	flow, err := oidcsso.NewFlow(opts, router, &oidcsso.FlowOptions{Keys: []oidcsso.SealKey{oidcsso.RandomSealKey()}})
	if err != nil {
		t.Fatal(err)
	}
	handler, err := oidcsso.NewHandler(flow, &oidcsso.HandlerOptions{OnSignIn: b.signIn, Allow: func(*http.Request) bool { return !b.busy }})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/sso/", handler)
	mux.HandleFunc("/", b.home)
	server.Config.Handler = mux
	server.Start()
	t.Cleanup(server.Close)
	register(idp, b.origin, "acme")
	return b
}

func (b *backend) signIn(w http.ResponseWriter, r *http.Request, s *oidcsso.SignIn) error {
	if b.refuse != "" {
		return oidcsso.Refuse(b.refuse)
	}
	http.SetCookie(w, &http.Cookie{Name: "session", Value: s.Identity.Subject, Path: "/", HttpOnly: true})
	http.Redirect(w, r, s.ReturnTo, http.StatusSeeOther)
	return nil
}

func (b *backend) home(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if c, err := r.Cookie("session"); err == nil && c.Value == "00u1" {
		io.WriteString(w, `<!doctype html><title>Home</title><h1>Hello, Alice</h1>`)
		return
	}
	io.WriteString(w, `<!doctype html><title>Home</title><h1>Home</h1>
<form method="post" action="/sso/start"><label>Email <input name="email"></label> <button>Go</button></form>`)
}
