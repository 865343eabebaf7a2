package main

import (
	"encoding/json"
	"log/slog"
	"os"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestColoursAreForTerminalsAlone(t *testing.T) {
	t.Parallel()
	_, server := newIdP(t)
	plain, colourful := newRun(t), newRun(t)
	colourful.colour = true
	plain.do("check", server.URL+"/", "-allow-loopback")
	colourful.do("check", server.URL+"/", "-allow-loopback")
	wantPlain(t, plain.out.String())
	without := strings.NewReplacer("\x1b[31m", "", "\x1b[33m", "", "\x1b[0m", "").Replace(colourful.out.String())
	if without != plain.out.String() || !strings.Contains(colourful.out.String(), "\x1b[31merror    \x1b[0m") {
		t.Errorf("with colours it is %q", colourful.out)
	}
}

func TestColoursAreLeftOut(t *testing.T) {
	t.Parallel()
	file, err := os.Open("print.go")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	none := func(string) string { return "" }
	if colourful(file, none) {
		t.Error("a file gets colours")
	}
	device, err := os.Open(os.DevNull) // a character device, as a terminal is
	if err != nil {
		t.Fatal(err)
	}
	defer device.Close()
	if !colourful(device, none) {
		t.Skip("this system's null device is no character device")
	}
	for name, value := range map[string]string{"NO_COLOR": "1", "TERM": "dumb"} {
		if colourful(device, func(asked string) string { return map[string]string{name: value}[asked] }) {
			t.Errorf("%s=%s gets colours", name, value)
		}
	}
}

func TestLongTextsAreWrapped(t *testing.T) {
	t.Parallel()
	word := strings.Repeat("x", 200)
	for text, want := range map[string][]string{
		"":                 {""},
		"a b":              {"a b"},
		"aaaa bbbb cccc":   {"aaaa bbbb", "cccc"},
		"a " + word + " b": {"a", word, "b"},
		"ääää öööö üüü":    {"ääää öööö", "üüü"},
	} {
		if got := wrapped(text, 10); strings.Join(got, "|") != strings.Join(want, "|") {
			t.Errorf("%q becomes %q", text, got)
		}
	}
}

func TestHugeTextsAreCut(t *testing.T) {
	t.Parallel()
	if got := safe(strings.Repeat("ü", 10000)); utf8.RuneCountInString(got) != maxShown+3 || !strings.HasSuffix(got, "ü...") {
		t.Errorf("%d characters are left", utf8.RuneCountInString(got))
	}
}

// Whatever the arguments are, a format prints nothing but its own lines and printable text, and JSON stays the same value.
func FuzzPrint(f *testing.F) {
	f.Add(hostile)
	f.Add("a\xffb\ufffd\U000e0001")
	f.Add("%s%d\\u001b\"")
	f.Fuzz(func(t *testing.T, text string) {
		var b, j strings.Builder
		p := newPrinter(&b, false)
		p.printf("%s %s\n", text, slog.LevelWarn)
		p.row("Name", text)
		p.indented("- ", "  ", text)
		newPrinter(&j, false).json(map[string]string{"text": text})
		wantPlain(t, b.String(), j.String())
		if strings.Count(strings.SplitAfter(b.String(), "warning")[0], "\n") != 0 {
			t.Errorf("%q has a line of its own", text)
		}
		var read map[string]string
		if err := json.Unmarshal([]byte(j.String()), &read); err != nil || utf8.ValidString(text) && read["text"] != text {
			t.Errorf("%q is read as %q, %v", text, read, err)
		}
	})
}
