package interop

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oidcsso/oidcsso"

	"github.com/oidcsso/oidcsso/interop/internal/browser"
	"github.com/oidcsso/oidcsso/interop/internal/matrix"
	"github.com/oidcsso/oidcsso/interop/internal/process"
)

// startWithin bounds one start, with the install on a slow machine.
const startWithin = 10 * time.Minute

// world is one identity provider that runs, and the address at which backends of the cases live, one after the other.
type world struct {
	provider
	issuer  string
	server  *httptest.Server
	current atomic.Pointer[backend]
	port    int
	running *process.IdP // nil while it is down

	broken *outage // once it has begun
}

// newWorld starts the identity provider. The error is the reason why it can't run here.
func newWorld(t *testing.T, p provider) (*world, error) {
	t.Helper()
	if p.apt {
		if err := canInstallPackages(); err != nil {
			return nil, err
		}
	}
	w := &world{provider: p}
	w.server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if b := w.current.Load(); b != nil {
			b.handler.ServeHTTP(rw, r)
			return
		}
		http.NotFound(rw, r)
	}))
	t.Cleanup(w.server.Close)
	var err error
	if w.port, err = process.FreePorts(3); err != nil {
		return nil, err
	}
	t.Cleanup(w.stop)
	if err := w.start(); err != nil {
		return nil, err
	}
	w.issuer = w.running.Issuer
	return w, nil
}

// canInstallPackages is asked first, because sudo would ask a person for a password.
func canInstallPackages() error {
	if _, err := exec.LookPath("apt-get"); err != nil {
		return errors.New("it is made of Debian packages, and there is no apt-get")
	}
	if os.Geteuid() != 0 && exec.Command("sudo", "-n", "true").Run() != nil {
		return errors.New("it is made of Debian packages, whose installation needs root")
	}
	return nil
}

func (w *world) start() error {
	ctx, cancel := context.WithTimeout(context.Background(), startWithin)
	defer cancel()
	running, err := process.Start(ctx, filepath.Join(w.folder(), "start.sh"), w.port,
		"RP_BASE="+w.server.URL, "RP_CALLBACK="+w.server.URL+callbackPath)
	w.running = running
	if err != nil {
		return err
	}
	return w.waitForKeys(ctx)
}

// waitForKeys asks for the key set once, since some make their keys only then, which takes long on a busy machine.
func (w *world) waitForKeys(ctx context.Context) error {
	b := browser.New("")
	page, err := b.Get(ctx, strings.TrimSuffix(w.running.Issuer, "/")+"/.well-known/openid-configuration")
	if err != nil {
		return err
	}
	var document struct {
		KeySet string `json:"jwks_uri"`
	}
	if err := json.Unmarshal(page.Body, &document); err != nil {
		return err
	}
	_, err = b.Get(ctx, document.KeySet)
	return err
}

func (w *world) stop() {
	if w.running != nil {
		w.running.Stop()
		w.running = nil
	}
}

// origin is a URL at the backend.
func (w *world) origin(path string) *url.URL {
	u, err := url.Parse(w.server.URL + path)
	if err != nil {
		panic(err) // the server's own URL
	}
	return u
}

// trial is one case with one identity provider.
type trial struct {
	*testing.T
	*world
	cell matrix.Cell
	be   *backend
}

// note is what else was seen.
func (c *trial) note(text string) { c.cell.Note = text }

// na ends the case: the identity provider can't do it.
func (c *trial) na(reason string) {
	c.Helper()
	c.cell = matrix.Cell{Outcome: matrix.NA, Note: reason}
	c.Skip("n/a: " + reason)
}

// backend puts a new backend at the address, with a connector for the client rp as an administrator would enter it.
func (c *trial) backend(changes ...func(*setUp)) *backend {
	c.Helper()
	s := &setUp{
		config: oidcsso.Config{
			ID: connectorID, Name: "Acme", Issuer: c.issuer, ClientID: c.client.id, ClientSecret: oidcsso.NewSecret(c.client.secret),
			Domains: oidcsso.AssertDomains(c.domain()),
		},
		options: oidcsso.Options{BaseURL: c.server.URL + basePath, Egress: oidcsso.Egress{InsecureAllowLoopback: true}},
		wire:    &wire{},
		emails:  []string{c.alice.email},
	}
	if c.bob.email != "" {
		s.emails = append(s.emails, c.bob.email)
	}
	for _, change := range changes {
		change(s)
	}
	be, err := newBackend(s)
	if err != nil {
		c.Fatal(err)
	}
	c.use(be)
	return be
}

// use puts a backend back at the address.
func (c *trial) use(be *backend) {
	c.be = be
	c.current.Store(be)
}

func (c *trial) newBrowser() *browser.Browser { return browser.New(c.server.URL + callbackPath) }

// login sends the backend's login form, with a password that would have been right before single sign-on.
func (c *trial) login(b *browser.Browser, email string) *browser.Page {
	c.Helper()
	body := url.Values{"email": {email}, "password": {localPassword}}.Encode()
	page, err := b.Send(c.Context(), http.MethodPost, c.server.URL+"/login", "application/x-www-form-urlencoded", body)
	if err != nil {
		c.Fatal(err)
	}
	return page
}

// begin sends the login form and gives the authorization URL to which it leads.
func (c *trial) begin(b *browser.Browser, email string) string {
	c.Helper()
	page := c.login(b, email)
	if page.Status != http.StatusSeeOther || page.Location() == nil || !strings.HasPrefix(page.Location().String(), c.place()) {
		c.Fatalf("the login form was answered with %d to %v: %v", page.Status, page.Location(), c.be.lastFailure())
	}
	return page.Location().String()
}

// place is scheme, host and port of the identity provider.
func (w *world) place() string {
	u, err := url.Parse(w.issuer)
	if err != nil {
		return w.issuer
	}
	return u.Scheme + "://" + u.Host
}

// open opens a page at the identity provider.
func (c *trial) open(b *browser.Browser, target string) *browser.Page {
	c.Helper()
	page, err := b.Get(c.Context(), target)
	if err != nil {
		c.Fatal(err)
	}
	return page
}

// atIdP walks through the pages from a page on, and gives the URL of the authorization response, not yet fetched.
func (c *trial) atIdP(b *browser.Browser, page *browser.Page, who person) string {
	c.Helper()
	page, err := c.walk(c.Context(), b, page, who)
	if err != nil {
		c.Fatal(err)
	}
	return page.URL.String()
}

// authorize opens the authorization URL and walks through the pages.
func (c *trial) authorize(b *browser.Browser, authorizationURL string, who person) string {
	c.Helper()
	return c.atIdP(b, c.open(b, authorizationURL), who)
}

// finish opens the callback and gives who is signed in then.
func (c *trial) finish(b *browser.Browser, callback string) *session {
	c.Helper()
	page := c.open(b, callback)
	s := c.sessionOf(b, c.be)
	if page.Status != http.StatusOK || s == nil {
		c.Fatalf("the callback was answered with %d %q: %v", page.Status, page.Body, c.be.lastFailure())
	}
	return s
}

// signIn is a whole sign-in.
func (c *trial) signIn(b *browser.Browser, who person) *session {
	c.Helper()
	return c.finish(b, c.authorize(b, c.begin(b, who.email), who))
}

// refused opens the callback, which must be refused with one of the codes and must not sign anybody in.
func (c *trial) refused(b *browser.Browser, callback string, codes ...oidcsso.Code) *oidcsso.Error {
	c.Helper()
	before := c.sessionOf(b, c.be)
	page := c.open(b, callback)
	e := c.be.lastFailure()
	if e == nil {
		c.Fatalf("the callback was answered with %d %q and not refused", page.Status, page.Body)
	}
	c.hasCode(e, codes...)
	if page.Status != e.HTTPStatus() || c.sessionOf(b, c.be) != before {
		c.Errorf("status %d, session %v", page.Status, c.sessionOf(b, c.be))
	}
	return e
}

func (c *trial) hasCode(e *oidcsso.Error, codes ...oidcsso.Code) {
	c.Helper()
	for _, code := range codes {
		if e.Code == code {
			return
		}
	}
	c.Errorf("the error is %v; want one of %q", e, codes)
}
