package main

import (
	"context"
	"strings"
)

// coldRow is the first sign-in of a client that knows nothing of its identity provider yet. Connections are warm: they are
// pooled per process, not per client.
func coldRow(p plan) ([]*section, error) {
	first, err := coldWork(p, (*coldRun).url)
	if err != nil {
		return nil, err
	}
	whole, err := coldWork(p, (*coldRun).inLine)
	if err != nil {
		return nil, err
	}
	waited, err := coldWork(p, (*coldRun).waited)
	if err != nil {
		return nil, err
	}
	u := timedAlone("First authorization URL on a cold client", "The client is made, discovery is fetched, and the URL is given out.", first, byCPU)
	u.atMost(1.15, first, ourName, bareName)
	w := timedAlone("First completed sign-in on a cold client, all work in line",
		"The row above, the key set and the callback. Who fetches the key set while the person is away waits for it here.", whole, byCPU)
	w.atMost(1.4, whole, ourName, bareName)
	v := timedAlone("First completed sign-in on a cold client, what the person waits for",
		"The same without waiting for what is fetched while the person is at the identity provider, by the clock.", waited, byWall)
	return []*section{u, w, v}, nil
}

// coldRun is one contender at one identity provider, with another issuer for each client.
type coldRun struct {
	contender contender
	provider  *idp
	keys      chan struct{} // has one for each answer with keys
	clients   int
}

func coldWork(p plan, operation func(*coldRun, *stopwatch) error) ([]result, error) {
	var works []work
	for _, c := range contenders() {
		provider, err := newIDP(basicOnly, rsaKey())
		if err != nil {
			return nil, err
		}
		defer provider.close()
		keys := make(chan struct{}, 1)
		provider.served = func(path string) {
			if strings.HasSuffix(path, "/keys") {
				keys <- struct{}{}
			}
		}
		run := &coldRun{contender: c, provider: provider, keys: keys}
		works = append(works, work{name: c.name, note: c.lacks, ready: func(n int) (func(*stopwatch) error, error) {
			return func(watch *stopwatch) error {
				for range n {
					if err := operation(run, watch); err != nil {
						return err
					}
				}
				return nil
			}, nil
		}})
	}
	return p.measure(works)
}

func (r *coldRun) open() (client, string, pending, string, error) {
	r.clients++
	issuer := r.provider.issuer(r.clients)
	opened, err := r.contender.open(context.Background(), issuer)
	if err != nil {
		return nil, "", pending{}, "", err
	}
	u, p, err := opened.begin(context.Background())
	return opened, u, p, issuer, err
}

// url does not count what is fetched after the URL was given out, but waits until it is over.
func (r *coldRun) url(watch *stopwatch) error {
	opened, _, _, _, err := r.open()
	if err != nil {
		return err
	}
	watch.stop()
	defer watch.start()
	if r.contender.prefetches {
		<-r.keys
	}
	opened.close()
	return nil
}

func (r *coldRun) inLine(watch *stopwatch) error {
	opened, u, p, issuer, err := r.open()
	if err != nil {
		return err
	}
	if r.contender.prefetches {
		<-r.keys
	}
	watch.stop()
	started, err := comeBack(r.provider, issuer, u, p)
	watch.start()
	if err != nil {
		return err
	}
	return r.end(watch, opened, started)
}

func (r *coldRun) waited(watch *stopwatch) error {
	opened, u, p, issuer, err := r.open()
	if err != nil {
		return err
	}
	watch.stop()
	if r.contender.prefetches {
		<-r.keys
	}
	started, err := comeBack(r.provider, issuer, u, p)
	watch.start()
	if err != nil {
		return err
	}
	return r.end(watch, opened, started)
}

// end completes the sign-in, and takes note of the keys that were fetched in it.
func (r *coldRun) end(watch *stopwatch, opened client, started signIn) error {
	if err := started.complete(opened); err != nil {
		return err
	}
	watch.stop()
	defer watch.start()
	select {
	case <-r.keys:
	default: // goth asks for none
	}
	opened.close()
	return nil
}
