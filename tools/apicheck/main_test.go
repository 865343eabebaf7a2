package main

import (
	"strings"
	"testing"
)

func TestGoodPackage(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := run([]string{"-max", "11", "testdata/good"}, &out); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	// Types: Colour, Code, Thing, Doer, List. Groups: Colour's, Code's, and Beside alone.
	const want = "package good: 11 exported names (5 types, 1 functions, 2 variables, 3 constants or typed groups of constants)\n"
	if out.String() != want {
		t.Errorf("got  %swant %s", out.String(), want)
	}
}

func TestTooManyNames(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := run([]string{"-max", "10", "testdata/good"}, &out); err == nil {
		t.Fatal("11 names passed a limit of 10")
	}
	const want = "testdata/good: package good has 11 exported names; at most 10 are allowed\n"
	if !strings.HasSuffix(out.String(), want) {
		t.Errorf("got %s", &out)
	}
}

func TestMissingComments(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := run([]string{"testdata/bad"}, &out); err == nil {
		t.Fatal("missing comments passed")
	}
	_, got, _ := strings.Cut(out.String(), "\n")
	const want = `testdata/bad: package bad has no comment
testdata/bad/bad.go:3:1: NoComment has no comment
testdata/bad/bad.go:3:24: NoComment.Field has no comment
testdata/bad/bad.go:9:2: Thing.Right has no comment
testdata/bad/bad.go:11:2: Thing.Options has no comment
testdata/bad/bad.go:12:3: Thing.Deep has no comment
testdata/bad/bad.go:16:1: Thing.Method has no comment
testdata/bad/bad.go:21:1: List.Len has no comment
testdata/bad/bad.go:25:2: Doer.Do has no comment
testdata/bad/bad.go:30:1: Derived.Promoted has no comment
testdata/bad/bad.go:35:1: Function has no comment
testdata/bad/bad.go:37:7: Constant has no comment
testdata/bad/bad.go:40:2: First has no comment
testdata/bad/bad.go:43:2: Third has no comment
testdata/bad/bad.go:46:5: Variable has no comment
`
	if got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestUnusableInput(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"no directory":             {},
		"directory that is absent": {"testdata/absent"},
		"directory without Go":     {"testdata"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := run(args, &strings.Builder{}); err == nil {
				t.Error("passed")
			}
		})
	}
}
