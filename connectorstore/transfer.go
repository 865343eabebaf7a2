package connectorstore

import (
	"context"
	"log/slog"

	"github.com/oidcsso/oidcsso"
)

// Transfer gives an owned domain to another connector, of whatever tenant, in one step: at no moment is it nobody's, or less
// enforced than it was. from is the claim that owns it; to is the other connector's own claim to the same domain, whose
// record must be there now. It is for an operator, or for a tenant with both connectors: the old owner is not asked.
//
// The domain keeps its state, or gets that of a wildcard above it of the same tenant, if that is more enforced. One that is
// frozen or lapsed is what it was before, since it is proven anew. Its ClaimID changes: no account
// is linked, and no address trusted, because of the old one. The old claim is gone.
//
// Errors: CodeNotFound, CodeTampered, CodeConflict, CodeProofMissing, CodeProofUnknown, CodeProofExpired; CodeInvalid if the two
// claims are not of one domain; CodeStateRefused if from does not own it, if to does, or if the other connector is a draft,
// which enforces nothing.
func (s *Store) Transfer(ctx context.Context, from, to string) (Claim, error) {
	seen, err := s.look(ctx, to)
	if err != nil {
		return Claim{}, err
	}
	if err := s.prove(ctx, seen.claimRow); err != nil {
		return Claim{}, err
	}
	return s.transfer(ctx, from, to, proofDNS, seen.claimRow)
}

// TransferAsserted is Transfer on an operator's word instead of a record, with what is said of [Store.Assert]: it is never for
// a tenant to call.
func (s *Store) TransferAsserted(ctx context.Context, from, to string) (Claim, error) {
	return s.transfer(ctx, from, to, proofAsserted, nil)
}

func (s *Store) transfer(ctx context.Context, from, to, proof string, seen *claimRow) (Claim, error) {
	return s.onClaim(ctx, to, func(w *writer, taker *holding) error {
		owner, err := w.holding(ctx, w.tx, from)
		if err != nil {
			return err
		}
		switch {
		case seen != nil && !taker.same(seen):
			return errClaimChanged()
		case seen != nil && taker.expired(w.now): //check:transfer-expired
			return errExpired()
		case owner.name != taker.name || owner.wildcard != taker.wildcard: //check:transfer-domain
			return refuse(CodeInvalid, "Claim the same domain with the other connector.", "The two claims are not of one domain.")
		case !owner.owned || taker.owned: //check:transfer-owned
			return refuse(CodeStateRefused, "Name the claim that owns the domain, then the one that is to own it.", "The claim to move from does not own the domain.")
		case taker.r.state == string(StateDraft): //check:transfer-draft
			return refuse(CodeStateRefused, "Activate it first.", "The other connector is a draft: the domain would not be enforced there.")
		}
		state := owner.state()
		if owner.thawed != "" {
			state = oidcsso.DomainState(owner.thawed)
		}
		least, _, err := w.least(ctx, taker)
		if err != nil {
			return err
		}
		if strength(state) < strength(least) { //check:transfer-below-wildcard
			state = least
		}
		if err := w.end(ctx, owner); err != nil {
			return err
		}
		if err := w.become(ctx, taker, proof, state); err != nil {
			return err
		}
		w.toldOf(ctx, taker, EventDomainMoved, slog.String("from", owner.r.id), slog.String("from_claim", owner.id), proofAttr(taker))
		return nil
	})
}
