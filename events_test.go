package oidcsso_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oidcsso/oidcsso"
)

// recorder is an Events that keeps each event as a line: its name, and the attributes in the order in which they came. name
// stands before it, to tell several apart.
type recorder struct {
	name  string
	into  *recorder // keeps the lines instead
	mu    sync.Mutex
	lines []string
}

func (r *recorder) Event(_ context.Context, name string, attrs ...slog.Attr) {
	line := r.name + name
	for _, a := range attrs {
		line += fmt.Sprintf(" %s=%s", a.Key, a.Value)
	}
	if r.into != nil {
		r = r.into
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, line)
}

// since gives what came after the first n.
func (r *recorder) since(n int) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.lines[n:])
}

func (r *recorder) count() int { return len(r.since(0)) }

// wantEvents compares with the events, in which an id of an error is shown as "*".
func wantEvents(t *testing.T, got []string, want ...string) {
	t.Helper()
	for i, line := range got {
		if before, after, found := strings.Cut(line, " id="); found {
			_, after, _ = strings.Cut(after, " ")
			got[i] = before + " id=* " + after
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("the events are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// wantOutcome: of one Finish there was one event, that of its outcome.
func (r *recorder) wantOutcome(t testing.TB, n int, id *oidcsso.Identity, err error) {
	t.Helper()
	events := slices.DeleteFunc(r.since(n), func(line string) bool { return strings.HasPrefix(line, "discovery_") })
	if len(events) != 1 {
		t.Fatalf("%d events of one Finish: %q", len(events), events)
	}
	wants := []string{"sign_in_succeeded connector="}
	var e *oidcsso.Error
	if errors.As(err, &e) {
		wants = []string{"sign_in_refused connector=" + e.Connector + " stage=finish code=" + string(e.Code) + " kind=" + string(e.Kind()) + " id=" + e.ID + " ", " check=" + e.Check + " "}
	} else {
		wants = append(wants, " key="+id.Key().String()+" ", " email_status="+string(id.EmailStatus)+" ")
	}
	for _, want := range wants {
		if !strings.Contains(events[0], want) {
			t.Errorf("the event %q has no %q", events[0], want)
		}
	}
}

// denial is the callback of somebody whom the identity provider did not let in.
func denial(d *direct, a attempt) string {
	return "https://app.example.test/sso/callback/acme?" + url.Values{"error": {"access_denied"}, "error_description": {"alice"},
		"iss": {d.cfg.Issuer}, "state": {a.state(d.t)}}.Encode()
}

// A step through a Flow or a Connector, and all that is said of it.
func TestSignInsAreToldOnce(t *testing.T) {
	t.Parallel()
	begin := func(id string, p oidcsso.BeginParams) func(*direct) {
		return func(d *direct) {
			_, _ = d.flow.Begin(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/login", nil), id, p)
		}
	}
	finish := func(url string, cookies ...*http.Cookie) func(*direct) {
		return func(d *direct) { _, _, _ = finishWith(d.flow, callbackRequest(url, cookies...)) }
	}
	const callback = "https://app.example.test/sso/callback/acme"
	for name, row := range map[string]struct {
		step func(*direct)
		want []string
	}{
		"a start":                {begin("acme", home), []string{"sign_in_started connector=acme duration=0s"}},
		"an unknown connector":   {begin("nobody", home), []string{"sign_in_refused stage=begin code=connector_unknown kind=refused id=* asked=nobody duration=0s"}},
		"a disabled connector":   {begin("off", home), []string{"sign_in_refused connector=off stage=begin code=connector_disabled kind=unavailable id=* duration=0s"}},
		"an address for an ID":   {begin("alice@acme.test", home), []string{"sign_in_refused stage=begin code=connector_unknown kind=refused id=* duration=0s"}},
		"no text for an ID":      {begin("a\x00\n", home), []string{"sign_in_refused stage=begin code=connector_unknown kind=refused id=* duration=0s"}},
		"a megabyte for an ID":   {begin(strings.Repeat("a", 1<<20), home), []string{"sign_in_refused stage=begin code=connector_unknown kind=refused id=* duration=0s"}},
		"a binding":              {begin("alice@acme.test", oidcsso.BeginParams{Binding: "b"}), []string{"sign_in_refused stage=begin code=params_invalid kind=invalid id=* duration=0s"}},
		"a return elsewhere":     {begin("made-up-17", oidcsso.BeginParams{ReturnTo: "//evil.test/alice@acme.test"}), []string{"sign_in_refused stage=begin code=return_refused kind=invalid id=* asked=made-up-17 duration=0s"}},
		"a hint that is no text": {begin("acme", oidcsso.BeginParams{LoginHint: "alice@acme.test\n"}), []string{"sign_in_refused connector=acme stage=begin code=params_invalid kind=invalid id=* duration=0s"}},
		"a callback of nobody":   {finish(callback + "?state=alice&code=secret"), []string{"sign_in_refused stage=finish code=login_missing kind=expired id=* duration=0s"}},
		"a malformed callback":   {finish(callback + "?%zz"), []string{"sign_in_refused stage=finish code=response_invalid kind=refused id=* duration=0s"}},
		"a person who cancelled": {func(d *direct) {
			a := d.begin(home)
			finish(denial(d, a), a.cookie)(d)
		}, []string{
			"sign_in_started connector=acme duration=0s",
			"sign_in_refused connector=acme stage=finish code=access_denied kind=refused id=* check=error duration=0s"}},
		"a connector that is gone": {func(d *direct) {
			a := d.begin(home)
			d.router.Remove("acme")
			finish(callback+"?code=x&state="+a.state(d.t), a.cookie)(d)
		}, []string{
			"sign_in_started connector=acme duration=0s",
			"sign_in_refused connector=acme stage=finish code=connector_unknown kind=refused id=* duration=0s"}},
		"Redirect": {func(d *direct) {
			_ = d.flow.Redirect(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/login", nil), "acme", home)
		}, []string{"sign_in_started connector=acme duration=0s"}},
		"Enforce": {func(d *direct) {
			_, _ = d.flow.Enforce(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/login", nil), oidcsso.Attempt{Typed: "alice@acme.test"}, home)
		}, []string{"sign_in_started connector=acme duration=0s"}},
		"a Connector alone": {func(d *direct) {
			c, _ := d.router.Connector(d.t.Context(), "acme")
			authorizationURL, login, err := c.Begin(d.t.Context(), oidcsso.BeginParams{Binding: "b"})
			if err != nil {
				d.t.Fatal(err)
			}
			answer := d.idp.Authorize(d.t, authorizationURL, "alice").String()
			_, _ = c.Finish(d.t.Context(), login, oidcsso.Response{URL: answer, Binding: "another"})
			_, _ = c.Finish(d.t.Context(), nil, oidcsso.Response{URL: answer, Binding: "b"})
			if _, err := c.Finish(d.t.Context(), login, oidcsso.Response{URL: answer, Binding: "b"}); err != nil {
				d.t.Fatal(err)
			}
		}, []string{
			"sign_in_started connector=acme duration=0s",
			"sign_in_refused connector=acme stage=finish code=binding_mismatch kind=expired id=* check=binding duration=0s",
			"sign_in_refused connector=acme stage=finish code=login_missing kind=expired id=* check=login duration=0s",
			"sign_in_succeeded connector=acme issuer=ISSUER key=KEY email_status=trusted domain=acme.test took=0s duration=0s"}},
		"a Connector alone, unbound by mistake": {func(d *direct) {
			c, _ := d.router.Connector(d.t.Context(), "acme")
			_, _, _ = c.Begin(d.t.Context(), oidcsso.BeginParams{})
		}, []string{"sign_in_refused connector=acme stage=begin code=params_invalid kind=invalid id=* duration=0s"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			events := &recorder{}
			d := newDirect(t, func(o *oidcsso.Options, _ *oidcsso.FlowOptions) { o.Events = events }).withClock(wholeSecond())
			off := d.idp.Config("off", "off.test")
			off.Disabled = true
			d.put(off)
			row.step(d)
			key := oidcsso.AccountKey{Connector: "acme", Issuer: d.cfg.Issuer, Subject: "alice"}
			for i, line := range row.want {
				row.want[i] = strings.NewReplacer("ISSUER", d.cfg.Issuer, "KEY", key.String()).Replace(line)
			}
			wantEvents(t, events.since(0), row.want...)
		})
	}
}

// took is how long the person was away, duration how long the library was at work.
func TestSignInIsToldWithItsTimesAndItsClaim(t *testing.T) {
	t.Parallel()
	events, now := &recorder{}, wholeSecond()
	d := newDirect(t, func(o *oidcsso.Options, fo *oidcsso.FlowOptions) {
		o.Events = events
		fo.Once = func(context.Context, string, time.Time) (bool, error) {
			now.advance(3 * time.Second)
			return true, nil
		}
	}).withClock(now)
	d.cfg.Domains = oidcsso.AssertDomains("acme.test")
	d.cfg.Domains[0].ClaimID = "claim-7"
	d.put(d.cfg)
	a := d.begin(home)
	callback := d.callback(a)
	now.advance(42 * time.Second)
	signIn, _, err := finishWith(d.flow, callbackRequest(callback, a.cookie))
	if err != nil {
		t.Fatal(err)
	}
	wantEvents(t, events.since(1), "sign_in_succeeded connector=acme issuer="+d.cfg.Issuer+" key="+signIn.Identity.Key().String()+
		" email_status=trusted domain=acme.test claim=claim-7 took=45s duration=3s")
}

// audited is a Source that is an Events.
type audited struct {
	oidcsso.Source
	*recorder
}

func TestSourceIsToldBeforeTheOptions(t *testing.T) {
	t.Parallel()
	for name, both := range map[string]bool{"beside Options.Events": true, "alone": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := &recorder{}
			d := newDirect(t, func(o *oidcsso.Options, _ *oidcsso.FlowOptions) {
				if both {
					o.Events = &recorder{name: "options: ", into: all}
				}
			}).withClock(wholeSecond())
			source := audited{d.router, &recorder{name: "source: ", into: all}}
			d.flow = d.newFlow(source, d.flowOptions())
			want := func(line string) (lines []string) {
				lines = append(lines, "source: "+line)
				if both {
					lines = append(lines, "options: "+line)
				}
				return lines
			}
			a := d.begin(home)
			wantEvents(t, all.since(0), want("sign_in_started connector=acme duration=0s")...)
			n := all.count()
			_, _, err := finishWith(d.flow, callbackRequest(denial(d, a), a.cookie))
			wantError(t, err, oidcsso.CodeAccessDenied)
			wantEvents(t, all.since(n), want("sign_in_refused connector=acme stage=finish code=access_denied kind=refused id=* check=error duration=0s")...)

			c, err := d.router.Connector(t.Context(), "acme")
			if err != nil {
				t.Fatal(err)
			}
			n = all.count()
			_, err = c.Finish(t.Context(), nil, oidcsso.Response{Source: source})
			wantError(t, err, oidcsso.CodeLoginMissing)
			wantEvents(t, all.since(n), want("sign_in_refused connector=acme stage=finish code=login_missing kind=expired id=* check=login duration=0s")...)
		})
	}
}

func TestEachOfManySignInsIsToldOnce(t *testing.T) {
	t.Parallel()
	const n = 40
	events := &recorder{}
	d := newDirect(t, func(o *oidcsso.Options, _ *oidcsso.FlowOptions) { o.Events = events })
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			a, err := beginWith(t, d.flow, home)
			if err != nil {
				t.Error(err)
				return
			}
			_, _, err = finishWith(d.flow, callbackRequest(denial(d, a), a.cookie))
			if !errors.Is(err, oidcsso.CodeAccessDenied) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	told := map[string]int{}
	for _, line := range events.since(0) {
		name, _, _ := strings.Cut(line, " ")
		told[name]++
	}
	if told["sign_in_started"] != n || told["sign_in_refused"] != n || len(told) != 2 {
		t.Errorf("told were %v, want %d of each", told, n)
	}
}

// The figure is that of a Begin from before there were events.
func TestBeginThatNobodyIsToldOfAllocatesNothingMore(t *testing.T) {
	w := newWorld(document(worldIssuer))
	c := w.connector(t, func(cfg *oidcsso.Config) { cfg.ACRValues = nil }) // whose colon is escaped
	start := func() {
		if _, _, err := c.Begin(t.Context(), oidcsso.BeginParams{InsecureUnbound: true}); err != nil {
			t.Fatal(err)
		}
	}
	start()
	if n := testing.AllocsPerRun(100, start); n > 3 {
		t.Errorf("%v allocations, want 3", n)
	}
}

func TestFailuresToDiscoverAreToldOnceEach(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, events := newWorld(document(worldIssuer)), &recorder{}
		opts := w.options()
		opts.Events = events
		cfg := soundConfig()
		cfg.Issuer = worldIssuer
		c, err := oidcsso.NewConnector(cfg, opts)
		if err != nil {
			t.Fatal(err)
		}
		told := 0
		attempt := func(want ...string) { // a sign-in, and what is told of discovery meanwhile
			t.Helper()
			_, _, _ = begin(t.Context(), c)
			synctest.Wait()
			all := slices.DeleteFunc(events.since(told), func(line string) bool { return strings.HasPrefix(line, "sign_in_") })
			told = events.count()
			for i, line := range all {
				all[i], _, _ = strings.Cut(line, " error=")
			}
			wantEvents(t, all, want...)
		}
		const (
			metadataFailed = "discovery_failed issuer=" + worldIssuer + " what=metadata code="
			keysFailed     = "discovery_failed issuer=" + worldIssuer + " what=keys code=unavailable"
			recovered      = "discovery_recovered issuer=" + worldIssuer + " what="
		)
		w.down()
		attempt(metadataFailed + "unavailable")
		attempt() // remembered, not fetched
		w.publish(document("https://evil.example"))
		w.advance(time.Second)
		attempt(metadataFailed + "issuer_mismatch")
		w.publish(`{"issuer":"x","issuer":"y"}`)
		w.advance(2 * time.Second)
		attempt(metadataFailed + "metadata_invalid")

		keys := func(status int, body string) {
			w.answers(func(req *http.Request) (*http.Response, error) {
				if strings.HasSuffix(req.URL.Path, wellKnownPath) {
					return httpAnswer(http.StatusOK, document(worldIssuer)), nil
				}
				return httpAnswer(status, body), nil
			})
		}
		keys(http.StatusInternalServerError, "alice@acme.test")
		w.advance(5 * time.Second)
		attempt(recovered+"metadata", keysFailed)
		keys(http.StatusOK, `{"no":"keys, alice@acme.test"}`) // it came, and can't be read
		w.advance(5 * time.Second)
		attempt(keysFailed)
		keys(http.StatusOK, `{"keys":[]}`)
		w.advance(5 * time.Second)
		attempt(recovered + "keys")
		attempt()
		w.advance(25 * time.Hour)
		attempt() // all is fetched again, as it should be

		if text := strings.Join(events.since(0), "\n"); strings.Contains(text, "alice") || !strings.Contains(text, " error=oidcsso: issuer_mismatch") {
			t.Errorf("the events are\n%s", text)
		}
		if log := w.logged(); strings.Count(log, "discovery failed") != 3 || strings.Count(log, "fetching the keys failed") != 2 {
			t.Errorf("the log says\n%s", log)
		}
	})
}

// What an administrator tries out would be a failure of which nobody ever tells that it is over.
func TestDiscoverIsNoEvent(t *testing.T) {
	t.Parallel()
	w, events := newWorld(""), &recorder{}
	w.down()
	opts := w.options()
	opts.Events = events
	_, err := oidcsso.Discover(t.Context(), worldIssuer, opts)
	wantFailure(t, err, oidcsso.CodeUnavailable)
	if lines := events.since(0); len(lines) != 0 || !strings.Contains(w.logged(), "discovery failed") {
		t.Errorf("events %q, log %q", lines, w.logged())
	}
}

func TestLogEvents(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name  string
		attrs []slog.Attr
		want  string
	}{
		{oidcsso.EventSignInStarted, nil, "level=INFO msg=oidcsso:sign_in_started connector=acme"},
		{oidcsso.EventSignInSucceeded, nil, "level=INFO msg=oidcsso:sign_in_succeeded connector=acme"},
		{oidcsso.EventSignInRefused, []slog.Attr{slog.String("kind", "refused")}, "level=INFO msg=oidcsso:sign_in_refused connector=acme kind=refused"},
		{oidcsso.EventSignInRefused, []slog.Attr{slog.String("kind", "unavailable")}, "level=WARN msg=oidcsso:sign_in_refused connector=acme kind=unavailable"},
		{oidcsso.EventDiscoveryFailed, nil, "level=WARN msg=oidcsso:discovery_failed connector=acme"},
		{oidcsso.EventDiscoveryRecovered, nil, "level=INFO msg=oidcsso:discovery_recovered connector=acme"},
		{oidcsso.EventSecretSwitched, nil, "level=INFO msg=oidcsso:secret_switched connector=acme"},
		{oidcsso.EventReportOnly, nil, "level=INFO msg=oidcsso:report_only connector=acme"},
		{oidcsso.EventBreakGlassUsed, nil, "level=WARN msg=oidcsso:break_glass_used connector=acme"},
		{"of_tomorrow", nil, "level=INFO msg=oidcsso:of_tomorrow connector=acme"},
	} {
		var b bytes.Buffer
		noTime := func(_ []string, a slog.Attr) slog.Attr {
			switch a.Key {
			case slog.TimeKey:
				return slog.Attr{}
			case slog.MessageKey:
				return slog.String(a.Key, strings.ReplaceAll(a.Value.String(), " ", ""))
			}
			return a
		}
		events := oidcsso.LogEvents(slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{ReplaceAttr: noTime})))
		events.Event(t.Context(), row.name, append([]slog.Attr{slog.String("connector", "acme")}, row.attrs...)...)
		if got := strings.TrimSpace(b.String()); got != row.want {
			t.Errorf("%s is logged as %q, want %q", row.name, got, row.want)
		}
	}
}

// The default logger is the one that the program has by the time of the event. It is the only test that sets it, and not
// parallel.
func TestLogEventsOfTheDefaultLogger(t *testing.T) {
	var b bytes.Buffer
	events := oidcsso.LogEvents(nil)
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&b, nil)))
	defer slog.SetDefault(before)
	events.Event(t.Context(), oidcsso.EventSignInStarted, slog.String("connector", "acme"))
	if !strings.Contains(b.String(), `msg="oidcsso: sign_in_started" connector=acme`) {
		t.Errorf("the log says %q", b.String())
	}
}
