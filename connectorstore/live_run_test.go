package connectorstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"log/slog"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oidcsso/oidcsso"
)

// awayDB is a database that notes when it is asked, and either is away or hangs.
type awayDB struct {
	mu    sync.Mutex
	at    []time.Time
	hangs bool
}

var errAway = errors.New("the database is away")

func (a *awayDB) Driver() driver.Driver { return nil }

func (a *awayDB) Connect(ctx context.Context) (driver.Conn, error) {
	a.mu.Lock()
	a.at = append(a.at, time.Now())
	a.mu.Unlock()
	if a.hangs {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return nil, errAway
}

func (a *awayDB) times() []time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]time.Time(nil), a.at...)
}

func awayLive(t *testing.T, a *awayDB, o *LiveOptions) *Live {
	t.Helper()
	key, err := NewKey([]byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	ring, err := NewRing(key)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(a)
	t.Cleanup(func() { db.Close() })
	s, err := New(db, &Options{Ring: ring, SSO: &oidcsso.Options{BaseURL: "https://app.example.com/sso"}})
	if err != nil {
		t.Fatal(err)
	}
	return s.NewLive(o)
}

// Run never gives up, and never storms: neither where the database refuses nor where it hangs, nor where somebody shouts.
func TestRunBacksOff(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		hangs     bool
		interval  time.Duration
		low, high time.Duration // between the later looks
	}{
		"away":                    {false, 0, 8 * time.Second, 12 * time.Second},
		"away, a short interval":  {false, time.Millisecond, 8 * time.Second, 12 * time.Second},
		"away, a long interval":   {false, time.Hour, 8 * time.Second, 12 * time.Second},
		"hangs":                   {true, 0, pollTimeout + 8*time.Second, pollTimeout + 12*time.Second},
		"hangs, a short interval": {true, time.Millisecond, pollTimeout + 8*time.Second, pollTimeout + 12*time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a, wake := &awayDB{hangs: row.hangs}, make(chan struct{})
				l := awayLive(t, a, &LiveOptions{Interval: row.interval, Wake: wake})
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan error)
				go func() { done <- l.Run(ctx) }()
				go func() {
					for {
						select {
						case wake <- struct{}{}: // nobody takes it
							t.Error("it was woken while the database is away")
						case <-ctx.Done():
							return
						}
					}
				}()
				time.Sleep(10 * time.Minute)
				at := a.times()
				if len(at) < 10*60/25 {
					t.Errorf("it asked %d times", len(at))
				}
				equal := 0
				for i := 6; i < len(at); i++ {
					between := at[i].Sub(at[i-1])
					if between < row.low || between > row.high {
						t.Errorf("between two looks there are %v", between)
					}
					if i > 6 && between == at[i-1].Sub(at[i-2]) {
						equal++
					}
				}
				if equal > len(at)/2 {
					t.Error("the looks are not spread")
				}
				if s := l.Status(); s.Err == nil || !s.LastSync.IsZero() {
					t.Errorf("the status is %+v", s)
				}
				if _, err := l.Connector(ctx, "acme"); err == nil || errors.Is(err, oidcsso.ErrNotFound) {
					t.Errorf("Connector gave %v", err)
				}
				cancel()
				if err := <-done; !errors.Is(err, context.Canceled) {
					t.Errorf("Run gave %v", err)
				}
			})
		})
	}
}

// Who waits for another Sync need not wait for it to end.
func TestSyncHeedsItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := awayLive(t, &awayDB{hangs: true}, nil)
		go l.Sync(t.Context())
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		if err := l.Sync(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
	})
}

func TestPauseAndSpread(t *testing.T) {
	t.Parallel()
	for range 1000 {
		if d := spread(time.Second); d < 800*time.Millisecond || d > 1200*time.Millisecond {
			t.Fatalf("%v", d)
		}
	}
	if d := spread(1); d < 0 || d > 2 {
		t.Errorf("%v", d)
	}
	synctest.Test(t, func(t *testing.T) {
		closed := make(chan struct{})
		close(closed)
		var wake <-chan struct{} = closed
		began := time.Now()
		pause(t.Context(), time.Second, &wake)
		if wake != nil || time.Since(began) != time.Second {
			t.Errorf("after a closed channel it paused %v", time.Since(began))
		}
	})
}

// Whoever makes up connectors fills no memory.
func TestNotesAreBounded(t *testing.T) {
	t.Parallel()
	l := awayLive(t, &awayDB{}, nil)
	for i := range 2*maxDiary + 10 {
		n := strconv.Itoa(i % (maxDiary + 5))
		l.Event(t.Context(), oidcsso.EventSignInSucceeded, slog.String("connector", n), slog.String("issuer", "https://x.example"))
		l.Event(t.Context(), oidcsso.EventReportOnly, slog.String("connector", n), slog.String("domain", "x.example"))
	}
	if len(l.diary.unwritten) != maxDiary || len(l.diary.signedIn) != maxDiary || len(l.diary.reports) != maxDiary {
		t.Errorf("there are %d, %d and %d notes", len(l.diary.unwritten), len(l.diary.signedIn), len(l.diary.reports))
	}
	if n := l.diary.reports[reported{"0", "x.example"}]; n != 2 {
		t.Errorf("what was there before is counted %d times", n)
	}
}
