package fresh

import (
	"errors"
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
		s.set(answer{value: "two"})
		for range 1000 {
			wantRenewed(t, v, "one", nil) // the first fetch was a moment ago
		}
		s.wantCalls(t, 1)
		c.advance(30*time.Second - 1)
		wantRenewed(t, v, "one", nil)
		s.wantCalls(t, 1)
		c.advance(1)
		for range 1000 {
			wantRenewed(t, v, "two", nil)
		}
		s.wantCalls(t, 2)
	})
}

func TestRenewBeforeAnyGetFetches(t *testing.T) {
	bubble(t, func(t *testing.T, v *Value[string], s *source, c *clock) {
		wantRenewed(t, v, "one", nil)
		s.wantCalls(t, 1)
	})
}

func TestRenewThatFailsGivesTheKeptValueAndTheError(t *testing.T) {
	bubble(t, func(t *testing.T, v *Value[string], s *source, c *clock) {
		wantValue(t, v, "one")
		down := &bodyError{status: 503}
		s.set(answer{err: down})
		c.advance(30 * time.Second)
		wantRenewed(t, v, "one", down)
		wantRenewed(t, v, "one", down) // in the cooldown: the last error
		s.wantCalls(t, 2)
		wantValue(t, v, "one") // Get does not care

		c.advance(24 * time.Hour)
		wantRenewed(t, v, "", down) // nothing kept is young enough
		s.wantCalls(t, 3)
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
	})
}
