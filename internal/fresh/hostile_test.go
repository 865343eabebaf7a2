package fresh

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestFetchThatDoesNotReturnNormallyIsAFailure(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		end  func()
		want any
	}{
		"panic with a text":      {func() { panic("secret in hand") }, "secret in hand"},
		"panic with nil pointer": {func() { var p *answer; p.value = "" }, nil},
		"panic with nil":         {func() { panic(nil) }, nil},
		"goroutine ended":        {runtime.Goexit, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := &clock{}
				broken := true
				v := New(policy(c), func(context.Context) (string, error) {
					if broken {
						tc.end()
					}
					return "one", nil
				})
				for range 2 {
					_, err := v.Get(t.Context())
					var failure *PanicError
					if !errors.As(err, &failure) || len(failure.Stack) == 0 {
						t.Fatalf("Get: %v, want a *PanicError with a stack", err)
					}
					if tc.want != nil && failure.Value != tc.want {
						t.Fatalf("the panic's value is %v", failure.Value)
					}
					if strings.Contains(err.Error(), "secret") {
						t.Fatalf("the text tells what the fetch had in hand: %v", err)
					}
				}
				broken = false
				c.advance(500 * time.Millisecond)
				wantValue(t, v, "one")
			})
		})
	}
}

func TestFetchThatHonoursItsDeadlineFailsWithItsOwnError(t *testing.T) {
	bubble(t, func(t *testing.T, v *Value[string], s *source, c *clock) {
		own := errors.New("dial: timed out")
		v.fetch = func(ctx context.Context) (string, error) {
			<-ctx.Done()
			return "", errors.Join(own, ctx.Err())
		}
		_, err := v.Get(t.Context())
		if !errors.Is(err, own) || !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("Get: %v", err)
		}
	})
}

func TestFetchThatIgnoresItsDeadlineReleasesTheWaitersAndRunsAlone(t *testing.T) {
	bubble(t, func(t *testing.T, v *Value[string], s *source, c *clock) {
		stuck := make(chan struct{})
		v.fetch = func(context.Context) (string, error) {
			s.calls.Add(1)
			<-stuck
			return "late", nil
		}
		for range 20 { // long after every retry delay
			wantError(t, v, context.DeadlineExceeded)
			c.advance(time.Minute)
		}
		if _, err := v.Renew(t.Context()); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("Renew: %v", err)
		}
		v.Warm()
		s.wantCalls(t, 1)

		close(stuck)
		synctest.Wait()
		wantValue(t, v, "late")
		s.wantCalls(t, 1)
	})
}

func TestOverdueFetchThatFailsAfterAllCountsAsOneFailure(t *testing.T) {
	bubble(t, func(t *testing.T, v *Value[string], s *source, c *clock) {
		stuck := make(chan struct{})
		late := errors.New("late")
		v.fetch = func(context.Context) (string, error) {
			<-stuck
			return "never used", late
		}
		wantError(t, v, context.DeadlineExceeded)
		close(stuck)
		synctest.Wait()
		wantError(t, v, context.DeadlineExceeded) // remembered
		c.advance(500 * time.Millisecond)
		wantError(t, v, late) // the shortest delay was enough
	})
}

func TestErrorComesWithoutTheValueThatFetchReturnedBesideIt(t *testing.T) {
	bubble(t, func(t *testing.T, v *Value[string], s *source, c *clock) {
		bad := errors.New("half a document")
		s.set(answer{value: "half", err: bad})
		wantError(t, v, bad)
		if got, ok := v.Peek(); ok || got != "" {
			t.Fatalf("Peek = %q, %v", got, ok)
		}
	})
}

func TestClockThatIsSetBackDoesNotKeepAValueAlive(t *testing.T) {
	bubble(t, func(t *testing.T, v *Value[string], s *source, c *clock) {
		wantValue(t, v, "one")
		down := errors.New("down")
		s.set(answer{err: down})
		c.advance(-1000 * time.Hour)
		wantValue(t, v, "one") // used, but due for a refresh
		synctest.Wait()
		s.wantCalls(t, 2)

		c.advance(23*time.Hour - 1) // it counted as one hour old and a bit
		wantValue(t, v, "one")
		synctest.Wait()
		s.wantCalls(t, 3)
		c.advance(1 + 5*time.Second)
		wantError(t, v, down)
		s.wantCalls(t, 4)
	})
}

func TestClockThatIsSetBackEndsRetryDelayAndCooldown(t *testing.T) {
	bubble(t, func(t *testing.T, v *Value[string], s *source, c *clock) {
		s.set(answer{err: errors.New("down")})
		wantError(t, v, s.answers[0].err)
		s.set(answer{value: "one"})
		c.advance(-1000 * time.Hour)
		wantValue(t, v, "one")
		s.wantCalls(t, 2)

		wantRenewed(t, v, "one", nil)
		s.wantCalls(t, 3)
		s.set(answer{value: "two"})
		c.advance(-1000 * time.Hour)
		wantRenewed(t, v, "two", nil)
		s.wantCalls(t, 4)
	})
}

func TestStormAcrossAClockThatIsSetBackCausesOneMoreFetchEachTime(t *testing.T) {
	t.Parallel()
	for name, back := range map[string]time.Duration{"a nanosecond": 1, "a second": time.Second, "weeks": 1000 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, v *Value[string], s *source, c *clock) {
				wantValue(t, v, "one")
				calls := int32(1)
				storm := func(want string, wantErr error) {
					t.Helper()
					calls++
					for range 100 {
						wantRenewed(t, v, want, wantErr)
					}
					s.wantCalls(t, calls)
				}
				storm("one", nil)
				for range 3 {
					c.advance(-back)
					storm("one", nil)
				}
				down := errors.New("down")
				s.set(answer{err: down})
				for range 3 {
					c.advance(-back)
					storm("one", down)
				}
			})
		})
	}
}

// By the clock, the last renewal is a moment ago, and what it brought is too old to be used.
func TestClockThatWasSetBackAndForthDoesNotHideThatThereIsNoValue(t *testing.T) {
	bubble(t, func(t *testing.T, v *Value[string], s *source, c *clock) {
		wantRenewed(t, v, "one", nil)
		c.advance(-1000 * time.Hour)
		if got, ok := v.Peek(); !ok || got != "one" {
			t.Fatalf("Peek = %q, %v", got, ok)
		}
		c.advance(1000 * time.Hour)
		s.set(answer{value: "two"})
		for range 10 {
			wantRenewed(t, v, "two", nil)
		}
		s.wantCalls(t, 2)
	})
}

func TestOverdueRenewalThatSucceedsAfterAllHasStartedTheCooldown(t *testing.T) {
	bubble(t, func(t *testing.T, v *Value[string], s *source, c *clock) {
		wantValue(t, v, "one")
		stuck := make(chan struct{})
		v.fetch = func(context.Context) (string, error) {
			s.calls.Add(1)
			<-stuck
			return "late", nil
		}
		wantRenewed(t, v, "one", context.DeadlineExceeded)
		for range 10 {
			c.advance(2 * time.Second) // long after the retry delay
			wantRenewed(t, v, "one", context.DeadlineExceeded)
		}
		s.wantCalls(t, 2)
		close(stuck)
		synctest.Wait()

		v.fetch = s.fetch
		s.set(answer{value: "two"})
		for _, wait := range []time.Duration{0, 10*time.Second - 1} {
			c.advance(wait)
			for range 100 {
				wantRenewed(t, v, "late", nil)
			}
			s.wantCalls(t, 2)
		}
		c.advance(1) // it counts from its start
		wantRenewed(t, v, "two", nil)
		s.wantCalls(t, 3)
	})
}

func TestClockThatJumpsAheadEndsTheValue(t *testing.T) {
	bubble(t, func(t *testing.T, v *Value[string], s *source, c *clock) {
		wantValue(t, v, "one")
		s.set(answer{value: "two"})
		c.advance(200 * 365 * 24 * time.Hour)
		wantValue(t, v, "two")
	})
}
