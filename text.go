package oidcsso

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// isPlainText says whether s is valid UTF-8 without control characters and without what changes the direction or the
// lines of the text around it.
func isPlainText(s string) bool {
	ascii := true // nearly always, and quickly told
	for i := range len(s) {
		ascii = ascii && ' ' <= s[i] && s[i] < 0x7f
	}
	return ascii || utf8.ValidString(s) && strings.IndexFunc(s, isUnprintable) < 0
}

// plain makes a hostile text fit to stand in a log line or an error: what can't be printed is replaced, and it is cut.
func plain(s string) string { return plainUpTo(s, 100) }

func plainUpTo(s string, limit int) string {
	s = strings.ToValidUTF8(s, "?")
	s = strings.Map(func(r rune) rune {
		if isUnprintable(r) { //check:log-characters
			return '?'
		}
		return r
	}, s)
	if runes := []rune(s); len(runes) > limit { //check:log-length
		return string(runes[:limit]) + "..."
	}
	return s
}

func isUnprintable(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029' || r == utf8.RuneError
}
