package main

import (
	"context"
	"errors"
	"strconv"
	"sync"
)

// callbacks is the work of a contender's callbacks; what goes before each is untimed.
func callbacks(provider *idp, issuer string, c contender, opened client) work {
	return work{name: c.name, note: c.lacks, ready: func(n int) (func(*stopwatch) error, error) {
		started := make([]signIn, n)
		for i := range started {
			var err error
			if started[i], err = begin(provider, issuer, opened); err != nil {
				return nil, err
			}
		}
		return func(*stopwatch) error {
			for _, s := range started {
				if err := s.complete(opened); err != nil {
					return err
				}
			}
			return nil
		}, nil
	}}
}

// callbackRow is the whole callback over loopback, from the browser's request to the subject.
func callbackRow(p plan) ([]*section, error) {
	timing, err := callbackTime(p)
	if err != nil {
		return nil, err
	}
	counts, err := callbackCounts()
	return []*section{timing, counts}, err
}

func callbackTime(p plan) (*section, error) {
	provider, err := newIDP(basicOnly, rsaKey())
	if err != nil {
		return nil, err
	}
	defer provider.close()
	issuer := provider.issuer(0)
	var works []work
	for _, c := range append(contenders(), flowContender()) {
		opened, err := c.open(context.Background(), issuer)
		if err != nil {
			return nil, err
		}
		defer opened.close()
		works = append(works, callbacks(provider, issuer, c, opened))
	}
	results, err := p.measure(works)
	if err != nil {
		return nil, err
	}
	s := timed("Callback", "From the browser's request to the subject: the token request over loopback and an ID token of RS256. "+
		"The identity provider is in the same process and allocates nothing for it.", results)
	s.atMost(1.0, results, ourName, goOIDCName)
	s.atMostAllocs(240, results, ourName)
	return s, nil
}

const (
	inParallel = 16
	warmUps    = 3
	batches    = 20
)

// callbackCounts is what a callback asks of the token endpoint, and the connections that sign-ins in parallel open.
func callbackCounts() (*section, error) {
	s := &section{
		title: "Callback, requests and connections",
		about: "Requests at the token endpoint for the first sign-in of a client, where only client_secret_basic is taken and where only client_secret_post is. " +
			"Connections that " + strconv.Itoa(batches) + " times " + strconv.Itoa(inParallel) + " sign-ins at once open, after a warm-up of " + strconv.Itoa(warmUps) + " times; the identity provider lets none end before all have come.",
		header: []string{"", "basic", "post", "new connections", ""},
	}
	for _, c := range append(contenders(), flowContender()) {
		row := []string{c.name}
		for _, method := range []authMethod{basicOnly, postOnly} {
			requests, err := tokenRequests(c, method)
			cell := strconv.Itoa(requests)
			if err != nil {
				cell += ", refused"
			}
			row = append(row, cell)
			if c.name == ourName {
				s.targets = append(s.targets, target{"token requests of a sign-in, " + string(method), 1, float64(requests), "requests"})
			}
		}
		connections, err := parallelConnections(c)
		if err != nil {
			return nil, err
		}
		s.rows = append(s.rows, append(row, strconv.Itoa(connections), c.lacks))
		if c.name == ourName {
			s.targets = append(s.targets, target{"new connections", 0, float64(connections), "connections"})
		}
	}
	return s, nil
}

// tokenRequests counts those of a first sign-in; the error is the sign-in's.
func tokenRequests(c contender, method authMethod) (int, error) {
	provider, err := newIDP(method, rsaKey())
	if err != nil {
		return 0, err
	}
	defer provider.close()
	opened, err := c.open(context.Background(), provider.issuer(0))
	if err != nil {
		return 0, err
	}
	defer opened.close()
	started, err := begin(provider, provider.issuer(0), opened)
	if err == nil {
		err = started.complete(opened)
	}
	return int(provider.token.Load()), err
}

// parallelConnections counts the connections of the batches after the warm-up.
func parallelConnections(c contender) (int, error) {
	provider, err := newIDP(basicOnly, rsaKey())
	if err != nil {
		return 0, err
	}
	defer provider.close()
	opened, err := c.open(context.Background(), provider.issuer(0))
	if err != nil {
		return 0, err
	}
	defer opened.close()
	first, err := begin(provider, provider.issuer(0), opened)
	if err == nil {
		err = first.complete(opened) // by itself, so that how the client authenticates and the keys are known
	}
	var warm int64
	for i := range warmUps + batches {
		if i == warmUps {
			warm = provider.connections.Load()
		}
		if err == nil {
			err = batch(provider, provider.issuer(0), opened)
		}
	}
	return int(provider.connections.Load() - warm), err
}

// batch completes sign-ins that are all at the token endpoint at once.
func batch(provider *idp, issuer string, opened client) error {
	started := make([]signIn, inParallel)
	for i := range started {
		var err error
		if started[i], err = begin(provider, issuer, opened); err != nil {
			return err
		}
	}
	provider.gather(inParallel)
	errs := make([]error, inParallel)
	var all sync.WaitGroup
	for i, s := range started {
		all.Go(func() { errs[i] = s.complete(opened) })
	}
	all.Wait()
	return errors.Join(errs...)
}
