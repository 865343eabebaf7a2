package main

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/oidcsso/oidcsso"
)

func TestPageSignsInThroughTheCompany(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if got := w.fetch(http.MethodGet, "/api/me", "", nil); got.status != http.StatusUnauthorized || got.Code != "signed_out" {
		t.Errorf("before the sign-in: %+v", got)
	}
	page := w.idp.SignIn(t, w.client, w.begin("/"), "alice@acme.test")
	if page.StatusCode != http.StatusOK || page.Request.URL.Path != "/" {
		t.Errorf("the sign-in ended at %s with %s", page.Request.URL, page.Status)
	}
	if got := w.me(); got != "alice@acme.test" {
		t.Fatalf("signed in is %q", got)
	}
	if got := w.post("/api/logout", ""); got.status != http.StatusNoContent {
		t.Errorf("logout answered %+v", got)
	}
	if got := w.me(); got != "" {
		t.Errorf("after the logout, signed in is %q", got)
	}
}

func TestPageComesBackWhereItWas(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	callback := w.idp.Authorize(t, w.begin("/orders/42?tab=2"), "alice@acme.test").String()
	response, err := w.client.Get(callback)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if got := response.Header.Get("Location"); response.StatusCode != http.StatusSeeOther || got != "/orders/42?tab=2" {
		t.Errorf("the callback answered %s to %q", response.Status, got)
	}
	for _, next := range []string{"https://evil.test/", "//evil.test", `/\\evil.test`, "javascript:alert(1)", appURI + "?x"} {
		if got := w.post("/api/login", `{"email":"alice@acme.test","next":"`+next+`"}`); got.status != http.StatusBadRequest || got.URL != "" {
			t.Errorf("%s: %+v", next, got)
		}
	}
}

func TestPasswordIsForThoseWithoutACompany(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if got := w.post("/api/login", `{"email":"nora@northwind.test","next":"/"}`); got.Method != "password" || got.URL != "" {
		t.Errorf("login answered %+v", got)
	}
	if got := w.post("/api/password", `{"email":"nora@northwind.test","password":"guess"}`); got.status != http.StatusForbidden {
		t.Errorf("a wrong password: %+v", got)
	}
	if got := w.post("/api/password", `{"email":"nora@northwind.test","password":"sunflower"}`); got.status != http.StatusOK || got.Name != "Nora North" {
		t.Errorf("the right password: %+v", got)
	}
	if got := w.me(); got != "nora@northwind.test" {
		t.Errorf("signed in is %q", got)
	}
}

// The password call is asked by a program that never called login, for an account that has a password from before.
func TestPasswordCallIsEnforcedByItself(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.app.store.people = append(w.app.store.people, &person{ID: 2, Email: "bob@acme.test", password: newPassword("snowdrop")})
	for _, body := range []string{`{"email":"bob@acme.test","password":"snowdrop"}`, `{"email":"BOB@Acme.TEST","password":"snowdrop"}`,
		`{"email":"nora@northwind.test","EMAIL":"bob@acme.test","password":"snowdrop"}`} {
		if got := w.post("/api/password", body); got.status != http.StatusForbidden || !strings.Contains(got.Message, "Your company signs you in") {
			t.Errorf("%s: %+v", body, got)
		}
	}
	w.idp.Stop()
	if got := w.post("/api/login", `{"email":"bob@acme.test","next":"/"}`); got.status != http.StatusServiceUnavailable || got.Code != "unavailable" || got.ID == "" {
		t.Errorf("with the identity provider down: %+v", got)
	}
	if got := w.me(); got != "" {
		t.Errorf("signed in is %q", got)
	}
}

func TestEveryErrorHasOneShapeAndSaysNothingInternal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.idp.Stop()
	for path, bodies := range map[string][]string{
		"/api/login": {``, `{`, `[]`, `{"email":1}`, `{"email":"x","other":1}`, `{"email":"not an address @"}`, `{}`, `{}{}`, `{"email":"alice@acme.test"}`,
			`{"email":"` + strings.Repeat("a", maxBody) + `"}`},
		"/api/password":    {``, `{"email":"nobody@acme.test","password":""}`, `{"email":"nobody","password":""}`},
		"/api/app/session": {`{}`, `{"code":"x","verifier":"y"}`, `null`},
	} {
		for _, body := range bodies {
			got := w.post(path, body)
			if got.status < 400 {
				t.Errorf("%s with %.60s: %+v", path, body, got)
			}
			if strings.Contains(got.Message, "127.0.0.1") || strings.Contains(got.Message, "oidcsso") {
				t.Errorf("%s with %.60s tells %q", path, body, got.Message)
			}
		}
	}
	if !strings.Contains(w.log.String(), "unavailable") {
		t.Errorf("the log has no cause: %s", w.log)
	}
}

// A page of another site can send forms, and scripts with the content types of forms; a page that was given the address of a
// sign-in must not be able to begin one here either.
func TestOtherSitesCallNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.post("/api/password", `{"email":"nora@northwind.test","password":"sunflower"}`)
	for name, header := range map[string]http.Header{
		"another site":           {"Content-Type": {"application/json"}, "Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://evil.test"}},
		"a sibling":              {"Content-Type": {"application/json"}, "Sec-Fetch-Site": {"same-site"}, "Origin": {"https://evil.test"}},
		"an old browser":         {"Content-Type": {"application/json"}, "Origin": {"https://evil.test"}},
		"a form":                 {"Content-Type": {"text/plain"}, "Sec-Fetch-Site": {"cross-site"}, "Origin": {"null"}},
		"an old browser's form":  {"Content-Type": {"text/plain"}, "Origin": {"null"}},
		"a form without headers": {"Content-Type": {"text/plain"}},
	} {
		for _, path := range []string{"/api/login", "/api/password", "/api/logout"} {
			request, err := http.NewRequest(http.MethodPost, w.origin+path, strings.NewReader(`{"email":"alice@acme.test","next":"/"}`))
			if err != nil {
				t.Fatal(err)
			}
			request.Header = header
			response, err := w.client.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			refused := response.StatusCode == http.StatusForbidden || response.StatusCode == http.StatusUnsupportedMediaType
			if name == "a form without headers" && path == "/api/logout" { // no browser that is in use sends none
				continue
			}
			if !refused || len(response.Cookies()) != 0 {
				t.Errorf("%s called %s: %s, %q", name, path, response.Status, response.Header["Set-Cookie"])
			}
		}
	}
}

func TestFailedSignInComesBackToThePage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	response := w.idp.Cancel(t, w.client, w.begin("/"))
	query := response.Request.URL.Query()
	if response.Request.URL.Path != "/" || query.Get("error") != string(oidcsso.CodeAccessDenied) || query.Get("id") == "" {
		t.Fatalf("it ended at %s", response.Request.URL)
	}
	if !strings.Contains(w.log.String(), query.Get("id")) {
		t.Errorf("the id is not in the log: %s", w.log)
	}
	shown := func(code, id string) reply {
		return w.fetch(http.MethodGet, "/api/errors/"+url.PathEscape(code)+"?"+url.Values{"id": {id}}.Encode(), "", nil)
	}
	if got := shown(query.Get("error"), query.Get("id")); !strings.Contains(got.Message, "did not let you in") || got.Code != query.Get("error") || got.ID != query.Get("id") {
		t.Errorf("its sentence: %+v", got)
	}
	// What somebody else wrote into the URL is not shown.
	for _, forged := range []string{"Call +1 555 0100 now", "Access_denied", "access_denied.", strings.Repeat("a", 41)} {
		if got := shown(forged, query.Get("id")); got.Code+got.ID != "" || strings.Contains(got.Message, forged) {
			t.Errorf("a forged code: %+v", got)
		}
		if got := shown("access_denied", forged); got.Code+got.ID != "" || strings.Contains(got.Message, forged) {
			t.Errorf("a forged id: %+v", got)
		}
	}
}

func TestSignedInPersonIsNotReplaced(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.post("/api/password", `{"email":"nora@northwind.test","password":"sunflower"}`)
	page := w.idp.SignIn(t, w.client, w.begin("/"), "alice@acme.test")
	if got := page.Request.URL.Query().Get("error"); got != string(oidcsso.CodeRefused) {
		t.Errorf("it ended at %s", page.Request.URL)
	}
	if got := w.me(); got != "nora@northwind.test" {
		t.Errorf("signed in is %q", got)
	}
}

func TestPageIsServedWithAPolicy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for path, want := range map[string]string{"/": "text/html", "/app.js": "text/javascript", "/style.css": "text/css"} {
		response, err := w.client.Get(w.origin + path)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusOK || !strings.HasPrefix(response.Header.Get("Content-Type"), want) ||
			!strings.Contains(response.Header.Get("Content-Security-Policy"), "script-src 'self'") {
			t.Errorf("%s: %s, %v", path, response.Status, response.Header)
		}
	}
}

func TestDemoIsOneProcess(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(nil)
	w := newWorld(t)
	handler, err := newDemo("http://"+server.Listener.Addr().String(), w.app.log)
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = handler
	server.Start()
	t.Cleanup(server.Close)
	w.origin = server.URL
	answer := w.post("/api/login", `{"email":"alice@acme.test","next":"/"}`)
	if !strings.HasPrefix(answer.URL, server.URL+"/idp/authorize?") {
		t.Fatalf("login answered %+v", answer)
	}
	response, err := w.client.Get(answer.URL)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("the identity provider answered %s", response.Status)
	}
}
