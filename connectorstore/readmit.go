package connectorstore

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/oidcsso/oidcsso"
)

// Readmit mends a connector that is CodeTampered, or one of whose claims is, after an operator has looked at it: somebody
// changed the database by hand, say, or a key of the ring is lost. Never offer it to a tenant.
//
// If its own row can't be trusted, it is taken as it stands, but becomes disabled and loses its secrets, which must be entered
// again; where issuer or client ID are missing, or the configuration is not one that a connector can have, it gets ones that
// nobody has. Its domains are those of its claims that can be trusted, and they stay as enforced as the row says; one whose state
// it does not say is enforced. All other domains of the row, and claims that can't be trusted, are released: see [Store.Release]
// for what that means. [Store.Integrity] tells beforehand which.
//
// Errors: CodeNotFound, and CodeStateRefused where nothing is wrong.
func (s *Store) Readmit(ctx context.Context, id string) (Connector, error) {
	var r *row
	err := s.write(ctx, func(w *writer) (err error) {
		if r, err = w.readRow(ctx, w.tx, id); err != nil {
			return err
		}
		trusted := w.verify(r) == nil
		if trusted && r.state == stateDeleted {
			return notFound("connector")
		}
		if !trusted {
			r.state = string(StateDisabled) // whatever it says: a draft would enforce nothing
		}
		mended, err := w.reconcile(ctx, r)
		if err != nil {
			return err
		}
		if trusted && !mended {
			return refuse(CodeStateRefused, "Use Update.", "The rows can be trusted as they are.")
		}
		if !trusted {
			if err := w.disarm(r); err != nil {
				return err
			}
		}
		if err := w.save(ctx, r); err != nil {
			return err
		}
		w.changed(ctx, r, "readmitted")
		return nil
	})
	if err != nil {
		return Connector{}, err
	}
	return r.connector()
}

// disarm makes a row harmless that anybody may have written, and such that it can be read.
func (w *writer) disarm(r *row) error {
	cfg, _ := r.configuration()      // one that can't be read has no ID, and is not valid
	cfg = withStandIns(cfg)          // perhaps it was a draft
	cfg.TokenEndpointAuthMethod = "" // goes with the secret
	if w.check(cfg) != nil {         //check:readmit-invalid
		cfg = withStandIns(oidcsso.Config{ID: r.id})
	}
	var former []string
	if json.Unmarshal([]byte(r.formerIssuers), &former) != nil || len(former) > maxFormerIssuers { //check:readmit-former
		r.formerIssuers = "[]"
	}
	r.secret, r.nextSecret = "", ""
	return r.setConfiguration(cfg)
}

// reconcile makes the row's domains those of the connector's claims that can be trusted, deletes the others, and says whether
// there was anything to do.
func (w *writer) reconcile(ctx context.Context, r *row) (bool, error) {
	claims, err := w.readClaims(ctx, w.tx, "connector = ?", r.id)
	if err != nil {
		return false, err
	}
	stated, err := r.ownedDomains()
	mended := err != nil // not even JSON: all that is known is in the claims
	var kept []oidcsso.Domain
	for _, c := range claims {
		h := &holding{claimRow: c, r: r, domains: stated}
		if w.verifyClaim(c) != nil { //check:readmit-claim
			mended = true
			if err := w.deleteClaim(ctx, c); err != nil {
				return false, err
			}
			if c.owned { // or so it says; what the row says is below //check:readmit-claim-noted
				if err := w.noteEnd(ctx, c.name, c.wildcard); err != nil {
					return false, err
				}
			}
			continue
		}
		if !h.agree() {
			mended = true
		}
		if c.owned {
			kept = append(kept, h.confirmed(w))
		}
	}
	for _, d := range stated {
		if !slices.ContainsFunc(kept, func(k oidcsso.Domain) bool { return k.ClaimID == d.ClaimID }) { //check:readmit-domain
			mended = true
			if err := w.noteEnd(ctx, d.Name, d.Wildcard); err != nil {
				return false, err
			}
			gone := &claimRow{id: d.ClaimID, name: d.Name, wildcard: d.Wildcard}
			w.toldOf(ctx, &holding{claimRow: gone, r: r, domains: stated}, EventDomainReleased)
		}
	}
	return mended, r.setDomains(kept)
}

// confirmed is the domain of an owned claim, in the state that the row has it in if that can be: enforced otherwise.
func (h *holding) confirmed(w *writer) oidcsso.Domain {
	d := oidcsso.Domain{Name: h.name, Wildcard: h.wildcard, State: oidcsso.DomainEnforced, ClaimID: h.id, Since: w.now}
	switch stated := h.at(); {
	case h.thawed != "" && stated != nil && unproven(stated.State):
		d.State, d.Since = stated.State, stated.Since
	case h.thawed != "":
		d.State = withoutProof(h.r, oidcsso.DomainState(h.thawed))
	case stated != nil && slices.Contains(settable, stated.State):
		d.State, d.Since = stated.State, stated.Since
	}
	return d
}
