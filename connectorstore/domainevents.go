package connectorstore

import (
	"context"
	"log/slog"
)

// The events of domains. Each has connector, tenant, domain, claim and state (the domain's, "claimed" while it is not owned);
// actor if [WithActor] named one. Where a connector's domains change, [EventConnectorChanged] is told too.
const (
	// EventDomainClaimed: somebody says that a domain is theirs.
	EventDomainClaimed = "domain_claimed"
	// EventDomainVerified: the domain is the connector's from now on. Further: proof ("dns", "asserted").
	EventDomainVerified = "domain_verified"
	// EventDomainState: what the domain may do was changed. Further: from.
	EventDomainState = "domain_state"
	// EventDomainLost: the DNS says, for the first time, that the proof of an owned domain is gone. Unless it comes back, the
	// domain will be frozen.
	EventDomainLost = "domain_lost"
	// EventDomainFrozen: the domain is frozen. Further: cause ("proof", "operator").
	EventDomainFrozen = "domain_frozen"
	// EventDomainRecovered: the proof is back, or an operator has thawed the domain. State is what it may do again.
	EventDomainRecovered = "domain_recovered"
	// EventDomainReleased: the claim is ended. State is what the domain was.
	EventDomainReleased = "domain_released"
	// EventDomainMoved: an owned domain is another connector's from now on, connector's. Further: from (the old connector),
	// from_claim, proof.
	EventDomainMoved = "domain_moved"
)

func (w *writer) toldOf(ctx context.Context, h *holding, name string, attrs ...slog.Attr) {
	state := h.state()
	if state == "" {
		state = "claimed"
	}
	w.told(ctx, name, append([]slog.Attr{slog.String("connector", h.r.id), slog.String("tenant", h.r.tenant),
		slog.String("domain", h.domain()), slog.String("claim", h.id), slog.String("state", string(state))}, attrs...)...)
}

func proofAttr(h *holding) slog.Attr { return slog.String("proof", h.proof) }
