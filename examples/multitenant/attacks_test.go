package main

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// The API opens every customer's single sign-on: nobody gets an answer without the token, not even that a path exists.
func TestAdminIsClosed(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		id := w.connectorOf("acme")
		for _, call := range []string{
			"GET /admin/connectors", "POST /admin/connectors", "GET /admin/connectors/" + id, "PUT /admin/connectors/" + id,
			"DELETE /admin/connectors/" + id, "PUT /admin/connectors/" + id + "/secrets", "POST /admin/discover", "GET /admin/status",
			"POST /admin/operator/connectors/" + id + "/assert", "GET /admin/operator/integrity", "GET /admin/", "GET /admin/nothing", "PATCH /admin/connectors",
		} {
			for _, header := range []string{"", "Bearer", "Bearer ", "Bearer x", "bearer " + testToken, "Basic " + testToken, testToken, "Bearer " + testToken + "x"} {
				method, path, _ := strings.Cut(call, " ")
				r, err := http.NewRequestWithContext(t.Context(), method, w.origin+path, strings.NewReader("{}"))
				if err != nil {
					t.Fatal(err)
				}
				if header != "" {
					r.Header.Set("Authorization", header)
				}
				a := w.do(http.DefaultClient, r).want(http.StatusUnauthorized, "unauthorized")
				if strings.Contains(a.body, id) || strings.Contains(a.body, "acme") {
					t.Errorf("%s with %q: %s", call, header, a.body)
				}
			}
		}
		w.admin("GET", "/connectors?tenant=acme", "", "").want(200, id)
		w.admin("GET", "/nothing", "", "").want(http.StatusNotFound, "not_found")
		w.admin("PATCH", "/connectors/"+id, "", "").want(http.StatusNotFound, "not_found")
	})
}

// What a tenant types about a domain takes nothing from anybody, until it is proven.
func TestTypedDomainRoutesNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		id, _ := w.initech()
		etag := w.etag(id)
		for name, body := range map[string]string{
			"a domain in a new connector":  `{"tenant": "initech", "config": {"domains": ["northwind.test"]}}`,
			"one that says it is asserted": `{"tenant": "initech", "config": {"domains": [{"name": "northwind.test", "state": "asserted"}]}}`,
			"an ID of one's own choice":    `{"tenant": "initech", "config": {"id": "acme"}}`,
			"a redirect URI of one's own":  `{"tenant": "initech", "config": {"redirect_url": "https://evil.example/"}}`,
			"a field that is misspelt":     `{"tenant": "initech", "config": {"require_emial": true}}`,
			"two values":                   `{"tenant": "initech", "config": {}} {}`,
			"a state":                      `{"tenant": "initech", "config": {}, "state": "active"}`,
		} {
			if a := w.admin("POST", "/connectors", "", body); a.status != http.StatusBadRequest {
				t.Errorf("%s: %d %s", name, a.status, a.body)
			}
		}
		w.admin("PUT", "/connectors/"+id, etag, `{"tenant": "acme", "config": {"name": "x"}}`).want(400, "invalid") // it would share Acme's wildcards
		w.admin("PUT", "/connectors/"+id, etag, `{"config": {"name": "x", "issuer": "https://idp.example.com", "client_id": "x", "domains": ["northwind.test"]}}`).want(400, "invalid")

		claim := w.admin("POST", "/connectors/"+id+"/domains", "", `{"domain": "northwind.test"}`).want(200).field("id")
		taken := w.admin("POST", "/connectors/"+id+"/domains", "", `{"domain": "acme.test"}`).want(200) // anybody may claim
		w.admin("PUT", "/domains/"+claim+"/state", "", `{"from": "", "to": "enforced"}`).want(http.StatusConflict, "state_refused")
		w.admin("PUT", "/domains/"+claim+"/state", "", `{"from": "claimed", "to": "asserted"}`).want(http.StatusConflict, "state_refused")
		w.demo.zone.publish("_oidcsso-challenge.northwind.test", "oidcsso-domain-verification=wrong")
		w.admin("POST", "/domains/"+claim+"/verify", "", "").want(422, "proof_missing")
		w.demo.zone.publish(taken.field("record_name"), taken.field("record_value"))
		a := w.admin("POST", "/domains/"+taken.field("id")+"/verify", "", "").want(http.StatusConflict, "domain_owned")
		if strings.Contains(a.body, w.connectorOf("acme")) || strings.Contains(a.body, "Acme") {
			t.Errorf("it is said whose the domain is: %s", a.body)
		}
		for _, domain := range []string{"gmail.com", "co.uk", "*.com", "acme.test@evil", ""} {
			if a := w.admin("POST", "/connectors/"+id+"/domains", "", `{"domain": "`+domain+`"}`); a.status < 400 || a.status >= 500 {
				t.Errorf("%q: %d %s", domain, a.status, a.body)
			}
		}
		w.settle()

		b := w.browser()
		b.submit(w.origin+"/login", "email", "nora@northwind.test", "password", "sunflower").want(http.StatusSeeOther)
		if b.me() != "Nora Lindqvist" {
			t.Error("a claim that nobody proved keeps somebody out")
		}
		w.browser().signIn("acme", "alice@acme.test").want(200, "Hello, Alice Ames")
	})
}

// A secret goes in, and never comes out: in no answer, no log, no page.
func TestSecretsStayInside(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		id, client := w.initech()
		secrets := []string{client.ClientSecret, "hunter2-current", "hunter2-next", "hunter2-refused"}
		w.admin("PUT", "/connectors/"+id+"/secrets", w.etag(id), `{"client_secret": "hunter2-current", "next_client_secret": "hunter2-next"}`).want(200)
		w.admin("PUT", "/connectors/"+id+"/secrets", "1", `{"client_secret": "hunter2-refused"}`).want(http.StatusPreconditionFailed)
		w.admin("PUT", "/connectors/"+id+"/secrets", w.etag(id), `{"client_secret": "hunter2-refused\n"}`).want(422, "client_secret")
		w.admin("PUT", "/connectors/"+id+"/secrets", w.etag(id), `{"client_secret": ["hunter2-refused"]}`).want(400)
		w.admin("POST", "/connectors", "", `{"tenant": "x", "config": {"client_secret": "hunter2-refused"}}`).want(422, "client_secret")
		w.admin("POST", "/connectors/"+id+"/test", "", "").want(200, "client_rejected")
		for _, path := range []string{"/connectors/" + id, "/connectors", "/status", "/operator/integrity", "/connectors/" + id + "/grants"} {
			w.admin("GET", path, "", "").want(200)
		}
		w.admin("PUT", "/connectors/"+id+"/state", w.etag(id), `{"state": "disabled"}`).want(200)
		for where, text := range map[string]string{"answers": w.answers.String(), "log": w.log.String()} {
			for _, secret := range append(secrets, testToken, testKeys["SSO_STORE_KEY"], testKeys["SSO_KEY"]) {
				if strings.Contains(text, secret) {
					t.Errorf("the %s have %q", where, secret)
				}
			}
		}
		// Who may edit a connector must not have its secret sent to a server of theirs.
		w.admin("PUT", "/connectors/"+id, w.etag(id), `{"config": {"name": "Initech", "issuer": "https://evil.example.com", "client_id": "`+client.ClientID+`"}}`).
			want(200, `"has_secret": false`, `"has_next_secret": false`)
	})
}

// An exception opens the emergency route to one person, for a while, with two factors, and no other route to anybody.
func TestEmergency(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		_, code, _ := strings.Cut(w.hints, "recovery code ")
		id := w.connectorOf("acme")
		enter := func(email, password, code string) (*browser, reply) {
			b := w.browser()
			return b, b.submit(w.origin+"/emergency", "email", email, "password", password, "code", code)
		}
		refused := func(why, email, password, code string) string {
			t.Helper()
			b, a := enter(email, password, code)
			if a.status != http.StatusForbidden || b.me() != "" {
				t.Errorf("%s: %d %s", why, a.status, a.body)
			}
			before, _, _ := strings.Cut(a.body, "Answered by")
			return before
		}
		same := refused("without an exception", "otto@acme.test", "crocus", code)
		w.admin("POST", "/connectors/"+id+"/grants", "", `{"address": "otto@acme.test", "by": "otto@acme.test", "reason": "x"}`).want(400, "invalid")
		w.admin("POST", "/connectors/"+id+"/grants", "", `{"address": "otto@acme.test", "by": "nina@operator.test"}`).want(400, "invalid")
		w.admin("POST", "/connectors/"+id+"/grants", "", `{"address": "nora@northwind.test", "by": "nina@operator.test", "reason": "x"}`).want(400, "invalid")
		grant := w.admin("POST", "/connectors/"+id+"/grants", "", `{"address": "otto@acme.test", "by": "nina@operator.test", "reason": "the identity provider is down"}`).
			want(200).field("id")
		for why, fields := range map[string][3]string{
			"a wrong code":     {"otto@acme.test", "crocus", "x"},
			"no code":          {"otto@acme.test", "crocus", ""},
			"a wrong password": {"otto@acme.test", "x", code},
			"another person":   {"alice@acme.test", "snowdrop", ""},
			"nobody":           {"nobody@acme.test", "x", "x"},
		} {
			if got := refused(why, fields[0], fields[1], fields[2]); got != same {
				t.Errorf("%s reads differently: %s", why, got)
			}
		}
		w.browser().submit(w.origin+"/login", "email", "otto@acme.test", "password", "crocus").want(http.StatusSeeOther) // to the identity provider

		// The code works once, however many come with it at once.
		var browsers [8]*browser
		var answers [8]int
		var all sync.WaitGroup
		for i := range browsers {
			browsers[i] = w.browser()
			all.Go(func() {
				response, err := browsers[i].client.PostForm(w.origin+"/emergency",
					url.Values{"email": {"otto@acme.test"}, "password": {"crocus"}, "code": {code}})
				if err != nil {
					t.Error(err)
					return
				}
				response.Body.Close()
				answers[i] = response.StatusCode
			})
		}
		all.Wait()
		var b *browser
		for i, status := range answers {
			switch {
			case status == http.StatusForbidden:
			case status == http.StatusSeeOther && b == nil:
				b = browsers[i]
			default:
				t.Errorf("%v", answers)
			}
		}
		if b == nil || b.me() != "Otto Olsen" {
			t.Fatal("the exception lets nobody in")
		}
		refused("the code a second time", "otto@acme.test", "crocus", code)
		w.admin("GET", "/connectors/"+id+"/grants", "", "").want(200, "the identity provider is down")
		if !strings.Contains(w.log.String(), "break_glass_used") {
			t.Error("the audit trail does not have it")
		}
		w.admin("POST", "/connectors/"+id+"/grants", "", `{"address": "otto@acme.test", "by": "nina@operator.test", "reason": "another day"}`).want(200)
		w.admin("DELETE", "/grants/"+grant, "", "").want(http.StatusNoContent)
		if b.me() != "" {
			t.Error("the session outlived the exception")
		}
	})
}

// A domain changes hands, and with it every mailbox: the accounts of its old owner are not the new one's.
func TestOlderAccountIsNotHandedOut(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		// initech.test was another company's until a moment ago.
		other := w.admin("POST", "/connectors", "", `{"tenant": "other", "config": {}}`).want(200).field("id")
		gone := w.admin("POST", "/operator/connectors/"+other+"/assert", "", `{"domain": "initech.test"}`).want(200).field("id")
		w.admin("DELETE", "/domains/"+gone, "", "").want(http.StatusNoContent)
		id, _ := w.initech()
		claim := w.admin("POST", "/operator/connectors/"+id+"/assert", "", `{"domain": "initech.test"}`).want(200).field("id")
		w.admin("PUT", "/domains/"+claim+"/state", "", `{"from": "verified", "to": "enforced"}`).want(200)
		w.settle()
		b := w.browser()
		b.signIn("initech", "ida@initech.test").want(http.StatusForbidden, "This sign-in did not work")
		if b.me() != "" {
			t.Error("the account of an older owner was handed out")
		}
	})
}

// A link that a stranger made must not replace who is signed in.
func TestNobodyIsReplaced(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		b := w.browser()
		b.submit(w.origin+"/login", "email", "nora@northwind.test", "password", "sunflower").want(http.StatusSeeOther)
		b.signIn("acme", "bob@acme.test").want(http.StatusForbidden, "signed in as Nora Lindqvist")
		if b.me() != "Nora Lindqvist" {
			t.Error("she is somebody else now")
		}
		b.submit(w.origin + "/logout").want(http.StatusSeeOther)
		if b.me() != "" {
			t.Error("signing out does nothing")
		}
	})
}

// Who can write to the database can't change what a connector does: its people stay where they are, and an alarm is raised.
func TestTamperedRow(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		id := w.connectorOf("acme")
		b := w.browser()
		b.get(w.origin+"/healthz").want(200, `"stale": false`, `"quarantined": 0`)
		b.get(w.origin+"/readyz").want(200, "true")
		evil := "UPDATE oidcsso_connectors SET config = $1, revision = (SELECT revision + 1 FROM oidcsso_meta) WHERE id = $2"
		if _, err := changed(t.Context(), w.backend.replicas[1].people.db, evil, `{"id":"x","issuer":"https://evil.example.com","client_id":"x"}`, id); err != nil {
			t.Fatal(err)
		}
		if _, err := changed(t.Context(), w.backend.replicas[1].people.db, "UPDATE oidcsso_meta SET revision = revision + 1"); err != nil {
			t.Fatal(err)
		}
		w.settle()
		for _, replica := range w.replica {
			b.submit(replica+"/login", "email", "alice@acme.test", "password", "snowdrop").want(http.StatusServiceUnavailable, "unavailable")
			b.get(replica+"/healthz").want(http.StatusServiceUnavailable, `"quarantined": 1`)
			b.get(replica+"/readyz").want(200, "true")
		}
		b.offered("globex", "gina@globex.test").want(200, "Hello, Gina Grant") // all others go on
		w.admin("GET", "/status", "", "").want(200, id, "was not written")
		w.admin("GET", "/connectors", "", "").want(200, `"code": "tampered"`)
		w.admin("GET", "/connectors/"+id, "", "").want(http.StatusServiceUnavailable, "tampered")
		w.admin("GET", "/operator/integrity", "", "").want(200, id)
		w.admin("POST", "/operator/connectors/"+id+"/readmit", "", "").want(200, `"state": "disabled"`, `"has_secret": false`)
		w.settle()
		b.get(w.origin + "/healthz").want(200)
	})
}
