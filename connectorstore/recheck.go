package connectorstore

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	checkEvery = 24 * time.Hour      // an owned domain whose record was there
	checkAgain = time.Hour           // one whose record was not, or of which nobody could say
	missGrace  = 72 * time.Hour      // that a record may be missing
	unknownFor = 30 * 24 * time.Hour // without a certain answer, until it is told

	checkBatch = 100
	checksWide = 8                // look-ups at a time
	checkLease = 10 * time.Minute // after which a check that was never finished is due again
	checksTick = time.Minute      // of RunChecks
)

// Rechecked is what [Store.Recheck] did.
type Rechecked struct {
	// Due is how many claims were due and looked at by this replica.
	Due int
	// Found, Missing and Unknown are what the DNS said of those that are owned. Of those missing, Frozen were missing for so
	// long that they are frozen now, or have lapsed; of those found, Recovered were missing before.
	Found, Missing, Unknown, Frozen, Recovered int
	// Forgotten claims were not proven in time, and are gone. Tampered ones can't be trusted and are as they were.
	Forgotten, Tampered int
}

func (r *Rechecked) add(o Rechecked) {
	r.Due += o.Due
	r.Found += o.Found
	r.Missing += o.Missing
	r.Unknown += o.Unknown
	r.Frozen += o.Frozen
	r.Recovered += o.Recovered
	r.Forgotten += o.Forgotten
	r.Tampered += o.Tampered
}

// Recheck does what is due now, up to 100 claims; Due says whether there may be more. [Store.RunChecks] calls it.
//
// Each domain that is owned by a DNS record is looked up about every 24 hours. If the DNS says for certain that the record is
// gone ([ErrNoRecord], and nothing else), it is looked for every hour. When it is still gone 72 hours later the domain is
// frozen if it is enforced, and lapses otherwise: see [oidcsso.DomainFrozen] and [oidcsso.DomainLapsed]. When it is found
// again, the domain is what it was before. An answer that is not certain changes nothing; after 30 days of them,
// [EventDomainUnknown] is told. Claims that were not proven are forgotten a week after they expired.
//
// Any number of replicas may call it at once: each claim is taken by one of them.
func (s *Store) Recheck(ctx context.Context) (Rechecked, error) {
	due, err := s.readClaims(ctx, s.db, "id IN (SELECT id FROM oidcsso_claims WHERE next_check > 0 AND next_check <= ? ORDER BY next_check, id LIMIT ?)",
		millis(s.now()), checkBatch)
	if err != nil {
		return Rechecked{}, err
	}
	rand.Shuffle(len(due), func(i, j int) { due[i], due[j] = due[j], due[i] }) // so that replicas do not all begin with the same one
	results := make([]Rechecked, len(due))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(checksWide)
	for i, c := range due {
		group.Go(func() error { return s.recheck(ctx, c, &results[i]) })
	}
	err = group.Wait()
	var done Rechecked
	for _, one := range results {
		done.add(one)
	}
	return done, err
}

// RunChecks calls [Store.Recheck] about once a minute, or at once while there is more to do, until ctx is done. What fails is
// logged and tried again. Let every replica run it: they share the work.
func (s *Store) RunChecks(ctx context.Context) {
	for {
		wait := jittered(checksTick)
		done, err := s.Recheck(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			s.logger().ErrorContext(ctx, "connectorstore: re-checks failed", slog.String("error", err.Error()))
		case done.Tampered > 0:
			s.logger().ErrorContext(ctx, "connectorstore: claims can't be trusted", slog.Int("claims", done.Tampered))
		case done.Unknown > 0:
			s.logger().WarnContext(ctx, "connectorstore: the DNS did not say whether domains are proven", slog.Int("claims", done.Unknown))
		}
		if err == nil && done.Due == checkBatch {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// jittered is d, give or take a tenth: what was claimed on one day is not all looked up at one moment.
func jittered(d time.Duration) time.Duration {
	return d - d/10 + rand.N(d/5)
}

// recheck looks at one claim, as it was read, if no other replica does.
func (s *Store) recheck(ctx context.Context, c *claimRow, done *Rechecked) error {
	mine, err := s.schedule(ctx, c, s.now().Add(checkLease), false)
	if err != nil || !mine {
		return err
	}
	done.Due++
	if s.verifyClaim(c) != nil { // looked at again tomorrow, so that it does not stand in the way of others
		done.Tampered++
		_, err := s.schedule(ctx, c, s.now().Add(checkEvery), false)
		return err
	}
	if !c.owned {
		return s.forget(ctx, c, done)
	}
	if c.proof != proofDNS || c.thawed != "" && c.missingSince == 0 { // asserted, or frozen by an operator: not looked up
		_, err := s.schedule(ctx, c, time.Time{}, false)
		return err
	}
	result, err := lookForProof(ctx, s.options.Resolver, s.options.ProofLabel, c.domain(), c.token)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	switch result {
	case proofFound:
		done.Found++
		if c.missingSince == 0 && c.thawed == "" {
			_, err := s.schedule(ctx, c, s.now().Add(jittered(checkEvery)), true)
			return err
		}
		return s.settle(ctx, c, func(w *writer, h *holding) error {
			done.Recovered++
			return w.found(ctx, h)
		})
	case proofAbsent:
		done.Missing++
		return s.missed(ctx, c, done)
	default:
		done.Unknown++
		s.logger().DebugContext(ctx, "connectorstore: a look-up failed", slog.String("claim", c.id), slog.String("error", err.Error()))
		if _, err := s.schedule(ctx, c, s.now().Add(jittered(checkAgain)), false); err != nil {
			return err
		}
		return s.unknown(ctx, c)
	}
}

// unknown tells, every 30 days and by one replica, that there was no certain answer. What is frozen is known to be without proof.
func (s *Store) unknown(ctx context.Context, c *claimRow) error {
	now := s.now()
	if c.thawed != "" || now.Sub(instant(max(c.checked, c.warned))) < unknownFor {
		return nil
	}
	n, err := s.options.Dialect.exec(ctx, s.db, "UPDATE oidcsso_claims SET warned = ? WHERE id = ? AND warned = ?", millis(now), c.id, c.warned)
	if err != nil || n != 1 {
		return err
	}
	h, err := s.look(ctx, c.id)
	if err == nil {
		s.tell(ctx, EventDomainUnknown, h.attrs(slog.Time("since", instant(c.checked)))...)
	}
	return ignore(err)
}

// schedule says when a claim is due next, if it is due as it was when it was read: so it is taken by one replica, and what
// others have set meanwhile stays. It is no change of the claim, and needs no lock.
func (s *Store) schedule(ctx context.Context, c *claimRow, next time.Time, checked bool) (bool, error) {
	at := c.checked
	if checked {
		at = millis(s.now())
	}
	n, err := s.options.Dialect.exec(ctx, s.db, "UPDATE oidcsso_claims SET next_check = ?, checked = ? WHERE id = ? AND next_check = ?",
		millis(next), at, c.id, c.nextCheck)
	if n == 1 {
		c.nextCheck, c.checked = millis(next), at
	}
	return n == 1, err
}

// forget deletes a claim that nobody has proven in time, if it is as it was.
func (s *Store) forget(ctx context.Context, c *claimRow, done *Rechecked) error {
	if until := instant(c.expires).Add(claimKept); s.now().Before(until) { // the schedule is not signed
		_, err := s.schedule(ctx, c, until, false)
		return err
	}
	n, err := s.options.Dialect.exec(ctx, s.db, "DELETE FROM oidcsso_claims WHERE id = ? AND mac = ?", c.id, c.mac)
	done.Forgotten += int(n)
	return err
}

// missed writes that the DNS says for certain that the record is gone.
func (s *Store) missed(ctx context.Context, c *claimRow, done *Rechecked) error {
	now, since := s.now(), instant(c.missingSince)
	again := func() error {
		_, err := s.schedule(ctx, c, now.Add(jittered(checkAgain)), true)
		return err
	}
	switch {
	case c.thawed != "": // frozen already
		return again()
	case c.missingSince != 0 && now.Sub(since) < missGrace: //check:freeze-grace
		return again()
	}
	return s.settle(ctx, c, func(w *writer, h *holding) error {
		h.checked, h.nextCheck = millis(now), millis(now.Add(jittered(checkAgain)))
		if h.missingSince != 0 {
			done.Frozen++
			return w.freeze(ctx, h, "proof")
		}
		h.missingSince = millis(now)
		if err := w.saveClaim(ctx, h.claimRow); err != nil {
			return err
		}
		w.toldOf(ctx, h, EventDomainLost)
		return nil
	})
}

// settle writes what a look-up came to, if the claim is still the one that it was for. If not, it is due again soon.
func (s *Store) settle(ctx context.Context, seen *claimRow, fn func(*writer, *holding) error) error {
	return s.write(ctx, func(w *writer) error {
		h, err := w.holding(ctx, w.tx, seen.id)
		if err != nil {
			return ignore(err)
		}
		if !h.same(seen) { //check:recheck-changed
			return nil
		}
		return fn(w, h)
	})
}

// ignore lets the other claims go on where this one is gone, or can't be trusted.
func ignore(err error) error {
	if errors.Is(err, CodeNotFound) || errors.Is(err, CodeTampered) {
		return nil
	}
	return err
}
