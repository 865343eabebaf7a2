package oidcsso

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime/debug"
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
// The functions return [ErrNotFound] for what is not there, and any other error where they could not look; people then get in
// no other way. They must read what was committed last: a copy of the database that lags behind lets people in who no longer
// may. They are called by several goroutines at once. Callers who want the same at the same time share one call, so its
// context has nothing of any caller's, but a deadline of 5 seconds. What a function returns that can't be right (another ID, a
// Config without the domain that was asked for, a bad Config) is an error as well, never "not found". A function that panics
// does so in each caller.
//
// The zero Loader with its two functions is ready. It must not be copied or changed after its first use. A backend that wants a
// Source that is an [Events] or a [Grants] too embeds a *Loader in a type of its own.
type Loader struct {
	// Options are those of NewFlow. Default: the default Options.
	Options *Options

	// ByID gives the Config of a connector, also of a disabled one. The ID is well formed. Required.
	ByID func(ctx context.Context, id string) (Config, error)

	// ByDomain gives the Config of the connector whose domain this very name is, in any state but DomainClaimed. The name is
	// canonical, as [ParseAddress] gives it, or "*." and such a name, which asks for the wildcard; the Config must have that
	// Domain, and be the same that ByID gives. For "a.b.acme.example" it is asked for that, then for "*.b.acme.example" and
	// "*.acme.example", until one is found; never for what no connector can have, a public suffix or a single label. These are
	// calls one after the other: before the domain is nobody's, all but the last are made once more, so that one is found that a
	// change has moved between them. Required.
	ByDomain func(ctx context.Context, name string) (Config, error)

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

	// maxLoaderLabels bounds the calls for one domain, which anybody may type. Email domains have two to six labels.
	maxLoaderLabels = 16
)

// madeConnector is a Connector and the Config that it was made of, as it came.
type madeConnector struct {
	cfg       Config
	connector *Connector
}

// Connector gives the connector with this ID, also a disabled one, or [ErrNotFound].
func (l *Loader) Connector(ctx context.Context, id string) (*Connector, error) {
	env, err := l.Options.environment()
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
	got, err := l.load(ctx, env, key, l.ByID, id)
	switch {
	case isNotFound(err):
		l.miss(key, got.asked, env.now())
		return nil, ErrNotFound
	case err != nil:
		return nil, err
	case got.connector.ID() != id: //check:loader-other-connector
		return nil, fmt.Errorf("oidcsso: the Loader's ByID gave connector %q for %q", got.connector.ID(), id)
	}
	return got.connector, nil
}

// Route gives the connector whose the domain is: by the exact domain, else by the longest wildcard. A name in
// another notation is made canonical first; one that is no domain name, or has over 16 labels, is an [*Error] with
// CodeAddressInvalid. Only [ErrNotFound] means that the domain is nobody's.
func (l *Loader) Route(ctx context.Context, domain string) (*Route, error) {
	env, err := l.Options.environment()
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
	first := env.now() // when the first name was asked for
	for _, asked := range questions(name) {
		got, err := l.load(ctx, env, "domain "+asked.String(), l.ByDomain, asked.String())
		switch {
		case err == nil:
			return got.connector.routeOf(asked)
		case !isNotFound(err):
			return nil, err
		case got.asked.Before(first): // for somebody else
			first = got.asked
		}
	}
	l.miss(key, first, env.now())
	return nil, ErrNotFound
}

// questions are the names to ask for: the domain, then wildcards, then all but the last once more. Between the questions a domain may
// move from a wildcard to a longer one, or to the domain itself: who asks but once would find it nowhere, and let people in
// another way.
func questions(name string) []Domain {
	var names []Domain
	for asked := (Domain{Name: name}); strings.Contains(asked.Name, "."); asked.Wildcard = true {
		if !isPublicSuffix(asked.Name) { //check:loader-public-suffix
			names = append(names, asked)
		}
		_, asked.Name, _ = strings.Cut(asked.Name, ".")
	}
	if len(names) == 0 {
		return nil
	}
	return append(names, names[:len(names)-1]...)
}

// routeOf gives the route of this very domain, if the connector owns it.
func (c *Connector) routeOf(asked Domain) (*Route, error) {
	for i := range c.routes {
		d := &c.routes[i].Domain
		if !d.State.owned() { //check:loader-claimed
			continue
		}
		if d.Name != asked.Name || d.Wildcard != asked.Wildcard { //check:loader-other-domain
			continue
		}
		return &c.routes[i], nil
	}
	return nil, fmt.Errorf("oidcsso: the Loader's ByDomain gave connector %q for the domain %s, which is not its own", c.ID(), asked)
}

// loaded is what one call of a function brought.
type loaded struct {
	connector *Connector
	asked     time.Time // when it began
	panicked  any
}

// load asks a function, once for all who want the same at the same time: who comes while it is asked waits for that, and shares
// the next call. ErrNotFound comes with the time.
func (l *Loader) load(ctx context.Context, env *environment, key string, ask func(context.Context, string) (Config, error), name string) (*loaded, error) {
	if ask == nil { //check:loader-function
		return nil, errors.New("oidcsso: the Loader lacks one of its functions")
	}
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
			return got, l.call(env, ask, name, got)
		})
		select {
		case result := <-called:
			if !began && !joined { // the call was under way before: what it has read may be older than the question
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
func (l *Loader) call(env *environment, ask func(context.Context, string) (Config, error), name string, got *loaded) error {
	defer func() {
		if got.panicked = recover(); got.panicked != nil { // handed on to those who wait
			env.logger.Error("oidcsso: a function of the Loader panicked", "stack", string(debug.Stack()))
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), loaderTimeout)
	defer cancel()
	cfg, err := ask(ctx, name)
	if isNotFound(err) && ctx.Err() != nil { //check:loader-late-miss
		return ctx.Err() // "not found" may only mean that the search was broken off
	}
	if err != nil {
		return err
	}
	got.connector, err = l.connector(cfg)
	return err
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
	l.misses.Put(key, asked, missesPerSize*min(l.size(), maxMisses/missesPerSize))
}
