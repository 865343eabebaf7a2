package dbtest

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/connectorstore"
)

const registered = "https://old.example.com/oidc/acme/callback"

// What an administrator registers is known before anything else is, and is what the connector has when it is in use.
func TestCallbackURLs(t *testing.T) {
	Each(t, func(t *testing.T, e Engine) {
		w, ctx := newWorld(t, e), t.Context()
		opts := w.options()
		opts.OtherBaseURLs = []string{"https://sso.acme.example/login"}
		two := w.newStore(t, func(o *connectorstore.Options) { o.SSO = opts })
		old := must2(w.store.Create(ctx, "acme", oidcsso.Config{RedirectURL: registered}))(t)
		draft := must2(w.store.Create(ctx, "acme", oidcsso.Config{}))(t)
		for _, test := range []struct {
			store *connectorstore.Store
			c     connectorstore.Connector
			want  string
		}{
			{w.store, draft, "https://app.example.com/sso/callback/" + draft.ID},
			{two, draft, "https://app.example.com/sso/callback/" + draft.ID + " https://sso.acme.example/login/callback/" + draft.ID},
			{two, old, registered},
		} {
			urls, err := test.store.CallbackURLs(test.c)
			if got := strings.Join(urls, " "); got != test.want || err != nil {
				t.Errorf("%q, %v; want %q", got, err, test.want)
			}
		}
		var invalid *oidcsso.ConfigError
		if _, err := w.store.CallbackURLs(connectorstore.Connector{ID: "../x"}); !errors.As(err, &invalid) {
			t.Error(err)
		}
	})
}

func must2[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// The redirect URI is in no JSON: who edits the rest neither removes it nor chooses another.
func TestRedirectURLIsTheDevelopers(t *testing.T) {
	Each(t, func(t *testing.T, e Engine) {
		w, ctx := newWorld(t, e), t.Context()
		config := oidcsso.Config{Issuer: "https://acme.okta.com", ClientID: "x", ClientSecret: oidcsso.NewSecret("hunter2"), RedirectURL: registered}
		c := must2(w.store.Create(ctx, "acme", config))(t)
		c = must2(w.store.SetState(ctx, c.ID, c.Revision, connectorstore.StateActive))(t)

		for _, url := range []string{"", registered} {
			c.Config.RedirectURL, c.Config.Name = url, "Acme "+url
			if c = must2(w.store.Update(ctx, c))(t); c.Config.RedirectURL != registered {
				t.Errorf("an update with %q makes it %q", url, c.Config.RedirectURL)
			}
		}
		other := c
		other.Config.RedirectURL = "https://app.example.com/elsewhere"
		_, err := w.store.Update(ctx, other)
		refused(t, err, connectorstore.CodeInvalid)
		other.Config.Issuer = "https://other.okta.com"
		_, _, err = w.store.Rekey(ctx, other)
		refused(t, err, connectorstore.CodeInvalid)

		_, err = w.store.SetRedirectURL(ctx, c.ID, c.Revision-1, "")
		refused(t, err, connectorstore.CodeConflict)
		_, err = w.store.SetRedirectURL(ctx, "nobody", c.Revision, "")
		refused(t, err, connectorstore.CodeNotFound)
		var invalid *oidcsso.ConfigError
		for _, url := range []string{"http://app.example.com/x", "https://app.example.com/x#y", "/x"} {
			if _, err := w.store.SetRedirectURL(ctx, c.ID, c.Revision, url); !errors.As(err, &invalid) {
				t.Errorf("%q: %v", url, err)
			}
		}
		w.log.take("")
		c = must2(w.store.SetRedirectURL(ctx, c.ID, c.Revision, "https://app.example.com/legacy"))(t)
		if events := w.log.take("connector_changed"); len(events) != 1 || !strings.Contains(events[0], "change=redirect_url") {
			t.Error(events)
		}
		l := w.live(t)
		if got := must2(l.Connector(ctx, c.ID))(t).CallbackURL(); got != "https://app.example.com/legacy" {
			t.Errorf("a replica has %q", got)
		}
		c = must2(w.store.SetRedirectURL(ctx, c.ID, c.Revision, ""))(t)
		sync1(t, l)
		if got := must2(l.Connector(ctx, c.ID))(t).CallbackURL(); c.Config.RedirectURL != "" || got != "https://app.example.com/sso/callback/"+c.ID {
			t.Errorf("a replica has %q", got)
		}
		if current, _, err := w.store.RevealSecrets(ctx, c.ID); current.Reveal() != "hunter2" || err != nil {
			t.Errorf("the secret is %q, %v", current.Reveal(), err)
		}
	})
}

// A form comes back as JSON, in which domains are claims. It gives them no state, and takes none.
func TestUpdateOfWhatWasJSON(t *testing.T) {
	Each(t, func(t *testing.T, e Engine) {
		o, ctx := newOwners(t, e), t.Context()
		c := o.connector("acme")
		o.owned(c.ID, "acme.example", oidcsso.DomainEnforced)
		o.owned(c.ID, "*.acme.example", oidcsso.DomainRouted)
		read := must2(o.Connector(ctx, c.ID))(t)
		text := must2(json.Marshal(read))(t)
		var sent connectorstore.Connector
		if err := json.Unmarshal(text, &sent); err != nil {
			t.Fatal(err)
		}
		if sent.Config.Domains[0].State != oidcsso.DomainClaimed {
			t.Fatal("JSON has kept the state")
		}
		sent.Config.Name = "Acme"
		sent = must2(o.Update(ctx, sent))(t)
		o.has(c.ID, "acme.example enforced, *.acme.example routed")
		if sent.Config.Name != "Acme" || sent.Config.Domains[0] != read.Config.Domains[0] {
			t.Errorf("%+v", sent.Config)
		}
		for name, domains := range map[string][]oidcsso.Domain{
			"another":            {{Name: "acme.example"}, {Name: "evil.example", Wildcard: true}},
			"one less":           {{Name: "acme.example"}},
			"none":               {},
			"not the wildcard":   {{Name: "acme.example"}, {Name: "acme.example"}},
			"one more, asserted": append(oidcsso.AssertDomains("acme.example", "*.acme.example"), oidcsso.AssertDomains("evil.example")...),
		} {
			changed := sent
			changed.Config.Domains = domains
			_, err := o.Update(ctx, changed)
			if refused(t, err, connectorstore.CodeInvalid); err == nil {
				t.Error(name)
			}
		}
	})
}

// Who thinks that this switches the connector off must not be told that it was done.
func TestDisabledIsAState(t *testing.T) {
	Each(t, func(t *testing.T, e Engine) {
		w, ctx := newWorld(t, e), t.Context()
		_, err := w.store.Create(ctx, "acme", oidcsso.Config{Disabled: true})
		refused(t, err, connectorstore.CodeInvalid)
		c := must2(w.store.Create(ctx, "acme", oidcsso.Config{Issuer: "https://acme.okta.com", ClientID: "x"}))(t)
		c.Config.Disabled = true
		_, err = w.store.Update(ctx, c)
		if refused(t, err, connectorstore.CodeInvalid); err == nil || !strings.Contains(err.Error(), "SetState") {
			t.Error(err)
		}
	})
}

// A list without anything in it is a list in JSON.
func TestListsAreNeverNull(t *testing.T) {
	Each(t, func(t *testing.T, e Engine) {
		o, ctx := newOwners(t, e), t.Context()
		lists := []any{must2(o.Connectors(ctx, connectorstore.Filter{}))(t), must2(o.Integrity(ctx))(t)}
		c := o.connector("acme")
		lists = append(lists, must2(o.Claims(ctx, c.ID))(t), must2(o.Grants(ctx, c.ID))(t))
		for i, list := range lists {
			if text, err := json.Marshal(list); string(text) != "[]" || err != nil {
				t.Errorf("%d: %s, %v", i, text, err)
			}
		}
	})
}

// A backend whose process ended between Rekey and its own tables learns again what there is to change.
func TestRekeyings(t *testing.T) {
	Each(t, func(t *testing.T, e Engine) {
		w, ctx := newWorld(t, e), t.Context()
		c := must2(w.store.Create(ctx, "acme", oidcsso.Config{Issuer: "https://a.idp.example", ClientID: "x"}))(t)
		if list := c.Rekeyings(); list == nil || len(list) > 0 {
			t.Errorf("%+v", list)
		}
		for _, step := range []struct{ to, old string }{{"b", "a"}, {"c", "a b"}, {"a", "b c"}, {"d", "b c a"}} {
			c.Config.Issuer = "https://" + step.to + ".idp.example"
			var last connectorstore.Rekeying
			var err error
			if c, last, err = w.store.Rekey(ctx, c); err != nil {
				t.Fatal(err)
			}
			want := []connectorstore.Rekeying{}
			for old := range strings.FieldsSeq(step.old) {
				want = append(want, connectorstore.Rekeying{Connector: c.ID, OldIssuer: "https://" + old + ".idp.example", NewIssuer: c.Config.Issuer})
			}
			for _, read := range []connectorstore.Connector{c, must2(w.store.Connector(ctx, c.ID))(t)} {
				if got := read.Rekeyings(); !slices.Equal(got, want) {
					t.Errorf("%+v, want %+v", got, want)
				}
			}
			if last != want[len(want)-1] {
				t.Errorf("the last one was %+v", last)
			}
		}
	})
}

// An administrator who had read the connector goes on after each step of a domain, without reading it again.
func TestClaimHasTheConnectorsRevision(t *testing.T) {
	Each(t, func(t *testing.T, e Engine) {
		o, ctx := newOwners(t, e), t.Context()
		acme, other := o.connector("acme"), o.connector("acme")
		at := func(c connectorstore.Claim) connectorstore.Claim {
			t.Helper()
			now := must2(o.Connector(ctx, c.Connector))(t).Revision
			if read := must(t)(o.ClaimByID(ctx, c.ID)).Revision; c.Revision != now || read != now || now == 0 {
				t.Errorf("the claim has %d, read again %d, and the connector %d", c.Revision, read, now)
			}
			return c
		}
		c := at(o.claim(acme.ID, "acme.example"))
		if c.Revision != acme.Revision {
			t.Error("a claim alone changed the connector")
		}
		o.dns.publish(c)
		c = at(must(t)(o.Verify(ctx, c.ID)))
		c = at(must(t)(o.SetDomainState(ctx, c.ID, c.State, oidcsso.DomainEnforced)))
		c = at(must(t)(o.Freeze(ctx, c.ID)))
		c = at(must(t)(o.Thaw(ctx, c.ID)))
		acme.Revision, acme.Config.Name, acme.Config.Domains = c.Revision, "Acme", nil
		must2(o.Update(ctx, acme))(t)
		to := o.claim(other.ID, "acme.example")
		moved := at(must(t)(o.TransferAsserted(ctx, c.ID, to.ID)))
		at(must(t)(o.Assert(ctx, other.ID, "acme.test")))
		at(must2(o.Claims(ctx, moved.Connector))(t)[0])
	})
}
