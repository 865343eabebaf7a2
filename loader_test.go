package oidcsso

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// tables are a backend's own: connectors, and whose a domain is. What was asked is kept.
type tables struct {
	mu      sync.Mutex
	configs map[string]Config
	down    error
	asked   []string
	now     time.Time
	before  func(ctx context.Context, name string) // is called at the beginning of a call, if set
}

func newTables(cfgs ...Config) *tables {
	t := &tables{configs: map[string]Config{}, now: time.Unix(1893456000, 0)}
	for _, cfg := range cfgs {
		t.configs[cfg.ID] = cfg
	}
	return t
}

func (t *tables) loader() *Loader {
	opts := routerOptions()
	opts.Now = t.clock
	return &Loader{Options: opts, ByID: t.byID, ByDomain: t.byDomain}
}

func (t *tables) clock() time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.now
}

func (t *tables) advance(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.now = t.now.Add(d)
}

func (t *tables) put(cfg Config) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.configs[cfg.ID] = cfg
}

func (t *tables) begin(ctx context.Context, name string) {
	t.mu.Lock()
	t.asked = append(t.asked, name)
	before := t.before
	t.mu.Unlock()
	if before != nil {
		before(ctx, name)
	}
}

func (t *tables) byID(ctx context.Context, id string) (Config, error) {
	t.begin(ctx, id)
	t.mu.Lock()
	defer t.mu.Unlock()
	cfg, ok := t.configs[id]
	switch {
	case t.down != nil:
		return Config{}, t.down
	case !ok:
		return Config{}, fmt.Errorf("connector: %w", ErrNotFound)
	}
	return cfg.clone(), nil // as a database does, which gives other slices each time
}

// byDomain gives a connector once for each of its names, as a join does.
func (t *tables) byDomain(ctx context.Context, names []string) (found []Config, err error) {
	t.begin(ctx, strings.Join(names, ","))
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.down != nil {
		return nil, t.down
	}
	for _, cfg := range t.configs {
		for _, d := range cfg.Domains {
			if d.State != DomainClaimed && slices.Contains(names, d.String()) {
				found = append(found, cfg.clone())
			}
		}
	}
	return found, nil
}

// questions are those since the last call.
func (t *tables) questions() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	asked := strings.Join(t.asked, " ")
	t.asked = nil
	return asked
}

// A Loader answers as a Router does that has the same connectors.
func TestLoaderAnswersAsARouter(t *testing.T) {
	t.Parallel()
	disabled := routedConfig("off", "off.test")
	disabled.Disabled = true
	cfgs := []Config{
		routedConfig("acme", "acme.test", "xn--bcher-kva.test"), routedConfig("wild", "*.wild.test", "*.deep.wild.test"),
		routedConfig("eu", "eu.wild.test", "*.eu.wild.test"), disabled,
		{ID: "claims", Issuer: "https://claims.idp.test", ClientID: "client", Domains: []Domain{
			{Name: "claimed.test"}, {Name: "claimed.test", Wildcard: true}, {Name: "acme.test"}}},
	}
	tables := newTables(cfgs...)
	loader := tables.loader()
	router := routerWith(t, cfgs...)
	for _, domain := range []string{
		"acme.test", "ACME.TEST", "acme.test.", "ａcme.test", "acme。test", "ac\u00adme.test", "xn--bcher-kva.test", "BÜCHER.test", "off.test",
		"notacme.test", "acme.test.free.test", "sub.acme.test", "test.acme", "acrne.test", "аcme.test", "claimed.test", "sub.claimed.test",
		"us.wild.test", "a.b.c.wild.test", "US.Wild.TEST.", "wild.test", "notwild.test", "x.deep.wild.test", "deep.wild.test", "eu.wild.test",
		"de.eu.wild.test", "neu.wild.test",
		"", ".", "test", "acme..test", ".acme.test", "acme.test..", "acme.test\n", " acme.test", "ada@acme.test", "acme.test\x00", "*.acme.test",
		"1.2.3.4", "xn--acme-.test", "acm\xff.test", strings.Repeat("a.", 1<<19) + "acme.test",
	} {
		for range 2 { // the second time from what is remembered
			want, wantErr := router.Route(t.Context(), domain)
			got, err := loader.Route(t.Context(), domain)
			switch {
			case wantErr == nil:
				if err != nil || got.Connector.ID() != want.Connector.ID() || got.Domain != want.Domain {
					t.Errorf("Route(%q) = %+v, %v, want %s by %s", domain, got, err, want.Connector.ID(), want.Domain)
				}
			case wantErr == ErrNotFound:
				if err != ErrNotFound || got != nil {
					t.Errorf("Route(%q) = %+v, %v, want ErrNotFound", domain, got, err)
				}
			default:
				if e := wantErrorCode(t, err, CodeAddressInvalid); errors.Is(e, ErrNotFound) || got != nil {
					t.Errorf("Route(%.20q) = %+v, %v", domain, got, err)
				}
			}
		}
	}
	for _, id := range []string{"acme", "off", "claims"} {
		if c, err := loader.Connector(t.Context(), id); err != nil || c.ID() != id {
			t.Errorf("Connector(%q): %v", id, err)
		}
	}
	tables.questions()
	for _, id := range []string{"", "ACME", "acme ", "acme\x00", "a/b", "start", "-a", strings.Repeat("a", 65)} {
		if c, err := loader.Connector(t.Context(), id); c != nil || err != ErrNotFound {
			t.Errorf("Connector(%q) = %v, %v", id, c, err)
		}
	}
	if asked := tables.questions(); asked != "" {
		t.Errorf("the database was asked for %q", asked)
	}
}

func TestLoaderWithBadOptions(t *testing.T) {
	t.Parallel()
	for _, opts := range []*Options{nil, {}, {BaseURL: "ftp://app.test"}} { // without a BaseURL no connector can be made
		tables := newTables(routedConfig("acme", "acme.test"))
		loader := &Loader{Options: opts, ByID: tables.byID, ByDomain: tables.byDomain}
		_, err := loader.Connector(t.Context(), "acme")
		_, routeErr := loader.Route(t.Context(), "acme.test")
		var invalid *ConfigError
		if !errors.As(err, &invalid) || !errors.As(routeErr, &invalid) {
			t.Errorf("got %v and %v", err, routeErr)
		}
	}
}

// Each answer is of the table as it is: there is no time in which an old one would be given.
func TestLoaderIsNeverOlderThanTheTable(t *testing.T) {
	t.Parallel()
	tables := newTables(routedConfig("a", "acme.test"), routedConfig("b"))
	loader := tables.loader()
	holder := func() string {
		route, err := loader.Route(t.Context(), "acme.test")
		if err != nil {
			return err.Error()
		}
		return route.Connector.ID()
	}
	if got := holder(); got != "a" {
		t.Fatalf("it is %s's", got)
	}
	tables.put(routedConfig("a"))
	tables.put(routedConfig("b", "acme.test"))
	if got := holder(); got != "b" {
		t.Errorf("moved: it is %s's", got)
	}
	off := routedConfig("b", "acme.test")
	off.Disabled = true
	tables.put(off)
	if c, err := loader.Connector(t.Context(), "b"); err != nil || !c.Disabled() {
		t.Errorf("disabled: %v, %v", c.Disabled(), err)
	}
	tables.down = errors.New("down")
	if got := holder(); got != "down" {
		t.Errorf("with the database down: %s", got)
	}
}

func TestLoaderRemembersMisses(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ set, ttl time.Duration }{"the default": {0, 2 * time.Second}, "a minute": {time.Minute, time.Minute}, "none": {-1, 0}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tables := newTables()
			loader := tables.loader()
			loader.MissTTL = row.set
			ask := func() (found int) {
				for range 3 {
					_, err := loader.Route(t.Context(), "Mail.acme.test")
					_, errID := loader.Connector(t.Context(), "acme")
					if (err == nil) != (errID == nil) || err != nil && (err != ErrNotFound || errID != ErrNotFound) {
						t.Errorf("got %v and %v", err, errID)
					}
					if err == nil {
						found++
					}
				}
				return found
			}
			ask()
			want := strings.Repeat("mail.acme.test,*.acme.test acme ", 3)
			if row.ttl > 0 {
				want = "mail.acme.test,*.acme.test acme "
			}
			if got := tables.questions() + " "; got != want {
				t.Errorf("asked for %q, want %q", got, want)
			}
			tables.put(routedConfig("acme", "mail.acme.test"))
			if row.ttl > 0 {
				tables.advance(row.ttl - 1)
				if found := ask(); found != 0 || tables.questions() != "" {
					t.Errorf("found %d within the time", found)
				}
				tables.advance(1)
			}
			if found := ask(); found != 3 {
				t.Errorf("found %d after the time", found)
			}
			tables.advance(-time.Hour) // no miss comes back with the clock
			if found := ask(); found != 3 {
				t.Errorf("found %d with the clock set back", found)
			}
		})
	}
}

// A look-up that takes long has seen the table as it was when it began. What it did not find is not remembered beyond the time.
func TestSlowMissIsOld(t *testing.T) {
	t.Parallel()
	tables := newTables()
	loader := tables.loader()
	tables.before = func(context.Context, string) { tables.advance(3 * time.Second) }
	_, errID := loader.Connector(t.Context(), "acme")
	_, errID2 := loader.Connector(t.Context(), "acme")
	_, err := loader.Route(t.Context(), "mail.acme.test")
	if err != ErrNotFound || errID != ErrNotFound || errID2 != ErrNotFound {
		t.Fatalf("got %v, %v and %v", err, errID, errID2)
	}
	if asked := tables.questions(); asked != "acme acme mail.acme.test,*.acme.test" {
		t.Errorf("asked for %q", asked)
	}
	tables.before = nil
	tables.put(routedConfig("acme", "mail.acme.test"))
	if _, err := loader.Route(t.Context(), "mail.acme.test"); err != nil {
		t.Errorf("the domain: %v", err)
	}
}

// Junk from a public login form takes no memory without bound, and pushes out no connector.
func TestLoaderIsBounded(t *testing.T) {
	t.Parallel()
	tables := newTables()
	for i := range 20 {
		id := fmt.Sprintf("c%d", i)
		tables.put(routedConfig(id, id+".test"))
	}
	loader := tables.loader()
	loader.Size = 5
	kept := map[string]*Connector{}
	for range 3 {
		for i := range 20 {
			id := fmt.Sprintf("c%d", i)
			c, err := loader.Connector(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			kept[id] = c
			if n := loader.made.Len(); n > 5 {
				t.Fatalf("%d connectors are kept", n)
			}
		}
	}
	for i := range 200 {
		if _, err := loader.Route(t.Context(), fmt.Sprintf("junk%d.test", i)); err != ErrNotFound {
			t.Fatal(err)
		}
		if _, err := loader.Connector(t.Context(), fmt.Sprintf("junk%d", i)); err != ErrNotFound {
			t.Fatal(err)
		}
		if n := loader.misses.Len(); n > 50 {
			t.Fatalf("%d misses are kept", n)
		}
	}
	for i := range 20 { // the newest five are those that were made last
		id := fmt.Sprintf("c%d", 19-i)
		if c, _ := loader.Connector(t.Context(), id); (c == kept[id]) != (i < 5) {
			t.Errorf("%s is the same: %t", id, c == kept[id])
		}
	}
	tables.advance(time.Hour)
	if _, err := loader.Route(t.Context(), "more-junk.test"); err != ErrNotFound || loader.misses.Len() != 1 {
		t.Errorf("%v; %d misses are left after an hour", err, loader.misses.Len())
	}
}

func TestLoaderDefaults(t *testing.T) {
	t.Parallel()
	for size, want := range map[int][2]int{0: {10_000, 100_000}, -1: {10_000, 100_000}, 7: {7, 70}, 20_000: {20_000, 100_000}, math.MaxInt: {math.MaxInt, 100_000}} {
		l := &Loader{Size: size}
		if got := [2]int{l.size(), l.missSize()}; got != want {
			t.Errorf("Size %d means %d connectors and misses, want %d", size, got, want)
		}
	}
}

// A connector keeps what it has discovered, and the very Connector while nothing changed, whoever asks for it and how.
func TestLoaderKeepsWhatWasDiscovered(t *testing.T) {
	t.Parallel()
	cfg := routedConfig("acme", "acme.test", "*.acme.test")
	cfg.Scopes, cfg.AuthParams, cfg.ClientSecret = []string{"groups"}, map[string]string{"hd": "acme.test"}, NewSecret("s3cret")
	tables := newTables(cfg)
	loader := tables.loader()
	first, err := loader.Connector(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	discovered := first.provider()
	for _, domain := range []string{"acme.test", "sub.acme.test"} {
		if route, err := loader.Route(t.Context(), domain); err != nil || route.Connector != first {
			t.Errorf("%s: another Connector was made, %v", domain, err)
		}
	}
	last := first
	for name, change := range map[string]func(*Config){
		"name": func(c *Config) { c.Name = "ACME" }, "secret": func(c *Config) { c.ClientSecret = NewSecret("rotated") },
		"next secret": func(c *Config) { c.NextClientSecret = NewSecret("next") }, "scopes": func(c *Config) { c.Scopes = nil },
		"parameter": func(c *Config) { c.AuthParams["hd"] = "acme2.test" }, "domains": func(c *Config) { c.Domains = c.Domains[:1] },
		"claim": func(c *Config) { c.Domains[0].ClaimID = "c2" }, "disabled": func(c *Config) { c.Disabled = true },
	} {
		cfg = cfg.clone()
		change(&cfg)
		tables.put(cfg)
		c, err := loader.Connector(t.Context(), "acme")
		if err != nil || c == last || c.provider() != discovered {
			t.Errorf("%s: the same connector is %t, what was discovered is kept %t, %v", name, c == last, c.provider() == discovered, err)
		}
		last = c
	}
	cfg.RedirectURL = "https://app.test/elsewhere"
	tables.put(cfg)
	if c, err := loader.Connector(t.Context(), "acme"); err != nil || c.CallbackURL() != cfg.RedirectURL {
		t.Errorf("another redirect URI is not seen: %v", err)
	}
	// The caller's maps are its own.
	cfg.AuthParams["hd"] = "evil.test"
	if c, _ := loader.Connector(t.Context(), "acme"); c.Config().AuthParams["hd"] != "evil.test" {
		t.Error("a change of a map that was handed out before is not seen")
	}
}

// A function may give the Config that it has in memory. What is changed there, in its maps and slices too, is seen.
func TestLoaderKeepsACopyOfTheConfig(t *testing.T) {
	t.Parallel()
	cfg := routedConfig("acme", "acme.test")
	cfg.AuthParams, cfg.Scopes = map[string]string{"hd": "acme.test"}, []string{"groups"}
	loader := newTables().loader()
	loader.ByID = func(context.Context, string) (Config, error) { return cfg, nil }
	for _, change := range []func(){
		func() {}, func() { cfg.AuthParams["hd"] = "acme2.test" }, func() { cfg.Scopes[0] = "roles" }, func() { cfg.Domains[0].State = DomainRouted },
	} {
		change()
		c, err := loader.Connector(t.Context(), "acme")
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Config(); got.AuthParams["hd"] != cfg.AuthParams["hd"] || got.Scopes[0] != cfg.Scopes[0] || got.Domains[0] != cfg.Domains[0] {
			t.Errorf("the connector has %v, %v and %v", got.AuthParams, got.Scopes, got.Domains)
		}
	}
}

// Which secret is in use goes with the Config: the same two, the same choice.
func TestLoaderKeepsTheSecretInUse(t *testing.T) {
	t.Parallel()
	cfg := routedConfig("acme", "acme.test")
	cfg.ClientSecret, cfg.NextClientSecret = NewSecret("a"), NewSecret("b")
	tables := newTables(cfg)
	loader := tables.loader()
	inUse := func() string {
		c, err := loader.Connector(t.Context(), "acme")
		if err != nil {
			t.Fatal(err)
		}
		return c.SecretInUse()
	}
	inUse()
	c, _ := loader.Connector(t.Context(), "acme")
	c.secrets.refused(false, tables.clock())
	cfg.Name = "ACME"
	tables.put(cfg)
	if got := inUse(); got != "next" {
		t.Errorf("renamed: %s", got)
	}
	cfg.ClientSecret, cfg.NextClientSecret = cfg.NextClientSecret, Secret{}
	tables.put(cfg)
	if got := inUse(); got != "current" {
		t.Errorf("promoted: %s", got)
	}
}

// A call that takes long has seen the table as it was when it began. Who asks later, while it runs, must not be told what that one
// found: the domain may have been enforced, or the connector disabled, in between.
func TestLoaderSharesNoOldAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		routed, off := routedConfig("acme", "acme.test"), routedConfig("acme", "acme.test")
		routed.Domains[0].State, off.Disabled = DomainRouted, true
		for name, row := range map[string]struct{ before, after []Config }{
			"was nobody's": {nil, []Config{routedConfig("acme", "acme.test")}},
			"was routed":   {[]Config{routed}, []Config{routedConfig("acme", "acme.test")}},
			"was enabled":  {[]Config{routedConfig("acme", "acme.test")}, []Config{off}},
		} {
			tables := newTables(row.before...)
			loader := tables.loader()
			loader.MissTTL = -1
			slow, first := make(chan struct{}), make(chan struct{}, 1)
			first <- struct{}{}
			loader.ByDomain = func(ctx context.Context, names []string) ([]Config, error) {
				cfgs, err := tables.byDomain(ctx, names)
				select {
				case <-first:
					<-slow // its transaction, or its answer
				default:
				}
				return cfgs, err
			}
			var both sync.WaitGroup
			both.Go(func() { _, _ = loader.Route(t.Context(), "acme.test") })
			synctest.Wait()
			for _, cfg := range row.after {
				tables.put(cfg)
			}
			both.Go(func() {
				route, err := loader.Route(t.Context(), "acme.test")
				if err != nil || route.Domain.State != DomainAsserted || route.Connector.Disabled() != row.after[0].Disabled {
					t.Errorf("%s: who asks afterwards gets %+v, %v", name, route, err)
				}
			})
			synctest.Wait()
			close(slow)
			both.Wait()
		}
	})
}

// Many who ask for the same at the same time are one question, which is asked after all of them have come: an older one may have
// been answered from an older table. Who goes away fails nobody else.
func TestLoaderAsksOnceForMany(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tables := newTables(routedConfig("acme", "acme.test"))
		loader := tables.loader()
		release := make(chan struct{})
		tables.before = func(ctx context.Context, _ string) {
			if _, ok := ctx.Deadline(); !ok || ctx.Value(ctxKey{}) != nil {
				t.Error("the context has no deadline, or something of a caller's")
			}
			<-release
		}
		impatient, leave := context.WithCancel(context.WithValue(t.Context(), ctxKey{}, "x"))
		left := make(chan error, 1)
		go func() {
			_, err := loader.Route(impatient, "acme.test")
			left <- err
		}()
		synctest.Wait()
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				if route, err := loader.Route(t.Context(), "acme.test"); err != nil || route.Connector.ID() != "acme" {
					t.Errorf("one of many got %v, %v", route, err)
				}
			})
		}
		synctest.Wait()
		leave()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Errorf("who left got %v", err)
		}
		release <- struct{}{} // for whom nobody waits any more
		synctest.Wait()
		close(release)
		all.Wait()
		if got := tables.questions(); got != "acme.test acme.test" {
			t.Errorf("asked for %q", got)
		}
		_, err := loader.Route(impatient, "nobody.test")
		synctest.Wait()
		if asked := tables.questions(); !errors.Is(err, context.Canceled) || asked != "" {
			t.Errorf("a context that is at its end got %v, and asked for %q", err, asked)
		}
	})
}

type ctxKey struct{}

// A database that hangs is "unavailable" after some seconds, also if the function ignores its context, and nothing of it is a
// miss: "not found" may only mean that the search was broken off, and a list may lack what decides.
func TestLoaderOfADatabaseThatHangs(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		ignores bool
		found   []Config
		err     error
	}{
		"obedient": {false, nil, ErrNotFound}, "deaf": {true, nil, ErrNotFound}, "an empty list": {},
		"a list cut short": {found: []Config{routedConfig("wild", "*.acme.test")}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				release := make(chan struct{})
				hang := func(ctx context.Context) {
					if row.ignores {
						<-release
					} else {
						<-ctx.Done()
					}
				}
				loader := &Loader{Options: routerOptions(), ByID: func(ctx context.Context, _ string) (Config, error) {
					hang(ctx)
					return Config{}, ErrNotFound
				}, ByDomain: func(ctx context.Context, _ []string) ([]Config, error) {
					hang(ctx)
					return row.found, row.err
				}}
				began := time.Now()
				for range 2 {
					if _, err := loader.Route(t.Context(), "mail.acme.test"); !errors.Is(err, context.DeadlineExceeded) || isNotFound(err) {
						t.Errorf("Route gives %v", err)
					}
					if _, err := loader.Connector(t.Context(), "acme"); !errors.Is(err, context.DeadlineExceeded) || isNotFound(err) {
						t.Errorf("Connector gives %v", err)
					}
				}
				want := 4 * loaderTimeout
				if row.ignores {
					want += 4 * loaderGrace
				}
				if took := time.Since(began); took != want {
					t.Errorf("four look-ups took %v", took)
				}
				close(release)
				synctest.Wait()
				if n := loader.misses.Len(); n != 0 {
					t.Errorf("%d misses are remembered", n)
				}
			})
		})
	}
}

// A panic is the caller's, as if it had called the function itself: a server recovers from it for one request.
func TestLoaderHandsOnAPanic(t *testing.T) {
	t.Parallel()
	opts := routerOptions()
	opts.Logger = slog.New(slog.DiscardHandler)
	loader := &Loader{
		Options:  opts,
		ByID:     func(context.Context, string) (Config, error) { panic("out of order") },
		ByDomain: func(context.Context, []string) ([]Config, error) { panic("out of order") },
	}
	for name, call := range map[string]func(){
		"Connector": func() { _, _ = loader.Connector(t.Context(), "acme") },
		"Route":     func() { _, _ = loader.Route(t.Context(), "acme.test") },
	} {
		func() {
			defer func() {
				if got := recover(); got != "out of order" {
					t.Errorf("%s panics with %v", name, got)
				}
			}()
			call()
		}()
	}
}

// While connectors change and a domain moves to and fro, each answer is one that was in the table.
func TestLoaderWhileTablesChange(t *testing.T) {
	t.Parallel()
	tables := newTables(routedConfig("a", "acme.test"), routedConfig("b"))
	loader := tables.loader()
	loader.Size = 2
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for i := range 4 {
		readers.Go(func() {
			for {
				route, err := loader.Route(t.Context(), "acme.test")
				if err != nil || !slices.Contains(route.Connector.Config().Domains, route.Domain) {
					t.Errorf("Route gives %+v, %v", route, err)
					return
				}
				if c, err := loader.Connector(t.Context(), route.Connector.ID()); err != nil || c.ID() != route.Connector.ID() {
					t.Errorf("Connector: %v", err)
					return
				}
				_, _ = loader.Route(t.Context(), fmt.Sprintf("junk%d.test", i))
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	for i := range 300 {
		ids := []string{"a", "b"}
		holder, other := routedConfig(ids[i%2], "acme.test"), routedConfig(ids[1-i%2])
		holder.Name, other.Name = fmt.Sprint(i), fmt.Sprint(i)
		tables.mu.Lock()
		tables.configs[holder.ID], tables.configs[other.ID] = holder, other
		tables.mu.Unlock()
		if route, err := loader.Route(t.Context(), "acme.test"); err != nil || !strings.Contains("a b", route.Connector.ID()) {
			t.Errorf("%d: %v", i, err)
		}
	}
	close(stop)
	readers.Wait()
	if route, err := loader.Route(t.Context(), "acme.test"); err != nil || route.Connector.Name() != "299" {
		t.Errorf("at the end: %v", err)
	}
}
