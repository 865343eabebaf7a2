package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// printer writes text for a person. Everything that is put into a format loses its control characters, so that nobody else's
// text can move the cursor, change the title of the window or forge a line.
type printer struct {
	w      io.Writer
	colour bool
}

func newPrinter(w io.Writer, colour bool) *printer { return &printer{w, colour} }

// colourful says whether text may have colours (https://no-color.org).
func colourful(f *os.File, getenv func(string) string) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && getenv("NO_COLOR") == "" && getenv("TERM") != "dumb"
}

// block is text of this program's own, which may have several lines.
type block string

func (p *printer) printf(format string, args ...any) {
	for i, arg := range args {
		switch arg := arg.(type) {
		case block:
		case int:
		case slog.Level:
			args[i] = p.level(arg)
		default:
			args[i] = safe(fmt.Sprint(arg))
		}
	}
	fmt.Fprintf(p.w, format, args...)
}

// level is a word and a space, as wide for each level.
func (p *printer) level(level slog.Level) string {
	word, colour := "info", ""
	switch {
	case level >= slog.LevelError:
		word, colour = "error", "31"
	case level >= slog.LevelWarn:
		word, colour = "warning", "33"
	}
	word = fmt.Sprintf("%-9s", word)
	if !p.colour || colour == "" {
		return word
	}
	return "\x1b[" + colour + "m" + word + "\x1b[0m"
}

const width = 100 // characters of a line

// row prints a name and its value, which goes on below itself where it is long. An empty value is left out.
func (p *printer) row(name string, value string) {
	if value == "" {
		return
	}
	const column = 26
	for i, line := range wrapped(safe(value), width-column) {
		if i > 0 {
			name = ""
		}
		p.printf("  %s%s\n", block(fmt.Sprintf("%-*s", column-2, name)), line)
	}
}

// indented prints text that goes on below itself where it is long.
func (p *printer) indented(first, indent, text string) {
	for i, line := range wrapped(safe(text), width-len(indent)) {
		if i > 0 {
			first = indent
		}
		p.printf("%s%s\n", block(first), line)
	}
}

// wrapped divides a text between words. A word that is longer than a line stays whole, so that a URL can be copied.
func wrapped(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}

const maxShown = 4000 // characters of one value; the longest are authorization URLs

// safe makes a foreign text fit for a terminal: only what unicode calls printable stays, which leaves out control characters,
// those that change the direction of text, and all white space but the space.
func safe(text string) string {
	text = strings.Map(func(r rune) rune {
		if !printable(r) { //check:terminal-characters
			return '?'
		}
		return r
	}, text)
	if runes := []rune(text); len(runes) > maxShown { //check:terminal-length
		return string(runes[:maxShown]) + "..."
	}
	return text
}

func printable(r rune) bool { return r != utf8.RuneError && unicode.IsPrint(r) }

// json writes one object. What can't be printed is escaped, since it will be read on a terminal as well.
func (p *printer) json(value any) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(value); err != nil { // only of a type that has no JSON
		panic(err)
	}
	var escaped strings.Builder
	for _, r := range b.String() { // outside ASCII only strings have anything
		switch {
		case r == '\n' || printable(r):
			escaped.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&escaped, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&escaped, `\u%04x`, r)
		}
	}
	io.WriteString(p.w, escaped.String())
}

// here puts this program's flags in the place of what the library's remedies tell a developer.
var here = strings.NewReplacer(
	"the developer can allow it, for tests and demonstrations, with Options.Egress.InsecureAllowLoopback", "-allow-loopback allows it",
	"the backend's developer can allow its network in Options.Egress or EgressFor", "-allow-prefix NETWORK allows its network here, and -allow-loopback this machine; in a backend that is Options.Egress",
)
