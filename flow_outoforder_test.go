package oidcsso_test

import (
	"testing"

	"github.com/oidcsso/oidcsso"
)

// The connector breaks while somebody is at the identity provider. They come back to "unavailable"; when it is mended in time, the
// same sign-in can be finished, without a discovery.
func TestSignInUnderWayOfAConnectorOutOfOrder(t *testing.T) {
	t.Parallel()
	b, idp := newBackend(t)
	good := idp.Config("acme", "acme.test")
	b.put(good)
	browser := idp.HTTPClient(b.server.Certificate())
	first, second := b.begin(idp, browser, "alice@acme.test"), b.begin(idp, browser, "alice@acme.test")
	if err := b.router.Sync([]oidcsso.Config{{ID: "acme", Domains: good.Domains}}, nil); err == nil {
		t.Fatal("no error")
	}
	wantCode(t, read(t, get(t, browser, first)), oidcsso.CodeUnavailable)
	wantCode(t, read(t, get(t, browser, b.loginURL("bob@acme.test"))), oidcsso.CodeUnavailable)
	if n := idp.Requests().Token; n != 0 {
		t.Errorf("%d token requests", n)
	}
	if err := b.router.Sync([]oidcsso.Config{good}, nil); err != nil {
		t.Fatal(err)
	}
	wantSignedIn(t, read(t, get(t, browser, second)), "alice", "alice@acme.test")
	if n := idp.Requests().Discovery; n != 1 {
		t.Errorf("%d discoveries", n)
	}
}
