package keyset

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/oidcsso/oidcsso/internal/strictjson"
)

// MaxTokenLength is the greatest length of a token in bytes. It is checked before anything else.
const MaxTokenLength = 64 << 10

type header struct {
	alg, kid, typ string
}

type token struct {
	header
	algorithm algorithm
	signed    []byte // RFC 7515 section 5.2: the header and payload parts as sent
	payload   []byte
	signature []byte
}

// Header returns three members of a token's header; kid and typ are empty if they are not there. The header is checked
// like VerifySignature does it, so that alg is always one of the ten; the signature is not looked at, and nothing that
// Header returns may be believed before VerifySignature has accepted the same token. The error is ErrMalformed or
// ErrAlgorithm.
func Header(jwt string) (alg, kid, typ string, err error) {
	parts, err := split(jwt)
	if err != nil {
		return "", "", "", err
	}
	h, err := parseHeader(parts[0])
	return h.alg, h.kid, h.typ, err
}

func parseToken(jwt string) (*token, error) {
	parts, err := split(jwt)
	if err != nil {
		return nil, err
	}
	t := &token{signed: []byte(jwt[:len(parts[0])+1+len(parts[1])])}
	if t.header, err = parseHeader(parts[0]); err != nil {
		return nil, err
	}
	t.algorithm = algorithms[t.alg]
	if parts[1] == "" || parts[2] == "" { //check:token-empty-part
		return nil, malformed("its payload or signature is empty")
	}
	if t.payload, err = decode(parts[1]); err != nil {
		return nil, malformed("its payload is not base64url")
	}
	if t.signature, err = decode(parts[2]); err != nil {
		return nil, malformed("its signature is not base64url")
	}
	return t, nil
}

func split(jwt string) (parts []string, err error) {
	if len(jwt) > MaxTokenLength { //check:token-length
		return nil, malformed("it is too long")
	}
	if parts = strings.SplitN(jwt, ".", 4); len(parts) != 3 { //check:token-parts
		return nil, malformed("it has not three parts")
	}
	return parts, nil
}

// parseHeader reads a JOSE header. Members that could bring a key of the sender's own (jwk, jku, x5c, x5u) are not
// looked at.
func parseHeader(part string) (header, error) {
	data, err := decode(part)
	if err != nil {
		return header{}, malformed("its header is not base64url")
	}
	object, err := strictjson.Parse(data)
	if err != nil { //check:token-header
		return header{}, fmt.Errorf("%w: its header: %w", ErrMalformed, err)
	}
	alg, algOK := optionalText(object, "alg")
	kid, kidOK := optionalText(object, "kid")
	typ, typOK := optionalText(object, "typ")
	if !algOK || !kidOK || !typOK { //check:header-types
		return header{}, malformed("alg, kid or typ is not a string")
	}
	// RFC 7515 section 4.1.11: a token with a critical extension that is not understood must be refused, and this
	// package understands none.
	if _, ok := object.Get("crit"); ok { //check:crit
		return header{}, malformed("its header has critical extensions")
	}
	// RFC 7797 section 7 forbids an unencoded payload in a JWT.
	if value, ok := object.Get("b64"); ok {
		if encoded, ok := value.Bool(); !ok || !encoded { //check:unencoded-payload
			return header{}, malformed("its payload is not encoded")
		}
	}
	if _, ok := algorithms[alg]; !ok { //check:algorithm
		return header{}, ErrAlgorithm
	}
	return header{alg: alg, kid: kid, typ: typ}, nil
}

var strictBase64URL = base64.RawURLEncoding.Strict()

var errBase64URL = errors.New("not base64url")

// decode reads base64url as RFC 7515 section 2 has it: no padding, no white space, no bits left over. The standard
// library skips line breaks, which would give one token several spellings.
func decode(text string) ([]byte, error) {
	if strings.ContainsAny(text, "\r\n") { //check:base64-line-breaks
		return nil, errBase64URL
	}
	data, err := strictBase64URL.DecodeString(text)
	if err != nil { //check:base64
		return nil, errBase64URL
	}
	return data, nil
}

func malformed(why string) error { return fmt.Errorf("%w: %s", ErrMalformed, why) }
