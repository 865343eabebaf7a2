package connectorstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/oidcsso/oidcsso"
)

// Claim is a connector's claim to an email domain. Many may claim a domain; one owns it, who has proven it first. What is
// not owned neither leads anybody to the connector nor keeps anybody from theirs.
//
// "acme.example" and "*.acme.example" are two domains, each with an owner of its own, and so are names below either. For an
// address the owner of the name itself counts, else the one of the longest wildcard. Who may own a name below another's
// wildcard, [Store.Verify] says.
type Claim struct {
	// ID is drawn by the store; identities of an owned domain carry it, see [oidcsso.Domain]. Connector is whose claim it is.
	ID        string `json:"id"`
	Connector string `json:"connector"`
	// Name is canonical, without "*."; Wildcard means every name below it, and not Name itself.
	Name     string `json:"name"`
	Wildcard bool   `json:"wildcard"`
	// Owned says that the domain is the connector's. State is what it may do; claimed while it is not owned.
	Owned bool                `json:"owned"`
	State oidcsso.DomainState `json:"state"`
	// Proof is "dns", or "asserted" where an operator's word counts, see [Store.Assert]. Empty while the domain is not owned.
	Proof string `json:"proof,omitempty"`
	// RecordType, RecordName and RecordValue are the DNS record to publish, and to leave in place: it is looked for again. The
	// type is "TXT", the name has no dot at its end. It is no secret. Empty where the domain is asserted.
	RecordType  string `json:"record_type,omitempty"`
	RecordName  string `json:"record_name,omitempty"`
	RecordValue string `json:"record_value,omitempty"`

	// Created is when the domain was first claimed.
	Created time.Time `json:"created"`
	// Expires is until when the domain can be proven; zero once it is owned.
	Expires time.Time `json:"expires,omitzero"`
	// Verified is when the domain became the connector's.
	Verified time.Time `json:"verified,omitzero"`
	// Checked is when the DNS last said whether the record is there, NextCheck when it is looked for again.
	Checked   time.Time `json:"checked,omitzero"`
	NextCheck time.Time `json:"next_check,omitzero"`
	// MissingSince is the first check of those in a row that did not find the record. See [Store.Recheck].
	MissingSince time.Time `json:"missing_since,omitzero"`
	// ReportCount is how many attempts enforcement would have stopped while the domain was report-only, ReportLast when the
	// last one was. Replicas add to them now and then.
	ReportCount int64     `json:"report_count"`
	ReportLast  time.Time `json:"report_last,omitzero"`
	// Revision is that of the connector, which what is done with a claim may have changed: who had read the connector as it was
	// before need not read it again to change it further, leaving Config.Domains nil.
	Revision int64 `json:"revision"`
}

// Domain is the name, with "*." before it for a wildcard.
func (c Claim) Domain() string { return oidcsso.Domain{Name: c.Name, Wildcard: c.Wildcard}.String() }

// MarshalJSON spells the state out: "claimed" where it is empty.
func (c Claim) MarshalJSON() ([]byte, error) {
	type plain Claim
	if c.State == oidcsso.DomainClaimed {
		c.State = "claimed"
	}
	return json.Marshal(plain(c))
}

// holding is a claim with the row of its connector. The two agree: an owned claim is in the row, and no other is.
type holding struct {
	*claimRow
	r       *row
	domains []oidcsso.Domain // of the row
}

// at is where the row has the claim's domain; nil if the claim is not owned.
func (h *holding) at() *oidcsso.Domain {
	for i := range h.domains {
		if h.domains[i].ClaimID == h.id {
			return &h.domains[i]
		}
	}
	return nil
}

func (h *holding) state() oidcsso.DomainState {
	if d := h.at(); d != nil {
		return d.State
	}
	return oidcsso.DomainClaimed
}

// agree says whether claim and row say the same.
func (h *holding) agree() bool {
	d := h.at()
	if d == nil || !h.owned {
		return d == nil && !h.owned && h.thawed == ""
	}
	return h.r.id == h.connector && d.Name == h.name && d.Wildcard == h.wildcard && unproven(d.State) == (h.thawed != "")
}

// unproven says whether the state is one of a domain that is not trusted any more. The claim has the state before.
func unproven(s oidcsso.DomainState) bool {
	return s == oidcsso.DomainFrozen || s == oidcsso.DomainLapsed
}

// lost says whether the domain is frozen, or lapsed, because its proof was lost. One that an operator has frozen is missing
// nothing.
func (h *holding) lost() bool { return h.thawed != "" && h.missingSince != 0 }

// domain is the claim's domain in its notation.
func (c *claimRow) domain() string {
	return oidcsso.Domain{Name: c.name, Wildcard: c.wildcard}.String()
}

func (h *holding) claim(label string) Claim {
	c := Claim{
		ID: h.id, Connector: h.connector, Name: h.name, Wildcard: h.wildcard, Owned: h.owned, State: h.state(), Proof: h.proof,
		Created: instant(h.created), Expires: instant(h.expires), Verified: instant(h.verified), Checked: instant(h.checked),
		MissingSince: instant(h.missingSince), ReportCount: h.reportCount, ReportLast: instant(h.reportLastAt), Revision: h.r.revision,
	}
	if h.owned {
		c.NextCheck = instant(h.nextCheck)
	}
	if h.proof != proofAsserted {
		c.RecordType = "TXT"
		c.RecordName, c.RecordValue, _ = proofRecord(label, h.domain(), h.token) // it was checked when the domain was claimed
	}
	return c
}

// holding reads a claim that can be trusted, in a row that can be.
func (s *Store) holding(ctx context.Context, q queryer, id string) (*holding, error) {
	c, err := s.readClaim(ctx, q, id)
	if c == nil {
		return nil, err
	}
	r, missing := s.verified(ctx, q, c.connector)
	switch {
	case s.tenant != "" && errors.Is(missing, CodeNotFound): //check:tenant-claim
		return nil, notFound("claim") // whether it can be trusted is not for another tenant
	case err != nil:
		return nil, err
	case missing != nil:
		return nil, missing
	}
	return s.hold(r, c)
}

func (s *Store) hold(r *row, c *claimRow) (*holding, error) {
	domains, err := r.ownedDomains()
	if err != nil {
		return nil, err
	}
	h := &holding{claimRow: c, r: r, domains: domains}
	return h, h.check()
}

// check refuses a claim and a row that don't agree: somebody changed one of the two, or put an older one in its place.
func (h *holding) check() error {
	if !h.agree() { //check:claim-disagrees
		return refuse(CodeTampered, "Find out who changed the database, then use Readmit.",
			"The rows of claim %q and of connector %q do not say the same of who owns the domain.", h.id, h.r.id)
	}
	return nil
}

// snapshot runs fn over one state of the database.
func (s *Store) snapshot(ctx context.Context, fn func(q queryer) error) error {
	var o *sql.TxOptions // SQLite needs none: what a transaction reads first is what it reads on
	if s.options.Dialect == PostgreSQL {
		o = &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
	}
	tx, err := s.db.BeginTx(ctx, o)
	if err != nil {
		return fmt.Errorf("connectorstore: %w", err)
	}
	defer tx.Rollback()
	return fn(tx)
}

// look reads a claim outside of a change.
func (s *Store) look(ctx context.Context, id string) (h *holding, err error) {
	err = s.snapshot(ctx, func(q queryer) error {
		h, err = s.holding(ctx, q, id)
		return err
	})
	return h, err
}

// ClaimByID gives one claim as it is now.
//
// Errors: CodeNotFound, CodeTampered.
func (s *Store) ClaimByID(ctx context.Context, claimID string) (Claim, error) {
	h, err := s.look(ctx, claimID)
	if err != nil {
		return Claim{}, err
	}
	return h.claim(s.options.ProofLabel), nil
}

// Claims gives all claims of a connector, sorted by their IDs. The list is never nil.
//
// Errors: CodeNotFound; CodeTampered if one of them can't be trusted, see [Store.Integrity] and [Store.Readmit].
func (s *Store) Claims(ctx context.Context, connectorID string) ([]Claim, error) {
	claims := []Claim{}
	err := s.snapshot(ctx, func(q queryer) error {
		r, err := s.verified(ctx, q, connectorID)
		if err != nil {
			return err
		}
		domains, err := r.ownedDomains()
		if err != nil {
			return err
		}
		rows, err := s.readClaims(ctx, q, "connector = ?", connectorID)
		if err != nil {
			return err
		}
		for _, c := range rows {
			h := &holding{claimRow: c, r: r, domains: domains}
			if err := s.verifyClaim(c); err != nil {
				return err
			}
			if err := h.check(); err != nil {
				return err
			}
			claims = append(claims, h.claim(s.options.ProofLabel))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return claims, nil
}

// onClaim changes one claim and gives what became of it; the zero Claim if it is gone.
func (s *Store) onClaim(ctx context.Context, id string, fn func(*writer, *holding) error) (Claim, error) {
	var h *holding
	err := s.write(ctx, func(w *writer) (err error) {
		if h, err = w.holding(ctx, w.tx, id); err != nil {
			return err
		}
		return fn(w, h)
	})
	if err != nil {
		return Claim{}, err
	}
	return h.claim(s.options.ProofLabel), nil
}

// saveDomains stores the row with the domains as they are in h.
func (w *writer) saveDomains(ctx context.Context, h *holding) error {
	if err := h.r.setDomains(h.domains); err != nil {
		return err
	}
	if err := w.save(ctx, h.r); err != nil {
		return err
	}
	w.changed(ctx, h.r, "domains")
	return nil
}
