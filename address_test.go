package oidcsso

import (
	"errors"
	"strings"
	"testing"
)

// wantErrorCode fails the test unless err is an *Error with the code.
func wantErrorCode(t *testing.T, err error, code Code) *Error {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Code != code {
		t.Fatalf("error is %v, want an *Error with %s", err, code)
	}
	return e
}

func TestParseAddressAccepted(t *testing.T) {
	t.Parallel()
	label63 := strings.Repeat("a", 63)
	for _, row := range []struct{ name, text, local, domain string }{
		{"plain", "ada@acme.test", "ada", "acme.test"},
		{"case of the local part is kept, of the domain not", "Ada.L@ACME.Test", "Ada.L", "acme.test"},
		{"white space of a paste", " \t\r\nada@acme.test\r\n ", "ada", "acme.test"},
		{"dot at the end", "ada@acme.test.", "ada", "acme.test"},
		{"all of atext", "a#$&'*+-/=?^_`{|}~z@acme.test", "a#$&'*+-/=?^_`{|}~z", "acme.test"},
		{"tag", "ada+sso@acme.test", "ada+sso", "acme.test"},
		{"sub-domain stays one", "ada@sub.acme.test", "ada", "sub.acme.test"},
		{"full-width letter", "ada@ａcme.test", "ada", "acme.test"},
		{"ideographic full stop", "ada@acme。test", "ada", "acme.test"},
		{"soft hyphen", "ada@ac\u00adme.test", "ada", "acme.test"},
		{"zero-width space", "ada@ac\u200bme.test", "ada", "acme.test"},
		{"kelvin sign", "ada@\u212aelvin.test", "ada", "kelvin.test"},
		{"fi ligature", "ada@ﬁrm.test", "ada", "firm.test"},
		{"IDN as a U-label", "ada@Bücher.test", "ada", "xn--bcher-kva.test"},
		{"IDN decomposed", "ada@bu\u0308cher.test", "ada", "xn--bcher-kva.test"},
		{"IDN as an A-label", "ada@XN--BCHER-KVA.test", "ada", "xn--bcher-kva.test"},
		{"sharp s is not ss", "ada@straße.test", "ada", "xn--strae-oqa.test"},
		{"right-to-left", "ada@דוגמה.קום", "ada", "xn--6dbbec0c.xn--9dbq2a"},
		{"look-alike of Latin letters", "ada@acrne.test", "ada", "acrne.test"},
		{"look-alike with a Cyrillic letter", "ada@аcme.test", "ada", "xn--cme-5cd.test"},
		{"digits before a name", "ada@1.2.3.example", "ada", "1.2.3.example"},
		{"local part of 64 bytes", strings.Repeat("l", 64) + "@acme.test", strings.Repeat("l", 64), "acme.test"},
		{"domain of 253 bytes", "a@" + label63 + "." + label63 + "." + label63 + "." + strings.Repeat("a", 61), "a",
			label63 + "." + label63 + "." + label63 + "." + strings.Repeat("a", 61)},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			got, err := ParseAddress(row.text)
			if want := (Address{row.local, row.domain}); err != nil || got != want {
				t.Fatalf("ParseAddress(%q) = %+v, %v, want %+v", row.text, got, err, want)
			}
			if got.String() != row.local+"@"+row.domain {
				t.Errorf("String() = %q", got.String())
			}
		})
	}
}

func TestParseAddressRefused(t *testing.T) {
	t.Parallel()
	label63 := strings.Repeat("a", 63)
	for _, row := range []struct{ name, text string }{
		{"empty", ""},
		{"white space", " \t\n"},
		{"no at", "ada.acme.test"},
		{"at alone", "@"},
		{"no local part", "@acme.test"},
		{"no domain", "ada@"},
		{"second domain behind", "victim@acme.test@free.test"},
		{"second domain before", "ada@free.test@acme.test"},
		{"two ats", "ada@@acme.test"},
		{"full-width at", "ada＠acme.test"},
		{"full-width at inside the domain", "ada@acme＠free.test"},
		{"quoted local part", `"ada"@acme.test`},
		{"quoted at", `"ada@acme.test"@free.test`},
		{"escaped at", `ada\@acme.test@free.test`},
		{"comment", "ada(comment)@acme.test"},
		{"comment in the domain", "ada@(comment)acme.test"},
		{"display name", "Ada <ada@acme.test>"},
		{"angle brackets", "<ada@acme.test>"},
		{"list by comma", "ada@acme.test,eve@free.test"},
		{"list by semicolon", "ada@acme.test;eve@free.test"},
		{"list of one", "ada@acme.test,"},
		{"list by comma before the at", "eve,ada@acme.test"},
		{"percent relay", "victim%acme.test@free.test"},
		{"bang path", "acme.test!victim@free.test"},
		{"source route", "@free.test:victim@acme.test"},
		{"mailto", "mailto:ada@acme.test"},
		{"query", "ada@acme.test?cc=eve@free.test"},
		{"line break with a header", "ada@acme.test\r\nBcc: eve@free.test"},
		{"line break in the local part", "ada\n@acme.test"},
		{"space in the local part", "ada l@acme.test"},
		{"space before the at", "ada @acme.test"},
		{"space behind the at", "ada@ acme.test"},
		{"space in the domain", "ada@acme .test"},
		{"tab in the domain", "ada@acme\t.test"},
		{"no-break space around", "\u00a0ada@acme.test"},
		{"ideographic space in the domain", "ada@acme\u3000.test"},
		{"null byte", "ada@acme.test\x00"},
		{"null byte inside", "ada@acme.test\x00.free.test"},
		{"delete byte", "ada\x7f@acme.test"},
		{"local part outside ASCII", "adä@acme.test"},
		{"zero-width space in the local part", "a\u200bda@acme.test"},
		{"invalid UTF-8 in the local part", "ad\xff@acme.test"},
		{"invalid UTF-8 in the domain, which idna replaces", "ada@acm\xff.test"},
		{"surrogate in the domain", "ada@acm\xed\xa0\x80.test"},
		{"right-to-left override", "ada@acme\u202e.test"},
		{"dot at the beginning", ".ada@acme.test"},
		{"dot before the at", "ada.@acme.test"},
		{"two dots", "ada..l@acme.test"},
		{"single label", "ada@acme"},
		{"single label with a dot", "ada@acme."},
		{"localhost", "root@localhost"},
		{"empty label", "ada@acme..test"},
		{"empty label at the beginning", "ada@.acme.test"},
		{"two dots at the end", "ada@acme.test.."},
		{"ideographic full stop at the end", "ada@acme.test。"},
		{"IPv4 address", "ada@1.2.3.4"},
		{"IPv4 address in full-width digits", "ada@１.２.３.４"},
		{"number as the last label", "ada@acme.1"},
		{"IPv4 literal", "ada@[1.2.3.4]"},
		{"IPv6 literal", "ada@[IPv6:::1]"},
		{"port", "ada@acme.test:25"},
		{"path", "ada@acme.test/x"},
		{"wildcard", "ada@*.acme.test"},
		{"underscore", "ada@ac_me.test"},
		{"hyphen at the beginning of a label", "ada@-acme.test"},
		{"hyphen at the end of a label", "ada@acme-.test"},
		{"hyphens in third and fourth place", "ada@ab--cd.test"},
		{"A-prefix alone", "ada@xn--.test"},
		{"A-prefix as the last label", "ada@acme.xn--"},
		{"A-label of plain ASCII, which idna returns with an error", "ada@xn--acme-.test"},
		{"A-label that decodes to nothing", "ada@xn--\u00fc.test"},
		{"A-label that hides a full-width letter", "ada@xn--cme-n76s.test"},
		{"A-label that hides a replacement character", "ada@xn--acm-7t7s.test"},
		{"replacement character", "ada@acm\ufffd.test"},
		{"unassigned character, which idna replaces", "ada@acm\u0378.test"},
		{"mixed directions", "ada@aדb.test"},
		{"label of 64 bytes", "ada@" + label63 + "a.test"},
		{"domain of 254 bytes", "a@" + label63 + "." + label63 + "." + label63 + "." + strings.Repeat("a", 62)},
		{"local part of 65 bytes", strings.Repeat("l", 65) + "@acme.test"},
		{"321 bytes, mostly white space", "ada@acme.test" + strings.Repeat(" ", 308)},
		{"a megabyte", strings.Repeat("a", 1<<20) + "@acme.test"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			got, err := ParseAddress(row.text)
			e := wantErrorCode(t, err, CodeAddressInvalid)
			if got != (Address{}) {
				t.Errorf("an address came with the error: %+v", got)
			}
			if text := strings.TrimSpace(row.text); len(text) > 3 && strings.Contains(e.Error()+e.Public, text) {
				t.Errorf("the error repeats what was entered: %v", e)
			}
		})
	}
}

// The label's text must not stand in the error either; idna's own errors quote it.
func TestParseAddressErrorQuotesNoLabel(t *testing.T) {
	t.Parallel()
	_, err := ParseAddress("ada@-confidential.test")
	if e := wantErrorCode(t, err, CodeAddressInvalid); strings.Contains(e.Error(), "confidential") {
		t.Errorf("the error quotes the domain: %v", e)
	}
}

func TestStoredAddress(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ name, text, domain string }{
		{"plain", "ada@acme.test", "acme.test"},
		{"another notation of the domain", "ada@ACME.test.", "acme.test"},
		{"padded by a CHAR column", "ada@acme.test      ", "acme.test"},
		{"quoted local part", `"ada"@acme.test`, "acme.test"},
		{"quoted at: the last one counts", `"ada@acme.test"@free.test`, "free.test"},
		{"local part outside ASCII", "adä@acme.test", "acme.test"},
		{"percent", "ada%free.test@acme.test", "acme.test"},
		{"dots at odd places", ".ada..l.@acme.test", "acme.test"},
		{"long local part", strings.Repeat("l", 100) + "@acme.test", "acme.test"},

		{"no at", "ada", ""},
		{"empty", "", ""},
		{"no local part", "@acme.test", ""},
		{"two ats", "victim@acme.test@free.test", ""},
		{"two ats and one quote", `"@acme.test@free.test`, ""},
		{"space in the local part", "ada l@acme.test", ""},
		{"no-break space in the local part", "ada\u00a0l@acme.test", ""},
		{"line break", "ada\n@acme.test", ""},
		{"null byte", "ada\x00@acme.test", ""},
		{"invalid UTF-8", "ada\xff@acme.test", ""},
		{"right-to-left override", "ada\u202e@acme.test", ""},
		{"angle brackets", "<ada@acme.test>", ""},
		{"single label", "ada@acme", ""},
		{"IP address", "ada@1.2.3.4", ""},
		{"malformed domain", "ada@xn--acme-.test", ""},
		{"too long", strings.Repeat("l", 320) + "@acme.test", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			got, err := storedAddress(row.text)
			if got.Domain != row.domain || (err == nil) != (row.domain != "") {
				t.Fatalf("storedAddress(%q) = %+v, %v, want the domain %q", row.text, got, err, row.domain)
			}
		})
	}
}

func TestCanonicalAddressAllocatesNothing(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() {
		if _, err := ParseAddress("ada.lovelace@mail.acme.test"); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzParseAddress(f *testing.F) {
	for _, seed := range []string{
		"ada@acme.test", " Ada@ACME.test. ", "ada@ａcme。test", "ada@bücher.test", "ada@xn--bcher-kva.test", "ada@xn--acme-.test",
		"ada@xn--.test", "victim@acme.test@free.test", `"a@b"@acme.test`, "ada@דוגמה.קום", "a%b@acme.test", "ada@1.2.3.4", "ada@acme.test\x00",
		"ada@a\u200db.test", "ada@straße.test", "ada@acme.test\u3002", "ada@xn--zca.xn--zca", "ada@\u0660.\u0661", "ada@ab--cd.test",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := ParseAddress(text)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Code != CodeAddressInvalid || a != (Address{}) {
				t.Fatalf("ParseAddress(%q) = %+v, %v", text, a, err)
			}
			return
		}
		again, err := ParseAddress(a.String())
		if err != nil || again != a {
			t.Fatalf("ParseAddress(%q) = %+v, but its String gives %+v, %v", text, a, again, err)
		}
		if strings.Count(a.String(), "@") != 1 || !strings.Contains(text, a.Local) {
			t.Fatalf("ParseAddress(%q) = %+v", text, a)
		}
		if name, err := canonicalDomain(a.Domain); err != nil || name != a.Domain {
			t.Fatalf("canonicalDomain(%q) = %q, %v", a.Domain, name, err)
		}
		if strings.Trim(a.Domain, "abcdefghijklmnopqrstuvwxyz0123456789-.") != "" || len(a.Domain) > 253 || !strings.Contains(a.Domain, ".") {
			t.Fatalf("the domain %q is not canonical", a.Domain)
		}
		if stored, err := storedAddress(text); err != nil || stored != a {
			t.Fatalf("storedAddress(%q) = %+v, %v, but ParseAddress gives %+v", text, stored, err, a)
		}
	})
}
