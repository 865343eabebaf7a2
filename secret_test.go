package oidcsso_test

import (
	"bytes"
	"database/sql"
	"database/sql/driver"
	"encoding/base64"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/oidcsso/oidcsso"
)

const tellTale = "t3ll-t4le"

// hidesSecrets has a secret in each place from which reflection could print it.
type hidesSecrets struct {
	Exported   oidcsso.Secret
	unexported oidcsso.Secret
	pointer    *oidcsso.Secret
	list       []oidcsso.Secret
	table      map[string]oidcsso.Secret
	any        any
	key        oidcsso.SealKey
	keys       []oidcsso.SealKey
	config     oidcsso.Config
	tokens     *oidcsso.Tokens
	login      *oidcsso.Login
}

// telling is what must not be printed: the text, and the bytes of the key and of the Login, in each notation that fmt has.
func telling(t *testing.T) (hidesSecrets, []string) {
	t.Helper()
	secret := oidcsso.NewSecret(tellTale)
	keyBytes := []byte("abcdefghijklmnopqrstuvwxyz012345")
	key, err := oidcsso.NewSealKey(keyBytes)
	if err != nil {
		t.Fatal(err)
	}
	cfg := soundConfig()
	cfg.ClientSecret, cfg.NextClientSecret = oidcsso.NewSecret(tellTale+" of now"), secret
	u, login, err := newWorld(document(worldIssuer)).connector(t).Begin(t.Context(), oidcsso.BeginParams{Binding: "session", Data: []byte("pr1vate")})
	if err != nil {
		t.Fatal(err)
	}
	h := hidesSecrets{
		secret, secret, &secret, []oidcsso.Secret{secret}, map[string]oidcsso.Secret{"a": secret}, secret, key, []oidcsso.SealKey{key}, cfg,
		&oidcsso.Tokens{Access: secret, Refresh: secret, ID: secret}, login,
	}
	texts := []string{tellTale, string(keyBytes), "pr1vate", login.State(), query(t, u).Get("nonce")}
	for _, raw := range [][]byte{[]byte(tellTale), keyBytes} {
		texts = append(texts, fmt.Sprintf("%x", raw), fmt.Sprintf("%X", raw), fmt.Sprintf("%v", raw)[1:20], fmt.Sprintf("%#v", raw)[8:40],
			fmt.Sprintf("% x", raw), fmt.Sprintf("%#x", raw), fmt.Sprintf("%o", raw)[1:20], fmt.Sprintf("%b", raw)[1:30],
			base64.StdEncoding.EncodeToString(raw), base64.RawURLEncoding.EncodeToString(raw))
	}
	return h, texts
}

func mustHide(t *testing.T, how, printed string, texts []string) {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(printed, text) {
			t.Errorf("%s tells %q: %s", how, text, printed)
		}
	}
}

func TestSecretsRedactThemselvesUnderEveryVerb(t *testing.T) {
	t.Parallel()
	h, texts := telling(t)
	values := map[string]any{
		"a Secret": h.Exported, "a *Secret": h.pointer, "a list": h.list, "a table": h.table, "a SealKey": h.key, "keys": h.keys,
		"a Config": h.config, "Tokens": *h.tokens, "*Tokens": h.tokens, "a struct": h, "a pointer to a struct": &h, "a Login": h.login,
		"an array": [1]oidcsso.Secret{h.Exported}, "a table by secrets": map[oidcsso.Secret]int{h.Exported: 1}, "an any": []any{h.any, h.key},
	}
	for name, value := range values {
		for _, verb := range "vTtbcdoOqxXUeEfFgGsp" {
			for _, flags := range []string{"", "+", "#", "-20", " ", "0", ".3", "+#"} {
				format := "%" + flags + string(verb)
				mustHide(t, name+" under "+format, fmt.Sprintf(format, value), texts)
			}
		}
		mustHide(t, name+" by Sprint", fmt.Sprint(value), texts)
		mustHide(t, name+" as an argument too many", fmt.Sprintf("%d"[:0], value), texts)
		mustHide(t, name+" as an error", fmt.Errorf("failed: %v", value).Error(), texts)
	}
	for _, format := range []string{"%v", "%s", "%q", "%x", "%d", "%#v"} {
		if got := fmt.Sprintf(format, h.Exported); got != "[redacted]" {
			t.Errorf("%s is %s", format, got)
		}
		if got := fmt.Sprintf(format, oidcsso.Secret{}); got != "" {
			t.Errorf("%s of no secret is %s", format, got)
		}
		if got := fmt.Sprintf(format, h.key); got != "[redacted]" {
			t.Errorf("%s of a key is %s", format, got)
		}
	}
}

func TestSecretsRedactThemselvesInLogs(t *testing.T) {
	t.Parallel()
	h, texts := telling(t)
	var log bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
		logger := slog.New(handler).With("with", h.Exported)
		logger.Info("message", "secret", h.Exported, "pointer", h.pointer, "list", h.list, "table", h.table, "key", h.key, "keys", h.keys,
			"config", h.config, "tokens", h.tokens, "login", h.login, "struct", h, "group", slog.GroupValue(slog.Any("any", h.any)))
	}
	mustHide(t, "the log", log.String(), texts)
	for _, part := range []string{`secret=[redacted]`, `"secret":"[redacted]"`, `with=[redacted]`, `"key":"[redacted]"`} {
		if !strings.Contains(log.String(), part) {
			t.Errorf("the log lacks %s: %s", part, log.String())
		}
	}
}

func TestSecretsRedactThemselvesWhereTheyAreMarshalled(t *testing.T) {
	t.Parallel()
	h, texts := telling(t)
	for name, value := range map[string]any{
		"a Secret": h.Exported, "a *Secret": h.pointer, "a list": h.list, "a table": h.table, "a table by secrets": map[oidcsso.Secret]int{h.Exported: 1},
		"a SealKey": h.key, "keys": h.keys, "a Config": h.config, "Tokens": h.tokens, "a Login": h.login, "a struct": h,
	} {
		text, err := json.Marshal(value)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		mustHide(t, name+" as JSON", string(text), texts)
	}
	for want, value := range map[string]any{
		`"[redacted]"`: h.Exported, `""`: oidcsso.Secret{}, `["[redacted]"]`: h.list, `{"a":"[redacted]"}`: h.table,
	} {
		if got, _ := json.Marshal(value); string(got) != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	text, err := xml.Marshal(struct {
		XMLName   struct{}       `xml:"a"`
		Attribute oidcsso.Secret `xml:"b,attr"`
		Element   oidcsso.Secret `xml:"c"`
	}{Attribute: h.Exported, Element: h.Exported})
	if err != nil || string(text) != `<a b="[redacted]"><c>[redacted]</c></a>` {
		t.Errorf("as XML: %s, %v", text, err)
	}
	for name, value := range map[string]any{"a Secret": h.Exported, "a SealKey": h.key, "a Login": h.login} {
		var stream bytes.Buffer
		if err := gob.NewEncoder(&stream).Encode(value); err == nil {
			t.Errorf("gob takes %s", name)
		}
		mustHide(t, name+" in gob", stream.String(), texts)
	}
}

// A redacted text in a table would be read back as the secret. So no driver takes one.
func TestSecretsAreNotStored(t *testing.T) {
	t.Parallel()
	h, _ := telling(t)
	for name, value := range map[string]any{"a Secret": h.Exported, "a *Secret": h.pointer, "a SealKey": h.key, "no Secret": oidcsso.Secret{}} {
		if stored, err := driver.DefaultParameterConverter.ConvertValue(value); err == nil {
			t.Errorf("%s is stored as %v", name, stored)
		}
		if _, ok := value.(driver.Valuer); ok {
			t.Errorf("%s is a Valuer", name)
		}
	}
	if _, ok := any(new(oidcsso.Secret)).(sql.Scanner); ok {
		t.Error("a Secret is a Scanner")
	}
}

func TestPrintOfASecretDoesNotBecomeOne(t *testing.T) {
	t.Parallel()
	cfg := soundConfig()
	text, _ := json.Marshal(cfg)
	for _, print := range []string{string(text), `{"client_secret":"` + fmt.Sprint(cfg.ClientSecret) + `"}`} {
		back := soundConfig()
		if err := json.Unmarshal([]byte(print), &back); err != nil {
			t.Fatal(err)
		}
		_, err := oidcsso.NewConnector(back, soundOptions())
		if got := fieldNames(problems(t, err)); got != "client_secret" {
			t.Errorf("%s: got problems with %s", print, got)
		}
	}
}

func TestSecretFromJSON(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{`"s3cret"`: "s3cret", `"a\u0062\"\\"`: `ab"\`, `""`: "", `null`: ""} {
		s := oidcsso.NewSecret("before")
		if err := json.Unmarshal([]byte(text), &s); err != nil || s.Reveal() != want || s.IsZero() != (want == "") {
			t.Errorf("%s: got %q, %v", text, s.Reveal(), err)
		}
	}
	for _, text := range []string{`4815162342`, `["` + tellTale + `"]`, `{"a":"` + tellTale + `"}`, `true`} {
		s := oidcsso.NewSecret("before")
		err := json.Unmarshal([]byte(text), &s)
		if err == nil || !strings.Contains(err.Error(), "JSON string") {
			t.Errorf("%s: got %v", text, err)
			continue
		}
		mustHide(t, "the error", err.Error(), []string{tellTale, "4815162342"})
		if s.Reveal() != "before" {
			t.Errorf("%s: it changed the secret", text)
		}
	}
}

func TestSecretEqual(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		a, b string
		want bool
	}{{"a", "a", true}, {"a", "b", false}, {"a", "ab", false}, {"a", "", false}, {"", "", true}, {"a", "A", false}} {
		if got := oidcsso.NewSecret(row.a).Equal(oidcsso.NewSecret(row.b)); got != row.want {
			t.Errorf("%q and %q: %t", row.a, row.b, got)
		}
	}
	if !oidcsso.NewSecret("").IsZero() || (oidcsso.Secret{}).Reveal() != "" || oidcsso.NewSecret("x").IsZero() {
		t.Error("the empty secret is not the zero one")
	}
}

func TestSealKeyFromBytes(t *testing.T) {
	t.Parallel()
	random := []byte("abcdefghijklmnopqrstuvwxyz012345")
	if _, err := oidcsso.NewSealKey(random); err != nil {
		t.Error(err)
	}
	for name, secret := range map[string][]byte{
		"none": nil, "empty": {}, "31 bytes": random[:31], "33 bytes": append(random[:32:32], 'x'), "16 bytes": random[:16], "64 bytes": append(random, random...),
		"all zero": make([]byte, 32), "all 0xff": bytes.Repeat([]byte{0xff}, 32), "all x": bytes.Repeat([]byte{'x'}, 32),
	} {
		if _, err := oidcsso.NewSealKey(secret); err == nil {
			t.Errorf("%s: it is accepted", name)
		} else if len(secret) > 0 {
			mustHide(t, name, err.Error(), []string{string(secret)})
		}
	}
}

func TestSealKeyKeepsItsOwnCopy(t *testing.T) {
	t.Parallel()
	_, login := begun(t)
	secret := []byte("abcdefghijklmnopqrstuvwxyz012345")
	key, _ := oidcsso.NewSealKey(secret)
	same, _ := oidcsso.NewSealKey(secret)
	clear(secret)
	text, err := login.Seal(key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := oidcsso.OpenLogin([]oidcsso.SealKey{same}, text); err != nil {
		t.Errorf("clearing the bytes changed the key: %v", err)
	}
}

func begun(t *testing.T) (string, *oidcsso.Login) {
	t.Helper()
	u, login, err := newWorld(document(worldIssuer)).connector(t).Begin(t.Context(), oidcsso.BeginParams{Binding: "session", ReturnTo: "/home"})
	if err != nil {
		t.Fatal(err)
	}
	return u, login
}

func TestParseSealKey(t *testing.T) {
	t.Parallel()
	secret := []byte("\xfb\xff\xfe0123456789abcdefghijklmnopqrs")
	std, url := base64.StdEncoding.EncodeToString(secret), base64.URLEncoding.EncodeToString(secret)
	if !strings.ContainsAny(std, "+/") || !strings.ContainsAny(url, "-_") {
		t.Fatal("the alphabets do not differ in this key")
	}
	_, login := begun(t)
	want, _ := oidcsso.NewSealKey(secret)
	text, err := login.Seal(want)
	if err != nil {
		t.Fatal(err)
	}
	for _, setting := range []string{std, strings.TrimRight(std, "="), url, strings.TrimRight(url, "="), " " + std + "\n"} {
		key, err := oidcsso.ParseSealKey(setting)
		if err != nil {
			t.Errorf("%q: %v", setting, err)
			continue
		}
		if _, err := oidcsso.OpenLogin([]oidcsso.SealKey{key}, text); err != nil {
			t.Errorf("%q is another key: %v", setting, err)
		}
	}
	for name, setting := range map[string]string{
		"empty": "", "spaces": "  ", "no base64": "not a key, but a sentence of some length", "31 bytes": base64.StdEncoding.EncodeToString(secret[:31]),
		"33 bytes": base64.StdEncoding.EncodeToString(append(secret, 'x')), "hexadecimal": fmt.Sprintf("%x", secret), "all zero": strings.Repeat("A", 43) + "=",
		"bits beyond the end": strings.TrimRight(std, "=")[:42] + "9", "padding in the middle": std[:20] + "=" + std[20:],
	} {
		_, err := oidcsso.ParseSealKey(setting)
		if err == nil {
			t.Errorf("%s: it is accepted", name)
		} else if strings.TrimSpace(setting) != "" {
			mustHide(t, name, err.Error(), []string{setting, string(secret[:20])})
		}
	}
}

func TestRandomSealKeysDiffer(t *testing.T) {
	t.Parallel()
	_, login := begun(t)
	first, second := oidcsso.RandomSealKey(), oidcsso.RandomSealKey()
	text, err := login.Seal(first)
	if err != nil {
		t.Fatal(err)
	}
	_, err = oidcsso.OpenLogin([]oidcsso.SealKey{second}, text)
	wantFailure(t, err, oidcsso.CodeLoginMissing)
	if _, err := oidcsso.OpenLogin([]oidcsso.SealKey{second, first}, text); err != nil {
		t.Errorf("with both keys: %v", err)
	}
}

func TestSealedLoginComesBackWhole(t *testing.T) {
	t.Parallel()
	_, login := begun(t)
	key := oidcsso.RandomSealKey()
	text, err := login.Seal(key)
	if err != nil {
		t.Fatal(err)
	}
	if len(text) > 400 || strings.Trim(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" {
		t.Errorf("the text does not fit into a cookie: %s", text)
	}
	back, err := oidcsso.OpenLogin([]oidcsso.SealKey{key}, text)
	if err != nil {
		t.Fatal(err)
	}
	if back.State() != login.State() || back.Connector() != "acme" || back.ReturnTo() != "/home" || back.Expires().Unix() != login.Expires().Unix() {
		t.Errorf("it came back as %q, %q, %q, %v", back.State(), back.Connector(), back.ReturnTo(), back.Expires())
	}
	again, err := login.Seal(key)
	if err != nil || again == text {
		t.Errorf("sealed twice, it is the same text: %v", err)
	}
}

func TestSealedLoginIsNotForged(t *testing.T) {
	t.Parallel()
	_, login := begun(t)
	key := oidcsso.RandomSealKey()
	keys := []oidcsso.SealKey{{}, key} // a zero key opens nothing and stands in nobody's way
	text, err := login.Seal(key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := oidcsso.OpenLogin(keys, text); err != nil {
		t.Fatal(err)
	}
	flip := func(i int) string {
		raw, _ := base64.RawURLEncoding.DecodeString(text)
		raw[(i+len(raw))%len(raw)] ^= 1
		return base64.RawURLEncoding.EncodeToString(raw)
	}
	for name, forged := range map[string]string{
		"empty": "", "a word": "open-sesame", "no base64": "=" + text, "padded": text + "=", "with a space": text + " ", "cut": text[:len(text)-4],
		"longer": text + "AAAA", "its first bit": flip(0), "a bit of the nonce": flip(10), "a bit of the text": flip(60), "its last bit": flip(-1),
		"zeros": strings.Repeat("A", 200), "five kilobytes": strings.Repeat("A", 5000),
	} {
		_, err := oidcsso.OpenLogin(keys, forged)
		if e := wantFailure(t, err, oidcsso.CodeLoginMissing); forged != "" && strings.Contains(e.Error(), forged) {
			t.Errorf("%s: the error quotes it: %v", name, err)
		}
	}
	_, err = oidcsso.OpenLogin(nil, text)
	wantFailure(t, err, oidcsso.CodeLoginMissing)
	if _, err := login.Seal(oidcsso.SealKey{}); err == nil {
		t.Error("the zero key seals")
	}
}

func TestTokensPrintTheirExpiryOnly(t *testing.T) {
	t.Parallel()
	tokens := oidcsso.Tokens{Access: oidcsso.NewSecret(tellTale), Expiry: time.Unix(0, 0).UTC()}
	if got := fmt.Sprintf("%+v", tokens); got != "{Access:[redacted] Refresh: ID: Expiry:1970-01-01 00:00:00 +0000 UTC}" {
		t.Errorf("got %s", got)
	}
}

func TestSealedTextThatNoCookieCouldCarry(t *testing.T) {
	t.Parallel()
	w := newWorld(document(worldIssuer))
	opts := w.options()
	redirectURL := "https://app.example.com/" + strings.Repeat("a", 1500)
	opts.ExclusiveRedirectURLs = []string{redirectURL}
	cfg := soundConfig()
	cfg.Issuer, cfg.RedirectURL = worldIssuer, redirectURL
	c, err := oidcsso.NewConnector(cfg, opts)
	if err != nil {
		t.Fatal(err)
	}
	for size, fits := range map[int]bool{0: true, 512: true, 1024: false} {
		_, login, err := c.Begin(t.Context(), oidcsso.BeginParams{Binding: "session", ReturnTo: strings.Repeat("b", size), Data: make([]byte, 512)})
		if err != nil {
			t.Fatal(err)
		}
		key := oidcsso.RandomSealKey()
		text, err := login.Seal(key)
		if (err == nil) != fits {
			t.Errorf("%d bytes: got %d characters, %v", size, len(text), err)
		}
		if err != nil {
			continue
		}
		if _, err := oidcsso.OpenLogin([]oidcsso.SealKey{key}, text); err != nil {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}

func TestFlowRefusesKeysThatAreNone(t *testing.T) {
	t.Parallel()
	a, b := oidcsso.RandomSealKey(), oidcsso.RandomSealKey()
	opts := soundOptions()
	for name, keys := range map[string][]oidcsso.SealKey{"none": nil, "a zero one": {a, {}}, "one twice": {a, b, a}} {
		_, err := oidcsso.NewFlow(opts, oidcsso.NewRouter(opts), &oidcsso.FlowOptions{Keys: keys})
		if got := fieldNames(problems(t, err)); got != "keys" {
			t.Errorf("%s: got problems with %s", name, got)
		}
	}
	if _, err := oidcsso.NewFlow(opts, oidcsso.NewRouter(opts), &oidcsso.FlowOptions{Keys: []oidcsso.SealKey{a, b}}); err != nil {
		t.Error(err)
	}
}
