package oidcsso_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/oidcssotest"
)

const nextSecret = "the-next+secret&of=acme"

// told keeps events as "name secret".
type told struct {
	mu     sync.Mutex
	events []string
}

func (e *told) Event(_ context.Context, name string, attrs ...slog.Attr) {
	if name != oidcsso.EventSecretSwitched {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	text := name
	for _, a := range attrs {
		text += " " + a.Value.String()
	}
	e.events = append(e.events, text)
}

func (e *told) all() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return strings.Join(e.events, ", ")
}

// rotation is a trial of a connector with two secrets, of which the identity provider accepts some.
type rotation struct {
	*trial
	told *told
}

func newRotation(t *testing.T, accepted ...string) *rotation {
	t.Helper()
	r := &rotation{newTrial(t, ""), &told{}}
	r.cfg.NextClientSecret = oidcsso.NewSecret(nextSecret)
	r.opts.Events = r.told
	r.begin()
	r.wire.waitForKeys(t) // which come in the background: from now on only tests use the wire
	r.accept(accepted...)
	return r
}

// accept makes the identity provider accept these of "current" and "next".
func (r *rotation) accept(names ...string) {
	var secrets []string
	for _, name := range names {
		secrets = append(secrets, map[string]string{"current": r.cfg.ClientSecret.Reveal(), "next": nextSecret}[name])
	}
	r.idp.SetSecrets(r.cfg.ClientID, secrets...)
}

// signIn is one more sign-in; its code, "" for none, is what it ends with.
func (r *rotation) signIn() oidcsso.Code {
	r.t.Helper()
	login, response := r.attempt()
	before := r.wire.exchangeCount()
	id, err := r.connector.Finish(r.ctx, login, response)
	r.wantNoLeak(id, err)
	if err != nil && strings.Contains(strings.Join(printsOf(err), " ")+r.logs.String(), nextSecret) {
		r.t.Error("the next secret is in an error or the log")
	}
	if n := r.wire.exchangeCount() - before; n != 1 {
		r.t.Errorf("%d token requests in one sign-in", n)
	}
	if err == nil {
		return ""
	}
	e := wantFailure(r.t.(*testing.T), err, oidcsso.AsError(err).Code)
	if e.Check != "token response" || e.ReturnTo != "/inbox" || string(e.Data) != "tab 3" {
		r.t.Errorf("the error is %+v", e)
	}
	return e.Code
}

func (r *rotation) want(what string, got, code oidcsso.Code, inUse string) {
	r.t.Helper()
	if got != code || r.connector.SecretInUse() != inUse {
		r.t.Errorf("%s: ends with %q and %q in use, want %q and %q", what, string(got), r.connector.SecretInUse(), string(code), inUse)
	}
}

func TestSecretIsSwitchedWhenTheIdentityProviderRefusesIt(t *testing.T) {
	t.Parallel()
	r := newRotation(t, "current", "next")
	r.want("both", r.signIn(), "", "current")
	r.accept("next")
	r.want("the current one is revoked", r.signIn(), oidcsso.CodeSecretSwitched, "next")
	r.want("signed in again", r.signIn(), "", "next")
	r.clock.advance(time.Hour)
	r.accept("current", "next")
	r.want("both again", r.signIn(), "", "next")
	r.accept("current")
	r.want("the next one is revoked", r.signIn(), oidcsso.CodeSecretSwitched, "current")
	r.want("signed in again", r.signIn(), "", "current")
	if got := r.told.all(); got != "secret_switched acme next, secret_switched acme current" {
		t.Errorf("told: %s", got)
	}
	if n := strings.Count(r.logs.String(), "refused a client secret"); n != 2 {
		t.Errorf("the log has %d switches: %s", n, r.logs)
	}
	codes := map[string]bool{}
	for _, form := range r.wire.exchanged() {
		if code := form.Get("code"); codes[code] {
			t.Errorf("the code %s was sent twice", code)
		} else {
			codes[code] = true
		}
	}
}

// The remedy says which one was refused, and what to do with which.
func TestSwitchedSecretHasARemedy(t *testing.T) {
	t.Parallel()
	for refused, want := range map[string]string{"current": "make the next one the current one, and remove the old one", "next": "Check that the next one is valid already"} {
		r := newRotation(t, "next")
		if refused == "next" {
			r.signIn()
			r.clock.advance(time.Minute)
			r.accept("current")
		}
		login, response := r.attempt()
		_, err := r.connector.Finish(r.ctx, login, response)
		e := wantFailure(t, err, oidcsso.CodeSecretSwitched)
		var provider *oidcsso.ProviderError
		if !strings.Contains(e.Remedy, "refused the "+refused+" client secret") || !strings.Contains(e.Remedy, want) || e.Kind() != oidcsso.KindExpired ||
			!errors.As(err, &provider) || provider.Code != "invalid_client" {
			t.Errorf("%s: %+v because of %+v", refused, e, provider)
		}
	}
}

// An identity provider that refuses everything, or whatever is sent next, can't make a connector go round in a circle.
func TestSecretIsSwitchedAtMostOnceAMinute(t *testing.T) {
	t.Parallel()
	r := newRotation(t)
	r.want("first", r.signIn(), oidcsso.CodeSecretSwitched, "next")
	for range 5 {
		r.want("at once", r.signIn(), oidcsso.CodeClientRejected, "next")
	}
	r.clock.advance(59 * time.Second)
	r.want("within the minute", r.signIn(), oidcsso.CodeClientRejected, "next")
	r.clock.advance(time.Second)
	r.want("after it", r.signIn(), oidcsso.CodeSecretSwitched, "current")
	r.want("at once", r.signIn(), oidcsso.CodeClientRejected, "current")
	r.clock.advance(-time.Hour) // the clock was wrong: the minute is not an hour
	r.want("with the clock set back", r.signIn(), oidcsso.CodeSecretSwitched, "next")
	if got := strings.Count(r.told.all(), "secret_switched"); got != 3 {
		t.Errorf("%d switches were told", got)
	}
}

// Whoever sends junk codes, by sign-ins that they began themself, gets invalid_grant: the client was accepted. Nor does any
// other answer than that the client is refused say anything of a secret.
func TestJunkCodesSwitchNoSecret(t *testing.T) {
	t.Parallel()
	r := newRotation(t, "current", "next")
	for range 20 {
		login, response := r.attempt()
		u, _ := url.Parse(response.URL)
		values := u.Query()
		values.Set("code", "junk")
		u.RawQuery = values.Encode()
		response.URL = u.String()
		_, err := r.connector.Finish(r.ctx, login, response)
		wantFailure(t, err, oidcsso.CodeCodeRejected)
		r.clock.advance(time.Minute)
	}
	for _, answer := range []struct {
		status int
		body   string
	}{
		{400, `{"error":"invalid_request"}`}, {401, `{"error":"invalid_grant"}`}, {400, `{"error":"invalid_scope"}`}, {401, `{"error":"access_denied"}`},
		{401, `{}`}, {401, `<html>`}, {403, `{"error":"other"}`}, {500, `{"error":"server_error"}`}, {429, `{}`}, {200, `{}`}, {200, `invalid_client`},
	} {
		r.wire.instead = func(req *http.Request) *http.Response {
			if req.Method != http.MethodPost {
				return nil
			}
			return answered(answer.status, jsonType, strings.NewReader(answer.body))
		}
		if code := r.signIn(); code == "" || code == oidcsso.CodeSecretSwitched || code == oidcsso.CodeClientRejected {
			t.Errorf("%d %s: ends with %q", answer.status, answer.body, string(code))
		}
	}
	if r.told.all() != "" || r.connector.SecretInUse() != "current" {
		t.Errorf("%s is in use; told: %s", r.connector.SecretInUse(), r.told.all())
	}
}

// Keycloak says unauthorized_client of a wrong secret.
func TestSecretIsSwitchedForUnauthorizedClient(t *testing.T) {
	t.Parallel()
	r := newRotation(t, "current", "next")
	r.wire.instead = func(req *http.Request) *http.Response {
		if _, sent, _ := req.BasicAuth(); req.Method == http.MethodPost && sent != url.QueryEscape(nextSecret) {
			return answered(http.StatusUnauthorized, jsonType, strings.NewReader(`{"error":"unauthorized_client"}`))
		}
		return nil
	}
	r.want("refused", r.signIn(), oidcsso.CodeSecretSwitched, "next")
	r.want("signed in again", r.signIn(), "", "next")
}

// Many people come back at once, while the current secret is being refused: one switch, and whoever is answered late does not
// bring the refused secret back, not even minutes later.
func TestSecretIsSwitchedOnceByMany(t *testing.T) {
	t.Parallel()
	const people = 30 // fewer than may be under way to one identity provider
	r := newRotation(t, "next")
	type pending struct {
		login    *oidcsso.Login
		response oidcsso.Response
	}
	var all []pending
	for range people {
		login, response := r.attempt()
		all = append(all, pending{login, response})
	}
	var arrived sync.WaitGroup
	arrived.Add(people)
	late := make(chan struct{})
	first := make(chan struct{}, 1)
	first <- struct{}{}
	r.wire.instead = func(req *http.Request) *http.Response {
		if _, sent, _ := req.BasicAuth(); req.Method != http.MethodPost || sent == url.QueryEscape(nextSecret) {
			return nil
		}
		arrived.Done()
		arrived.Wait() // all are sent before one is answered
		select {
		case <-first:
			<-late
		default:
		}
		return nil
	}
	errs := make(chan error, people)
	for _, p := range all {
		go func() {
			_, err := r.connector.Finish(r.ctx, p.login, p.response)
			errs <- err
		}()
	}
	for range people - 1 {
		wantFailure(t, <-errs, oidcsso.CodeSecretSwitched)
	}
	r.clock.advance(2 * time.Minute)
	close(late)
	wantFailure(t, <-errs, oidcsso.CodeSecretSwitched)
	if got := r.told.all(); got != "secret_switched acme next" {
		t.Errorf("told: %s", got)
	}
	r.want("afterwards", r.signIn(), "", "next")
}

// With one secret nothing changes.
func TestOneSecretIsNotSwitched(t *testing.T) {
	t.Parallel()
	r := &rotation{newTrial(t, ""), &told{}}
	r.opts.Events = r.told
	r.begin()
	r.idp.SetSecrets(r.cfg.ClientID)
	r.want("refused", r.signIn(), oidcsso.CodeClientRejected, "current")
	r.idp.AddClient(oidcssotest.Client{ID: r.cfg.ClientID, AuthMethod: "none", RedirectURIs: []string{trialPlace}})
	r.reconfigure(func(cfg *oidcsso.Config) { cfg.ClientSecret = oidcsso.Secret{} })
	r.want("a public client", r.signIn(), "", "")
	if got := r.told.all(); got != "" {
		t.Errorf("told: %s", got)
	}
}

// What was learned of two secrets holds as long as they are the same. After any change the current one is tried first.
func TestChangedSecretsBeginWithTheCurrentOne(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		change func(*oidcsso.Config)
		inUse  string
	}{
		"nothing":      {func(*oidcsso.Config) {}, "next"},
		"another name": {func(cfg *oidcsso.Config) { cfg.Name = "ACME"; cfg.Scopes = []string{"groups"} }, "next"},
		"a date":       {func(cfg *oidcsso.Config) { cfg.ClientSecretExpiry = time.Now() }, "next"},
		"promoted": {func(cfg *oidcsso.Config) {
			cfg.ClientSecret, cfg.NextClientSecret = cfg.NextClientSecret, oidcsso.Secret{}
		}, "current"},
		"promoted, with a newer one": {func(cfg *oidcsso.Config) {
			cfg.ClientSecret, cfg.NextClientSecret = cfg.NextClientSecret, oidcsso.NewSecret("newer")
		}, "current"},
		"exchanged": {func(cfg *oidcsso.Config) {
			cfg.ClientSecret, cfg.NextClientSecret = cfg.NextClientSecret, cfg.ClientSecret
		}, "current"},
		"another current one":  {func(cfg *oidcsso.Config) { cfg.ClientSecret = oidcsso.NewSecret("newer") }, "current"},
		"another next one":     {func(cfg *oidcsso.Config) { cfg.NextClientSecret = oidcsso.NewSecret("newer") }, "current"},
		"no next one":          {func(cfg *oidcsso.Config) { cfg.NextClientSecret = oidcsso.Secret{} }, "current"},
		"another way to send":  {func(cfg *oidcsso.Config) { cfg.TokenEndpointAuthMethod = "client_secret_post" }, "current"},
		"another client ID":    {func(cfg *oidcsso.Config) { cfg.ClientID += "2" }, "current"},
		"another issuer":       {func(cfg *oidcsso.Config) { cfg.Issuer += "/" }, "current"},
		"another redirect URI": {func(cfg *oidcsso.Config) { cfg.RedirectURL = trialBase + "/other" }, "current"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRotation(t, "next")
			router := oidcsso.NewRouter(r.opts)
			put := func() *oidcsso.Connector {
				if err := router.Put(r.cfg); err != nil {
					t.Fatal(err)
				}
				c, err := router.Connector(t.Context(), "acme")
				if err != nil {
					t.Fatal(err)
				}
				return c
			}
			r.begun = put()
			r.connector = r.begun
			r.want("refused", r.signIn(), oidcsso.CodeSecretSwitched, "next")
			row.change(&r.cfg)
			if changed := put(); changed == r.connector || changed.SecretInUse() != row.inUse {
				t.Errorf("%q is in use", changed.SecretInUse())
			}
		})
	}
}

// A Source that wants to hear of its connectors is told first.
type tellingSource struct {
	oidcsso.Source
	*told
}

func TestSourceIsToldOfASwitch(t *testing.T) {
	t.Parallel()
	r := newRotation(t, "next")
	source := tellingSource{r.source, &told{}}
	login, response := r.attempt()
	response.Source = source
	_, err := r.connector.Finish(r.ctx, login, response)
	wantFailure(t, err, oidcsso.CodeSecretSwitched)
	if source.all() != "secret_switched acme next" || r.told.all() != source.all() {
		t.Errorf("the Source was told %q, Options.Events %q", source.all(), r.told.all())
	}
}

func withNextSecret(d *routes) {
	d.cfg.NextClientSecret = oidcsso.NewSecret(nextSecret)
	d.put(d.cfg)
	d.idp.SetSecrets(d.cfg.ClientID, nextSecret)
}

// The person sees nothing of it: the callback begins again, with the same return target and data.
func TestHandlerBeginsAgainWithTheOtherSecret(t *testing.T) {
	t.Parallel()
	h := newRoutes(t, nil)
	withNextSecret(h)
	a := h.begin(oidcsso.BeginParams{ReturnTo: "/home?x=1", Data: []byte("tab 3")})
	w := h.serve(callbackRequest(h.callback(a), a.cookie))
	var again attempt
	for _, c := range w.Result().Cookies() {
		if c.MaxAge > 0 {
			again.cookie = c
		} else if c.Name != a.cookie.Name {
			t.Errorf("it dropped %s", c.Name)
		}
	}
	again.authorizationURL = w.Header().Get("Location")
	if w.Code != http.StatusSeeOther || again.cookie == nil || again.state(t) == a.state(t) {
		t.Fatalf("status %d to %s with %v", w.Code, w.Header().Get("Location"), w.Header())
	}
	w = h.serve(callbackRequest(h.callback(again), again.cookie))
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/home?x=1" || len(h.signIns) != 1 || string(h.signIns[0].Data) != "tab 3" {
		t.Errorf("status %d to %s after %d sign-ins", w.Code, w.Header().Get("Location"), len(h.signIns))
	}
}

// Where both are refused, it does so once and then says what is wrong.
func TestHandlerBeginsAgainOnlyOnce(t *testing.T) {
	t.Parallel()
	h := newRoutes(t, nil)
	withNextSecret(h)
	h.idp.SetSecrets(h.cfg.ClientID)
	a := h.begin(home)
	redirects := 0
	for {
		w := h.serve(acceptsPages(callbackRequest(h.callback(a), a.cookie)))
		if w.Code != http.StatusSeeOther {
			if w.Code != http.StatusBadGateway || !strings.Contains(h.log.String(), "client_rejected") {
				t.Errorf("status %d, logged: %s", w.Code, h.log)
			}
			break
		}
		if redirects++; redirects > 1 {
			t.Fatal("it goes round in a circle")
		}
		a.authorizationURL = w.Header().Get("Location")
		for _, c := range w.Result().Cookies() {
			if c.MaxAge > 0 {
				a.cookie = c
			}
		}
	}
	if redirects != 1 {
		t.Errorf("it began again %d times", redirects)
	}
}

func acceptsPages(r *http.Request) *http.Request {
	r.Header.Set("Accept", "text/html,application/json;q=0.1")
	return r
}

// A program gets the error, as it can't follow a redirect to another site; and what can't begin again is told as it is.
func TestHandlerTellsOfASwitchWhereItCannotBeginAgain(t *testing.T) {
	t.Parallel()
	h := newRoutes(t, nil)
	withNextSecret(h)
	a := h.begin(home)
	w := h.serve(acceptsJSON(callbackRequest(h.callback(a), a.cookie)))
	if members := jsonOf(t, w); w.Code != http.StatusConflict || members["code"] != "secret_switched" {
		t.Errorf("status %d with %v", w.Code, members)
	}

	h = newRoutes(t, nil, func(o *oidcsso.Options, _ *oidcsso.FlowOptions) {
		o.Events = onEvent(func() { h.cfg.Disabled = true; h.put(h.cfg) }) // in the very moment
	})
	withNextSecret(h)
	a = h.begin(home)
	w = h.serve(callbackRequest(h.callback(a), a.cookie))
	if w.Code != http.StatusServiceUnavailable || !strings.Contains(h.log.String(), "connector_disabled") {
		t.Errorf("status %d, logged: %s", w.Code, h.log)
	}
}

type onEvent func()

func (f onEvent) Event(_ context.Context, name string, _ ...slog.Attr) {
	if name == oidcsso.EventSecretSwitched {
		f()
	}
}

// Check asks about both, says of each whether it is accepted, and changes nothing.
func TestCheckAsksAboutBothSecrets(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		accepted, want string
	}{
		{"current next", "INFO client_accepted, INFO keys_usable, INFO next_client_secret_accepted, INFO next_client_secret_unused"},
		{"current", "INFO client_accepted, INFO keys_usable, INFO next_client_secret_unused, WARN next_client_secret_refused"},
		{"next", "INFO client_accepted, INFO keys_usable, INFO next_client_secret_unused, WARN client_secret_refused"},
		{"", "ERROR client_rejected, ERROR next_client_secret_refused, INFO keys_usable"},
	} {
		t.Run(row.accepted, func(t *testing.T) {
			t.Parallel()
			w := newChecked()
			w.token = func() (*http.Response, error) {
				_, sent, _ := w.asked[len(w.asked)-1].BasicAuth()
				name := map[string]string{"s3cret": "current", url.QueryEscape(nextSecret): "next"}[sent]
				if name != "" && strings.Contains(row.accepted, name) {
					return httpAnswer(http.StatusBadRequest, `{"error":"invalid_grant"}`), nil
				}
				return httpAnswer(http.StatusUnauthorized, `{"error":"invalid_client"}`), nil
			}
			connector := w.connector(t, func(cfg *oidcsso.Config) { cfg.NextClientSecret = oidcsso.NewSecret(nextSecret) })
			_, findings := connector.Check(t.Context())
			if got := strings.Join(found(t, findings), ", "); got != row.want {
				t.Errorf("found %s\nwant %s", got, row.want)
			}
			if len(w.asked) != 2 || w.forms[0].Get("code") == w.forms[1].Get("code") || connector.SecretInUse() != "current" {
				t.Errorf("%d token requests, %q is in use", len(w.asked), connector.SecretInUse())
			}
			if strings.Contains(fmt.Sprint(findings)+w.logged(), nextSecret) {
				t.Error("the next secret is in what is shown")
			}
		})
	}
}

func TestCheckSaysThatTheNextSecretIsInUse(t *testing.T) {
	t.Parallel()
	r := newRotation(t, "next")
	r.signIn()
	_, findings := r.connector.Check(t.Context())
	if got := strings.Join(found(t, findings), ", "); !strings.Contains(got, "INFO next_client_secret_in_use") || !strings.Contains(got, "WARN client_secret_refused") {
		t.Errorf("found %s", got)
	}
}

func TestCheckWarnsOfExpiry(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for _, row := range []struct {
		name    string
		current time.Duration // from now; 0: not known
		next    time.Duration // likewise; -1: no next secret
		want    string        // those about expiry
	}{
		{"not known", 0, -1, ""},
		{"in 31 days", 31 * day, -1, ""},
		{"in 30 days", 30 * day, -1, ""},
		{"in 29 days", 29 * day, -1, "WARN client_secret_expires_soon"},
		{"in a second", time.Second, -1, "WARN client_secret_expires_soon"},
		{"a second ago", -time.Second, -1, "WARN client_secret_expired"},
		{"soon, with a next one", day, 0, "INFO client_secret_expires_soon"},
		{"over, with a next one", -day, 90 * day, "INFO client_secret_expired"},
		{"the next one soon", 90 * day, day, "WARN next_client_secret_expires_soon"},
		{"both over", -day, -2 * day, "INFO client_secret_expired, WARN next_client_secret_expired"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			w := newChecked()
			connector := w.connector(t, func(cfg *oidcsso.Config) {
				if row.current != 0 {
					cfg.ClientSecretExpiry = w.clock().Add(row.current)
				}
				if row.next != -1 {
					cfg.NextClientSecret = oidcsso.NewSecret(nextSecret)
					if row.next != 0 {
						cfg.NextClientSecretExpiry = w.clock().Add(row.next)
					}
				}
			})
			var got []string
			_, findings := connector.Check(t.Context())
			for _, f := range found(t, findings) {
				if strings.Contains(f, "_expire") {
					got = append(got, f)
				}
			}
			if strings.Join(got, ", ") != row.want {
				t.Errorf("found %q, want %s", got, row.want)
			}
			// A date is no refusal: the secret that is over is sent all the same.
			if len(w.asked) == 0 || connector.SecretInUse() != "current" {
				t.Errorf("%d token requests, %q is in use", len(w.asked), connector.SecretInUse())
			}
		})
	}
}

// What a Flow's own callback does where a Handler begins again by itself.
func TestFlowBeginsAgain(t *testing.T) {
	t.Parallel()
	h := newRoutes(t, nil)
	withNextSecret(h)
	a := h.begin(oidcsso.BeginParams{ReturnTo: "/home", Data: []byte("tab 3")})
	w := httptest.NewRecorder()
	callbackThatBeginsAgain(h.flow, w, callbackRequest(h.callback(a), a.cookie))
	if w.Code != http.StatusSeeOther || !strings.HasPrefix(w.Header().Get("Location"), h.idp.Issuer()+"/authorize?") {
		t.Fatalf("status %d to %s", w.Code, w.Header().Get("Location"))
	}
}

func TestDatesWithoutSecretsMeanNothing(t *testing.T) {
	t.Parallel()
	w := newChecked()
	connector := w.connector(t, func(cfg *oidcsso.Config) {
		cfg.ClientSecret = oidcsso.Secret{}
		cfg.ClientSecretExpiry, cfg.NextClientSecretExpiry = w.clock().Add(-time.Hour), w.clock().Add(-time.Hour)
	})
	_, findings := connector.Check(t.Context())
	if got := strings.Join(found(t, findings), ", "); got != "INFO client_accepted, INFO keys_usable, INFO public_client" {
		t.Errorf("found %s", got)
	}
}
