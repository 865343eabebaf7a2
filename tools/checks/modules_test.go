package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// withModule adds a nested module that tests package sub, which has a check of its own.
func withModule(t *testing.T, rows ...string) string {
	t.Helper()
	dir := withTable(t, rows...)
	for name, text := range map[string]string{
		"sub/sub.go":         "package sub\n\nfunc Full(n int) bool {\n\tif n > 9 { //check:full\n\t\treturn true\n\t}\n\treturn false\n}\n",
		"nested/go.mod":      "module example.test/m/nested\n\ngo 1.26.0\n\nreplace example.test/m => ../\n\nrequire example.test/m v0.0.0\n",
		"nested/it_test.go":  "package nested\n\nimport (\n\t\"testing\"\n\n\t\"example.test/m/sub\"\n)\n\nfunc TestNested(t *testing.T) {\n\tt.Run(\"full\", func(t *testing.T) {\n\t\tif !sub.Full(10) {\n\t\t\tt.Error()\n\t\t}\n\t})\n}\n",
		"unnamed/go.mod":     "module example.test/m/unnamed\n\ngo 1.26.0\n",
		"unnamed/it_test.go": "package unnamed\n\nimport \"testing\"\n\nfunc TestUnnamed(t *testing.T) {}\n\nfunc TestOK(t *testing.T) {}\n",
	} {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const rowFull = "| too many | the design | `full` | `TestNested/full` |"

func TestCheckHeldByATestOfANestedModule(t *testing.T) {
	dir := withModule(t, rowNegative, rowSmall, "| seven | the design | `odd` | `TestOK/negative` |", rowFull)
	var out bytes.Buffer
	ok, err := run(&out, dir, options{table: "SECURITY.md", modules: []string{"nested", "gone"}, only: "full|small"})
	if want := "full                         held by TestNested/full\n"; err != nil || !ok || !strings.Contains(out.String(), want) {
		t.Errorf("got %v, %v; want %q in\n%s", ok, err, want, &out)
	}
	out.Reset()
	ok, err = run(&out, dir, options{modules: []string{"nested"}, only: "full"}) // without a table
	if want := "full                         held by TestNested/full\n"; err != nil || !ok || !strings.Contains(out.String(), want) {
		t.Errorf("got %v, %v; want %q in\n%s", ok, err, want, &out)
	}
	for _, modules := range [][]string{nil, {"gone"}} {
		_, err = run(&bytes.Buffer{}, dir, options{table: "SECURITY.md", modules: modules, list: true})
		if want := "there is no test TestNested"; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", modules, err, want)
		}
	}
	_, err = run(&bytes.Buffer{}, dir, options{table: "SECURITY.md", modules: []string{"nested", "unnamed"}, list: true})
	if want := "TestOK is the name of several tests, in . and ./unnamed"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
}

func TestModuleOfAPackage(t *testing.T) {
	b := &binaries{modules: []string{"nested", "other"}}
	for pkg, want := range map[string][2]string{".": {"", "."}, "./sub": {"", "./sub"}, "./nested": {"nested", "."},
		"./nested/deep": {"nested", "./deep"}, "./nestedtoo": {"", "./nestedtoo"}} {
		if dir, inside := b.module(pkg); [2]string{dir, inside} != want {
			t.Errorf("%s: %q, %q; want %q", pkg, dir, inside, want)
		}
	}
}
