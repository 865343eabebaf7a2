package before_test

import (
	"testing"

	"github.com/oidcsso/oidcsso/examples/migrate/backend"
	"github.com/oidcsso/oidcsso/examples/migrate/fromgoth/before"
	"github.com/oidcsso/oidcsso/examples/migrate/world"
	"github.com/oidcsso/oidcsso/oidcssotest"
)

func TestSignIn(t *testing.T) {
	origin, serve := world.Backend(t)
	client := oidcssotest.Client{ID: "shop", Secret: "secret", RedirectURIs: []string{origin + "/auth/acme-oidc/callback"}}
	idp := world.IdP(t, origin, client)
	idp.AddUser(oidcssotest.User{Subject: "00u1", Email: "alice@acme.example"})
	app, err := before.New(new(backend.Backend), before.Settings{Origin: origin, Issuer: idp.Issuer(), ClientID: client.ID, ClientSecret: client.Secret},
		[]byte("a key of thirty-two bytes or more"))
	if err != nil {
		t.Fatal(err)
	}
	serve(app.Routes())
	if page, _ := world.Walk(t, idp, origin+"/auth/acme-oidc", "alice@acme.example"); page != "account 1" {
		t.Errorf("after the sign-in: %s", page)
	}
	if user, _ := app.Find(func(u backend.User) bool { return u.ID == 1 }); user.Old != (backend.OldKey{Provider: "acme-oidc", UserID: "00u1"}) {
		t.Errorf("goth's key is %+v", user.Old)
	}
}
