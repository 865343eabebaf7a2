// Command load signs people in through oidcsso.Handler for as long as it is told, at the machine's capacity, and watches what
// the backend keeps:
//
//	go run ./load [-duration 15m] [-every 1m] [-workers 8] [-idps 20] [-faulty 10]
//
// The backend is a process of its own, so that its heap and goroutines are not those of the browsers and of the identity
// providers (oidcssotest) here. Each sign-in is of a new browser with a cookie jar, walks every redirect, fills in the
// identity provider's page, and must end as the right person. After each interval the figures are taken while nobody signs in,
// and now and then all identity providers restart with new keys.
//
// With -faulty, that share of the identity providers is down or hangs. They get their share of the sign-ins in every other
// interval, and the figures of the sound ones are compared between the two kinds of interval.
//
// The exit code is 1 if a sign-in failed that should not have, or if something grew.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"time"
)

// settings are what a run is asked for.
type settings struct {
	duration, every       time.Duration
	workers, idps, faulty int // faulty in per cent of the identity providers
}

func main() {
	log.SetFlags(0)
	if os.Getenv(backendVariable) != "" {
		log.Fatal(serveBackend(os.Stdin, os.Stdout))
	}
	var s settings
	flag.DurationVar(&s.duration, "duration", 15*time.Minute, "how long")
	flag.DurationVar(&s.every, "every", time.Minute, "how often figures are taken")
	flag.IntVar(&s.workers, "workers", 8, "how many people sign in at once")
	flag.IntVar(&s.idps, "idps", 20, "how many identity providers there are")
	flag.IntVar(&s.faulty, "faulty", 0, "how many per cent of them are down or hang")
	flag.Parse()
	intervals, err := run(s, os.Stdout)
	if err != nil {
		log.Fatal(err)
	}
	v := judge(intervals)
	fmt.Println(v)
	if !v.passed() {
		os.Exit(1)
	}
}
