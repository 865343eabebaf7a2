package connectorstore

import (
	"cmp"
	"context"
	"slices"

	"github.com/oidcsso/oidcsso"
)

// A name with an owner of its own is not covered by a wildcard above it: the longest match decides. Whoever can prove one name
// below a company's domain, by a subdomain that was delegated and forgotten, say, would take the people there out of the
// company's single sign-on.

// above is the owned wildcard that covers the names of h, but for those that have an owner; nil if there is none.
func (w *writer) above(ctx context.Context, h *holding) (*holding, error) {
	covering, parents := wildcardsAbove(h.name)
	claims, err := w.readClaims(ctx, w.tx, "owned = 1 AND "+covering, parents...)
	if err != nil || len(claims) == 0 {
		return nil, err
	}
	longest := slices.MaxFunc(claims, func(a, b *claimRow) int { return cmp.Compare(len(a.name), len(b.name)) })
	if err := w.verifyClaim(longest); err != nil {
		return nil, err
	}
	r := h.r
	if longest.connector != r.id {
		if r, err = w.readRow(ctx, w.tx, longest.connector); err != nil {
			return nil, err
		}
		if r, err = w.trusted(r); err != nil { // whosever it is
			return nil, err
		}
	}
	return w.hold(r, longest)
}

// related says whether two connectors are one customer's. Connectors without a tenant may be anybody's.
func related(a, b *row) bool { return a.id == b.id || a.tenant == b.tenant && a.tenant != "" }

// stateBelow is the state in which the domain begins to be owned, or why it can't be.
func (w *writer) stateBelow(ctx context.Context, h *holding, proof string) (oidcsso.DomainState, error) {
	wildcard, err := w.above(ctx, h)
	switch {
	case err != nil && ignore(err) == nil: //check:below-tampered
		return "", errBelow() // whose row it is that can't be trusted is not for whoever proves a name
	case err != nil:
		return "", err
	case wildcard == nil:
		return oidcsso.DomainVerified, nil
	case proof != proofAsserted && !related(wildcard.r, h.r): //check:below-wildcard
		return "", errBelow()
	case wildcard.r.id != h.r.id && h.r.state == string(StateDraft): //check:below-draft
		return "", refuse(CodeStateRefused, "Activate it first.", "The connector is a draft, and the domain lies below another connector's wildcard: it would not be enforced here.")
	}
	return wildcard.enforcement(h.r), nil
}

func errBelow() error {
	return refuse(CodeDomainOwned, "Let the owner of the wildcard prove the name and transfer it, or ask the operator of this service.", "The domain lies below a wildcard that is owned already.")
}

// least is what the state of an owned domain must not be weaker than, because of a wildcard above it, which it names. Another
// tenant's counts for nothing: an operator has given the name away, or it was there first.
func (w *writer) least(ctx context.Context, h *holding) (least oidcsso.DomainState, domain string, err error) {
	wildcard, err := w.above(ctx, h)
	if err != nil || wildcard == nil || !related(wildcard.r, h.r) {
		return oidcsso.DomainVerified, "", err
	}
	return wildcard.enforcement(h.r), wildcard.domain(), nil
}

// enforcement is what the wildcard does to the people of a name below it that another connector is to have: nothing while its
// own one is a draft, unless the two are the same.
func (h *holding) enforcement(below *row) oidcsso.DomainState {
	state := h.state()
	switch {
	case h.r.id != below.id && h.r.state == string(StateDraft), state == oidcsso.DomainLapsed:
		return oidcsso.DomainVerified
	case state == oidcsso.DomainFrozen: //check:below-frozen
		return oidcsso.DomainEnforced
	}
	return state
}

// strength orders the states that can be set.
func strength(state oidcsso.DomainState) int {
	return max(slices.Index(settable, state), 0)
}
