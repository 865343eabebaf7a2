package storetest

import (
	"errors"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/connectorstore"
)

func (s suite) migrations(t *testing.T) {
	t.Run("again", func(t *testing.T) {
		w := s.start(t)
		c := w.create(t, plain())
		for range 3 {
			if err := w.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if got := must(w.Connector(t.Context(), c.ID))(t); got.Revision != c.Revision {
			t.Errorf("a migration changed the connector: %+v", got)
		}
	})
	t.Run("by all replicas at once", func(t *testing.T) {
		w := &world{suite: s, open: s.database(t), events: new(recorder)}
		stores := make([]*connectorstore.Store, 8)
		for i := range stores {
			stores[i] = w.over(t, w.open(t), Ring(t, "first"))
		}
		for range 2 { // of an empty database, then of one that has the tables
			var wg sync.WaitGroup
			for _, store := range stores {
				wg.Go(func() {
					for range 5 {
						if err := store.Migrate(t.Context()); err != nil {
							t.Error(err)
						}
					}
					if _, err := store.Create(t.Context(), "", plain()); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
		}
		if list := must(stores[0].Connectors(t.Context(), connectorstore.Filter{}))(t); len(list) != 16 {
			t.Errorf("%d connectors, not 16", len(list))
		}
	})
	t.Run("of a newer database", func(t *testing.T) {
		w := s.start(t)
		w.exec(t, "UPDATE oidcsso_meta SET version = version + 1")
		if err := w.Migrate(t.Context()); err == nil {
			t.Error("a newer database was taken for one of this version")
		}
		w.exec(t, "UPDATE oidcsso_meta SET version = version - 1")
		if err := w.Migrate(t.Context()); err != nil {
			t.Error(err)
		}
	})
	t.Run("not made", func(t *testing.T) {
		w := &world{suite: s, open: s.database(t), events: new(recorder)}
		store := w.over(t, w.open(t), Ring(t, "first"))
		if _, err := store.Create(t.Context(), "", plain()); err == nil {
			t.Error("a connector was created without tables")
		}
		if _, err := store.Connector(t.Context(), "acme"); err == nil || isNotFound(err) {
			t.Errorf("without tables: %v; want an error that is not ErrNotFound", err)
		}
	})
	t.Run("without the row of meta", func(t *testing.T) {
		w := s.start(t)
		w.exec(t, "DELETE FROM oidcsso_meta")
		if _, err := w.Create(t.Context(), "", plain()); err == nil {
			t.Error("a connector was created without a revision")
		}
	})
}

func (s suite) life(t *testing.T) {
	w, ctx := s.start(t), t.Context()
	created := w.now
	c := must(w.Create(ctx, "acme-inc", withSecrets()))(t)
	if c.State != connectorstore.StateDraft || c.Tenant != "acme-inc" || c.Config.ID != c.ID || !c.Created.Equal(created) || !c.SignedIn.IsZero() {
		t.Errorf("created: %+v", c)
	}
	same := func(c connectorstore.Connector) {
		t.Helper()
		if got := must(w.replica(t).Connector(ctx, c.ID))(t); !reflect.DeepEqual(got, c) {
			t.Errorf("what was returned:\n%+v\nwhat is stored:\n%+v", c, got)
		}
	}
	same(c)

	w.now = w.now.Add(time.Hour)
	c.Config.Name, c.Tenant = "Acme & Co", "" // stays
	updated := must(w.Update(ctx, c))(t)
	if updated.Revision <= c.Revision || updated.Tenant != "acme-inc" || updated.Config.Name != "Acme & Co" || !updated.Created.Equal(created) || !updated.Updated.Equal(w.now) {
		t.Errorf("updated: %+v", updated)
	}
	same(updated)
	w.wantSecrets(t, updated, "current-hunter2", "next-hunter3")

	last := updated
	for _, state := range []connectorstore.State{connectorstore.StateActive, connectorstore.StateDisabled, connectorstore.StateActive} {
		next := must(w.SetState(ctx, last.ID, last.Revision, state))(t)
		if next.State != state || next.Revision <= last.Revision {
			t.Errorf("%s: %+v", state, next)
		}
		same(next)
		last = next
	}
	w.wantSecrets(t, last, "current-hunter2", "next-hunter3")

	if err := w.Delete(ctx, last.ID, last.Revision); err != nil {
		t.Fatal(err)
	}
	gone := func(err error) {
		t.Helper()
		wantCode(t, err, connectorstore.CodeNotFound)
	}
	_, err := w.Connector(ctx, last.ID)
	gone(err)
	_, _, err = w.RevealSecrets(ctx, last.ID)
	gone(err)
	_, err = w.Update(ctx, last)
	gone(err)
	_, err = w.SetState(ctx, last.ID, last.Revision, connectorstore.StateActive)
	gone(err)
	gone(w.Delete(ctx, last.ID, last.Revision))
	if list := must(w.Connectors(ctx, connectorstore.Filter{}))(t); len(list) != 0 {
		t.Errorf("the list has a deleted connector: %+v", list)
	}
}

// filled is a Config in which every field that is stored has a value. A field that is new in Config must get one here.
func filled() oidcsso.Config {
	return oidcsso.Config{
		Name: `Ünïcode "Äcme" <&> 🦊`, Issuer: "https://acme.idp.example/realms/a%20b", ClientID: "client of acme", ClientSecret: oidcsso.NewSecret("s3cret & <x>"),
		NextClientSecret: oidcsso.NewSecret("n3xt"), ClientSecretExpiry: time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC),
		NextClientSecretExpiry: time.Date(2028, 1, 2, 3, 4, 5, 678_000_000, time.UTC), TokenEndpointAuthMethod: "client_secret_post",
		Scopes: []string{"groups", "offline_access"}, Prompt: "login consent", MaxAge: 28800, ACRValues: []string{"urn:mfa", "phr"},
		AuthParams: map[string]string{"domain_hint": "acme.example", "hd": "*"}, EmailClaim: "upn", GroupsClaim: "realm_access.roles",
		RequireEmail: true, AllowGuests: true, UserInfo: oidcsso.UserInfoAlways, RedirectURL: "https://acme.example/old/callback?tenant=a",
	}
}

// notInConfig are the fields that the store has elsewhere.
var notInConfig = map[string]bool{"ID": true, "Domains": true, "Disabled": true}

func (s suite) configuration(t *testing.T) {
	w, ctx := s.start(t), t.Context()
	want := filled()
	for i, v := 0, reflect.ValueOf(want); i < v.NumField(); i++ {
		if name := v.Type().Field(i).Name; v.Field(i).IsZero() != notInConfig[name] {
			t.Errorf("storetest has no value for the field %s of Config, or one too many", name)
		}
	}
	expect := func(id string, want oidcsso.Config) {
		t.Helper()
		got := must(w.replica(t).Connector(ctx, id))(t).Config
		if !got.ClientSecret.IsZero() || !got.NextClientSecret.IsZero() {
			t.Error("Connector gives secrets")
		}
		got.ClientSecret, got.NextClientSecret = must2(w.RevealSecrets(ctx, id))(t)
		if want.ID = id; len(got.Domains) != 0 || got.Disabled {
			t.Errorf("%+v", got)
		}
		got.Domains = nil
		for i, v := 0, reflect.ValueOf(want); i < v.NumField(); i++ {
			if stored := reflect.ValueOf(got).Field(i).Interface(); !reflect.DeepEqual(stored, v.Field(i).Interface()) {
				t.Errorf("%s is stored as %v, and was %v", v.Type().Field(i).Name, stored, v.Field(i).Interface())
			}
		}
	}
	c := w.create(t, want)
	expect(c.ID, want)

	// All of it away again, but for what is required, and the redirect URI, which has a call of its own.
	c.Config = oidcsso.Config{Issuer: want.Issuer, ClientID: want.ClientID}
	c = must(w.Update(ctx, c))(t)
	expect(c.ID, oidcsso.Config{Issuer: want.Issuer, ClientID: want.ClientID, RedirectURL: want.RedirectURL})
	c = must(w.SetRedirectURL(ctx, c.ID, c.Revision, ""))(t)
	expect(c.ID, oidcsso.Config{Issuer: want.Issuer, ClientID: want.ClientID})
	c = must(w.SetRedirectURL(ctx, c.ID, c.Revision, want.RedirectURL))(t)

	// And all of it back.
	c.Config = want
	c = must(w.Update(ctx, c))(t)
	expect(c.ID, want)

	// Disabled is the state's, and is not taken from a form.
	c.Config.Disabled = true
	_, err := w.Update(ctx, c)
	wantCode(t, err, connectorstore.CodeInvalid)
}

func must2[A, B any](a A, b B, err error) func(testing.TB) (A, B) {
	return func(t testing.TB) (A, B) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return a, b
	}
}

func (s suite) lists(t *testing.T) {
	w, ctx := s.start(t), t.Context()
	tenants := map[string]string{}
	for i := range 25 {
		tenant := []string{"even", "odd"}[i%2]
		c := must(w.Create(ctx, tenant, withSecrets()))(t)
		tenants[c.ID] = tenant
	}
	for _, test := range []struct {
		filter connectorstore.Filter
		want   int
	}{
		{connectorstore.Filter{}, 25}, {connectorstore.Filter{Limit: 4}, 25}, {connectorstore.Filter{Limit: 1}, 25}, {connectorstore.Filter{Limit: 25}, 25},
		{connectorstore.Filter{Limit: -5}, 25}, {connectorstore.Filter{Limit: 1 << 40}, 25}, {connectorstore.Filter{Tenant: "odd", Limit: 5}, 12},
		{connectorstore.Filter{Tenant: "nobody"}, 0}, {connectorstore.Filter{Tenant: "ODD"}, 0}, {connectorstore.Filter{After: "zzzz"}, 0},
	} {
		seen, f := 0, test.filter
		for {
			page := must(w.Connectors(ctx, f))(t)
			for _, c := range page {
				if c.ID <= f.After || c.Err != nil || f.Tenant != "" && c.Tenant != f.Tenant || c.Tenant != tenants[c.ID] {
					t.Errorf("%+v: %+v behind %q", test.filter, c, f.After)
				}
				f.After = c.ID
				seen++
			}
			if f.Limit > 0 && len(page) > f.Limit {
				t.Errorf("%+v: a page of %d", test.filter, len(page))
			}
			if len(page) == 0 {
				break
			}
		}
		if seen != test.want {
			t.Errorf("%+v: %d connectors, not %d", test.filter, seen, test.want)
		}
	}
}

// lostUpdates: of many who change the same state of a connector, one does, and all others are told.
func (s suite) lostUpdates(t *testing.T) {
	w, ctx := s.start(t), t.Context()
	first := w.create(t, withSecrets())
	stores := []*connectorstore.Store{w.Store, w.replica(t)}
	const editors, rounds = 8, 12
	won := make([]int, rounds)
	last := first
	for round := range rounds {
		var mu sync.Mutex
		var wg sync.WaitGroup
		for i := range editors {
			wg.Go(func() {
				store, c := stores[i%len(stores)], last
				var got connectorstore.Connector
				var err error
				switch i % 4 {
				case 0, 1:
					c.Config.Name = "by " + string(rune('a'+i))
					got, err = store.Update(ctx, c)
				case 2:
					got, err = store.SetState(ctx, c.ID, c.Revision, connectorstore.StateDisabled)
				default:
					got, err = store.DropSecrets(ctx, c.ID, c.Revision, true)
				}
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					won[round]++
					first = got
				case !errors.Is(err, connectorstore.CodeConflict):
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if last = must(w.Connector(ctx, first.ID))(t); !reflect.DeepEqual(last, first) || won[round] != 1 {
			t.Fatalf("round %d: %d changes of one revision;\n%+v is stored, and this was acknowledged:\n%+v", round, won[round], last, first)
		}
	}
}

// identifiers: one is never given twice, also not after the connector is deleted.
func (s suite) identifiers(t *testing.T) {
	w, ctx := s.start(t), t.Context()
	seen := map[string]bool{}
	for range 30 {
		c := w.create(t, plain())
		if seen[c.ID] || len(c.ID) < 16 {
			t.Fatalf("the ID %q was there before, or is short", c.ID)
		}
		seen[c.ID] = true
		if err := w.Delete(ctx, c.ID, c.Revision); err != nil {
			t.Fatal(err)
		}
	}
	rows := 0
	if err := w.db.QueryRowContext(ctx, "SELECT COUNT(*) FROM oidcsso_connectors WHERE state = 'deleted' AND config = '{}' AND secret = '' AND next_secret = ''").Scan(&rows); err != nil {
		t.Fatal(err)
	}
	if rows != len(seen) {
		t.Errorf("of %d deleted connectors, %d have left a row that says that their ID was used", len(seen), rows)
	}
	for id := range seen { // the database itself does not take one twice
		if _, err := w.db.ExecContext(ctx, "INSERT INTO oidcsso_connectors SELECT * FROM oidcsso_connectors WHERE id = '"+id+"'"); err == nil {
			t.Errorf("the ID %s is there twice", id)
		}
		break
	}
}
