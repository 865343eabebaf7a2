package keyset

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/oidcsso/oidcsso/internal/strictjson"
)

// odd is an odd number of that many bits: the shape of a modulus, without the primes.
func odd(bits int) []byte {
	n := bytes.Repeat([]byte{0xff}, (bits+7)/8)
	if rest := bits % 8; rest != 0 {
		n[0] = 1<<rest - 1
	}
	return n
}

func TestKeyThatMustNotBeUsedIsSkippedAlone(t *testing.T) {
	t.Parallel()
	public := rsa2048().Public().(*rsa.PublicKey)
	n, e := public.N.Bytes(), []byte{1, 0, 1}
	ec := p256().Public().(*ecdsa.PublicKey)
	point, _ := ec.Bytes()
	x, y := point[1:33], point[33:]
	ed := edKey().Public().(ed25519.PublicKey)
	for name, tc := range map[string]struct{ key, want string }{
		"a number":           {`7`, skipNotObject},
		"null":               {`null`, skipNotObject},
		"an array":           {`[]`, skipNotObject},
		"a text":             {`"RSA"`, skipNotObject},
		"empty":              {`{}`, skipKeyType},
		"no kty":             {`{"n":"AQAB","e":"AQAB"}`, skipKeyType},
		"KTY":                {`{"KTY":"RSA","n":"AQAB","e":"AQAB"}`, skipKeyType},
		"kty is a number":    {`{"kty":3}`, skipKeyType},
		"kty of the future":  {`{"kty":"AKP","alg":"ML-DSA-44","pub":"AAAA"}`, skipKeyType},
		"kty rsa":            {`{"kty":"rsa","n":"AQAB","e":"AQAB"}`, skipKeyType},
		"symmetric":          {`{"kty":"oct","k":"c2VjcmV0","alg":"HS256","kid":"k1"}`, skipSymmetric},
		"symmetric as RS256": {`{"kty":"oct","k":"c2VjcmV0","alg":"RS256"}`, skipSymmetric},

		"use enc":                 {jwk(public, `"use":"enc"`), skipUse},
		"use SIG":                 {jwk(public, `"use":"SIG"`), skipUse},
		"use is null":             {jwk(public, `"use":null`), skipUse},
		"use is an array":         {jwk(public, `"use":["sig"]`), skipUse},
		"key_ops sign":            {jwk(public, `"key_ops":["sign"]`), skipOperations},
		"key_ops empty":           {jwk(public, `"key_ops":[]`), skipOperations},
		"key_ops is a text":       {jwk(public, `"key_ops":"verify"`), skipOperations},
		"key_ops with a number":   {jwk(public, `"key_ops":["verify",1]`), skipOperations},
		"use sig, key_ops wrap":   {jwk(public, `"use":"sig"`, `"key_ops":["wrapKey"]`), skipOperations},
		"use enc, key_ops verify": {jwk(public, `"use":"enc"`, `"key_ops":["verify"]`), skipUse},

		"RSA with d":        {jwk(public, `"d":"AQAB"`), skipPrivate},
		"RSA with an empty": {jwk(public, `"d":""`), skipPrivate},
		"RSA with a prime":  {jwk(public, `"p":"AQAB"`), skipPrivate},
		"EC with d":         {jwk(ec, `"d":"AQAB"`), skipPrivate},
		"Ed25519 with d":    {jwk(ed, `"d":"AQAB"`), skipPrivate},

		"alg for encryption":     {jwk(public, `"alg":"RSA-OAEP"`), skipAlgorithm},
		"alg HS256":              {jwk(public, `"alg":"HS256"`), skipAlgorithm},
		"alg none":               {jwk(public, `"alg":"none"`), skipAlgorithm},
		"alg is null":            {jwk(public, `"alg":null`), skipAlgorithm},
		"alg ES256 of RSA":       {jwk(public, `"alg":"ES256"`), skipMismatch},
		"alg RS256 of EC":        {jwk(ec, `"alg":"RS256"`), skipMismatch},
		"alg ES384 of P-256":     {jwk(ec, `"alg":"ES384"`), skipMismatch},
		"alg EdDSA of EC":        {jwk(ec, `"alg":"EdDSA"`), skipMismatch},
		"kid is a number":        {jwk(public, `"kid":1`), skipKeyID},
		"kid is null":            {jwk(public, `"kid":null`), skipKeyID},
		"kid longer than 1 KiB":  {jwk(public, kid(strings.Repeat("k", 1025))), skipKeyID},
		"kid not even of a text": {jwk(public, `"kid":{"k":1}`), skipKeyID},

		"RSA without n":           {`{"kty":"RSA","e":"AQAB"}`, skipModulus},
		"RSA n is a number":       {`{"kty":"RSA","n":65537,"e":"AQAB"}`, skipModulus},
		"RSA n empty":             {rsaJWK(nil, e), skipModulus},
		"RSA n of 512 bits":       {rsaJWK(odd(512), e), skipModulus},
		"RSA n of 1024 bits":      {jwk(rsa1024().Public()), skipModulus},
		"RSA n of 2047 bits":      {rsaJWK(odd(2047), e), skipModulus},
		"RSA n of 2048, most 0":   {rsaJWK(append(make([]byte, 255), 7), e), skipModulus},
		"RSA n of 8193 bits":      {rsaJWK(odd(8193), e), skipModulus},
		"RSA n of 16384 bits":     {rsaJWK(odd(16384), e), skipModulus},
		"RSA n even":              {rsaJWK(append(n[:len(n)-1:len(n)-1], n[len(n)-1]&^1), e), skipModulus},
		"RSA n padded":            {fmt.Sprintf(`{"kty":"RSA","n":"%s==","e":"AQAB"}`, b64(n)), skipModulus},
		"RSA n with a line break": {fmt.Sprintf(`{"kty":"RSA","n":"%s\n","e":"AQAB"}`, b64(n)), skipModulus},
		"RSA n not base64url":     {`{"kty":"RSA","n":"` + strings.Repeat("+/", 200) + `","e":"AQAB"}`, skipModulus},
		"RSA without e":           {fmt.Sprintf(`{"kty":"RSA","n":%q}`, b64(n)), skipExponent},
		"RSA e empty":             {rsaJWK(n, nil), skipExponent},
		"RSA e is a number":       {fmt.Sprintf(`{"kty":"RSA","n":%q,"e":65537}`, b64(n)), skipExponent},
		"RSA e of 0":              {rsaJWK(n, []byte{0}), skipExponent},
		"RSA e of 1":              {rsaJWK(n, []byte{1}), skipExponent},
		"RSA e of 2":              {rsaJWK(n, []byte{2}), skipExponent},
		"RSA e even":              {rsaJWK(n, []byte{1, 0, 0}), skipExponent},
		"RSA e of 32 bits":        {rsaJWK(n, []byte{0x80, 0, 0, 1}), skipExponent},
		"RSA e of 33 bits":        {rsaJWK(n, []byte{1, 0, 0, 0, 3}), skipExponent},
		"RSA e of a modulus":      {rsaJWK(n, n), skipExponent},

		"EC without crv":         {`{"kty":"EC","x":"AAAA","y":"AAAA"}`, skipCurve},
		"EC secp256k1":           {ecJWK("secp256k1", x, y, `"alg":"ES256K"`), skipCurve},
		"EC P-224":               {ecJWK("P-224", x[:28], y[:28]), skipCurve},
		"EC p-256":               {ecJWK("p-256", x, y), skipCurve},
		"EC on another curve":    {ecJWK("P-384", x, y), skipPoint},
		"EC off the curve":       {ecJWK("P-256", x, x), skipPoint},
		"EC origin":              {ecJWK("P-256", make([]byte, 32), make([]byte, 32)), skipPoint},
		"EC x beyond the field":  {ecJWK("P-256", odd(256), y), skipPoint},
		"EC x too short":         {ecJWK("P-256", x[1:], y), skipPoint},
		"EC x with a zero first": {ecJWK("P-256", append([]byte{0}, x...), y), skipPoint},
		"EC x and y cut between": {ecJWK("P-256", point[1:32], point[32:]), skipPoint},
		"EC without y":           {fmt.Sprintf(`{"kty":"EC","crv":"P-256","x":%q}`, b64(x)), skipPoint},
		"EC x is huge":           {ecJWK("P-256", odd(1<<18), y), skipPoint},

		"OKP without crv":    {`{"kty":"OKP","x":"AAAA"}`, skipCurve},
		"OKP Ed448":          {fmt.Sprintf(`{"kty":"OKP","crv":"Ed448","x":%q}`, b64(make([]byte, 57))), skipCurve},
		"OKP X25519":         {fmt.Sprintf(`{"kty":"OKP","crv":"X25519","x":%q}`, b64(ed)), skipCurve},
		"OKP x of 31 bytes":  {fmt.Sprintf(`{"kty":"OKP","crv":"Ed25519","x":%q}`, b64(ed[1:])), skipEd25519},
		"OKP x of 33 bytes":  {fmt.Sprintf(`{"kty":"OKP","crv":"Ed25519","x":%q}`, b64(append([]byte{0}, ed...))), skipEd25519},
		"OKP without x":      {`{"kty":"OKP","crv":"Ed25519"}`, skipEd25519},
		"OKP x is an object": {`{"kty":"OKP","crv":"Ed25519","x":{}}`, skipEd25519},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			neighbour := jwk(rsaOther().Public(), kid("neighbour"))
			p := newIDP(jwks(tc.key, neighbour, tc.key))
			got, err := p.Summary(t.Context())
			want := Summary{Usable: 1, Skipped: []Skipped{{Reason: tc.want, Count: 2}}}
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Fatalf("Summary = %+v, %v; want %+v", got, err, want)
			}
			p.accepts(t, signed(rsaOther(), "RS256", "neighbour"))
		})
	}
}

func TestKeyIsKept(t *testing.T) {
	t.Parallel()
	public := rsa2048().Public().(*rsa.PublicKey)
	n := public.N.Bytes()
	for name, key := range map[string]string{
		"RSA without more":                    jwk(public),
		"RSA e of 3":                          rsaJWK(n, []byte{3}),
		"RSA e of 31 bits":                    rsaJWK(n, []byte{0x7f, 0xff, 0xff, 0xff}),
		"RSA e with zeros":                    rsaJWK(n, []byte{0, 0, 1, 0, 1}),
		"RSA n with a sign octet":             rsaJWK(append([]byte{0}, n...), []byte{1, 0, 1}),
		"RSA n of 2048 bits":                  rsaJWK(odd(2048), []byte{1, 0, 1}),
		"RSA n of 8192 bits":                  rsaJWK(odd(8192), []byte{1, 0, 1}),
		"RSA n of 8192 bits and a sign octet": rsaJWK(append([]byte{0}, odd(8192)...), []byte{1, 0, 1}),
		"use sig":                             jwk(public, `"use":"sig"`),
		"key_ops verify":                      jwk(public, `"key_ops":["sign","verify"]`),
		"alg PS384":                           jwk(public, `"alg":"PS384"`),
		"broken x5c":                          jwk(public, `"x5c":["not a certificate"],"x5t":7,"x5u":[]`),
		"unknown members":                     jwk(public, `"issuer":"https://idp.example","ext":true,"nbf":1e400`),
		"kid of 1 KiB":                        jwk(public, kid(strings.Repeat("k", 1024))),
		"empty kid":                           jwk(public, kid("")),
		"P-521":                               jwk(p521().Public(), `"alg":"ES512"`),
		"Ed25519":                             jwk(edKey().Public(), `"alg":"EdDSA"`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := newIDP(jwks(key)).Summary(t.Context())
			if want := (Summary{Usable: 1}); err != nil || !reflect.DeepEqual(got, want) {
				t.Fatalf("Summary = %+v, %v", got, err)
			}
		})
	}
}

func TestDocumentThatIsNoKeySet(t *testing.T) {
	t.Parallel()
	good := jwk(rsa2048().Public(), kid("k1"))
	for name, tc := range map[string]struct {
		body   string
		reason string // of strictjson; empty if the JSON is fine
	}{
		"nothing":                 {``, strictjson.ReasonEmpty},
		"an error page":           {`<html>`, strictjson.ReasonNoValue},
		"an array":                {`[` + good + `]`, strictjson.ReasonNotObject},
		"trailing data":           {jwks(good) + `{}`, strictjson.ReasonTrailingData},
		"keys twice":              {`{"keys":[],"keys":[` + good + `]}`, strictjson.ReasonDuplicateKey},
		"keys and KEYS":           {`{"keys":[],"KEYS":[` + good + `]}`, strictjson.ReasonKeyCollision},
		"kid twice in a key":      {jwks(jwk(rsa2048().Public(), kid("a"), kid("b"))), strictjson.ReasonDuplicateKey},
		"invalid UTF-8 in a kid":  {jwks(jwk(rsa2048().Public(), "\"kid\":\"\xff\"")), strictjson.ReasonInvalidUTF8},
		"lone surrogate in a kid": {jwks(jwk(rsa2048().Public(), `"kid":"\udfff"`)), strictjson.ReasonLoneSurrogate},
		"no keys":                 {`{}`, ""},
		"KEYS":                    {`{"KEYS":[` + good + `]}`, ""},
		"keys is null":            {`{"keys":null}`, ""},
		"keys is an object":       {`{"keys":` + good + `}`, ""},
		"a single key":            {good, ""},
		"certificates of another": {`{"k1":"-----BEGIN CERTIFICATE-----"}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newIDP(tc.body)
			_, err := p.VerifySignature(t.Context(), signed(rsa2048(), "RS256", "k1"))
			var fetch *FetchError
			if !errors.As(err, &fetch) || !errors.Is(err, ErrDocument) {
				t.Fatalf("%v, want a *FetchError with ErrDocument", err)
			}
			var reason *strictjson.Error
			if errors.As(err, &reason) != (tc.reason != "") || reason != nil && reason.Reason != tc.reason {
				t.Fatalf("%v, want reason %q", err, tc.reason)
			}
		})
	}
}

func TestEmptyKeySetIsAKeySet(t *testing.T) {
	t.Parallel()
	p := newIDP(`{"keys":[]}`)
	if got, err := p.Summary(t.Context()); err != nil || got.Usable != 0 || got.Skipped != nil {
		t.Fatalf("Summary = %+v, %v", got, err)
	}
	p.refuses(t, signed(rsa2048(), "RS256", "k1"), ErrNoKey)
	p.refuses(t, signed(rsa2048(), "RS256", ""), ErrNoKey)
}

func TestSummaryIsACopy(t *testing.T) {
	t.Parallel()
	p := newIDP(jwks(`{}`))
	first, _ := p.Summary(t.Context())
	first.Skipped[0].Count = 99
	if second, _ := p.Summary(t.Context()); second.Skipped[0].Count != 1 {
		t.Fatalf("%+v", second)
	}
}
