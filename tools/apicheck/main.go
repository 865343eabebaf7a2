// Command apicheck reads Go packages as their users see them. It prints how many exported names each has, and fails when
// there are more than allowed or when one has no comment. It only parses, so it works on code that does not compile.
//
//	apicheck [-max n] directory...
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "apicheck:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("apicheck", flag.ContinueOnError)
	limit := flags.Int("max", 0, "most exported types, functions and variables that a package may have; 0: any number")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() == 0 {
		return errors.New("no directory given")
	}
	failed := false
	for _, dir := range flags.Args() {
		pkg, err := load(dir)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "package %s: %s\n", pkg.doc.Name, pkg.count())
		if n := pkg.count().total(); *limit > 0 && n > *limit {
			failed = true
			fmt.Fprintf(out, "%s: package %s has %d exported names; at most %d are allowed\n", dir, pkg.doc.Name, n, *limit)
		}
		for _, problem := range pkg.undocumented() {
			failed = true
			fmt.Fprintln(out, problem)
		}
	}
	if failed {
		return errors.New("failed")
	}
	return nil
}
