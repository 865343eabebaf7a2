package dbtest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/connectorstore"
)

// dump is all that the database has.
func (o *owners) dump() string {
	o.t.Helper()
	var b strings.Builder
	for _, table := range []string{"meta", "connectors", "claims", "grants"} {
		rows, err := o.db.Query("SELECT * FROM oidcsso_" + table + " ORDER BY id")
		if err != nil {
			o.t.Fatal(err)
		}
		names, _ := rows.Columns()
		for rows.Next() {
			values := make([]any, len(names))
			targets := make([]any, len(names))
			for i := range values {
				targets[i] = &values[i]
			}
			if err := rows.Scan(targets...); err != nil {
				o.t.Fatal(err)
			}
			fmt.Fprintln(&b, table, values)
		}
		if err := rows.Err(); err != nil {
			o.t.Fatal(err)
		}
		rows.Close()
	}
	return b.String()
}

// The connection is lost, or the caller goes away, at each statement in turn: before it, or with its answer. What did not succeed
// has changed nothing and told nobody, and holds neither a connection nor the writers' lock. Only a commit whose answer was lost
// may have been made.
func TestEveryStatementMayFail(t *testing.T) {
	t.Parallel()
	type call func(ctx context.Context, s *connectorstore.Store) error
	changes := map[string]func(o *owners) call{
		"Create": func(o *owners) call {
			return func(ctx context.Context, s *connectorstore.Store) error {
				_, err := s.Create(ctx, "acme", oidcsso.Config{Issuer: "https://acme.okta.com", ClientID: "x", ClientSecret: oidcsso.NewSecret("hunter2")})
				return err
			}
		},
		"Update": func(o *owners) call {
			c := o.connector("acme")
			c.Config.Name = "Acme"
			return func(ctx context.Context, s *connectorstore.Store) error { _, err := s.Update(ctx, c); return err }
		},
		"SetState": func(o *owners) call {
			c := o.draft("acme")
			return func(ctx context.Context, s *connectorstore.Store) error {
				_, err := s.SetState(ctx, c.ID, c.Revision, connectorstore.StateActive)
				return err
			}
		},
		"Rekey": func(o *owners) call {
			c := o.connector("acme")
			c.Config.Issuer, c.Config.ClientSecret = "https://new.okta.com", oidcsso.NewSecret("hunter3")
			return func(ctx context.Context, s *connectorstore.Store) error { _, _, err := s.Rekey(ctx, c); return err }
		},
		"Delete": func(o *owners) call {
			c := o.connector("acme")
			o.claim(c.ID, "acme.example")
			return func(ctx context.Context, s *connectorstore.Store) error { return s.Delete(ctx, c.ID, c.Revision) }
		},
		"Claim": func(o *owners) call {
			c := o.connector("acme")
			return func(ctx context.Context, s *connectorstore.Store) error {
				_, err := s.Claim(ctx, c.ID, "acme.example")
				return err
			}
		},
		"Verify": func(o *owners) call {
			c := o.claim(o.connector("acme").ID, "acme.example")
			o.dns.publish(c)
			return func(ctx context.Context, s *connectorstore.Store) error { _, err := s.Verify(ctx, c.ID); return err }
		},
		"SetDomainState": func(o *owners) call {
			c := o.owned(o.connector("acme").ID, "acme.example", oidcsso.DomainVerified)
			return func(ctx context.Context, s *connectorstore.Store) error {
				_, err := s.SetDomainState(ctx, c.ID, c.State, oidcsso.DomainEnforced)
				return err
			}
		},
		"Freeze": func(o *owners) call {
			c := o.owned(o.connector("acme").ID, "acme.example", oidcsso.DomainEnforced)
			return func(ctx context.Context, s *connectorstore.Store) error { _, err := s.Freeze(ctx, c.ID); return err }
		},
		"Thaw": func(o *owners) call {
			c := o.owned(o.connector("acme").ID, "acme.example", oidcsso.DomainEnforced)
			must(o.t)(o.Freeze(o.t.Context(), c.ID))
			return func(ctx context.Context, s *connectorstore.Store) error { _, err := s.Thaw(ctx, c.ID); return err }
		},
		"Release": func(o *owners) call {
			c := o.owned(o.connector("acme").ID, "acme.example", oidcsso.DomainEnforced)
			return func(ctx context.Context, s *connectorstore.Store) error { return s.Release(ctx, c.ID) }
		},
		"Transfer": func(o *owners) call {
			from := o.owned(o.connector("acme").ID, "acme.example", oidcsso.DomainEnforced)
			to := o.claim(o.connector("heir").ID, "acme.example")
			o.dns.publish(to)
			return func(ctx context.Context, s *connectorstore.Store) error {
				_, err := s.Transfer(ctx, from.ID, to.ID)
				return err
			}
		},
		"AddGrant": func(o *owners) call {
			c := o.connector("acme").ID
			o.owned(c, "acme.example", oidcsso.DomainEnforced)
			return func(ctx context.Context, s *connectorstore.Store) error {
				_, err := s.AddGrant(ctx, connectorstore.GrantParams{Connector: c, Address: "ada@acme.example", By: "boss", Reason: "down"})
				return err
			}
		},
		"RevokeGrant": func(o *owners) call {
			c := o.connector("acme").ID
			o.owned(c, "acme.example", oidcsso.DomainEnforced)
			g, err := o.AddGrant(o.t.Context(), connectorstore.GrantParams{Connector: c, Address: "ada@acme.example", By: "boss", Reason: "down"})
			if err != nil {
				o.t.Fatal(err)
			}
			return func(ctx context.Context, s *connectorstore.Store) error { return s.RevokeGrant(ctx, g.ID) }
		},
	}
	Each(t, func(t *testing.T, e Engine) {
		for name, prepare := range changes {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				o := newOwners(t, e)
				wire := new(wire)
				db := wire.through(t, o.open(t))
				store := o.replica(db, 1)
				run := prepare(o)
				try := func(what string, decide func(step int, commit bool, cancel func()) fault) (changed bool) {
					t.Helper()
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					before := o.dump()
					o.events.lines = nil
					wire.from(func(step int, commit bool) fault { return decide(step, commit, cancel) })
					err := run(ctx, store)
					wire.from(nil)
					if err == nil || ctx.Err() == nil && !errors.Is(err, errWire) { // who has gone is told so in many words
						t.Errorf("%s: %v", what, err)
					}
					if len(o.events.lines) > 0 {
						t.Errorf("%s: told was %q", what, o.events.lines)
					}
					for db.Stats().InUse > 0 { // the roll-back of who has gone
						runtime.Gosched()
					}
					return o.dump() != before
				}
				for _, way := range []string{"refused", "answer lost", "gone"} {
					for n, last := 1, false; !last; n++ {
						reached := false
						what := fmt.Sprintf("%s at step %d", way, n)
						changed := try(what, func(step int, commit bool, cancel func()) fault {
							switch {
							case step != n:
								return fine
							case way == "gone":
								cancel()
							}
							reached, last = true, commit
							switch {
							case commit || way == "refused":
								return refuses
							case way == "answer lost":
								return mute
							}
							return fine
						})
						if changed || !reached {
							t.Fatalf("%s: changed is %v, reached %v", what, changed, reached)
						}
					}
				}
				changed := try("the commit's answer is lost", func(_ int, commit bool, _ func()) fault {
					if commit {
						return mute
					}
					return fine
				})
				if !changed {
					t.Error("it was committed, and changed nothing")
				}
				o.connector("afterwards") // nobody has the writers' lock
			})
		}
	})
}

// So does a Sync: until it succeeds, the replica knows all that it knew, and nothing more.
func TestEveryStatementOfASyncMayFail(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, e Engine) {
		ctx := t.Context()
		o := newOwners(t, e)
		acme := o.connector("acme").ID
		o.owned(acme, "acme.example", oidcsso.DomainEnforced)
		wire := new(wire)
		l := o.replica(wire.through(t, o.open(t)), 1).NewLive(nil)
		sync1(t, l)
		bad := o.connector("bad").ID
		o.owned(bad, "bad.example", oidcsso.DomainEnforced)
		o.owned(o.connector("late").ID, "late.example", oidcsso.DomainEnforced)
		o.sql("UPDATE oidcsso_connectors SET tenant = 'eve' WHERE id = '" + bad + "'")
		look := func() string {
			return password(ctx, l, "a@acme.example") + ", " + password(ctx, l, "a@bad.example") + ", " + password(ctx, l, "a@late.example")
		}
		n := 1
		for ; ; n++ {
			reached := false
			wire.from(func(step int, _ bool) fault {
				if step != n {
					return fine
				}
				reached = true
				return refuses
			})
			err := l.Sync(ctx)
			if !reached {
				break
			}
			if got := look(); !errors.Is(err, errWire) || got != "by "+acme+", open, open" || l.Status().Err == nil {
				t.Errorf("at step %d it is %s: %v", n, got, err)
			}
		}
		if got := look(); n < 4 || !strings.HasPrefix(got, "by "+acme+", unavailable, by ") || l.Status().Err != nil {
			t.Errorf("after step %d it is %s", n, got)
		}
		o.empty()
	})
}
