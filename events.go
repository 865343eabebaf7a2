package oidcsso

import (
	"context"
	"log/slog"
)

// Events is told what happens: for an audit trail, for metrics, for alarms. It has only types of the standard library, so
// that an adapter need not import this one.
//
// A [Source] that is an Events too is told what happens to its connectors, before Options.Events is.
type Events interface {
	// Event is called in the course of a sign-in, by several goroutines at once: it must be quick and must not fail. The
	// context is the one in which it happened and may be at its end. The attributes are not to be changed, since they may be
	// another's too. None is a secret, a token or a person's address or name.
	Event(ctx context.Context, name string, attrs ...slog.Attr)
}

// EventName is the name of an event: nothing but a string, so that [Events] needs no type of this package.
type EventName = string

// The names of events. Each has the attributes that stand beside it, and may have others.
const (
	// EventSignInStarted: connector, duration (of Begin). The browser is on its way to the identity provider.
	EventSignInStarted EventName = "sign_in_started"
	// EventSignInSucceeded: connector, issuer, key (AccountKey.String), email_status, domain and claim where there is one,
	// took (since the sign-in was begun, to a second), duration (of Finish). The backend may still refuse.
	EventSignInSucceeded EventName = "sign_in_succeeded"
	// EventSignInRefused: stage ("begin" or "finish"), code, kind, id, duration (of Begin or Finish); connector and check
	// where they are known. Where the connector is not, asked is the ID that was asked for, which anybody may make up.
	EventSignInRefused EventName = "sign_in_refused"
	// EventDiscoveryFailed: issuer, what ("metadata" or "keys"), code, error. Each failed fetch of a connector is one, but for
	// the keys that [Connector.Check] looks at; those of [Discover] are none.
	EventDiscoveryFailed EventName = "discovery_failed"
	// EventDiscoveryRecovered: issuer, what. The first fetch that succeeded after one that failed.
	EventDiscoveryRecovered EventName = "discovery_recovered"
	// EventSecretSwitched: connector, secret ("current" or "next"). The identity provider refused the other one of a
	// connector's two client secrets, and this one is used from now on.
	EventSecretSwitched EventName = "secret_switched"
	// EventReportOnly: connector, domain, method. An attempt went on that would be stopped if the domain were enforced; not
	// for MethodSession and MethodIdentify. Each such domain of the account is an event, and each call of [Decide]: a form that
	// asks once for the address and once for the password asks with MethodIdentify first, or counts twice.
	EventReportOnly EventName = "report_only"
	// EventBreakGlassUsed: connector, domain, grant, method. Somebody got in past single sign-on; not for MethodSession. Each
	// grant that it took is an event.
	EventBreakGlassUsed EventName = "break_glass_used"
)

// tell tells the Source, if it is an Events, and then events. Either may be nil. A panic of theirs is not caught.
func tell(ctx context.Context, source Source, events Events, name string, attrs ...slog.Attr) {
	if own, ok := source.(Events); ok {
		own.Event(ctx, name, attrs...)
	}
	if events != nil {
		events.Event(ctx, name, attrs...)
	}
}
