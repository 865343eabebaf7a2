package keyset

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/oidcsso/oidcsso/internal/fresh"
)

// A key set that came and can't be read is told as the failure that it is.
func TestNewWatchedTellsOfUnreadableKeys(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		body  string
		fetch error
		want  error
	}{
		"an answer that is no key set": {`{"no":"keys"}`, nil, ErrDocument},
		"no JSON":                      {`keys`, nil, ErrDocument},
		"no answer":                    {"", context.DeadlineExceeded, context.DeadlineExceeded},
		"a key set":                    {`{"keys":[]}`, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var told []error
			s := NewWatched(&fresh.Policy{Refresh: time.Hour, Hard: time.Hour, Timeout: time.Second, RetryMin: time.Hour, RetryMax: time.Hour},
				func(context.Context) ([]byte, error) { return []byte(row.body), row.fetch },
				func(_ context.Context, err error) { told = append(told, err) })
			for range 3 {
				if _, err := s.Summary(t.Context()); !errors.Is(err, row.want) {
					t.Errorf("got %v, want %v", err, row.want)
				}
			}
			if len(told) != 1 || !errors.Is(told[0], row.want) {
				t.Errorf("told were %v, want %v once", told, row.want)
			}
		})
	}
}
