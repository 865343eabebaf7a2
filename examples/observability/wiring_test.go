package observability

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/oidcssotest"
)

// observed is a backend with an identity provider, and all that is to be seen of its sign-ins.
type observed struct {
	t       *testing.T
	server  *httptest.Server
	idp     *oidcssotest.IdP
	spans   *tracetest.InMemoryExporter
	tracers *trace.TracerProvider
	reader  *metric.ManualReader
	log     *buffer
	headers *buffer // of the requests to the identity provider
}

type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

type noting struct {
	next http.RoundTripper
	to   *buffer
}

func (n noting) RoundTrip(r *http.Request) (*http.Response, error) {
	fmt.Fprintln(n.to, r.URL.Path, r.Header)
	return n.next.RoundTrip(r)
}

func newObserved(t *testing.T) *observed {
	t.Helper()
	o := &observed{t: t, spans: tracetest.NewInMemoryExporter(), reader: metric.NewManualReader(), log: &buffer{}, headers: &buffer{}}
	o.tracers = trace.NewTracerProvider(trace.WithSyncer(o.spans))
	meters := metric.NewMeterProvider(metric.WithReader(o.reader))
	mux := http.NewServeMux()
	o.server = httptest.NewTLSServer(otelhttp.NewHandler(mux, "backend", otelhttp.WithTracerProvider(o.tracers),
		otelhttp.WithPropagators(propagation.NewCompositeTextMapPropagator())))
	t.Cleanup(o.server.Close)
	o.idp = oidcssotest.New(t, o.server.URL+"/sso")
	o.idp.AddUser(oidcssotest.User{Subject: "alice", Email: "alice@acme.test", Name: "Alice Ames"})

	opts := o.idp.Options()
	opts.Logger = slog.New(slog.DiscardHandler) // the events have it all
	observe(opts, slog.New(slog.NewTextHandler(o.log, nil)), meters, o.tracers)
	tracing := traced(o.tracers)
	opts.Egress.WrapTransport = func(guarded http.RoundTripper) http.RoundTripper {
		return tracing(noting{guarded, o.headers})
	}
	router := oidcsso.NewRouter(opts)
	cfg := o.idp.Config("acme", "acme.test")
	cfg.UserInfo = oidcsso.UserInfoAlways
	if err := router.Put(cfg); err != nil {
		t.Fatal(err)
	}
	flow, err := oidcsso.NewFlow(opts, router, &oidcsso.FlowOptions{Keys: []oidcsso.SealKey{oidcsso.RandomSealKey()}})
	if err != nil {
		t.Fatal(err)
	}
	handler, err := oidcsso.NewHandler(flow, &oidcsso.HandlerOptions{
		OnSignIn: func(w http.ResponseWriter, _ *http.Request, s *oidcsso.SignIn) error {
			fmt.Fprintln(w, "Welcome,", s.Identity.Name)
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	mux.Handle("/sso/", handler)
	return o
}

// signIn lets Alice sign in by her address, or try to.
func (o *observed) signIn() {
	o.t.Helper()
	browser := o.idp.HTTPClient(o.server.Certificate())
	o.idp.SignIn(o.t, browser, o.server.URL+"/sso/start?email=alice@acme.test", "alice").Body.Close()
}

// series are the time series of this library.
func (o *observed) series() []string {
	o.t.Helper()
	var found metricdata.ResourceMetrics
	if err := o.reader.Collect(context.Background(), &found); err != nil {
		o.t.Fatal(err)
	}
	var lines []string
	for _, scope := range found.ScopeMetrics {
		for _, m := range scope.Metrics {
			switch data := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range data.DataPoints {
					lines = append(lines, fmt.Sprint(m.Name, " ", p.Attributes.Encoded(attribute.DefaultEncoder()), " ", p.Value))
				}
			case metricdata.Histogram[float64]:
				for _, p := range data.DataPoints {
					lines = append(lines, fmt.Sprint(m.Name, " ", p.Attributes.Encoded(attribute.DefaultEncoder()), " ", p.Count))
				}
			}
		}
	}
	slices.Sort(lines)
	return lines
}

// paths are the spans, each behind those that it is below, sorted.
func (o *observed) paths() []string {
	o.server.Close() // a span of its own may end after the answer
	spans := o.spans.GetSpans()
	name := map[string]string{}
	parent := map[string]string{}
	for _, s := range spans {
		id := s.SpanContext.SpanID().String()
		name[id] = s.Name
		for _, a := range s.Attributes { // both of client and server
			if a.Key == "url.full" || a.Key == "url.path" {
				path := a.Value.AsString()
				name[id] += " " + path[strings.LastIndexByte(path, '/'):]
			}
		}
		if s.Parent.HasSpanID() {
			parent[id] = s.Parent.SpanID().String()
		}
	}
	var paths []string
	for id := range name {
		path := name[id]
		for up, ok := parent[id]; ok; up, ok = parent[up] {
			path = name[up] + " > " + path
		}
		paths = append(paths, path)
	}
	slices.Sort(paths)
	return paths
}

func want(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestSignInIsSeen(t *testing.T) {
	t.Parallel()
	o := newObserved(t)
	o.signIn()
	want(t, "spans", o.paths(),
		"GET /sso/ /acme",
		"GET /sso/ /acme > HTTP GET /userinfo",
		"GET /sso/ /acme > HTTP POST /token",
		"GET /sso/ /acme > oidcsso finish",
		"GET /sso/ /start",
		"GET /sso/ /start > oidcsso begin",
		"HTTP GET /jwks",                 // fetched ahead, for whoever needs them
		"HTTP GET /openid-configuration", // for all who wait
	)
	want(t, "metrics", o.series(),
		"oidcsso.events oidcsso.event=sign_in_started 1",
		"oidcsso.events oidcsso.event=sign_in_succeeded 1",
		"oidcsso.operation.duration oidcsso.stage=begin 1",
		"oidcsso.operation.duration oidcsso.stage=finish 1",
	)
	if log := o.log.String(); strings.Count(log, "\n") != 2 || !strings.Contains(log, "oidcsso: sign_in_started") || !strings.Contains(log, "oidcsso: sign_in_succeeded") {
		t.Errorf("the log says\n%s", log)
	}
}

func TestRefusedSignInIsSeen(t *testing.T) {
	t.Parallel()
	o := newObserved(t)
	o.idp.Faults(func(f *oidcssotest.Faults) { f.AuthorizeError = "access_denied" })
	o.signIn()
	o.idp.Faults(func(f *oidcssotest.Faults) { f.AuthorizeError = ""; f.Token.Down = true })
	o.signIn()
	want(t, "metrics", o.series(),
		"oidcsso.events error.type=access_denied,oidcsso.event=sign_in_refused,oidcsso.kind=refused 1",
		"oidcsso.events error.type=unavailable,oidcsso.event=sign_in_refused,oidcsso.kind=unavailable 1",
		"oidcsso.events oidcsso.event=sign_in_started 2",
		"oidcsso.operation.duration error.type=access_denied,oidcsso.kind=refused,oidcsso.stage=finish 1",
		"oidcsso.operation.duration error.type=unavailable,oidcsso.kind=unavailable,oidcsso.stage=finish 1",
		"oidcsso.operation.duration oidcsso.stage=begin 2",
	)
	if log := o.log.String(); !strings.Contains(log, "level=INFO msg=\"oidcsso: sign_in_refused\" connector=acme stage=finish code=access_denied") ||
		!strings.Contains(log, "level=WARN msg=\"oidcsso: sign_in_refused\" connector=acme stage=finish code=unavailable") {
		t.Errorf("the log says\n%s", log)
	}
}

func TestIdentityProviderThatIsDownIsSeen(t *testing.T) {
	t.Parallel()
	o := newObserved(t)
	o.idp.Faults(func(f *oidcssotest.Faults) { f.Down = true })
	resp, err := o.server.Client().Get(o.server.URL + "/sso/start?email=alice@acme.test")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	want(t, "metrics", o.series(),
		"oidcsso.events error.type=unavailable,oidcsso.event=discovery_failed,oidcsso.what=metadata 1",
		"oidcsso.events error.type=unavailable,oidcsso.event=sign_in_refused,oidcsso.kind=unavailable 1",
		"oidcsso.operation.duration error.type=unavailable,oidcsso.kind=unavailable,oidcsso.stage=begin 1",
	)
}

// Nothing of all that is seen is a secret or a person's, and the identity provider is told nothing of the trace.
func TestNothingIsSeenOfPeopleAndSecrets(t *testing.T) {
	t.Parallel()
	o := newObserved(t)
	o.signIn()
	seen := o.log.String() + strings.Join(o.series(), "\n")
	o.server.Close() // its spans end
	for _, s := range o.spans.GetSpans() {
		seen += fmt.Sprintln(s.Name, s.Attributes, s.Events, s.Status)
	}
	if !strings.Contains(seen, "/callback/acme") {
		t.Errorf("the server's spans are missing:\n%s", seen)
	}
	cfg := o.idp.Config("acme", "acme.test")
	for _, secret := range []string{"alice", "Alice", "Ames", cfg.ClientSecret.Reveal(), "code=", "state="} {
		if strings.Contains(seen, secret) {
			t.Errorf("%q is in\n%s", secret, seen)
		}
	}
	if sent := o.headers.String(); !strings.Contains(sent, "/token") || strings.Contains(strings.ToLower(sent), "traceparent") {
		t.Errorf("the requests to the identity provider are\n%s", sent)
	}
}
