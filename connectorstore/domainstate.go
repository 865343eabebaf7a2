package connectorstore

import (
	"context"
	"log/slog"
	"slices"

	"github.com/oidcsso/oidcsso"
)

// settable are the states that an owner chooses from. Frozen and lapsed have calls of their own, and asserted is a developer's word in
// source code: here an operator's word is a proof, see [Store.Assert].
var settable = []oidcsso.DomainState{oidcsso.DomainVerified, oidcsso.DomainRouted, oidcsso.DomainReportOnly, oidcsso.DomainEnforced}

// SetDomainState says what an owned domain may do: verified, routed, report_only or enforced. from is the state that it was
// read in; if it is another one meanwhile, nothing changes.
//
// For a draft it takes effect when the connector is activated. Enforced for a disabled connector lets nobody of the domain
// in. Below a wildcard of the same connector or tenant no state can be set that is weaker than the wildcard's: its people would
// get in another way. A name does not follow when the wildcard above it is made more enforced.
//
// Errors: CodeNotFound, CodeTampered; CodeConflict if the state is not from; CodeStateRefused for other states, for a
// domain that is not owned, or that is frozen or lapsed, and for a weaker state than that of the wildcard above.
func (s *Store) SetDomainState(ctx context.Context, claimID string, from, to oidcsso.DomainState) (Claim, error) {
	return s.onClaim(ctx, claimID, func(w *writer, h *holding) error {
		d := h.at()
		switch {
		case !slices.Contains(settable, to): //check:domain-state-set
			return refuse(CodeStateRefused, "Use verified, routed, report_only or enforced.", "The state %q can't be set.", to)
		case d == nil: //check:domain-state-owned
			return refuse(CodeStateRefused, "Verify the claim first.", "The domain is not the connector's.")
		case unproven(d.State): //check:domain-state-frozen
			return refuse(CodeStateRefused, "Publish the record again, then verify the claim.", "The domain is %s.", d.State)
		case d.State != from: //check:domain-state-from
			return refuse(CodeConflict, "Read it again, and decide on what it is now.", "The domain's state was changed meanwhile.")
		case from == to:
			return nil
		}
		least, above, err := w.least(ctx, h)
		if err != nil {
			return err
		}
		if strength(to) < strength(least) { //check:domain-state-below
			return refuse(CodeStateRefused, "Choose at least that state, or change that of the wildcard first.", "The domain lies below %s, which is %s.", above, least)
		}
		d.State, d.Since = to, w.now
		w.toldOf(ctx, h, EventDomainState, slog.String("from", string(from)))
		return w.saveDomains(ctx, h)
	})
}

// Freeze takes an owned domain's trust away without letting anybody past single sign-on, or shutting anybody out, as when its
// proof is lost: see [oidcsso.DomainFrozen], and [oidcsso.DomainLapsed] for one that is not enforced. It is for an operator, who
// suspects that the domain has another owner, say. Only [Store.Thaw] ends it: no re-check does. But who releases the domain, and
// still has its zone, may prove it anew: [Tenant.Release] refuses such a domain.
//
// Errors: CodeNotFound, CodeTampered; CodeStateRefused for a domain that is not owned.
func (s *Store) Freeze(ctx context.Context, claimID string) (Claim, error) {
	return s.onClaim(ctx, claimID, func(w *writer, h *holding) error {
		if !h.owned { //check:freeze-owned
			return refuse(CodeStateRefused, "A claim that is not owned does nothing; release it.", "The domain is not the connector's.")
		}
		// What is frozen and not missing is the operator's: no re-check, no Verify ends it.
		h.missingSince, h.nextCheck = 0, 0
		if h.thawed != "" {
			return w.saveClaim(ctx, h.claimRow)
		}
		return w.freeze(ctx, h, "operator")
	})
}

// Thaw gives a frozen or lapsed domain back what it might do before. The record must be there now, unless the domain is asserted: then
// calling it is the operator's word. Never offer it to a tenant, who has [Store.Verify].
//
// Errors: CodeNotFound, CodeTampered, CodeConflict, CodeProofMissing, CodeProofUnknown; CodeStateRefused where nothing is frozen.
func (s *Store) Thaw(ctx context.Context, claimID string) (Claim, error) {
	seen, err := s.look(ctx, claimID)
	if err != nil {
		return Claim{}, err
	}
	if seen.proof == proofDNS {
		if err := s.prove(ctx, seen.claimRow); err != nil {
			return Claim{}, err
		}
	}
	return s.onClaim(ctx, claimID, func(w *writer, h *holding) error {
		if h.thawed == "" { //check:thaw-frozen
			return refuse(CodeStateRefused, "Nothing needs to be done.", "The domain is neither frozen nor lapsed.")
		}
		if !h.same(seen.claimRow) { //check:thaw-changed
			return errClaimChanged()
		}
		h.missingSince = 0
		if h.proof == proofDNS {
			h.checked, h.nextCheck = millis(w.now), millis(w.now.Add(jittered(checkEvery)))
		}
		return w.thaw(ctx, h)
	})
}

// Release ends a claim. If it owns its domain, the domain is nobody's from now on: its people sign in without single sign-on
// (with a password, say) from one moment to the next, and who proves it next owns it. To give it to another connector without
// that gap, use [Store.Transfer].
//
// Errors: CodeNotFound, CodeTampered.
func (s *Store) Release(ctx context.Context, claimID string) error {
	return s.write(ctx, func(w *writer) error {
		h, err := w.holding(ctx, w.tx, claimID)
		if err != nil {
			return err
		}
		if s.tenant != "" && h.thawed != "" && !h.lost() { //check:tenant-release-frozen
			return refuse(CodeStateRefused, "Ask the operator of this service.", "The domain was frozen by an operator.")
		}
		w.toldOf(ctx, h, EventDomainReleased)
		return w.end(ctx, h)
	})
}

// end deletes the claim, and takes its domain out of the row.
func (w *writer) end(ctx context.Context, h *holding) error {
	if err := w.deleteClaim(ctx, h.claimRow); err != nil || !h.owned {
		return err
	}
	if err := w.noteEnd(ctx, h.name, h.wildcard); err != nil {
		return err
	}
	h.domains = slices.DeleteFunc(h.domains, func(d oidcsso.Domain) bool { return d.ClaimID == h.id })
	return w.saveDomains(ctx, h)
}
