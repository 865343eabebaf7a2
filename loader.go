package oidcsso

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/oidcsso/oidcsso/internal/recent"
)

// Loader is a [Source] over the backend's own tables, from two functions. A function is asked for each answer, so that it is
// never older than the table; what is kept is the [Connector] that was made of a Config, with all that it has discovered, for as
// long as the Config is the same.
//
// Each function is one question, to be answered from one state of the tables: by one SQL statement, or by a transaction that
// sees no later change (REPEATABLE READ). A Config that is put together from two states may lack a domain that has moved.
//
// The functions return [ErrNotFound] for what is not there, and any other error where they could not look; people then get in
// no other way. They must read what was committed last: a copy of the database that lags behind lets people in who no longer
// may. They are called by several goroutines at once. Callers who want the same at the same time share one call, so its
// context has nothing of any caller's, but a deadline of 5 seconds; what comes later is an error, since it may be cut short.
// What a function returns that can't be right (another ID, a Config that owns none of the names, a bad Config) is an error as
// well, never "not found". A function that panics does so in each caller.
//
// The zero Loader with its two functions is ready. It must not be copied or changed after its first use. A backend that wants a
// Source that is an [Events] or a [Grants] too embeds a *Loader in a type of its own.
type Loader struct {
	// Options are those of NewFlow. Default: the default Options.
	Options *Options

	// ByID gives the Config of a connector, also of a disabled one. The ID is well formed. Required.
	ByID func(ctx context.Context, id string) (Config, error)

	// ByDomain gives the Config of each connector that owns one of these very names: that has it as a Domain in any state but
	// DomainClaimed. In SQL it is "= ANY($1)", or "IN". The order is of no matter: the Loader takes the first name that somebody
	// owns. No Config is an empty list, or [ErrNotFound].
	//
	// The names are canonical, as [ParseAddress] gives them, or "*." and such a name, which is the wildcard. For
	// "a.b.acme.example" they are that, "*.b.acme.example" and "*.acme.example": at least one, at most 15, and none that no
	// connector can have, a public suffix or a single label. The slice is the function's own.
	//
	// Each Config must be whole, the same that ByID gives, and not only have the Domain that was found. A join gives a connector
	// once for each of its names that was found: equal Configs count once. It is an error if two differ that have the same ID, if
	// two own the same name, if one owns none of the names or can't be made, though another may be right, if they are more than
	// the names, or beside ErrNotFound. A list that the database broke off can't be told from a whole one: return its error
	// (Rows.Err). Required.
	ByDomain func(ctx context.Context, names []string) ([]Config, error)

	// Size is how many made connectors are kept; the one that was longest not asked for goes, and with it what it has
	// discovered. Default (0): 10000.
	Size int

	// MissTTL is how long it is remembered that a domain is nobody's, or that there is no such connector, so that junk in a
	// login form does not reach the database each time: a domain that is newly enforced is seen after that time at most. Up to
	// ten times Size, at most 100000, are remembered, the newest. Default (0): 2 seconds. Negative: not at all.
	MissTTL time.Duration

	calls singleflight.Group

	mu     sync.Mutex
	made   recent.Table[string, madeConnector]
	misses recent.Table[string, time.Time] // when it was asked for
}

var _ Source = (*Loader)(nil)

const (
	defaultLoaderSize = 10_000
	defaultMissTTL    = 2 * time.Second
	maxMisses         = 100_000
	missesPerSize     = 10

	loaderTimeout = 5 * time.Second // of one call of a function
	loaderGrace   = time.Second     // for one that heeds it to say why it failed

	// maxLoaderLabels bounds the names of one question, for a domain that anybody may type. Email domains have two to six labels.
	maxLoaderLabels = 16
)

// madeConnector is a Connector and the Config that it was made of, as it came.
type madeConnector struct {
	cfg       Config
	connector *Connector
}

// ready says whether the Loader has what it needs.
func (l *Loader) ready() (*environment, error) {
	if l.ByID == nil || l.ByDomain == nil { //check:loader-function
		return nil, errors.New("oidcsso: the Loader lacks one of its functions")
	}
	return l.Options.environment()
}

// Connector gives the connector with this ID, also a disabled one, or [ErrNotFound].
func (l *Loader) Connector(ctx context.Context, id string) (*Connector, error) {
	env, err := l.ready()
	if err != nil {
		return nil, err
	}
	malformed := &ConfigError{}
	if checkID(malformed, id); malformed.orNil() != nil { //check:loader-id
		return nil, ErrNotFound // a database would find "acme" for "ACME"
	}
	key := "id " + id
	if l.missed(key, env.now()) {
		return nil, ErrNotFound
	}
	got, err := l.load(ctx, env, key, func(ctx context.Context) ([]Config, error) {
		cfg, err := l.ByID(ctx, id)
		return []Config{cfg}, err
	})
	switch {
	case isNotFound(err):
		l.miss(key, got.asked, env.now())
		return nil, ErrNotFound
	case err != nil:
		return nil, err
	case got.connectors[0].ID() != id: //check:loader-other-connector
		return nil, fmt.Errorf("oidcsso: the Loader's ByID gave connector %q for %q", got.connectors[0].ID(), id)
	}
	return got.connectors[0], nil
}

// Route gives the connector whose the domain is: by the exact domain, else by the longest wildcard. A name in
// another notation is made canonical first; one that is no domain name, or has over 16 labels, is an [*Error] with
// CodeAddressInvalid. Only [ErrNotFound] means that the domain is nobody's.
func (l *Loader) Route(ctx context.Context, domain string) (*Route, error) {
	env, err := l.ready()
	if err != nil {
		return nil, err
	}
	name, err := canonicalDomain(domain)
	if err != nil {
		return nil, newError(CodeAddressInvalid, "", err)
	}
	if strings.Count(name, ".") >= maxLoaderLabels { //check:loader-labels
		return nil, newError(CodeAddressInvalid, "", errors.New("the domain has too many labels"))
	}
	key := "domain " + name
	if l.missed(key, env.now()) {
		return nil, ErrNotFound
	}
	names := namesFor(name)
	if len(names) == 0 {
		return nil, ErrNotFound
	}
	got, err := l.load(ctx, env, key, func(ctx context.Context) ([]Config, error) { return l.owners(ctx, names) })
	switch {
	case isNotFound(err):
		l.miss(key, got.asked, env.now())
		return nil, ErrNotFound
	case err != nil:
		return nil, err
	}
	return pick(got.connectors, names)
}

// namesFor are the names that a connector of the domain may have, the first of which counts: the domain, then the wildcards above
// it, the longest first. They are asked for at once. Between two questions a domain may move from one name to another, so that
// neither finds it.
func namesFor(domain string) []Domain {
	var names []Domain
	for d := (Domain{Name: domain}); strings.Contains(d.Name, "."); d.Wildcard = true {
		if !isPublicSuffix(d.Name) { //check:loader-public-suffix
			names = append(names, d)
		}
		_, d.Name, _ = strings.Cut(d.Name, ".")
	}
	return names
}

// owners asks ByDomain, and gives each Config once, or ErrNotFound.
func (l *Loader) owners(ctx context.Context, names []Domain) ([]Config, error) {
	asked := make([]string, len(names)) // anew for each call: the function may keep it
	for i, d := range names {
		asked[i] = d.String()
	}
	found, err := l.ByDomain(ctx, asked)
	switch {
	case isNotFound(err) && len(found) > 0: //check:loader-found-beside
		return nil, errors.New("oidcsso: the Loader's ByDomain gave connectors beside ErrNotFound")
	case err != nil:
		return nil, err
	}
	var cfgs []Config
	for _, cfg := range found {
		same := slices.IndexFunc(cfgs, func(other Config) bool { return other.ID == cfg.ID })
		switch {
		case same < 0:
			cfgs = append(cfgs, cfg)
		case !reflect.DeepEqual(cfgs[same], cfg): //check:loader-differs
			return nil, fmt.Errorf("oidcsso: the Loader's ByDomain gave connector %q twice, with different Configs", cfg.ID)
		}
		if len(cfgs) > len(names) { // before they are made: it may be the whole table //check:loader-too-many
			return nil, fmt.Errorf("oidcsso: the Loader's ByDomain gave more connectors than the %d names that it was asked for", len(names))
		}
	}
	if len(cfgs) == 0 {
		return nil, ErrNotFound
	}
	return cfgs, nil
}

// pick gives the route of the first name that one of the connectors owns.
func pick(connectors []*Connector, names []Domain) (*Route, error) {
	owned := make([]*Route, len(names))
	for _, c := range connectors {
		owns := false
		for i, name := range names {
			route := c.routeOf(name)
			if route == nil {
				continue
			}
			if owned[i] != nil { //check:loader-two-owners
				return nil, fmt.Errorf("oidcsso: the Loader's ByDomain gave connectors %q and %q, which both own %s", owned[i].Connector.ID(), c.ID(), name)
			}
			owned[i], owns = route, true
		}
		if !owns { //check:loader-owns-none
			return nil, fmt.Errorf("oidcsso: the Loader's ByDomain gave connector %q, which owns none of the names for %s", c.ID(), names[0])
		}
	}
	return owned[slices.IndexFunc(owned, func(r *Route) bool { return r != nil })], nil
}

// routeOf gives the route of this very domain; nil if the connector does not own it.
func (c *Connector) routeOf(name Domain) *Route {
	for i := range c.routes {
		d := &c.routes[i].Domain
		if !d.State.owned() { //check:loader-claimed
			continue
		}
		if d.Name != name.Name || d.Wildcard != name.Wildcard { //check:loader-other-domain
			continue
		}
		return &c.routes[i]
	}
	return nil
}

// loaded is what one call of a function brought.
type loaded struct {
	connectors []*Connector // at least one, where there is no error
	asked      time.Time    // when it began
	panicked   any
}

// load asks a function, once for all who want the same at the same time: who comes while it is asked waits for that, and shares
// the next call. ErrNotFound comes with the time.
func (l *Loader) load(ctx context.Context, env *environment, key string, ask func(context.Context) ([]Config, error)) (*loaded, error) {
	ctx, cancel := context.WithTimeout(ctx, loaderTimeout+loaderGrace) // should the function ignore its own
	defer cancel()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	for joined := false; ; joined = true {
		began := false
		called := l.calls.DoChan(key, func() (any, error) {
			began = true
			got := &loaded{asked: env.now()}
			return got, l.call(env, ask, got)
		})
		select {
		case result := <-called:
			if !began && !joined { // the call was under way before: what it has read may be older than the question //check:loader-old-answer
				continue
			}
			got := result.Val.(*loaded)
			if got.panicked != nil {
				panic(got.panicked)
			}
			return got, result.Err
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// call is one call of a function, with a context of its own: a caller who goes away must not fail the others.
func (l *Loader) call(env *environment, ask func(context.Context) ([]Config, error), got *loaded) error {
	defer func() {
		if got.panicked = recover(); got.panicked != nil { // handed on to those who wait
			env.logger.Error("oidcsso: a function of the Loader panicked", "stack", string(debug.Stack()))
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), loaderTimeout)
	defer cancel()
	cfgs, err := ask(ctx)
	if (err == nil || isNotFound(err)) && ctx.Err() != nil { //check:loader-late-miss
		return ctx.Err() // the search may have been broken off, and the rest of a list, or all of it, not been found
	}
	if err != nil {
		return err
	}
	for _, cfg := range cfgs {
		c, err := l.connector(cfg)
		if err != nil {
			return err
		}
		got.connectors = append(got.connectors, c)
	}
	return nil
}

// connector gives the Connector that was made of an equal Config, or makes one that takes over what the last one with the
// same ID has discovered.
func (l *Loader) connector(cfg Config) (*Connector, error) {
	if kept, ok := l.kept(cfg.ID); ok && reflect.DeepEqual(kept.cfg, cfg) {
		return kept.connector, nil
	}
	next, err := NewConnector(cfg, l.Options) // may call functions of the developer: without the lock
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	kept, ok := l.made.Get(cfg.ID)
	if ok && reflect.DeepEqual(kept.cfg, cfg) {
		return kept.connector, nil // somebody else made it meanwhile
	}
	next.adopt(kept.connector)
	l.made.Put(cfg.ID, madeConnector{cfg.clone(), next}, l.size())
	return next, nil
}

func (l *Loader) kept(id string) (madeConnector, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.made.Get(id)
}

func (l *Loader) size() int {
	if l.Size <= 0 {
		return defaultLoaderSize
	}
	return l.Size
}

// missed says whether it was not found a moment ago.
func (l *Loader) missed(key string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	asked, ok := l.misses.Peek(key)
	return ok && l.isFresh(asked, now)
}

func (l *Loader) isFresh(asked, now time.Time) bool {
	since := now.Sub(asked)
	return 0 <= since && since < firstOf(l.MissTTL, defaultMissTTL)
}

// miss remembers that something was not found, from when it was asked for: what was entered after that moment may not have
// been seen.
func (l *Loader) miss(key string, asked, now time.Time) {
	if l.MissTTL < 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for oldest, ok := l.misses.Oldest(); ok && !l.isFresh(oldest, now); oldest, ok = l.misses.Oldest() {
		l.misses.DropOldest()
	}
	l.misses.Put(key, asked, l.missSize())
}

func (l *Loader) missSize() int { return missesPerSize * min(l.size(), maxMisses/missesPerSize) }
