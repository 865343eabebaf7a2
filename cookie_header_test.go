package oidcsso_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"testing"

	"github.com/oidcsso/oidcsso"
)

// The Set-Cookie header is written by hand, and the cookies that it drops have names that the browser sent. None of them can
// end it, add an attribute to it or begin another one.
func TestNoCookieOfTheBrowserWritesIntoTheHeader(t *testing.T) {
	t.Parallel()
	for base, sound := range map[string]*regexp.Regexp{
		hostA + "/sso":          regexp.MustCompile("^__Host-oidcsso-[A-Za-z0-9!#$%&'*+.^_`|~-]{12}=[A-Za-z0-9_-]*; Path=/; Max-Age=[0-9]+; HttpOnly; Secure; SameSite=Lax$"),
		"http://127.0.0.1/sso1": regexp.MustCompile("^oidcsso-[A-Za-z0-9!#$%&'*+.^_`|~-]{12}=[A-Za-z0-9_-]*; Path=/; Max-Age=[0-9]+; HttpOnly; SameSite=Lax$"),
	} {
		d := newDirectAt(t, base)
		prefix := "oidcsso-"
		if base[:5] == "https" {
			prefix = "__Host-oidcsso-"
		}
		begin := func(names ...string) []string {
			r := httptest.NewRequest(http.MethodPost, base, nil)
			for _, name := range names {
				r.Header.Add("Cookie", name)
			}
			w := httptest.NewRecorder()
			if _, err := d.flow.Begin(w, r, "acme", oidcsso.BeginParams{}); err != nil {
				t.Fatal(err)
			}
			return w.Header().Values("Set-Cookie")
		}
		dropped := 0
		for b := range 256 {
			name := prefix + "aaaaaa" + string([]byte{byte(b)}) + "bbbbb"
			for _, cookie := range []string{name + "=x", name + "=", name, `"` + name + `"=x`, name + `="a; Domain=evil.test"`, "x=y; " + name + "=\r\nSet-Cookie: a=b"} {
				headers := begin(cookie)
				for _, header := range headers {
					if !sound.MatchString(header) {
						t.Errorf("with %q, it answers %q", cookie, header)
					}
				}
				dropped += len(headers) - 1
			}
		}
		if dropped == 0 {
			t.Error("nothing was dropped, so that nothing was tried")
		}
		for _, name := range []string{"a; Domain=t", "a\r\nX-Evil:", "ab=c; Secure", "\u2028abcdefghi"} {
			for _, header := range begin(fmt.Sprintf("%s%-12.12s=x", prefix, name)) {
				if !sound.MatchString(header) {
					t.Errorf("with %q, it answers %q", name, header)
				}
			}
		}
	}
}
