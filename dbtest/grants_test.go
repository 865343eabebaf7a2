package dbtest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/connectorstore"
)

func breakGlass(t *testing.T, l *connectorstore.Live, address string, m oidcsso.Method) (string, error) {
	t.Helper()
	d, err := oidcsso.Decide(t.Context(), l, oidcsso.Attempt{Typed: address, Account: []string{address}, Method: m, BreakGlass: true})
	if d.Allowed() != (d.Grant != "") {
		t.Errorf("allowed is %v, with %q", d.Allowed(), d.Grant)
	}
	return d.Grant, err
}

func grantWorld(t *testing.T, e Engine) (*world, *connectorstore.Live) {
	w := newWorld(t, e)
	w.insert(t, row("acme", 1, "acme.example", "*.sub.acme.example"), row("other", 2, "other.example"))
	return w, w.live(t)
}

func grantOf(address string) connectorstore.GrantParams {
	return connectorstore.GrantParams{Connector: "acme", Address: address, By: "boss@acme.example", Reason: "the identity provider is down"}
}

// An exception opens one address, for as long as it lasts, on every replica at once.
func TestGrant(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, e Engine) {
		ctx := t.Context()
		w, l := grantWorld(t, e)
		ctx = connectorstore.WithActor(ctx, "admin-7")
		g, err := w.store.AddGrant(ctx, grantOf(" Ada@ACME.example "))
		if err != nil {
			t.Fatal(err)
		}
		if g.Address != "ada@acme.example" || !g.Created.Equal(start) || !g.Until.Equal(start.Add(24*time.Hour)) || g.Uses != 0 || !g.Revoked.IsZero() {
			t.Errorf("it is %+v", g)
		}
		told := w.log.take(connectorstore.EventBreakGlassGranted)
		if len(told) != 1 || !strings.Contains(told[0], "actor=admin-7") || strings.Contains(told[0], "ada") || strings.Contains(told[0], "boss") {
			t.Errorf("told was %q", told)
		}
		for _, row := range []struct {
			address string
			method  oidcsso.Method
			want    string
		}{
			{"ada@acme.example", oidcsso.MethodPassword, g.ID},
			{"ADA@Acme.Example", oidcsso.MethodPasskey, g.ID},
			{"ada@acme.example", oidcsso.MethodSession, g.ID},
			{"ada@acme.example", oidcsso.MethodPasswordReset, ""},
			{"bob@acme.example", oidcsso.MethodPassword, ""},
			{"ada@x.sub.acme.example", oidcsso.MethodPassword, ""},
			{"ada@other.example", oidcsso.MethodPassword, ""},
		} {
			if got, err := breakGlass(t, l, row.address, row.method); got != row.want || err != nil {
				t.Errorf("%s by %s: %q, %v", row.address, row.method, got, err)
			}
		}
		if got := password(ctx, l, "ada@acme.example"); got != "by acme" {
			t.Errorf("unasked it is %s", got)
		}
		list, err := w.store.Grants(ctx, "acme")
		if err != nil || len(list) != 1 || list[0].Uses != 2 || !list[0].LastUsed.Equal(start) || list[0].Reason != "the identity provider is down" {
			t.Errorf("the list is %+v, %v", list, err)
		}
		w.later(24*time.Hour - time.Millisecond)
		if got, err := breakGlass(t, l, "ada@acme.example", oidcsso.MethodSession); got != g.ID || err != nil {
			t.Errorf("at its end: %q, %v", got, err)
		}
		w.later(time.Millisecond)
		if got, err := breakGlass(t, l, "ada@acme.example", oidcsso.MethodSession); got != "" || err != nil {
			t.Errorf("afterwards: %q, %v", got, err)
		}

		second, err := w.store.AddGrant(ctx, grantOf("ada@acme.example"))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := breakGlass(t, l, "ada@acme.example", oidcsso.MethodPassword); got != second.ID || err != nil {
			t.Errorf("the second: %q, %v", got, err)
		}
		for range 2 {
			if err := w.store.RevokeGrant(ctx, second.ID); err != nil {
				t.Fatal(err)
			}
		}
		if told := w.log.take(connectorstore.EventBreakGlassRevoked); len(told) != 1 {
			t.Errorf("told was %q", told)
		}
		for _, m := range []oidcsso.Method{oidcsso.MethodPassword, oidcsso.MethodSession} {
			if got, err := breakGlass(t, l, "ada@acme.example", m); got != "" || err != nil {
				t.Errorf("after it was revoked, by %s: %q, %v", m, got, err)
			}
		}
		if list, err := w.store.Grants(ctx, "acme"); err != nil || len(list) != 2 || list[0].ID != second.ID || list[0].Revoked.IsZero() {
			t.Errorf("the list is %+v, %v", list, err)
		}
	})
}

func TestGrantRefused(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, e Engine) {
		w, _ := grantWorld(t, e)
		for name, c := range map[string]struct {
			change func(*connectorstore.GrantParams)
			want   connectorstore.Code
		}{
			"nobody's":               {func(p *connectorstore.GrantParams) { p.Address = "" }, connectorstore.CodeInvalid},
			"no address":             {func(p *connectorstore.GrantParams) { p.Address = "ada" }, connectorstore.CodeInvalid},
			"two addresses":          {func(p *connectorstore.GrantParams) { p.Address = "ada@acme.example,eve@acme.example" }, connectorstore.CodeInvalid},
			"a letter like another":  {func(p *connectorstore.GrantParams) { p.Address = "\u212aim@acme.example" }, connectorstore.CodeInvalid},
			"another's domain":       {func(p *connectorstore.GrantParams) { p.Address = "ada@other.example" }, connectorstore.CodeInvalid},
			"below an exact domain":  {func(p *connectorstore.GrantParams) { p.Address = "ada@x.acme.example" }, connectorstore.CodeInvalid},
			"the name of a wildcard": {func(p *connectorstore.GrantParams) { p.Address = "ada@sub.acme.example" }, connectorstore.CodeInvalid},
			"a name that ends so":    {func(p *connectorstore.GrantParams) { p.Address = "ada@evilacme.example" }, connectorstore.CodeInvalid},
			"by nobody":              {func(p *connectorstore.GrantParams) { p.By = " " }, connectorstore.CodeInvalid},
			"by oneself":             {func(p *connectorstore.GrantParams) { p.By = "ADA@acme.Example" }, connectorstore.CodeInvalid},
			"by somebody endless":    {func(p *connectorstore.GrantParams) { p.By = strings.Repeat("x", 321) }, connectorstore.CodeInvalid},
			"without a reason":       {func(p *connectorstore.GrantParams) { p.Reason = "\n" }, connectorstore.CodeInvalid},
			"an endless reason":      {func(p *connectorstore.GrantParams) { p.Reason = strings.Repeat("x", 501) }, connectorstore.CodeInvalid},
			"by what is no text":     {func(p *connectorstore.GrantParams) { p.By = "boss\x00" }, connectorstore.CodeInvalid},
			"no text as a reason":    {func(p *connectorstore.GrantParams) { p.Reason = "\xff" }, connectorstore.CodeInvalid},
			"for over a week":        {func(p *connectorstore.GrantParams) { p.Until = start.Add(7*24*time.Hour + 1) }, connectorstore.CodeInvalid},
			"until now":              {func(p *connectorstore.GrantParams) { p.Until = start }, connectorstore.CodeInvalid},
			"of no connector":        {func(p *connectorstore.GrantParams) { p.Connector = "nobody" }, connectorstore.CodeNotFound},
		} {
			p := grantOf("ada@acme.example")
			c.change(&p)
			if g, err := w.store.AddGrant(t.Context(), p); !errors.Is(err, c.want) || g.ID != "" {
				t.Errorf("%s: %+v, %v", name, g, err)
			}
		}
		if list, err := w.store.Grants(t.Context(), "acme"); len(list) != 0 || err != nil {
			t.Errorf("there are %v, %v", list, err)
		}
		if err := w.store.RevokeGrant(t.Context(), "nobody"); !errors.Is(err, oidcsso.ErrNotFound) {
			t.Error(err)
		}
		p := grantOf("ada@x.sub.acme.example")
		p.By, p.Until = "a number of the backend's own", start.Add(7*24*time.Hour)
		if _, err := w.store.AddGrant(t.Context(), p); err != nil {
			t.Errorf("below a wildcard, for a week: %v", err)
		}
		for range 99 {
			if _, err := w.store.AddGrant(t.Context(), grantOf("ada@acme.example")); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := w.store.AddGrant(t.Context(), grantOf("ada@acme.example")); !errors.Is(err, connectorstore.CodeTooMany) {
			t.Errorf("the hundred and first: %v", err)
		}
		w.exec(t, "UPDATE oidcsso_connectors SET tenant = 'eve' WHERE id = 'acme'")
		if _, err := w.store.AddGrant(t.Context(), grantOf("ada@acme.example")); !errors.Is(err, connectorstore.CodeTampered) {
			t.Errorf("of a row that was changed: %v", err)
		}
	})
}

// Who can write to the database, and has no key, makes no exception.
func TestGrantTampered(t *testing.T) {
	t.Parallel()
	for name, attack := range map[string]string{
		"another person":    "UPDATE oidcsso_grants SET address = 'eve@acme.example'",
		"another connector": "UPDATE oidcsso_grants SET connector = 'other', address = 'eve@other.example'",
		"for longer":        "UPDATE oidcsso_grants SET until = until + 864000000",
		"not revoked":       "UPDATE oidcsso_grants SET revoked = 0",
		"by another":        "UPDATE oidcsso_grants SET granted_by = 'x'",
		"a copy":            "INSERT INTO oidcsso_grants SELECT 'copy', connector, 'eve@acme.example', granted_by, reason, created, until + 864000000, 0, mac, uses, last_used FROM oidcsso_grants",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			Each(t, func(t *testing.T, e Engine) {
				w, l := grantWorld(t, e)
				g, err := w.store.AddGrant(t.Context(), grantOf("ada@acme.example"))
				if err != nil {
					t.Fatal(err)
				}
				if name == "not revoked" {
					if err := w.store.RevokeGrant(t.Context(), g.ID); err != nil {
						t.Fatal(err)
					}
				}
				w.exec(t, attack)
				if name == "for longer" {
					w.later(25 * time.Hour)
				}
				w.log.take("")
				for _, address := range []string{"eve@acme.example", "eve@other.example", "ada@acme.example"} {
					if address == "ada@acme.example" && name == "a copy" {
						continue // hers is as it was
					}
					if got, err := breakGlass(t, l, address, oidcsso.MethodPassword); got != "" || err != nil {
						t.Errorf("%s: %q, %v", address, got, err)
					}
				}
				if told := w.log.take(connectorstore.EventGrantTampered); len(told) != 1 {
					t.Errorf("told was %q", told)
				}
				if list, err := w.store.Grants(t.Context(), "acme"); err != nil || len(list) != strings.Count(name, "copy") {
					t.Errorf("the list is %v, %v", list, err)
				}
			})
		})
	}
}

// Without the database there are no exceptions, though everything else goes on.
func TestGrantWithoutTheDatabase(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, e Engine) {
		w, l := grantWorld(t, e)
		if _, err := w.store.AddGrant(t.Context(), grantOf("ada@acme.example")); err != nil {
			t.Fatal(err)
		}
		w.exec(t, "ALTER TABLE oidcsso_grants RENAME TO away")
		if got, err := breakGlass(t, l, "ada@acme.example", oidcsso.MethodPassword); got != "" || !errors.Is(err, oidcsso.CodeUnavailable) {
			t.Errorf("%q, %v", got, err)
		}
		if got := password(t.Context(), l, "ada@acme.example"); got != "by acme" {
			t.Error(got)
		}
	})
}

// An exception is revoked between the look and the count.
func TestGrantRevokedMeanwhile(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, e Engine) {
		w, l := grantWorld(t, e)
		g, err := w.store.AddGrant(t.Context(), grantOf("ada@acme.example"))
		if err != nil {
			t.Fatal(err)
		}
		w.meanwhile(func() { // the look
			w.meanwhile(func() { // the count
				if err := w.store.RevokeGrant(t.Context(), g.ID); err != nil {
					t.Error(err)
				}
			})
		})
		if got, err := breakGlass(t, l, "ada@acme.example", oidcsso.MethodPassword); got != "" || !errors.Is(err, oidcsso.CodeUnavailable) {
			t.Errorf("%q, %v", got, err)
		}
		if got, err := breakGlass(t, l, "ada@acme.example", oidcsso.MethodPassword); got != "" || err != nil {
			t.Errorf("afterwards: %q, %v", got, err)
		}
		if list, err := w.store.Grants(t.Context(), "acme"); err != nil || len(list) != 1 || list[0].Uses != 0 {
			t.Errorf("the list is %+v, %v", list, err)
		}
	})
}

// Who may give exceptions gives and revokes them again and again. A request that asks for one reads those in force, and the list
// the newest, not all that there ever were.
func TestGrantsThatAreOverAreNotRead(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, e Engine) {
		ctx := t.Context()
		w, _ := grantWorld(t, e)
		g, err := w.store.AddGrant(ctx, grantOf("ada@acme.example"))
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, over := range []string{"1, 9000000000000, 7", "1, 2, 0"} { // revoked, ended
			var values [][]any
			for range 1500 {
				n++
				values = append(values, []any{fmt.Sprintf("over%d", n), "acme", "ada@acme.example"})
			}
			tx, err := w.db.Begin()
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range values {
				if _, err := tx.Exec(e.Query("INSERT INTO oidcsso_grants (id, connector, address, granted_by, reason, created, until, revoked, mac, uses, last_used) VALUES (?, ?, ?, 'b', 'r', "+over+", 'm', 0, 0)"), v...); err != nil {
					t.Fatal(err)
				}
			}
			if err := tx.Commit(); err != nil {
				t.Fatal(err)
			}
		}
		wire := new(wire)
		store, err := connectorstore.New(wire.through(t, w.open(t)), &connectorstore.Options{Dialect: e.Dialect, Ring: w.ring, SSO: w.options()})
		if err != nil {
			t.Fatal(err)
		}
		live := store.NewLive(nil)
		sync1(t, live)
		wire.from(nil)
		if got, err := live.Grant(ctx, "acme", "ada@acme.example", oidcsso.MethodSession); got != g.ID || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		if _, rows := wire.counted(); rows != 1 {
			t.Errorf("a session reads %d rows", rows)
		}
		wire.from(nil)
		if list, err := store.Grants(ctx, "acme"); err != nil || len(list) != 1 {
			t.Errorf("the list has %d, %v", len(list), err)
		}
		if _, rows := wire.counted(); rows != 1000 {
			t.Errorf("the list reads %d rows", rows)
		}
	})
}

// Of several that are in force it is the oldest: a session that began by it goes on when another one is given.
func TestGrantIsTheOldest(t *testing.T) {
	t.Parallel()
	Each(t, func(t *testing.T, e Engine) {
		w, l := grantWorld(t, e)
		var oldest string
		for i := range 9 { // their IDs are drawn
			g, err := w.store.AddGrant(t.Context(), grantOf("ada@acme.example"))
			if err != nil {
				t.Fatal(err)
			}
			if i == 0 {
				oldest = g.ID
			}
			w.later(time.Second)
		}
		if got, err := breakGlass(t, l, "ada@acme.example", oidcsso.MethodSession); got != oldest || err != nil {
			t.Errorf("it is %q, %v, want %q", got, err, oldest)
		}
	})
}
