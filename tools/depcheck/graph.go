package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// graph is what the module's packages import, by import path, without tests but for the two lists that name them.
type graph struct {
	module   string
	packages map[string]*goPackage
}

type goPackage struct {
	ImportPath   string
	Name         string
	Standard     bool
	Imports      []string
	TestImports  []string
	XTestImports []string
}

func readGraph(dir, module string) (*graph, error) {
	text, err := goCommand(dir, "list", "-deps", "-json=ImportPath,Name,Standard,Imports,TestImports,XTestImports", "./...")
	if err != nil {
		return nil, err
	}
	g := &graph{module, map[string]*goPackage{}}
	for decoder := json.NewDecoder(bytes.NewReader(text)); ; {
		p := &goPackage{}
		if err := decoder.Decode(p); errors.Is(err, io.EOF) {
			return g, nil
		} else if err != nil {
			return nil, err
		}
		g.packages[p.ImportPath] = p
	}
}

// within says whether an import path is root or below it.
func within(path, root string) bool { return path == root || strings.HasPrefix(path, root+"/") }

// own are the module's packages, sorted.
func (g *graph) own() []string {
	var own []string
	for path := range g.packages {
		if within(path, g.module) {
			own = append(own, path)
		}
	}
	slices.Sort(own)
	return own
}

// foreignImports finds direct imports, of tests too, that go.mod may have marked as indirect.
func (g *graph) foreignImports() []string {
	var problems []string
	for _, path := range g.own() {
		p := g.packages[path]
		imports := slices.Concat(p.Imports, p.TestImports, p.XTestImports)
		slices.Sort(imports)
		for _, imported := range slices.Compact(imports) {
			host, _, _ := strings.Cut(imported, "/")
			standard := !strings.Contains(host, ".")
			known := slices.ContainsFunc(allowed, func(module string) bool { return within(imported, module) })
			if !standard && !known && !within(imported, g.module) {
				problems = append(problems, fmt.Sprintf("%s imports %s, which is in no module that the design names", path, imported))
			}
		}
	}
	return problems
}

// forTests are the packages that are for tests themselves.
var forTests = []string{"oidcssotest", "connectorstore/storetest"}

// testCode finds packages for users that reach code for tests, at any depth.
func (g *graph) testCode() []string {
	isForTests := func(path string) bool {
		return slices.ContainsFunc(forTests, func(dir string) bool { return within(path, g.module+"/"+dir) })
	}
	forbidden := func(path string) bool {
		return within(path, "testing") || path == "net/http/httptest" || isForTests(path)
	}
	var problems []string
	for _, path := range g.own() {
		if !g.forUsers(path) || isForTests(path) {
			continue
		}
		if chain := g.chain(path, forbidden); chain != nil {
			problems = append(problems, "code for tests is imported: "+strings.Join(chain, " -> "))
		}
	}
	return problems
}

// forUsers says whether a package of the module is meant to be imported by others.
func (g *graph) forUsers(path string) bool {
	rest := strings.TrimPrefix(strings.TrimPrefix(path, g.module), "/")
	return g.packages[path].Name != "main" && !within(rest, "examples") && !slices.Contains(strings.Split(rest, "/"), "internal")
}

// layers finds packages in internal/ that reach a package outside it: the root builds on them, never they on it.
func (g *graph) layers() []string {
	internal := g.module + "/internal"
	outside := func(path string) bool { return within(path, g.module) && !within(path, internal) }
	var problems []string
	for _, path := range g.own() {
		if !within(path, internal) {
			continue
		}
		if chain := g.chain(path, outside); chain != nil {
			problems = append(problems, "internal/ reaches out of itself: "+strings.Join(chain, " -> "))
		}
	}
	return problems
}

// chain is a shortest chain of imports from a package to one that is wanted, nil if there is none. Packages of the standard
// library are looked at but not into: what they import is not our doing.
func (g *graph) chain(from string, wanted func(string) bool) []string {
	seen := map[string]bool{from: true}
	for queue := [][]string{{from}}; len(queue) > 0; queue = queue[1:] {
		chain := queue[0]
		p := g.packages[chain[len(chain)-1]]
		if p == nil || p.Standard {
			continue
		}
		for _, next := range p.Imports {
			if seen[next] {
				continue
			}
			seen[next] = true
			longer := append(slices.Clone(chain), next)
			if wanted(next) {
				return longer
			}
			queue = append(queue, longer)
		}
	}
	return nil
}
