package fresh

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// source is a fetch function under the test's control. Each call takes the next answer, or the last one again.
type source struct {
	calls   atomic.Int32
	mu      sync.Mutex
	answers []answer
	gate    chan struct{} // if not nil, a call waits until it can receive
}

type answer struct {
	value string
	err   error
}

func (s *source) fetch(ctx context.Context) (string, error) {
	n := int(s.calls.Add(1))
	if s.gate != nil {
		select {
		case <-s.gate:
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.answers[min(n, len(s.answers))-1]
	return a.value, a.err
}

func (s *source) set(answers ...answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers = answers
}

func (s *source) wantCalls(t *testing.T, want int32) {
	t.Helper()
	if got := s.calls.Load(); got != want {
		t.Fatalf("%d fetches, want %d", got, want)
	}
}

// clock is a wall clock that moves only by hand, in either direction.
type clock struct{ nanos atomic.Int64 }

func (c *clock) now() time.Time          { return time.Unix(1_800_000_000, c.nanos.Load()).UTC() }
func (c *clock) advance(d time.Duration) { c.nanos.Add(int64(d)) }
func policy(c *clock) *Policy {
	return &Policy{
		Refresh:  time.Hour,
		Hard:     24 * time.Hour,
		Timeout:  5 * time.Second,
		RetryMin: 500 * time.Millisecond,
		RetryMax: 5 * time.Second,
		Cooldown: 30 * time.Second,
		Now:      c.now,
	}
}

// bubble runs f where time stands still unless everybody waits, with a Value, its source and its clock.
func bubble(t *testing.T, f func(t *testing.T, v *Value[string], s *source, c *clock)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, c := &source{answers: []answer{{value: "one"}}}, &clock{}
		f(t, New(policy(c), s.fetch), s, c)
	})
}

func wantValue(t *testing.T, v *Value[string], want string) {
	t.Helper()
	if got, err := v.Get(t.Context()); got != want || err != nil {
		t.Fatalf("Get = %q, %v; want %q", got, err, want)
	}
}

func wantError(t *testing.T, v *Value[string], want error) {
	t.Helper()
	if got, err := v.Get(t.Context()); got != "" || !errors.Is(err, want) {
		t.Fatalf("Get = %q, %v; want error %v", got, err, want)
	}
}

// bodyError is an error with a type, as an HTTP client has them.
type bodyError struct{ status int }

func (*bodyError) Error() string { return "bad status" }

func TestNothingIsFetchedBeforeTheFirstUse(t *testing.T) {
	bubble(t, func(t *testing.T, v *Value[string], s *source, c *clock) {
		if got, ok := v.Peek(); ok || got != "" {
			t.Fatalf("Peek = %q, %v before any fetch", got, ok)
		}
		synctest.Wait()
		s.wantCalls(t, 0)
		wantValue(t, v, "one")
		wantValue(t, v, "one")
		s.wantCalls(t, 1)
		if got, ok := v.Peek(); !ok || got != "one" {
			t.Fatalf("Peek = %q, %v after a fetch", got, ok)
		}
	})
}

func TestTwoHundredCallersShareOneFetch(t *testing.T) {
	bubble(t, func(t *testing.T, v *Value[string], s *source, c *clock) {
		s.gate = make(chan struct{})
		var done sync.WaitGroup
		for i := range 200 {
			done.Go(func() {
				ask := v.Get
				if i%2 == 1 {
					ask = v.Renew
				}
				if got, err := ask(t.Context()); got != "one" || err != nil {
					t.Errorf("caller %d got %q, %v", i, got, err)
				}
			})
		}
		synctest.Wait()
		s.wantCalls(t, 1)
		close(s.gate)
		done.Wait()
		s.wantCalls(t, 1)
	})
}

func TestCallerWhoLeavesDoesNotEndTheFetchOfTheOthers(t *testing.T) {
	bubble(t, func(t *testing.T, v *Value[string], s *source, c *clock) {
		s.gate = make(chan struct{})
		gone := errors.New("the browser is gone")
		ctx, cancel := context.WithCancelCause(t.Context())
		first := make(chan error, 1)
		go func() {
			_, err := v.Get(ctx)
			first <- err
		}()
		synctest.Wait()
		second := make(chan string, 1)
		go func() {
			got, _ := v.Get(t.Context())
			second <- got
		}()
		synctest.Wait()
		cancel(gone)
		if err := <-first; !errors.Is(err, gone) {
			t.Fatalf("the caller who left got %v, want its context's cause", err)
		}
		close(s.gate)
		if got := <-second; got != "one" {
			t.Fatalf("the caller who stayed got %q", got)
		}
		s.wantCalls(t, 1)
	})
}

func TestFetchInheritsNothingFromTheCaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		type key struct{}
		var value any
		var left time.Duration
		v := New(policy(&clock{}), func(ctx context.Context) (string, error) {
			deadline, _ := ctx.Deadline()
			value, left = ctx.Value(key{}), time.Until(deadline)
			return "one", nil
		})
		ctx, cancel := context.WithTimeout(context.WithValue(t.Context(), key{}, "request"), time.Second)
		defer cancel()
		if _, err := v.Get(ctx); err != nil {
			t.Fatal(err)
		}
		if value != nil || left != 5*time.Second {
			t.Fatalf("the fetch saw value %v and %v to go; want none and 5s", value, left)
		}
	})
}

func TestDeadContextStartsNoFetchAndWaitsForNone(t *testing.T) {
	bubble(t, func(t *testing.T, v *Value[string], s *source, c *clock) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := v.Get(ctx); !errors.Is(err, context.Canceled) {
			t.Fatalf("Get: %v", err)
		}
		if _, err := v.Renew(ctx); !errors.Is(err, context.Canceled) {
			t.Fatalf("Renew: %v", err)
		}
		synctest.Wait()
		s.wantCalls(t, 0)
		wantValue(t, v, "one")
		if got, err := v.Get(ctx); got != "one" || err != nil {
			t.Fatalf("a kept value needs no live context: %q, %v", got, err)
		}
		if got, err := v.Renew(ctx); got != "one" || !errors.Is(err, context.Canceled) {
			t.Fatalf("Renew = %q, %v; want the kept value and the cause", got, err)
		}
	})
}

func TestFailureIsRememberedTwiceAsLongEachTime(t *testing.T) {
	bubble(t, func(t *testing.T, v *Value[string], s *source, c *clock) {
		s.set(answer{err: &bodyError{status: 503}})
		var calls int32
		for _, delay := range []time.Duration{500, 1000, 2000, 4000, 5000, 5000} {
			delay *= time.Millisecond
			calls++
			for _, wait := range []time.Duration{0, delay - 1} {
				c.advance(wait)
				_, err := v.Get(t.Context())
				var typed *bodyError
				if !errors.As(err, &typed) || typed.status != 503 {
					t.Fatalf("Get: %v, want the fetch's own error", err)
				}
				s.wantCalls(t, calls)
			}
			c.advance(1)
		}

		s.set(answer{value: "two"})
		wantValue(t, v, "two")
		calls++
		s.wantCalls(t, calls)

		// The success has reset the delay: the next failure is remembered for the shortest time again.
		c.advance(25 * time.Hour)
		s.set(answer{err: &bodyError{status: 500}})
		wantError(t, v, s.answers[0].err)
		c.advance(500 * time.Millisecond)
		wantError(t, v, s.answers[0].err)
		s.wantCalls(t, calls+2)
	})
}

func TestStaleValueIsUsedWhileOneRefreshRuns(t *testing.T) {
	bubble(t, func(t *testing.T, v *Value[string], s *source, c *clock) {
		wantValue(t, v, "one")
		c.advance(time.Hour)
		wantValue(t, v, "one")
		synctest.Wait()
		s.wantCalls(t, 1) // exactly one hour old is still fresh

		s.gate = make(chan struct{})
		s.set(answer{value: "two"})
		c.advance(1)
		for range 50 {
			wantValue(t, v, "one") // at once: the gate is shut
		}
		synctest.Wait()
		s.wantCalls(t, 2)
		close(s.gate)
		synctest.Wait()
		wantValue(t, v, "two")
		s.wantCalls(t, 2)
	})
}

func TestStaleValueStaysWhileRefreshesFailUntilItIsTooOld(t *testing.T) {
	bubble(t, func(t *testing.T, v *Value[string], s *source, c *clock) {
		wantValue(t, v, "one")
		down := &bodyError{status: 502}
		s.set(answer{err: down})
		c.advance(time.Hour + 1)
		wantValue(t, v, "one")
		synctest.Wait()
		s.wantCalls(t, 2)
		c.advance(500*time.Millisecond - 1)
		wantValue(t, v, "one")
		synctest.Wait()
		s.wantCalls(t, 2) // the failure is still remembered
		c.advance(1)
		wantValue(t, v, "one")
		synctest.Wait()
		s.wantCalls(t, 3)

		c.advance(23*time.Hour - 500*time.Millisecond - 1) // exactly at the hard age
		wantValue(t, v, "one")
		synctest.Wait()
		s.wantCalls(t, 4)
		c.advance(1)
		if _, ok := v.Peek(); ok {
			t.Fatal("Peek gives a value that is too old")
		}
		wantError(t, v, down) // remembered
		s.wantCalls(t, 4)
		c.advance(5 * time.Second)
		wantError(t, v, down) // asked again
		s.wantCalls(t, 5)
		c.advance(5 * time.Second)
		s.set(answer{value: "two"})
		wantValue(t, v, "two")
	})
}

func TestAgeCountsFromTheStartOfTheFetch(t *testing.T) {
	bubble(t, func(t *testing.T, v *Value[string], s *source, c *clock) {
		s.gate = make(chan struct{})
		v.Warm()
		synctest.Wait()
		c.advance(24*time.Hour + 1)
		close(s.gate)
		synctest.Wait()
		if _, ok := v.Peek(); ok {
			t.Fatal("an answer that took longer than the hard age is used")
		}
	})
}

func TestWarmDoesNotWaitAndIsSharedWithGet(t *testing.T) {
	bubble(t, func(t *testing.T, v *Value[string], s *source, c *clock) {
		s.gate = make(chan struct{})
		v.Warm()
		v.Warm()
		synctest.Wait()
		s.wantCalls(t, 1)
		close(s.gate)
		wantValue(t, v, "one")
		v.Warm()
		synctest.Wait()
		s.wantCalls(t, 1)
	})
}

func TestWarmRespectsARememberedFailure(t *testing.T) {
	bubble(t, func(t *testing.T, v *Value[string], s *source, c *clock) {
		s.set(answer{err: &bodyError{}})
		for range 10 {
			v.Warm()
			synctest.Wait()
		}
		s.wantCalls(t, 1)
	})
}

func TestClockIsTheSystemsWithoutAnother(t *testing.T) {
	bubble(t, func(t *testing.T, v *Value[string], s *source, c *clock) {
		v.policy.Now = nil
		s.set(answer{value: "one"}, answer{value: "two"})
		wantValue(t, v, "one")
		time.Sleep(24*time.Hour + 1) // of the bubble
		wantValue(t, v, "two")
	})
}
