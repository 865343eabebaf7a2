package connectorstore

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/oidcsso/oidcsso"
)

// EventClientSecretExpiring is the event of an active connector's client secret that ends within 30 days, or has ended: connector,
// secret ("current" or "next"), expiry. Each replica tells it at most once a day, and once an hour looks whether it must.
const EventClientSecretExpiring oidcsso.EventName = "client_secret_expiring"

const (
	expiryAhead  = 30 * 24 * time.Hour
	expiryEvery  = 24 * time.Hour
	maxDiary     = 10_000 // entries that wait to be written
	signedInStep = 50     // first sign-ins that one Sync writes
	reportEvery  = 10 * time.Second
)

// diary is what happened and is not yet written. A sign-in only makes a note.
type diary struct {
	mu        sync.Mutex
	signedIn  map[string]string // the issuer by connector, noted before
	unwritten map[string]string
	reports   map[reported]int64
	reportAt  time.Time
	reported  time.Time // the last one
}

// reported is a domain that only reports.
type reported struct{ connector, domain string }

// Event takes note of what the store keeps: that somebody has signed in, and how many attempts enforcement would have stopped.
// It is written at the next Sync, and what can't be written waits. A note may be lost where a process is killed.
func (l *Live) Event(_ context.Context, name string, attrs ...slog.Attr) {
	switch name {
	case oidcsso.EventSignInSucceeded:
		l.diary.signIn(value(attrs, "connector"), value(attrs, "issuer"))
	case oidcsso.EventReportOnly:
		l.diary.report(reported{value(attrs, "connector"), value(attrs, "domain")}, l.store.now())
	}
}

func value(attrs []slog.Attr, key string) string {
	for _, a := range attrs {
		if a.Key == key {
			return a.Value.String()
		}
	}
	return ""
}

func (d *diary) signIn(connector, issuer string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.signedIn[connector] == issuer || len(d.unwritten) >= maxDiary { //check:diary-bound
		return
	}
	if d.signedIn == nil {
		d.signedIn, d.unwritten = map[string]string{}, map[string]string{}
	}
	d.signedIn[connector], d.unwritten[connector] = issuer, issuer
}

// forget has the next sign-in noted again.
func (d *diary) forget(connector string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.signedIn, connector)
}

func (d *diary) report(r reported, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, ok := d.reports[r]; !ok && len(d.reports) >= maxDiary { //check:diary-reports
		return
	}
	if d.reports == nil {
		d.reports = map[reported]int64{}
	}
	d.reports[r]++
	d.reported = now
}

// flush writes what was noted. It is called by one goroutine at a time.
func (l *Live) flush(ctx context.Context) error {
	return errors.Join(l.flushSignIns(ctx), l.flushReports(ctx, false))
}

// flushLast is for the end of Run.
func (l *Live) flushLast(ctx context.Context) {
	select {
	case l.busy <- struct{}{}:
		defer func() { <-l.busy }()
	case <-ctx.Done():
		return
	}
	l.report(errors.Join(l.flushSignIns(ctx), l.flushReports(ctx, true)), false)
}

func (l *Live) flushSignIns(ctx context.Context) error {
	d := &l.diary
	d.mu.Lock()
	unwritten := maps.Clone(d.unwritten)
	d.mu.Unlock()
	written := 0
	for connector, issuer := range unwritten {
		if !l.known.rows[connector].signedIn { // otherwise another sign-in was faster, perhaps long ago
			if written++; written > signedInStep {
				return nil
			}
			err := l.store.signedIn(ctx, connector, issuer)
			if err != nil && !errors.Is(err, CodeNotFound) && !errors.Is(err, CodeTampered) {
				return err
			}
		}
		d.mu.Lock()
		if d.unwritten[connector] == issuer {
			delete(d.unwritten, connector)
		}
		d.mu.Unlock()
	}
	return nil
}

// flushReports does not write with every Sync: the counters are for people.
func (l *Live) flushReports(ctx context.Context, last bool) error {
	d, now := &l.diary, l.store.now()
	d.mu.Lock()
	if len(d.reports) == 0 || now.Before(d.reportAt) && !last {
		d.mu.Unlock()
		return nil
	}
	reports, latest := d.reports, d.reported
	d.reports, d.reportAt = nil, now.Add(reportEvery)
	d.mu.Unlock()

	claims := map[string]int64{}
	for r, n := range reports {
		if id := l.claimOf(ctx, r); id != "" {
			claims[id] += n
		}
	}
	if len(claims) == 0 {
		return nil
	}
	err := l.store.addReports(ctx, claims, latest)
	if err != nil {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.reports == nil {
			d.reports = map[reported]int64{}
		}
		for r, n := range reports {
			d.reports[r] += n
		}
	}
	return err
}

// claimOf is the claim of a domain that the connector still has.
func (l *Live) claimOf(ctx context.Context, r reported) string {
	c, err := l.router.Connector(ctx, r.connector)
	if err != nil {
		return ""
	}
	for _, d := range c.Config().Domains {
		if d.String() == r.domain {
			return d.ClaimID
		}
	}
	return ""
}

// warnOfExpiry looks at all client secrets.
func (l *Live) warnOfExpiry(ctx context.Context, now time.Time) {
	warned := map[string]time.Time{}
	for id := range l.known.rows {
		c, err := l.router.Connector(ctx, id)
		if err != nil || c.Disabled() {
			continue
		}
		cfg := c.Config()
		for _, secret := range []struct {
			name   string
			expiry time.Time
		}{{"current", cfg.ClientSecretExpiry}, {"next", cfg.NextClientSecretExpiry}} {
			if secret.expiry.IsZero() || secret.expiry.Sub(now) > expiryAhead {
				continue
			}
			key := secret.name + " " + id
			if last, ok := l.known.warned[key]; ok && now.Sub(last) < expiryEvery {
				warned[key] = last
				continue
			}
			warned[key] = now
			l.store.tell(ctx, EventClientSecretExpiring, slog.String("connector", id), slog.String("secret", secret.name), slog.Time("expiry", secret.expiry))
		}
	}
	l.known.warned = warned
}
