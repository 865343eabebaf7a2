package keyset

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"

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

var dot = []byte{'.'}

func parseToken(jwt string) (*token, error) {
	if len(jwt) > MaxTokenLength { //check:token-length
		return nil, malformed("it is too long")
	}
	raw := []byte(jwt)
	header, rest, _ := bytes.Cut(raw, dot)
	payload, rest, two := bytes.Cut(rest, dot)
	signature, _, three := bytes.Cut(rest, dot)
	if !two || three { //check:token-parts
		return nil, malformed("it has not three parts")
	}
	signed := raw[:len(header)+len(dot)+len(payload)]
	room := make([]byte, 0, strictBase64URL.DecodedLen(len(jwt))) // for all three
	head, err := appendDecoded(room, header)
	if err != nil {
		return nil, malformed("its header is not base64url")
	}
	t := &token{signed: signed}
	if t.header, err = parseHeader(head); err != nil {
		return nil, err
	}
	t.algorithm = algorithms[t.alg]
	if len(payload) == 0 || len(signature) == 0 { //check:token-empty-part
		return nil, malformed("its payload or signature is empty")
	}
	if t.payload, err = appendDecoded(after(head), payload); err != nil {
		return nil, malformed("its payload is not base64url")
	}
	if t.signature, err = appendDecoded(after(t.payload), signature); err != nil {
		return nil, malformed("its signature is not base64url")
	}
	return t, nil
}

// after is the room behind b in its array.
func after(b []byte) []byte { return b[len(b):] }

// parseHeader reads a JOSE header. Members that could bring a key of the sender's own (jwk, jku, x5c, x5u) are not
// looked at.
func parseHeader(data []byte) (header, error) {
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

// appendDecoded reads base64url as RFC 7515 section 2 has it: no padding, no white space, no bits left over. The standard
// library skips line breaks, which would give one token several spellings.
func appendDecoded(dst, text []byte) ([]byte, error) {
	if bytes.IndexByte(text, '\r') >= 0 || bytes.IndexByte(text, '\n') >= 0 { //check:base64-line-breaks
		return nil, errBase64URL
	}
	data, err := strictBase64URL.AppendDecode(dst, text)
	if err != nil { //check:base64
		return nil, errBase64URL
	}
	return data, nil
}

func malformed(why string) error { return fmt.Errorf("%w: %s", ErrMalformed, why) }
