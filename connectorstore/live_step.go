package connectorstore

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/oidcsso/oidcsso"
)

// knowledge is what a Live remembers beside the connectors themselves.
type knowledge struct {
	revision        int64 // up to which everything was read
	rows            map[string]rowKnown
	deleted         int // of rows
	quarantined     map[string]quarantine
	fullAt, againAt time.Time
	warned          map[string]time.Time // of a secret's expiry

	quarantineChanged bool
}

// rowKnown is the newest row of a connector that could be trusted, in 16 bytes.
type rowKnown struct {
	revision int64
	print    uint32 // of the MAC
	signedIn bool
	deleted  bool
}

// quarantine is a connector that is out of order.
type quarantine struct {
	err     error
	print   uint32 // of the whole row; 0 where it is gone
	domains []oidcsso.Domain
}

func printOf(parts ...string) uint32 {
	h := fnv.New32a()
	for _, part := range parts {
		io.WriteString(h, part)
	}
	return h.Sum32()
}

func (k *knowledge) count() int {
	n := len(k.rows) - k.deleted
	for id := range k.quarantined {
		if known, ok := k.rows[id]; !ok || known.deleted {
			n++
		}
	}
	return n
}

func (k *knowledge) quarantineList() []Quarantined {
	list := make([]Quarantined, 0, len(k.quarantined))
	for id, q := range k.quarantined {
		list = append(list, Quarantined{ID: id, Err: q.err})
	}
	slices.SortFunc(list, func(a, b Quarantined) int { return strings.Compare(a.ID, b.ID) })
	return list
}

// setRow keeps the count of deleted rows.
func (k *knowledge) setRow(id string, r rowKnown) {
	if k.rows[id].deleted {
		k.deleted--
	}
	if r.deleted {
		k.deleted++
	}
	k.rows[id] = r
}

// step is what one Sync changes. All of it becomes visible at once.
type step struct {
	queryer
	live   *Live
	full   bool
	seen   map[string]bool
	put    []oidcsso.Config
	remove []string
	rows   map[string]rowKnown
	bad    map[string]quarantine
	slow   int // secrets for which the Sealer took too long
}

// maxSlow is how often a step waits for a Sealer that does not answer: those who need none must not wait for ever.
const maxSlow = 3

func newStep(l *Live, full bool) *step {
	return &step{live: l, full: full, seen: map[string]bool{}, rows: map[string]rowKnown{}, bad: map[string]quarantine{}}
}

// look decides what becomes of a row.
func (s *step) look(ctx context.Context, r *row) {
	store, k := s.live.store, &s.live.known
	s.seen[r.id] = true
	if err := store.verify(r); err != nil { //check:live-tampered
		s.quarantine(r, err)
		return
	}
	before, known := k.rows[r.id]
	if known && r.revision < before.revision { //check:live-replayed
		s.quarantine(r, refuse(CodeTampered, "Find out who changed the database, and make the last changes again.",
			"The row of connector %q is an old one, of revision %d; there was one of revision %d.", r.id, r.revision, before.revision))
		return
	}
	now := rowKnown{revision: r.revision, print: printOf(r.mac), signedIn: r.signedIn != 0, deleted: r.state == stateDeleted}
	_, quarantined := k.quarantined[r.id]
	if known && now == before && !quarantined {
		return
	}
	s.rows[r.id] = now
	if now.deleted {
		s.remove = append(s.remove, r.id)
		return
	}
	cfg, err := r.live()
	if err == nil {
		err = s.openSecrets(ctx, r, &cfg)
	}
	if err != nil { //check:live-unreadable
		s.quarantine(r, err)
		return
	}
	s.put = append(s.put, cfg)
}

func (s *step) openSecrets(ctx context.Context, r *row, cfg *oidcsso.Config) error {
	if s.slow >= maxSlow && r.secret+r.nextSecret != "" { //check:live-sealer
		return fmt.Errorf("connectorstore: %w", errSlow)
	}
	err := s.live.store.openSecrets(ctx, r, cfg)
	if errors.Is(err, errSlow) {
		s.slow++
	}
	return err
}

func (s *step) quarantine(r *row, err error) {
	domains, _ := r.ownedDomains() // what it names, if it can be read
	s.bad[r.id] = quarantine{err: err, print: printOf(string(r.signed()), r.mac) | 1, domains: domains}
}

func (s *step) vanished(id string) {
	s.bad[id] = quarantine{err: refuse(CodeTampered, "Find out who changed the database, and bring the row back from a backup.", "The row of connector %q is gone.", id)}
}

const maxQuarantinedDomains = 1000

// readClaims adds, to what is newly quarantined, the domains that it owns by the table of claims, and those that it was
// quarantined with until now: who breaks a row, or takes it away, must not open a domain by that.
func (s *step) readClaims(ctx context.Context) error {
	store := s.live.store
	for id, q := range s.bad {
		old, before := s.live.known.quarantined[id]
		if before && old.print == q.print {
			q.domains = old.domains
			s.bad[id] = q
			continue
		}
		claims, err := store.readClaims(ctx, s, "connector = ? AND owned = 1", id)
		if err != nil {
			return err
		}
		named := slices.Clone(old.domains)
		for _, c := range claims {
			named = append(named, oidcsso.Domain{Name: c.name, Wildcard: c.wildcard})
		}
		q.domains = closed(append(named, q.domains...))
		s.bad[id] = q
		s.put = append(s.put, oidcsso.Config{ID: id, Domains: q.domains})
	}
	return nil
}

// closed are the domains, each once and enforced. Their number is bounded, since anybody may have written them.
func closed(named []oidcsso.Domain) []oidcsso.Domain {
	var domains []oidcsso.Domain
	seen := map[string]bool{}
	for _, d := range named {
		if d = (oidcsso.Domain{Name: d.Name, Wildcard: d.Wildcard, State: oidcsso.DomainEnforced}); !seen[d.String()] && len(domains) < maxQuarantinedDomains {
			seen[d.String()] = true
			domains = append(domains, d)
		}
	}
	return domains
}

// apply makes the step visible, and remembers it. It can't fail.
func (s *step) apply(ctx context.Context) {
	l, k := s.live, &s.live.known
	l.reasons.enter(s.bad)
	for _, p := range problemsOf(l.router.Sync(s.put, s.remove)) {
		if _, known := s.bad[p.connector]; !known { // otherwise it was put as one that can't be read
			s.bad[p.connector] = s.refused(p)
			l.reasons.remove(p.connector) // the Router's cause is it
		}
	}
	if k.quarantined == nil {
		k.quarantined = map[string]quarantine{}
	}
	if k.rows == nil {
		k.rows = make(map[string]rowKnown, len(s.rows))
	}
	for id, r := range s.rows {
		k.setRow(id, r)
		if !r.signedIn {
			l.diary.forget(id) // Rekey begins anew, perhaps with an issuer that was there before
		}
		if _, had := k.quarantined[id]; had && s.bad[id].err == nil {
			delete(k.quarantined, id)
			l.reasons.remove(id)
			k.quarantineChanged = true
		}
	}
	for id, q := range s.bad {
		old, had := k.quarantined[id]
		k.quarantined[id], k.quarantineChanged = q, true
		if !had || old.print != q.print {
			l.quarantineTold(ctx, id, q.err)
		}
	}
}

// refused is a connector whose row is as it should be, and which the Router can't have all the same.
func (s *step) refused(p problem) quarantine {
	q := quarantine{err: p.err, print: s.rows[p.connector].print | 1}
	for _, cfg := range s.put {
		if cfg.ID == p.connector {
			q.domains = closed(cfg.Domains)
		}
	}
	return q
}

// problem is one of those that Router.Sync joins.
type problem struct {
	connector string
	err       error
}

func problemsOf(err error) (problems []problem) {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return nil
	}
	for _, err := range joined.Unwrap() {
		var invalid *oidcsso.ConfigError
		var refused *oidcsso.Error
		switch {
		case errors.As(err, &invalid):
			problems = append(problems, problem{invalid.Connector, err})
		case errors.As(err, &refused):
			problems = append(problems, problem{refused.Connector, err})
		}
	}
	return problems
}
