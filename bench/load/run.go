package main

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"time"
)

// interval is what happened between two looks at the backend.
type interval struct {
	warmUp   bool            // what the backend keeps may still grow
	faults   bool            // faulty identity providers had their share of the sign-ins
	took     time.Duration   // until the last worker was done
	sound    []time.Duration // sign-ins at sound identity providers
	faulty   []time.Duration // attempts at faulty ones, which ended as they should
	failures []error         // of either
	kept     kept
	open     int // connections that the backend keeps to identity providers; each has two goroutines
}

const (
	// warmUp is how long what the backend keeps may grow: idle connections are closed after 90 seconds.
	warmUp = 100 * time.Second
	// restartEvery is more than the 30 seconds in which unknown keys make the library fetch keys once only.
	restartEvery = 45 * time.Second
)

// maxFaulty bounds the attempts at faulty identity providers that wait at once.
const maxFaulty = 256

func run(s settings, out io.Writer) ([]interval, error) {
	b, err := startBackend()
	if err != nil {
		return nil, err
	}
	defer b.stop()
	faulty := 0
	if s.faulty > 0 {
		faulty = max(1, s.idps*s.faulty/100)
	}
	all, err := startIDPs(s.idps, faulty, b.origin)
	defer func() {
		for _, p := range all {
			p.server.Close()
		}
	}()
	if err != nil {
		return nil, err
	}
	if faulty >= len(all) {
		return nil, errors.New("no identity provider is sound")
	}
	customers := make([]customer, len(all))
	for i, p := range all {
		customers[i] = p.customer
		if p.fault != "" {
			fmt.Fprintf(out, "%s %s\n", p.ID, p.fault)
		}
	}
	if err := b.configure(customers); err != nil {
		return nil, err
	}
	t := &traffic{backend: b.origin, workers: s.workers, sound: all[:len(all)-faulty], faulty: all[len(all)-faulty:]}
	fmt.Fprintln(out, header)
	var intervals []interval
	restarted := time.Now()
	start := time.Now()
	for range max(1, int(s.duration/s.every)) {
		i := t.flow(s.every, faulty > 0 && len(intervals)%2 == 1)
		network.CloseIdleConnections()
		if i.kept, err = b.kept(); err != nil {
			return nil, err
		}
		for _, p := range all {
			i.open += int(p.open.Load())
		}
		i.warmUp = time.Since(start) <= min(warmUp, s.duration/4)
		intervals = append(intervals, i)
		fmt.Fprintln(out, i.line(len(intervals)))
		if time.Since(restarted) > restartEvery {
			restarted = time.Now()
			for _, p := range all {
				p.restart()
			}
		}
	}
	return intervals, nil
}

// traffic is who signs in.
type traffic struct {
	backend       string
	workers       int
	sound, faulty []*idp
}

// flow has the workers sign people in, one after the other, and waits for the last ones.
func (t *traffic) flow(during time.Duration, faults bool) interval {
	i := interval{faults: faults}
	var mu sync.Mutex
	record := func(durations *[]time.Duration, took time.Duration, err error) {
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			i.failures = append(i.failures, err)
			return
		}
		*durations = append(*durations, took)
	}
	start := time.Now()
	var working, attempts sync.WaitGroup
	waiting := make(chan struct{}, maxFaulty)
	for range t.workers {
		working.Go(func() {
			for first := true; first || time.Since(start) < during; first = false {
				if faults && rand.IntN(len(t.sound)+len(t.faulty)) < len(t.faulty) {
					select {
					case waiting <- struct{}{}: // a worker does not wait for it: the arrivals at the sound ones must not change
						attempts.Go(func() {
							p := t.faulty[rand.IntN(len(t.faulty))]
							took, err := timed(t.backend, p)
							record(&i.faulty, took, expected(p, err))
							<-waiting
						})
					default:
					}
					continue
				}
				took, err := timed(t.backend, t.sound[rand.IntN(len(t.sound))])
				record(&i.sound, took, err)
			}
		})
	}
	working.Wait()
	i.took = time.Since(start)
	attempts.Wait()
	return i
}

func timed(backend string, p *idp) (time.Duration, error) {
	start := time.Now()
	err := signIn(backend, p)
	return time.Since(start), err
}

// expected says what is wrong with how an attempt at a faulty identity provider ended.
func expected(p *idp, err error) error {
	switch {
	case errors.Is(err, errUnavailable):
		return nil
	case err == nil:
		return fmt.Errorf("%s %s, and yet somebody signed in", p.ID, p.fault)
	}
	return fmt.Errorf("%s %s: %w", p.ID, p.fault, err)
}
