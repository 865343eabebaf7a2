// Command depcheck guards the shape of the module: few direct requirements, nothing of the tests in what users import,
// layers that point one way, short files. It needs no code that compiles, only imports that can be resolved.
//
//	depcheck [module directory]
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

// allowed are the modules that the library may require directly. Each further one is a decision about what its users have
// to trust.
var allowed = []string{
	"github.com/coreos/go-oidc/v3",
	"github.com/go-jose/go-jose/v4",
	"golang.org/x/net",
	"golang.org/x/oauth2",
	"golang.org/x/sync",
}

func main() {
	flag.Parse()
	dir := "."
	if flag.NArg() > 0 {
		dir = flag.Arg(0)
	}
	if err := run(dir, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "depcheck:", err)
		os.Exit(1)
	}
}

func run(dir string, out io.Writer) error {
	mod, err := readMod(dir)
	if err != nil {
		return err
	}
	long, err := longFiles(dir)
	if err != nil {
		return err
	}
	g, err := readGraph(dir, mod.Module.Path)
	if err != nil {
		return err
	}
	var problems []string
	for _, found := range [][]string{mod.requirements(), long, g.foreignImports(), g.testCode(), g.layers()} {
		problems = append(problems, found...)
	}
	for _, problem := range problems {
		fmt.Fprintln(out, problem)
	}
	if len(problems) > 0 {
		return errors.New("failed")
	}
	fmt.Fprintf(out, "%s: %d direct requirements, %d packages of its own, %d in all\n",
		mod.Module.Path, mod.direct(), len(g.own()), len(g.packages))
	return nil
}
