// Package fresh keeps one value that is fetched when it is first wanted, refreshed in the background, and bounded in
// age. Discovery metadata and key sets of an OpenID provider are such values: a provider that is down for a while must
// not stop people from signing in, and a key that it has withdrawn must not live for ever.
//
// A Value costs nothing but its memory until it is first used, and has a goroutine only while a fetch runs.
package fresh

import (
	"context"
	"math"
	"sync"
	"time"
)

// Policy says how long a value is used and how often it is fetched. Many values share one Policy, which must not
// change once it is in use. Every duration has to be set; there are no defaults here.
type Policy struct {
	// Refresh is the age beyond which a value is still used, but refreshed in the background at the next Get.
	Refresh time.Duration
	// Hard is the age beyond which a value is not used any more.
	Hard time.Duration
	// Timeout is the deadline of one fetch, on a context of its own.
	Timeout time.Duration
	// RetryMin is how long a failure is remembered: until then no new fetch starts. It doubles with every failure in
	// a row up to RetryMax, and one success resets it.
	RetryMin time.Duration
	// RetryMax bounds the doubling of RetryMin.
	RetryMax time.Duration
	// Cooldown is the least time between the start of a fetch that Renew asked for and that succeeded, and the start
	// of the next one that Renew asks for. Fetches that Get or Warm ask for do not count; those that fail are bounded
	// by RetryMin and RetryMax instead.
	Cooldown time.Duration
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

func (p *Policy) now() time.Time {
	if p.Now == nil {
		return time.Now()
	}
	return p.Now()
}

// Value is one fetched thing. Make it with New. It is safe for concurrent use.
type Value[T any] struct {
	policy *Policy
	fetch  func(context.Context) (T, error)

	mu      sync.Mutex
	kept    T
	has     bool       // a fetch has succeeded, so that kept and of mean something
	of      time.Time  // when the fetch of kept started: its content may be as old as that
	renewed time.Time  // when the last fetch that Renew asked for and that succeeded started; zero before the first
	flight  *flight[T] // the running fetch, or nil

	failure  error // of the last fetch; nil after a success
	failedAt time.Time
	failures int // in a row
}

// New returns a Value that fetch fills. It does not call fetch. The Policy is kept, not copied.
//
// At most one call of fetch runs at a time. Its context carries nothing of any caller: no values, no cancellation, only
// the deadline of Policy.Timeout. A fetch that panics is a failed fetch (*PanicError). One that is still running shortly
// after its deadline, because it ignores its context, has failed with context.DeadlineExceeded for all who wait; no
// other starts until it returns, so that a hanging fetch cannot pile up goroutines. If it then brings a value after
// all, that value is kept.
func New[T any](p *Policy, fetch func(context.Context) (T, error)) *Value[T] {
	return &Value[T]{policy: p, fetch: fetch}
}

// Get returns the kept value if it is not older than Policy.Hard, and starts a refresh in the background if it is
// older than Policy.Refresh. While refreshes fail, the kept value stays in use up to Policy.Hard.
//
// If there is no value to use, Get waits for a fetch, which all callers share. The error is then the one that fetch
// returned, unchanged; a failure less than the retry delay ago is returned again without a fetch. A caller whose
// context ends leaves at once with context.Cause, and the fetch goes on for the others.
func (v *Value[T]) Get(ctx context.Context) (T, error) {
	v.mu.Lock()
	now := v.policy.now()
	age := v.age(now)
	usable := age <= v.policy.Hard
	if age > v.policy.Refresh && v.mayFetch(now) && (usable || ctx.Err() == nil) {
		v.start(now)
	}
	kept, flight, failure := v.kept, v.flight, v.failure
	v.mu.Unlock()

	var none T
	switch {
	case usable:
		return kept, nil
	case flight != nil:
		return flight.wait(ctx)
	case ctx.Err() != nil:
		return none, context.Cause(ctx)
	default:
		return none, failure
	}
}

// Warm starts the fetch that Get would start, if any, and does not wait for it.
func (v *Value[T]) Warm() {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := v.policy.now()
	if v.age(now) > v.policy.Refresh && v.mayFetch(now) {
		v.start(now)
	}
}

// Renew fetches now, however young the kept value is, for a caller who has reason to think that it is outdated. It
// shares a fetch that is already running, whoever asked for it. If one that Renew asked for has succeeded and started
// less than Policy.Cooldown ago, or the retry delay after a failure is not over, Renew fetches nothing and answers with
// what is known. A fetch that Get or Warm asked for starts no cooldown: what it brought a moment ago may be outdated by
// now. A failure starts none either: after it the retry delay alone bounds the fetches. A value older than Policy.Hard
// is fetched in the cooldown too, as Get would.
//
// A nil error means that the last fetch succeeded, and the value is what it brought. With an error comes the kept value
// if it is not older than Policy.Hard, otherwise the zero value: whether the old value will do is the caller's choice.
// Whether anything new came is for the caller to see by comparing, for which T is best a pointer.
func (v *Value[T]) Renew(ctx context.Context) (T, error) {
	v.mu.Lock()
	now := v.policy.now()
	cooling := within(now, v.renewed, v.policy.Cooldown) && v.age(now) <= v.policy.Hard
	if v.mayFetch(now) && !cooling && ctx.Err() == nil {
		v.start(now)
		v.flight.renewal = true
	}
	flight, err := v.flight, v.failure
	v.mu.Unlock()

	if flight != nil {
		var fetched T
		if fetched, err = flight.wait(ctx); err == nil {
			return fetched, nil
		}
	} else if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	kept, _ := v.Peek()
	return kept, err
}

// Peek returns the kept value, and whether there is one that is not older than Policy.Hard. It starts nothing.
func (v *Value[T]) Peek() (T, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.age(v.policy.now()) > v.policy.Hard { //check:hard-age
		var none T
		return none, false
	}
	return v.kept, true
}

// age is how old the kept value is, and more than any limit if there is none. A clock that was set back would give a
// negative age, and with it a longer life than Hard; the value then counts as just due for a refresh.
func (v *Value[T]) age(now time.Time) time.Duration {
	if !v.has {
		return math.MaxInt64
	}
	if now.Before(v.of) { //check:clock-set-back
		v.of = now.Add(-v.policy.Refresh - 1)
	}
	return now.Sub(v.of)
}

// mayFetch says that no fetch runs and no failure stands in the way of a new one.
func (v *Value[T]) mayFetch(now time.Time) bool {
	return v.flight == nil && (v.failure == nil || !within(now, v.failedAt, v.retryDelay())) //check:one-fetch
}

func (v *Value[T]) retryDelay() time.Duration {
	delay := v.policy.RetryMin
	for i := 1; i < v.failures && delay < v.policy.RetryMax; i++ {
		delay *= 2
	}
	return min(delay, v.policy.RetryMax)
}

// within says that now is less than d after t. It is false before t, so that a clock that was set back does not make a
// wait endless.
func within(now, t time.Time, d time.Duration) bool {
	if t.IsZero() || now.Before(t) {
		return false
	}
	return now.Sub(t) < d
}
