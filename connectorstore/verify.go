package connectorstore

import (
	"bytes"
	"context"
	"log/slog"

	"github.com/oidcsso/oidcsso"
)

// Verify looks for the DNS record of a claim, and makes the domain the connector's if it is there and nobody else owns the
// domain. It is then verified: addresses in it are trusted, and nobody is sent anywhere yet, see [Store.SetDomainState]. It
// asks the DNS on each call, for up to five seconds: where a tenant may call it, bound how often.
//
// A name below a wildcard that is owned takes its people out of it. So it is refused, unless the wildcard is the same
// connector's or the same tenant's, and is then not verified but as enforced as the wildcard is. With a connector that has no
// tenant nobody shares one. Who should have a name below another's wildcard gets it by the wildcard's owner, who
// proves it, and [Store.Transfer], or by [Store.Assert].
//
// For a domain that is owned it looks again, now instead of when it is due. If the record is there, a domain that is frozen
// or lapsed for the lack of it is what it was before; if not, nothing changes. An asserted domain stays as it is.
//
// Errors: CodeNotFound, CodeTampered, CodeConflict; CodeProofMissing, CodeProofUnknown, CodeProofExpired; CodeDomainOwned, which
// does not say by whom; CodeStateRefused for a domain that an operator has frozen, and for one of a draft below another
// connector's wildcard; an [oidcsso.ConfigError] for a name that no connector may have any more.
func (s *Store) Verify(ctx context.Context, claimID string) (Claim, error) {
	seen, err := s.look(ctx, claimID)
	if err != nil {
		return Claim{}, err
	}
	if seen.thawed != "" && !seen.lost() { //check:verify-operator-froze
		return Claim{}, refuse(CodeStateRefused, "Ask the operator of this service.", "The domain was frozen by an operator.")
	}
	if seen.owned && seen.proof == proofAsserted {
		return seen.claim(s.options.ProofLabel), nil
	}
	if err := s.prove(ctx, seen.claimRow); err != nil {
		return Claim{}, err
	}
	return s.onClaim(ctx, claimID, func(w *writer, h *holding) error {
		switch {
		case h.owned && !seen.owned && h.token == seen.token: // the same call at the same time
			return nil
		case !h.same(seen.claimRow): //check:verify-changed
			return errClaimChanged()
		case h.owned:
			return w.found(ctx, h)
		case h.expired(w.now): //check:verify-expired-meanwhile
			return errExpired()
		}
		return w.own(ctx, h, proofDNS)
	})
}

// same says whether the claim is as it was when its record was looked for: by the same connector, with the same token.
func (c *claimRow) same(seen *claimRow) bool { return bytes.Equal(c.signed(), seen.signed()) }

func errClaimChanged() error {
	return refuse(CodeConflict, "Try again.", "The claim was changed while its record was looked for.")
}

func errExpired() error {
	return refuse(CodeProofExpired, "Claim the domain again, and publish the new record.", "The claim was not proven in time.")
}

// prove looks for the record, outside of any transaction: an answer may take its time.
func (s *Store) prove(ctx context.Context, c *claimRow) error {
	if c.expired(s.now()) { //check:verify-expired
		return errExpired()
	}
	result, err := lookForProof(ctx, s.options.Resolver, s.options.ProofLabel, c.domain(), c.token)
	switch result {
	case proofFound:
		return nil
	case proofAbsent:
		return refuse(CodeProofMissing, "Publish it, and try again when it can be seen: that may take as long as the zone's negative answers are kept.",
			"%s", err)
	}
	// What DNS servers are asked, and what became of it, is the operator's to know.
	s.logger().WarnContext(ctx, "connectorstore: a look-up failed", slog.String("claim", c.id), slog.String("error", err.Error()))
	return refuse(CodeProofUnknown, "Try again later.", "Whether the DNS record is there could not be found out.")
}

func (s *Store) logger() *slog.Logger {
	if s.sso.Logger != nil {
		return s.sso.Logger
	}
	return slog.Default()
}

// found writes that the record of an owned domain is there.
func (w *writer) found(ctx context.Context, h *holding) error {
	frozen := h.lost()
	missed := h.missingSince != 0
	h.checked, h.nextCheck, h.missingSince = millis(w.now), millis(w.now.Add(jittered(checkEvery))), 0
	if frozen {
		return w.thaw(ctx, h)
	}
	if err := w.saveClaim(ctx, h.claimRow); err != nil {
		return err
	}
	if missed {
		w.toldOf(ctx, h, EventDomainRecovered)
	}
	return nil
}

// thaw gives a frozen domain back what it might do before.
func (w *writer) thaw(ctx context.Context, h *holding) error {
	d := h.at()
	d.State, d.Since = oidcsso.DomainState(h.thawed), w.now
	h.thawed = ""
	if err := w.saveClaim(ctx, h.claimRow); err != nil {
		return err
	}
	w.toldOf(ctx, h, EventDomainRecovered)
	return w.saveDomains(ctx, h)
}

// freeze keeps in the claim what the domain might do before. What was open until now stays so, and what was closed too: only
// the trust ends.
func (w *writer) freeze(ctx context.Context, h *holding, cause string) error {
	d := h.at()
	h.thawed = string(d.State)
	d.State, d.Since = withoutProof(h.r, d.State), w.now
	if err := w.saveClaim(ctx, h.claimRow); err != nil {
		return err
	}
	w.toldOf(ctx, h, EventDomainFrozen, slog.String("cause", cause))
	return w.saveDomains(ctx, h)
}

// withoutProof is what becomes of a domain: frozen if it is enforced. A draft enforces nothing, whatever its domains say.
func withoutProof(r *row, state oidcsso.DomainState) oidcsso.DomainState {
	if state == oidcsso.DomainEnforced && r.state != string(StateDraft) { //check:freeze-lapses
		return oidcsso.DomainFrozen
	}
	return oidcsso.DomainLapsed
}
