package storetest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/connectorstore"
)

func asAny[T error](err error, target *T) bool { return errors.As(err, target) }

// secrets: who may edit a connector can't have its old secret sent to a server of theirs.
func (s suite) secrets(t *testing.T) {
	entered := func() oidcsso.Config {
		cfg := withSecrets()
		cfg.TokenEndpointAuthMethod = "client_secret_basic"
		return cfg
	}
	for _, test := range []struct {
		name          string
		edit          func(*oidcsso.Config)
		current, next string
	}{
		{"kept where the name changes", func(c *oidcsso.Config) { c.Name = "Other" }, "current-hunter2", "next-hunter3"},
		{"kept where nothing changes", func(*oidcsso.Config) {}, "current-hunter2", "next-hunter3"},
		{"replaced", func(c *oidcsso.Config) { c.ClientSecret = oidcsso.NewSecret("new") }, "new", "next-hunter3"},
		{"the next one replaced", func(c *oidcsso.Config) { c.NextClientSecret = oidcsso.NewSecret("new") }, "current-hunter2", "new"},
		{"discarded with the issuer", func(c *oidcsso.Config) { c.Issuer, c.TokenEndpointAuthMethod = "https://evil.example", "" }, "", ""},
		{"discarded with a slash behind the issuer", func(c *oidcsso.Config) { c.Issuer, c.TokenEndpointAuthMethod = c.Issuer+"/", "" }, "", ""},
		{"discarded with the client ID", func(c *oidcsso.Config) { c.ClientID, c.TokenEndpointAuthMethod = "other", "" }, "", ""},
		{"discarded with the client authentication", func(c *oidcsso.Config) { c.TokenEndpointAuthMethod = "" }, "", ""},
		{"discarded with the issuer, and the current one new", func(c *oidcsso.Config) {
			c.Issuer, c.ClientSecret = "https://new.idp.example", oidcsso.NewSecret("new")
		}, "new", ""},
		{"discarded with the client ID, and both new", func(c *oidcsso.Config) {
			c.ClientID, c.ClientSecret, c.NextClientSecret = "other", oidcsso.NewSecret("new"), oidcsso.NewSecret("newer")
		}, "new", "newer"},
		{"discarded with the client authentication, and the current one new", func(c *oidcsso.Config) {
			c.TokenEndpointAuthMethod, c.ClientSecret = "client_secret_post", oidcsso.NewSecret("new")
		}, "new", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := s.start(t)
			c := w.create(t, entered())
			test.edit(&c.Config)
			c = must(w.Update(t.Context(), c))(t)
			w.wantSecrets(t, c, test.current, test.next)
			read := must(w.Connector(t.Context(), c.ID))(t)
			w.wantSecrets(t, read, test.current, test.next)
		})
	}
	t.Run("kept where the redirect URI changes", func(t *testing.T) {
		t.Parallel()
		w := s.start(t)
		c := w.create(t, entered())
		c = must(w.SetRedirectURL(t.Context(), c.ID, c.Revision, "https://app.example.com/old"))(t)
		w.wantSecrets(t, c, "current-hunter2", "next-hunter3")
	})
	t.Run("not back with the old issuer", func(t *testing.T) {
		t.Parallel()
		w := s.start(t)
		c := w.create(t, withSecrets())
		for _, issuer := range []string{"https://evil.example", c.Config.Issuer} {
			c.Config.Issuer = issuer
			c = must(w.Update(t.Context(), c))(t)
			w.wantSecrets(t, c, "", "")
		}
	})
	t.Run("a method without the secret that went", func(t *testing.T) {
		t.Parallel()
		w := s.start(t)
		c := w.create(t, entered())
		evil := c
		evil.Config.Issuer = "https://evil.example"
		_, err := w.Update(t.Context(), evil)
		wantField(t, err, "token_endpoint_auth_method")
		w.wantSecrets(t, c, "current-hunter2", "next-hunter3")
	})
	t.Run("promoted", func(t *testing.T) {
		t.Parallel()
		w := s.start(t)
		c := w.create(t, withSecrets())
		c = must(w.PromoteNextSecret(t.Context(), c.ID, c.Revision))(t)
		w.wantSecrets(t, c, "next-hunter3", "")
		if !c.Config.ClientSecretExpiry.Equal(time.Date(2028, 1, 1, 0, 0, 0, 0, time.UTC)) {
			t.Errorf("the expiry is %v", c.Config.ClientSecretExpiry)
		}
		_, err := w.PromoteNextSecret(t.Context(), c.ID, c.Revision)
		wantCode(t, err, connectorstore.CodeStateRefused)
	})
	t.Run("dropped", func(t *testing.T) {
		t.Parallel()
		w := s.start(t)
		c := w.create(t, withSecrets())
		c = must(w.DropSecrets(t.Context(), c.ID, c.Revision, true))(t)
		w.wantSecrets(t, c, "current-hunter2", "")
		c = must(w.DropSecrets(t.Context(), c.ID, c.Revision, false))(t)
		w.wantSecrets(t, c, "", "")
		c = must(w.DropSecrets(t.Context(), c.ID, c.Revision, false))(t) // again
		w.wantSecrets(t, c, "", "")
	})
}

// silence: nothing that the store gives or does has a secret in any print, but what RevealSecrets gives when it is asked.
func (s suite) silence(t *testing.T) {
	w, ctx := s.start(t), t.Context()
	const current, next = "s3cret-of-acme", "s3cret-to-come"
	cfg := plain()
	cfg.ClientSecret, cfg.NextClientSecret = oidcsso.NewSecret(current), oidcsso.NewSecret(next)
	ring := Ring(t, "first")
	options := connectorstore.Options{Dialect: w.dialect, Ring: ring, SSO: Options()}
	shown := map[string]any{"the store": w.Store, "the ring": ring, "options": options}
	show := func(name string, value any, err error) {
		if err != nil {
			shown[name+"'s error"] = err
		}
		shown[name] = value
	}
	c, err := w.Create(ctx, "", cfg)
	show("Create", c, err)
	c.Config.ClientSecret, c.Config.NextClientSecret = cfg.ClientSecret, cfg.NextClientSecret
	c, err = w.Update(ctx, c)
	show("Update", c, err)
	read, err := w.Connector(ctx, c.ID)
	show("Connector", read, err)
	list, err := w.Connectors(ctx, connectorstore.Filter{})
	show("Connectors", list, err)
	stale := c
	stale.Revision--
	stale.Config.ClientSecret = cfg.ClientSecret
	old, err := w.Update(ctx, stale)
	show("Update of an old one", old, err)
	bad := c
	bad.Config.ClientSecret, bad.Config.NextClientSecret, bad.Config.Issuer = cfg.ClientSecret, cfg.NextClientSecret, "no URL"
	refused, err := w.Update(ctx, bad)
	show("Update with a bad issuer", refused, err)
	bad.Config.ClientSecret, bad.Config.Issuer = oidcsso.NewSecret(current+"\n"), c.Config.Issuer
	refused, err = w.Update(ctx, bad)
	show("Update with a bad secret", refused, err)
	_, err = w.Create(ctx, current, bad.Config)
	show("Create with a bad secret", nil, err)
	gone, cancel := cancelled(t)
	defer cancel()
	c.Config.ClientSecret = cfg.ClientSecret
	refused, err = w.Update(gone, c)
	show("Update that was cancelled", refused, err)
	revealed, _, err := w.RevealSecrets(ctx, c.ID)
	show("RevealSecrets, in print", revealed, err)
	foreign := w.over(t, w.db, Ring(t, "another"))
	_, _, err = foreign.RevealSecrets(ctx, c.ID)
	show("RevealSecrets with another ring", nil, err)
	_, err = foreign.Connector(ctx, c.ID)
	show("Connector with another ring", nil, err)
	promoted, err := w.PromoteNextSecret(ctx, read.ID, read.Revision)
	show("PromoteNextSecret", promoted, err)
	w.exec(t, "UPDATE oidcsso_connectors SET tenant = 'x'")
	tampered, err := w.Connector(ctx, c.ID)
	show("Connector that was changed", tampered, err)
	list, err = w.Connectors(ctx, connectorstore.Filter{})
	show("Connectors that were changed", list, err)
	readmitted, err := w.Readmit(ctx, c.ID)
	show("Readmit", readmitted, err)
	for i, e := range w.events.taken() {
		show(fmt.Sprintf("event %d", i), e.attrs, nil)
	}

	sum := sha256.Sum256([]byte("first"))
	key := string(sum[:])
	for name, value := range shown {
		text := fmt.Sprintf("%v\n%+v\n%#v\n%s\n%q\n%x\n%d", value, value, value, value, value, value, value)
		if body, err := json.Marshal(value); err == nil {
			text += string(body)
		}
		if err, ok := value.(error); ok {
			text += err.Error()
		}
		for _, secret := range []string{current, next, key} {
			for _, form := range []string{secret, base64.StdEncoding.EncodeToString([]byte(secret)), hex.EncodeToString([]byte(secret))} {
				if strings.Contains(text, form) {
					t.Errorf("%s: a secret is printed: %.300s", name, text)
				}
			}
		}
	}
}
