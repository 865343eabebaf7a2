package oidcsso

import (
	"context"
	"log/slog"
	"testing"
)

// appending keeps each event's attributes, with one of its own behind them, as an adapter does that writes them later.
type appending struct {
	Source
	by   string
	kept []slog.Attr
}

func (a *appending) Event(_ context.Context, _ string, attrs ...slog.Attr) {
	a.kept = append(attrs, slog.String("by", a.by))
}

// Source and Options.Events are told of the same attributes. What one of them appends must not get into what the other keeps.
func TestAppendedAttributesAreNobodyElses(t *testing.T) {
	t.Parallel()
	attrs := append(make([]slog.Attr, 0, 8), slog.String("connector", "acme"))
	source, events := &appending{by: "the Source"}, &appending{by: "the Options"}
	tell(t.Context(), source, events, EventReportOnly, attrs...)
	for _, a := range []*appending{source, events} {
		if len(a.kept) != 2 || a.kept[1].Value.String() != a.by {
			t.Errorf("%s kept %v", a.by, a.kept)
		}
	}
}
