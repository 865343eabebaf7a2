package connectorstore

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oidcsso/oidcsso"
)

// Live is what one replica knows of a [Store]: an [oidcsso.Source] whose answers come from memory, and follow the database
// within seconds. It is an [oidcsso.Events] as well, so that the store knows who has signed in, and an [oidcsso.Grants], whose
// answers come from the database each time.
//
// Until it was loaded once, everything is unavailable. Afterwards it goes on with what it knows while the database is away, and
// catches up by itself; see [Live.Status] for what to alarm on.
//
// What a row says counts only if the store has signed it. A connector whose row can't be trusted, can't be read or is no valid
// configuration is quarantined: it is out of order, and the domains that it had, or names, let nobody in, by it or in another
// way. All others go on. So it is where the row is gone, or is an older one than the replica has seen: only [Store.Delete] takes a
// connector out, and only [Store.Release] frees a domain. See [oidcsso.Router.Sync] for what else is out of order.
//
// A database that goes back as a whole, because a backup was restored or a standby that lags took over, is not followed until
// it is ahead again: [Live.Status] has the error, and what is known goes on. Connectors that have lost changes are quarantined
// then. A process that is started anew takes the database as it is.
//
// What is changed behind the store's back, without its revision, is noticed within an hour or so. A replica that starts can't
// tell an old row, with its old signature, from a new one.
//
// It is safe for concurrent use.
type Live struct {
	store    *Store
	interval time.Duration
	wake     <-chan struct{}
	router   *oidcsso.Router
	reasons  reasons
	loaded   atomic.Bool
	diary    diary

	busy  chan struct{} // has room for the one Sync that may run: what follows is its own
	known knowledge

	mu     sync.Mutex
	status Status
}

var (
	_ oidcsso.Source = (*Live)(nil)
	_ oidcsso.Events = (*Live)(nil)
	_ oidcsso.Grants = (*Live)(nil)
)

// LiveOptions is how a Live follows its Store.
type LiveOptions struct {
	// Interval is the time between two looks at the database; each is up to a fifth longer or shorter, so that replicas
	// spread. A look at which nothing has changed reads one row. Default: 1 second.
	Interval time.Duration

	// Wake has Run look at once. What is sent says nothing else; a sender need not wait, if the channel has room for one.
	// With PostgreSQL, every change notifies the channel "oidcsso". Default: none.
	Wake <-chan struct{}
}

const (
	defaultInterval = time.Second
	maxBackoff      = 10 * time.Second
	wakePause       = 50 * time.Millisecond // however often it is woken
	syncTimeout     = 5 * time.Minute
	lastFlush       = 2 * time.Second
)

// NewLive makes a Live that knows nothing yet. o may be nil. It does no network; Run does.
func (s *Store) NewLive(o *LiveOptions) *Live {
	l := &Live{store: s, interval: defaultInterval, router: oidcsso.NewRouter(s.sso), busy: make(chan struct{}, 1)}
	if o != nil {
		l.wake = o.Wake
		if o.Interval > 0 {
			l.interval = o.Interval
		}
	}
	return l
}

var errNotLoaded = errors.New("connectorstore: the connectors have not been loaded yet; Live.Status says why")

// Connector gives the connector with this ID, also a draft and a disabled one. [oidcsso.ErrNotFound] means that there is none, or
// that this replica does not know it yet: call [Live.Sync] before, where it may have been made a moment ago. One that is
// quarantined is an [*oidcsso.Error] with CodeUnavailable, whose cause is that of [Live.Status].
func (l *Live) Connector(ctx context.Context, id string) (*oidcsso.Connector, error) {
	if !l.loaded.Load() { //check:live-loaded-connector
		return nil, errNotLoaded
	}
	return withReason(&l.reasons, func() (*oidcsso.Connector, error) { return l.router.Connector(ctx, id) })
}

// Route gives the connector that people of the domain must use, or may be offered; see [oidcsso.Source]. A domain of one that is
// quarantined is the error that Connector has.
func (l *Live) Route(ctx context.Context, domain string) (*oidcsso.Route, error) {
	if !l.loaded.Load() { //check:live-loaded-route
		return nil, errNotLoaded
	}
	if route, err := l.router.Route(ctx, domain); err == nil || err == oidcsso.ErrNotFound { // nearly always; the rest costs more than this
		return route, err
	}
	return withReason(&l.reasons, func() (*oidcsso.Route, error) { return l.router.Route(ctx, domain) })
}

// Run follows the store until ctx ends, whatever happens, and then returns ctx.Err(). While the database fails it looks less
// and less often, but at least every 10 seconds or so. It needs one goroutine: this one.
func (l *Live) Run(ctx context.Context) error {
	wake, failures := l.wake, 0
	for {
		once, cancel := context.WithTimeout(ctx, syncTimeout)
		err := l.Sync(once)
		cancel()
		if err == nil {
			failures = 0
			pause(ctx, min(wakePause, l.interval), nil)
			pause(ctx, spread(l.interval), &wake)
		} else {
			failures++
			pause(ctx, spread(backoff(l.interval, failures)), nil) // woken or not: who wakes knows nothing of the database
		}
		if ctx.Err() != nil {
			end, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastFlush)
			defer cancel()
			l.flushLast(end)
			return ctx.Err()
		}
	}
}

func backoff(interval time.Duration, failures int) time.Duration {
	d := max(interval, defaultInterval)
	for range failures - 1 {
		if d *= 2; d >= maxBackoff {
			break
		}
	}
	return min(d, maxBackoff)
}

// spread makes a duration up to a fifth longer or shorter.
func spread(d time.Duration) time.Duration { return d - d/5 + rand.N(d/5*2+1) }

// pause ends with ctx, or by a wake-up where wake is not nil. A channel that was closed is not listened to any more.
func pause(ctx context.Context, d time.Duration, wake *<-chan struct{}) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	var woken <-chan struct{}
	if wake != nil {
		woken = *wake
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			return
		case _, ok := <-woken:
			if ok {
				return
			}
			*wake, woken = nil, nil
		}
	}
}

// EventConnectorQuarantined is the event of a connector whose row can't be used: connector, error. Each replica tells it once
// for each state of the row.
const EventConnectorQuarantined oidcsso.EventName = "connector_quarantined"

// quarantineTold tells the store's Events.
func (l *Live) quarantineTold(ctx context.Context, id string, err error) {
	l.store.tell(ctx, EventConnectorQuarantined, slog.String("connector", id), slog.String("error", err.Error()))
}
