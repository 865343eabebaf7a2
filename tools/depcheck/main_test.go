package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// module is a tree of files by path. Each test changes one thing about sound.
type module map[string]string

func sound() module {
	return module{
		"go.mod":                        "module example.com/m\n\ngo 1.26.0\n",
		"m.go":                          "package m\n\nimport _ \"example.com/m/internal/a\"\n",
		"m_test.go":                     "package m\n\nimport _ \"testing\"\nimport _ \"example.com/m/oidcssotest\"\n",
		"internal/a/a.go":               "package a\n\nimport _ \"example.com/m/internal/b\"\n",
		"internal/b/b.go":               "package b\n",
		"oidcssotest/oidcssotest.go":    "package oidcssotest\n\nimport _ \"testing\"\n",
		"connectorstore/storetest/s.go": "package storetest\n\nimport _ \"testing\"\n",
		"examples/quickstart/main.go":   "package main\n\nimport _ \"example.com/m/oidcssotest\"\n\nfunc main() {}\n",
		"testdata/long.go":              strings.Repeat("\n", 2*maxTestLines),
	}
}

func (m module) write(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range m {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestSoundModule(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := run(sound().write(t), &out); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	const want = "example.com/m: 0 direct requirements, 6 packages of its own, "
	if !strings.HasPrefix(out.String(), want) {
		t.Errorf("got %s", &out)
	}
}

func TestBrokenModule(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, file, text string
		want             string
	}{
		{"root imports testing", "m.go", "package m\n\nimport _ \"testing\"\n",
			"code for tests is imported: example.com/m -> testing\n"},
		{"root imports a package of testing's tree", "m.go", "package m\n\nimport _ \"testing/fstest\"\n",
			"code for tests is imported: example.com/m -> testing/fstest\n"},
		{"root reaches oidcssotest through internal", "internal/b/b.go", "package b\n\nimport _ \"example.com/m/oidcssotest\"\n",
			"code for tests is imported: example.com/m -> example.com/m/internal/a -> example.com/m/internal/b -> example.com/m/oidcssotest\n" +
				"internal/ reaches out of itself: example.com/m/internal/a -> example.com/m/internal/b -> example.com/m/oidcssotest\n" +
				"internal/ reaches out of itself: example.com/m/internal/b -> example.com/m/oidcssotest\n"},
		{"another package for users imports httptest", "accounts/accounts.go", "package accounts\n\nimport _ \"net/http/httptest\"\n",
			"code for tests is imported: example.com/m/accounts -> net/http/httptest\n"},
		{"another package for users imports the suite", "accounts/accounts.go", "package accounts\n\nimport _ \"example.com/m/connectorstore/storetest\"\n",
			"code for tests is imported: example.com/m/accounts -> example.com/m/connectorstore/storetest\n"},
		{"internal imports the root", "internal/c/c.go", "package c\n\nimport _ \"example.com/m\"\n",
			"internal/ reaches out of itself: example.com/m/internal/c -> example.com/m\n"},
		{"file too long", "long.go", "package m\n" + strings.Repeat("\n", maxLines),
			"long.go: 401 lines; at most 400 are allowed\n"},
		{"test too long", "oidcssotest/long_test.go", "package oidcssotest\n" + strings.Repeat("\n", maxTestLines),
			"long_test.go: 801 lines; at most 800 are allowed\n"},
		{"module replaced", "go.mod", "module example.com/m\n\ngo 1.26.0\n\nreplace example.com/x => ./x\n",
			"go.mod: example.com/x is replaced\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := sound()
			m[tt.file] = tt.text
			var out strings.Builder
			if err := run(m.write(t), &out); err == nil || err.Error() != "failed" {
				t.Fatalf("error %v", err)
			}
			if !strings.HasSuffix(out.String(), tt.want) || strings.Count(out.String(), "\n") != strings.Count(tt.want, "\n") {
				t.Errorf("got:\n%s\nwant:\n%s", &out, tt.want)
			}
		})
	}
}

func TestRequirements(t *testing.T) {
	t.Parallel()
	dir := module{"go.mod": `module example.com/m

go 1.26.0

require (
	github.com/coreos/go-oidc/v3 v3.21.0
	github.com/stretchr/testify v1.9.0
	example.com/deep v1.0.0 // indirect
)
`}.write(t)
	m, err := readMod(dir)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(m.requirements(), "\n")
	const want = "go.mod: direct requirement github.com/stretchr/testify is not one that the design names"
	if got != want || m.direct() != 2 {
		t.Errorf("%d direct requirements; got:\n%s\nwant:\n%s", m.direct(), got, want)
	}
}

func TestForeignImports(t *testing.T) {
	t.Parallel()
	g := &graph{"example.com/m", map[string]*goPackage{
		"example.com/m": {
			ImportPath:   "example.com/m",
			Imports:      []string{"fmt", "github.com/coreos/go-oidc/v3/oidc", "example.com/m/internal/a"},
			TestImports:  []string{"golang.org/x/oauth2evil"},
			XTestImports: []string{"github.com/stretchr/testify"},
		},
		"github.com/coreos/go-oidc/v3/oidc": {Imports: []string{"example.com/deep"}},
	}}
	got := strings.Join(g.foreignImports(), "\n")
	const want = "example.com/m imports github.com/stretchr/testify, which is in no module that the design names\n" +
		"example.com/m imports golang.org/x/oauth2evil, which is in no module that the design names"
	if got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}
