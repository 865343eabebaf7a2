package oidcsso_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/oidcssotest"
)

// newAcmeFlow is a Flow with one connector, whose domain is acme.example.
func newAcmeFlow() (flow *oidcsso.Flow, idp *oidcssotest.IdP, stop func()) {
	idp, stop = startIdP("https://app.example.com/sso")
	opts := idp.Options()
	router := oidcsso.NewRouter(opts)
	if err := router.Put(idp.Config("acme", "acme.example")); err != nil {
		log.Fatal(err)
	}
	flow, err := oidcsso.NewFlow(opts, router, &oidcsso.FlowOptions{Keys: []oidcsso.SealKey{oidcsso.RandomSealKey()}})
	if err != nil {
		log.Fatal(err)
	}
	return flow, idp, stop
}

// All problems of the wiring come at once, when the program starts.
func ExampleNewFlow() {
	opts := &oidcsso.Options{} // without a BaseURL
	_, err := oidcsso.NewFlow(opts, oidcsso.NewRouter(opts), &oidcsso.FlowOptions{DefaultReturn: "https://elsewhere.example/"})
	var invalid *oidcsso.ConfigError
	if errors.As(err, &invalid) {
		for _, f := range invalid.Fields {
			fmt.Println(f.Field) // and f.Message, f.Remedy
		}
	}
	// Output:
	// base_url
	// keys
	// default_return
}

// What was typed, and all addresses of the account that was found by it, are asked about. The password of an account that
// has any address in the company's domain does not count any more.
func ExampleFlow_Enforce() {
	flow, _, stop := newAcmeFlow()
	defer stop()
	for _, attempt := range []oidcsso.Attempt{
		{Typed: "Alice@ACME.example"}, // with or without an account
		{Typed: "alice", Account: []string{"alice@home.example", "alice@acme.example"}},          // by user name
		{Typed: "alice@home.example", Account: []string{"alice@home.example", "a@acme.example"}}, // by her other address
		{Typed: "carol@home.example", Account: []string{"carol@home.example"}},
		{Typed: "mallory"}, // a user name that nobody has
	} {
		attempt.Method = oidcsso.MethodPassword
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/login", nil)
		handled, err := flow.Enforce(w, r, attempt, oidcsso.BeginParams{})
		switch {
		case err != nil: // nothing was written, and the attempt must not go on
			fmt.Println(attempt.Typed+":", string(oidcsso.AsError(err).Code))
		case handled:
			fmt.Println(attempt.Typed+": sent to the identity provider with", w.Code)
		default:
			fmt.Println(attempt.Typed + ": the password is compared")
		}
	}
	// Output:
	// Alice@ACME.example: sent to the identity provider with 303
	// alice: sent to the identity provider with 303
	// alice@home.example: sent to the identity provider with 303
	// carol@home.example: the password is compared
	// mallory: address_missing
}

// While the identity provider is down, its people are told so. The password form stays shut for them, and nobody else
// notices.
func ExampleFlow_Enforce_unavailable() {
	flow, _, stop := newAcmeFlow()
	stop() // before anybody signed in
	for _, email := range []string{"alice@acme.example", "carol@home.example"} {
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/login", nil)
		handled, err := flow.Enforce(w, r, oidcsso.Attempt{Typed: email, Method: oidcsso.MethodPassword}, oidcsso.BeginParams{})
		if err != nil {
			e := oidcsso.AsError(err)
			fmt.Println(email, e.HTTPStatus(), e.Public)
			continue
		}
		fmt.Println(email, handled)
	}
	// Output:
	// alice@acme.example 503 Your company's sign-in is unavailable at the moment. Please try again in a few minutes.
	// carol@home.example false
}

// At every other place where a session or a credential is given out.
func ExampleFlow_Decide() {
	flow, _, stop := newAcmeFlow()
	defer stop()
	ctx := context.Background()
	for _, attempt := range []oidcsso.Attempt{
		{Account: []string{"alice@acme.example"}, Method: oidcsso.MethodMagicLink},
		{Account: []string{"carol@home.example"}, Typed: "carol@acme.example", Method: oidcsso.MethodAddressChange},
		{Account: []string{"carol@home.example"}, Method: oidcsso.MethodAPIToken},
	} {
		decision, err := flow.Decide(ctx, attempt)
		if err != nil {
			log.Fatal(err) // treat it as a refusal
		}
		fmt.Println(attempt.Method, "allowed:", decision.Allowed())
	}
	// Output:
	// magic_link allowed: false
	// address_change allowed: false
	// api_token allowed: true
}

// A callback that no sign-in of this browser fits: it was reloaded, forged, or opened in another browser.
func ExampleFlow_Finish() {
	flow, _, stop := newAcmeFlow()
	defer stop()
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "/sso/callback/acme?code=stolen&state=0123456789abcdefABCDEF", nil)
	_, err := flow.Finish(w, r)
	if e := oidcsso.AsError(err); e.Kind() == oidcsso.KindExpired { // beginning again helps
		fmt.Println(e.HTTPStatus(), e.Public)
	}
	// Output: 400 Your sign-in could not be completed. Please sign in again, and allow cookies for this site if that does not help.
}

// A "Sign in with Acme" button. A return target that is not the backend's is refused, and nothing is written.
func ExampleFlow_Redirect() {
	flow, idp, stop := newAcmeFlow()
	defer stop()
	for _, target := range []string{"/projects?sort=name", "https://evil.example/", "//evil.example", `/\evil.example`} {
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/sso/acme", nil)
		if err := flow.Redirect(w, r, "acme", oidcsso.BeginParams{ReturnTo: target}); err != nil {
			fmt.Println(target, string(oidcsso.AsError(err).Code), len(w.Header()))
			continue
		}
		fmt.Println(target, w.Code, strings.HasPrefix(w.Header().Get("Location"), idp.Issuer()))
	}
	// Output:
	// /projects?sort=name 303 true
	// https://evil.example/ return_refused 0
	// //evil.example return_refused 0
	// /\evil.example return_refused 0
}

// A page that is written in JavaScript asks for a URL and goes there by itself: location.assign(url).
func ExampleFlow_Begin() {
	flow, _, stop := newAcmeFlow()
	defer stop()
	handler := func(w http.ResponseWriter, r *http.Request) { // POST /api/sso
		authorizationURL, err := flow.Begin(w, r, r.FormValue("connector"), oidcsso.BeginParams{ReturnTo: "/projects"})
		if err != nil {
			e := oidcsso.AsError(err)
			w.WriteHeader(e.HTTPStatus())
			json.NewEncoder(w).Encode(e) // its public face: code, message, id
			return
		}
		json.NewEncoder(w).Encode(map[string]string{"url": authorizationURL})
	}
	for _, connector := range []string{"acme", "nobody"} {
		w := httptest.NewRecorder()
		handler(w, httptest.NewRequest(http.MethodPost, "/api/sso?connector="+connector, nil))
		var answer struct{ URL, Message string }
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%d, a URL: %t, cookies: %d, %q\n", w.Code, answer.URL != "", len(w.Result().Cookies()), answer.Message)
	}
	// Output:
	// 200, a URL: true, cookies: 1, ""
	// 404, a URL: false, cookies: 0, "There is no such sign-in."
}

// claims stands for a table that all replicas share, with a unique constraint on id.
type claims struct {
	mu   sync.Mutex
	used map[string]time.Time
}

// once is INSERT INTO sso_used (id, until) VALUES ($1, $2) ON CONFLICT DO NOTHING; it says whether a row was inserted.
// Rows whose time is over may be deleted at any time.
func (c *claims) once(_ context.Context, id string, until time.Time) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, used := c.used[id]; used {
		return false, nil
	}
	c.used[id] = until
	return true, nil
}

// With Once, a callback works a single time in the whole cluster, even if an identity provider would take its code twice.
func ExampleFlowOptions_once() {
	table := &claims{used: map[string]time.Time{}}
	options := &oidcsso.FlowOptions{
		Keys: []oidcsso.SealKey{oidcsso.RandomSealKey()},
		Once: table.once,
	}
	opts := &oidcsso.Options{BaseURL: "https://app.example.com/sso"}
	if _, err := oidcsso.NewFlow(opts, oidcsso.NewRouter(opts), options); err != nil {
		log.Fatal(err)
	}
	fmt.Println(options.Once(context.Background(), "of a sign-in", time.Now().Add(10*time.Minute)))
	fmt.Println(options.Once(context.Background(), "of a sign-in", time.Now().Add(10*time.Minute)))
	// Output:
	// true <nil>
	// false <nil>
}

// A backend behind a proxy that takes /app off the path before it hands the request on.
func ExampleFlowOptions_callbackPath() {
	options := &oidcsso.FlowOptions{
		Keys:         []oidcsso.SealKey{oidcsso.RandomSealKey()},
		CallbackPath: func(r *http.Request) string { return "/app" + r.URL.EscapedPath() },
	}
	opts := &oidcsso.Options{BaseURL: "https://example.com/app/sso"}
	if _, err := oidcsso.NewFlow(opts, oidcsso.NewRouter(opts), options); err != nil {
		log.Fatal(err)
	}
	fmt.Println(options.CallbackPath(httptest.NewRequest(http.MethodGet, "/sso/callback/acme", nil)))
	// Output: /app/sso/callback/acme
}

// A page in JavaScript asks where to go. The answer to an address of nobody's domain is the password form.
func ExampleHandler_Start() {
	flow, _, stop := newAcmeFlow()
	defer stop()
	handler, err := oidcsso.NewHandler(flow, &oidcsso.HandlerOptions{
		OnSignIn: func(http.ResponseWriter, *http.Request, *oidcsso.SignIn) error { return nil },
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, email := range []string{"alice@acme.example", "carol@home.example", "nobody"} {
		body, _ := json.Marshal(map[string]string{"email": email})
		r := httptest.NewRequest(http.MethodPost, "/sso/start", strings.NewReader(string(body)))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		var answer struct{ Method, URL, Code string }
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%d %q %t %q\n", w.Code, answer.Method, answer.URL != "", answer.Code)
	}
	// Output:
	// 200 "sso" true ""
	// 200 "password" false ""
	// 400 "" false "address_invalid"
}

// All options of a Handler: pages of the backend's own, and a limit on how often somebody may start.
func ExampleNewHandler() {
	flow, _, stop := newAcmeFlow()
	defer stop()
	allowed := 1 // stands for a limit by the address of the client
	handler, err := oidcsso.NewHandler(flow, &oidcsso.HandlerOptions{
		OnSignIn: func(w http.ResponseWriter, r *http.Request, s *oidcsso.SignIn) error {
			http.Redirect(w, r, s.ReturnTo, http.StatusSeeOther) // after the account was found and a session started
			return nil
		},
		OnUnrouted: func(w http.ResponseWriter, r *http.Request, email string) {
			fmt.Fprint(w, "the password form for ", email)
		},
		OnError: func(w http.ResponseWriter, r *http.Request, e *oidcsso.Error) {
			w.WriteHeader(e.HTTPStatus())
			fmt.Fprint(w, e.Public)
		},
		Allow:    func(*http.Request) bool { allowed--; return allowed >= 0 },
		LoginURL: "/login",
	})
	if err != nil {
		log.Fatal(err)
	}
	for range 2 {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/sso/start?email=carol@home.example", nil))
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 200 the password form for carol@home.example
	// 429 There were too many attempts. Please try again in a few minutes.
}

// The oldest key goes when the longest sign-in is over: ten minutes after the new one was put first everywhere.
func ExampleParseSealKey_rotation() {
	var keys []oidcsso.SealKey
	for _, text := range strings.Fields(os.Getenv("SSO_KEYS")) { // the newest first
		key, err := oidcsso.ParseSealKey(text)
		if err != nil {
			log.Fatal(err) // says what a key looks like, and nothing of this one
		}
		keys = append(keys, key)
	}
	opts := &oidcsso.Options{BaseURL: "https://app.example.com/sso"}
	_, err := oidcsso.NewFlow(opts, oidcsso.NewRouter(opts), &oidcsso.FlowOptions{Keys: keys})
	fmt.Println(err) // without a setting, the program does not start
	// Output: oidcsso: the configuration is invalid: keys: are missing (pass keys made with ParseSealKey, the newest first)
}

// callbackThatBeginsAgain is a callback of a connector with two client secrets. When the identity provider refused one of them,
// the other is in use from now on, and the person need not be bothered: at most once a minute.
func callbackThatBeginsAgain(flow *oidcsso.Flow, w http.ResponseWriter, r *http.Request) {
	signIn, err := flow.Finish(w, r)
	if e := oidcsso.AsError(err); errors.Is(err, oidcsso.CodeSecretSwitched) {
		err = flow.Redirect(w, r, e.Connector, oidcsso.BeginParams{ReturnTo: e.ReturnTo, Data: e.Data})
		if err == nil {
			return
		}
	}
	if err != nil {
		fail(w, err)
		return
	}
	http.Redirect(w, r, signIn.ReturnTo, http.StatusSeeOther)
}
