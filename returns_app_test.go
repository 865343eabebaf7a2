package oidcsso

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Apps come back by a URI of their own. It is allowed as a whole, and nothing near it is.

var appReturns = []string{"com.example.app://signed-in", "com.example.app:/oauth/done", "myapp://auth/done", "https://go.example.com/app/signed-in"}

func testAppReturns(t testing.TB) *returns {
	t.Helper()
	invalid := &ConfigError{}
	rs := newReturns(invalid, "", append([]string{"https://eu.example.com"}, appReturns...))
	if err := invalid.orNil(); err != nil {
		t.Fatal(err)
	}
	return rs
}

func TestAppURIsAreReturnTargetsByteForByte(t *testing.T) {
	t.Parallel()
	rs := testAppReturns(t)
	for _, target := range appReturns {
		if got, err := rs.check(target); err != nil || got != target {
			t.Errorf("%q gives %q, %v", target, got, err)
		}
		w := httptest.NewRecorder()
		http.Redirect(w, httptest.NewRequest(http.MethodGet, "/sso/callback/acme", nil), target, http.StatusSeeOther)
		if got := w.Header().Get("Location"); w.Code != http.StatusSeeOther || got != target {
			t.Errorf("http.Redirect sends %d to %q", w.Code, got)
		}
	}
	// It may also be where everybody goes who named nothing.
	if got, err := newReturns(&ConfigError{}, appReturns[0], appReturns).check(""); err != nil || got != appReturns[0] {
		t.Errorf("as the default: %q, %v", got, err)
	}
}

func TestWhatIsNearAnAppURIIsRefused(t *testing.T) {
	t.Parallel()
	rs := testAppReturns(t)
	for _, row := range []struct{ name, target string }{
		{"a query", "com.example.app://signed-in?token=x"},
		{"an empty query", "com.example.app://signed-in?"},
		{"a fragment", "com.example.app://signed-in#x"},
		{"an empty fragment", "com.example.app://signed-in#"},
		{"a slash at the end", "com.example.app://signed-in/"},
		{"a longer path", "com.example.app://signed-in/../other"},
		{"its beginning", "com.example.app://signed"},
		{"the scheme alone", "com.example.app:"},
		{"the scheme and slashes", "com.example.app://"},
		{"one slash less", "com.example.app:/signed-in"},
		{"one slash more", "com.example.app:///signed-in"},
		{"another host of the app", "com.example.app://admin"},
		{"the scheme in upper case", "COM.example.app://signed-in"},
		{"the host in upper case", "com.example.app://SIGNED-IN"},
		{"an escape for a letter", "com.example.app://%73igned-in"},
		{"user info", "com.example.app://x@signed-in"},
		{"a port", "com.example.app://signed-in:1"},
		{"another app", "com.example.app2://signed-in"},
		{"an app below", "com.example.app.evil://signed-in"},
		{"an app above", "com.example://signed-in"},
		{"a space before it", " com.example.app://signed-in"},
		{"a line break behind it", "com.example.app://signed-in\r\nSet-Cookie: a=b"},
		{"a tab in the scheme", "com.exa\tmple.app://signed-in"},
		{"two of them", "com.example.app://signed-in,myapp://auth/done"},
		{"an opaque one", "com.example.app:signed-in"},
		{"the path of an app link's host", "https://go.example.com/"},
		{"another path of an app link's host", "https://go.example.com/app/signed-in/x"},
		{"an app link by http", "http://go.example.com/app/signed-in"},
		{"an app link with a query", "https://go.example.com/app/signed-in?x"},
		{"an app link with a user", "https://x@go.example.com/app/signed-in"},
		{"an app link with the default port", "https://go.example.com:443/app/signed-in"},
		{"the origin of an app link", "https://go.example.com"},
		{"an app's URI on an allowed origin's host", "com.example.app://eu.example.com"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			if got, err := rs.check(row.target); !errors.Is(err, errReturn) || got != "" {
				t.Errorf("%q gives %q, %v", row.target, got, err)
			}
		})
	}
}

// What a browser or the system runs, reads or sends is no app, whoever lists it; nor is what could be read as another URI.
func TestNoAppURIIsDangerous(t *testing.T) {
	t.Parallel()
	entries := map[string]string{
		"a query": "com.example.app://signed-in?x", "an empty query": "com.example.app://signed-in?", "a fragment": "com.example.app://signed-in#x",
		"an empty fragment": "com.example.app://signed-in#", "the scheme alone": "com.example.app:", "the scheme and slashes": "com.example.app://",
		"an opaque one": "com.example.app:signed-in", "user info": "com.example.app://x@signed-in", "a space": "com.example.app://signed in",
		"a line break": "com.example.app://signed-in\n", "the scheme in upper case": "Com.Example.App://signed-in", "a backslash": `com.example.app:\\signed-in`,
		"dots": "com.example.app://a/../b", "encoded dots": "com.example.app://a/%2e%2e/b", "two slashes in the path": "com.example.app://a//b",
		"a wildcard scheme": "*://signed-in", "no scheme": "//signed-in", "a local path": "/signed-in", "a URL of a foreign host by http": "http://go.example.com/app",
		"an app link that is an origin with a slash": "https://go.example.com/", "an app link with dots": "https://go.example.com/a/../b",
		"an app link in upper case": "https://GO.example.com/app", "an app link with the user": "https://x@go.example.com/app",
		"one without end": "com.example.app://" + strings.Repeat("a", maxReturnTo), "javascript, opaque": "javascript:alert(1)", "data": "data:text/html,x",
		"a path that is read as a host": "com.example.app:////evil.test",
	}
	for _, scheme := range systemSchemes {
		entries[scheme] = scheme + "://signed-in/x"
		entries[scheme+" in upper case"] = strings.ToUpper(scheme) + "://signed-in/x"
		entries[scheme+" with one slash"] = scheme + ":/signed-in"
	}
	for name, entry := range entries {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			invalid := &ConfigError{}
			rs := newReturns(invalid, "", []string{entry})
			if len(invalid.Fields) != 1 || invalid.Fields[0].Field != "allowed_returns[0]" || len(rs.origins)+len(rs.exact) != 0 {
				t.Errorf("%q: %v, %+v", entry, invalid, rs)
			}
			if got, err := rs.check(entry); err == nil && got != "/signed-in" {
				t.Errorf("%q gives %q", entry, got)
			}
		})
	}
}

// FuzzAppURI: of an allowed app URI nothing but the same bytes come out.
func FuzzAppURI(f *testing.F) {
	for _, target := range appReturns {
		f.Add(target, target)
		f.Add(target, target+"?x")
	}
	f.Fuzz(func(t *testing.T, entry, target string) {
		if isOrigin(entry) || !isAppURI(entry) {
			return
		}
		rs := newReturns(&ConfigError{}, "", []string{entry})
		if got, err := rs.check(entry); err != nil || got != entry {
			t.Errorf("%q itself gives %q, %v", entry, got, err)
		}
		got, err := rs.check(target)
		local := strings.HasPrefix(target, "/") && !strings.HasPrefix(target, "//")
		if err == nil && target != "" && (got != target || got != entry && !local) {
			t.Errorf("%q is allowed, and %q gives %q", entry, target, got)
		}
	})
}
