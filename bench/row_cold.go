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
	clients   []client      // closed at the end alone, since closing one closes the others' connections with some
}

func (r *coldRun) close() {
	for _, c := range r.clients {
		c.close()
	}
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
		defer run.close()
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

// begun is a sign-in of a client that is new.
type begun struct {
	client      client
	issuer, url string
	pending     pending
}

func (r *coldRun) begin() (begun, error) {
	b := begun{issuer: r.provider.issuer(len(r.clients))}
	var err error
	if b.client, err = r.contender.open(context.Background(), b.issuer); err != nil {
		return b, err
	}
	r.clients = append(r.clients, b.client)
	b.url, b.pending, err = b.client.begin(context.Background())
	return b, err
}

// awaitKeys waits until the keys came that a beginning has asked for.
func (r *coldRun) awaitKeys() {
	if r.contender.prefetches {
		<-r.keys
	}
}

// url does not count what is fetched after the URL was given out, but waits until it is over.
func (r *coldRun) url(watch *stopwatch) error {
	_, err := r.begin()
	watch.stop()
	defer watch.start()
	if err == nil {
		r.awaitKeys()
	}
	return err
}

func (r *coldRun) inLine(watch *stopwatch) error {
	b, err := r.begin()
	if err != nil {
		return err
	}
	r.awaitKeys()
	watch.stop()
	return r.end(watch, b)
}

func (r *coldRun) waited(watch *stopwatch) error {
	b, err := r.begin()
	if err != nil {
		return err
	}
	watch.stop()
	r.awaitKeys()
	return r.end(watch, b)
}

// end is the way back, untimed, and the callback.
func (r *coldRun) end(watch *stopwatch, b begun) error {
	started, err := comeBack(r.provider, b.issuer, b.url, b.pending)
	watch.start()
	if err == nil {
		err = started.complete(b.client)
	}
	select {
	case <-r.keys: // fetched in the callback
	default:
	}
	return err
}
