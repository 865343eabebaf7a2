package main

import (
	"strings"
	"testing"
)

func TestGoodDocuments(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := run("testdata/good", &out); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	if want := "2 documents, 3 blocks of Go\n"; out.String() != want {
		t.Errorf("got %s", &out)
	}
}

func TestBadDocuments(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := run("testdata/bad", &out); err == nil || err.Error() != "11 problems" {
		t.Errorf("error %v", err)
	}
	for _, want := range []string{
		"README.md:3: the link leads nowhere: absent.md\n",
		"README.md:3: the link leads nowhere: #absent\n",
		"README.md:3: the link leads nowhere: ../../main.go\n",
		"README.md:3: there is no such file: absent.go\n",
		"README.md:5: the block stands in no Go file that is compiled; the first 1 of 2 lines do, this one does not: const Answer = 43\n",
		"README.md:10: the block stands in no Go file that is compiled; the first 0 of 1 lines do, this one does not: const notCompiled = 1\n",
		"README.md:14: the block does not compile (its lines are counted from the one below the fence):\n",
		"main.go:6:2: declared and not used: unused\n",
		"README.md:24: the block is empty\n",
		"README.md:28: there is no such file: ./examples/absent\n",
		"README.md:31: the block is not closed\n",
		"docs/guide.md:3: the block stands in no Go file that is compiled; the first 0 of 1 lines do, this one does not: const Answer = 44\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("not reported: %s", want)
		}
	}
	if t.Failed() {
		t.Log(out.String())
	}
}

func TestMissingReadme(t *testing.T) {
	t.Parallel()
	if err := run("testdata/empty", &strings.Builder{}); err == nil || err.Error() != "README.md is missing" {
		t.Errorf("error %v", err)
	}
}
