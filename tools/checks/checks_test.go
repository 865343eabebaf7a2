package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// module is a small one in which one check is held by a test, and one is not.
func module(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module example.test/m\n\ngo 1.26.0\n",
		"m.go": `package m

func ok(n int) bool {
	if n < 0 { //check:negative
		return false
	}
	switch {
	case n == 7, func() bool { return n == 8 }(): //check:odd
		return false
	}
	return small(n)
}

func small(n int) bool {
	return n < 100 //check:small
}
`,
		"m_test.go": `package m

import "testing"

func TestOK(t *testing.T) {
	t.Run("negative", func(t *testing.T) {
		if ok(-1) { t.Error() }
	})
	t.Run("large", func(t *testing.T) {
		if ok(1000) { t.Error() }
	})
}
`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestChecksThatAreHeldAndOneThatIsNot(t *testing.T) {
	var out bytes.Buffer
	ok, err := run(&out, module(t), options{})
	if err != nil || ok {
		t.Errorf("got %v, %v; want false", ok, err)
	}
	for name, want := range map[string]string{"negative": "held by TestOK/negative", "small": "held by TestOK/large", "odd": "NOT HELD: all tests pass without it"} {
		if !strings.Contains(out.String(), name+strings.Repeat(" ", 29-len(name))+want) {
			t.Errorf("%s: want %q in\n%s", name, want, &out)
		}
	}
	out.Reset()
	if ok, err := run(&out, module(t), options{only: "negative|small"}); err != nil || !ok {
		t.Errorf("got %v, %v; want true\n%s", ok, err, &out)
	}
}

func TestMistakesOfMarks(t *testing.T) {
	dir := module(t)
	if _, err := run(&bytes.Buffer{}, dir, options{only: "nothing"}); err == nil {
		t.Error("no check is chosen, and that is no error")
	}
	name := filepath.Join(dir, "stray.go")
	for text, want := range map[string]string{
		"package m\n\nvar x = 1 //check:stray\n":                                          "stray.go:3: the mark stands beside no condition",
		"package m\n\nfunc f(x bool) bool {\n\treturn x // a remark //check:one two\n}\n": "stray.go:4: a mark has one name",
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := run(&bytes.Buffer{}, dir, options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
