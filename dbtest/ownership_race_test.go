package dbtest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/connectorstore"
)

// Two tenants verify the same domain at the same instant, on two replicas: one owns it each time.
func TestOwnershipRace(t *testing.T) {
	Each(t, func(t *testing.T, e Engine) {
		o, ctx := newOwners(t, e), t.Context()
		rounds := 500
		if testing.Short() {
			rounds = 20
		}
		var connectors [2]string
		var replicas [2]*connectorstore.Store
		for i := range 2 {
			connectors[i] = o.connector([]string{"red", "blue"}[i]).ID
			replicas[i] = o.replica(o.open(t), 1)
		}
		var won [2]int
		for range rounds {
			var claims [2]connectorstore.Claim
			for i := range 2 {
				claims[i] = o.claim(connectors[i], "acme.example")
				o.dns.publish(claims[i])
			}
			var instant sync.WaitGroup // both have their answer before either goes on
			instant.Add(2)
			o.dns.beforeAnswers(func() { instant.Done(); instant.Wait() })
			var errs [2]error
			var both sync.WaitGroup
			for i := range 2 {
				both.Go(func() { _, errs[i] = replicas[i].Verify(ctx, claims[i].ID) })
			}
			both.Wait()
			o.dns.beforeAnswers(nil)
			o.dns.clear(claims[0])
			winner := 0
			if errs[0] != nil {
				winner = 1
			}
			if loser := 1 - winner; errs[winner] != nil || !errors.Is(errs[loser], connectorstore.CodeDomainOwned) {
				t.Fatalf("the two were told %v and %v", errs[0], errs[1])
			}
			won[winner]++
			o.has(connectors[winner], "acme.example verified")
			o.has(connectors[1-winner], "")
			for i := range 2 {
				if c := must(t)(o.ClaimByID(ctx, claims[i].ID)); c.Owned != (i == winner) {
					t.Fatalf("%+v", c)
				}
				if err := o.Release(ctx, claims[i].ID); err != nil {
					t.Fatal(err)
				}
			}
		}
		t.Logf("in %d rounds, the two won %v times", rounds, won)
	})
}

// The index refuses what the program would not do.
func TestOwnershipIndex(t *testing.T) {
	Each(t, func(t *testing.T, e Engine) {
		o := newOwners(t, e)
		o.owned(o.connector("acme").ID, "acme.example", oidcsso.DomainEnforced)
		c := o.claim(o.connector("other").ID, "acme.example")
		if _, err := o.db.Exec("UPDATE oidcsso_claims SET owned = 1 WHERE id = '" + c.ID + "'"); err == nil {
			t.Error("a domain can have two owners")
		}
	})
}

func TestTransfer(t *testing.T) {
	for name, test := range map[string]struct {
		state, want oidcsso.DomainState
		how         func(o *owners, from, to connectorstore.Claim) (connectorstore.Claim, error)
		proof       string
		tenant      string
	}{
		"enforced":                 {"enforced", "enforced", proven, "dns", "other"},
		"verified":                 {"verified", "verified", proven, "dns", "other"},
		"within a tenant":          {"report_only", "report_only", proven, "dns", "acme"},
		"frozen, then proven anew": {"frozen", "enforced", proven, "dns", "other"},
		"lapsed, then proven anew": {"lapsed", "routed", proven, "dns", "other"},
		"asserted":                 {"enforced", "enforced", asserted, "asserted", "other"},
		"frozen, then asserted":    {"frozen", "enforced", asserted, "asserted", "other"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			Each(t, func(t *testing.T, e Engine) {
				o, ctx := newOwners(t, e), t.Context()
				old, next := o.connector("acme"), o.connector(test.tenant)
				state := test.state
				lost := state == oidcsso.DomainFrozen || state == oidcsso.DomainLapsed
				if lost {
					state = test.want
				}
				from := o.owned(old.ID, "acme.example", state)
				if lost {
					must(t)(o.Freeze(ctx, from.ID))
				}
				to := o.claim(next.ID, "acme.example")
				if test.proof == "dns" {
					_, err := o.Transfer(ctx, from.ID, to.ID)
					refused(t, err, connectorstore.CodeProofMissing)
					o.has(old.ID, "acme.example "+string(test.state))
				}
				c := must(t)(test.how(o, from, to))
				if c.ID != to.ID || c.State != test.want || c.Proof != test.proof || !c.Owned || c.NextCheck.IsZero() != (test.proof == "asserted") {
					t.Errorf("%+v", c)
				}
				o.has(old.ID, "")
				o.has(next.ID, "acme.example "+string(test.want))
				left, got := must1(o.Connector(ctx, old.ID)), must1(o.Connector(ctx, next.ID))
				if left.Revision != got.Revision {
					t.Errorf("it left in revision %d and came in %d", left.Revision, got.Revision)
				}
				if d := got.Config.Domains[0]; d.ClaimID != to.ID {
					t.Errorf("%+v: accounts of the old owner's claim would be the new one's", d)
				}
				_, err := o.ClaimByID(ctx, from.ID)
				refused(t, err, connectorstore.CodeNotFound)
				o.events.has(t, "domain_moved", "connector="+next.ID, "from="+old.ID, "from_claim="+from.ID, "claim="+to.ID, "proof="+test.proof, "state="+string(test.want))
			})
		})
	}
}

func proven(o *owners, from, to connectorstore.Claim) (connectorstore.Claim, error) {
	o.dns.publish(to)
	return o.Transfer(o.t.Context(), from.ID, to.ID)
}

func asserted(o *owners, from, to connectorstore.Claim) (connectorstore.Claim, error) {
	return o.TransferAsserted(o.t.Context(), from.ID, to.ID)
}

func TestTransferRefused(t *testing.T) {
	Each(t, func(t *testing.T, e Engine) {
		o, ctx := newOwners(t, e), t.Context()
		acme, other, draft := o.connector("acme"), o.connector("other"), o.draft("draft")
		from := o.owned(acme.ID, "acme.example", oidcsso.DomainEnforced)
		to := o.claim(other.ID, "acme.example")
		wild := o.claim(other.ID, "*.acme.example")
		below := o.claim(draft.ID, "acme.example")
		third := o.owned(other.ID, "other.example", oidcsso.DomainEnforced)
		for _, c := range []connectorstore.Claim{to, wild, below} {
			o.dns.publish(c)
		}
		for name, test := range map[string]struct {
			from, to connectorstore.Claim
			code     connectorstore.Code
		}{
			"a claim that does not own":  {to, from, connectorstore.CodeStateRefused},
			"to itself":                  {from, from, connectorstore.CodeStateRefused},
			"another domain":             {from, third, connectorstore.CodeInvalid},
			"the wildcard":               {from, wild, connectorstore.CodeInvalid},
			"to a draft":                 {from, below, connectorstore.CodeStateRefused},
			"from a claim that is gone":  {connectorstore.Claim{ID: "gone"}, to, connectorstore.CodeNotFound},
			"to a claim that is gone":    {from, connectorstore.Claim{ID: "gone"}, connectorstore.CodeNotFound},
			"between two that don't own": {to, below, connectorstore.CodeStateRefused},
		} {
			_, err := o.Transfer(ctx, test.from.ID, test.to.ID)
			_, errAsserted := o.TransferAsserted(ctx, test.from.ID, test.to.ID)
			if !errors.Is(err, test.code) || !errors.Is(errAsserted, test.code) {
				t.Errorf("%s: %v and %v, want %s", name, err, errAsserted, string(test.code))
			}
		}
		o.dns.failing(errors.New("SERVFAIL"))
		_, err := o.Transfer(ctx, from.ID, to.ID)
		refused(t, err, connectorstore.CodeProofUnknown)
		o.dns.failing(nil)
		o.dns.beforeAnswers(func() { // the record is for a claim that is another one meanwhile
			o.dns.beforeAnswers(nil)
			_ = o.Release(ctx, to.ID)
			_, _ = o.Claim(ctx, other.ID, "acme.example")
		})
		_, err = o.Transfer(ctx, from.ID, to.ID)
		refused(t, err, connectorstore.CodeNotFound)
		o.has(acme.ID, "acme.example enforced")
		o.has(other.ID, "other.example enforced")
		o.has(draft.ID, "")
	})
}

// While a domain is moved to and fro, whoever reads finds it enforced by exactly one connector.
func TestTransferWithoutGap(t *testing.T) {
	Each(t, func(t *testing.T, e Engine) {
		o, ctx := newOwners(t, e), t.Context()
		connectors := []string{o.connector("acme").ID, o.connector("other").ID}
		owner := o.owned(connectors[0], "acme.example", oidcsso.DomainEnforced)
		probing, stop := context.WithCancel(ctx)
		var probe sync.WaitGroup
		db, probes := o.open(t), 0
		probe.Go(func() {
			for probing.Err() == nil {
				rows, err := db.Query("SELECT domains FROM oidcsso_connectors")
				if err != nil {
					t.Error(err)
					return
				}
				var all string
				for rows.Next() {
					var text string
					if err := rows.Scan(&text); err != nil {
						t.Error(err)
					}
					all += text
				}
				rows.Close()
				if probes++; strings.Count(all, `"state":"enforced"`) != 1 || strings.Count(all, "acme.example") != 1 {
					t.Errorf("a reader finds %s", all)
					return
				}
			}
		})
		for i := range 60 {
			to := o.claim(connectors[(i+1)%2], "acme.example")
			o.dns.publish(to)
			owner = must(t)(o.Transfer(ctx, owner.ID, to.ID))
		}
		stop()
		probe.Wait()
		t.Logf("%d probes", probes)
	})
}

// What is chosen for a draft's domains counts when it is active.
func TestDraftDomains(t *testing.T) {
	Each(t, func(t *testing.T, e Engine) {
		o, ctx := newOwners(t, e), t.Context()
		c := o.draft("acme")
		o.owned(c.ID, "acme.example", oidcsso.DomainEnforced)
		c = must1(o.Connector(ctx, c.ID))
		c = must1(o.SetState(ctx, c.ID, c.Revision, connectorstore.StateActive))
		o.has(c.ID, "acme.example enforced")
		c.Config.Name = "Acme" // an update keeps the domains, whatever state they are in
		c = must1(o.Update(ctx, c))
		must(t)(o.Freeze(ctx, c.Config.Domains[0].ClaimID))
		c = must1(o.Connector(ctx, c.ID))
		c.Config.Domains = nil
		must1(o.Update(ctx, c))
		o.has(c.ID, "acme.example frozen")
	})
}
