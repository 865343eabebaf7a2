package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/oidcsso/oidcsso"
)

// initech makes a connector for a company that has none, as its administrator does: the first two steps.
func (w *world) initech() (id string, client registration) {
	w.t.Helper()
	made := w.admin("POST", "/connectors", "", `{"tenant": "initech", "config": {"name": "Initech"}}`).want(200, `"state": "draft"`)
	id = made.field("id")
	client = w.demo.register("initech", made.field("callback_uri"), "")
	w.admin("PUT", "/connectors/"+id, made.etag, `{"config": {"name": "Initech", "issuer": "`+client.Issuer+`", "client_id": "`+client.ClientID+
		`", "client_secret": "`+client.ClientSecret+`"}}`).want(200)
	w.admin("PUT", "/connectors/"+id+"/state", w.etag(id), `{"state": "active"}`).want(200, `"state": "active"`)
	return id, client
}

// A company's administrator needs three steps: what is shown, what the identity provider gives, whose the people are.
func TestThreeSteps(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.browser()
		b.submit(w.origin+"/login", "email", "ida@initech.test", "password", "tulip").want(http.StatusSeeOther)
		if b.me() != "Ida Ingram" {
			t.Fatal("the password does not work")
		}

		// 1. The Callback URI is there before anything else is known.
		made := w.admin("POST", "/connectors", "", `{"tenant": "initech", "config": {"name": "Initech"}}`).want(200, `"incomplete": true`)
		id, callback := made.field("id"), made.field("callback_uri")
		if callback != w.origin+"/sso/callback/"+id {
			t.Errorf("%q", callback)
		}
		w.admin("PUT", "/connectors/"+id+"/state", made.etag, `{"state": "active"}`).want(422, `"issuer"`, `"client_id"`)
		w.admin("POST", "/connectors/"+id+"/test", "", "").want(422, `"issuer"`)

		// 2. The identity provider, looked at before it is stored.
		client := w.demo.register("initech", callback, "")
		w.admin("POST", "/discover", "", `{"issuer": "`+client.Issuer+`"}`).want(200, `"token_endpoint": "`+client.Issuer, `keys_usable`)
		w.admin("POST", "/discover", "", `{"issuer": "initech"}`).want(422, `"field": "issuer"`)
		body := `{"config": {"name": "Initech", "issuer": "` + client.Issuer + `", "client_id": "` + client.ClientID + `", "client_secret": "` + client.ClientSecret + `"}}`
		w.admin("PUT", "/connectors/"+id, "", body).want(http.StatusPreconditionRequired, "If-Match")
		stored := w.admin("PUT", "/connectors/"+id, made.etag, body).want(200, `"has_secret": true`, `"tenant": "initech"`)
		w.admin("PUT", "/connectors/"+id, made.etag, body).want(http.StatusPreconditionFailed, `"conflict"`)
		whole := w.admin("GET", "/connectors/"+id, "", "") // what was read can be sent back as it is
		stored = w.admin("PUT", "/connectors/"+id, stored.etag, `{"config": `+whole.raw("config")+`}`).want(200, `"has_secret": true`)
		w.admin("POST", "/connectors/"+id+"/test", "", "").want(200, "client_accepted")
		w.admin("PUT", "/connectors/"+id+"/state", stored.etag, `{"state": "active"}`).want(200, `"state": "active"`)

		// 3. The domain, proven by a record.
		claim := w.admin("POST", "/connectors/"+id+"/domains", "", `{"domain": "Initech.test"}`).want(200, `"state": "claimed"`, `"record_type": "TXT"`)
		w.admin("POST", "/domains/"+claim.field("id")+"/verify", "", "").want(422, "proof_missing")
		w.demo.zone.publish(claim.field("record_name"), claim.field("record_value"))
		w.admin("POST", "/domains/"+claim.field("id")+"/verify", "", "").want(200, `"state": "verified"`)
		state := "/domains/" + claim.field("id") + "/state"
		w.admin("PUT", state, "", `{"from": "verified", "to": "routed"}`).want(200)
		w.settle()
		if b.me() != "Ida Ingram" {
			t.Error("a domain that is only routed ended a session")
		}
		w.browser().submit(w.origin+"/login", "email", "ida@initech.test").want(200, "Continue with Initech", `name="password"`)
		w.admin("PUT", state, "", `{"from": "routed", "to": "report_only"}`).want(200)
		w.settle()
		someone := w.browser()
		someone.submit(w.origin+"/login", "email", "ida@initech.test").want(200, "Continue with Initech", `name="password"`)
		someone.submit(w.origin+"/login", "email", "ida@initech.test", "password", "tulip").want(http.StatusSeeOther)
		if n := strings.Count(w.log.String(), "oidcsso: report_only"); n != 1 {
			t.Errorf("one attempt with a password counts as %d", n)
		}
		w.admin("PUT", state, "", `{"from": "verified", "to": "enforced"}`).want(http.StatusPreconditionFailed, "conflict")
		w.admin("PUT", state, "", `{"from": "report_only", "to": "enforced"}`).want(200, `"state": "enforced"`)
		w.settle()

		// From now on there is one way in, at both replicas.
		if b.me() != "" {
			t.Error("the session that a password began went on")
		}
		for _, replica := range w.replica {
			a := b.submit(replica+"/login", "email", "ida@initech.test", "password", "tulip").want(http.StatusSeeOther)
			if !strings.HasPrefix(a.location, client.Issuer) {
				t.Errorf("a password still works: %s", a.location)
			}
		}
		b.signIn("initech", "ida@initech.test").want(200, "Hello, Ida Ingram", "single sign-on")
		found, err := w.backend.replicas[0].people.byAddress(t.Context(), "ida@initech.test")
		if err != nil || found.id != "ida" || found.password != "" {
			t.Errorf("her account was not linked, or kept its password: %+v %v", found, err)
		}

		// And when the domain is given up, that is over: but the account has no password to go back to.
		w.admin("DELETE", "/connectors/"+id, w.etag(id), "").want(http.StatusConflict, "state_refused")
		w.admin("DELETE", "/domains/"+claim.field("id"), "", "").want(http.StatusNoContent)
		if ended, err := w.backend.replicas[1].store.ClaimEndedSince(t.Context(), "initech.test", time.Time{}); err != nil || !ended {
			t.Errorf("it is not noted that the claim ended: %v", err)
		}
		w.admin("DELETE", "/connectors/"+id, w.etag(id), "").want(http.StatusNoContent)
		w.admin("GET", "/connectors/"+id, "", "").want(http.StatusNotFound, "not_found")
		w.settle()
		if b.me() != "" {
			t.Error("a session outlived its connector")
		}
	})
}

// What one replica was told holds at the other, and a sign-in may begin at one and end at the other.
func TestTwoReplicas(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.browser()
		idp := w.demo.idps["acme"]
		begun := b.submit(w.replica[0]+"/login", "email", "bob@acme.test").want(http.StatusSeeOther)
		back := idp.Authorize(t, begun.location, "bob@acme.test")
		callback := w.replica[1] + back.RequestURI()
		b.get(callback).want(http.StatusSeeOther)
		if b.me() != "Bob Brandt" {
			t.Fatal("a sign-in did not get from one replica to the other")
		}
		if one, two := b.get(w.replica[0]+"/").replica, b.get(w.replica[1]+"/").replica; one == two || one == "" {
			t.Errorf("the replicas do not say who they are: %q %q", one, two)
		}

		id := w.connectorOf("acme")
		w.admin("PUT", "/connectors/"+id+"/state", w.etag(id), `{"state": "disabled"}`).want(200)
		w.settle()
		if b.me() != "" {
			t.Error("a session outlived the day on which its connector was switched off")
		}
		if bob, err := w.backend.replicas[1].people.byAddress(t.Context(), "bob@acme.test"); err != nil || bob.claim == "" {
			t.Errorf("his account does not say under which claim it was made: %+v %v", bob, err)
		}
		b.submit(w.replica[1]+"/login", "email", "bob@acme.test", "password", "x").want(http.StatusServiceUnavailable, "connector_disabled")
		w.admin("PUT", "/connectors/"+id+"/state", w.etag(id), `{"state": "active"}`).want(200)
		w.settle()
		b.signIn("acme", "bob@acme.test").want(200, "Hello, Bob Brandt")
	})
}

// A company that does not enforce single sign-on has its button beside the password.
func TestOffered(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.browser().submit(w.origin+"/login", "email", "gina@globex.test").want(200, "Continue with Globex Corporation", `name="password"`)
		for range 2 {
			b := w.browser()
			b.offered("globex", "gina@globex.test").want(200, "Hello, Gina Grant")
			if b.me() != "Gina Grant" {
				t.Error("she is not signed in")
			}
		}
		w.browser().submit(w.origin+"/sso/start/nobody", "email", "gina@globex.test").want(http.StatusNotFound, "connector_unknown")
	})
}

// Each callback works once, whichever replica it comes to.
func TestCallbackOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.browser()
		begun := b.submit(w.replica[0]+"/login", "email", "bob@acme.test").want(http.StatusSeeOther)
		back := w.demo.idps["acme"].Authorize(t, begun.location, "bob@acme.test")
		thief := w.browser() // with all of the person's cookies
		thief.client.Jar = copyOf(t, b, w.origin)
		b.get(w.replica[0] + back.RequestURI()).want(http.StatusSeeOther)
		thief.get(w.replica[1]+back.RequestURI()).want(http.StatusBadRequest, "login_used")
	})
}

// A change of a client secret loses nobody: the second one is stored before the first one ends.
func TestSecretRotation(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		id, client := w.initech()
		w.admin("PUT", "/connectors/"+id+"/secrets", "", `{"next_client_secret": "x"}`).want(http.StatusPreconditionRequired)
		w.admin("POST", "/connectors/"+id+"/secrets/promote", w.etag(id), "").want(http.StatusConflict, "state_refused")
		next := w.demo.register("initech", w.origin+"/sso/callback/"+id, client.ClientID).ClientSecret // the old one has ended
		w.admin("PUT", "/connectors/"+id+"/secrets", w.etag(id), `{"next_client_secret": "`+next+`", "next_client_secret_expiry": "2030-01-01T00:00:00Z"}`).
			want(200, `"has_next_secret": true`, `"name": "Initech"`)
		w.settle()
		b := w.browser()
		w.demo.idps["initech"].AddUser(userOf("new-1", "new@initech.test", "Nell New"))
		b.offered("initech", "new@initech.test").want(200, "Hello, Nell New")
		if !strings.Contains(w.log.String(), "secret_switched") {
			t.Error("the audit trail does not have it")
		}
		w.admin("POST", "/connectors/"+id+"/secrets/promote", w.etag(id), "").want(200, `"has_next_secret": false`, `"client_secret_expiry": "2030-01-01T00:00:00Z"`)
		w.admin("POST", "/connectors/"+id+"/test", "", "").want(200, "client_accepted")
		w.admin("DELETE", "/connectors/"+id+"/secrets/next", w.etag(id), "").want(200, `"has_secret": true`)
		w.admin("DELETE", "/connectors/"+id+"/secrets", w.etag(id), "").want(200, `"has_secret": false`)
	})
}

// A company's identity provider moves to another host name: its people keep their accounts.
func TestRekey(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		id, client := w.initech()
		claim := w.admin("POST", "/operator/connectors/"+id+"/assert", "", `{"domain": "initech.test"}`).want(200, `"proof": "asserted"`)
		w.admin("PUT", "/domains/"+claim.field("id")+"/state", "", `{"from": "verified", "to": "enforced"}`).want(200)
		w.settle()
		w.browser().signIn("initech", "ida@initech.test").want(200, "Hello, Ida Ingram")
		w.settle() // the store learns that somebody has signed in

		moved := w.demo.idps["globex"] // knows her by the same subject
		moved.AddUser(userOf("ida-1", "ida@initech.test", "Ida Ingram"))
		client = w.demo.register("globex", w.origin+"/sso/callback/"+id, "")
		body := `{"config": {"name": "Initech", "issuer": "` + client.Issuer + `", "client_id": "` + client.ClientID + `", "client_secret": "` + client.ClientSecret + `"}}`
		w.admin("PUT", "/connectors/"+id, w.etag(id), body).want(http.StatusConflict, "issuer_frozen")
		w.admin("POST", "/operator/connectors/"+id+"/rekey", w.etag(id), body).want(200, `"accounts": 1`)
		again := "/operator/connectors/" + id + "/rekey/accounts"
		w.admin("POST", again, "", "").want(200, `"accounts": 0`)

		// As if the process had ended before it came to the accounts.
		people, old := w.backend.replicas[0].people, oidcsso.AccountKey{Connector: id, Issuer: w.demo.idps["initech"].Issuer(), Subject: "ida-1"}
		if n, err := changed(t.Context(), people.db, "UPDATE links SET issuer = $1, key = $2 WHERE connector = $3", old.Issuer, old.String(), id); err != nil || n != 1 {
			t.Fatal(n, err)
		}
		w.settle()
		w.browser().signIn("globex", "ida@initech.test").want(http.StatusForbidden)
		w.admin("POST", again, "", "").want(200, `"accounts": 1`)
		w.settle()
		w.browser().signIn("globex", "ida@initech.test").want(200, "Hello, Ida Ingram")
		if found, err := w.backend.replicas[0].people.byAddress(t.Context(), "ida@initech.test"); err != nil || found.id != "ida" {
			t.Errorf("she has another account: %+v %v", found, err)
		}
	})
}

// A domain moves to another connector of the company, without a moment in which a password would do.
func TestTransfer(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		id, client := w.initech()
		b := w.browser()
		b.signIn("acme", "bob@acme.test").want(200, "Hello, Bob Brandt")
		old := w.admin("GET", "/connectors/"+w.connectorOf("acme"), "", "").want(200)
		from := w.claimIn(old)
		to := w.admin("POST", "/connectors/"+id+"/domains", "", `{"domain": "acme.test"}`).want(200).field("id")
		w.admin("POST", "/operator/domains/"+from+"/transfer", "", `{"to": "`+to+`"}`).want(422, "proof_missing")
		if ended, err := w.backend.replicas[0].store.ClaimEndedSince(t.Context(), "acme.test", time.Time{}); err != nil || ended {
			t.Errorf("a move that was refused counts: %v %v", ended, err)
		}
		w.admin("POST", "/operator/domains/"+from+"/transfer", "", `{"to": "`+to+`", "asserted": true}`).want(200, `"state": "enforced"`)
		w.settle()
		if b.me() != "" {
			t.Error("a session of the old connector went on")
		}
		a := w.browser().submit(w.origin+"/login", "email", "otto@acme.test", "password", "crocus").want(http.StatusSeeOther)
		if !strings.HasPrefix(a.location, client.Issuer) {
			t.Errorf("sent to %s", a.location)
		}
	})
}

// With PostgreSQL a change wakes the replicas at once. The test ends only if it does.
func TestWakeUp(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		if !isPostgres(w.dsn) {
			return // SQLite has nothing to listen to
		}
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		wake := make(chan struct{}, 1)
		go listen(ctx, w.dsn, wake, slog.New(slog.DiscardHandler))
		<-wake // it listens
		w.admin("POST", "/connectors", "", `{"tenant": "t", "config": {}}`).want(200)
		<-wake
	})
}

// Whose a connector is, an operator's call changes, and no edit.
func TestSetTenant(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		made := w.admin("POST", "/connectors", "", `{"tenant": "initech", "config": {"name": "Initech"}}`).want(200)
		path := "/operator/connectors/" + made.field("id") + "/tenant"
		w.admin("PUT", path, "", `{"tenant": "acme"}`).want(http.StatusPreconditionRequired)
		w.admin("PUT", path, made.etag, `{"tenant": "acme"}`).want(200, `"tenant": "acme"`, `"name": "Initech"`)
		w.admin("PUT", path, made.etag, `{"tenant": "globex"}`).want(http.StatusPreconditionFailed, `"conflict"`)
		w.admin("GET", "/connectors?tenant=acme", "", "").want(200, made.field("id"))
	})
}

// What is in no JSON, since a tenant must not set it, is not lost by an administrator's change either.
func TestRedirectURLStays(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const old = "https://old.example.com/callback"
		r := w.backend.replicas[0]
		c, err := r.store.Create(t.Context(), "t", oidcsso.Config{RedirectURL: old})
		if err != nil {
			t.Fatal(err)
		}
		w.admin("PUT", "/connectors/"+c.ID, w.etag(c.ID), `{"config": {"name": "T"}}`).want(200, `"callback_uri": "`+old+`"`, `"name": "T"`)
	})
}

func TestSessionEnds(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.browser()
		b.submit(w.origin+"/login", "email", "nora@northwind.test", "password", "sunflower").want(http.StatusSeeOther)
		if _, err := changed(t.Context(), w.backend.replicas[0].people.db, "UPDATE sessions SET expires = $1", time.Now().UnixMilli()); err != nil {
			t.Fatal(err)
		}
		if b.me() != "" {
			t.Error("it has no end")
		}
	})
}

func TestRunEnds(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	out := &syncBuffer{}
	announced := writerFunc(func(p []byte) (int, error) {
		defer stop() // as soon as it serves
		return out.Write(p)
	})
	err := run(ctx, []string{"-addr", "127.0.0.1:0"}, func(string) string { return "" }, announced, io.Discard)
	if err != nil || !strings.Contains(out.String(), "replicas: 2") {
		t.Errorf("%v: %s", err, out)
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		args []string
		env  map[string]string
		want string
	}{
		"a database that stays needs keys that stay": {[]string{"-db", "x.db"}, nil, "SSO_STORE_KEY"},
		"also for what the browser carries":          {[]string{"-db", "x.db"}, map[string]string{"SSO_STORE_KEY": newKeyText()}, "SSO_KEY"},
		"a token that can be guessed":                {nil, map[string]string{"ADMIN_TOKEN": "admin"}, "ADMIN_TOKEN"},
		"no replica":                                 {[]string{"-replicas", "0"}, nil, "-replicas"},
		"a word too many":                            {[]string{"x"}, nil, "argument"},
	} {
		_, err := readSettings(test.args, func(name string) string { return test.env[name] }, io.Discard)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, args := range map[string][]string{
		"a DNS server's name, for which another server would have to be asked": {"-addr", "127.0.0.1:0", "-dns", "dns.example.com"},
		"an address that is none":                     {"-addr", "nowhere"},
		"a base URL with http, elsewhere":             {"-addr", "127.0.0.1:0", "-base-url", "http://app.example.com"},
		"a database in a directory that is not there": {"-addr", "127.0.0.1:0", "-db", t.TempDir() + "/absent/x.db"},
	} {
		if err := run(t.Context(), args, func(name string) string { return testKeys[name] }, io.Discard, io.Discard); err == nil {
			t.Errorf("%s: it runs", name)
		}
	}
	s, err := readSettings([]string{"-base-url", "https://app.example.com/"}, func(string) string { return "" }, io.Discard)
	if err != nil || s.origin != "https://app.example.com" || !s.tokenDrawn {
		t.Errorf("%+v %v", s, err)
	}
	s.database = "postgres://me:hunter2@db/x"
	if strings.Contains(s.databaseName(), "hunter2") {
		t.Error("the database's password is printed")
	}
}
