package dbtest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/connectorstore"
)

// eventually waits for what another goroutine does with a real database. The bound is for a machine that is busy with something else.
func eventually(t testing.TB, what string, done func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	for !done() {
		if time.Since(began) > 30*time.Second {
			t.Fatalf("%s: not within 30 seconds", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
	return time.Since(began)
}

// run runs a Live until the test ends, and says that it ends then.
func run(t testing.TB, l *connectorstore.Live) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		select {
		case err := <-done:
			if !errors.Is(err, context.Canceled) {
				t.Errorf("Run gave %v", err)
			}
		case <-time.After(30 * time.Second):
			t.Error("Run did not end")
		}
	}
	t.Cleanup(stop)
	return stop
}

// With an interval of an hour, only the wake-up can have been it.
func TestLiveIsWokenByPostgreSQL(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, e Engine) {
		if e.Dialect != connectorstore.PostgreSQL {
			t.Skip("only PostgreSQL notifies")
		}
		w := newWorld(t, e)
		l := w.newStore(t, nil).NewLive(&connectorstore.LiveOptions{Interval: time.Hour, Wake: Listen(t.Context(), os.Getenv("OIDCSSO_POSTGRES"))})
		run(t, l)
		eventually(t, "loading", func() bool { return !l.Status().LastSync.IsZero() })
		for i := range 5 {
			c, err := w.store.Create(t.Context(), "t", oidcsso.Config{Issuer: "https://acme.okta.com", ClientID: "x"})
			if err != nil {
				t.Fatal(err)
			}
			if i == 3 { // the listener loses its connection, and what is told meanwhile
				w.exec(t, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'LISTEN oidcsso'")
			}
			t.Logf("change %d arrived after %v", i, eventually(t, "a change", func() bool { return connector(t.Context(), l, c.ID) == "disabled" }))
		}
	})
}

// A channel that is closed, or whose sender shouts, neither stops Run nor has it spin.
func TestLiveIsWokenByAnything(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, e Engine) {
		w := newWorld(t, e)
		wake := make(chan struct{}, 1)
		l := w.newStore(t, nil).NewLive(&connectorstore.LiveOptions{Interval: time.Hour, Wake: wake})
		stop := run(t, l)
		eventually(t, "loading", func() bool { return !l.Status().LastSync.IsZero() })
		w.insert(t, row("acme", 1, "acme.example"))
		wake <- struct{}{}
		eventually(t, "a change", func() bool { return connector(t.Context(), l, "acme") == "healthy" })
		close(wake)
		stop()
	})
}

func signedIn(connector, issuer string) []slog.Attr {
	return []slog.Attr{slog.String("connector", connector), slog.String("issuer", issuer)}
}

// The first sign-in freezes the issuer, on whichever replica it was; Rekey begins anew.
func TestLiveFreezesTheIssuer(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, e Engine) {
		ctx := t.Context()
		w := newWorld(t, e)
		const one, two = "https://one.okta.com", "https://two.okta.com"
		c, err := w.store.Create(ctx, "t", oidcsso.Config{Issuer: one, ClientID: "x"})
		if err != nil {
			t.Fatal(err)
		}
		l := w.live(t)
		move := func(issuer string) error {
			t.Helper()
			if c, err = w.store.Connector(ctx, c.ID); err != nil {
				t.Fatal(err)
			}
			c.Config.Issuer = issuer
			_, err := w.store.Update(ctx, c)
			return err
		}
		l.Event(ctx, oidcsso.EventSignInSucceeded, signedIn(c.ID, "https://eve.okta.com")...) // no longer the connector's
		l.Event(ctx, oidcsso.EventSignInStarted, signedIn(c.ID, one)...)
		l.Event(ctx, oidcsso.EventSignInSucceeded, signedIn("nobody", one)...)
		l.Event(ctx, oidcsso.EventSignInSucceeded)
		sync1(t, l)
		if s := l.Status(); s.Err != nil {
			t.Errorf("the status is %+v", s)
		}
		if err := move(two); err != nil {
			t.Fatal(err)
		}
		if err := move(one); err != nil {
			t.Fatal(err)
		}
		for _, issuer := range []string{one, two, one, two} { // also one that was there before
			sync1(t, l)
			for range 3 {
				l.Event(ctx, oidcsso.EventSignInSucceeded, signedIn(c.ID, issuer)...)
			}
			sync1(t, l)
			other := map[string]string{one: two, two: one}[issuer]
			if err := move(other); !errors.Is(err, connectorstore.CodeIssuerFrozen) {
				t.Fatalf("after a sign-in with %s: %v", issuer, err)
			}
			if got, err := w.store.Connector(ctx, c.ID); err != nil || !got.SignedIn.Equal(start) {
				t.Errorf("signed in at %v, %v", got.SignedIn, err)
			}
			if _, _, err := w.store.Rekey(ctx, c); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// The database is away while people sign in: what was noted is written later, and at the end of Run.
func TestLiveWritesWhatItNotedWhenItCan(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, e Engine) {
		ctx := t.Context()
		w := newWorld(t, e)
		acme := row("acme", 1, "*.acme.example")
		acme.Domains = append(acme.Domains, oidcsso.Domain{Name: "acme.example", State: oidcsso.DomainReportOnly, ClaimID: "claim-exact"})
		w.insert(t, acme)
		claim(t, w, "claim-acme.example", "acme", "acme.example", true)
		claim(t, w, "claim-exact", "acme", "acme.example", false)
		l := w.live(t)
		count := func() (n, last int64) {
			t.Helper()
			if err := w.db.QueryRow("SELECT report_count, report_last FROM oidcsso_claims WHERE id = 'claim-exact'").Scan(&n, &last); err != nil {
				t.Fatal(err)
			}
			return n, last
		}
		attempt := func(n int) {
			for range n {
				if got := password(ctx, l, "ada@acme.example"); got != "open" {
					t.Errorf("it is %s", got)
				}
			}
		}
		attempt(3)
		sync1(t, l)
		if n, last := count(); n != 3 || last != start.UnixMilli() {
			t.Errorf("counted are %d at %d", n, last)
		}
		w.exec(t, "ALTER TABLE oidcsso_claims RENAME TO away")
		w.later(time.Minute)
		attempt(2)
		l.Event(ctx, oidcsso.EventSignInSucceeded, signedIn("acme", "https://acme.okta.com")...)
		sync1(t, l) // reading is well
		if s := l.Status(); s.Err == nil || !s.LastSync.Equal(w.clock()) {
			t.Errorf("the status is %+v", s)
		}
		w.exec(t, "ALTER TABLE away RENAME TO oidcsso_claims")
		w.later(time.Minute)
		attempt(1)
		sync1(t, l)
		if n, last := count(); n != 6 || last != w.clock().UnixMilli() {
			t.Errorf("counted are %d at %d", n, last)
		}
		if s := l.Status(); s.Err != nil {
			t.Errorf("the status is %+v", s)
		}
		stop := run(t, l)
		attempt(4)
		stop()
		if n, _ := count(); n != 10 {
			t.Errorf("after the end of Run, counted are %d", n)
		}
	})
}

// Whoever makes up connectors fills no memory, and no event with odd attributes does harm.
func TestLiveNotesAreBounded(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, e Engine) {
		w := newWorld(t, e)
		l := w.live(t)
		for i := range 30_000 {
			l.Event(t.Context(), oidcsso.EventSignInSucceeded, signedIn(fmt.Sprint("c", i), "https://x.example")...)
			l.Event(t.Context(), oidcsso.EventReportOnly, slog.String("connector", "x"), slog.String("domain", fmt.Sprint(i)))
		}
		l.Event(t.Context(), oidcsso.EventReportOnly, slog.Any("connector", nil))
		sync1(t, l)
		if s := l.Status(); s.Err != nil {
			t.Errorf("the status is %+v", s)
		}
	})
}

// A secret that ends is told once a day, from 30 days before on.
func TestLiveWarnsOfExpiringSecrets(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, e Engine) {
		w := newWorld(t, e)
		soon, late, never := row("soon", 1), row("late", 2), row("never", 3)
		soon.Config.ClientSecretExpiry = start.Add(10 * 24 * time.Hour)
		late.Config.ClientSecretExpiry = start.Add(33 * 24 * time.Hour)
		disabled := soon
		disabled.ID, disabled.Revision, disabled.State = "disabled", 4, "disabled"
		w.insert(t, soon, late, never, disabled)
		l := w.live(t)
		told := func(step string, want ...string) {
			t.Helper()
			sync1(t, l)
			var got []string
			for _, e := range w.log.take(connectorstore.EventClientSecretExpiring) {
				got = append(got, strings.TrimPrefix(strings.Fields(e)[0], connectorstore.EventClientSecretExpiring+"["))
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s: told was %q, want %q", step, got, want)
			}
		}
		told("at the start", "connector=soon")
		told("again")
		w.later(3 * time.Hour)
		told("hours later")
		w.later(22 * time.Hour)
		told("a day later", "connector=soon")
		w.later(30 * 24 * time.Hour)
		sync1(t, l)
		if got := w.log.take(connectorstore.EventClientSecretExpiring); len(got) != 2 {
			t.Errorf("a month later, told was %q", got)
		}
	})
}
