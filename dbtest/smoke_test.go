package dbtest

import (
	"errors"
	"testing"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/connectorstore"
)

func newStore(t *testing.T, e Engine) *connectorstore.Store {
	t.Helper()
	key, err := connectorstore.NewKey([]byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	ring, err := connectorstore.NewRing(key)
	if err != nil {
		t.Fatal(err)
	}
	store, err := connectorstore.New(e.New(t)(t), &connectorstore.Options{Dialect: e.Dialect, Ring: ring, SSO: &oidcsso.Options{BaseURL: "https://app.example.com/sso"}})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := store.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return store
}

func TestLife(t *testing.T) {
	Each(t, func(t *testing.T, e Engine) {
		ctx := t.Context()
		s := newStore(t, e)
		c, err := s.Create(ctx, "acme", oidcsso.Config{Issuer: "https://acme.okta.com", ClientID: "x", ClientSecret: oidcsso.NewSecret("hunter2")})
		if err != nil {
			t.Fatal(err)
		}
		if c.State != connectorstore.StateDraft || !c.HasSecret || !c.Config.ClientSecret.IsZero() {
			t.Errorf("%+v", c)
		}
		c.Config.Name = "Acme"
		n, err := s.Update(ctx, c)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Update(ctx, c); !errors.Is(err, connectorstore.CodeConflict) {
			t.Error(err)
		}
		cur, _, err := s.RevealSecrets(ctx, c.ID)
		if err != nil || cur.Reveal() != "hunter2" {
			t.Error(cur.Reveal(), err)
		}
		n.Config.ClientID = "other"
		if n, err = s.Update(ctx, n); err != nil || n.HasSecret {
			t.Error(n, err)
		}
		if n, err = s.SetState(ctx, n.ID, n.Revision, connectorstore.StateActive); err != nil {
			t.Error(err)
		}
		if done, err := s.Reseal(ctx); err != nil || done.Changed != 0 {
			t.Error(done, err)
		}
		if err = s.Delete(ctx, n.ID, n.Revision); err != nil {
			t.Error(err)
		}
		if _, err := s.Connector(ctx, n.ID); !errors.Is(err, oidcsso.ErrNotFound) {
			t.Error(err)
		}
	})
}
