package oidcsso

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// The backend of these tests, and where else its people may be sent.
const returnBase = "https://app.example.com/sso"

var returnOrigins = []string{"https://eu.example.com", "https://eu.example.com:8443", "http://127.0.0.1:3000", "http://[::1]:3000"}

func testReturns(t testing.TB) *returns {
	t.Helper()
	invalid := &ConfigError{}
	rs := newReturns(invalid, "/home", returnOrigins)
	if err := invalid.orNil(); err != nil {
		t.Fatal(err)
	}
	return rs
}

// hostileReturns is what has opened redirects elsewhere: each row leads away for some parser, router or proxy.
var hostileReturns = []struct{ name, target string }{
	{"scheme-relative", "//evil.test"},
	{"scheme-relative with a path", "//evil.test/home"},
	{"scheme-relative to an allowed host", "//eu.example.com/"},
	{"scheme-relative to our own host", "//app.example.com/"},
	{"scheme-relative with no host", "//"},
	{"scheme-relative with no host and a query", "//?@evil.test"},
	{"scheme-relative with no host and a fragment", "//#@evil.test"},
	{"three slashes", "///evil.test"},
	{"many slashes", "/////////evil.test"},
	{"slash, backslash", `/\evil.test`},
	{"backslash, slash", `\/evil.test`},
	{"two backslashes", `\\evil.test`},
	{"one backslash", `\evil.test`},
	{"backslash later in the path", `/home\..\..\evil.test`},
	{"backslash in the query", `/home?x=\evil.test`},
	{"slash, encoded slash", "/%2fevil.test"},
	{"slash, encoded slash in upper case", "/%2Fevil.test"},
	{"slash, encoded slash, slash", "/%2f/evil.test"},
	{"two encoded slashes", "/%2f%2fevil.test"},
	{"slash, encoded backslash", "/%5cevil.test"},
	{"slash, encoded backslash in upper case", "/%5Cevil.test"},
	{"encoded backslash later", "/home/%5cevil.test"},
	{"encoded twice", "/%252fevil.test"},
	{"encoded twice, backslash", "/%255cevil.test"},
	{"encoded three times", "/%25252fevil.test"},
	{"encoded four times", "/%2525252fevil.test"},
	{"encoded five times", "/%252525252fevil.test"},
	{"encoded letter by letter", "/%25%32%66evil.test"},
	{"encoded twice before a stray percent sign", "/%252fevil.test/100%25"},
	{"encoded slash at the start", "%2f%2fevil.test"},
	{"encoded slash at the start, then a slash", "%2f/evil.test"},
	{"dot segment before an empty one", "/.//evil.test"},
	{"dot segments before an empty one", "/home/..//evil.test"},
	{"encoded dot segments", "/%2e%2e//evil.test"},
	{"half encoded dot segment", "/home/.%2e//evil.test"},
	{"dot segment before an encoded slash", "/./%2fevil.test"},
	{"up and up", "/../../../etc/passwd"},
	{"dot segment at the end", "/home/.."},
	{"javascript", "javascript:alert(1)"},
	{"javascript in mixed case", "JaVaScRiPt:alert(1)"},
	{"javascript as an authority", "javascript://app.example.com/%0aalert(1)"},
	{"javascript behind a tab", "java\tscript:alert(1)"},
	{"javascript behind a control character", "\x01javascript:alert(1)"},
	{"data", "data:text/html,<script>alert(1)</script>"},
	{"vbscript", "vbscript:msgbox"},
	{"blob", "blob:https://app.example.com/0"},
	{"file", "file:///etc/passwd"},
	{"ftp on an allowed host", "ftp://eu.example.com/"},
	{"an app's own scheme", "com.example.app:/callback"},
	{"CR LF", "/home\r\nSet-Cookie: a=b"},
	{"LF", "/home\nLocation: https://evil.test"},
	{"LF between the slashes", "/\n/evil.test"},
	{"CR between the slashes", "/\r/evil.test"},
	{"tab between the slashes", "/\t/evil.test"},
	{"tab in the scheme", "ht\ttps://evil.test"},
	{"encoded CR LF in the path", "/home%0d%0aSet-Cookie:a=b"},
	{"encoded tab between the slashes", "/%09/evil.test"},
	{"encoded LF between the slashes", "/%0a/evil.test"},
	{"encoded null byte", "/home%00"},
	{"null byte", "/home\x00"},
	{"leading space", " //evil.test"},
	{"leading space before a path", " /home"},
	{"space in the path", "/home page"},
	{"trailing tab", "/home\t"},
	{"delete character", "/home\x7f"},
	{"next line character", "/home\u0085"},
	{"line separator", "/home\u2028"},
	{"right-to-left override", "/home\u202egpj.exe"},
	{"invalid UTF-8", "/home\xff"},
	{"replacement character", "/home\ufffd"},
	{"malformed escape", "/home%"},
	{"malformed escape before slashes", "/%zz//evil.test"},
	{"another site", "https://evil.test"},
	{"another site with our address in its path", "https://evil.test/https://app.example.com/"},
	{"another site with our address in its query", "https://evil.test?https://app.example.com/"},
	{"another site with our address in its fragment", "https://evil.test#https://app.example.com/"},
	{"our name begins theirs", "https://app.example.com.evil.test/"},
	{"an allowed name begins theirs", "https://eu.example.com.evil.test/"},
	{"an allowed name ends theirs", "https://evil-eu.example.com/"},
	{"below an allowed name", "https://sub.eu.example.com/"},
	{"above an allowed name", "https://example.com/"},
	{"our own origin, which is not listed", "https://app.example.com/home"},
	{"allowed name as user", "https://eu.example.com@evil.test/"},
	{"allowed name as user and password", "https://eu.example.com:8443@evil.test/"},
	{"user at an allowed host", "https://evil.test@eu.example.com/"},
	{"empty user at an allowed host", "https://@eu.example.com/"},
	{"scheme-relative with a user", "//eu.example.com@evil.test/"},
	{"backslash before the at sign", `https://eu.example.com\@evil.test/`},
	{"backslash behind the host", `https://eu.example.com\.evil.test/`},
	{"encoded at sign in the host", "https://eu.example.com%40evil.test/"},
	{"encoded slash in the host", "https://eu.example.com%2fevil.test/"},
	{"number sign in front of the at sign", "https://evil.test#@eu.example.com/"},
	{"allowed host by http", "http://eu.example.com/"},
	{"allowed host, default port", "https://eu.example.com:443/"},
	{"allowed host, empty port", "https://eu.example.com:/"},
	{"allowed host, another port", "https://eu.example.com:8444/"},
	{"allowed host, port with a zero before it", "https://eu.example.com:08443/"},
	{"allowed host without its port", "http://127.0.0.1/"},
	{"allowed address in octal", "http://0177.0.0.1:3000/"},
	{"allowed address as a number", "http://2130706433:3000/"},
	{"allowed host in upper case", "https://EU.example.com/"},
	{"allowed host with a dot at its end", "https://eu.example.com./"},
	{"full-width letters", "https://ｅu.example.com/"},
	{"ideographic full stop", "https://eu。example。com/"},
	{"full-width slashes for the authority", "／／evil.test"},
	{"full-width colon", "https：//evil.test"},
	{"soft hyphen in the host", "https://eu\u00ad.example.com/"},
	{"allowed origin, empty path segment", "https://eu.example.com//evil.test"},
	{"allowed origin, encoded slashes", "https://eu.example.com/%2f%2fevil.test"},
	{"allowed origin, dot segments", "https://eu.example.com/..//evil.test"},
	{"scheme without slashes", "https:evil.test"},
	{"scheme and one slash", "https:/evil.test"},
	{"scheme and three slashes", "https:///evil.test"},
	{"scheme without slashes, allowed host", "https:eu.example.com"},
	{"no scheme before the colon", "://evil.test"},
	{"colon first", ":evil.test"},
	{"relative name", "evil.test"},
	{"relative path", "home/page"},
	{"relative, upwards", "../home"},
	{"query alone", "?next=/home"},
	{"fragment alone", "#home"},
	{"dot", "."},
	{"space", " "},
	{"slashes after a long start", "/" + strings.Repeat("a", 1023) + "//evil.test"},
	{"1025 bytes", "/" + strings.Repeat("a", 1024)},
	{"a megabyte", "/" + strings.Repeat("a", 1<<20)},
}

func TestHostileReturnTargetsAreRefused(t *testing.T) {
	t.Parallel()
	rs := testReturns(t)
	seen := map[string]bool{}
	for _, row := range hostileReturns {
		t.Run(row.name, func(t *testing.T) {
			if got, err := rs.check(row.target); !errors.Is(err, errReturn) || got != "" {
				t.Errorf("%.100q gives %q, %v", row.target, got, err)
			}
			// The same rule judges what the developer configures.
			invalid := &ConfigError{}
			if newReturns(invalid, row.target, returnOrigins); len(invalid.Fields) != 1 || invalid.Fields[0].Field != "default_return" {
				t.Errorf("as the default return: %v", invalid)
			}
		})
		if seen[row.target] {
			t.Errorf("%q is there twice", row.target)
		}
		seen[row.target] = true
	}
}

var goodReturns = []string{
	"/", "/home", "/home/", "/a/b/c", "/home?x=1&y=2", "/home?x=1#part", "/#part", "/?", "/?next=//evil.test", "/home?next=https://evil.test/",
	"/home#//evil.test", "/a//b", "/a/b//", "/caf%C3%A9", "/café", "/a%20b", "/a+b", "/@alice", "/~alice", "/a:b", "/:80", "/a;b=c", "/a,b", "/.well-known/x",
	"/...", "/a..b", "/.hidden", "/100%25", "/100%25/of/50%25", "/a%2fb", "/a%252fb", "/(a)'b'!*", "/[a]", "/evil.test", "/eu.example.com",
	"/home?x=%2f%2fevil.test%0d%0a", "/home?x=%25252525252f", "/／evil.test", "/日本", "/" + strings.Repeat("a", 1023),
	"https://eu.example.com", "https://eu.example.com/", "https://eu.example.com?x=1", "https://eu.example.com/home?next=//evil.test#x",
	"HTTPS://eu.example.com/home", "https://eu.example.com:8443/", "http://127.0.0.1:3000/callback", "http://[::1]:3000/",
}

func TestGoodReturnTargetsPassByteForByte(t *testing.T) {
	t.Parallel()
	rs := testReturns(t)
	for _, target := range goodReturns {
		if got, err := rs.check(target); err != nil || got != target {
			t.Errorf("%q gives %q, %v", target, got, err)
		}
		wantOnAllowedOrigin(t, target)
	}
	if got, err := rs.check(""); err != nil || got != "/home" {
		t.Errorf("an empty target gives %q, %v; want the default", got, err)
	}
	plain := newReturns(&ConfigError{}, "", nil)
	if got, err := plain.check(""); err != nil || got != "/" {
		t.Errorf("without a default an empty target gives %q, %v", got, err)
	}
	if _, err := plain.check("https://eu.example.com/"); !errors.Is(err, errReturn) {
		t.Errorf("without allowed origins: %v", err)
	}
}

func TestAllowedReturnsAreOrigins(t *testing.T) {
	t.Parallel()
	for _, origin := range []string{"", "/", "*", "eu.example.com", "https://", "https://*.example.com/", "https://eu.example.com/", "https://eu.example.com/x?y",
		"https://eu.example.com?x", "https://eu.example.com?", "https://eu.example.com#x", "https://eu.example.com#", "https://a@eu.example.com",
		"http://eu.example.com", "HTTPS://EU.example.com", "HTTPS://eu.example.com", "https://EU.example.com", "javascript:alert(1)", "null", "https://eu.example.com ", "https://eu\\.example.com"} {
		invalid := &ConfigError{}
		rs := newReturns(invalid, "", []string{"https://good.example.com", origin})
		if len(invalid.Fields) != 1 || invalid.Fields[0].Field != "allowed_returns[1]" {
			t.Errorf("%q: %v", origin, invalid)
		}
		if len(rs.origins) != 1 || len(rs.exact) != 0 {
			t.Errorf("%q: the origins are %v, the app URIs %v", origin, rs.origins, rs.exact)
		}
	}
}

// wantOnAllowedOrigin holds an accepted target against everything that will read it: net/url, a browser, a router that decodes
// the path or resolves its dots, and http.Redirect.
func wantOnAllowedOrigin(t testing.TB, target string) {
	t.Helper()
	base, err := url.Parse(returnBase)
	if err != nil {
		t.Fatal(err)
	}
	allowed := append([]string{"https://app.example.com"}, returnOrigins...)
	check := func(reader, origin string) {
		t.Helper()
		if !slices.Contains(allowed, origin) {
			t.Errorf("%q leads %s to %q", target, reader, origin)
		}
	}
	u, err := url.Parse(target)
	if err != nil {
		t.Fatalf("%q: %v", target, err)
	}
	resolved := base.ResolveReference(u)
	check("net/url", resolved.Scheme+"://"+resolved.Host)
	check("a browser", browserOrigin(target, base))

	w := httptest.NewRecorder()
	http.Redirect(w, httptest.NewRequest(http.MethodGet, returnBase+"/callback/acme", nil), target, http.StatusSeeOther)
	check("through http.Redirect", browserOrigin(w.Header().Get("Location"), base))

	// A page's script or a proxy takes the path alone and uses it as a target, decoded or with its dots resolved.
	path := u.EscapedPath()
	for range 5 {
		for _, p := range []string{path, dotsResolved(path)} {
			if p != "" {
				check("with its path "+p, browserOrigin(p, base))
			}
		}
		path = decodeOnce(path)
	}
}

// browserOrigin is the origin at which a browser arrives from a page below base: the URL Standard's parser, as far as it
// decides on scheme and host.
func browserOrigin(target string, base *url.URL) string {
	target = strings.TrimFunc(target, func(r rune) bool { return r <= ' ' })
	target = strings.NewReplacer("\t", "", "\n", "", "\r", "").Replace(target)
	scheme, rest, hasScheme := strings.Cut(target, ":")
	hasScheme = hasScheme && scheme != "" && strings.Trim(strings.ToLower(scheme), "abcdefghijklmnopqrstuvwxyz0123456789+-.") == "" &&
		strings.IndexByte("0123456789+-.", scheme[0]) < 0
	scheme = strings.ToLower(scheme)
	if !hasScheme {
		scheme, rest = base.Scheme, target
	}
	ports := map[string]string{"http": "80", "https": "443", "ws": "80", "wss": "443", "ftp": "21"}
	port, special := ports[scheme]
	if !special {
		return scheme + ":"
	}
	rest = strings.ReplaceAll(rest, `\`, "/")
	if scheme == base.Scheme && !strings.HasPrefix(rest, "//") { // also "https:home" and "https:/home"
		return base.Scheme + "://" + base.Host
	}
	authority := strings.TrimLeft(rest, "/") // however many
	if end := strings.IndexAny(authority, "/?#"); end >= 0 {
		authority = authority[:end]
	}
	authority = authority[strings.LastIndexByte(authority, '@')+1:]
	if decoded, err := url.PathUnescape(authority); err == nil {
		authority = decoded
	}
	authority = strings.ToLower(authority)
	if host, p, err := net.SplitHostPort(authority); err == nil && (p == port || p == "") {
		authority = host
	}
	return scheme + "://" + authority
}

// dotsResolved is RFC 3986, 5.2.4.
func dotsResolved(path string) string {
	var out []string
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		last := i == len(segments)-1
		switch segment {
		case ".", "..":
			if segment == ".." && len(out) > 1 {
				out = out[:len(out)-1]
			}
			if last {
				out = append(out, "")
			}
		default:
			out = append(out, segment)
		}
	}
	return strings.Join(out, "/")
}

// The reader that the tests hold targets against must itself see where each of these leads.
func TestBrowserOrigin(t *testing.T) {
	t.Parallel()
	base := &url.URL{Scheme: "https", Host: "app.example.com", Path: "/sso"}
	for target, want := range map[string]string{
		"/home": "https://app.example.com", "home": "https://app.example.com", "?x": "https://app.example.com", "": "https://app.example.com",
		"//evil.test": "https://evil.test", `/\evil.test`: "https://evil.test", `\/evil.test/x`: "https://evil.test", "/\t/evil.test": "https://evil.test",
		"////evil.test": "https://evil.test", "https:evil.test": "https://app.example.com", "https:/evil.test": "https://app.example.com",
		"http:evil.test": "http://evil.test", "http:/evil.test": "http://evil.test", "https:///evil.test": "https://evil.test",
		"\x01 HTTPS://a@EVIL.test:443/": "https://evil.test", "ht\ntps://evil.test:8443": "https://evil.test:8443", "javascript:x": "javascript:",
		"https://eu.example.com%2eevil.test": "https://eu.example.com.evil.test", "1a:/x": "https://app.example.com",
	} {
		if got := browserOrigin(target, base); got != want {
			t.Errorf("%q leads to %q, want %q", target, got, want)
		}
	}
	for path, want := range map[string]string{"/a%2fb%2Fc": "/a/b/c", "/%252f": "/%2f", "/100%": "/100%", "/%zz%2f%": "/%zz/%", "/%25%32%66": "/%2f", "/%": "/%"} {
		if got := decodeOnce(path); got != want {
			t.Errorf("%q is decoded to %q, want %q", path, got, want)
		}
	}
	for path, want := range map[string]string{"/.//evil.test": "//evil.test", "/a/..//b": "//b", "/../a": "/a", "/a/b/..": "/a/", "/a/.": "/a/", "/a": "/a"} {
		if got := dotsResolved(path); got != want {
			t.Errorf("%q resolves to %q, want %q", path, got, want)
		}
	}
}

// FuzzReturnTarget: whatever is accepted is accepted byte for byte and stays on an allowed origin, for every reader.
func FuzzReturnTarget(f *testing.F) {
	for _, row := range hostileReturns {
		if len(row.target) < 2000 {
			f.Add(row.target)
		}
	}
	for _, target := range goodReturns {
		f.Add(target)
	}
	rs := testReturns(f)
	f.Fuzz(func(t *testing.T, target string) {
		got, err := rs.check(target)
		switch {
		case err != nil:
			if !errors.Is(err, errReturn) || got != "" {
				t.Errorf("%q gives %q, %v", target, got, err)
			}
		case target == "":
		case got != target || len(target) > maxReturnTo:
			t.Errorf("%q became %q", target, got)
		default:
			wantOnAllowedOrigin(t, target)
		}
	})
}
