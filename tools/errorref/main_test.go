package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const errorsGo = `package sso

type Kind string

const (
	// KindRefused: somebody decided
	// against it.
	KindRefused Kind = "refused"
	// KindInvalid: it is not well formed.
	KindInvalid Kind = "invalid"
)

const other = 1 << 3
`

const codesGo = `package sso

import "net/http"

type Code string

const (
	// What keeps it from starting.
	CodeUnknown Code = "unknown"
	CodeInvalid Code = "params_invalid"

	// What may *happen* later.
	CodeDenied Code = "denied"
)

const publicAgain = "Please sign in again."

var codeTexts = map[Code]codeText{
	CodeDenied:  {KindRefused, http.StatusForbidden, publicAgain, "Add <them>, as in [1]."},
	CodeInvalid: {KindInvalid, http.StatusBadRequest, "Not valid.", "Correct the link."},
	CodeUnknown: {KindRefused, http.StatusInternalServerError, ` + "`Nothing \"there\".`" + `, "Create it."},
}
`

// wanted follows the introduction.
const wanted = `- **refused**: Somebody decided against it.
- **invalid**: It is not well formed.

## What keeps it from starting

### ¬unknown¬

*refused*, status 500, ¬CodeUnknown¬

- The person reads: "Nothing "there"."
- For the administrator: Create it.

### ¬params_invalid¬

*invalid*, status 400, ¬CodeInvalid¬

- The person reads: "Not valid."
- For the administrator: Correct the link.

## What may \*happen\* later

### ¬denied¬

*refused*, status 403, ¬CodeDenied¬

- The person reads: "Please sign in again."
- For the administrator: Add \<them>, as in \[1].
`

// repository is a directory with the two files.
func repository(t *testing.T, codes, errors string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range map[string]string{"codes.go": codes, "errors.go": errors} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestWhatIsWritten(t *testing.T) {
	t.Parallel()
	root := repository(t, codesGo, errorsGo)
	var out strings.Builder
	if err := run(root, false, &out); err != nil {
		t.Fatal(err)
	}
	if want := "docs/errors.md: 3 codes in 2 groups\n"; out.String() != want {
		t.Errorf("said %q, want %q", &out, want)
	}
	got, err := os.ReadFile(filepath.Join(root, "docs", "errors.md"))
	if err != nil {
		t.Fatal(err)
	}
	if want := introduction + strings.ReplaceAll(wanted, "¬", "`"); string(got) != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	root := repository(t, codesGo, errorsGo)
	name := filepath.Join(root, "docs", "errors.md")
	check := func(want string) {
		t.Helper()
		if err := run(root, true, &strings.Builder{}); err == nil && want != "" || err != nil && err.Error() != want {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	const advice = " is not what the code says; go run -C tools ./errorref .. writes it anew"
	check("docs/errors.md:1" + advice)
	if _, err := os.Stat(name); !os.IsNotExist(err) {
		t.Errorf("the check wrote something: %v", err)
	}
	if err := run(root, false, &strings.Builder{}); err != nil {
		t.Fatal(err)
	}
	check("")

	written, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Count(string(written), "\n")
	for text, line := range map[string]string{
		strings.Replace(string(written), "# Errors", "# Error", 1): "3",
		string(written) + "more\n":                                 strconv.Itoa(lines + 1),
		strings.TrimSuffix(string(written), "\n"):                  strconv.Itoa(lines + 1),
	} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		check("docs/errors.md:" + line + advice)
		if kept, err := os.ReadFile(name); err != nil || string(kept) != text {
			t.Errorf("the check changed the file: %v", err)
		}
	}
}

// What can't be read must be said, since a code that is left out silently is worse than no reference.
func TestWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, old, new, want string }{
		{"a code without texts", "\tCodeDenied:", "\t//", "codes.go:13:2: CodeDenied has no texts in codeTexts"},
		{"texts of no code", "CodeDenied Code =", "codeDenied =", "codeTexts has CodeDenied, which is no constant of type Code"},
		{"no table", "var codeTexts", "var texts", "there is no table codeTexts"},
		{"a table that is made elsewhere", "map[Code]codeText{", "makeTexts(), map[Code]codeText{", "there is no table codeTexts"},
		{"a code above every heading", "\t// What keeps it from starting.\n", "", "codes.go:8:2: CodeUnknown stands below no comment that could be a heading"},
		{"two codes in a line", `CodeInvalid Code = "params_invalid"`, `CodeInvalid, CodeB Code = "a", "b"`, "codes.go:10:2: a Code must have one name and one value"},
		{"a code that is computed", `"params_invalid"`, `"params" + "_invalid"`, "codes.go:10:21: neither a string"},
		{"a sentence that is computed", `"Not valid."`, `say("Not valid.")`, "codes.go:20:52: neither a string"},
		{"a sentence that is a number", `"Not valid."`, `1`, "codes.go:20:52: neither a string"},
		{"a sentence of another file", "publicAgain,", "elsewhere,", "codes.go:19:51: neither a string"},
		{"a status that is a number", "http.StatusForbidden", "403", "codes.go:19:29: not a status of net/http"},
		{"a status that does not exist", "http.StatusForbidden", "http.StatusForbid", "codes.go:19:29: not a status of net/http"},
		{"an entry with names", `{KindInvalid, http.StatusBadRequest, "Not valid.", "Correct the link."}`, `{kind: KindInvalid}`, "codes.go:20:2: an entry is not CodeName"},
		{"an entry without a code", "CodeInvalid: {Kind", "{Kind", "codes.go:20:2: an entry without a code"},
		{"no Go", "package sso", "packet sso", "codes.go:1:1: expected 'package', found packet"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(codesGo, test.old) {
				t.Fatal("the row changes nothing")
			}
			root := repository(t, strings.Replace(codesGo, test.old, test.new, 1), errorsGo)
			err := run(root, false, &strings.Builder{})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
			if _, err := os.Stat(filepath.Join(root, "docs")); !os.IsNotExist(err) {
				t.Errorf("something was written: %v", err)
			}
		})
	}
	if err := run(t.TempDir(), false, &strings.Builder{}); err == nil {
		t.Error("a directory without the files was read")
	}
}

func TestThisRepository(t *testing.T) {
	t.Parallel()
	if err := run("../..", true, &strings.Builder{}); err != nil {
		t.Error(err)
	}
}
