package dbtest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/connectorstore"
)

// Before the connectors were read, nobody knows whose a domain is.
func TestLiveIsUnavailableUntilItIsLoaded(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, e Engine) {
		w := newWorld(t, e)
		w.insert(t, row("acme", 1, "acme.example"))
		l := w.newStore(t, nil).NewLive(nil)
		closed := func(when string) {
			t.Helper()
			_, byID := l.Connector(t.Context(), "acme")
			_, byDomain := l.Route(t.Context(), "acme.example")
			if byID == nil || byDomain == nil || errors.Is(byID, oidcsso.ErrNotFound) || errors.Is(byDomain, oidcsso.ErrNotFound) {
				t.Errorf("%s: %v, %v", when, byID, byDomain)
			}
			for _, address := range []string{"ada@acme.example", "ada@nobody.example"} {
				if got := password(t.Context(), l, address); got != "unavailable" {
					t.Errorf("%s: a password of %s is %s", when, address, got)
				}
			}
		}
		closed("before the first Sync")
		w.exec(t, "ALTER TABLE oidcsso_connectors RENAME TO away")
		if err := l.Sync(t.Context()); err == nil {
			t.Error("without the table there is no error")
		}
		closed("after a Sync that failed")
		if s := l.Status(); s.Err == nil || !s.LastSync.IsZero() {
			t.Errorf("the status is %+v", s)
		}
		w.exec(t, "ALTER TABLE away RENAME TO oidcsso_connectors")
		sync1(t, l)
		if got := password(t.Context(), l, "ada@acme.example"); got != "by acme" {
			t.Error(got)
		}
		if got := password(t.Context(), l, "ada@nobody.example"); got != "open" {
			t.Error(got)
		}
		if s := l.Status(); s.Err != nil || !s.LastSync.Equal(start) || s.Connectors != 1 || s.Revision != 1 {
			t.Errorf("the status is %+v", s)
		}
	})
}

// Whatever the Store does, the replica does from the next Sync on.
func TestLiveFollowsTheStore(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, e Engine) {
		ctx := t.Context()
		w := newWorld(t, e)
		l := w.live(t)
		c, err := w.store.Create(ctx, "t", oidcsso.Config{Issuer: "https://acme.okta.com", ClientID: "x", ClientSecret: oidcsso.NewSecret("hunter2hunter2")})
		if err != nil {
			t.Fatal(err)
		}
		stands := func(want string) *oidcsso.Connector {
			t.Helper()
			sync1(t, l)
			if got := connector(ctx, l, c.ID); got != want {
				t.Errorf("it is %s, want %s", got, want)
			}
			found, _ := l.Connector(ctx, c.ID)
			return found
		}
		if got := connector(ctx, l, c.ID); got != "none" {
			t.Errorf("before the Sync it is %s", got)
		}
		stands("disabled") // a draft
		c, err = w.store.SetState(ctx, c.ID, c.Revision, connectorstore.StateActive)
		if err != nil {
			t.Fatal(err)
		}
		if found := stands("healthy"); found.Config().ClientSecret.Reveal() != "hunter2hunter2" {
			t.Error("the secret is another one")
		}
		c.Config.Name = "Acme"
		if c, err = w.store.Update(ctx, c); err != nil {
			t.Fatal(err)
		}
		if found := stands("healthy"); found.Name() != "Acme" {
			t.Errorf("its name is %q", found.Name())
		}
		if c, err = w.store.SetState(ctx, c.ID, c.Revision, connectorstore.StateDisabled); err != nil {
			t.Fatal(err)
		}
		stands("disabled")
		if s := l.Status(); s.Connectors != 1 || s.Revision != c.Revision {
			t.Errorf("the status is %+v", s)
		}
		if err := w.store.Delete(ctx, c.ID, c.Revision); err != nil {
			t.Fatal(err)
		}
		stands("none")
		if s := l.Status(); s.Connectors != 0 || len(s.Quarantined) != 0 {
			t.Errorf("the status is %+v", s)
		}
		w.later(3 * time.Hour)
		stands("none") // nor does a full reading miss it
		if s := w.live(t).Status(); s.Connectors != 0 || len(s.Quarantined) != 0 {
			t.Errorf("after a start the status is %+v", s)
		}
	})
}

// Who can write to the database, and has no key, changes one thing or another. Nobody gets in by that, on a replica that runs or on
// one that starts; all other connectors go on; and it is told.
func TestLiveDoesNotTrustTheDatabase(t *testing.T) {
	t.Parallel()
	set := func(column, value string) func(*testing.T, *world) {
		return func(t *testing.T, w *world) {
			w.exec(t, "UPDATE oidcsso_connectors SET "+column+" = "+value+" WHERE id = 'acme'")
		}
	}
	attacks := map[string]func(*testing.T, *world){
		"another tenant":          set("tenant", "'eve'"),
		"disabled":                set("state", "'disabled'"),
		"deleted":                 set("state", "'deleted'"),
		"a draft":                 set("state", "'draft'"),
		"an issuer of one's own":  set("config", `'{"issuer":"https://eve.okta.com","client_id":"client"}'`),
		"no configuration":        set("config", "'{'"),
		"another secret":          set("secret", "(SELECT secret FROM oidcsso_connectors WHERE id = 'other')"),
		"a next secret":           set("next_secret", "secret"),
		"no domains":              set("domains", "'[]'"),
		"domains that are none":   set("domains", "'gibberish'"),
		"a domain is only routed": set("domains", "replace(domains, 'enforced', 'routed')"),
		"signed in":               set("signed_in", "7"),
		"a MAC of no key":         set("mac", "'00000000.x'"),
		"another's MAC":           set("mac", "(SELECT mac FROM oidcsso_connectors WHERE id = 'other')"),
		"a revision far ahead":    set("revision", "9000000000000000000"),
		"another's columns": func(t *testing.T, w *world) {
			values := w.copy(t, "other")
			values[0], values[3] = "acme", int64(99)
			w.put(t, values)
		},
		"no row at all": func(t *testing.T, w *world) {
			w.exec(t, "DELETE FROM oidcsso_claims")
			w.exec(t, "DELETE FROM oidcsso_connectors WHERE id = 'acme'")
		},
	}
	Each(t, func(t *testing.T, e Engine) {
		for name, attack := range attacks {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				ctx := t.Context()
				w := newWorld(t, e)
				w.insert(t, row("acme", 1, "acme.example", "*.acme.example"), row("other", 2, "other.example"))
				claim(t, w, "claim-acme.example", "acme", "acme.example", false)
				running := w.live(t)
				before := w.copy(t, "acme")
				attack(t, w)
				starting := w.newStore(t, nil).NewLive(nil)
				w.later(3 * time.Hour) // the running one reads all again
				for when, l := range map[string]*connectorstore.Live{"running": running, "starting": starting} {
					w.log.take("")
					for range 2 { // the second time, nothing is new
						sync1(t, l)
					}
					if when == "starting" && name == "no row at all" {
						continue // what never was there can't be missed
					}
					if got := connector(ctx, l, "acme"); got != "unavailable" {
						t.Errorf("%s: the connector is %s", when, got)
					}
					for _, address := range []string{"ada@acme.example", "ada@sub.acme.example"} {
						if when == "starting" && address == "ada@sub.acme.example" && (name == "no domains" || name == "domains that are none" || name == "another's columns") {
							continue // the claim of the other domain is all that is left
						}
						if got := password(ctx, l, address); got != "unavailable" {
							t.Errorf("%s: a password of %s is %s", when, address, got)
						}
					}
					if got := password(ctx, l, "bob@other.example"); got != "by other" {
						t.Errorf("%s: the other connector's domain is %s", when, got)
					}
					if got := quarantined(l); got != "acme" || l.Status().Connectors != 2 || l.Status().Err != nil {
						t.Errorf("%s: the status is %+v", when, l.Status())
					}
					if told := w.log.take(connectorstore.EventConnectorQuarantined); len(told) != 1 || !strings.Contains(told[0], "connector=acme") {
						t.Errorf("%s: told was %q", when, told)
					}
				}
				w.put(t, before)
				w.later(2 * time.Minute)
				for when, l := range map[string]*connectorstore.Live{"running": running, "starting": starting} {
					if when == "starting" && name == "no row at all" {
						continue
					}
					sync1(t, l)
					if got := connector(ctx, l, "acme") + ", " + password(ctx, l, "ada@acme.example"); got != "healthy, by acme" || quarantined(l) != "" {
						t.Errorf("%s: after the row is back, it is %s; in quarantine: %s", when, got, quarantined(l))
					}
				}
			})
		}
	})
}

// claim writes a claim that a connector owns.
func claim(t testing.TB, w *world, id, connector, name string, wildcard bool) {
	t.Helper()
	n := 0
	if wildcard {
		n = 1
	}
	mac := Sign(t, "claim", id, connector, name, n, 1, "asserted", "", 1, 0, 1, "", 0)
	w.exec(t, "INSERT INTO oidcsso_claims (id, connector, name, wildcard, owned, proof, token, created, expires, verified, thawed, missing_since, mac, checked, next_check, report_count, report_last, warned) "+
		"VALUES (?, ?, ?, ?, 1, 'asserted', '', 1, 0, 1, '', 0, ?, 0, 0, 0, 0, 0)", id, connector, name, n, mac)
}

// A row of yesterday, with its good MAC, is put back: with a secret that was replaced, or a domain that was not yet enforced.
func TestLiveRefusesARowOfYesterday(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, e Engine) {
		ctx := t.Context()
		w := newWorld(t, e)
		yesterday := row("acme", 1)
		gone := row("gone", 2, "gone.example")
		w.insert(t, yesterday, gone)
		l := w.live(t)
		w.replace(t, row("acme", 3, "acme.example"))
		w.replace(t, Row{ID: "gone", Revision: 4, State: "deleted"})
		sync1(t, l)
		if got := password(ctx, l, "ada@acme.example") + ", " + password(ctx, l, "ada@gone.example"); got != "by acme, open" {
			t.Fatal(got)
		}
		w.replace(t, yesterday)
		w.replace(t, gone)
		w.later(3 * time.Hour)
		sync1(t, l)
		if got := password(ctx, l, "ada@acme.example") + ", " + connector(ctx, l, "acme") + ", " + connector(ctx, l, "gone"); got != "unavailable, unavailable, unavailable" {
			t.Errorf("it is %s", got)
		}
		if got := quarantined(l); got != "acme gone" {
			t.Errorf("in quarantine: %q", got)
		}
		w.replace(t, row("acme", 5, "acme.example"))
		sync1(t, l)
		if got := password(ctx, l, "ada@acme.example") + ", " + connector(ctx, l, "acme"); got != "by acme, healthy" {
			t.Errorf("after a change it is %s", got)
		}
	})
}

// An old row beside the new owner of its domain: of the two, a replica that starts can't say which is old.
func TestLiveStartsWithTwoOwners(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, e Engine) {
		w := newWorld(t, e)
		w.insert(t, row("old", 1, "acme.example"), row("heir", 2, "acme.example"))
		l := w.live(t)
		if got := password(t.Context(), l, "ada@acme.example") + ", " + quarantined(l); got != "unavailable, heir old" {
			t.Errorf("it is %s", got)
		}
		w.replace(t, row("old", 3))
		sync1(t, l)
		if got := password(t.Context(), l, "ada@acme.example") + ", " + quarantined(l); got != "by heir, " {
			t.Errorf("after the old one is mended it is %s", got)
		}
	})
}

// A domain moves while people sign in. Whoever asks sees it here or there, and never nowhere.
func TestLiveMovesADomainInOneStep(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, e Engine) {
		ctx := t.Context()
		w := newWorld(t, e)
		w.insert(t, row("a", 1, "acme.example"), row("b", 2))
		l := w.live(t)
		done := make(chan string)
		stop := make(chan struct{})
		go func() {
			odd := ""
			for {
				if got := password(ctx, l, "ada@acme.example"); got != "by a" && got != "by b" {
					odd = got
				}
				select {
				case <-stop:
					done <- odd
					return
				default:
				}
			}
		}()
		for i := range int64(20) {
			a, b := row("a", 3+i, "acme.example"), row("b", 3+i)
			if i%2 == 0 {
				a, b = row("a", 3+i), row("b", 3+i, "acme.example")
			}
			tx, err := w.db.Begin()
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range []Row{a, b} {
				v := r.Values(t, w.ring)
				if _, err := tx.Exec(e.Query("UPDATE oidcsso_connectors SET revision = ?, domains = ?, secret = ?, mac = ? WHERE id = ?"), v[3], v[7], v[5], v[12], v[0]); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := tx.Exec(e.Query("UPDATE oidcsso_meta SET revision = ?"), 3+i); err != nil {
				t.Fatal(err)
			}
			if err := tx.Commit(); err != nil {
				t.Fatal(err)
			}
			sync1(t, l)
			want := "by " + string("ba"[i%2])
			if got := password(ctx, l, "ada@acme.example"); got != want {
				t.Errorf("step %d: it is %s, want %s", i, got, want)
			}
		}
		close(stop)
		if odd := <-done; odd != "" {
			t.Errorf("meanwhile it was %s", odd)
		}
	})
}

// An older copy of the database, or one of a newer program, is not believed; what is known goes on.
func TestLiveHoldsWhatItKnows(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		break_, mend string
		want         string // part of the error
		mended       bool
	}{
		"an older copy":        {"UPDATE oidcsso_meta SET revision = 1", "UPDATE oidcsso_meta SET revision = 50", "went back", true},
		"newer tables":         {"UPDATE oidcsso_meta SET version = 99", "UPDATE oidcsso_meta SET version = 1", "version 99", true},
		"older tables":         {"UPDATE oidcsso_meta SET version = 0", "UPDATE oidcsso_meta SET version = 1", "version 0", true},
		"no tables":            {"ALTER TABLE oidcsso_meta RENAME TO away", "ALTER TABLE away RENAME TO oidcsso_meta", "revision", true},
		"a column that is not": {"UPDATE oidcsso_meta SET revision = 11; ALTER TABLE oidcsso_connectors RENAME COLUMN domains TO away", "ALTER TABLE oidcsso_connectors RENAME COLUMN away TO domains", "domains", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			Each(t, func(t *testing.T, e Engine) {
				ctx := t.Context()
				w := newWorld(t, e)
				w.insert(t, row("acme", 10, "acme.example"))
				l := w.live(t)
				for _, statement := range strings.Split(c.break_, "; ") {
					w.exec(t, statement)
				}
				w.later(time.Minute)
				if err := l.Sync(ctx); err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("the error is %v", err)
				}
				if s := l.Status(); s.Err == nil || !s.LastSync.Equal(start) || s.Revision != 10 || s.Connectors != 1 {
					t.Errorf("the status is %+v", s)
				}
				if got := password(ctx, l, "ada@acme.example"); got != "by acme" {
					t.Errorf("it is %s", got)
				}
				w.exec(t, c.mend)
				if err := l.Sync(ctx); err == nil != c.mended {
					t.Errorf("afterwards the error is %v", err)
				}
				if s := l.Status(); (s.Err == nil) != c.mended || s.LastSync.Equal(start) == c.mended {
					t.Errorf("afterwards the status is %+v", s)
				}
			})
		})
	}
}

// A backup is restored, and administrators go on from there. The replica does not follow while it knows more than the database; then
// it takes what is newer, and closes what has lost a change.
func TestLiveAfterABackupWasRestored(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, e Engine) {
		ctx := t.Context()
		w := newWorld(t, e)
		w.insert(t, row("lost", 1), row("same", 2, "same.example"), row("fresh", 3))
		backup := [][]any{w.copy(t, "lost"), w.copy(t, "same"), w.copy(t, "fresh")}
		l := w.live(t)
		w.replace(t, row("lost", 5, "lost.example"))
		sync1(t, l)

		w.exec(t, "UPDATE oidcsso_meta SET revision = 3")
		for _, values := range backup {
			w.put(t, values)
		}
		look := func() string {
			return password(ctx, l, "a@lost.example") + ", " + password(ctx, l, "a@same.example") + ", " + password(ctx, l, "a@fresh.example")
		}
		for range 2 {
			if err := l.Sync(ctx); err == nil {
				t.Error("there is no error")
			}
		}
		if got := look(); got != "by lost, by same, open" {
			t.Errorf("at once it is %s", got)
		}
		w.replace(t, row("fresh", 4, "fresh.example"))
		w.exec(t, "UPDATE oidcsso_meta SET revision = 6")
		sync1(t, l)
		if got := look(); got != "unavailable, by same, by fresh" {
			t.Errorf("when it is ahead it is %s", got)
		}
		if got := quarantined(l); got != "lost" {
			t.Errorf("in quarantine: %q", got)
		}
		if got := password(ctx, w.live(t), "a@lost.example"); got != "open" {
			t.Errorf("for a process that starts it is %s", got)
		}
	})
}

// switched is a Sealer that can be off.
type switched struct {
	*connectorstore.Ring
	off bool
}

func (s *switched) Open(ctx context.Context, sealed, additional []byte) ([]byte, error) {
	if s.off {
		return nil, errors.New("the key service is down")
	}
	return s.Ring.Open(ctx, sealed, additional)
}

// A key service is down when a replica starts. What has no secret works; all else is closed, and opens when it is back.
func TestLiveOutlivesItsSealer(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, e Engine) {
		ctx := t.Context()
		w := newWorld(t, e)
		public := row("public", 1, "public.example")
		public.Secret = ""
		rows := []Row{public}
		for i := range 150 { // more than are read one by one
			rows = append(rows, row(fmt.Sprintf("c%d", i), int64(i+2), fmt.Sprintf("c%d.example", i)))
		}
		w.insert(t, rows...)
		sealer := &switched{w.ring, true}
		l := w.newStore(t, func(o *connectorstore.Options) { o.Sealer = sealer }).NewLive(nil)
		sync1(t, l)
		if n := len(l.Status().Quarantined); n != 150 {
			t.Errorf("%d are in quarantine", n)
		}
		if got := password(ctx, l, "a@public.example") + ", " + password(ctx, l, "a@c7.example") + ", " + connector(ctx, l, "c7"); got != "by public, unavailable, unavailable" {
			t.Error(got)
		}
		sealer.off = false
		w.later(2 * time.Minute)
		sync1(t, l)
		if got := password(ctx, l, "a@c7.example") + ", " + quarantined(l); got != "by c7, " {
			t.Error(got)
		}
	})
}

// Unchanged connectors stay the very same: with what they have discovered.
func TestLiveKeepsWhatDidNotChange(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, e Engine) {
		ctx := t.Context()
		w := newWorld(t, e)
		w.insert(t, row("acme", 1, "acme.example"), row("other", 2, "other.example"))
		l := w.live(t)
		before, err := l.Connector(ctx, "acme")
		if err != nil {
			t.Fatal(err)
		}
		w.replace(t, row("other", 3))
		for range 3 {
			sync1(t, l)
			w.later(3 * time.Hour)
		}
		if after, err := l.Connector(ctx, "acme"); err != nil || after != before {
			t.Errorf("it was made anew: %v", err)
		}
	})
}
