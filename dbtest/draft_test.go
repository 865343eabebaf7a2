package dbtest

import (
	"errors"
	"testing"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/connectorstore"
)

// An administrator gets issuer and client ID only for the Callback URI, and so for the ID, which the store draws.
func TestDraftMayBeIncomplete(t *testing.T) {
	Each(t, func(t *testing.T, e Engine) {
		ctx, s := t.Context(), newStore(t, e)
		c, err := s.Create(ctx, "acme", oidcsso.Config{Name: "Acme"})
		if err != nil || !c.Incomplete {
			t.Fatal(c, err)
		}
		for _, state := range []connectorstore.State{connectorstore.StateActive, connectorstore.StateDisabled} {
			if _, err := s.SetState(ctx, c.ID, c.Revision, state); !errors.Is(err, oidcsso.CodeConfigInvalid) {
				t.Errorf("%s: %v", state, err)
			}
		}
		for name, change := range map[string]func(*oidcsso.Config){
			"a secret that belongs to no issuer": func(cfg *oidcsso.Config) { cfg.ClientSecret = oidcsso.NewSecret("hunter2") },
			"a next secret":                      func(cfg *oidcsso.Config) { cfg.NextClientSecret = oidcsso.NewSecret("hunter2") },
			"an issuer that is no URL":           func(cfg *oidcsso.Config) { cfg.Issuer = "acme" },
			"a client ID with a space":           func(cfg *oidcsso.Config) { cfg.ClientID = " x" },
			"a scope that is none":               func(cfg *oidcsso.Config) { cfg.Scopes = []string{"a b"} },
		} {
			wrong := c
			change(&wrong.Config)
			if _, err := s.Update(ctx, wrong); !errors.Is(err, oidcsso.CodeConfigInvalid) {
				t.Errorf("%s: %v", name, err)
			}
		}
		c.Config.Issuer, c.Config.ClientID, c.Config.ClientSecret = "https://acme.okta.com", "x", oidcsso.NewSecret("hunter2")
		if c, err = s.Update(ctx, c); err != nil || c.Incomplete || !c.HasSecret {
			t.Fatal(c, err)
		}
		if c, err = s.SetState(ctx, c.ID, c.Revision, connectorstore.StateActive); err != nil {
			t.Fatal(err)
		}
		c.Config.Issuer = ""
		if _, err := s.Update(ctx, c); !errors.Is(err, oidcsso.CodeConfigInvalid) {
			t.Errorf("an active connector lost its issuer: %v", err)
		}
	})
}
