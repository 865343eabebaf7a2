package oidcsso_test

import (
	"crypto/sha256"
	"encoding/base64"
	"html"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/oidcsso/oidcsso"
)

var (
	styleElement = regexp.MustCompile(`(?s)<style>(.*?)</style>`)
	h1Element    = regexp.MustCompile(`(?s)<h1>(.*?)</h1>`)
	titleElement = regexp.MustCompile(`(?s)<title>(.*?)</title>`)
	textElement  = regexp.MustCompile(`(?s)<p(?: role="alert")?>([^<]*)</p>`)
	linkElement  = regexp.MustCompile(`<a href="([^"]*)">([^<]+)</a>`)
	anyElement   = regexp.MustCompile(`<([a-zA-Z0-9!/]+)`)
)

// wantPage holds an answer against all that the pages promise. Empty texts may be anything. It gives the link's target.
func wantPage(t *testing.T, w *httptest.ResponseRecorder, status int, title, text, link string) string {
	t.Helper()
	body := w.Body.String()
	if w.Code != status || w.Header().Get("Content-Type") != "text/html; charset=utf-8" || w.Header().Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("status %d, headers %v", w.Code, w.Header())
	}
	one := func(what string, pattern *regexp.Regexp) string {
		t.Helper()
		found := pattern.FindAllStringSubmatch(body, -1)
		if len(found) != 1 {
			t.Fatalf("%d times %s in %s", len(found), what, body)
		}
		return found[0][1]
	}
	gotTitle := html.UnescapeString(one("a heading", h1Element))
	if gotTitle == "" || title != "" && gotTitle != title || html.UnescapeString(one("a title", titleElement)) != gotTitle {
		t.Errorf("the heading is %q, want %q", gotTitle, title)
	}
	if got := html.UnescapeString(one("a sentence", textElement)); got == "" || text != "" && got != text {
		t.Errorf("the sentence is %q, want %q", got, text)
	}
	gotLink := html.UnescapeString(one("a link", linkElement))
	if link != "" && gotLink != link {
		t.Errorf("the link is %q, want %q", gotLink, link)
	}
	if !strings.HasPrefix(body, "<!doctype html>\n<html lang=\"en\">") {
		t.Errorf("the page begins %.60q", body)
	}
	// Nothing but these elements, whatever the texts are; so no script, no form, no image.
	for _, found := range anyElement.FindAllStringSubmatch(body, -1) {
		if name := strings.TrimPrefix(found[1], "/"); !strings.Contains(" !doctype html head meta title style body main h1 p a small code ", " "+name+" ") {
			t.Errorf("the element %q stands in %s", name, body)
		}
	}
	// The policy allows the style that is there, and nothing else.
	sum := sha256.Sum256([]byte(one("a style", styleElement)))
	want := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	if got := w.Header().Values("Content-Security-Policy"); len(got) != 1 || got[0] != want {
		t.Errorf("the policy is %q, want %q", got, want)
	}
	if strings.Contains(body, "style=") || strings.Contains(body, "ZgotmplZ") || strings.Contains(body, "url(") || strings.Contains(body, "@import") {
		t.Errorf("the page is %s", body)
	}
	return gotLink
}

func TestPageOfEachKindOfError(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		code     oidcsso.Code
		title    string
		linkText string
	}{
		{oidcsso.CodeUnavailable, "Sign-in is unavailable", "Try again"},
		{oidcsso.CodeInternal, "Sign-in is unavailable", "Try again"},
		{oidcsso.CodeLoginExpired, "Please sign in again", "Sign in"},
		{oidcsso.CodeAddressInvalid, "That did not work", "Back to sign-in"},
		{oidcsso.CodeAccessDenied, "You are not signed in", "Back to sign-in"},
		{"account_locked", "Sign-in is unavailable", "Try again"},
	} {
		t.Run(string(row.code), func(t *testing.T) {
			t.Parallel()
			e := &oidcsso.Error{Code: row.code, Public: "What happened.", Remedy: "for the administrator", ID: "abcdefghij"}
			h := newRoutes(t, func(ho *oidcsso.HandlerOptions) {
				ho.OnSignIn = func(http.ResponseWriter, *http.Request, *oidcsso.SignIn) error { return e }
			})
			a := h.begin(home)
			w := h.serve(callbackRequest(h.callback(a), a.cookie))
			wantPage(t, w, e.HTTPStatus(), row.title, "What happened.", "/login")
			body := w.Body.String()
			if !strings.Contains(body, ">"+row.linkText+"</a>") || !strings.Contains(body, "<code>"+string(row.code)+" abcdefghij</code>") || !strings.Contains(body, `<p role="alert">What happened.</p>`) || strings.Contains(body, "administrator") {
				t.Errorf("the page is %s", body)
			}
		})
	}
}

func TestPagesEscapeHostileText(t *testing.T) {
	t.Parallel()
	for _, hostile := range []string{
		`<script>alert(1)</script>`, `</p></main><img src=x onerror=alert(1)>`, `"><a href="javascript:alert(1)">`, `</title><script>`, `</style><script>`,
		`<!-- `, `]]>`, `{{.Link}}`, `&lt;script&gt;`, "\u202e<b>", "'onmouseover='x", `<svg/onload=alert(1)>`,
	} {
		h := newRoutes(t, func(ho *oidcsso.HandlerOptions) {
			ho.LoginURL = "/login?next=/a&b='c'"
			ho.OnSignIn = func(http.ResponseWriter, *http.Request, *oidcsso.SignIn) error {
				e := oidcsso.Refuse(hostile)
				e.Code, e.ID = oidcsso.Code(hostile), hostile
				return e
			}
		})
		a := h.begin(home)
		w := h.serve(callbackRequest(h.callback(a), a.cookie))
		link := wantPage(t, w, 500, "Sign-in is unavailable", hostile, "")
		if link != "/login?next=/a&b=%27c%27" && link != "/login?next=/a&b='c'" {
			t.Errorf("the link is %q", link)
		}
	}
}

func TestPagesOfTheDefaultLoginURL(t *testing.T) {
	t.Parallel()
	h := newRoutes(t, func(ho *oidcsso.HandlerOptions) { ho.LoginURL = "" })
	wantPage(t, h.serve(startRequest("GET", "email=carol@free.test", "", "")), 404, "No single sign-on", "", "/")
	if body := h.serve(startRequest("GET", "email=carol@free.test", "", "")).Body.String(); strings.Contains(body, "<code>") || strings.Contains(body, "alert") {
		t.Errorf("what is no error has a code or is an alert: %s", body)
	}
	wantPage(t, h.serve(startRequest("GET", "email=x", "", "")), 400, "That did not work", "Please enter a valid email address.", "/")
}
