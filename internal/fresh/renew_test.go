package fresh

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func wantRenewed(t *testing.T, v *Value[string], want string, wantErr error) {
	t.Helper()
	got, err := v.Renew(t.Context())
	if got != want || !errors.Is(err, wantErr) || (err != nil) != (wantErr != nil) {
		t.Fatalf("Renew = %q, %v; want %q, %v", got, err, want, wantErr)
	}
}

func TestRenewFetchesOncePerCooldown(t *testing.T) {
	bubble(t, func(t *testing.T, v *Value[string], s *source, c *clock) {
		wantValue(t, v, "one")
		s.wantCalls(t, 1)
		s.set(answer{value: "two"})
		for range 1000 {
			wantRenewed(t, v, "two", nil)
		}
		s.wantCalls(t, 2)
		s.set(answer{value: "three"})
		c.advance(30*time.Second - 1)
		for range 1000 {
			wantRenewed(t, v, "two", nil)
		}
		s.wantCalls(t, 2)
		c.advance(1)
		for range 1000 {
			wantRenewed(t, v, "three", nil)
		}
		s.wantCalls(t, 3)
	})
}

func TestStormFromManyGoroutinesCausesOneFetch(t *testing.T) {
	bubble(t, func(t *testing.T, v *Value[string], s *source, c *clock) {
		wantValue(t, v, "one")
		s.set(answer{value: "two"})
		for round := range int32(3) {
			var done sync.WaitGroup
			for range 200 {
				done.Go(func() {
					for range 5 { // some while the fetch runs, some after it
						if got, err := v.Renew(t.Context()); got != "two" || err != nil {
							t.Errorf("Renew = %q, %v", got, err)
						}
					}
				})
			}
			done.Wait()
			s.wantCalls(t, 2+round)
			c.advance(30 * time.Second)
		}
	})
}

func TestRenewFindsWhatChangedRightAfterAnyOtherFetch(t *testing.T) {
	t.Parallel()
	for name, fetched := range map[string]func(t *testing.T, v *Value[string], c *clock){
		"the first Get": func(t *testing.T, v *Value[string], c *clock) {
			wantValue(t, v, "one")
		},
		"Warm": func(t *testing.T, v *Value[string], c *clock) {
			v.Warm()
			synctest.Wait()
		},
		"a refresh in the background": func(t *testing.T, v *Value[string], c *clock) {
			c.advance(-time.Hour - 1)
			wantValue(t, v, "one")
			c.advance(time.Hour + 1)
			wantValue(t, v, "one")
			synctest.Wait()
		},
		"a value beyond the hard age": func(t *testing.T, v *Value[string], c *clock) {
			c.advance(-24*time.Hour - 1)
			wantValue(t, v, "one")
			c.advance(24*time.Hour + 1)
			wantValue(t, v, "one")
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, v *Value[string], s *source, c *clock) {
				fetched(t, v, c)
				calls := s.calls.Load()
				s.set(answer{value: "two"})
				for range 1000 {
					wantRenewed(t, v, "two", nil)
				}
				s.wantCalls(t, calls+1)
			})
		})
	}
}

// What Get fetches while the cooldown runs neither prolongs nor ends it, whatever comes of it.
func TestFetchesOfGetLeaveTheCooldownAlone(t *testing.T) {
	t.Parallel()
	down := &bodyError{status: 503}
	for name, refresh := range map[string]struct {
		answer answer
		want   string
		err    error
	}{
		"refresh succeeds": {answer{value: "three"}, "three", nil},
		"refresh fails":    {answer{err: down}, "two", down},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, v *Value[string], s *source, c *clock) {
				v.policy.Refresh = 10 * time.Second
				wantValue(t, v, "one")
				s.set(answer{value: "two"})
				wantRenewed(t, v, "two", nil)
				s.set(refresh.answer)
				c.advance(10*time.Second + 1)
				wantValue(t, v, "two")
				synctest.Wait()
				s.wantCalls(t, 3)

				s.set(answer{value: "four"})
				for _, wait := range []time.Duration{0, 500 * time.Millisecond, 19*time.Second + 500*time.Millisecond - 2} {
					c.advance(wait)
					wantRenewed(t, v, refresh.want, refresh.err)
					s.wantCalls(t, 3)
				}
				c.advance(1)
				wantRenewed(t, v, "four", nil)
				s.wantCalls(t, 4)
			})
		})
	}
}

func TestRenewBeforeAnyGetFetches(t *testing.T) {
	bubble(t, func(t *testing.T, v *Value[string], s *source, c *clock) {
		wantRenewed(t, v, "one", nil)
		wantRenewed(t, v, "one", nil)
		s.wantCalls(t, 1)
	})
}

func TestRenewThatFailsGivesTheKeptValueAndTheError(t *testing.T) {
	bubble(t, func(t *testing.T, v *Value[string], s *source, c *clock) {
		wantValue(t, v, "one")
		down := &bodyError{status: 503}
		s.set(answer{err: down})
		wantRenewed(t, v, "one", down)
		wantRenewed(t, v, "one", down) // in the retry delay: the last error
		s.wantCalls(t, 2)
		wantValue(t, v, "one") // Get does not care

		c.advance(24*time.Hour + 1)
		wantRenewed(t, v, "", down) // nothing kept is young enough
		s.wantCalls(t, 3)
	})
}

func TestFailedRenewalBlocksTheNextForTheRetryDelayOnly(t *testing.T) {
	bubble(t, func(t *testing.T, v *Value[string], s *source, c *clock) {
		wantValue(t, v, "one")
		down := &bodyError{status: 503}
		s.set(answer{err: down})
		wantRenewed(t, v, "one", down)
		s.set(answer{value: "two"})
		c.advance(500*time.Millisecond - 1)
		wantRenewed(t, v, "one", down)
		s.wantCalls(t, 2)
		c.advance(1)
		wantRenewed(t, v, "two", nil)
		s.wantCalls(t, 3)

		// The good one has started the cooldown.
		s.set(answer{value: "three"})
		c.advance(30*time.Second - 1)
		wantRenewed(t, v, "two", nil)
		s.wantCalls(t, 3)
		c.advance(1)
		wantRenewed(t, v, "three", nil)
		s.wantCalls(t, 4)
	})
}

func TestStormWhileFetchesFailCausesOnePerRetryDelay(t *testing.T) {
	bubble(t, func(t *testing.T, v *Value[string], s *source, c *clock) {
		wantValue(t, v, "one")
		down := &bodyError{status: 503}
		s.set(answer{err: down})
		calls := int32(1)
		for _, delay := range []time.Duration{500, 1000, 2000, 4000, 5000, 5000, 5000} {
			delay *= time.Millisecond
			calls++
			for _, wait := range []time.Duration{0, delay - 1} {
				c.advance(wait)
				for range 1000 {
					wantRenewed(t, v, "one", down)
				}
				s.wantCalls(t, calls)
			}
			c.advance(1)
		}

		s.set(answer{value: "two"})
		for _, wait := range []time.Duration{0, 30*time.Second - 1} {
			c.advance(wait)
			for range 1000 {
				wantRenewed(t, v, "two", nil)
			}
			s.wantCalls(t, calls+1)
		}
	})
}

// Failures must not be a way around the cooldown: what succeeded before them still counts once they have passed.
func TestSourceThatFailsEverySecondTimeIsStillBounded(t *testing.T) {
	bubble(t, func(t *testing.T, v *Value[string], s *source, c *clock) {
		wantValue(t, v, "one")
		down := &bodyError{status: 503}
		for round := range int32(3) {
			s.set(answer{err: down})
			for range 1000 {
				wantRenewed(t, v, "one", down)
			}
			s.wantCalls(t, 2+2*round)
			s.set(answer{value: "one"})
			for _, wait := range []time.Duration{500 * time.Millisecond, 500 * time.Millisecond, 29 * time.Second} {
				c.advance(wait)
				for range 1000 {
					wantRenewed(t, v, "one", nil)
				}
				s.wantCalls(t, 3+2*round)
			}
			c.advance(500 * time.Millisecond)
		}
	})
}

func TestRenewDoesNotBreakARememberedFailure(t *testing.T) {
	bubble(t, func(t *testing.T, v *Value[string], s *source, c *clock) {
		v.policy.Cooldown = 0
		down := &bodyError{status: 503}
		s.set(answer{err: down})
		for range 10 {
			wantRenewed(t, v, "", down)
		}
		s.wantCalls(t, 1)
	})
}

func TestRenewJoinsARunningRefresh(t *testing.T) {
	bubble(t, func(t *testing.T, v *Value[string], s *source, c *clock) {
		wantValue(t, v, "one")
		s.gate = make(chan struct{})
		s.set(answer{value: "two"})
		c.advance(time.Hour + 1)
		wantValue(t, v, "one")
		renewed := make(chan string)
		go func() {
			got, _ := v.Renew(t.Context())
			renewed <- got
		}()
		synctest.Wait()
		close(s.gate)
		if got := <-renewed; got != "two" {
			t.Fatalf("Renew = %q", got)
		}
		s.wantCalls(t, 2)

		// It was Get's fetch, so it has started no cooldown.
		s.set(answer{value: "three"})
		for range 10 {
			wantRenewed(t, v, "three", nil)
		}
		s.wantCalls(t, 3)
	})
}

func TestCallerWhoLeavesHasStartedTheCooldown(t *testing.T) {
	bubble(t, func(t *testing.T, v *Value[string], s *source, c *clock) {
		wantValue(t, v, "one")
		s.gate = make(chan struct{})
		s.set(answer{value: "two"})
		ctx, cancel := context.WithCancel(t.Context())
		left := make(chan error)
		go func() {
			_, err := v.Renew(ctx)
			left <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Fatalf("Renew: %v", err)
		}
		close(s.gate)
		synctest.Wait()
		s.set(answer{value: "three"})
		for range 10 {
			wantRenewed(t, v, "two", nil)
		}
		s.wantCalls(t, 2)
	})
}

func TestDeadContextStartsNoCooldown(t *testing.T) {
	bubble(t, func(t *testing.T, v *Value[string], s *source, c *clock) {
		wantValue(t, v, "one")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if got, err := v.Renew(ctx); got != "one" || !errors.Is(err, context.Canceled) {
			t.Fatalf("Renew = %q, %v", got, err)
		}
		synctest.Wait()
		s.wantCalls(t, 1)
		s.set(answer{value: "two"})
		wantRenewed(t, v, "two", nil)
		s.wantCalls(t, 2)
	})
}
