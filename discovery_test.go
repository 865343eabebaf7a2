package oidcsso_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/oidcsso/oidcsso"
)

func TestConstructorsDoNoNetwork(t *testing.T) {
	t.Parallel()
	w := newWorld("")
	w.down()
	c := w.connector(t)
	_, _, _ = c.ID(), c.CallbackURL(), c.Config()
	router := oidcsso.NewRouter(w.options())
	cfg := soundConfig()
	cfg.Issuer = worldIssuer
	if err := router.Put(cfg); err != nil {
		t.Errorf("a dead identity provider is an error of Put: %v", err)
	}
	if err := router.Replace([]oidcsso.Config{cfg}); err != nil {
		t.Errorf("a dead identity provider is an error of Replace: %v", err)
	}
	if asked := w.requests(); len(asked) != 0 {
		t.Errorf("they asked %v", asked)
	}
}

func TestDiscover(t *testing.T) {
	t.Parallel()
	w := newWorld(document(worldIssuer))
	md, err := oidcsso.Discover(t.Context(), worldIssuer, w.options())
	if err != nil {
		t.Fatal(err)
	}
	if md.Issuer != worldIssuer || md.TokenEndpoint != worldIssuer+"/token" || !md.FetchedAt.Equal(w.clock()) {
		t.Errorf("got %+v", md)
	}
	if asked := w.requests(); len(asked) != 1 || asked[0] != "GET "+worldIssuer+wellKnownPath {
		t.Errorf("it asked %v", asked)
	}
}

func TestDiscoveryPath(t *testing.T) {
	t.Parallel()
	for issuer, want := range map[string]string{
		"https://idp.example":             "https://idp.example/.well-known/openid-configuration",
		"https://idp.example/":            "https://idp.example/.well-known/openid-configuration",
		"https://idp.example:8443/realms": "https://idp.example:8443/realms/.well-known/openid-configuration",
		"https://idp.example/realms/":     "https://idp.example/realms/.well-known/openid-configuration",
	} {
		w := newWorld(document(issuer))
		if _, err := oidcsso.Discover(t.Context(), issuer, w.options()); err != nil {
			t.Errorf("%s: %v", issuer, err)
		}
		if asked := w.requests(); len(asked) != 1 || asked[0] != "GET "+want {
			t.Errorf("%s: asked %v", issuer, asked)
		}
	}
}

func TestDiscoverRefusesWhatIsNoIssuer(t *testing.T) {
	t.Parallel()
	w := newWorld(document(worldIssuer))
	for _, issuer := range []string{"", "acme.okta.com", "javascript:alert(1)", "http://idp.example", "https://idp.example?a", "https://idp.example#a"} {
		_, err := oidcsso.Discover(t.Context(), issuer, w.options())
		if got := fieldNames(problems(t, err)); got != "issuer" {
			t.Errorf("%q: got problems with %s", issuer, got)
		}
	}
	if asked := w.requests(); len(asked) != 0 {
		t.Errorf("it asked %v", asked)
	}
}

func TestDiscoveryIsLazyAndHappensOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(document(worldIssuer))
	c := w.connector(t)
	for range 5 {
		if _, _, err := begin(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	if n := w.discoveries(); n != 1 {
		t.Errorf("%d discoveries", n)
	}
}

// A bubble of synctest tells when all goroutines wait; no time passes for it.
func TestTwoHundredBeginsAtOnceAreOneDiscovery(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("")
		release := make(chan struct{})
		w.answers(func(*http.Request) (*http.Response, error) {
			<-release
			return httpAnswer(http.StatusOK, document(worldIssuer)), nil
		})
		c := w.connector(t)
		var all sync.WaitGroup
		for range 200 {
			all.Go(func() {
				if _, _, err := begin(context.Background(), c); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		if n := w.discoveries(); n != 1 {
			t.Errorf("%d discoveries", n)
		}
		close(release)
		all.Wait()
		synctest.Wait()
		if asked := w.requests(); len(asked) != 2 || asked[1] != "GET "+worldIssuer+"/keys" {
			t.Errorf("asked %v, want discovery and then the keys", asked)
		}
	})
}

func TestOneCallerLeavingDoesNotEndTheDiscoveryOfOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("")
		release := make(chan struct{})
		w.answers(func(req *http.Request) (*http.Response, error) {
			select {
			case <-release:
				return httpAnswer(http.StatusOK, document(worldIssuer)), nil
			case <-req.Context().Done():
				return nil, req.Context().Err()
			}
		})
		c := w.connector(t)
		first, leave := context.WithCancel(context.Background())
		results := make(chan error, 2)
		go func() {
			_, _, err := begin(first, c)
			results <- err
		}()
		synctest.Wait()
		go func() {
			_, _, err := begin(context.Background(), c)
			results <- err
		}()
		synctest.Wait()
		leave()
		err := <-results
		wantFailure(t, err, oidcsso.CodeUnavailable)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled as the cause", err)
		}
		close(release)
		if err := <-results; err != nil {
			t.Errorf("the one who stayed: %v", err)
		}
		if n := w.discoveries(); n != 1 {
			t.Errorf("%d discoveries", n)
		}
		synctest.Wait()
	})
}

func TestDiscoveryCarriesNothingOfTheCaller(t *testing.T) {
	t.Parallel()
	type key struct{}
	w := newWorld("")
	var leaked any
	w.answers(func(req *http.Request) (*http.Response, error) {
		if strings.HasSuffix(req.URL.Path, wellKnownPath) {
			leaked = req.Context().Value(key{})
		}
		return httpAnswer(http.StatusOK, document(worldIssuer)), nil
	})
	if _, _, err := begin(context.WithValue(t.Context(), key{}, "trace of a person"), w.connector(t)); err != nil {
		t.Fatal(err)
	}
	if leaked != nil {
		t.Errorf("the request has the caller's %v", leaked)
	}
}

func TestServerThatNeverAnswersCostsFiveSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("")
		w.answers(func(req *http.Request) (*http.Response, error) {
			<-req.Context().Done()
			return nil, req.Context().Err()
		})
		c := w.connector(t)
		start := time.Now()
		_, _, err := begin(context.Background(), c)
		wantFailure(t, err, oidcsso.CodeUnavailable)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want a time-out, which does not look like a forgery", err)
		}
		if took := time.Since(start); took != 5*time.Second {
			t.Errorf("it took %v", took)
		}
		_, _, err = begin(context.Background(), c) // at once: the failure is remembered
		wantFailure(t, err, oidcsso.CodeUnavailable)
		if took := time.Since(start); took != 5*time.Second || w.discoveries() != 1 {
			t.Errorf("it took %v and %d discoveries", took, w.discoveries())
		}
	})
}

func TestDownAtTheStartAndBackLater(t *testing.T) {
	t.Parallel()
	w := newWorld("")
	w.down()
	c := w.connector(t)
	attempt := func() error { _, _, err := begin(t.Context(), c); return err }

	first := wantFailure(t, attempt(), oidcsso.CodeUnavailable)
	if !errors.Is(first, errDown) {
		t.Errorf("the cause is lost: %v", first)
	}
	second := wantFailure(t, attempt(), oidcsso.CodeUnavailable)
	if second.ID == first.ID {
		t.Error("two people got the same correlation id")
	}
	if n := w.discoveries(); n != 1 {
		t.Errorf("%d discoveries before the failure may be forgotten", n)
	}

	// The failure is remembered for half a second, doubling to five.
	for i, remembered := range []time.Duration{500, 1000, 2000, 4000, 5000, 5000} {
		w.advance(remembered*time.Millisecond - 1)
		wantFailure(t, attempt(), oidcsso.CodeUnavailable)
		if n := w.discoveries(); n != i+1 {
			t.Fatalf("failure %d was forgotten too early: %d discoveries", i+1, n)
		}
		w.advance(1)
		wantFailure(t, attempt(), oidcsso.CodeUnavailable)
		if n := w.discoveries(); n != i+2 {
			t.Fatalf("failure %d was not forgotten after %v ms: %d discoveries", i+1, remembered, n)
		}
	}

	w.publish(document(worldIssuer))
	w.advance(5 * time.Second)
	if err := attempt(); err != nil {
		t.Errorf("the same connector, once the identity provider is back: %v", err)
	}
}

func TestMetadataIsRefreshedInTheBackgroundUpToAHardAge(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(document(worldIssuer))
		c := w.connector(t)
		attempt := func() error {
			_, _, err := begin(context.Background(), c)
			synctest.Wait() // until what it started in the background is over
			return err
		}
		if err := attempt(); err != nil {
			t.Fatal(err)
		}
		w.advance(24 * time.Hour)
		if err := attempt(); err != nil || w.discoveries() != 1 {
			t.Errorf("at 24 hours: %v, %d discoveries", err, w.discoveries())
		}

		w.publish(document(worldIssuer, "authorization_endpoint", quoted(worldIssuer+"/moved")))
		w.advance(1)
		if err := attempt(); err != nil || w.discoveries() != 2 {
			t.Errorf("after 24 hours: %v, %d discoveries", err, w.discoveries())
		}
		if md, err := c.Metadata(context.Background()); err != nil || md.AuthorizationEndpoint != worldIssuer+"/moved" {
			t.Errorf("the refreshed endpoint is %+v, %v", md, err)
		}

		// From here on the identity provider is down, and what is known stays in use.
		w.down()
		for range 6 {
			w.advance(24*time.Hour + 1)
			if err := attempt(); err != nil {
				t.Fatalf("while refreshes fail: %v", err)
			}
		}
		if n := w.discoveries(); n != 8 {
			t.Errorf("%d discoveries, want one attempt a day", n)
		}
		if log := w.logged(); !strings.Contains(log, "discovery failed") || !strings.Contains(log, errDown.Error()) {
			t.Errorf("nobody is told: %s", log)
		}
		w.advance(24 * time.Hour) // seven days and six nanoseconds
		wantFailure(t, attempt(), oidcsso.CodeUnavailable)

		w.publish(document(worldIssuer))
		w.advance(5 * time.Second)
		if err := attempt(); err != nil {
			t.Errorf("once it is back: %v", err)
		}
	})
}

func TestRefreshThatFindsAnotherIssuerChangesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(document(worldIssuer))
		c := w.connector(t)
		if _, _, err := begin(context.Background(), c); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		w.publish(document("https://evil.example"))
		w.advance(25 * time.Hour)
		for range 2 {
			u, _, err := begin(context.Background(), c)
			if err != nil || !strings.HasPrefix(u, worldIssuer+"/authorize?") {
				t.Errorf("got %s, %v", u, err)
			}
			synctest.Wait()
		}
	})
}

// Whatever a hostile or broken server answers, the error has the right code, and nothing of the answer is in it or in the log.
func TestHostileDiscoveryAnswers(t *testing.T) {
	t.Parallel()
	const marker = "MARKER-5f1d"
	huge := `{"a":"` + marker + strings.Repeat("x", 1<<20) + `"}`
	for _, row := range []struct {
		name   string
		status int
		body   string
		code   oidcsso.Code
	}{
		{"HTML with status 200", 200, "<!doctype html><title>" + marker + "</title>", oidcsso.CodeMetadataInvalid},
		{"nothing with status 200", 200, "", oidcsso.CodeMetadataInvalid},
		{"not found", 404, marker, oidcsso.CodeMetadataInvalid},
		{"not found, as JSON", 404, `{"error":"` + marker + `"}`, oidcsso.CodeMetadataInvalid},
		{"forbidden", 403, marker, oidcsso.CodeMetadataInvalid},
		{"a redirect", 302, marker, oidcsso.CodeMetadataInvalid},
		{"a permanent redirect", 308, marker, oidcsso.CodeMetadataInvalid},
		{"created", 201, `{"a":"` + marker + `"}`, oidcsso.CodeMetadataInvalid},
		{"no content", 204, "", oidcsso.CodeMetadataInvalid},
		{"a rate limit", 429, marker, oidcsso.CodeUnavailable},
		{"a server's error", 500, marker, oidcsso.CodeUnavailable},
		{"a gateway's error, as JSON", 502, `{"error":"` + marker + `"}`, oidcsso.CodeUnavailable},
		{"unavailable", 503, huge, oidcsso.CodeUnavailable},
		{"more than 1 MiB", 200, huge, oidcsso.CodeMetadataInvalid},
		{"an array", 200, `["` + marker + `"]`, oidcsso.CodeMetadataInvalid},
		{"a string", 200, `"` + marker + `"`, oidcsso.CodeMetadataInvalid},
		{"null", 200, `null`, oidcsso.CodeIssuerMismatch},
		{"an empty object", 200, `{}`, oidcsso.CodeIssuerMismatch},
		{"an issuer of another type", 200, `{"issuer":12345678901234567890,"x":"` + marker + `"}`, oidcsso.CodeMetadataInvalid},
		{"an endpoint of another type", 200, document(worldIssuer, "token_endpoint", `["`+marker+`"]`), oidcsso.CodeMetadataInvalid},
		{"algorithms of another type", 200, document(worldIssuer, "id_token_signing_alg_values_supported", `"`+marker+`"`), oidcsso.CodeMetadataInvalid},
		{"a key twice", 200, `{"issuer":"` + worldIssuer + `","` + marker + `":1,"` + marker + `":2}`, oidcsso.CodeMetadataInvalid},
		{"an issuer twice", 200, `{"issuer":"https://` + marker + `.example","issuer":"` + worldIssuer + `"}`, oidcsso.CodeMetadataInvalid},
		{"an issuer in two cases", 200, `{"issuer":"` + worldIssuer + `","ISSUER":"https://` + marker + `.example"}`, oidcsso.CodeMetadataInvalid},
		{"an issuer in upper case alone", 200, strings.Replace(document(worldIssuer, "x", `"`+marker+`"`), `"issuer"`, `"ISSUER"`, 1), oidcsso.CodeIssuerMismatch},
		{"an endpoint in upper case alone", 200, strings.Replace(document(worldIssuer, "x", `"`+marker+`"`), `"token_endpoint"`, `"Token_Endpoint"`, 1), oidcsso.CodeMetadataInvalid},
		{"trailing data", 200, document(worldIssuer) + `{"a":"` + marker + `"}`, oidcsso.CodeMetadataInvalid},
		{"a lone surrogate", 200, document(worldIssuer, "x", `"`+marker+`\ud800"`), oidcsso.CodeMetadataInvalid},
		{"invalid UTF-8", 200, document(worldIssuer, "x", "\""+marker+"\xff\""), oidcsso.CodeMetadataInvalid},
		{"a byte order mark", 200, "\xef\xbb\xbf" + document(worldIssuer, "x", `"`+marker+`"`), oidcsso.CodeMetadataInvalid},
		{"arrays a hundred deep", 200, document(worldIssuer, "x", strings.Repeat("[", 100)+`"`+marker+`"`+strings.Repeat("]", 100)), oidcsso.CodeMetadataInvalid},
		{"no asymmetric algorithm", 200, document(worldIssuer, "id_token_signing_alg_values_supported", `["HS256","none","`+marker+`"]`), oidcsso.CodeMetadataInvalid},
		{"no algorithm", 200, document(worldIssuer, "id_token_signing_alg_values_supported", `[]`, "x", `"`+marker+`"`), oidcsso.CodeMetadataInvalid},
		{"an endpoint that is a script", 200, document(worldIssuer, "authorization_endpoint", `"javascript:`+marker+`"`), oidcsso.CodeMetadataInvalid},
		{"an issuer that is a script", 200, document("javascript:" + marker), oidcsso.CodeIssuerMismatch},
		{"an issuer with a line break", 200, document("https://idp.acme.example/\n" + strings.Repeat("x", 200) + marker), oidcsso.CodeIssuerMismatch},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld("")
			w.answers(func(*http.Request) (*http.Response, error) {
				resp := httpAnswer(row.status, row.body)
				resp.Header.Set("Location", "https://"+marker+".example/")
				resp.Header.Set("Content-Type", "text/"+marker)
				return resp, nil
			})
			_, direct := oidcsso.Discover(t.Context(), worldIssuer, w.options())
			_, _, begun := begin(t.Context(), w.connector(t))
			for _, err := range []error{direct, begun} {
				wantFailure(t, err, row.code)
				faces := facesOf(err)
				if row.name == "an issuer that is a script" {
					continue // it names the document's issuer, as text; see TestIssuerMismatch
				}
				for line := range strings.Lines(faces) {
					if strings.Contains(strings.ToLower(line), strings.ToLower(marker)) {
						t.Errorf("something of the answer is in the error: %s", line)
					}
				}
			}
			if log := w.logged(); row.name != "an issuer that is a script" && strings.Contains(log, marker) {
				t.Errorf("something of the answer is in the log:\n%s", log)
			}
			for _, url := range w.requests() {
				if url != "GET "+worldIssuer+wellKnownPath {
					t.Errorf("it asked %s", url)
				}
			}
		})
	}
}

func TestDiscoveryStatusIsInTheCause(t *testing.T) {
	t.Parallel()
	for status, part := range map[int]string{404: "status 404", 302: "redirect (status 302)", 500: "status 500"} {
		w := newWorld("")
		w.answers(func(*http.Request) (*http.Response, error) { return httpAnswer(status, ""), nil })
		_, err := oidcsso.Discover(t.Context(), worldIssuer, w.options())
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%d: got %v", status, err)
		}
	}
}

func TestIssuerMismatch(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name       string
		configured string
		discovered string
		remedy     string // a part of it
		exact      bool   // the remedy names the document's issuer
	}{
		{"a slash too few", "https://acme.eu.auth0.com", "https://acme.eu.auth0.com/", "only by a slash", true},
		{"a slash too many", "https://acme.okta.com/", "https://acme.okta.com", "only by a slash", true},
		{"a slash in a path", "https://sso.example/realms/acme/", "https://sso.example/realms/acme", "only by a slash", true},
		{"the case of the host", "https://adfs.acme.example/adfs", "https://ADFS.ACME.EXAMPLE/adfs", "upper and lower case", true},
		{"the case of the path", "https://sso.example/realms/Acme", "https://sso.example/realms/acme", "upper and lower case", true},
		{"the case of the scheme", "HTTPS://sso.example", "https://sso.example", "upper and lower case", true},
		{"http for https on loopback", "https://localhost:9000", "http://localhost:9000", "http and https", true},
		{"another host", "https://login.acme.example", "https://acme.okta.com", "says that its issuer is", true},
		{"a version more", "https://login.microsoftonline.com/t", "https://login.microsoftonline.com/t/v2.0", "says that its issuer is", true},
		{"an explicit port", "https://sso.example:443", "https://sso.example", "says that its issuer is", true},
		{"a template for many tenants", "https://login.microsoftonline.com/common/v2.0", "https://login.microsoftonline.com/{tenantid}/v2.0", "template", false},
		{"http on a public host", "https://sso.example", "http://sso.example", "not a URL that can be used", false},
		{"a script", "https://sso.example", "javascript:alert(1)", "not a URL that can be used", false},
		{"user info", "https://sso.example", "https://sso.example@evil.example", "not a URL that can be used", false},
		{"a fragment", "https://sso.example", "https://sso.example#", "not a URL that can be used", false},
		{"a space", "https://sso.example", "https://sso.example ", "not a URL that can be used", false},
		{"a letter that looks like another", "https://sso.example", "https://ѕso.example", "not a URL that can be used", false},
		{"three kilobytes", "https://sso.example", "https://sso.example/" + strings.Repeat("a", 3000), "not a URL that can be used", false},
		{"nothing", "https://sso.example", "", "not a URL that can be used", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(document(row.discovered))
			_, err := oidcsso.Discover(t.Context(), row.configured, w.options())
			e := wantFailure(t, err, oidcsso.CodeIssuerMismatch)
			if !strings.Contains(e.Remedy, row.remedy) || row.exact && !strings.Contains(e.Remedy, row.discovered) {
				t.Errorf("the remedy is %q", e.Remedy)
			}
			if !row.exact && row.discovered != "" && strings.Contains(e.Remedy, row.discovered) {
				t.Errorf("the remedy recommends what can't be used: %q", e.Remedy)
			}
			var mismatch *oidc.IssuerMismatchError
			if !errors.As(err, &mismatch) || mismatch.Provided != row.configured {
				t.Errorf("the cause is %v", errors.Unwrap(err))
			}
			if len(err.Error()) > 3000 || len(mismatch.Discovered) > 200 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
			if strings.Contains(e.Public, row.configured) {
				t.Errorf("the person is told: %q", e.Public)
			}
		})
	}
}

func TestIssuerIsNeverRepaired(t *testing.T) {
	t.Parallel()
	w := newWorld(document(worldIssuer))
	c := w.connector(t, func(c *oidcsso.Config) { c.Issuer = worldIssuer + "/" })
	for range 3 {
		_, _, err := begin(t.Context(), c)
		wantFailure(t, err, oidcsso.CodeIssuerMismatch)
	}
	if got := c.Config().Issuer; got != worldIssuer+"/" {
		t.Errorf("the issuer became %q", got)
	}
}

func TestRefusedAddressSaysWhoCanAllowIt(t *testing.T) {
	t.Parallel()
	for _, issuer := range []string{"https://127.0.0.1:9", "https://localhost:9", "https://10.0.0.1", "https://169.254.169.254", "https://[::1]:9", "https://[fe80::1]"} {
		_, err := oidcsso.Discover(t.Context(), issuer, &oidcsso.Options{Logger: slog.New(slog.DiscardHandler)})
		e := wantFailure(t, err, oidcsso.CodeUnavailable)
		if !strings.Contains(e.Remedy, "Options.Egress") {
			t.Errorf("%s: the remedy is %q", issuer, e.Remedy)
		}
	}
}

// Not "try again later": it never heals.
func TestIssuerAtAPortThatSpeaksHTTPIsToldSo(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	opts := &oidcsso.Options{Egress: oidcsso.Egress{InsecureAllowLoopback: true}, Logger: slog.New(slog.DiscardHandler)}
	_, err := oidcsso.Discover(t.Context(), strings.Replace(server.URL, "http:", "https:", 1), opts)
	if e := oidcsso.AsError(err); e == nil || e.Code != oidcsso.CodeUnavailable || !strings.Contains(e.Remedy, "speaks http, not https") {
		t.Errorf("got %v", err)
	}
}

func TestMetadataOfADeadIdentityProvider(t *testing.T) {
	t.Parallel()
	w := newWorld("")
	w.down()
	md, err := w.connector(t).Metadata(t.Context())
	if e := wantFailure(t, err, oidcsso.CodeUnavailable); md != nil || e.Connector != "acme" {
		t.Errorf("got %v, %v", md, err)
	}
}

// The keys are fetched while the person is at the identity provider. That they can't be is not yet a reason to refuse.
func TestKeysAreFetchedAheadAndAreNobodysProblemYet(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("")
		w.answers(func(req *http.Request) (*http.Response, error) {
			if strings.HasSuffix(req.URL.Path, wellKnownPath) {
				return httpAnswer(http.StatusOK, document(worldIssuer, "jwks_uri", `"https://keys.acme.example/jwks?v=2"`)), nil
			}
			if req.Header.Get("Authorization") != "" || req.Header.Get("Accept") != "application/json" {
				t.Errorf("the request for the keys has the headers %v", req.Header)
			}
			return httpAnswer(http.StatusInternalServerError, "MARKER"), nil
		})
		c := w.connector(t)
		for range 3 {
			if _, _, err := begin(context.Background(), c); err != nil {
				t.Error(err)
			}
			synctest.Wait()
		}
		if asked := w.requests(); len(asked) != 2 || asked[1] != "GET https://keys.acme.example/jwks?v=2" {
			t.Errorf("asked %v, want discovery and then the keys, once", asked)
		}
		if log := w.logged(); !strings.Contains(log, "fetching the keys failed") || strings.Contains(log, "MARKER") {
			t.Errorf("the log says %s", log)
		}
	})
}

// Connections are those of the egress profile, so a discovery of another one never serves this one.
func TestOptionsDoNotShareWhatTheyDiscovered(t *testing.T) {
	t.Parallel()
	first, second := newWorld(document(worldIssuer)), newWorld("")
	second.down()
	if _, _, err := begin(t.Context(), first.connector(t)); err != nil {
		t.Fatal(err)
	}
	_, _, err := begin(t.Context(), second.connector(t))
	wantFailure(t, err, oidcsso.CodeUnavailable)
}
