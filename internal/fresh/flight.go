package fresh

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"
)

// grace is how long after its deadline a fetch may still return an error of its own, which says more than ours does.
const grace = 250 * time.Millisecond

// PanicError is the failure of a fetch that did not return.
type PanicError struct {
	// Value is what the fetch panicked with; nil if it ended its goroutine by runtime.Goexit.
	Value any
	// Stack is where that happened.
	Stack []byte
}

// Error names the type of Value only: its text could hold anything that the fetch had in hand.
func (e *PanicError) Error() string {
	return fmt.Sprintf("fresh: the fetch panicked with a value of type %T", e.Value)
}

// flight is one running fetch and what comes of it.
type flight[T any] struct {
	started time.Time
	renewal bool          // Renew asked for it; guarded by Value.mu
	settled bool          // done is closed; guarded by Value.mu
	done    chan struct{} // closed when result and err may be read
	result  T
	err     error
}

func (f *flight[T]) wait(ctx context.Context) (T, error) {
	select {
	case <-f.done:
		return f.result, f.err
	case <-ctx.Done():
		var none T
		return none, context.Cause(ctx)
	}
}

// start begins a fetch. The caller holds v.mu.
func (v *Value[T]) start(now time.Time) {
	v.flight = &flight[T]{started: now, done: make(chan struct{})}
	go v.run(v.flight)
}

func (v *Value[T]) run(f *flight[T]) {
	ctx, cancel := context.WithTimeout(context.Background(), v.policy.Timeout)
	defer cancel()
	overdue := time.AfterFunc(v.policy.Timeout+grace, func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		v.settle(f, *new(T), fmt.Errorf("fresh: the fetch ignores its deadline: %w", context.DeadlineExceeded))
	})
	defer overdue.Stop()

	var result T
	var err error
	returned := false
	defer func() {
		if !returned { //check:fetch-panic
			err = &PanicError{Value: recover(), Stack: debug.Stack()}
		}
		v.mu.Lock()
		defer v.mu.Unlock()
		v.settle(f, result, err)
		v.flight = nil
	}()
	fetched, failure := v.fetch(ctx)
	returned = true
	if err = failure; err == nil {
		result = fetched
	}
}

// settle records what came of a fetch and releases those who wait for it. A second call, after an overdue fetch did
// return, keeps a good value and ignores a failure, which is counted already. The caller holds v.mu.
func (v *Value[T]) settle(f *flight[T], result T, err error) {
	if err == nil {
		v.kept, v.has, v.of = result, true, f.started
		v.failure, v.failures = nil, 0
		if f.renewal {
			v.renewed = f.started
		}
	} else if !f.settled {
		v.failure, v.failedAt = err, v.policy.now()
		v.failures++
	}
	if !f.settled {
		f.settled = true
		f.result, f.err = result, err
		close(f.done)
	}
}
