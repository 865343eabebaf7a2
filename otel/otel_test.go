package otel_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	global "go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/oidcsso/oidcsso/otel"
)

// telemetry is an Events, and all that came of it.
type telemetry struct {
	*otel.Events
	t      testing.TB
	reader *metric.ManualReader
	spans  *tracetest.InMemoryExporter
	tracer *trace.TracerProvider
	meter  *metric.MeterProvider
}

func newTelemetry(t testing.TB, byConnector bool) *telemetry {
	m := &telemetry{t: t, reader: metric.NewManualReader(), spans: tracetest.NewInMemoryExporter()}
	m.tracer = trace.NewTracerProvider(trace.WithSyncer(m.spans))
	m.meter = metric.NewMeterProvider(metric.WithReader(m.reader))
	m.Events = otel.New(&otel.Options{MeterProvider: m.meter, TracerProvider: m.tracer, MetricsByConnector: byConnector})
	return m
}

// series are the time series, each as a line: the metric, its attributes and its value; of a histogram the number and the sum.
func (m *telemetry) series() []string {
	m.t.Helper()
	var all metricdata.ResourceMetrics
	if err := m.reader.Collect(context.Background(), &all); err != nil {
		m.t.Fatal(err)
	}
	var lines []string
	for _, scope := range all.ScopeMetrics {
		for _, found := range scope.Metrics {
			switch data := found.Data.(type) {
			case metricdata.Sum[int64]:
				if found.Unit != "{event}" || !data.IsMonotonic {
					m.t.Errorf("%s has the unit %q", found.Name, found.Unit)
				}
				for _, p := range data.DataPoints {
					lines = append(lines, fmt.Sprintf("%s %s %d", found.Name, text(p.Attributes.ToSlice()), p.Value))
				}
			case metricdata.Histogram[float64]:
				if found.Unit != "s" {
					m.t.Errorf("%s has the unit %q", found.Name, found.Unit)
				}
				for _, p := range data.DataPoints {
					lines = append(lines, fmt.Sprintf("%s %s %d %v", found.Name, text(p.Attributes.ToSlice()), p.Count, p.Sum))
				}
			}
		}
	}
	slices.Sort(lines)
	return lines
}

func text(attrs []attribute.KeyValue) string {
	var parts []string
	for _, a := range attrs {
		parts = append(parts, string(a.Key)+"="+a.Value.String())
	}
	slices.Sort(parts)
	return "{" + strings.Join(parts, " ") + "}"
}

func want(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// started, succeeded and refused are events as package oidcsso makes them.
func started(ctx context.Context, m *telemetry, connector string) {
	m.Event(ctx, "sign_in_started", slog.String("connector", connector), slog.Duration("duration", 20*time.Millisecond))
}

func succeeded(ctx context.Context, m *telemetry, connector string) {
	m.Event(ctx, "sign_in_succeeded", slog.String("connector", connector), slog.String("issuer", "https://idp.test"), slog.String("key", "6b1f"),
		slog.String("email_status", "trusted"), slog.Duration("took", 90*time.Second), slog.Duration("duration", 250*time.Millisecond))
}

func refused(ctx context.Context, m *telemetry, stage, code, kind string, more ...slog.Attr) {
	m.Event(ctx, "sign_in_refused", append(more, slog.String("stage", stage), slog.String("code", code), slog.String("kind", kind),
		slog.String("id", "abc"), slog.Duration("duration", time.Second))...)
}

func TestSignInsAreCountedAndTimed(t *testing.T) {
	t.Parallel()
	m, ctx := newTelemetry(t, false), t.Context()
	started(ctx, m, "acme")
	started(ctx, m, "globex")
	succeeded(ctx, m, "acme")
	refused(ctx, m, "finish", "access_denied", "refused", slog.String("connector", "globex"))
	refused(ctx, m, "begin", "unavailable", "unavailable", slog.String("connector", "globex"))
	m.Event(ctx, "discovery_failed", slog.String("issuer", "https://idp.test"), slog.String("what", "keys"), slog.String("code", "unavailable"), slog.Any("error", errors.New("down")))
	m.Event(ctx, "break_glass_used", slog.String("connector", "acme"), slog.String("what", "anything"), slog.String("stage", "begin"))
	want(t, "metrics", m.series(),
		"oidcsso.events {error.type=access_denied oidcsso.event=sign_in_refused oidcsso.kind=refused} 1",
		"oidcsso.events {error.type=unavailable oidcsso.event=discovery_failed oidcsso.what=keys} 1",
		"oidcsso.events {error.type=unavailable oidcsso.event=sign_in_refused oidcsso.kind=unavailable} 1",
		"oidcsso.events {oidcsso.event=break_glass_used} 1",
		"oidcsso.events {oidcsso.event=sign_in_started} 2",
		"oidcsso.events {oidcsso.event=sign_in_succeeded} 1",
		"oidcsso.operation.duration {error.type=access_denied oidcsso.kind=refused oidcsso.stage=finish} 1 1",
		"oidcsso.operation.duration {error.type=unavailable oidcsso.kind=unavailable oidcsso.stage=begin} 1 1",
		"oidcsso.operation.duration {oidcsso.stage=begin} 2 0.04",
		"oidcsso.operation.duration {oidcsso.stage=finish} 1 0.25",
	)
}

// A hundred thousand connectors, and what anybody sends in place of one, must not become as many time series.
func TestTimeSeriesAreBounded(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		byConnector bool
		want        int
	}{
		"without connectors": {false, 8},
		"with connectors":    {true, 6*3 + 2}, // asked is no connector
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, ctx := newTelemetry(t, row.byConnector), t.Context()
			for i := range 300 {
				connector := fmt.Sprintf("connector-%d", i%3)
				started(ctx, m, connector)
				succeeded(ctx, m, connector)
				refused(ctx, m, "finish", "access_denied", "refused", slog.String("connector", connector), slog.String("check", "error"), slog.String("unknown", fmt.Sprint(i)))
				refused(ctx, m, "begin", "connector_unknown", "refused", slog.String("asked", fmt.Sprintf("made-up-%d", i)))
			}
			if lines := m.series(); len(lines) != row.want {
				t.Errorf("%d time series, want %d:\n%s", len(lines), row.want, strings.Join(lines, "\n"))
			}
		})
	}
}

func TestOperationsAreSpansMadeAfterwards(t *testing.T) {
	t.Parallel()
	m := newTelemetry(t, false)
	ctx, parent := m.tracer.Tracer("backend").Start(t.Context(), "GET /callback")
	before := time.Now()
	started(ctx, m, "acme")
	succeeded(ctx, m, "acme")
	refused(ctx, m, "finish", "access_denied", "refused", slog.String("connector", "acme"), slog.String("check", "error"))
	refused(ctx, m, "begin", "unavailable", "unavailable", slog.String("asked", "made-up"))
	after := time.Now()
	spans := m.spans.GetSpans()
	for i, row := range []struct {
		name, attrs string
		duration    time.Duration
		status      codes.Code
	}{
		{"oidcsso begin", "{oidcsso.connector=acme}", 20 * time.Millisecond, codes.Unset},
		{"oidcsso finish", "{oidcsso.connector=acme oidcsso.email_status=trusted oidcsso.issuer=https://idp.test oidcsso.took=90}", 250 * time.Millisecond, codes.Unset},
		{"oidcsso finish", "{error.type=access_denied oidcsso.check=error oidcsso.connector=acme oidcsso.id=abc oidcsso.kind=refused}", time.Second, codes.Unset},
		{"oidcsso begin", "{error.type=unavailable oidcsso.asked=made-up oidcsso.id=abc oidcsso.kind=unavailable}", time.Second, codes.Error},
	} {
		s := spans[i]
		if s.Name != row.name || text(s.Attributes) != row.attrs || s.Status.Code != row.status {
			t.Errorf("span %d is %s %s %v, want %s %s %v", i, s.Name, text(s.Attributes), s.Status.Code, row.name, row.attrs, row.status)
		}
		if s.Parent.SpanID() != parent.SpanContext().SpanID() {
			t.Errorf("span %d is no child of the span in the context", i)
		}
		if s.EndTime.Before(before) || s.EndTime.After(after) || s.EndTime.Sub(s.StartTime) != row.duration {
			t.Errorf("span %d is from %s to %s, want one of %s that ended with the event", i, s.StartTime, s.EndTime, row.duration)
		}
	}
	if len(spans) != 4 {
		t.Errorf("%d spans", len(spans))
	}
}

func TestOtherEventsStandInTheSpanOfTheContext(t *testing.T) {
	t.Parallel()
	m := newTelemetry(t, false)
	ctx, span := m.tracer.Tracer("backend").Start(t.Context(), "POST /login")
	m.Event(ctx, "break_glass_used", slog.String("connector", "acme"), slog.String("grant", "g7"), slog.String("key", "6b1f"))
	m.Event(context.Background(), "break_glass_used", slog.String("connector", "acme")) // nowhere, and no failure
	span.End()
	spans := m.spans.GetSpans()
	if len(spans) != 1 || len(spans[0].Events) != 1 {
		t.Fatalf("the spans are %+v", spans)
	}
	if e := spans[0].Events[0]; e.Name != "oidcsso.break_glass_used" || text(e.Attributes) != "{oidcsso.connector=acme oidcsso.grant=g7}" {
		t.Errorf("the event is %s %s", e.Name, text(e.Attributes))
	}
}

// A person who closed the page counts as much as one who waited.
func TestEventOfAContextThatEndedCounts(t *testing.T) {
	t.Parallel()
	m := newTelemetry(t, false)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	refused(ctx, m, "finish", "unavailable", "unavailable")
	if lines, spans := m.series(), m.spans.GetSpans(); len(lines) != 2 || len(spans) != 1 {
		t.Errorf("metrics %q, %d spans", lines, len(spans))
	}
}

type failure struct{ text string }

func (f *failure) Error() string { return f.text }

type valuer struct{}

func (valuer) LogValue() slog.Value {
	return slog.GroupValue(slog.String("code", "c"), slog.Int("n", 3))
}

// Whatever an event brings, nothing fails.
func TestAttributesOfEveryKind(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		value slog.Value
		want  string
	}{
		"text":          {slog.StringValue("x"), "{oidcsso.a=x}"},
		"bool":          {slog.BoolValue(true), "{oidcsso.a=true}"},
		"int":           {slog.IntValue(-3), "{oidcsso.a=-3}"},
		"uint":          {slog.Uint64Value(1 << 63), "{oidcsso.a=9223372036854775808}"},
		"float":         {slog.Float64Value(0.5), "{oidcsso.a=0.5}"},
		"duration":      {slog.DurationValue(1500 * time.Millisecond), "{oidcsso.a=1.5}"},
		"time":          {slog.TimeValue(time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)), "{oidcsso.a=2030-01-02T03:04:05Z}"},
		"group":         {slog.GroupValue(slog.String("b", "x"), slog.Group("c", slog.Int("d", 1))), "{oidcsso.a.b=x oidcsso.a.c.d=1}"},
		"error":         {slog.AnyValue(errors.New("down")), "{oidcsso.a=down}"},
		"nil error":     {slog.AnyValue((*failure)(nil)), "{oidcsso.a=<nil>}"},
		"nil":           {slog.AnyValue(nil), "{oidcsso.a=<nil>}"},
		"what resolves": {slog.AnyValue(valuer{}), "{oidcsso.a.code=c oidcsso.a.n=3}"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newTelemetry(t, true)
			m.Event(t.Context(), "sign_in_started", slog.Attr{Key: "a", Value: row.value})
			if spans := m.spans.GetSpans(); len(spans) != 1 || text(spans[0].Attributes) != row.want {
				t.Errorf("the spans are %v, want attributes %s", spans, row.want)
			}
			for _, key := range []string{"connector", "code", "kind", "what", "stage", "duration", "key"} {
				m.Event(t.Context(), "sign_in_refused", slog.Attr{Key: key, Value: row.value})
			}
		})
	}
}

// No attribute is one of the semantic conventions for people (user.id, enduser.id).
func TestNothingStandsForAPerson(t *testing.T) {
	t.Parallel()
	m := newTelemetry(t, true)
	succeeded(t.Context(), m, "acme")
	all := strings.Join(m.series(), "\n") + text(m.spans.GetSpans()[0].Attributes)
	if strings.Contains(all, "6b1f") || strings.Contains(all, "user.") {
		t.Error(all)
	}
}

// The global providers may come later: New is called early, where Options are made.
func TestGlobalProvidersAreTheDefault(t *testing.T) {
	t.Parallel()
	m := newTelemetry(t, false)
	for _, o := range []*otel.Options{nil, {}} {
		events := otel.New(o)
		global.SetTracerProvider(m.tracer)
		global.SetMeterProvider(m.meter)
		events.Event(t.Context(), "sign_in_started", slog.String("connector", "acme"))
	}
	if lines, spans := m.series(), m.spans.GetSpans(); len(lines) != 2 || len(spans) != 2 {
		t.Errorf("metrics %q, %d spans", lines, len(spans))
	}
}

func TestEventsOfManyGoroutines(t *testing.T) {
	t.Parallel()
	m := newTelemetry(t, false)
	attrs := []slog.Attr{slog.String("connector", "acme"), slog.Duration("duration", time.Second)} // shared: nobody changes them
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() { m.Event(context.Background(), "sign_in_started", attrs...) })
	}
	wg.Wait()
	want(t, "metrics", m.series(), "oidcsso.events {oidcsso.event=sign_in_started} 50", "oidcsso.operation.duration {oidcsso.stage=begin} 50 50")
}
