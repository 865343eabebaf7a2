package oidcsso_test

import (
	"errors"
	"strconv"
	"testing"

	"github.com/oidcsso/oidcsso"
)

// Two connectors share a redirect URI that is a third one's own. It is theirs as long as one of them has it, in whatever way
// the other one left.
func TestRedirectURIIsTakenWhileAnybodyUsesIt(t *testing.T) {
	t.Parallel()
	opts := &oidcsso.Options{BaseURL: hostA + "/sso", OtherBaseURLs: []string{hostB + "/sso"}}
	config := func(id, redirectURL string) oidcsso.Config {
		cfg := soundConfig()
		cfg.ID, cfg.Domains, cfg.RedirectURL = id, nil, redirectURL
		return cfg
	}
	for _, shared := range []string{hostA + "/sso/callback/victim", hostB + "/sso/callback/victim"} {
		for name, leave := range map[string]func(*oidcsso.Router) error{
			"removed":                 func(r *oidcsso.Router) error { return r.Remove("first") },
			"changed":                 func(r *oidcsso.Router) error { return r.Put(config("first", "")) },
			"changed to another":      func(r *oidcsso.Router) error { return r.Put(config("first", hostA+"/old")) },
			"changed in another way":  func(r *oidcsso.Router) error { return r.Put(config("first", shared)) },
			"removed and there again": func(r *oidcsso.Router) error { return errors.Join(r.Remove("first"), r.Put(config("first", shared))) },
		} {
			r := oidcsso.NewRouter(opts)
			for _, id := range []string{"first", "second"} {
				if err := r.Put(config(id, shared)); err != nil {
					t.Fatal(err)
				}
			}
			if err := leave(r); err != nil {
				t.Fatal(name, err)
			}
			if got := fieldNames(problems(t, r.Put(config("victim", "")))); got != "redirect_url" {
				t.Errorf("%s, %s: got %s", shared, name, got)
			}
			if _, err := r.Connector(t.Context(), "victim"); !errors.Is(err, oidcsso.ErrNotFound) {
				t.Errorf("%s, %s: it is there, %v", shared, name, err)
			}
			if err := errors.Join(r.Put(config("first", "")), r.Put(config("second", "")), r.Put(config("victim", ""))); err != nil {
				t.Errorf("%s, %s: when nobody uses it any more: %v", shared, name, err)
			}
			if got := fieldNames(problems(t, r.Put(config("second", shared)))); got != "redirect_url" {
				t.Errorf("%s, %s: taken from its owner, %s", shared, name, got)
			}
		}
	}
}

// A change of a connector that is there begins by taking it out. When the change is refused, its domains and its redirect URI
// are still its own, in a small table as in a large one, which keeps its changes in another way.
func TestRefusedChangeOfAConnectorChangesNothing(t *testing.T) {
	t.Parallel()
	for name, others := range map[string]int{"small": 1, "large": 1500} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := oidcsso.NewRouter(&oidcsso.Options{BaseURL: hostA + "/sso"})
			config := func(id string, domains ...string) oidcsso.Config {
				cfg := soundConfig()
				cfg.ID, cfg.Domains = id, oidcsso.AssertDomains(domains...)
				return cfg
			}
			cfgs := []oidcsso.Config{config("acme", "acme.test", "*.acme.test"), config("globex", "globex.test")}
			cfgs[0].RedirectURL = hostA + "/sso/callback/own"
			for i := range others {
				id := "other" + strconv.Itoa(i)
				cfgs = append(cfgs, config(id, id+".test"))
			}
			if err := r.Replace(cfgs); err != nil {
				t.Fatal(err)
			}
			for i := range 200 { // so many that the large table has to copy all of it now and then
				refused := config("acme", "new.test", "*.acme.test", "globex.test")
				if err := r.Put(refused); !errors.Is(err, oidcsso.CodeDomainConflict) {
					t.Fatal(err)
				}
				want := map[string]string{"acme.test": "acme", "x.acme.test": "acme", "globex.test": "globex", "new.test": ""}
				for domain, id := range want {
					route, err := r.Route(t.Context(), domain)
					if id == "" && !errors.Is(err, oidcsso.ErrNotFound) || id != "" && (err != nil || route.Connector.ID() != id) {
						t.Fatalf("after %d changes, %s is routed to %v, %v", i, domain, route, err)
					}
				}
				if got := fieldNames(problems(t, r.Put(config("own")))); got != "redirect_url" {
					t.Fatalf("after %d changes, its redirect URI is another's: %s", i, got)
				}
				if err := r.Put(config("other0", "other0.test", "n"+strconv.Itoa(i)+".test")); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}
