package keyset

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/oidcsso/oidcsso/internal/strictjson"
)

func TestMalformedTokenIsRefusedBeforeAnyFetch(t *testing.T) {
	t.Parallel()
	good := signed(rsa2048(), "RS256", "k1")
	parts := strings.Split(good, ".")
	header := func(raw string) string { return sign(rsa2048(), "RS256", raw) }
	flattened, err := json.Marshal(map[string]string{"protected": parts[0], "payload": parts[1], "signature": parts[2]})
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		jwt  string
		want error
	}{
		"nothing":                       {"", ErrMalformed},
		"one part":                      {parts[0], ErrMalformed},
		"two parts":                     {parts[0] + "." + parts[1], ErrMalformed},
		"four parts":                    {good + "." + parts[2], ErrMalformed},
		"four parts, the last empty":    {good + ".", ErrMalformed},
		"five parts, as an encrypted":   {good + ".AAAA.AAAA", ErrMalformed},
		"only dots":                     {"..", ErrMalformed},
		"header is empty":               {"." + parts[1] + "." + parts[2], ErrMalformed},
		"payload is empty":              {parts[0] + ".." + parts[2], ErrMalformed},
		"signature is empty":            {parts[0] + "." + parts[1] + ".", ErrMalformed},
		"JSON serialisation":            {string(flattened), ErrMalformed},
		"white space in front":          {" " + good, ErrMalformed},
		"line break at the end":         {good + "\n", ErrMalformed},
		"line break in the header":      {parts[0][:8] + "\r\n" + parts[0][8:] + "." + parts[1] + "." + parts[2], ErrMalformed},
		"line break in the payload":     {parts[0] + "." + parts[1][:8] + "\n" + parts[1][8:] + "." + parts[2], ErrMalformed},
		"line break in the signature":   {parts[0] + "." + parts[1] + "." + parts[2][:8] + "\n" + parts[2][8:], ErrMalformed},
		"padding":                       {good + "==", ErrMalformed},
		"standard base64 alphabet":      {parts[0] + "." + parts[1] + "." + "+/" + parts[2][2:], ErrMalformed},
		"left-over bits set":            {parts[0] + "." + parts[1] + "." + leftOver(parts[2]), ErrMalformed},
		"64 KiB and one byte":           {good + strings.Repeat("A", MaxTokenLength+1-len(good)), ErrMalformed},
		"header is no JSON":             {header(`alg=RS256`), ErrMalformed},
		"header is an array":            {header(`["alg","RS256"]`), ErrMalformed},
		"header has trailing data":      {header(`{"alg":"RS256"}{}`), ErrMalformed},
		"alg twice":                     {header(`{"alg":"none","alg":"RS256"}`), ErrMalformed},
		"alg and ALG":                   {header(`{"alg":"RS256","ALG":"none"}`), ErrMalformed},
		"kid twice":                     {header(`{"alg":"RS256","kid":"k1","kid":"k2"}`), ErrMalformed},
		"lone surrogate in kid":         {header(`{"alg":"RS256","kid":"\ud800"}`), ErrMalformed},
		"invalid UTF-8 in kid":          {header("{\"alg\":\"RS256\",\"kid\":\"\xff\"}"), ErrMalformed},
		"kid is a number":               {header(`{"alg":"RS256","kid":1}`), ErrMalformed},
		"kid is null":                   {header(`{"alg":"RS256","kid":null}`), ErrMalformed},
		"typ is an array":               {header(`{"alg":"RS256","typ":["JWT"]}`), ErrMalformed},
		"alg is an array":               {header(`{"alg":["RS256"]}`), ErrMalformed},
		"critical extension":            {header(`{"alg":"RS256","crit":["exp"],"exp":1}`), ErrMalformed},
		"critical extensions, none":     {header(`{"alg":"RS256","crit":[]}`), ErrMalformed},
		"critical extensions are null":  {header(`{"alg":"RS256","crit":null}`), ErrMalformed},
		"payload not encoded":           {header(`{"alg":"RS256","b64":false,"crit":["b64"]}`), ErrMalformed},
		"payload not encoded, uncrit":   {header(`{"alg":"RS256","b64":false}`), ErrMalformed},
		"payload encoded, by a string":  {header(`{"alg":"RS256","b64":"true"}`), ErrMalformed},
		"no alg":                        {header(`{"kid":"k1"}`), ErrAlgorithm},
		"alg is Alg":                    {header(`{"Alg":"RS256"}`), ErrAlgorithm},
		"alg is empty":                  {header(`{"alg":""}`), ErrAlgorithm},
		"alg none":                      {header(`{"alg":"none"}`), ErrAlgorithm},
		"alg none, without a signature": {b64([]byte(`{"alg":"none"}`)) + "." + parts[1] + ".", ErrAlgorithm},
		"alg NONE":                      {header(`{"alg":"NONE"}`), ErrAlgorithm},
		"alg HS256":                     {header(`{"alg":"HS256","kid":"k1"}`), ErrAlgorithm},
		"alg HS384":                     {header(`{"alg":"HS384"}`), ErrAlgorithm},
		"alg HS512":                     {header(`{"alg":"HS512"}`), ErrAlgorithm},
		"alg ES256K":                    {header(`{"alg":"ES256K"}`), ErrAlgorithm},
		"alg RSA-OAEP":                  {header(`{"alg":"RSA-OAEP"}`), ErrAlgorithm},
		"alg rs256":                     {header(`{"alg":"rs256"}`), ErrAlgorithm},
		"alg with a space":              {header(`{"alg":"RS256 "}`), ErrAlgorithm},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newIDP(jwks(jwk(rsa2048().Public(), kid("k1"))))
			p.refuses(t, tc.jwt, tc.want)
			p.wantFetches(t, 0)
		})
	}
}

// leftOver sets a bit of the last character that decoding drops, which gives the same bytes in another spelling.
func leftOver(part string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, part[len(part)-1])
	return part[:len(part)-1] + alphabet[last|1:last|1+1]
}

func TestTokenOfTheGreatestLengthIsVerified(t *testing.T) {
	t.Parallel()
	p := newIDP(jwks(jwk(edKey().Public())))
	greatest, payload := tokenOfLength(t, MaxTokenLength)
	got, err := p.VerifySignature(t.Context(), greatest)
	if err != nil || string(got) != payload {
		t.Fatalf("%d bytes of payload, %v", len(got), err)
	}
	longer, _ := tokenOfLength(t, MaxTokenLength+1)
	p.refuses(t, longer, ErrMalformed)
}

// tokenOfLength pads header and payload until their encodings have the length together.
func tokenOfLength(t *testing.T, length int) (jwt, payload string) {
	t.Helper()
	for spaces := range 3 {
		header := `{"alg":"EdDSA"` + strings.Repeat(" ", spaces) + `}`
		room := length - len(signPayload(edKey(), "EdDSA", header, ""))
		for size := room/4*3 - 3; size <= room/4*3+3; size++ {
			payload = strings.Repeat("x", size)
			if jwt = signPayload(edKey(), "EdDSA", header, payload); len(jwt) == length {
				return jwt, payload
			}
		}
	}
	t.Fatalf("no token of %d bytes", length)
	return "", ""
}

// A token may carry or name a key of its sender's own. Neither is looked at, and nothing is fetched but the key set.
func TestKeyOfTheTokenItselfIsIgnored(t *testing.T) {
	t.Parallel()
	for name, more := range map[string]string{
		"jwk":         `"jwk":` + jwk(rsaOther().Public()),
		"jku":         `"jku":"http://127.0.0.1:1/keys"`,
		"x5c":         `"x5c":["bm90IGEgY2VydGlmaWNhdGU="]`,
		"x5u":         `"x5u":"http://127.0.0.1:1/cert"`,
		"x5c, broken": `"x5c":{"not":"an array"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newIDP(jwks(jwk(rsa2048().Public(), kid("k1"))))
			header := fmt.Sprintf(`{"alg":"RS256","kid":"k1",%s}`, more)
			p.accepts(t, sign(rsa2048(), "RS256", header))
			p.wantFetches(t, 1)
			p.refuses(t, sign(rsaOther(), "RS256", header), ErrSignature)
			p.wantFetches(t, 2)
			p.accepts(t, sign(rsa2048(), "RS256", header))
			p.wantFetches(t, 2)
		})
	}
}

func TestExplicitlyEncodedPayloadIsVerified(t *testing.T) {
	t.Parallel()
	p := newIDP(jwks(jwk(edKey().Public())))
	p.accepts(t, sign(edKey(), "EdDSA", `{"alg":"EdDSA","b64":true}`))
}

// headerOf reads a token as far as its header.
func headerOf(jwt string) (alg, kid, typ string, err error) {
	t, err := parseToken(jwt)
	if err != nil {
		return "", "", "", err
	}
	return t.alg, t.kid, t.typ, nil
}

func TestHeader(t *testing.T) {
	t.Parallel()
	tail := ".e30.AAAA"
	for name, tc := range map[string]struct {
		jwt           string
		alg, kid, typ string
		want          error
	}{
		"all three":        {b64([]byte(`{"typ":"logout+jwt","alg":"ES256","kid":"k1"}`)) + tail, "ES256", "k1", "logout+jwt", nil},
		"only alg":         {b64([]byte(`{"alg":"EdDSA"}`)) + tail, "EdDSA", "", "", nil},
		"escaped kid":      {b64([]byte(`{"alg":"EdDSA","kid":"\u006b1"}`)) + tail, "EdDSA", "k1", "", nil},
		"alg HS256":        {b64([]byte(`{"alg":"HS256","kid":"k1"}`)) + tail, "", "", "", ErrAlgorithm},
		"five parts":       {b64([]byte(`{"alg":"RS256"}`)) + ".AAAA.AAAA.AAAA.AAAA", "", "", "", ErrMalformed},
		"longer than most": {strings.Repeat("A", MaxTokenLength) + tail, "", "", "", ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			alg, kid, typ, err := headerOf(tc.jwt)
			if alg != tc.alg || kid != tc.kid || typ != tc.typ || !errors.Is(err, tc.want) || (err != nil) != (tc.want != nil) {
				t.Fatalf("header %q, %q, %q, %v", alg, kid, typ, err)
			}
		})
	}
}

// Everything in a token or a key set is somebody else's, and error texts end up in logs.
func TestErrorTextQuotesNothing(t *testing.T) {
	t.Parallel()
	const secret = "s3cr3t"
	p := newIDP(jwks(jwk(rsa2048().Public(), kid("k1"))))
	for name, jwt := range map[string]string{
		"kid":            signed(rsa2048(), "RS256", secret),
		"alg":            sign(rsa2048(), "RS256", `{"alg":"`+secret+`"}`),
		"header":         sign(rsa2048(), "RS256", secret),
		"part":           secret,
		"wrong base64":   signed(rsa2048(), "RS256", "k1") + secret + "=",
		"typ":            sign(rsa2048(), "RS256", `{"alg":"RS256","typ":{"`+secret+`":1}}`),
		"duplicate name": sign(rsa2048(), "RS256", `{"alg":"RS256","`+secret+`":1,"`+secret+`":1}`),
	} {
		_, err := p.VerifySignature(t.Context(), jwt)
		if err == nil || strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), b64([]byte(secret))[:6]) {
			t.Errorf("%s: %v", name, err)
		}
	}
	q := newIDP(`{"keys":"` + secret + `"}`)
	_, err := q.VerifySignature(t.Context(), signed(rsa2048(), "RS256", "k1"))
	if !errors.Is(err, ErrDocument) || strings.Contains(err.Error(), secret) {
		t.Errorf("key set: %v", err)
	}
}

func TestReasonOfABadHeaderIsKept(t *testing.T) {
	t.Parallel()
	_, _, _, err := headerOf(b64([]byte(`{"alg":"RS256","alg":"RS256"}`)) + ".e30.AAAA")
	var reason *strictjson.Error
	if !errors.As(err, &reason) || reason.Reason != strictjson.ReasonDuplicateKey {
		t.Fatalf("%v", err)
	}
}

// go-oidc hands its own parsed token on in the context, and its own key set verifies that one instead of the argument.
func TestOnlyTheArgumentIsVerified(t *testing.T) {
	t.Parallel()
	inner := newIDP(jwks(jwk(rsa2048().Public(), kid("k1"))))
	forged := signed(rsaOther(), "RS256", "k1")
	swap := swappingKeySet{inner, forged}
	config := &oidc.Config{SkipClientIDCheck: true, SkipExpiryCheck: true}
	good := signed(rsa2048(), "RS256", "k1")
	if _, err := oidc.NewVerifier("https://idp.example", swap, config).Verify(t.Context(), good); err == nil {
		t.Fatal("another token than the argument was verified")
	}
	if _, err := oidc.NewVerifier("https://idp.example", inner, config).Verify(t.Context(), good); err != nil {
		t.Fatal(err)
	}
}

// swappingKeySet passes another token on than it was given.
type swappingKeySet struct {
	inner oidc.KeySet
	jwt   string
}

func (s swappingKeySet) VerifySignature(ctx context.Context, _ string) ([]byte, error) {
	return s.inner.VerifySignature(ctx, s.jwt)
}
