package fresh

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// Many callers read the clock, then wait: for a lock, or for another fetch. What was fetched, or failed, meanwhile is not to be
// fetched again for each of them, as after a clock that was set back.
func TestLateCallerFetchesNothingAgain(t *testing.T) {
	t.Parallel()
	for name, late := range map[string]time.Duration{"a nanosecond": 1, "as long as a fetch takes": 5 * time.Second} {
		for _, row := range []struct {
			name string
			err  error
		}{{"after a success", nil}, {"after a failure", errors.New("down")}} {
			t.Run(name+" "+row.name, func(t *testing.T) {
				bubble(t, func(t *testing.T, v *Value[string], s *source, c *clock) {
					s.set(answer{value: "one", err: row.err})
					read := c.now().Add(-late)
					v.WarmAt(c.now())
					synctest.Wait()
					for range 100 {
						v.WarmAt(read)
						synctest.Wait()
						if _, err := v.GetAt(t.Context(), read); !errors.Is(err, row.err) {
							t.Fatal(err)
						}
					}
					synctest.Wait()
					s.wantCalls(t, 1)
					if row.err == nil { // nor has it aged
						c.advance(time.Hour)
						wantValue(t, v, "one")
						synctest.Wait()
						s.wantCalls(t, 1)
					}
				})
			})
		}
	}
}
