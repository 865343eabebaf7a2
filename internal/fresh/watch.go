package fresh

import (
	"context"
	"errors"
)

var errPanicked = errors.New("fresh: the fetch panicked")

// Watched is fetch, after each call of which ended is told what came of it: its error, one of ours if it panicked, or nil.
// ended runs in the goroutine of the fetch, which waits for it.
func Watched[T any](fetch func(context.Context) (T, error), ended func(context.Context, error)) func(context.Context) (T, error) {
	return func(ctx context.Context) (value T, err error) {
		err = errPanicked // unless it returns
		defer func() { ended(ctx, err) }()
		return fetch(ctx)
	}
}
