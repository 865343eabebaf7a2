package before_test

import (
	"testing"

	"github.com/oidcsso/oidcsso/examples/migrate/backend"
	"github.com/oidcsso/oidcsso/examples/migrate/fromgooidc/before"
	"github.com/oidcsso/oidcsso/examples/migrate/world"
	"github.com/oidcsso/oidcsso/oidcssotest"
)

func TestSignIn(t *testing.T) {
	t.Parallel()
	origin, serve := world.Backend(t)
	client := oidcssotest.Client{ID: "shop", Secret: "secret", RedirectURIs: []string{origin + "/auth/callback"}}
	idp := world.IdP(t, origin, client)
	idp.AddUser(oidcssotest.User{Subject: "00u1", Email: "alice@acme.example"})
	app, err := before.New(t.Context(), new(backend.Backend), before.Settings{Origin: origin, Issuer: idp.Issuer(), ClientID: client.ID, ClientSecret: client.Secret})
	if err != nil {
		t.Fatal(err)
	}
	serve(app.Routes())
	if page, _ := world.Walk(t, idp, origin+"/auth", "alice@acme.example"); page != "account 1" {
		t.Errorf("after the sign-in: %s", page)
	}
	if user, _ := app.Find(func(u backend.User) bool { return u.ID == 1 }); user.Old != (backend.OldKey{Provider: idp.Issuer(), UserID: "00u1"}) {
		t.Errorf("the old key is %+v", user.Old)
	}
}
