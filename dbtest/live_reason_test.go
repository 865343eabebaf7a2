package dbtest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/connectorstore"
)

// refusing is a Sealer whose error is one of a sign-in, which says something else to the person.
type refusing struct{ *connectorstore.Ring }

func (refusing) Open(context.Context, []byte, []byte) ([]byte, error) {
	return nil, oidcsso.Refuse("the KMS says no")
}

// Whoever is refused, the log says why the connector is out of order, and not that a configuration lacks an issuer.
func TestLiveSaysWhyAConnectorIsOutOfOrder(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		attack func(*testing.T, *world, *connectorstore.Live)
		sealer func(*world) connectorstore.Sealer
		code   error
		says   string
	}{
		"edited": {attack: func(t *testing.T, w *world, l *connectorstore.Live) {
			w.exec(t, "UPDATE oidcsso_connectors SET tenant = 'eve' WHERE id = 'acme'")
		}, code: connectorstore.CodeTampered, says: `The row of connector "acme" was not written with one of the keys`},
		"gone": {attack: func(t *testing.T, w *world, l *connectorstore.Live) {
			w.exec(t, "DELETE FROM oidcsso_claims")
			w.exec(t, "DELETE FROM oidcsso_connectors WHERE id = 'acme'")
		}, code: connectorstore.CodeTampered, says: `The row of connector "acme" is gone`},
		"the Sealer is away": {sealer: func(w *world) connectorstore.Sealer { return &switched{w.ring, true} }, says: "opening the client_secret"},
		"the Sealer refuses": {sealer: func(w *world) connectorstore.Sealer { return refusing{w.ring} }, says: "the KMS says no"},
		"it can't be a connector's": {attack: func(t *testing.T, w *world, l *connectorstore.Live) {
			bad := row("acme", 9, "acme.example")
			bad.Config.Issuer = "ftp://x"
			w.replace(t, bad)
		}, says: "issuer: is not an absolute https URL"},
		"another has the domain": {attack: func(t *testing.T, w *world, l *connectorstore.Live) {
			w.replace(t, row("acme", 9, "acme.example", "heir.example"))
			w.replace(t, row("heir", 9, "acme.example", "heir.example"))
		}, says: "heir.example"},
		"edited, then as none can be": {attack: func(t *testing.T, w *world, l *connectorstore.Live) {
			w.exec(t, "UPDATE oidcsso_connectors SET tenant = 'eve' WHERE id = 'acme'")
			w.later(3 * time.Hour)
			sync1(t, l)
			bad := row("acme", 9, "acme.example")
			bad.Config.Issuer = "ftp://x"
			w.replace(t, bad)
		}, says: "issuer: is not an absolute https URL"},
	}
	Each(t, func(t *testing.T, e Engine) {
		for name, test := range tests {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				ctx, w := t.Context(), newWorld(t, e)
				w.insert(t, row("acme", 1, "acme.example"))
				claim(t, w, "claim-acme.example", "acme", "acme.example", false)
				l := w.newStore(t, func(o *connectorstore.Options) {
					if test.sealer != nil {
						o.Sealer = test.sealer(w)
					}
				}).NewLive(nil)
				sync1(t, l)
				if test.attack != nil {
					test.attack(t, w, l)
				}
				w.later(3 * time.Hour)
				sync1(t, l)
				_, byID := l.Connector(ctx, "acme")
				_, byDomain := l.Route(ctx, "ACME.example")
				_, decided := oidcsso.Decide(ctx, l, oidcsso.Attempt{Typed: "ada@acme.example", Method: oidcsso.MethodIdentify})
				for what, err := range map[string]error{"Connector": byID, "Route": byDomain, "Decide": decided} {
					var e *oidcsso.Error
					if !errors.As(err, &e) || e.Code != oidcsso.CodeUnavailable || e.Public != oidcsso.AsError(oidcsso.CodeUnavailable).Public {
						t.Fatalf("%s: %v", what, err)
					}
					text := err.Error()
					if !strings.Contains(text, test.says) || strings.Contains(text, "remove it") || strings.Contains(text, "is missing") || strings.Contains(text, "connectorstore: connectorstore:") {
						t.Errorf("%s: %s", what, text)
					}
					if test.code != nil && !errors.Is(err, test.code) {
						t.Errorf("%s is not %v: %s", what, test.code, text)
					}
					if what != "Decide" && e.Connector != "acme" && e.Connector != "heir" {
						t.Errorf("%s is of %q", what, e.Connector)
					}
				}
			})
		}
	})
}

// Who asks in the very moment in which a connector goes out of order, or is mended, reads the true reason as well.
func TestLiveSaysWhyAtEachMoment(t *testing.T) {
	t.Parallel()
	ctx, w := t.Context(), newWorld(t, Engines(t)[0])
	w.insert(t, row("acme", 1, "acme.example"))
	good := w.copy(t, "acme")
	l := w.live(t)
	stop := make(chan struct{})
	var readers, started sync.WaitGroup
	for range 2 {
		readers.Add(1)
		started.Add(1)
		go func() {
			defer readers.Done()
			for first := true; ; first = false {
				_, err := l.Connector(ctx, "acme")
				_, routed := l.Route(ctx, "acme.example")
				if first {
					started.Done()
				}
				for _, err := range []error{err, routed} {
					if err != nil && !errors.Is(err, connectorstore.CodeTampered) {
						t.Errorf("the reason is %v", err)
						return
					}
				}
				select {
				case <-stop:
					return
				default:
				}
			}
		}()
	}
	started.Wait()
	for range 50 {
		w.exec(t, "UPDATE oidcsso_connectors SET tenant = 'eve' WHERE id = 'acme'")
		w.later(3 * time.Hour)
		sync1(t, l)
		if got := connector(ctx, l, "acme"); got != "unavailable" {
			t.Errorf("it is %s", got)
		}
		w.put(t, good)
		w.later(3 * time.Hour)
		sync1(t, l)
		if got := connector(ctx, l, "acme"); got != "healthy" {
			t.Errorf("it is %s", got)
		}
	}
	close(stop)
	readers.Wait()
}

// Every request of a login asks.
func TestLiveAllocatesNothing(t *testing.T) {
	ctx, w := t.Context(), newWorld(t, Engines(t)[0])
	w.insert(t, row("acme", 1, "acme.example"))
	l := w.live(t)
	for name, ask := range map[string]func(){
		"Route": func() { _, _ = l.Route(ctx, "acme.example") }, "nobody's": func() { _, _ = l.Route(ctx, "free.example") }, "Connector": func() { _, _ = l.Connector(ctx, "acme") },
	} {
		if n := testing.AllocsPerRun(100, ask); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
