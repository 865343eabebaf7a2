package connectorstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"
)

const (
	pollTimeout  = 10 * time.Second
	flushTimeout = 10 * time.Second // somebody may hold the writers' lock, and reading must go on
	fullEvery    = time.Hour        // what was changed behind the store's back is noticed then
	againEvery   = time.Minute      // for what is quarantined
	maxAgain     = 100              // quarantined connectors that are read one by one
)

// Sync looks at the database now: when it returns without an error, everything that was committed before is known. [Live.Run]
// calls it again and again. It may be called beside it, by a backend that wants to see its own change at once.
//
// A connector that had to be quarantined is no error; see [Live.Status]. After an error, everything is as it was.
func (l *Live) Sync(ctx context.Context) error {
	select {
	case l.busy <- struct{}{}:
		defer func() { <-l.busy }()
	case <-ctx.Done():
		return ctx.Err()
	}
	err := l.sync(ctx)
	if err == nil {
		l.loaded.Store(true)
		flush, cancel := context.WithTimeout(ctx, flushTimeout)
		defer cancel()
		l.report(l.flush(flush), true)
		return nil
	}
	l.report(err, false)
	return err
}

// report publishes the Status. What could not be written is told there, and no reason to look at the database less often.
func (l *Live) report(err error, synced bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.status.Err = err; synced {
		l.status.LastSync = l.store.now()
		l.status.Revision = l.known.revision
		l.status.Connectors = l.known.count()
	}
	if l.known.quarantineChanged {
		l.status.Quarantined, l.known.quarantineChanged = l.known.quarantineList(), false
	}
}

func (l *Live) sync(ctx context.Context) error {
	k, now := &l.known, l.store.now()
	revision, err := l.poll(ctx, l.store.db)
	if err != nil {
		return err
	}
	again := len(k.quarantined) > 0 && !now.Before(k.againAt)
	full := !now.Before(k.fullAt) || again && len(k.quarantined) > maxAgain
	if revision == k.revision && !again && !full {
		return nil
	}
	s := newStep(l, full)
	err = l.store.snapshot(ctx, func(q queryer) error {
		s.queryer = q
		if revision, err = l.poll(ctx, q); err != nil {
			return err
		}
		return s.read(ctx)
	})
	if err != nil {
		return err
	}
	s.apply(ctx)
	k.revision = revision
	if again || full {
		k.againAt = now.Add(againEvery)
	}
	if full {
		k.fullAt = now.Add(spread(fullEvery))
		l.warnOfExpiry(ctx, now)
	}
	return nil
}

// poll gives the store's revision, which moves with each change.
func (l *Live) poll(ctx context.Context, q queryer) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, pollTimeout)
	defer cancel()
	var version, revision int64
	err := q.QueryRowContext(ctx, "SELECT version, revision FROM oidcsso_meta").Scan(&version, &revision)
	if err != nil {
		return 0, fmt.Errorf("connectorstore: reading the revision: %w", err)
	}
	files, err := fs.Glob(schema, "schema/*.sql")
	if err != nil {
		return 0, err
	}
	if known := int64(len(files)); version != known { //check:live-version
		return 0, fmt.Errorf("connectorstore: the database has version %d of the tables, and this program knows %d; call Migrate with the newer program, and run no older one", version, known)
	}
	if before := l.known.revision; revision < before { //check:live-went-back
		l.known.fullAt = time.Time{} // when it is ahead again, it may have come there by another way
		return 0, fmt.Errorf("connectorstore: the database went back from revision %d to %d: an older copy was restored, or a standby lags", before, revision)
	}
	return revision, nil
}

// read gathers what has changed: the feed, what is missing, and what is quarantined, since the trouble may be over. It is all of
// one state of the database: a domain that moved is where it is now, and nowhere else.
func (s *step) read(ctx context.Context) error {
	k := &s.live.known
	if err := s.readFeed(ctx); err != nil {
		return err
	}
	var ids []string
	if s.full {
		if len(k.rows) > 0 || len(k.quarantined) > 0 {
			ids = s.missing()
		}
	} else {
		for id := range k.quarantined {
			if !s.seen[id] && len(ids) < maxAgain { // others another time: a map has no order
				ids = append(ids, id)
			}
		}
	}
	for _, id := range ids {
		r, err := s.live.store.readRow(ctx, s, id)
		switch {
		case errors.Is(err, CodeNotFound): //check:live-vanished
			s.vanished(id)
		case err != nil:
			return err
		default:
			s.look(ctx, r)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return s.readClaims(ctx)
}

func (s *step) readFeed(ctx context.Context) error {
	store := s.live.store
	query, args := "SELECT "+rowColumns+" FROM oidcsso_connectors WHERE revision > ? ORDER BY revision, id", []any{s.live.known.revision}
	if s.full {
		query, args = "SELECT "+rowColumns+" FROM oidcsso_connectors", nil // deleted ones too: whether they are, the MAC says
	}
	rows, err := s.QueryContext(ctx, store.options.Dialect.query(query), args...)
	if err != nil {
		return fmt.Errorf("connectorstore: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var r row
		if err := rows.Scan(r.fields()...); err != nil {
			return fmt.Errorf("connectorstore: %w", err)
		}
		s.look(ctx, &r)
		if err := ctx.Err(); err != nil { // a Sealer that was broken off says nothing of the secret
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("connectorstore: %w", err)
	}
	return nil
}

// missing are the connectors that a full reading should have seen.
func (s *step) missing() []string {
	k := &s.live.known
	var ids []string
	for id, known := range k.rows {
		if !s.seen[id] && !known.deleted {
			ids = append(ids, id)
		}
	}
	for id := range k.quarantined {
		if _, ok := k.rows[id]; !s.seen[id] && !ok {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, strings.Compare)
	return ids
}
