package oidcsso_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"github.com/oidcsso/oidcsso"
)

// exception is a row of the backend's own: who may get in past single sign-on, until when. Who gave it, to somebody else, and
// why, stands beside it.
type exception struct {
	id, connector, address string
	until                  time.Time
}

// guardedSource is a Source that knows exceptions.
type guardedSource struct {
	*oidcsso.Router
	exceptions []exception
	now        func() time.Time
}

func (s *guardedSource) Grant(_ context.Context, connectorID, address string, _ oidcsso.Method) (string, error) {
	for _, e := range s.exceptions {
		if e.connector == connectorID && e.address == address && s.now().Before(e.until) {
			return e.id, nil
		}
	}
	return "", oidcsso.ErrNotFound
}

// emergencyDoor is a backend's route for exceptions, and what continues the sessions that began there.
type emergencyDoor struct {
	sso      *oidcsso.Flow
	people   map[string]*resident // by address
	sessions []*emergencySession
}

type resident struct {
	addresses      []string
	password, code string // stand for a hash, and for an authenticator: nothing that is mailed
}

func (p *resident) is(password, code string) bool {
	return p != nil && p.password == password && p.code == code // a real one takes the same time for nobody
}

type emergencySession struct {
	person *resident
	grant  string // empty in a session of the ordinary routes
}

// enter serves POST /emergency, whose page everybody sees. All failures read the same, so that nobody learns who has an
// account, whose domain is enforced, or who has an exception.
func (d *emergencyDoor) enter(w http.ResponseWriter, r *http.Request) {
	found := d.people[r.PostFormValue("email")]
	if !found.is(r.PostFormValue("password"), r.PostFormValue("code")) {
		http.Error(w, "That is not right, or you can't get in here.", http.StatusForbidden)
		return
	}
	// Only now, with two factors behind us.
	decision, err := d.sso.Decide(r.Context(), oidcsso.Attempt{
		Typed: r.PostFormValue("email"), Account: found.addresses, Method: oidcsso.MethodPassword, BreakGlass: true,
	})
	if err != nil || !decision.Allowed() {
		http.Error(w, "That is not right, or you can't get in here.", http.StatusForbidden)
		return
	}
	d.sessions = append(d.sessions, &emergencySession{found, decision.Grant})
	fmt.Fprintln(w, "signed in by the exception", decision.Grant)
}

// goesOn is asked at each request of a session that a password began, or every few minutes; who came by single sign-on needs no
// leave. A session of an exception ends with the exception.
func (d *emergencyDoor) goesOn(ctx context.Context, s *emergencySession) bool {
	decision, err := d.sso.Decide(ctx, oidcsso.Attempt{
		Account: s.person.addresses, Method: oidcsso.MethodSession, BreakGlass: s.grant != "",
	})
	return err == nil && decision.Allowed() && decision.Grant == s.grant
}

// Break-glass: the identity provider is down, and two administrators of the company must get in. One has an exception for a day.
func ExampleGrants() {
	opts := &oidcsso.Options{BaseURL: "https://app.example.com/sso"}
	router := oidcsso.NewRouter(opts)
	if err := router.Put(oidcsso.Config{ID: "acme", Issuer: "https://acme.okta.com", ClientID: "0oa1", Domains: oidcsso.AssertDomains("acme.example")}); err != nil {
		log.Fatal(err)
	}
	now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	source := &guardedSource{Router: router, now: func() time.Time { return now }, exceptions: []exception{
		{id: "exception-7", connector: "acme", address: "ann@acme.example", until: now.Add(24 * time.Hour)},
	}}
	sso, err := oidcsso.NewFlow(opts, source, &oidcsso.FlowOptions{Keys: []oidcsso.SealKey{oidcsso.RandomSealKey()}})
	if err != nil {
		log.Fatal(err)
	}
	door := &emergencyDoor{sso: sso, people: map[string]*resident{
		"ann@acme.example": {[]string{"ann@acme.example"}, "violet", "123456"},
		"bob@acme.example": {[]string{"bob@acme.example"}, "indigo", "654321"},
	}}
	for _, form := range []url.Values{
		{"email": {"ann@acme.example"}, "password": {"guessed"}, "code": {"123456"}},
		{"email": {"bob@acme.example"}, "password": {"indigo"}, "code": {"654321"}}, // has no exception
		{"email": {"eve@acme.example"}, "password": {"guessed"}, "code": {"000000"}},
		{"email": {"ann@acme.example"}, "password": {"violet"}, "code": {"123456"}},
	} {
		r := httptest.NewRequest(http.MethodPost, "/emergency", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		door.enter(w, r)
		fmt.Print(w.Code, " ", w.Body)
	}
	fmt.Println("goes on:", door.goesOn(context.Background(), door.sessions[0]))
	now = now.Add(24 * time.Hour)
	fmt.Println("goes on a day later:", door.goesOn(context.Background(), door.sessions[0]))
	// Output:
	// 403 That is not right, or you can't get in here.
	// 403 That is not right, or you can't get in here.
	// 403 That is not right, or you can't get in here.
	// 200 signed in by the exception exception-7
	// goes on: true
	// goes on a day later: false
}
