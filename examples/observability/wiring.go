// Package observability is the wiring of docs/events.md: what happens to sign-ins goes to a log and to OpenTelemetry.
package observability

import (
	"context"
	"log/slog"
	"net/http"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/otel"
)

// all tells several.
type all []oidcsso.Events

func (a all) Event(ctx context.Context, name string, attrs ...slog.Attr) {
	for _, events := range a {
		events.Event(ctx, name, attrs...)
	}
}

// observe writes events to the log, and makes metrics and spans of them.
func observe(opts *oidcsso.Options, logger *slog.Logger, meters metric.MeterProvider, tracers trace.TracerProvider) {
	opts.Events = all{
		oidcsso.LogEvents(logger),
		otel.New(&otel.Options{MeterProvider: meters, TracerProvider: tracers}),
	}
}

// traced makes a span of each request to an identity provider. No propagator: what the trace is called is nobody's business
// outside.
func traced(tracers trace.TracerProvider) func(http.RoundTripper) http.RoundTripper {
	return func(guarded http.RoundTripper) http.RoundTripper {
		return otelhttp.NewTransport(guarded, otelhttp.WithTracerProvider(tracers),
			otelhttp.WithPropagators(propagation.NewCompositeTextMapPropagator()))
	}
}
