package main

import (
	"net/http"
	"strings"
	"testing"
)

// Each of these could be read as another address by a second parser.
func TestLoginFormsThatAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const form = "application/x-www-form-urlencoded"
	for _, test := range []struct{ name, path, contentType, body string }{
		{"email in the query only", "/login?email=nora@northwind.test", form, "password=sunflower"},
		{"email in query and body", "/login?email=alice@acme.test", form, "email=nora@northwind.test&password=sunflower"},
		{"any query", "/login?x=1", form, "email=nora@northwind.test&password=sunflower"},
		{"two emails, the enforced one first", "/login", form, "email=alice@acme.test&email=nora@northwind.test&password=sunflower"},
		{"two emails, the enforced one last", "/login", form, "email=nora@northwind.test&email=alice@acme.test&password=sunflower"},
		{"two passwords", "/login", form, "email=nora@northwind.test&password=x&password=sunflower"},
		{"Email in another spelling beside it", "/login", form, "email=nora@northwind.test&Email=alice@acme.test&password=sunflower"},
		{"another field", "/login", form, "email=nora@northwind.test&username=alice@acme.test&password=sunflower"},
		{"multipart", "/login", "multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"email\"\r\n\r\nnora@northwind.test\r\n--b--\r\n"},
		{"JSON", "/login", "application/json", `{"email":"nora@northwind.test","password":"sunflower"}`},
		{"no content type", "/login", "", "email=nora@northwind.test&password=sunflower"},
		{"semicolon as separator", "/login", form, "email=nora@northwind.test;email=alice@acme.test&password=sunflower"},
		{"broken escape", "/login", form, "email=%zz"},
		{"no email", "/login", form, "password=sunflower"},
		{"empty email", "/login", form, "email=&password=sunflower"},
		{"no body", "/login", form, ""},
		{"too long", "/login", form, "email=nora@northwind.test&password=" + strings.Repeat("x", maxForm)},
		{"no address", "/login", form, "email=nora&password=sunflower"},
		{"two addresses in one", "/login", form, "email=nora@northwind.test,alice@acme.test&password=sunflower"},
		{"line break in the address", "/login", form, "email=nora@northwind.test%0aBcc:alice@acme.test&password=sunflower"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := w.browser()
			a := b.post(test.path, test.contentType, test.body)
			if a.status != http.StatusBadRequest || len(a.header.Values("Set-Cookie")) != 0 {
				t.Errorf("%d %v", a.status, a.header.Values("Set-Cookie"))
			}
			a.contains(t, `role="alert"`, `name="email"`)
		})
	}
	t.Cleanup(func() { // after all of them
		if w.compared.Load() != 0 {
			t.Errorf("%d passwords were compared", w.compared.Load())
		}
	})
}

func TestFormsOfOtherSitesAreRefused(t *testing.T) {
	t.Parallel()
	b := newWorld(t).browser()
	const form = "application/x-www-form-urlencoded"
	for _, header := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Origin", "https://evil.test"}} {
		for path, body := range map[string]string{"/login": "email=nora@northwind.test&password=sunflower", "/logout": "", "/switch": "answer=switch"} {
			if a := b.post(path, form, body, header...); a.status != http.StatusForbidden || len(a.header.Values("Set-Cookie")) != 0 {
				t.Errorf("%s with %v: %d", path, header, a.status)
			}
		}
	}
}
