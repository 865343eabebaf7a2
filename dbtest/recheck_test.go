package dbtest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/connectorstore"
)

// recheck is one round, of which a part is looked at.
func (o *owners) recheck(want connectorstore.Rechecked) {
	o.t.Helper()
	got, err := o.Recheck(o.t.Context())
	if err != nil || got != want {
		o.t.Errorf("re-checked %+v, %v; want %+v", got, err, want)
	}
}

const day, hours = 27 * time.Hour, 67 * time.Minute // each longer than the longest wait for the next check

var (
	one        = connectorstore.Rechecked{Due: 1, Found: 1}
	oneMissing = connectorstore.Rechecked{Due: 1, Missing: 1}
	oneUnknown = connectorstore.Rechecked{Due: 1, Unknown: 1}
	oneFrozen  = connectorstore.Rechecked{Due: 1, Missing: 1, Frozen: 1}
	oneBack    = connectorstore.Rechecked{Due: 1, Found: 1, Recovered: 1}
	none       = connectorstore.Rechecked{}
)

// What is closed stays closed without the proof, and what is open stays open: a record that somebody tidied away shuts out
// nobody.
func TestRecheckFreezesAndThaws(t *testing.T) {
	for state, without := range map[oidcsso.DomainState]oidcsso.DomainState{
		oidcsso.DomainEnforced:   oidcsso.DomainFrozen,
		oidcsso.DomainReportOnly: oidcsso.DomainLapsed,
		oidcsso.DomainRouted:     oidcsso.DomainLapsed,
		oidcsso.DomainVerified:   oidcsso.DomainLapsed,
	} {
		t.Run(string(state), func(t *testing.T) {
			t.Parallel()
			Each(t, func(t *testing.T, e Engine) {
				o := newOwners(t, e)
				freezesAndThaws(t, o, o.connector("acme"), state, without)
			})
		})
	}
	t.Run("enforced, of a draft", func(t *testing.T) { // which enforces nothing
		t.Parallel()
		Each(t, func(t *testing.T, e Engine) {
			o := newOwners(t, e)
			freezesAndThaws(t, o, o.draft("acme"), oidcsso.DomainEnforced, oidcsso.DomainLapsed)
		})
	})
}

func freezesAndThaws(t *testing.T, o *owners, acme connectorstore.Connector, state, without oidcsso.DomainState) {
	ctx, proven, lost := t.Context(), "acme.example "+string(state), "acme.example "+string(without)
	c := o.owned(acme.ID, "acme.example", state)
	before := must1(o.Connector(ctx, acme.ID))
	o.recheck(none)
	for range 3 {
		o.later(21 * time.Hour)
		o.recheck(none)
		o.later(6 * time.Hour)
		o.recheck(one)
		o.recheck(none)
	}
	if after := must1(o.Connector(ctx, acme.ID)); after.Revision != before.Revision {
		t.Error("a check that found what it looked for changed the connector")
	}
	if got := must(t)(o.ClaimByID(ctx, c.ID)); !got.Checked.Equal(o.now()) {
		t.Errorf("%+v", got)
	}

	o.dns.clear(c)
	o.later(day)
	since := o.now()
	o.recheck(oneMissing)
	o.events.has(t, "domain_lost", "connector="+acme.ID, "tenant=acme", "domain=acme.example", "claim="+c.ID, "state="+string(state))
	for o.now().Add(hours).Before(since.Add(72 * time.Hour)) {
		o.later(hours)
		o.recheck(oneMissing)
		o.has(acme.ID, proven)
	}
	if got := must(t)(o.ClaimByID(ctx, c.ID)); !got.MissingSince.Equal(since) {
		t.Errorf("missing since %v, want %v", got.MissingSince, since)
	}
	_, err := o.Verify(ctx, c.ID)
	refused(t, err, connectorstore.CodeProofMissing)
	o.has(acme.ID, proven)
	o.later(hours)
	o.recheck(oneFrozen)
	o.has(acme.ID, lost)
	o.events.has(t, "domain_frozen", "claim="+c.ID, "state="+string(without), "cause=proof")
	_, err = o.SetDomainState(ctx, c.ID, without, oidcsso.DomainRouted)
	refused(t, err, connectorstore.CodeStateRefused)
	o.later(hours)
	o.recheck(oneMissing)
	if n := o.events.count("domain_frozen") + o.events.count("domain_lost"); n != 2 {
		t.Errorf("it was lost and frozen %d times", n)
	}

	o.dns.publish(c)
	o.later(hours)
	o.recheck(oneBack)
	o.has(acme.ID, proven)
	o.events.has(t, "domain_recovered", "claim="+c.ID, "state="+string(state))
	got := must(t)(o.ClaimByID(ctx, c.ID))
	if !got.MissingSince.IsZero() || got.State != state {
		t.Errorf("%+v", got)
	}
}

func TestRecheckFoundAgainInTime(t *testing.T) {
	Each(t, func(t *testing.T, e Engine) {
		o, ctx := newOwners(t, e), t.Context()
		c := o.owned(o.connector("acme").ID, "acme.example", oidcsso.DomainEnforced)
		for range 3 { // missing again and again, but never for long
			o.dns.clear(c)
			o.later(day)
			o.recheck(oneMissing)
			o.later(60 * time.Hour)
			o.recheck(oneMissing)
			o.dns.publish(c)
			o.later(hours)
			o.recheck(oneBack)
			if got := must(t)(o.ClaimByID(ctx, c.ID)); !got.MissingSince.IsZero() {
				t.Errorf("%+v", got)
			}
		}
		o.has(c.Connector, "acme.example enforced")
		if lost, back := o.events.count("domain_lost"), o.events.count("domain_recovered"); lost != 3 || back != 3 {
			t.Errorf("lost %d times, recovered %d times", lost, back)
		}
		o.dns.clear(c)
		o.later(day)
		o.recheck(oneMissing)
		o.dns.publish(c)
		if got := must(t)(o.Verify(ctx, c.ID)); !got.MissingSince.IsZero() { // the administrator does not wait for the next check
			t.Errorf("%+v", got)
		}
	})
}

// Only "there is no such record" counts. A DNS that fails for a month freezes nothing, and does not make a record missing.
func TestRecheckUnknownNeverFreezes(t *testing.T) {
	Each(t, func(t *testing.T, e Engine) {
		for name, missed := range map[string]bool{"a proof that was there": false, "a proof that was missing before": true} {
			t.Run(name, func(t *testing.T) {
				o, ctx := newOwners(t, e), t.Context()
				c := o.owned(o.connector("acme").ID, "acme.example", oidcsso.DomainEnforced)
				o.dns.clear(c)
				if missed {
					o.later(day)
					o.recheck(oneMissing)
				}
				want := must(t)(o.ClaimByID(ctx, c.ID))
				for _, err := range []error{errors.New("SERVFAIL"), context.DeadlineExceeded, fmt.Errorf("wrapped: %w", connectorstore.ErrDNSName)} {
					o.dns.failing(err)
					for range 10 {
						o.later(day)
						o.recheck(oneUnknown)
					}
					_, err := o.Verify(ctx, c.ID)
					refused(t, err, connectorstore.CodeProofUnknown)
				}
				got := must(t)(o.ClaimByID(ctx, c.ID))
				got.NextCheck = want.NextCheck
				if got != want {
					t.Errorf("it became %+v, was %+v", got, want)
				}
				o.has(c.Connector, "acme.example enforced")
			})
		}
	})
}

// A domain that expired, and whose DNS is broken since, never says no. Somebody has to look at it.
func TestRecheckTellsOfTheUnknown(t *testing.T) {
	Each(t, func(t *testing.T, e Engine) {
		o, ctx := newOwners(t, e), t.Context()
		c := o.owned(o.connector("acme").ID, "acme.example", oidcsso.DomainEnforced)
		certain := o.now()
		told := func(want int) {
			t.Helper()
			if n := o.events.count("domain_unknown"); n != want {
				t.Errorf("told %d times after %v, want %d", n, o.now().Sub(certain), want)
			}
		}
		days := func(n int) { // of 27 hours
			o.later(day)
			o.recheck(oneUnknown)
			for range n - 1 {
				o.later(day - hours)
				o.recheck(oneUnknown)
				o.later(hours)
				o.recheck(oneUnknown)
			}
		}
		o.dns.failing(errors.New("SERVFAIL"))
		days(26) // not yet 30 of 24
		told(0)
		days(1)
		told(1)
		o.events.has(t, "domain_unknown", "domain=acme.example", "claim="+c.ID, "state=enforced", "tenant=acme", "since="+certain.Format(time.DateTime))
		days(26)
		told(1)
		days(1)
		told(2)

		// A certain answer, of whatever kind, begins the 30 days anew.
		o.dns.failing(nil)
		o.later(day)
		o.recheck(one)
		o.dns.failing(errors.New("SERVFAIL"))
		days(26)
		told(2)
		days(1)
		told(3)

		// What an operator has frozen is not looked up.
		must(t)(o.Freeze(ctx, c.ID))
		o.later(40 * day)
		o.recheck(connectorstore.Rechecked{})
		told(3)
		o.has(c.Connector, "acme.example frozen")
	})
}

// What an operator has frozen stays so whatever the DNS says, until the operator ends it.
func TestRecheckOperatorFreezes(t *testing.T) {
	Each(t, func(t *testing.T, e Engine) {
		o := newOwners(t, e)
		operatorFreezes(t, o, oidcsso.DomainEnforced, oidcsso.DomainFrozen)
		operatorFreezes(t, o, oidcsso.DomainRouted, oidcsso.DomainLapsed)
	})
}

func operatorFreezes(t *testing.T, o *owners, state, without oidcsso.DomainState) {
	ctx := t.Context()
	acme := o.connector("acme")
	for _, proof := range []string{"dns", "asserted"} {
		domain := proof + ".example"
		c := must(t)(o.Assert(ctx, acme.ID, "asserted.example"))
		if proof == "dns" {
			if err := o.Release(ctx, c.ID); err != nil {
				t.Fatal(err)
			}
			c = o.owned(acme.ID, domain, oidcsso.DomainVerified)
		}
		must(t)(o.SetDomainState(ctx, c.ID, oidcsso.DomainVerified, state))
		_, err := o.Thaw(ctx, c.ID)
		refused(t, err, connectorstore.CodeStateRefused)
		for range 2 {
			if c := must(t)(o.Freeze(ctx, c.ID)); c.State != without || !c.NextCheck.IsZero() {
				t.Errorf("%+v", c)
			}
		}
		o.later(day)
		o.recheck(none)
		o.sql("UPDATE oidcsso_claims SET next_check = 1") // nobody signs the schedule
		o.recheck(connectorstore.Rechecked{Due: 1})
		_, err = o.Verify(ctx, c.ID)
		refused(t, err, connectorstore.CodeStateRefused)
		o.has(acme.ID, domain+" "+string(without))
		o.dns.clear(c)
		if proof == "dns" {
			_, err = o.Thaw(ctx, c.ID)
			refused(t, err, connectorstore.CodeProofMissing)
			o.dns.publish(c)
		}
		if c := must(t)(o.Thaw(ctx, c.ID)); c.State != state || c.NextCheck.IsZero() != (proof == "asserted") {
			t.Errorf("%+v", c)
		}
		o.has(acme.ID, domain+" "+string(state))
		o.events.has(t, "domain_frozen", "claim="+c.ID, "cause=operator")
		if err := o.Release(ctx, c.ID); err != nil {
			t.Error(err)
		}
	}
}

// An operator freezes what the owner, or another operator, is about to thaw: it stays frozen.
func TestThawAndFreezeAtOnce(t *testing.T) {
	Each(t, func(t *testing.T, e Engine) {
		o, ctx := newOwners(t, e), t.Context()
		c := o.owned(o.connector("acme").ID, "acme.example", oidcsso.DomainEnforced)
		for name, thaw := range map[string]func(context.Context, string) (connectorstore.Claim, error){"Verify": o.Verify, "Thaw": o.Thaw} {
			o.dns.clear(c)
			o.later(day)
			o.recheck(oneMissing)
			o.later(73 * time.Hour)
			o.recheck(oneFrozen)
			o.dns.publish(c)
			o.dns.beforeAnswers(func() { o.dns.beforeAnswers(nil); must(t)(o.Freeze(ctx, c.ID)) })
			_, err := thaw(ctx, c.ID)
			if !errors.Is(err, connectorstore.CodeConflict) {
				t.Errorf("%s: %v", name, err)
			}
			o.has(c.Connector, "acme.example frozen")
			if got := must(t)(o.ClaimByID(ctx, c.ID)); !got.NextCheck.IsZero() {
				t.Errorf("%s: %+v", name, got)
			}
			must(t)(o.Thaw(ctx, c.ID))
		}
	})
}

// An answer that was on its way when something changed does not undo the change.
func TestRecheckChangedMeanwhile(t *testing.T) {
	for name, meanwhile := range map[string]func(o *owners, c connectorstore.Claim) string{
		"released": func(o *owners, c connectorstore.Claim) string { _ = o.Release(o.t.Context(), c.ID); return "" },
		"frozen by an operator": func(o *owners, c connectorstore.Claim) string {
			_, _ = o.Freeze(o.t.Context(), c.ID)
			return "acme.example frozen"
		},
	} {
		for _, there := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, the record there: %v", name, there), func(t *testing.T) {
				t.Parallel()
				Each(t, func(t *testing.T, e Engine) {
					o := newOwners(t, e)
					c := o.owned(o.connector("acme").ID, "acme.example", oidcsso.DomainEnforced)
					o.dns.clear(c)
					o.later(day)
					o.recheck(oneMissing)
					if there {
						o.dns.publish(c)
					}
					o.later(73 * time.Hour)
					var want string
					o.dns.beforeAnswers(func() { o.dns.beforeAnswers(nil); want = meanwhile(o, c) })
					if done, err := o.Recheck(t.Context()); err != nil || done.Due != 1 {
						t.Errorf("%+v, %v", done, err)
					}
					o.has(c.Connector, want)
					if want != "" {
						o.later(day)
						o.recheck(none)
						must(t)(o.Thaw(t.Context(), o.published(c).ID))
						o.has(c.Connector, "acme.example enforced")
					}
				})
			})
		}
	}
}

func (o *owners) published(c connectorstore.Claim) connectorstore.Claim { o.dns.publish(c); return c }

// The replicas look at each claim once, together.
func TestRecheckShared(t *testing.T) {
	Each(t, func(t *testing.T, e Engine) {
		o, ctx := newOwners(t, e), t.Context()
		const claims = 150
		acme := o.connector("acme")
		for i := range claims {
			if i%75 == 0 {
				acme = o.connector("acme")
			}
			o.owned(acme.ID, fmt.Sprintf("d%d.example", i), oidcsso.DomainVerified)
		}
		asked := o.dns.questions()
		o.later(day)
		var all sync.Mutex
		var total connectorstore.Rechecked
		var replicas sync.WaitGroup
		for range 3 {
			s := o.replica(o.open(t), 1)
			replicas.Go(func() {
				for range 10 { // others may have taken all of a batch
					done, err := s.Recheck(ctx)
					if err != nil {
						t.Error(err)
					}
					all.Lock()
					total.Due += done.Due
					total.Found += done.Found
					all.Unlock()
				}
			})
		}
		replicas.Wait()
		if asked = o.dns.questions() - asked; asked != claims || total.Found != claims || total.Due != claims {
			t.Errorf("%d claims were looked up %d times; the replicas count %+v", claims, asked, total)
		}
	})
}

// A replica that dies with a claim in hand does not keep it.
func TestRecheckTakenOver(t *testing.T) {
	Each(t, func(t *testing.T, e Engine) {
		o := newOwners(t, e)
		o.owned(o.connector("acme").ID, "acme.example", oidcsso.DomainVerified)
		o.later(day)
		dying, die := context.WithCancel(t.Context())
		o.dns.beforeAnswers(func() { o.dns.beforeAnswers(nil); die() })
		if _, err := o.Recheck(dying); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		o.recheck(none)
		o.later(11 * time.Minute)
		o.recheck(one)
	})
}

func TestRecheckForgets(t *testing.T) {
	Each(t, func(t *testing.T, e Engine) {
		o, ctx := newOwners(t, e), t.Context()
		c := o.claim(o.connector("acme").ID, "acme.example")
		o.sql("UPDATE oidcsso_claims SET next_check = 1")
		o.recheck(connectorstore.Rechecked{Due: 1})
		o.later(20 * 24 * time.Hour)
		o.recheck(none)
		must(t)(o.ClaimByID(ctx, c.ID)) // so that it can be seen that it has expired
		o.later(2 * 24 * time.Hour)
		o.recheck(connectorstore.Rechecked{Due: 1, Forgotten: 1})
		_, err := o.ClaimByID(ctx, c.ID)
		refused(t, err, connectorstore.CodeNotFound)
	})
}

// A claim that can't be trusted changes nothing, and does not keep the others from being looked at.
func TestRecheckTampered(t *testing.T) {
	Each(t, func(t *testing.T, e Engine) {
		o := newOwners(t, e)
		acme := o.connector("acme")
		bad := o.owned(acme.ID, "bad.example", oidcsso.DomainEnforced)
		o.owned(acme.ID, "good.example", oidcsso.DomainEnforced)
		o.dns.clear(bad)
		o.sql("UPDATE oidcsso_claims SET owned = 0, expires = 1 WHERE id = '" + bad.ID + "'")
		o.later(day)
		o.recheck(connectorstore.Rechecked{Due: 2, Found: 1, Tampered: 1})
		o.recheck(none)
		o.has(acme.ID, "bad.example enforced, good.example enforced")
		o.later(day)
		o.recheck(connectorstore.Rechecked{Due: 2, Found: 1, Tampered: 1})
		o.sql("UPDATE oidcsso_claims SET owned = 1, expires = 0 WHERE id = '" + bad.ID + "'")
	})
}

// RunChecks ends with its context, and goes on after a database that failed.
func TestRunChecks(t *testing.T) {
	o := newOwners(t, Engine{"sqlite", connectorstore.SQLite, newSQLite})
	o.owned(o.connector("acme").ID, "acme.example", oidcsso.DomainVerified)
	o.later(day)
	closed := o.open(t)
	closed.Close()
	s := o.replica(closed, 1)
	synctest.Test(t, func(t *testing.T) { // a closed pool starts no goroutine
		ctx, stop := context.WithTimeout(t.Context(), time.Hour)
		defer stop()
		s.RunChecks(ctx)
		if ctx.Err() == nil {
			t.Error("it ended before its context")
		}
	})
	ctx, stop := context.WithCancel(t.Context())
	o.dns.beforeAnswers(func() { o.dns.beforeAnswers(nil); stop() })
	o.RunChecks(ctx)
	if o.dns.questions() != 2 {
		t.Error("it did not look anything up")
	}
}
