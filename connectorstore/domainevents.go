package connectorstore

import (
	"context"
	"log/slog"

	"github.com/oidcsso/oidcsso"
)

// The events of domains. Each has connector, tenant, domain, claim and state (the domain's, "claimed" while it is not owned);
// actor if [WithActor] named one. Where a connector's domains change, [EventConnectorChanged] is told too.
const (
	// EventDomainClaimed: somebody says that a domain is theirs.
	EventDomainClaimed oidcsso.EventName = "domain_claimed"
	// EventDomainVerified: the domain is the connector's from now on. Further: proof ("dns", "asserted").
	EventDomainVerified oidcsso.EventName = "domain_verified"
	// EventDomainState: what the domain may do was changed. Further: from.
	EventDomainState oidcsso.EventName = "domain_state"
	// EventDomainLost: the DNS says, for the first time, that the proof of an owned domain is gone. Unless it comes back, the
	// domain will be frozen, or lapse.
	EventDomainLost oidcsso.EventName = "domain_lost"
	// EventDomainUnknown: for 30 days nobody could say whether the proof of an owned domain is still there, because the DNS gave
	// no certain answer. It is told every 30 days while that lasts, and changes nothing: but a domain that expired may be
	// among them. Further: since (the last certain answer).
	EventDomainUnknown oidcsso.EventName = "domain_unknown"
	// EventDomainFrozen: the domain is frozen or, if it was not enforced, lapsed. Further: cause ("proof", "operator").
	EventDomainFrozen oidcsso.EventName = "domain_frozen"
	// EventDomainRecovered: the proof is back, or an operator has thawed the domain. State is what it may do again.
	EventDomainRecovered oidcsso.EventName = "domain_recovered"
	// EventDomainReleased: the claim is ended. State is what the domain was.
	EventDomainReleased oidcsso.EventName = "domain_released"
	// EventDomainMoved: an owned domain is another connector's from now on, connector's. Further: from (the old connector),
	// from_claim, proof.
	EventDomainMoved oidcsso.EventName = "domain_moved"
)

func (w *writer) toldOf(ctx context.Context, h *holding, name string, attrs ...slog.Attr) {
	w.told(ctx, name, h.attrs(attrs...)...)
}

func (h *holding) attrs(further ...slog.Attr) []slog.Attr {
	state := h.state()
	if state == "" {
		state = "claimed"
	}
	return append([]slog.Attr{slog.String("connector", h.r.id), slog.String("tenant", h.r.tenant),
		slog.String("domain", h.domain()), slog.String("claim", h.id), slog.String("state", string(state))}, further...)
}

func proofAttr(h *holding) slog.Attr { return slog.String("proof", h.proof) }
