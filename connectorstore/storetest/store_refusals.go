package storetest

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/connectorstore"
)

// refusals: each changes nothing.
func (s suite) refusals(t *testing.T) {
	type connector = connectorstore.Connector
	edited := func(edit func(*connector)) func(*world, context.Context, connector) error {
		return func(w *world, ctx context.Context, c connector) error {
			edit(&c)
			_, err := w.Update(ctx, c)
			return err
		}
	}
	created := func(tenant string, edit func(*oidcsso.Config)) func(*world, context.Context, connector) error {
		return func(w *world, ctx context.Context, _ connector) error {
			cfg := withSecrets()
			edit(&cfg)
			_, err := w.Create(ctx, tenant, cfg)
			return err
		}
	}
	state := func(state connectorstore.State) func(*world, context.Context, connector) error {
		return func(w *world, ctx context.Context, c connector) error {
			_, err := w.SetState(ctx, c.ID, c.Revision, state)
			return err
		}
	}
	for _, test := range []struct {
		name string
		code connectorstore.Code // or:
		bad  string              // the field of a ConfigError
		do   func(*world, context.Context, connector) error
	}{
		{"create with an ID", connectorstore.CodeInvalid, "", created("", func(c *oidcsso.Config) { c.ID = "acme" })},
		{"create with an asserted domain", connectorstore.CodeInvalid, "", created("", func(c *oidcsso.Config) { c.Domains = oidcsso.AssertDomains("acme.example") })},
		{"create with a claim", connectorstore.CodeInvalid, "", created("", func(c *oidcsso.Config) { c.Domains = []oidcsso.Domain{{Name: "acme.example"}} })},
		{"create for a tenant of 201 bytes", connectorstore.CodeInvalid, "", created(strings.Repeat("t", 201), func(*oidcsso.Config) {})},
		{"create with a secret and no issuer", "", "client_secret", created("", func(c *oidcsso.Config) { c.Issuer = "" })},
		{"create with an issuer over http", "", "issuer", created("", func(c *oidcsso.Config) { c.Issuer = "http://acme.idp.example" })},
		{"create with a secret and no client ID", "", "client_secret", created("", func(c *oidcsso.Config) { c.ClientID = "" })},
		{"create with the print of a secret", "", "client_secret", created("", func(c *oidcsso.Config) { c.ClientSecret = oidcsso.NewSecret("[redacted]") })},
		{"create with a method and no secret", "", "token_endpoint_auth_method", created("", func(c *oidcsso.Config) {
			c.TokenEndpointAuthMethod, c.ClientSecret, c.NextClientSecret = "client_secret_post", oidcsso.Secret{}, oidcsso.Secret{}
		})},

		{"update at an old revision", connectorstore.CodeConflict, "", edited(func(c *connector) { c.Revision-- })},
		{"update at a revision to come", connectorstore.CodeConflict, "", edited(func(c *connector) { c.Revision++ })},
		{"update at no revision", connectorstore.CodeConflict, "", edited(func(c *connector) { c.Revision = 0 })},
		{"update of nobody", connectorstore.CodeNotFound, "", edited(func(c *connector) { c.ID = "nobody" })},
		{"update with another ID within", connectorstore.CodeInvalid, "", edited(func(c *connector) { c.Config.ID = "another" })},
		{"update with a domain", connectorstore.CodeInvalid, "", edited(func(c *connector) { c.Config.Domains = oidcsso.AssertDomains("acme.example") })},
		{"update with a claim", connectorstore.CodeInvalid, "", edited(func(c *connector) { c.Config.Domains = []oidcsso.Domain{{Name: "acme.example"}} })},
		{"update to another tenant", connectorstore.CodeInvalid, "", edited(func(c *connector) { c.Tenant = "another" })},
		{"update to this application as the issuer", "", "issuer", edited(func(c *connector) { c.Config.Issuer = "https://app.example.com/idp" })},
		{"update with a parameter that is the library's", "", "auth_params.redirect_uri", edited(func(c *connector) { c.Config.AuthParams = map[string]string{"redirect_uri": "https://evil.example"} })},
		{"update with a method that nobody knows", "", "token_endpoint_auth_method", edited(func(c *connector) { c.Config.TokenEndpointAuthMethod = "none" })},

		{"state at an old revision", connectorstore.CodeConflict, "", func(w *world, ctx context.Context, c connector) error {
			_, err := w.SetState(ctx, c.ID, c.Revision-1, connectorstore.StateActive)
			return err
		}},
		{"state of nobody", connectorstore.CodeNotFound, "", func(w *world, ctx context.Context, c connector) error {
			_, err := w.SetState(ctx, "nobody", c.Revision, connectorstore.StateActive)
			return err
		}},
		{"back to a draft", connectorstore.CodeStateRefused, "", state(connectorstore.StateDraft)},
		{"to deleted", connectorstore.CodeStateRefused, "", state("deleted")},
		{"to no state", connectorstore.CodeStateRefused, "", state("")},
		{"to a state of SQL", connectorstore.CodeStateRefused, "", state("active'; --")},

		{"delete at an old revision", connectorstore.CodeConflict, "", func(w *world, ctx context.Context, c connector) error { return w.Delete(ctx, c.ID, c.Revision-1) }},
		{"delete of nobody", connectorstore.CodeNotFound, "", func(w *world, ctx context.Context, c connector) error { return w.Delete(ctx, "nobody", c.Revision) }},
		{"delete with a domain", connectorstore.CodeStateRefused, "", func(w *world, ctx context.Context, _ connector) error {
			owner, err := w.Create(ctx, "", plain())
			if err != nil {
				return err
			}
			if _, err := w.Assert(ctx, owner.ID, "acme.example"); err != nil {
				return err
			}
			if owner, err = w.Connector(ctx, owner.ID); err != nil {
				return err
			}
			return w.Delete(ctx, owner.ID, owner.Revision)
		}},
		{"promote at an old revision", connectorstore.CodeConflict, "", func(w *world, ctx context.Context, c connector) error {
			_, err := w.PromoteNextSecret(ctx, c.ID, c.Revision-1)
			return err
		}},
		{"promote what is not there", connectorstore.CodeStateRefused, "", func(w *world, ctx context.Context, _ connector) error {
			bare, err := w.Create(ctx, "", plain())
			if err != nil {
				return err
			}
			_, err = w.PromoteNextSecret(ctx, bare.ID, bare.Revision)
			return err
		}},
		{"drop secrets at an old revision", connectorstore.CodeConflict, "", func(w *world, ctx context.Context, c connector) error {
			_, err := w.DropSecrets(ctx, c.ID, c.Revision-1, false)
			return err
		}},
		{"drop the secret that a method needs", "", "token_endpoint_auth_method", func(w *world, ctx context.Context, _ connector) error {
			cfg := withSecrets()
			cfg.TokenEndpointAuthMethod = "client_secret_post"
			post, err := w.Create(ctx, "", cfg)
			if err != nil {
				return err
			}
			_, err = w.DropSecrets(ctx, post.ID, post.Revision, false)
			return err
		}},
		{"reveal nobody's secrets", connectorstore.CodeNotFound, "", func(w *world, ctx context.Context, _ connector) error {
			_, _, err := w.RevealSecrets(ctx, "nobody")
			return err
		}},
		{"rekey to the same issuer", connectorstore.CodeInvalid, "", func(w *world, ctx context.Context, c connector) error {
			_, _, err := w.Rekey(ctx, c)
			return err
		}},
		{"rekey at an old revision", connectorstore.CodeConflict, "", func(w *world, ctx context.Context, c connector) error {
			c.Revision--
			c.Config.Issuer = "https://new.idp.example"
			_, _, err := w.Rekey(ctx, c)
			return err
		}},
		{"rekey to an issuer over http", "", "issuer", func(w *world, ctx context.Context, c connector) error {
			c.Config.Issuer = "http://new.idp.example"
			_, _, err := w.Rekey(ctx, c)
			return err
		}},
		{"readmit what can be trusted", connectorstore.CodeStateRefused, "", func(w *world, ctx context.Context, c connector) error {
			_, err := w.Readmit(ctx, c.ID)
			return err
		}},
		{"readmit nobody", connectorstore.CodeNotFound, "", func(w *world, ctx context.Context, _ connector) error {
			_, err := w.Readmit(ctx, "nobody")
			return err
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w, ctx := s.start(t), t.Context()
			c := w.create(t, withSecrets())
			err := test.do(w, ctx, c)
			if test.bad != "" {
				wantField(t, err, test.bad)
			} else {
				wantCode(t, err, test.code)
			}
			if got := must(w.Connector(ctx, c.ID))(t); !reflect.DeepEqual(got, c) {
				t.Errorf("what was refused has changed the connector:\n%+v\n%+v", c, got)
			}
			w.wantSecrets(t, c, "current-hunter2", "next-hunter3")
		})
	}
}

// hostile: whatever text comes, on every engine it is stored as it is or refused as the caller's fault, and never
// taken for a failure of the database.
func (s suite) hostile(t *testing.T) {
	texts := map[string]string{
		"quotes":                   `a'b"c` + "`d",
		"SQL":                      "x'); DROP TABLE oidcsso_connectors; --",
		"placeholders":             "? $1 :name @name %s",
		"a backslash":              `\' \\ \0`,
		"a null byte":              "a\x00b",
		"invalid UTF-8":            "a\xffb",
		"a surrogate":              "a\xed\xa0\x80b",
		"line breaks":              "a\r\nb",
		"JSON":                     `","issuer":"https://evil.example`,
		"an emoji":                 "🦊",
		"combining marks":          "e\u0301",
		"the replacement":          "a\ufffdb",
		"a text direction's mark":  "a\u202eb",
		"199 bytes":                strings.Repeat("x", 199),
		"a megabyte":               strings.Repeat("x", 1<<20),
		"a megabyte of null bytes": strings.Repeat("\x00", 1<<20),
	}
	w, ctx := s.start(t), t.Context()
	other, owner := w.create(t, withSecrets()), w.create(t, plain())
	if _, err := w.Assert(ctx, owner.ID, "acme.example"); err != nil {
		t.Fatal(err)
	}
	for name, text := range texts {
		t.Run(name, func(t *testing.T) {
			for _, id := range []string{text, other.ID + text} {
				_, err := w.Connector(ctx, id)
				wantCode(t, err, connectorstore.CodeNotFound)
				_, _, err = w.RevealSecrets(ctx, id)
				wantCode(t, err, connectorstore.CodeNotFound)
				_, err = w.SetState(ctx, id, 1, connectorstore.StateActive)
				wantCode(t, err, connectorstore.CodeNotFound)
				wantCode(t, w.Delete(ctx, id, 1), connectorstore.CodeNotFound)
				_, err = w.Readmit(ctx, id)
				wantCode(t, err, connectorstore.CodeNotFound)
			}
			_, err := w.ClaimByID(ctx, text)
			wantCode(t, err, connectorstore.CodeNotFound)
			_, err = w.Verify(ctx, text)
			wantCode(t, err, connectorstore.CodeNotFound)
			wantCode(t, w.Release(ctx, text), connectorstore.CodeNotFound)
			wantCode(t, w.RevokeGrant(ctx, text), connectorstore.CodeNotFound)
			_, err = w.Claims(ctx, text)
			wantCode(t, err, connectorstore.CodeNotFound)
			if grants, err := w.Grants(ctx, text); len(grants) > 0 || err != nil && !isNotFound(err) {
				t.Errorf("the exceptions of nobody: %v, %v", grants, err)
			}
			if claim, err := w.Claim(ctx, other.ID, text); err == nil || !errors.Is(err, oidcsso.CodeConfigInvalid) && !errors.Is(err, connectorstore.CodeInvalid) {
				t.Errorf("a claim to it: %+v, %v", claim, err)
			}
			for field, p := range map[string]connectorstore.GrantParams{
				"Connector": {Connector: text, Address: "ada@acme.example", By: "root", Reason: "why"},
				"Address":   {Connector: owner.ID, Address: text + "@acme.example", By: "root", Reason: "why"},
				"By":        {Connector: owner.ID, Address: "ada@acme.example", By: text, Reason: "why"},
				"Reason":    {Connector: owner.ID, Address: "ada@acme.example", By: "root", Reason: text},
			} {
				g, err := w.AddGrant(ctx, p)
				if err != nil {
					if !errors.Is(err, connectorstore.CodeInvalid) && !errors.Is(err, connectorstore.CodeNotFound) || len(err.Error()) > 2000 {
						t.Errorf("%s: %.200v; want a refusal of what was entered", field, err)
					}
					continue
				}
				list := must(w.Grants(ctx, owner.ID))(t)
				if i := slices.IndexFunc(list, func(l connectorstore.Grant) bool { return l.ID == g.ID }); i < 0 || list[i] != g || g.By != p.By && g.By != strings.TrimSpace(p.By) {
					t.Errorf("%s: %+v is stored as %+v", field, g, list)
				}
			}
			for _, f := range []connectorstore.Filter{{Tenant: text}, {After: text}} {
				switch _, err := w.Connectors(ctx, f); {
				case utf8.ValidString(text) && !strings.Contains(text, "\x00"):
					must(0, err)(t)
				default:
					wantCode(t, err, connectorstore.CodeInvalid)
				}
			}
			entered := plain()
			entered.ClientSecret = oidcsso.NewSecret("hunter2")
			fields := reflect.TypeFor[connectorstore.Connector]() // Tenant, then every text of Config
			tenant, err := w.Create(ctx, text, entered)
			stored(t, ctx, w, fields.Field(1).Name, tenant, err, func(c connectorstore.Connector) bool { return c.Tenant == text })
			for i, config := 0, reflect.TypeFor[oidcsso.Config](); i < config.NumField(); i++ {
				field := config.Field(i)
				if field.Name == "ID" || field.Type.Kind() != reflect.String && field.Type != reflect.TypeFor[oidcsso.Secret]() {
					continue
				}
				cfg := entered
				value := reflect.ValueOf(text).Convert(reflect.TypeFor[string]())
				if field.Type != reflect.TypeFor[oidcsso.Secret]() {
					reflect.ValueOf(&cfg).Elem().Field(i).Set(value.Convert(field.Type))
				} else {
					reflect.ValueOf(&cfg).Elem().Field(i).Set(reflect.ValueOf(oidcsso.NewSecret(text)))
				}
				c, err := w.Create(ctx, "", cfg)
				stored(t, ctx, w, field.Name, c, err, func(c connectorstore.Connector) bool {
					c.Config.ClientSecret, c.Config.NextClientSecret = must2(w.RevealSecrets(ctx, c.ID))(t)
					return reflect.DeepEqual(reflect.ValueOf(c.Config).Field(i).Interface(), reflect.ValueOf(cfg).Field(i).Interface())
				})
			}
			for field, cfg := range map[string]oidcsso.Config{"Scopes": {Scopes: []string{text}}, "ACRValues": {ACRValues: []string{text}},
				"AuthParams": {AuthParams: map[string]string{"hd": text}}, "a name in AuthParams": {AuthParams: map[string]string{text: "x"}}} {
				cfg.Issuer, cfg.ClientID = entered.Issuer, entered.ClientID
				c, err := w.Create(ctx, "", cfg)
				stored(t, ctx, w, field, c, err, func(c connectorstore.Connector) bool {
					return reflect.DeepEqual(c.Config.Scopes, cfg.Scopes) && reflect.DeepEqual(c.Config.ACRValues, cfg.ACRValues) && reflect.DeepEqual(c.Config.AuthParams, cfg.AuthParams)
				})
			}
			if got := must(w.Connector(ctx, other.ID))(t); !reflect.DeepEqual(got, other) {
				t.Errorf("another connector was changed: %+v", got)
			}
		})
	}
}

// stored expects a refusal of the caller, or that the connector is the same when it is read again.
func stored(t testing.TB, ctx context.Context, w *world, field string, c connectorstore.Connector, err error, same func(connectorstore.Connector) bool) {
	t.Helper()
	if err != nil {
		var invalid *oidcsso.ConfigError
		var refused *connectorstore.Error
		if !asAny(err, &invalid) && !(asAny(err, &refused) && refused.Code == connectorstore.CodeInvalid) {
			t.Errorf("%s: %.200v; want a refusal of what was entered", field, err)
		}
		if len(err.Error()) > 2000 {
			t.Errorf("%s: the error is %d bytes long", field, len(err.Error()))
		}
		return
	}
	if got := must(w.Connector(ctx, c.ID))(t); !same(got) {
		t.Errorf("%s was stored as something else: %.200v", field, got)
	}
}
