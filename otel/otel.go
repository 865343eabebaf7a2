// Package otel makes OpenTelemetry metrics and spans of the events of package oidcsso:
//
//	opts := &oidcsso.Options{Events: otel.New(nil)}
//
// The metrics are
//
//	oidcsso.events              counter of {event}: every event. oidcsso.event is its name; error.type and oidcsso.kind are
//	                            set where it has a code and a kind, oidcsso.what where discovery failed or recovered
//	oidcsso.operation.duration  histogram in s: what the library was at work for at the start (oidcsso.stage: begin) and the end
//	                            (finish) of a sign-in, requests to the identity provider included. error.type is the code and
//	                            oidcsso.kind the kind of an error; a success has neither
//
// Each start and each end of a sign-in is a span too, "oidcsso begin" or "oidcsso finish", a child of the span in the
// context. Events do not tell when something begins: the span is made when it is over, so that the requests to the identity
// provider, where they are traced, stand beside it and not below. Every other event is added to the span in the context.
// Spans have all attributes of the event, as oidcsso.NAME, but for key, which stands for a person.
//
// The number of time series is bounded, whatever anybody sends: the connector is an attribute of spans alone, unless
// Options.MetricsByConnector says otherwise.
package otel

import (
	"context"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/trace"
)

const scope = "github.com/oidcsso/oidcsso/otel"

// Options is where the telemetry goes. The zero value, and nil, are the global providers.
type Options struct {
	// MeterProvider makes the metrics. Default: the global one.
	MeterProvider metric.MeterProvider
	// TracerProvider makes the spans. Default: the global one.
	TracerProvider trace.TracerProvider
	// MetricsByConnector gives the metrics the attribute oidcsso.connector, where the connector is known: each connector in use
	// then has time series of its own, in each replica. With tens of connectors they tell whose identity provider is down; with
	// thousands ask the spans or the log. Default: no.
	MetricsByConnector bool
}

// Events makes metrics and spans of events: it is an oidcsso.Events. Make it with [New]. It is safe for concurrent use.
type Events struct {
	tracer      trace.Tracer
	events      metric.Int64Counter
	duration    metric.Float64Histogram
	byConnector bool
}

// New makes an Events. o may be nil. An instrument that can't be made is left out, and the global error handler is told.
func New(o *Options) *Events {
	if o == nil {
		o = &Options{}
	}
	meters, tracers := o.MeterProvider, o.TracerProvider
	if meters == nil {
		meters = otel.GetMeterProvider()
	}
	if tracers == nil {
		tracers = otel.GetTracerProvider()
	}
	meter := meters.Meter(scope)
	e := &Events{tracer: tracers.Tracer(scope), byConnector: o.MetricsByConnector}
	var err error
	if e.events, err = meter.Int64Counter("oidcsso.events", metric.WithUnit("{event}"),
		metric.WithDescription("Events of single sign-on: sign-ins, failures of identity providers, exceptions.")); err != nil {
		otel.Handle(err)
		e.events = noop.Int64Counter{}
	}
	if e.duration, err = meter.Float64Histogram("oidcsso.operation.duration", metric.WithUnit("s"),
		metric.WithDescription("Duration of the start and of the end of a sign-in, without the person's own time."),
		metric.WithExplicitBucketBoundaries(bounds...)); err != nil {
		otel.Handle(err)
		e.duration = noop.Float64Histogram{}
	}
	return e
}

// bounds are those of http.server.request.duration in the semantic conventions: an operation is over after 10 seconds.
var bounds = []float64{0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10}

// Event counts the event, and makes a span of it if it is the start or the end of a sign-in.
func (e *Events) Event(ctx context.Context, name string, attrs ...slog.Attr) {
	now := time.Now()
	about := e.read(name, attrs)
	unended := context.WithoutCancel(ctx) // what a person did not wait for is counted too
	e.events.Add(unended, 1, metric.WithAttributes(append(about.metric, attribute.String("oidcsso.event", name))...))
	if about.stage == "" {
		if span := trace.SpanFromContext(ctx); span.IsRecording() {
			span.AddEvent("oidcsso."+name, trace.WithAttributes(about.span...))
		}
		return
	}
	e.duration.Record(unended, about.duration.Seconds(), metric.WithAttributes(append(about.metric, attribute.String("oidcsso.stage", about.stage))...))
	_, span := e.tracer.Start(ctx, "oidcsso "+about.stage, trace.WithTimestamp(now.Add(-about.duration)), trace.WithAttributes(about.span...))
	if about.unavailable { // a refusal is an answer, as a status of 4xx is
		span.SetStatus(codes.Error, "")
	}
	span.End(trace.WithTimestamp(now))
}
