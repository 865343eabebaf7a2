// Command checks proves that tests hold the library's checks: it switches off one check after the other, and expects at
// least one test to fail each time.
//
// A check is marked in the source by a comment on the line of its condition:
//
//	case !login.boundTo(r.Binding): //check:binding
//
// The condition of an if or a case is made false, a bool that is returned is made true, by an overlay: no file is changed.
// Checks that answer the same attack have the same name and go off together.
//
//	checks [-run REGEXP] [-sample N] [-list] [repository]
package main

import (
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"sort"
)

func main() {
	pattern := flag.String("run", "", "only the checks whose name matches this regular expression")
	sample := flag.Int("sample", 0, "only so many checks, chosen at random")
	list := flag.Bool("list", false, "print the checks and where they are, and do nothing")
	flag.Parse()
	root := "."
	if flag.NArg() > 0 {
		root = flag.Arg(0)
	}
	ok, err := run(os.Stdout, root, *pattern, *sample, *list)
	if err != nil {
		fmt.Fprintln(os.Stderr, "checks:", err)
		os.Exit(2)
	}
	if !ok {
		os.Exit(1)
	}
}

// run says whether every chosen check is held by a test.
func run(out io.Writer, root, pattern string, sample int, list bool) (bool, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return false, err
	}
	all, err := find(root)
	if err != nil {
		return false, err
	}
	only, err := regexp.Compile(pattern)
	if err != nil {
		return false, err
	}
	var names []string
	for name := range all {
		if only.MatchString(name) {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	if sample > 0 && sample < len(names) {
		rand.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
		names = names[:sample]
	}
	if len(names) == 0 {
		return false, fmt.Errorf("no check is chosen")
	}
	fmt.Fprintf(out, "%d of %d checks\n", len(names), len(all))
	held := true
	for _, name := range names {
		if list {
			for _, s := range all[name] {
				fmt.Fprintf(out, "%-28s %s\n", name, s.where(root))
			}
			continue
		}
		result, err := switchOff(root, all[name])
		if err != nil {
			return false, fmt.Errorf("%s: %w", name, err)
		}
		fmt.Fprintf(out, "%-28s %s\n", name, result)
		held = held && result.held()
	}
	return held, nil
}
