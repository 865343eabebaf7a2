package dbtest

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/connectorstore"
	"github.com/oidcsso/oidcsso/oidcssotest"
)

// replica is one process: with pool, store, view and routes of its own.
type replica struct {
	store *connectorstore.Store
	live  *connectorstore.Live
	sso   http.Handler
	stop  func()
}

// fleet is two replicas behind one address: whichever is at turn answers.
type fleet struct {
	t        *testing.T
	e        Engine
	open     func(testing.TB) *sql.DB
	key      oidcsso.SealKey
	idp      *oidcssotest.IdP
	base     string
	replicas [2]atomic.Pointer[replica]
	turn     atomic.Int32
}

func newFleet(t *testing.T, e Engine) *fleet {
	t.Helper()
	f := &fleet{t: t}
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.replicas[f.turn.Load()].Load().sso.ServeHTTP(w, r)
	}))
	t.Cleanup(backend.Close)
	f.base = backend.URL + "/sso"
	f.idp = oidcssotest.New(t, f.base)
	f.idp.AddUser(oidcssotest.User{Email: "ada@acme.test", Name: "Ada"})
	f.e, f.open, f.key = e, e.New(t), oidcsso.RandomSealKey()
	for i := range f.replicas {
		f.start(i, Ring(t))
	}
	return f
}

// start starts one replica, or another in its place, and waits until it can serve; the one before then ends.
func (f *fleet) start(i int, ring *connectorstore.Ring) {
	t := f.t
	t.Helper()
	opts := f.idp.Options()
	store, err := connectorstore.New(f.open(t), &connectorstore.Options{Dialect: f.e.Dialect, Ring: ring, SSO: opts})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	live := store.NewLive(nil)
	flow, err := oidcsso.NewFlow(opts, live, &oidcsso.FlowOptions{Keys: []oidcsso.SealKey{f.key}})
	if err != nil {
		t.Fatal(err)
	}
	handler, err := oidcsso.NewHandler(flow, &oidcsso.HandlerOptions{
		OnSignIn: func(w http.ResponseWriter, _ *http.Request, s *oidcsso.SignIn) error {
			_, err := io.WriteString(w, "welcome by "+s.Identity.Connector)
			return err
		},
		OnError: func(w http.ResponseWriter, _ *http.Request, err *oidcsso.Error) { io.WriteString(w, string(err.Code)) },
	})
	if err != nil {
		t.Fatal(err)
	}
	stop := run(t, live)
	eventually(t, "loading", func() bool { return !live.Status().LastSync.IsZero() })
	if before := f.replicas[i].Swap(&replica{store, live, handler, stop}); before != nil {
		before.stop()
	}
}

// seen waits until a change has come to both replicas.
func (f *fleet) seen(what string, done func(*connectorstore.Live) bool) {
	f.t.Helper()
	began := time.Now()
	for i := range f.replicas {
		eventually(f.t, what, func() bool { return done(f.replicas[i].Load().live) })
	}
	f.t.Logf("%s: seen by both after %v", what, time.Since(began).Round(time.Millisecond))
}

// connector is one that people can sign in through.
func (f *fleet) connector(name string) connectorstore.Connector {
	f.t.Helper()
	ctx, store := f.t.Context(), f.replicas[0].Load().store
	c, err := store.Create(ctx, name, oidcsso.Config{Name: name, Issuer: f.idp.Issuer(), ClientID: name, ClientSecret: oidcsso.NewSecret("secret of " + name)})
	if err != nil {
		f.t.Fatal(err)
	}
	uri, err := oidcsso.CallbackURL(f.base, c.ID)
	if err != nil {
		f.t.Fatal(err)
	}
	f.idp.AddClient(oidcssotest.Client{ID: name, Secret: "secret of " + name, RedirectURIs: []string{uri}})
	if c, err = store.SetState(ctx, c.ID, c.Revision, connectorstore.StateActive); err != nil {
		f.t.Fatal(err)
	}
	return c
}

// begin starts a sign-in at one replica; the other one finishes it.
func (f *fleet) begin(at int32, id string) (finish func() string) {
	f.t.Helper()
	client := f.idp.HTTPClient()
	f.turn.Store(at)
	response, err := client.Get(f.base + "/start?connector=" + id)
	if err != nil {
		f.t.Fatal(err)
	}
	response.Body.Close()
	location := response.Header.Get("Location")
	if location == "" {
		f.t.Fatalf("the start answers %s", response.Status)
	}
	return func() string {
		f.t.Helper()
		f.turn.Store(1 - at)
		response := f.idp.SignIn(f.t, client, location, "ada@acme.test")
		body, err := io.ReadAll(response.Body)
		if err != nil {
			f.t.Fatal(err)
		}
		return string(body)
	}
}

// watch asks both replicas a hundred times a second whether a password would do, until it is stopped.
func (f *fleet) watch() (stop func() (asked int)) {
	ctx, cancel := context.WithCancel(f.t.Context())
	var group sync.WaitGroup
	var asked atomic.Int64
	for i := range f.replicas {
		group.Go(func() {
			tick := time.NewTicker(10 * time.Millisecond)
			defer tick.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
				}
				asked.Add(1)
				d, err := oidcsso.Decide(f.t.Context(), f.replicas[i].Load().live, oidcsso.Attempt{Typed: "ada@acme.test", Method: oidcsso.MethodPassword})
				if err != nil || d.Allowed() {
					f.t.Errorf("replica %d: allowed is %v, %v", i, d.Allowed(), err)
				}
			}
		})
	}
	return func() int {
		cancel()
		group.Wait()
		return int(asked.Load())
	}
}

// An administrator adds, changes, moves and disables at one replica. The other one follows; nobody gets in past single sign-on
// meanwhile, and who is at the identity provider comes back to a replica that knows.
func TestReplicas(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, e Engine) {
		ctx := t.Context()
		f := newFleet(t, e)
		store, other := f.replicas[0].Load().store, f.replicas[1].Load().store
		does := func(want string) func(*connectorstore.Live) bool {
			return func(l *connectorstore.Live) bool { return password(ctx, l, "ada@acme.test") == want }
		}
		finishes := func(finish func() string, want string) {
			t.Helper()
			if got := finish(); got != want {
				t.Errorf("the sign-in ends with %q, want %q", got, want)
			}
		}

		a := f.connector("a")
		claim, err := store.Assert(ctx, a.ID, "acme.test")
		if err != nil {
			t.Fatal(err)
		}
		if claim, err = store.SetDomainState(ctx, claim.ID, claim.State, oidcsso.DomainEnforced); err != nil {
			t.Fatal(err)
		}
		f.seen("a connector is added, with a domain", does("by "+a.ID))
		stop := f.watch()
		finishes(f.begin(0, a.ID), "welcome by "+a.ID)

		finish := f.begin(1, a.ID)
		if a, err = store.Connector(ctx, a.ID); err != nil {
			t.Fatal(err)
		}
		a.Config.Name = "A company"
		if a, err = store.Update(ctx, a); err != nil {
			t.Fatal(err)
		}
		f.seen("it has another name", func(l *connectorstore.Live) bool {
			c, err := l.Connector(ctx, a.ID)
			return err == nil && c.Name() == "A company"
		})
		finishes(finish, "welcome by "+a.ID)

		finish = f.begin(0, a.ID)
		a.Config.ClientSecret = oidcsso.NewSecret("another secret")
		f.idp.AddClient(oidcssotest.Client{ID: "a", Secret: "another secret", RedirectURIs: []string{f.base + "/callback/" + a.ID}})
		if a, err = other.Update(ctx, a); err != nil {
			t.Fatal(err)
		}
		f.seen("it has another secret", func(l *connectorstore.Live) bool {
			c, err := l.Connector(ctx, a.ID)
			return err == nil && c.Config().ClientSecret.Reveal() == "another secret"
		})
		finishes(finish, "welcome by "+a.ID)

		b := f.connector("b")
		f.seen("another connector", func(l *connectorstore.Live) bool { return connector(ctx, l, b.ID) == "healthy" })
		taker, err := other.Claim(ctx, b.ID, "acme.test")
		if err != nil {
			t.Fatal(err)
		}
		finish, finishB := f.begin(0, a.ID), f.begin(1, b.ID)
		if taker, err = store.TransferAsserted(ctx, claim.ID, taker.ID); err != nil {
			t.Fatal(err)
		}
		f.seen("the domain moved to it", does("by "+b.ID))
		finishes(finishB, "welcome by "+b.ID)
		finishes(finish, string(oidcsso.CodeEmailOutside)) // the address is no longer a's to vouch for

		finish = f.begin(0, b.ID)
		if b, err = other.Connector(ctx, b.ID); err != nil {
			t.Fatal(err)
		}
		if b, err = other.SetState(ctx, b.ID, b.Revision, connectorstore.StateDisabled); err != nil {
			t.Fatal(err)
		}
		f.seen("it is disabled", func(l *connectorstore.Live) bool { return connector(ctx, l, b.ID) == "disabled" })
		finishes(finish, string(oidcsso.CodeConnectorDisabled))

		if b, err = other.SetState(ctx, b.ID, b.Revision, connectorstore.StateActive); err != nil {
			t.Fatal(err)
		}
		f.seen("it is active again", func(l *connectorstore.Live) bool { return connector(ctx, l, b.ID) == "healthy" })
		finishes(f.begin(1, b.ID), "welcome by "+b.ID)
		b.Config.Issuer = "https://elsewhere.okta.com"
		eventually(t, "the issuer is frozen, since people have signed in", func() bool {
			_, err := store.Update(ctx, b)
			return errors.Is(err, connectorstore.CodeIssuerFrozen)
		})

		if asked := stop(); asked < 100 {
			t.Errorf("only %d questions were asked", asked)
		} else {
			t.Logf("%d times nobody was let in with a password", asked)
		}
		if err := store.Release(ctx, taker.ID); err != nil {
			t.Fatal(err)
		}
		f.seen("the domain is released", does("open"))
		for i := range f.replicas {
			r := f.replicas[i].Load()
			if s := r.live.Status(); s.Err != nil || len(s.Quarantined) > 0 {
				t.Errorf("replica %d: the status is %+v", i, s)
			}
		}
	})
}
