package accounts_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/accounts"
)

// refusals gets a Refusal of every reason that a store can be brought to, from Resolve.
func refusals(t *testing.T) map[accounts.Reason]*accounts.Refusal {
	t.Helper()
	const email = "ann@acme.example"
	got := map[accounts.Reason]*accounts.Refusal{}
	refused := func(prepare func(*store), id *oidcsso.Identity, change func(*accounts.Accounts[*account])) {
		s := newStore()
		prepare(s)
		a := s.resolver()
		change(a)
		_, err := a.Resolve(t.Context(), id)
		var r *accounts.Refusal
		if !errors.As(err, &r) {
			t.Fatalf("no refusal: %v", err)
		}
		got[r.Reason] = r
	}
	same := func(*accounts.Accounts[*account]) {}
	closed := func(a *accounts.Accounts[*account]) { a.Create = nil }
	registered := func(s *store) *account { return s.register(email, true) }

	refused(func(*store) {}, stranger("acme", acme, "ann", oidcsso.EmailSilent), closed)
	refused(func(*store) {}, person("ann", email), closed)
	refused(func(s *store) { registered(s); registered(s) }, person("ann", email), same)
	refused(func(s *store) { s.links[person("bob", "").Key()] = registered(s) }, person("ann", email), same)
	refused(func(s *store) { s.links[oidcsso.AccountKey{Connector: "github"}] = registered(s) }, person("ann", email), same)
	refused(func(s *store) { registered(s) }, with(person("ann", email), func(id *oidcsso.Identity) { id.Domain = oidcsso.Domain{} }), same)
	refused(func(s *store) { registered(s) }, inDomain("ann", oidcsso.DomainRouted), same)
	refused(func(s *store) { registered(s) }, inDomain("ann", oidcsso.DomainFrozen), same)
	refused(func(s *store) { s.register(email, false) }, person("ann", email), same)
	refused(func(s *store) { registered(s).claimID = "claim-0" }, person("ann", email), same)
	refused(func(s *store) { registered(s); s.ended = []string{"claim-0"} }, person("ann", email), same)
	refused(func(s *store) { s.links[person("ann", "").Key()] = registered(s) }, person("ann", email), func(a *accounts.Accounts[*account]) {
		a.ByKey = newStore().byKey // a replica that lags behind
	})
	refused(func(s *store) { registered(s) }, person("ann", "bob@acme.example"), func(a *accounts.Accounts[*account]) {
		find := a.ByEmail
		a.ByEmail = func(ctx context.Context, _ string) ([]accounts.Candidate[*account], error) { return find(ctx, email) }
	})
	return got
}

// TestRefusalTellsNothing: the person can't find out from a refusal who has an account, and the administrator can.
func TestRefusalTellsNothing(t *testing.T) {
	t.Parallel()
	all := refusals(t)
	if len(all) != 13 {
		t.Errorf("%d reasons, want every one of the 13", len(all))
	}
	sentences, remedies, ids := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for reason, r := range all {
		var e *oidcsso.Error
		if !errors.As(r, &e) {
			t.Fatalf("%v: no *oidcsso.Error in it", reason)
		}
		if e.Code != oidcsso.CodeRefused || e.Kind() != oidcsso.KindRefused || e.HTTPStatus() != http.StatusForbidden || e.Connector != "acme" {
			t.Errorf("%v: code %s, status %d, connector %q", reason, e.Code, e.HTTPStatus(), e.Connector)
		}
		sentences[e.Public], remedies[e.Remedy], ids[e.ID] = true, true, true
		if want := "accounts: " + string(reason) + ": " + e.Error(); e.Remedy == "" || r.Error() != want || !strings.Contains(want, e.Remedy) {
			t.Errorf("%v: the administrator reads %q", reason, r.Error())
		}
		if strings.Contains(r.Error(), "@") || strings.Contains(r.Error(), "claim-") {
			t.Errorf("%v: the error says who it was", reason)
		}
		body, err := json.Marshal(r)
		want := fmt.Sprintf(`{"code":"refused","message":%q,"id":%q}`, e.Public, e.ID)
		if err != nil || string(body) != want {
			t.Errorf("%v: JSON %s, want %s", reason, body, want)
		}
	}
	if len(sentences) != 1 || len(remedies) != len(all) || len(ids) != len(all) {
		t.Errorf("%d sentences, %d remedies, %d ids; want one sentence for all, and the others each their own", len(sentences), len(remedies), len(ids))
	}
}

func TestRefusalInPrograms(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("callback: %w", refusals(t)[accounts.ReasonClaimDiffers])
	if !errors.Is(err, accounts.ReasonClaimDiffers) || !errors.Is(err, oidcsso.CodeRefused) {
		t.Error("neither reason nor code can be tested for")
	}
	if errors.Is(err, accounts.ReasonConflict) || errors.Is(err, oidcsso.CodeAccessDenied) {
		t.Error("it is taken for another one")
	}
	if text := accounts.ReasonClaimDiffers.Error(); text != "accounts: claim_differs" {
		t.Errorf("the reason prints as %q", text)
	}
}

func TestRefusalInTheLog(t *testing.T) {
	t.Parallel()
	r := refusals(t)[accounts.ReasonAddressUnverified]
	var line strings.Builder
	slog.New(slog.NewJSONHandler(&line, nil)).Info("sign-in failed", "error", r)
	var logged struct {
		Error struct{ Reason, Code, ID, Connector, Remedy string }
	}
	if err := json.Unmarshal([]byte(line.String()), &logged); err != nil {
		t.Fatal(err)
	}
	var e *oidcsso.Error
	errors.As(r, &e)
	got := logged.Error
	if got.Reason != "address_unverified" || got.Code != "refused" || got.ID != e.ID || got.Connector != "acme" || got.Remedy != e.Remedy {
		t.Errorf("logged %s", line.String())
	}
}

// TestRefusalByHand: a backend's test of its error page may make one.
func TestRefusalByHand(t *testing.T) {
	t.Parallel()
	r := &accounts.Refusal{Reason: accounts.ReasonNoAccount}
	var e *oidcsso.Error
	if !errors.As(r, &e) || e == nil || e.Code != oidcsso.CodeRefused {
		t.Errorf("wraps %v", e)
	}
	if body, err := json.Marshal(r); err != nil || !strings.HasPrefix(string(body), `{"code":"refused",`) {
		t.Errorf("JSON %s, %v", body, err)
	}
}
