package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const tableHead = "# Security\n\n| Attack | Demanded by | Check | Test |\n|---|---|---|---|\n"

// withTable is the small module with rows in its SECURITY.md.
func withTable(t *testing.T, rows ...string) string {
	t.Helper()
	dir := module(t)
	text := tableHead + strings.Join(rows, "\n") + "\n\n| Another | table |\n|---|---|\n| it | is not read |\n"
	if err := os.WriteFile(filepath.Join(dir, "SECURITY.md"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

const (
	rowNegative = "| below zero | RFC 1, 2 | `negative` | `TestOK/negative` |"
	rowSmall    = "| too large | RFC 1, 3 | `small` | `TestOK/large` |"
	rowOdd      = "| seven | the design | `odd` | `TestOK/large` |"
	rowNet      = "| TLS | RFC 1, 4 | crypto/tls | `TestOK/large` |"
)

func TestRows(t *testing.T) {
	for _, test := range []struct {
		name string
		o    options
		rows []string
		ok   bool
		want []string
	}{
		{"one that is held by another test", options{}, []string{rowNegative, rowSmall, rowOdd, rowNet}, false,
			[]string{"3 of 3 checks", "negative                     held by TestOK/negative", "small                        held by TestOK/large",
				"odd                          NOT HELD: without it passes TestOK/large", "-                            held by TestOK/large"}},
		{"only some", options{only: "negative|small"}, []string{rowNegative, rowSmall, rowOdd, rowNet}, true, []string{"2 of 3 checks"}},
		{"two checks that go off together", options{only: "odd"}, []string{rowNegative, rowSmall, "| both | the design | `odd` `small` | `TestOK/large` |"}, true,
			[]string{"odd small                    held by TestOK/large"}},
		{"a subtest that is not there", options{only: "small"}, []string{rowNegative, rowOdd, "| too large | RFC 1, 3 | `small` | `TestOK/larger` |"}, false,
			[]string{"small                        DOES NOT RUN AND PASS WITH IT: TestOK/larger"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var out bytes.Buffer
			test.o.table = "SECURITY.md"
			ok, err := run(&out, withTable(t, test.rows...), test.o)
			if err != nil || ok != test.ok {
				t.Errorf("got %v, %v; want %v", ok, err, test.ok)
			}
			for _, want := range test.want {
				if !strings.Contains(out.String(), want+"\n") {
					t.Errorf("want %q in\n%s", want, &out)
				}
			}
		})
	}
}

func TestTableThatDoesNotFit(t *testing.T) {
	for _, test := range []struct {
		name string
		rows []string
		want string
	}{
		{"a check without a row", []string{rowNegative, rowSmall}, "the check odd is in no row"},
		{"a row without a check", []string{rowNegative, rowSmall, rowOdd, "| old | the design | `gone` | `TestOK` |"}, "line 8: no condition has the mark gone"},
		{"a row without a test", []string{rowNegative, rowSmall, rowOdd, "| old | the design | go-oidc | `TestGone/sub` |"}, "line 8: there is no test TestGone"},
		{"two tests in a row", []string{"| old | the design | `odd` | `TestOK` `TestOK` |"}, "line 5 has not exactly one test in backquotes"},
		{"a column too few", []string{"| old | `odd` | `TestOK` |"}, "line 5 has 3 columns, not 4"},
		{"an empty cell", []string{"| old | | `odd` | `TestOK` |"}, "line 5 has an empty cell"},
		{"no table", nil, "is in no row"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := run(&bytes.Buffer{}, withTable(t, test.rows...), options{table: "SECURITY.md", list: true})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestNameOfSeveralTests(t *testing.T) {
	dir := withTable(t, rowNegative, rowSmall, rowOdd)
	if err := os.Mkdir(filepath.Join(dir, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	text := "package sub\n\nimport \"testing\"\n\nfunc TestOK(t *testing.T) {}\n"
	if err := os.WriteFile(filepath.Join(dir, "sub", "sub_test.go"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := run(&bytes.Buffer{}, dir, options{table: "SECURITY.md", list: true})
	if want := "line 5: TestOK is the name of several tests, in . and ./sub"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
}
