package oidcsso_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/oidcsso/oidcsso"
)

// What a page's fetch meets: it can't follow a redirect to another site, and reads JSON.

// spaStart is an API's call that starts a sign-in.
func spaStart(sso *oidcsso.Flow) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		url, err := sso.Begin(w, r, "acme", oidcsso.BeginParams{ReturnTo: "/orders"})
		w.Header().Set("Content-Type", "application/json")
		if err != nil {
			e := oidcsso.AsError(err)
			w.WriteHeader(e.HTTPStatus())
			json.NewEncoder(w).Encode(e) // {"code": ..., "message": ..., "id": ...}
			return
		}
		json.NewEncoder(w).Encode(map[string]string{"url": url}) // and the page does location.assign(url)
	}
}

func TestFetchStartsASignIn(t *testing.T) {
	t.Parallel()
	d := newDirect(t)
	fetch := func() (*httptest.ResponseRecorder, map[string]string) {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodPost, "https://app.example.test/api/start", strings.NewReader("{}"))
		r.Header.Set("Sec-Fetch-Mode", "cors")
		spaStart(d.flow)(w, r)
		var answer map[string]string
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			t.Fatalf("%q: %v", w.Body, err)
		}
		return w, answer
	}
	w, answer := fetch()
	if w.Code != http.StatusOK || len(answer) != 1 || !strings.HasPrefix(answer["url"], d.idp.Issuer()+"/authorize?") || w.Header().Get("Location") != "" {
		t.Fatalf("answered %d %v", w.Code, answer)
	}
	if cookies := w.Result().Cookies(); len(cookies) != 1 || !cookies[0].HttpOnly || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("the headers are %v", w.Header())
	}
	signIn, _, err := finishWith(d.flow, callbackRequest(d.idp.Authorize(t, answer["url"], "alice").String(), w.Result().Cookies()...))
	wantAlice(t, signIn, err)

	d.cfg.Disabled = true
	d.put(d.cfg)
	w, answer = fetch()
	if w.Code != http.StatusServiceUnavailable && w.Code != http.StatusForbidden || answer["code"] != string(oidcsso.CodeConnectorDisabled) ||
		answer["message"] == "" || answer["id"] == "" || len(answer) != 3 || len(w.Result().Cookies()) != 0 {
		t.Errorf("an error is %d %v with %v", w.Code, answer, w.Result().Cookies())
	}
}

// The registered redirect URI is a route of the page, which then calls an API with what is in its URL.
func TestCallbackThatIsARouteOfThePage(t *testing.T) {
	t.Parallel()
	d := newDirect(t, func(_ *oidcsso.Options, fo *oidcsso.FlowOptions) {
		// The page calls GET /api/finish/{id} + location.search; the browser was at /sso/callback/{id}.
		fo.CallbackPath = func(r *http.Request) string {
			return "/sso/callback/" + strings.TrimPrefix(r.URL.Path, "/api/finish/")
		}
	})
	a := d.begin(home)
	callback := d.callback(a)
	moved := strings.Replace(callback, "/sso/callback/acme", "/api/finish/acme", 1)
	for name, r := range map[string]*http.Request{
		"without the cookie":        callbackRequest(moved),
		"as another connector":      callbackRequest(strings.Replace(moved, "/acme?", "/globex?", 1), a.cookie),
		"as a path that escapes it": callbackRequest(strings.Replace(moved, "/acme?", "/acme/../acme?", 1), a.cookie),
	} {
		if signIn, _, err := finishWith(d.flow, r); err == nil || signIn != nil {
			t.Errorf("%s: signed in is %+v", name, signIn)
		}
	}
	d.wantTokenRequests(0)
	signIn, _, err := finishWith(d.flow, callbackRequest(moved, a.cookie))
	wantAlice(t, signIn, err)
}
