package oidcsso

import (
	"context"
	"log/slog"
)

// LogEvents gives an Events that writes each event as one record to a logger: the message is "oidcsso: " and the event's name,
// and the attributes are the event's. Nil is what slog.Default() is at each event.
//
// The level is Warn for a sign-in that was refused because something is unavailable, for [EventDiscoveryFailed] and for
// [EventBreakGlassUsed], and for those events of package connectorstore of which somebody should know, see docs/events.md. It is
// Info for all others.
func LogEvents(logger *slog.Logger) Events { return logEvents{logger} }

type logEvents struct{ logger *slog.Logger }

func (l logEvents) Event(ctx context.Context, name string, attrs ...slog.Attr) {
	logger := l.logger
	if logger == nil {
		logger = slog.Default()
	}
	logger.LogAttrs(ctx, levelOf(name, attrs), "oidcsso: "+name, attrs...)
}

func levelOf(name string, attrs []slog.Attr) slog.Level {
	switch name {
	case EventDiscoveryFailed, EventBreakGlassUsed:
		return slog.LevelWarn
	case "domain_lost", "domain_frozen", "domain_unknown", "connector_quarantined", "grant_tampered", "client_secret_expiring",
		"break_glass_granted": // of connectorstore, which imports this package
		return slog.LevelWarn
	case EventSignInRefused:
		for _, a := range attrs {
			if a.Key == "kind" && a.Value.String() == string(KindUnavailable) {
				return slog.LevelWarn
			}
		}
	}
	return slog.LevelInfo
}
