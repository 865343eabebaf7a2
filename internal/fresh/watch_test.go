package fresh

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// Whatever way a fetch ends, one is told of it once, before the next one starts.
func TestWatchedTellsOfEachFetch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		down := errors.New("down")
		var told []error
		ends := []func() (string, error){
			func() (string, error) { return "", down },
			func() (string, error) { panic("no answer") },
			func() (string, error) { return "value", nil },
			func() (string, error) { return "newer", nil },
		}
		v := New(&Policy{Refresh: time.Minute, Hard: time.Hour, Timeout: time.Second, RetryMin: time.Millisecond, RetryMax: time.Millisecond},
			Watched(func(context.Context) (string, error) {
				end := ends[0]
				ends = ends[1:]
				return end()
			}, func(_ context.Context, err error) { told = append(told, err) }))
		for _, want := range []string{"", "", "value", "value", "value", "newer"} {
			if got, _ := v.Get(t.Context()); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			synctest.Wait()
			time.Sleep(31 * time.Second) // of the bubble
		}
		if !slices.Equal(told, []error{down, errPanicked, nil, nil}) {
			t.Errorf("told were %v", told)
		}
	})
}
