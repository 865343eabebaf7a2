package main

import (
	"fmt"
	"go/ast"
	"go/build"
	"go/doc"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// pkg is one package, reduced to what it exports.
type pkg struct {
	dir  string
	fset *token.FileSet
	doc  *doc.Package
}

// load parses the files of a directory that would be built here, without its tests.
func load(dir string) (*pkg, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	fset := token.NewFileSet()
	var files []*ast.File
	for _, entry := range entries {
		name := entry.Name()
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		if built, err := build.Default.MatchFile(dir, name); err != nil {
			return nil, err
		} else if !built {
			continue
		}
		file, err := parser.ParseFile(fset, filepath.Join(dir, name), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s has no Go files", dir)
	}
	// go/doc drops what is not exported and sorts the rest: methods to their types, constants to theirs.
	d, err := doc.NewFromFiles(fset, files, dir)
	if err != nil {
		return nil, err
	}
	return &pkg{dir, fset, d}, nil
}

// counts are exported package-level names. Methods and fields do not count; a type's constants count once.
type counts struct{ types, funcs, vars, consts int }

func (c counts) total() int { return c.types + c.funcs + c.vars + c.consts }

func (c counts) String() string {
	return fmt.Sprintf("%d exported names (%d types, %d functions, %d variables, %d constants or typed groups of constants)",
		c.total(), c.types, c.funcs, c.vars, c.consts)
}

func (p *pkg) count() counts {
	c := counts{types: len(p.doc.Types), funcs: len(p.doc.Funcs), vars: exported(p.doc.Vars), consts: exported(p.doc.Consts)}
	for _, t := range p.doc.Types {
		c.funcs += len(t.Funcs)
		c.vars += exported(t.Vars)
		if exported(t.Consts) > 0 {
			c.consts++
		}
	}
	return c
}

func exported(values []*doc.Value) int {
	n := 0
	for _, v := range values {
		for _, spec := range v.Decl.Specs {
			n += len(exportedNames(spec.(*ast.ValueSpec).Names))
		}
	}
	return n
}

func exportedNames(idents []*ast.Ident) []*ast.Ident {
	return slices.DeleteFunc(slices.Clone(idents), func(id *ast.Ident) bool { return !id.IsExported() })
}
