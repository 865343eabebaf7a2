package oidcsso

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

// declaredCodes are the constants of type Code in codes.go, by name.
func declaredCodes(t *testing.T) map[string]Code {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "codes.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	codes := map[string]Code{}
	for _, declaration := range file.Decls {
		constants, ok := declaration.(*ast.GenDecl)
		if !ok || constants.Tok != token.CONST {
			continue
		}
		for _, spec := range constants.Specs {
			value := spec.(*ast.ValueSpec)
			if kind, ok := value.Type.(*ast.Ident); !ok || kind.Name != "Code" {
				continue
			}
			for i, name := range value.Names {
				text, err := strconv.Unquote(value.Values[i].(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				codes[name.Name] = Code(text)
			}
		}
	}
	return codes
}

// A new code without texts fails here.
func TestEveryCodeHasItsTexts(t *testing.T) {
	t.Parallel()
	codes := declaredCodes(t)
	if len(codes) < 30 || len(codes) != len(codeTexts) {
		t.Errorf("%d codes are declared, %d have texts", len(codes), len(codeTexts))
	}
	statuses := map[Kind][]int{ // what may stand for each kind
		KindRefused:     {http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusBadGateway},
		KindUnavailable: {http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusTooManyRequests},
		KindExpired:     {http.StatusBadRequest, http.StatusConflict},
		KindInvalid:     {http.StatusBadRequest, http.StatusConflict},
	}
	seen := map[Code]string{}
	for name, code := range codes {
		text, ok := codeTexts[code]
		if !ok {
			t.Errorf("%s has no texts", name)
			continue
		}
		if other := seen[code]; other != "" {
			t.Errorf("%s and %s are both %q", name, other, code)
		}
		seen[code] = name
		if words := strings.ToLower(strings.ReplaceAll(string(code), "_", "")); words != strings.ToLower(strings.TrimPrefix(name, "Code")) {
			t.Errorf("%s is called %q", name, code)
		}
		if !slices.Contains(statuses[text.kind], text.status) {
			t.Errorf("%s is %q with status %d", name, text.kind, text.status)
		}
		if code.Kind() != text.kind || code.Error() != "oidcsso: "+string(code) {
			t.Errorf("%s says of itself %q, %q", name, code.Kind(), code.Error())
		}
		for _, sentence := range []string{text.public, text.remedy} {
			if !strings.HasSuffix(sentence, ".") || !unicode.IsUpper([]rune(sentence)[0]) || strings.Contains(sentence, "%") {
				t.Errorf("%s: %q is not a sentence", name, sentence)
			}
		}
		// The person is told nothing of how it works. Cookies are something else: they are a setting of the person's browser.
		for _, word := range []string{"token", "nonce", "issuer", "client", "redirect", "OpenID", "OAuth", "JSON", "Options", "connector"} {
			if strings.Contains(strings.ToLower(text.public), strings.ToLower(word)) {
				t.Errorf("%s: the person reads %q", name, text.public)
			}
		}
	}
}

func TestUnknownCodeIsAFaultOfOurs(t *testing.T) {
	t.Parallel()
	for _, e := range []*Error{{}, {Code: "from_a_later_version"}, newError("from_a_later_version", "", nil)} {
		if e.Kind() != KindUnavailable || e.HTTPStatus() != http.StatusInternalServerError {
			t.Errorf("%q is %q with status %d", e.Code, e.Kind(), e.HTTPStatus())
		}
	}
}

func TestRememberedErrorIsCopied(t *testing.T) {
	t.Parallel()
	cause := errors.New("nothing answers")
	remembered := newError(CodeIssuerMismatch, "", cause).withRemedy("Use %s.", "https://idp.example")
	mine := errorOf(remembered, CodeUnavailable, "acme")
	if mine == remembered || mine.ID == remembered.ID || mine.Connector != "acme" || remembered.Connector != "" {
		t.Errorf("got %+v from %+v", mine, remembered)
	}
	if mine.Code != CodeIssuerMismatch || mine.Remedy != "Use https://idp.example." || !errors.Is(mine, cause) {
		t.Errorf("the copy lost something: %+v", mine)
	}
	other := errorOf(cause, CodeUnavailable, "acme")
	if other.Code != CodeUnavailable || !errors.Is(other, cause) || other.Connector != "acme" {
		t.Errorf("got %+v", other)
	}
}

func TestRemedyIsNotAFormat(t *testing.T) {
	t.Parallel()
	e := newError(CodeIssuerMismatch, "", nil).withRemedy("Use exactly: %s", "https://idp.example/%20%s%n")
	if e.Remedy != "Use exactly: https://idp.example/%20%s%n" {
		t.Errorf("got %q", e.Remedy)
	}
}

func TestHostileTextInErrors(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"plain":                         "plain",
		"":                              "",
		"Zürich 東京":                     "Zürich 東京",
		"a\r\nINFO: forged log line":    "a??INFO: forged log line",
		"a\x00b\x1b[31mred":             "a?b?[31mred",
		"a\u202eb\u2066c\u2028d\ufffde": "a?b?c?d?e",
		"a\xff\xfeb":                    "a?b",
		strings.Repeat("ä", 100):        strings.Repeat("ä", 100),
		strings.Repeat("ä", 101):        strings.Repeat("ä", 100) + "...",
		strings.Repeat("x", 1<<20):      strings.Repeat("x", 100) + "...",
	} {
		if got := plain(text); got != want {
			t.Errorf("%.40q: got %.120q, want %.120q", text, got, want)
		}
	}
}
