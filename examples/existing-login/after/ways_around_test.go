package main

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// Alice of acme.test knows her old password, and sends it in every form that one parser reads otherwise than another. None
// of them gets her a session: whoever is asked about is whose password is compared.
func TestNoFormOfTheRequestLeadsAroundSingleSignOn(t *testing.T) {
	const form = "application/x-www-form-urlencoded"
	multipart := func(fields ...string) string {
		var b strings.Builder
		for i := 0; i < len(fields); i += 2 {
			b.WriteString("--b\r\nContent-Disposition: form-data; name=\"" + fields[i] + "\"\r\n\r\n" + fields[i+1] + "\r\n")
		}
		return b.String() + "--b--\r\n"
	}
	for name, row := range map[string]struct{ query, contentType, body string }{
		"a free address in the query":         {"?login=nora@northwind.test", form, "login=alice@acme.test&password=snowdrop"},
		"the enforced address in the query":   {"?login=alice@acme.test", form, "login=nora@northwind.test&password=snowdrop"},
		"only in the query":                   {"?login=alice@acme.test&password=snowdrop", form, ""},
		"twice, a free address first":         {"", form, "login=nora@northwind.test&login=alice@acme.test&password=snowdrop"},
		"twice, the enforced address first":   {"", form, "login=alice@acme.test&login=nora@northwind.test&password=snowdrop"},
		"another spelling of the name":        {"", form, "login=nora@northwind.test&LOGIN=alice@acme.test&password=snowdrop"},
		"multipart":                           {"", "multipart/form-data; boundary=b", multipart("login", "alice@acme.test", "password", "snowdrop")},
		"multipart, with a query":             {"?login=nora@northwind.test", "multipart/form-data; boundary=b", multipart("login", "alice@acme.test", "password", "snowdrop")},
		"JSON":                                {"", "application/json", `{"login":"alice@acme.test","password":"snowdrop"}`},
		"two JSON documents":                  {"", "application/json", `{"login":"nora@northwind.test"}{"login":"alice@acme.test","password":"snowdrop"}`},
		"a form that says it is text":         {"", "text/plain", "login=alice@acme.test&password=snowdrop"},
		"the user name":                       {"", form, "login=alice&password=snowdrop"},
		"her private address":                 {"", form, "login=alice@home.test&password=snowdrop"},
		"upper case, and a dot at the end":    {"", form, "login=ALICE@ACME.TEST.&password=snowdrop"},
		"a list of addresses":                 {"", form, "login=nora@northwind.test,alice@acme.test&password=snowdrop"},
		"a null byte":                         {"", form, "login=alice@acme.test%00&password=snowdrop"},
		"the address with a display name":     {"", form, "login=Alice+<alice@acme.test>&password=snowdrop"},
		"white space around the user name":    {"", form, "login=+alice+&password=snowdrop"},
		"a semicolon, which some parsers cut": {"", form, "login=nora@northwind.test;login=alice@acme.test&password=snowdrop"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			response, err := w.client.Post(w.app.origin+"/login"+row.query, row.contentType, strings.NewReader(row.body))
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			body, _ := io.ReadAll(response.Body)
			location := response.Header.Get("Location")
			if response.StatusCode == http.StatusSeeOther && !strings.HasPrefix(location, w.idp.Issuer()) {
				t.Errorf("sent to %s", location)
			}
			for _, cookie := range response.Cookies() {
				if cookie.Name == "session" && cookie.Value != "" {
					t.Error("there is a session")
				}
			}
			if user := w.user(); user != "" {
				t.Errorf("%s is signed in: %s %q", user, response.Status, body)
			}
		})
	}
}
