package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"

	"github.com/oidcsso/oidcsso/internal/benchwork"
)

// idTokenRow has a table for each algorithm. Our row is from the root package's BenchmarkIDToken, since no exported function
// of it verifies an ID token alone: its test binary runs once per round, with raw go-oidc and the bare work in it. The other
// peers' rows are from this process, and their ratios to raw go-oidc and the bare work here.
func idTokenRow(p plan) ([]*section, error) {
	ours, err := rootBenchmark(p)
	if err != nil {
		return nil, err
	}
	var sections []*section
	about := "12 to 21 of the contract of Finish, and the Identity, beside raw go-oidc's Verify, nonce and Claims; " +
		"these three in the root package's benchmark, the others in a process with raw go-oidc and the bare work of their own."
	for _, key := range benchwork.Keys() {
		own := ours[key.Alg]
		s := timed("ID token, "+key.Alg, about, own)
		about = ""
		s.atMost(1.0, own, ourName, goOIDCName)
		s.atMostAllocs(110, own, ourName)
		others, err := peerTokens(p, key)
		if err != nil {
			return nil, err
		}
		for i, row := range timed("", "", others).rows {
			if name := others[i].name; name != bareName && name != goOIDCName {
				s.rows = append(s.rows, row)
			}
		}
		sections = append(sections, s)
	}
	return sections, nil
}

func peerTokens(p plan, key *benchwork.Key) ([]result, error) {
	provider, err := newIDP(basicOnly, key)
	if err != nil {
		return nil, err
	}
	defer provider.close()
	const nonce = "cCjljUTnZPnmm7Fu9AIi0w"
	ctx := context.Background()
	issuer := provider.issuer(0)
	token := key.IDToken(issuer, clientID, nonce)
	var works []work
	for _, c := range contenders() {
		opened, err := c.open(ctx, issuer)
		if err != nil {
			return nil, err
		}
		defer opened.close()
		verify := opened.verifier(key, nonce)
		if verify == nil {
			continue
		}
		w := repeated(c.name, func() error {
			subject, err := verify(ctx, token)
			if err == nil && subject != benchwork.Subject {
				err = fmt.Errorf("the subject is %q", subject)
			}
			return err
		})
		w.note = c.lacks
		works = append(works, w)
	}
	return p.measure(works)
}

// rootBenchmark builds the root package's tests, runs BenchmarkIDToken once per round and gives the results by algorithm.
func rootBenchmark(p plan) (map[string][]result, error) {
	dir, err := os.MkdirTemp("", "oidcsso-bench")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "root.test")
	if output, err := exec.Command("go", "test", "-c", "-o", binary, "github.com/oidcsso/oidcsso").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building the root package's tests: %w\n%s", err, output)
	}
	found := map[string][]result{}
	for round := range p.rounds {
		for i := range len(rootNames) {
			name := rootNames[(i+round)%len(rootNames)]
			cmd := exec.Command(binary, "-test.run=^$", "-test.bench=^BenchmarkIDToken$/.*/^"+name+"$", "-test.benchtime="+p.slice.String())
			output, err := cmd.CombinedOutput()
			if err != nil {
				return nil, fmt.Errorf("the root package's benchmark: %w\n%s", err, output)
			}
			lines := benchmarkLine.FindAllSubmatch(output, -1)
			if len(lines) != len(benchwork.Keys()) {
				return nil, fmt.Errorf("the root package's benchmark printed other results:\n%s", output)
			}
			for _, line := range lines {
				alg := string(line[1])
				found[alg] = record(found[alg], name, line[3:])
			}
		}
	}
	for _, results := range found {
		for i := range results {
			if results[i].name == "go-oidc" {
				results[i].name = goOIDCName
			}
		}
	}
	return found, nil
}

// rootNames are the rows of BenchmarkIDToken.
var rootNames = []string{bareName, ourName, "go-oidc"}

var benchmarkLine = regexp.MustCompile(`(?m)^BenchmarkIDToken/(\w+)/([\w-]+?)(?:-\d+)?\s+\d+\s+([\d.]+) ns/op\s+([\d.]+) cpu-ns/op\s+(\d+) B/op\s+(\d+) allocs/op`)

// record adds a round to the result of that name.
func record(results []result, name string, figures [][]byte) []result {
	at := -1
	for i := range results {
		if results[i].name == name {
			at = i
		}
	}
	if at < 0 {
		results = append(results, result{name: name})
		at = len(results) - 1
	}
	r := &results[at]
	for i, to := range []*[]float64{&r.wall, &r.cpu, &r.bytes, &r.allocs} {
		n, _ := strconv.ParseFloat(string(figures[i]), 64)
		*to = append(*to, n)
	}
	return results
}
