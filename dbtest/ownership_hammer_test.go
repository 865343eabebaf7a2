package dbtest

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/connectorstore"
)

// Everything at once, from several replicas: each call succeeds or says why not, and the rows agree at the end.
func TestOwnershipHammer(t *testing.T) {
	Each(t, func(t *testing.T, e Engine) {
		o, ctx := newOwners(t, e), t.Context()
		connectors := []string{o.connector("red").ID, o.connector("blue").ID, o.draft("green").ID}
		domains := []string{"acme.example", "*.acme.example", "other.example"}
		states := []oidcsso.DomainState{oidcsso.DomainVerified, oidcsso.DomainRouted, oidcsso.DomainReportOnly, oidcsso.DomainEnforced}
		var mu sync.Mutex
		var seen []connectorstore.Claim                         // also of claims that are gone
		two := func(r *rand.Rand) (a, b connectorstore.Claim) { // mostly of one domain
			mu.Lock()
			defer mu.Unlock()
			for range 10 {
				if len(seen) > 0 {
					a, b = seen[max(0, len(seen)-1-r.IntN(20))], seen[max(0, len(seen)-1-r.IntN(20))]
				}
				if a.ID != b.ID && a.Domain() == b.Domain() {
					break
				}
			}
			return a, b
		}
		rounds := 150
		if testing.Short() {
			rounds = 10
		}
		var replicas sync.WaitGroup
		for n := range 4 {
			s, r := o.replica(o.open(t), 1), rand.New(rand.NewPCG(7, uint64(n)))
			replicas.Go(func() {
				for range rounds {
					connector, domain := connectors[r.IntN(3)], domains[r.IntN(3)]
					c, err := s.Claim(ctx, connector, domain)
					if err == nil {
						if !c.Owned && r.IntN(3) > 0 {
							o.dns.publish(c)
						}
						mu.Lock()
						seen = append(seen, c)
						mu.Unlock()
					}
					errs := []error{err}
					for range 3 {
						a, b := two(r)
						errs = append(errs, hammer(ctx, s, r, a.ID, b.ID, states[r.IntN(4)]))
					}
					switch r.IntN(20) {
					case 0:
						o.dns.clear(c)
						o.later(day)
					case 1:
						o.later(40 * time.Hour)
					}
					for _, err := range errs {
						var refused *connectorstore.Error
						if err != nil && !errors.As(err, &refused) || errors.Is(err, connectorstore.CodeTampered) {
							t.Errorf("%v", err)
						}
					}
				}
			})
		}
		replicas.Wait()
		if faults, err := o.Integrity(ctx); err != nil || len(faults) > 0 {
			t.Errorf("%q, %v", faults, err)
		}
		for _, name := range []string{"domain_verified", "domain_moved", "domain_released", "domain_state", "domain_frozen"} {
			t.Logf("%s: %d", name, o.events.count(name))
		}
	})
}

// hammer makes one change of those that there are.
func hammer(ctx context.Context, s *connectorstore.Store, r *rand.Rand, id, other string, state oidcsso.DomainState) (err error) {
	switch r.IntN(9) {
	case 0, 1:
		_, err = s.Verify(ctx, id)
	case 2:
		_, err = s.Transfer(ctx, id, other)
	case 3:
		_, err = s.TransferAsserted(ctx, id, other)
	case 4:
		c, e := s.ClaimByID(ctx, id)
		if err = e; err == nil {
			_, err = s.SetDomainState(ctx, id, c.State, state)
		}
	case 5:
		_, err = s.Freeze(ctx, id)
	case 6:
		_, err = s.Thaw(ctx, id)
	case 7:
		if r.IntN(4) == 0 {
			err = s.Release(ctx, id)
		}
	default:
		_, err = s.Recheck(ctx)
	}
	return err
}
