package oidcsso

import (
	"runtime"
	"strings"
	"testing"
)

func (p *profiles) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.made)
}

// collected runs the collector until n profiles are left, or for a long time.
func (p *profiles) collected(n int) bool {
	for range 2000 {
		runtime.GC()
		if p.count() == n {
			return true
		}
	}
	return false
}

// A caller that gives a fresh Egress each time costs memory for the connectors that there are, not for those that were.
func TestProfilesLiveAsLongAsTheirConnectors(t *testing.T) {
	t.Parallel()
	one := &Egress{}
	opts := optionsServing("")
	opts.EgressFor = func(id string) *Egress {
		if strings.HasPrefix(id, "one") {
			return one
		}
		return &Egress{}
	}
	router := NewRouter(opts)
	put := func(id string) {
		t.Helper()
		if err := router.Put(Config{ID: id, Issuer: "https://idp.acme.example", ClientID: "0oa1b2c3"}); err != nil {
			t.Fatal(err)
		}
	}
	put("one-a")
	env := router.Connectors()[0].env
	for range 20 {
		put("fresh")
	}
	put("one-b")
	if !env.profiles.collected(2) {
		t.Fatalf("there are %d profiles for two", env.profiles.count())
	}
	put("one-c")
	func() { // whose variables are gone afterwards
		profile := func(id string) *profile {
			c, _ := router.load().byID.Get(id)
			return c.profile
		}
		if one := profile("one-a"); profile("one-b") != one || profile("one-c") != one || profile("fresh") == one {
			t.Error("the profiles are not those of their connectors")
		}
	}()
	for _, id := range []string{"one-a", "one-b", "one-c", "fresh"} {
		if err := router.Remove(id); err != nil {
			t.Fatal(err)
		}
	}
	if !env.profiles.collected(0) {
		t.Fatalf("there are %d profiles for none", env.profiles.count())
	}
	put("one-a") // once more
	if n := env.profiles.count(); n != 1 {
		t.Errorf("there are %d profiles", n)
	}
}

// The cleanup of a profile that is gone must not drop the one that was made for the same Egress since.
func TestForgottenProfileDoesNotTakeItsSuccessorAlong(t *testing.T) {
	t.Parallel()
	env, err := (&Options{}).environment()
	if err != nil {
		t.Fatal(err)
	}
	e := &Egress{}
	first := env.profiles.of(e)
	stale := env.profiles.made[e]
	delete(env.profiles.made, e) // as if it had been collected
	second := env.profiles.of(e)
	if first == second {
		t.Fatal("it is the same profile")
	}
	env.profiles.forget(e, stale)
	if env.profiles.of(e) != second {
		t.Error("the second profile was forgotten")
	}
	if n := env.profiles.count(); n != 1 {
		t.Errorf("there are %d profiles", n)
	}
	runtime.KeepAlive(first)
}
