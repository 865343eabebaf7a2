package dbtest

import (
	"encoding/json"
	"errors"
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
