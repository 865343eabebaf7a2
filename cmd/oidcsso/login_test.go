package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/oidcssotest"
)

// issued keeps the tokens that the identity provider gives out, to look for them in what is printed.
type issued struct {
	mu     sync.Mutex
	tokens []string
}

func (i *issued) watch(idp *oidcssotest.IdP) {
	idp.Faults(func(f *oidcssotest.Faults) {
		f.TokenResponse = func(m map[string]any) {
			i.mu.Lock()
			defer i.mu.Unlock()
			for _, name := range []string{"access_token", "id_token", "refresh_token"} {
				if token, ok := m[name].(string); ok {
					i.tokens = append(i.tokens, token)
				}
			}
		}
	})
}

func (i *issued) all() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.tokens)
}

func TestLoginShowsIdentityAndChecks(t *testing.T) {
	t.Parallel()
	for _, form := range []string{"-json=false", "-json"} {
		t.Run(form, func(t *testing.T) {
			t.Parallel()
			idp, server := newIdP(t)
			var tokens issued
			tokens.watch(idp)
			l := startLogin(t, idp, server, "-scopes", "offline_access", "-domains", "acme.test", "-claims", "groups", form)
			answer := l.authorize()
			status, header, page := get(t, answer.String())
			if status != http.StatusOK || !strings.Contains(page, "close this page") || header.Get("Cache-Control") != "no-store" ||
				header.Get("Referrer-Policy") != "no-referrer" || !strings.Contains(header.Get("Content-Security-Policy"), "default-src 'none'") {
				t.Errorf("the browser gets %d, %v, %s", status, header, page)
			}
			if code := <-l.ended; code != exitOK {
				t.Errorf("exit code %d", code)
			}
			if len(tokens.all()) != 3 {
				t.Fatalf("%d tokens were given out", len(tokens.all()))
			}
			l.wantNoSecret(append(tokens.all(), answer.Query().Get("code"))...)
			if strings.Contains(page, answer.Query().Get("code")) || strings.Contains(page, "Alice") {
				t.Errorf("the page says more than it must: %s", page)
			}
			text := l.out.String()
			if form == "-json" {
				wantSignedIn(t, text)
				return
			}
			for _, want := range []string{"Signed in.", "alice@acme.test", "Alice Ames", "  staff\n", `["staff"] (id token)`, "12  signature       passed", "23  email           passed"} {
				if !strings.Contains(text, want) {
					t.Errorf("%q is not in\n%s", want, text)
				}
			}
			if strings.Contains(text, "failed") || strings.Contains(text, "not reached") {
				t.Errorf("a check has not passed:\n%s", text)
			}
		})
	}
}

func wantSignedIn(t *testing.T, text string) {
	t.Helper()
	var report struct {
		SignedIn bool `json:"signed_in"`
		Identity struct{ Subject, Email string }
		Claims   map[string]struct {
			Origin string
			Value  []string
		}
		Checks []checkOutcome
		Error  *failure
	}
	if err := json.Unmarshal([]byte(text), &report); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if !report.SignedIn || report.Identity.Email != "alice@acme.test" || report.Error != nil || !slices.Equal(report.Claims["groups"].Value, []string{"staff"}) {
		t.Errorf("got %s", text)
	}
	for i, name := range oidcsso.Checks() {
		if want := (checkOutcome{i + 1, name, passed}); len(report.Checks) <= i || report.Checks[i] != want {
			t.Fatalf("the checks are %+v, want %+v", report.Checks, want)
		}
	}
}

// The outcome of every check is shown: those before the one that failed have passed, and those after it were not reached.
func TestLoginShowsWhichCheckFailed(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name   string
		args   []string
		faults func(*oidcssotest.Faults)
		check  string
		code   oidcsso.Code
		exit   int
	}{
		{"another nonce", nil, func(f *oidcssotest.Faults) { f.WrongNonce = true }, "nonce", oidcsso.CodeTokenRejected, exitFailed},
		{"nobody's signature", nil, func(f *oidcssotest.Faults) { f.SignWith = oidcssotest.SignUnpublished }, "signature", oidcsso.CodeTokenRejected, exitFailed},
		{"another iss", nil, func(f *oidcssotest.Faults) { f.IssInResponse = "https://evil.example" }, "iss", oidcsso.CodeResponseMisplaced, exitFailed},
		{"access denied", nil, func(f *oidcssotest.Faults) {
			f.AuthorizeError, f.AuthorizeErrorDescription = "access_denied", hostile
		}, "error", oidcsso.CodeAccessDenied, exitFailed},
		{"an error with an escape", nil, func(f *oidcssotest.Faults) { f.AuthorizeError = hostile }, "error", oidcsso.CodeProviderError, exitFailed},
		{"the token endpoint is down", nil, func(f *oidcssotest.Faults) { f.Token.Down = true }, "token response", oidcsso.CodeUnavailable, exitUnreachable},
		{"somebody of another domain", []string{"-domains", "other.test"}, func(*oidcssotest.Faults) {}, "email", oidcsso.CodeEmailOutside, exitFailed},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			idp, server := newIdP(t)
			idp.Faults(row.faults)
			l := startLogin(t, idp, server, append(row.args, "-json")...)
			get(t, l.authorize().String())
			if code := <-l.ended; code != row.exit {
				t.Errorf("exit code %d, want %d", code, row.exit)
			}
			l.wantNoSecret()
			wantPlain(t, l.out.String(), l.err.String())
			var report loginReport
			if err := json.Unmarshal([]byte(l.out.String()), &report); err != nil {
				t.Fatal(err)
			}
			if report.SignedIn || report.Identity != nil || report.Error == nil || report.Error.Code != row.code || report.Error.Check != row.check || report.Error.Remedy == "" {
				t.Fatalf("got %s", l.out)
			}
			want := passed
			for _, check := range report.Checks {
				if check.Name == row.check {
					want = failed
				}
				if check.Outcome != want {
					t.Errorf("%s is %q, want %q", check.Name, check.Outcome, want)
				}
				if want == failed {
					want = notReached
				}
			}
		})
	}
}

// In text, the reason stands at the check.
func TestLoginSaysWhyACheckFailed(t *testing.T) {
	t.Parallel()
	idp, server := newIdP(t)
	idp.Faults(func(f *oidcssotest.Faults) { f.WrongNonce = true })
	l := startLogin(t, idp, server)
	get(t, l.authorize().String())
	<-l.ended
	for _, want := range []string{"Not signed in: token_rejected\n", "17  time            passed\n", "18  nonce           failed: ID token: nonce: nonce is not the expected one\n", "19  subject         not reached\n"} {
		if !strings.Contains(l.out.String(), want) {
			t.Errorf("%q is not in\n%s", want, l.out)
		}
	}
}

// Everything that a person's claims say is printed as text.
func TestPersonCannotWriteToTheTerminal(t *testing.T) {
	t.Parallel()
	for _, form := range []string{"-json=false", "-json"} {
		t.Run(form, func(t *testing.T) {
			t.Parallel()
			idp, server := newIdP(t)
			idp.AddUser(oidcssotest.User{Subject: "alice", Email: "alice@acme.test", EmailVerified: oidcssotest.SaysUnverified, Name: hostile, PreferredUsername: hostile, Groups: []string{hostile, "staff"},
				Claims: map[string]any{"acr": hostile, "amr": []string{hostile}, "sid": hostile, "title": map[string]any{hostile: hostile}, "locale": hostile, "picture": "https://x.example/" + hostile}})
			l := startLogin(t, idp, server, "-claims", "title name", form)
			get(t, l.authorize().String())
			if code := <-l.ended; code != exitOK {
				t.Fatalf("exit code %d: %s%s", code, l.out, l.err)
			}
			wantPlain(t, l.out.String(), l.err.String())
			if !strings.Contains(l.out.String(), "end") {
				t.Errorf("nothing of it was shown: %s", l.out)
			}
			if form == "-json" { // nothing is lost where it is escaped
				var report struct{ Identity struct{ Groups []string } }
				if err := json.Unmarshal([]byte(l.out.String()), &report); err != nil || report.Identity.Groups[0] != hostile {
					t.Errorf("got %q, %v", report.Identity.Groups, err)
				}
			}
		})
	}
}

// Any page in any browser on this machine can send requests to the listener. None but the answer changes anything.
func TestListenerTakesOneAnswerAndNothingElse(t *testing.T) {
	t.Parallel()
	idp, server := newIdP(t)
	l := startLogin(t, idp, server)
	answer := l.authorize()
	changed := func(edit func(*http.Request)) *http.Request {
		request, err := http.NewRequest(http.MethodGet, answer.String(), nil)
		if err != nil {
			t.Fatal(err)
		}
		edit(request)
		return request
	}
	query := func(edit func(url.Values)) func(*http.Request) {
		return func(r *http.Request) {
			values := r.URL.Query()
			edit(values)
			r.URL.RawQuery = values.Encode()
		}
	}
	for _, attack := range []struct {
		name   string
		edit   func(*http.Request)
		status int
	}{
		{"by another name (DNS rebinding)", func(r *http.Request) { r.Host = "evil.example" }, http.StatusMisdirectedRequest},
		{"by another name with the port", func(r *http.Request) { r.Host = "evil.example:" + r.URL.Port() }, http.StatusMisdirectedRequest},
		{"by localhost, which was not asked for", func(r *http.Request) { r.Host = "localhost:" + r.URL.Port() }, http.StatusMisdirectedRequest},
		{"without a port", func(r *http.Request) { r.Host = r.URL.Hostname() }, http.StatusMisdirectedRequest},
		{"at another path", func(r *http.Request) { r.URL.Path = "/" }, http.StatusNotFound},
		{"below its path", func(r *http.Request) { r.URL.Path += "/x" }, http.StatusNotFound},
		{"by POST", func(r *http.Request) { r.Method = http.MethodPost }, http.StatusMethodNotAllowed},
		{"by HEAD", func(r *http.Request) { r.Method = http.MethodHead }, http.StatusMethodNotAllowed},
		{"by OPTIONS", func(r *http.Request) { r.Method = http.MethodOptions }, http.StatusMethodNotAllowed},
		{"with another state", query(func(v url.Values) { v.Set("state", "AAAAAAAAAAAAAAAAAAAAAA") }), http.StatusBadRequest},
		{"with a part of the state", query(func(v url.Values) { v.Set("state", v.Get("state")[:21]) }), http.StatusBadRequest},
		{"without a state", query(func(v url.Values) { v.Del("state") }), http.StatusBadRequest},
		{"with an error and no state", query(func(v url.Values) { clear(v); v.Set("error", "access_denied") }), http.StatusBadRequest},
		{"with nothing", query(func(v url.Values) { clear(v) }), http.StatusBadRequest},
	} {
		status, header, body := send(t, changed(attack.edit))
		if status != attack.status || strings.Contains(body, "terminal says how") || header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: status %d, %v, %s", attack.name, status, header, body)
		}
	}
	if idp.Requests().Token != 0 {
		t.Error("the code was sent")
	}
	if status, _, body := get(t, answer.String()); status != http.StatusOK {
		t.Errorf("the answer itself: %d, %s", status, body)
	}
	if code := <-l.ended; code != exitOK {
		t.Errorf("exit code %d: %s", code, l.out)
	}
	if n := strings.Count(l.err.String(), "It is ignored"); n != 1 {
		t.Errorf("the person was told %d times of what was ignored", n)
	}
	l.wantClosed()
}

// A second answer has no effect, and what was planted beside the state ends the sign-in.
func TestListenerHandsAllParametersOn(t *testing.T) {
	t.Parallel()
	idp, server := newIdP(t)
	l := startLogin(t, idp, server)
	get(t, l.authorize().String()+"&code=planted")
	if code := <-l.ended; code != exitFailed || !strings.Contains(l.out.String(), "parameters      failed") || idp.Requests().Token != 0 {
		t.Errorf("exit code %d: %s", code, l.out)
	}
}

// wantClosed sends the answer again. Another test may have the port by now, but does not know the state.
func (l *terminal) wantClosed() {
	l.t.Helper()
	u, err := url.Parse(l.address)
	if err != nil {
		l.t.Fatal(err)
	}
	answer, err := http.Get(l.callback + "?" + url.Values{"state": u.Query()["state"]}.Encode())
	if err != nil {
		return
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusOK || answer.StatusCode == http.StatusConflict {
		l.t.Errorf("the listener still answers at %s: %s", l.callback, answer.Status)
	}
}

func TestLoginEndsWhenNobodyComesBack(t *testing.T) {
	t.Parallel()
	t.Run("in time", func(t *testing.T) {
		t.Parallel()
		idp, server := newIdP(t)
		l := startLogin(t, idp, server, "-timeout", "1ms")
		if code := <-l.ended; code != exitNobody || !strings.Contains(l.err.String(), "nobody came back") {
			t.Errorf("exit code %d: %s", code, l.err)
		}
		l.wantClosed()
	})
	t.Run("and is interrupted", func(t *testing.T) {
		t.Parallel()
		idp, server := newIdP(t)
		l := startLogin(t, idp, server)
		l.stop()
		if code := <-l.ended; code != exitNobody || !strings.Contains(l.err.String(), "interrupted") {
			t.Errorf("exit code %d: %s", code, l.err)
		}
		l.wantClosed()
	})
}

func TestLoginAtLocalhost(t *testing.T) {
	t.Parallel()
	idp, server := newIdP(t)
	l := startLogin(t, idp, server, "-localhost")
	if !strings.HasPrefix(l.callback, "http://localhost:") {
		t.Fatalf("the Callback URI is %s", l.callback)
	}
	get(t, l.authorize().String())
	if code := <-l.ended; code != exitOK {
		t.Errorf("exit code %d: %s", code, l.out)
	}
}

func TestLoginAtAPortThatIsTaken(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, server := newIdP(t)
	r := newRun(t)
	code := r.do("login", server.URL, "-allow-loopback", "-client-id", "rp", "-port", fmt.Sprint(listener.Addr().(*net.TCPAddr).Port))
	if code != exitUsage || !strings.Contains(r.err.String(), "-port takes another") {
		t.Errorf("exit code %d: %s", code, r.err)
	}
}

// Browsers try ::1 first for localhost. Another user of this machine who listens there would get the answer.
func TestLoginWhereSomebodyElseIsLocalhost(t *testing.T) {
	t.Parallel()
	other, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Skip("this machine has no ::1: ", err)
	}
	defer other.Close()
	port := other.Addr().(*net.TCPAddr).Port
	_, server := newIdP(t)
	r := newRun(t)
	code := r.do("login", server.URL, "-allow-loopback", "-client-id", "rp", "-localhost", "-timeout", "1s", "-port", fmt.Sprint(port))
	if code != exitUsage || !strings.Contains(r.err.String(), "-port takes another") || strings.Contains(r.err.String(), "Open this URL") {
		t.Errorf("exit code %d: %s", code, r.err)
	}
	free, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", port)) // nothing is left behind
	if err != nil {
		t.Fatal(err)
	}
	free.Close()
}

// Nothing is opened unless it is asked for; the browser does not get the secret with its environment.
func TestLoginOpensTheBrowserWhenAsked(t *testing.T) {
	idp, server := newIdP(t)
	l := startLogin(t, idp, server)
	l.stop()
	if <-l.ended; l.opened != nil {
		t.Errorf("opened %q", l.opened)
	}
	l = startLogin(t, idp, server, "-open")
	l.stop()
	if <-l.ended; !slices.Equal(l.opened, []string{l.address, "SECRET"}) {
		t.Errorf("opened %q", l.opened)
	}
	t.Setenv("SECRET", confidential)
	t.Setenv("SECRET_OF_ANOTHER", "x")
	command := browser("https://idp.example/?a=b&c=d;e", "SECRET")
	if got := command.Args[len(command.Args)-1]; got != "https://idp.example/?a=b&c=d;e" {
		t.Errorf("the URL is %q", got)
	}
	if slices.ContainsFunc(command.Env, func(entry string) bool { return strings.HasPrefix(entry, "SECRET=") }) || !slices.Contains(command.Env, "SECRET_OF_ANOTHER=x") {
		t.Error("the environment of the browser is not this one without the secret")
	}
	if os.Getenv("SECRET") == "" {
		t.Error("this program's own environment changed")
	}
}
