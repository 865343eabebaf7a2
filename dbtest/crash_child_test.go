package dbtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/connectorstore"
	"github.com/oidcsso/oidcsso/connectorstore/storetest"
)

// snapshotOf is all that can be read of a connector; "" if it is deleted.
func snapshotOf(ctx context.Context, s *connectorstore.Store, id string) (string, error) {
	c, err := s.Connector(ctx, id)
	if errors.Is(err, connectorstore.CodeNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	current, next, err := s.RevealSecrets(ctx, id)
	if err != nil {
		return "", err
	}
	claims, err := s.Claims(ctx, id)
	if err != nil {
		return "", err
	}
	grants, err := s.Grants(ctx, id)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal([]any{c, c.Config.RedirectURL, current.Reveal(), next.Reveal(), claims, grants})
	return string(text), err
}

// TestKilledProcessItself is the process that is killed: it writes until then, in several goroutines, each with connectors of
// its own.
func TestKilledProcessItself(t *testing.T) {
	dsn := os.Getenv("OIDCSSO_CRASH_DSN")
	if dsn == "" {
		t.Skip("only as a child of TestKilledProcess")
	}
	seed, err := strconv.ParseUint(os.Getenv("OIDCSSO_CRASH_SEED"), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	driver, dialect := "sqlite", connectorstore.SQLite
	if os.Getenv("OIDCSSO_CRASH_ENGINE") == "postgres" {
		driver, dialect = "pgx", connectorstore.PostgreSQL
	}
	dns := &published{records: map[string]string{}}
	store, err := connectorstore.New(open(t, driver, dsn), &connectorstore.Options{Dialect: dialect, Ring: storetest.Ring(t, "dbtest"),
		SSO: storetest.Options(), Resolver: dns})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var out sync.Mutex
	for i := range crashWorkers {
		wg.Go(func() {
			w := &crasher{Store: store, ctx: t.Context(), dns: dns, worker: i, r: rand.New(rand.NewPCG(seed, uint64(i)))}
			w.say = func(r report) {
				r.Worker = i
				text, err := json.Marshal(r)
				if err != nil {
					panic(err)
				}
				out.Lock()
				defer out.Unlock()
				os.Stdout.Write(append(text, '\n')) // in one call: no half line of one worker before another's
			}
			for {
				if err := w.write(); err != nil {
					w.say(report{Fail: err.Error()})
					return
				}
			}
		})
	}
	wg.Wait()
}

// published is a DNS that has what the process has claimed.
type published struct {
	mu      sync.Mutex
	records map[string]string
}

func (p *published) TXT(_ context.Context, name string) ([]string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if value, ok := p.records[name]; ok {
		return []string{value}, nil
	}
	return nil, connectorstore.ErrNoRecord
}

func (p *published) add(c connectorstore.Claim) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.records[c.RecordName] = c.RecordValue
}

// crasher makes one change after the other, of every kind.
type crasher struct {
	*connectorstore.Store
	ctx    context.Context
	dns    *published
	worker int
	r      *rand.Rand
	say    func(report)
}

func (w *crasher) write() error {
	tenant := fmt.Sprint("worker-", w.worker)
	own, err := w.Connectors(w.ctx, connectorstore.Filter{Tenant: tenant})
	if err != nil {
		return err
	}
	if len(own) < 3 || len(own) < 7 && w.r.IntN(6) == 0 {
		return w.do(nil, func() ([]string, error) {
			c, err := w.Create(w.ctx, tenant, oidcsso.Config{Issuer: "https://idp.example", ClientID: w.text("client"),
				ClientSecret: oidcsso.NewSecret(w.text("secret")), RedirectURL: "https://app.example.com/" + w.text("old")})
			return []string{c.ID}, err
		})
	}
	c := own[w.r.IntN(len(own))].Connector
	claims, err := w.Claims(w.ctx, c.ID)
	if err != nil {
		return err
	}
	grants, err := w.Grants(w.ctx, c.ID)
	if err != nil {
		return err
	}
	id := []string{c.ID}
	if len(claims) > 0 && w.r.IntN(2) == 0 {
		return w.onClaim(own, c, claims[w.r.IntN(len(claims))], grants)
	}
	return w.do(id, func() ([]string, error) {
		switch w.r.IntN(8) {
		case 0:
			if !c.HasSecret {
				c.Config.ClientSecret = oidcsso.NewSecret(w.text("secret"))
			}
			c.Config.NextClientSecret = oidcsso.NewSecret(w.text("next"))
			c.Config.NextClientSecretExpiry = time.UnixMilli(1_800_000_000_000 + w.r.Int64N(1e9)).UTC()
			_, err = w.Update(w.ctx, c)
		case 1:
			if c.HasNextSecret {
				_, err = w.PromoteNextSecret(w.ctx, c.ID, c.Revision)
			} else {
				_, err = w.DropSecrets(w.ctx, c.ID, c.Revision, w.r.IntN(2) == 0)
			}
		case 2:
			_, err = w.SetState(w.ctx, c.ID, c.Revision, []connectorstore.State{connectorstore.StateActive, connectorstore.StateDisabled}[w.r.IntN(2)])
		case 3:
			_, err = w.Assert(w.ctx, c.ID, w.text("a")+".example")
		case 4:
			var claim connectorstore.Claim
			claim, err = w.Claim(w.ctx, c.ID, "*."+w.text("c")+".example")
			w.dns.add(claim)
		case 5:
			if len(c.Config.Domains) == 0 {
				err = w.Delete(w.ctx, c.ID, c.Revision)
				break
			}
			c.Config.Issuer = "https://" + w.text("idp") + ".example"
			if _, _, err = w.Rekey(w.ctx, c); errors.Is(err, connectorstore.CodeTooMany) {
				err = nil
			}
		default:
			c.Config.Name = w.text("name")
			_, err = w.Update(w.ctx, c)
		}
		return id, err
	})
}

// onClaim changes one of c's claims, or the exceptions from it.
func (w *crasher) onClaim(own []connectorstore.Listed, c connectorstore.Connector, claim connectorstore.Claim, grants []connectorstore.Grant) error {
	id := []string{c.ID}
	other := own[w.r.IntN(len(own))].Connector
	switch {
	case !claim.Owned:
		w.dns.add(claim)
		return w.do(id, func() ([]string, error) {
			_, err := w.Verify(w.ctx, claim.ID)
			if errors.Is(err, connectorstore.CodeDomainOwned) { // killed between a claim and the transfer to it
				err = w.Release(w.ctx, claim.ID)
			}
			return id, err
		})
	case w.r.IntN(5) == 0:
		return w.do(id, func() ([]string, error) { return id, w.Release(w.ctx, claim.ID) })
	case claim.State == oidcsso.DomainFrozen || claim.State == oidcsso.DomainLapsed:
		w.dns.add(claim)
		return w.do(id, func() ([]string, error) { _, err := w.Thaw(w.ctx, claim.ID); return id, err })
	case w.r.IntN(5) == 0:
		return w.do(id, func() ([]string, error) { _, err := w.Freeze(w.ctx, claim.ID); return id, err })
	case other.ID != c.ID && other.State != connectorstore.StateDraft:
		// Two changes, and two connectors: the domain must be in exactly one of them at each moment.
		if err := w.do([]string{other.ID}, func() ([]string, error) {
			_, err := w.Claim(w.ctx, other.ID, claim.Domain())
			return []string{other.ID}, err
		}); err != nil {
			return err
		}
		claims, err := w.Claims(w.ctx, other.ID)
		if err != nil {
			return err
		}
		to := slices.IndexFunc(claims, func(c connectorstore.Claim) bool { return c.Domain() == claim.Domain() })
		both := []string{c.ID, other.ID}
		return w.do(both, func() ([]string, error) {
			_, err := w.TransferAsserted(w.ctx, claim.ID, claims[to].ID)
			return both, err
		})
	case claim.Wildcard:
		states := []oidcsso.DomainState{oidcsso.DomainRouted, oidcsso.DomainReportOnly, oidcsso.DomainEnforced}
		return w.do(id, func() ([]string, error) {
			_, err := w.SetDomainState(w.ctx, claim.ID, claim.State, states[w.r.IntN(len(states))])
			return id, err
		})
	case len(grants) > 0 && w.r.IntN(2) == 0:
		return w.do(id, func() ([]string, error) { return id, w.RevokeGrant(w.ctx, grants[0].ID) })
	case len(grants) < 50:
		return w.do(id, func() ([]string, error) {
			_, err := w.AddGrant(w.ctx, connectorstore.GrantParams{Connector: c.ID, Address: w.text("ada") + "@" + claim.Name, By: "root@op.example", Reason: w.text("why")})
			return id, err
		})
	}
	return nil
}

func (w *crasher) text(prefix string) string { return fmt.Sprintf("%s-%x", prefix, w.r.Uint64()) }

// do says what is about to change, changes it, and says what it is afterwards.
func (w *crasher) do(ids []string, change func() ([]string, error)) error {
	w.say(report{Begin: ids, Create: len(ids) == 0})
	ids, err := change()
	if err != nil {
		return err
	}
	done := map[string]string{}
	for _, id := range ids {
		if done[id], err = snapshotOf(w.ctx, w.Store, id); err != nil {
			return err
		}
	}
	w.say(report{Done: done})
	return nil
}
