// Command bench measures the same work through this library and its peers, in one run, and prints the tables with ratios and
// the targets beside them:
//
//	go run . [-rounds 24] [-slice 20ms] [-only url,callback] [-md ../docs/benchmarks.md]
//
// In each round every contender runs once, each time in another order; the figures are medians over the rounds.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"slices"
	"strings"
	"time"
)

// families are the row families, in the order of the report.
var families = []struct {
	name string
	run  func(plan) ([]*section, error)
}{
	{"url", urlRow},
	{"idtoken", idTokenRow},
	{"callback", callbackRow},
	{"cold", coldRow},
	{"memory", memoryRow},
	{"lookup", lookupRow},
	{"many", manyRow},
	{"seal", sealRow},
}

func main() {
	log.SetFlags(0)
	var p plan
	flag.IntVar(&p.rounds, "rounds", 24, "how often each contender runs; at least 6 for figures that are worth keeping")
	flag.DurationVar(&p.slice, "slice", 20*time.Millisecond, "how long a contender runs in one round, about")
	only := flag.String("only", "", "the row families to run, divided by commas (default all)")
	markdown := flag.String("md", "", "also write the report to this file, as markdown")
	flag.Parse()
	sections, err := run(p, *only)
	if err == nil && *markdown != "" {
		err = writeMarkdown(*markdown, p, sections)
	}
	if err != nil {
		log.Fatal(err)
	}
}

func run(p plan, only string) ([]*section, error) {
	var wanted []string
	if only != "" {
		wanted = strings.Split(only, ",")
	}
	fmt.Println(machine(), "-", p)
	var all []*section
	for _, family := range families {
		if wanted != nil && !slices.Contains(wanted, family.name) {
			continue
		}
		sections, err := family.run(p)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", family.name, err)
		}
		for _, s := range sections {
			s.text(os.Stdout)
		}
		all = append(all, sections...)
	}
	fmt.Printf("\n%s\n", summary(all))
	return all, nil
}

func (p plan) String() string {
	return fmt.Sprintf("medians of %d rounds of about %s", p.rounds, p.slice)
}
