package storetest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"sync"
	"testing"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/connectorstore"
)

func (s suite) rekeying(t *testing.T) {
	t.Run("of a connector that accounts depend on", s.rekeyingFrozen)
	w, ctx := s.start(t), t.Context()
	c := w.create(t, withSecrets())
	old := c.Config.Issuer
	c.Config.Issuer = "https://new.idp.example"
	c, change, err := w.Rekey(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	if change != (connectorstore.Rekeying{Connector: c.ID, OldIssuer: old, NewIssuer: "https://new.idp.example"}) {
		t.Errorf("%+v", change)
	}
	before, after := change.Keys("ada")
	if before != (oidcsso.AccountKey{Connector: c.ID, Issuer: old, Subject: "ada"}) || after != (oidcsso.AccountKey{Connector: c.ID, Issuer: "https://new.idp.example", Subject: "ada"}) {
		t.Errorf("the keys are %v and %v", before, after)
	}
	if c.Config.Issuer != "https://new.idp.example" || !reflect.DeepEqual(c.FormerIssuers, []string{old}) {
		t.Errorf("%+v", c)
	}
	w.wantSecrets(t, c, "", "")
	if got := must(w.Connector(ctx, c.ID))(t); !reflect.DeepEqual(got, c) {
		t.Errorf("what was returned:\n%+v\nwhat is stored:\n%+v", c, got)
	}

	// Back and forth: each former issuer is there once. Then to ever new ones.
	for _, issuer := range []string{old, "https://new.idp.example"} {
		c.Config.Issuer = issuer
		c, _, err = w.Rekey(ctx, c)
		if err != nil {
			t.Fatal(err)
		}
	}
	if !reflect.DeepEqual(c.FormerIssuers, []string{"https://new.idp.example", old}) {
		t.Errorf("former issuers: %q", c.FormerIssuers)
	}
	for i := 0; ; i++ {
		before := c
		c.Config.Issuer = fmt.Sprintf("https://n%d.idp.example", i)
		next, _, err := w.Rekey(ctx, c)
		if err != nil {
			wantCode(t, err, connectorstore.CodeTooMany)
			if len(before.FormerIssuers) != 20 {
				t.Errorf("refused after %d", len(before.FormerIssuers))
			}
			break
		}
		if c = next; len(c.FormerIssuers) > 20 {
			t.Fatal("former issuers have no bound")
		}
	}
}

// rekeyingFrozen: once somebody has signed in, the issuer changes only where somebody says so.
func (s suite) rekeyingFrozen(t *testing.T) {
	w, ctx := s.start(t), t.Context()
	c := w.create(t, withSecrets())
	c = must(w.SetState(ctx, c.ID, c.Revision, connectorstore.StateActive))(t)
	signIn := func(issuer string) {
		t.Helper()
		live := w.replica(t).NewLive(nil)
		if err := live.Sync(ctx); err != nil {
			t.Fatal(err)
		}
		live.Event(ctx, oidcsso.EventSignInSucceeded, slog.String("connector", c.ID), slog.String("issuer", issuer))
		if err := live.Sync(ctx); err != nil {
			t.Fatal(err)
		}
		if err := live.Status().Err; err != nil {
			t.Fatal(err)
		}
	}
	signIn("https://another.idp.example") // one that was begun before a change of the issuer
	if got := must(w.Connector(ctx, c.ID))(t); !got.SignedIn.IsZero() {
		t.Errorf("a sign-in at another issuer froze this one: %+v", got)
	}
	signIn(c.Config.Issuer)
	got := must(w.Connector(ctx, c.ID))(t)
	if !got.SignedIn.Equal(w.now) || got.Revision != c.Revision {
		t.Errorf("after a sign-in: %+v", got)
	}
	evil := got
	evil.Config.Issuer = "https://evil.example"
	_, err := w.Update(ctx, evil)
	wantCode(t, err, connectorstore.CodeIssuerFrozen)
	w.wantSecrets(t, got, "current-hunter2", "next-hunter3")
	got.Config.Name = "all else may change"
	got = must(w.Update(ctx, got))(t)

	got.Config.Issuer = "https://new.idp.example"
	rekeyed, _, err := w.Rekey(ctx, got)
	if err != nil || !rekeyed.SignedIn.IsZero() {
		t.Fatalf("%+v, %v", rekeyed, err)
	}
	signIn("https://acme.idp.example") // late, from a replica that did not know yet
	if got := must(w.Connector(ctx, c.ID))(t); !got.SignedIn.IsZero() {
		t.Errorf("a sign-in at the old issuer froze the new one: %+v", got)
	}
}

// readmission: an operator takes a row that was changed by hand, and no secret goes with it.
func (s suite) readmission(t *testing.T) {
	w, ctx := s.start(t), t.Context()
	cfg := withSecrets()
	cfg.TokenEndpointAuthMethod = "client_secret_post"
	c := w.create(t, cfg)
	c = must(w.SetState(ctx, c.ID, c.Revision, connectorstore.StateActive))(t)
	w.exec(t, "UPDATE oidcsso_connectors SET tenant = 'by hand' WHERE id = ?", c.ID)

	tampered := func(err error) {
		t.Helper()
		wantCode(t, err, connectorstore.CodeTampered)
	}
	_, err := w.Connector(ctx, c.ID)
	tampered(err)
	_, _, err = w.RevealSecrets(ctx, c.ID)
	tampered(err)
	_, err = w.Update(ctx, c)
	tampered(err)
	_, err = w.SetState(ctx, c.ID, c.Revision, connectorstore.StateDisabled)
	tampered(err)
	_, err = w.PromoteNextSecret(ctx, c.ID, c.Revision)
	tampered(err)
	_, err = w.DropSecrets(ctx, c.ID, c.Revision, false)
	tampered(err)
	tampered(w.Delete(ctx, c.ID, c.Revision))
	list := must(w.Connectors(ctx, connectorstore.Filter{}))(t)
	if len(list) != 1 || !errors.Is(list[0].Err, connectorstore.CodeTampered) || !reflect.DeepEqual(list[0].Connector, connectorstore.Connector{ID: c.ID}) {
		t.Errorf("the list has %+v", list)
	}

	back := must(w.Readmit(ctx, c.ID))(t)
	if back.State != connectorstore.StateDisabled || back.Tenant != "by hand" || back.Config.TokenEndpointAuthMethod != "" || back.Revision <= c.Revision {
		t.Errorf("%+v", back)
	}
	back.Config.ClientSecretExpiry, back.Config.NextClientSecretExpiry = c.Config.ClientSecretExpiry, c.Config.NextClientSecretExpiry
	current, next := must2(w.RevealSecrets(ctx, c.ID))(t)
	if !current.IsZero() || !next.IsZero() || back.HasSecret || back.HasNextSecret {
		t.Error("a secret went with a row that somebody had changed")
	}
	if got := must(w.Connector(ctx, c.ID))(t); got.Revision != back.Revision {
		t.Errorf("%+v", got)
	}
}

// resealing: a rotation of the ring takes nothing away, in any order of its steps, while others write.
func (s suite) resealing(t *testing.T) {
	const connectors = 230 // more than two batches
	w, ctx := s.start(t), t.Context()
	ids := make([]string, connectors)
	for i := range ids {
		cfg := withSecrets()
		cfg.ClientSecret = oidcsso.NewSecret(fmt.Sprint("secret-", i))
		ids[i] = must(w.Create(ctx, fmt.Sprint("tenant-", i/50), cfg))(t).ID
	}
	claim := must(w.Assert(ctx, ids[connectors-1], "acme.example"))(t)
	open := must(w.Claim(ctx, ids[connectors-2], "acme.example"))(t)
	grant := must(w.AddGrant(ctx, connectorstore.GrantParams{Connector: claim.Connector, Address: "ada@acme.example", By: "root", Reason: "lost phone"}))(t)
	w.exec(t, "UPDATE oidcsso_connectors SET tenant = 'by hand' WHERE id = ?", ids[0])
	if done := must(w.Reseal(ctx))(t); done != (connectorstore.Resealed{Tampered: 1}) {
		t.Errorf("with nothing to do: %+v", done)
	}
	revisions := map[string]int64{}
	for _, id := range ids[1:] {
		revisions[id] = must(w.Connector(ctx, id))(t).Revision
	}

	rotated := w.over(t, w.open(t), Ring(t, "second", "first"))
	const edits = 40
	live := rotated.NewLive(nil)
	stop := while(t, func() { // somebody reads all the time
		if err := live.Sync(ctx); err != nil {
			t.Error(err)
		}
		if quarantined := live.Status().Quarantined; len(quarantined) != 1 || quarantined[0].ID != ids[0] {
			t.Errorf("quarantined: %v", quarantined)
		}
		if c, err := live.Connector(ctx, ids[1]); err != nil || c.Config().ClientSecret.Reveal() != "secret-1" {
			t.Error(err)
		}
		for _, id := range ids[1:5] {
			if _, _, err := rotated.RevealSecrets(ctx, id); err != nil {
				t.Error(err)
			}
		}
	})
	edited := make(chan map[string]int64, 1)
	go func() {
		done := map[string]int64{}
		for i := range edits {
			id := ids[1+i*5]
			c, err := rotated.Connector(ctx, id)
			if err == nil {
				c.Config.Name = "edited"
				c, err = rotated.Update(ctx, c)
			}
			if err != nil {
				t.Error(err)
			}
			done[id] = c.Revision
		}
		edited <- done
	}()
	var wg sync.WaitGroup
	for range 2 { // by two replicas at once
		wg.Go(func() {
			if done, err := rotated.Reseal(ctx); err != nil || done.Tampered != 1 {
				t.Errorf("%+v, %v", done, err)
			}
		})
	}
	wg.Wait()
	changed := <-edited
	stop()
	if done := must(rotated.Reseal(ctx))(t); done != (connectorstore.Resealed{Tampered: 1}) {
		t.Errorf("once more: %+v", done)
	}

	after := w.over(t, w.db, Ring(t, "second")) // the old key is gone
	for i, id := range ids {
		c, err := after.Connector(ctx, id)
		if i == 0 {
			wantCode(t, err, connectorstore.CodeTampered)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		want, wasEdited := changed[id]
		if !wasEdited {
			want = revisions[id]
		}
		if c.Revision != want || (c.Config.Name == "edited") != wasEdited {
			t.Errorf("%s: revision %d, not %d; %q", id, c.Revision, want, c.Config.Name)
		}
		current, next := must2(after.RevealSecrets(ctx, id))(t)
		if current.Reveal() != fmt.Sprint("secret-", i) || next.Reveal() != "next-hunter3" {
			t.Errorf("%s: %q and %q", id, current.Reveal(), next.Reveal())
		}
	}
	for _, c := range []connectorstore.Claim{claim, open} {
		if got := must(after.ClaimByID(ctx, c.ID))(t); got != c {
			t.Errorf("a claim was %+v, and is %+v", c, got)
		}
	}
	if grants := must(after.Grants(ctx, claim.Connector))(t); !reflect.DeepEqual(grants, []connectorstore.Grant{grant}) {
		t.Errorf("the exceptions are %+v", grants)
	}
	// And the old ring alone can do nothing any more.
	_, err := w.Connector(ctx, ids[1])
	wantCode(t, err, connectorstore.CodeTampered)

	gone, cancel := cancelled(t)
	defer cancel()
	if _, err := after.Reseal(gone); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled Reseal: %v", err)
	}
}

func (s suite) events(t *testing.T) {
	w := s.start(t)
	ctx := connectorstore.WithActor(t.Context(), "root")
	want := func(changes ...string) {
		t.Helper()
		var got []string
		for _, e := range w.events.taken() {
			if e.attrs["actor"] != "root" || e.attrs["connector"] == "" {
				t.Errorf("%+v", e)
			}
			if e.name != connectorstore.EventConnectorChanged {
				got = append(got, e.name)
				continue
			}
			if e.attrs["revision"] == "" || e.attrs["state"] == "" || e.attrs["tenant"] != "acme" {
				t.Errorf("%+v", e)
			}
			got = append(got, e.attrs["change"])
		}
		if !reflect.DeepEqual(got, changes) {
			t.Errorf("the events are %q, not %q", got, changes)
		}
	}
	c := must(w.Create(ctx, "acme", withSecrets()))(t)
	want("created")
	c = must(w.Update(ctx, c))(t)
	want("updated")
	c = must(w.SetState(ctx, c.ID, c.Revision, connectorstore.StateActive))(t)
	want("state")
	c = must(w.PromoteNextSecret(ctx, c.ID, c.Revision))(t)
	c = must(w.DropSecrets(ctx, c.ID, c.Revision, false))(t)
	want("secrets", "secrets")
	c.Config.Issuer = "https://new.idp.example"
	c, _, err := w.Rekey(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	want(connectorstore.EventConnectorRekeyed, "rekeyed")
	stale := c
	stale.Revision--
	if _, err := w.Update(ctx, stale); err == nil {
		t.Error("an old revision")
	}
	want() // what is refused is no change
	if err := w.Delete(ctx, c.ID, c.Revision); err != nil {
		t.Fatal(err)
	}
	want("deleted")
}
