package dbtest

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/connectorstore"
)

// hanging is a Sealer that does not answer.
type hanging struct{ *connectorstore.Ring }

func (hanging) Seal(ctx context.Context, _, _ []byte) ([]byte, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (hanging) Open(ctx context.Context, _, _ []byte) ([]byte, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// bubble runs a test on SQLite with a clock that passes as fast as it can.
func bubble(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, newWorld(t, Engines(t)[0])) })
}

// A key service does not answer. Whoever needs it is refused after a while, and nobody else waits for long.
func TestStoreOutlivesASealerThatHangs(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		c, err := w.store.Create(ctx, "", oidcsso.Config{Issuer: "https://acme.okta.com", ClientID: "x", ClientSecret: oidcsso.NewSecret("hunter2")})
		if err != nil {
			t.Fatal(err)
		}
		store := w.newStore(t, func(o *connectorstore.Options) { o.Sealer = hanging{w.ring} })
		begun := time.Now()
		done := make(chan error)
		go func() {
			_, err := store.Create(ctx, "", oidcsso.Config{Issuer: "https://acme.okta.com", ClientID: "x", ClientSecret: oidcsso.NewSecret("hunter2")})
			done <- err
		}()
		synctest.Wait()
		if _, err := w.store.Create(ctx, "", oidcsso.Config{}); err != nil || time.Since(begun) != 0 {
			t.Errorf("meanwhile another has to wait for %s: %v", time.Since(begun), err)
		}
		if err := <-done; err == nil {
			t.Error("a connector was created without its secret")
		}
		c.Config.ClientSecret = oidcsso.NewSecret("hunter3")
		for name, call := range map[string]func() error{
			"Update":   func() error { _, err := store.Update(ctx, c); return err },
			"SetState": func() error { _, err := store.SetState(ctx, c.ID, c.Revision, connectorstore.StateActive); return err },
			"secrets":  func() error { _, _, err := store.RevealSecrets(ctx, c.ID); return err },
		} {
			begun := time.Now()
			if err := call(); err == nil {
				t.Errorf("%s needs no Sealer", name)
			}
			if took := time.Since(begun); took > 10*time.Second {
				t.Errorf("%s takes %s", name, took)
			}
		}
	})
}

// A replica that starts then knows all connectors that need none, and so does one that runs.
func TestLiveOutlivesASealerThatHangs(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		public := row("public", 1, "public.example")
		public.Secret = ""
		rows := []Row{public}
		for i := range 200 {
			rows = append(rows, row("c"+string(rune('a'+i/26))+string(rune('a'+i%26)), int64(i+2)))
		}
		w.insert(t, rows...)
		l := w.newStore(t, func(o *connectorstore.Options) { o.Sealer = hanging{w.ring} }).NewLive(nil)
		begun := time.Now()
		sync1(t, l)
		if took := time.Since(begun); took > time.Minute {
			t.Errorf("the start takes %s", took)
		}
		if got := password(ctx, l, "a@public.example") + ", " + connector(ctx, l, "caa"); got != "by public, unavailable" || len(l.Status().Quarantined) != 200 {
			t.Errorf("it is %s, with %d in quarantine", got, len(l.Status().Quarantined))
		}
	})
}

// Somebody holds the writers' lock and has gone. The replica reads on, and says that it does.
func TestLiveReadsWhileNobodyCanWrite(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		w.insert(t, row("acme", 1, "acme.example"))
		wire := new(wire)
		store, err := connectorstore.New(wire.through(t, w.open(t)), &connectorstore.Options{Dialect: w.e.Dialect, Ring: w.ring, SSO: w.options()})
		if err != nil {
			t.Fatal(err)
		}
		l := store.NewLive(nil)
		sync1(t, l)
		l.Event(ctx, oidcsso.EventSignInSucceeded, slog.String("connector", "acme"), slog.String("issuer", "https://acme.okta.com"))
		w.later(time.Minute)
		wire.from(func(step int, _ bool) fault {
			if step > 2 { // after the look: begin, and the update of meta
				return hangs
			}
			return fine
		})
		begun := time.Now()
		sync1(t, l)
		if took, s := time.Since(begun), l.Status(); took > time.Minute || !s.LastSync.Equal(start.Add(time.Minute)) || s.Err == nil {
			t.Errorf("after %s the status is %+v", took, s)
		}
		wire.from(nil)
		sync1(t, l)
		if s := l.Status(); s.Err != nil {
			t.Error(s.Err)
		}
	})
}
