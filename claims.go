package oidcsso

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/oidcsso/oidcsso/internal/strictjson"
)

// Origin says which document a claim is from.
type Origin string

const (
	// FromIDToken is the signed ID token.
	FromIDToken Origin = "id_token"
	// FromUserInfo is the UserInfo response, which was asked because the ID token lacked something.
	FromUserInfo Origin = "userinfo"
)

// Claim is the value of one claim as the identity provider sent it.
type Claim struct {
	// Origin is the document that it is from.
	Origin Origin
	value  strictjson.Value
}

// Raw is a copy of the claim's JSON.
func (c Claim) Raw() json.RawMessage { return slices.Clone(c.value.Raw()) }

// Text is the claim if it is a JSON string.
func (c Claim) Text() (string, bool) { return c.value.Text() }

// Texts is the claim if it is an array of strings, or one string.
func (c Claim) Texts() ([]string, bool) {
	if s, ok := c.value.Text(); ok {
		return []string{s}, true
	}
	return c.value.Texts()
}

// Bool is the claim if it is true or false, or one of these words as a string, as some identity providers send it.
func (c Claim) Bool() (value, ok bool) {
	if b, ok := c.value.Bool(); ok {
		return b, true
	}
	switch s, _ := c.value.Text(); s {
	case "true":
		return true, true
	case "false":
		return false, true
	}
	return false, false
}

// Time is the claim if it is a NumericDate (RFC 7519, 2).
func (c Claim) Time() (time.Time, bool) {
	seconds, ok := c.value.Float()
	if !ok || seconds < 0 || seconds > maxNumericDate { //check:time-bounds
		return time.Time{}, false
	}
	return time.Unix(int64(seconds), 0), true
}

const maxNumericDate = 253402300799 // the end of the year 9999

// claims are the payloads of the ID token and, if it was asked, of UserInfo.
type claims struct {
	idToken  strictjson.Object
	userInfo strictjson.Object // empty if it was not asked
}

// get reads a claim with its exact name. The ID token goes first; UserInfo only fills gaps.
func (c claims) get(name string) (Claim, bool) { return c.read(name, present) }

// find reads a claim by its exact name, else by a path with dots, "realm_access.roles".
func (c claims) find(path string) (Claim, bool) { return c.read(path, presentAt) }

func (c claims) read(name string, from func(strictjson.Object, string) (strictjson.Value, bool)) (Claim, bool) {
	if v, ok := from(c.idToken, name); ok {
		return Claim{FromIDToken, v}, true
	}
	v, ok := from(c.userInfo, name)
	return Claim{FromUserInfo, v}, ok
}

func (c claims) text(name string) string {
	claim, _ := c.get(name)
	s, _ := claim.Text()
	return s
}

// idTokenTime reads a time that only the ID token may state.
func (c claims) idTokenTime(name string) (at time.Time, present, valid bool) {
	v, ok := c.idToken.Get(name)
	if !ok {
		return time.Time{}, false, true
	}
	at, valid = Claim{value: v}.Time()
	return at, true, valid
}

// present leaves out what stands for a claim that was not returned: null and the empty string (OpenID Connect Core 1.0,
// 5.3.2).
func present(object strictjson.Object, name string) (strictjson.Value, bool) {
	v, ok := object.Get(name)
	if s, isText := v.Text(); !ok || v.Kind() == strictjson.Null || isText && s == "" {
		return strictjson.Value{}, false
	}
	return v, true
}

func presentAt(object strictjson.Object, path string) (strictjson.Value, bool) {
	if v, ok := present(object, path); ok {
		return v, true
	}
	name, rest, nested := strings.Cut(path, ".")
	v, ok := present(object, name)
	for nested && ok {
		if object, ok = v.Object(); !ok {
			break
		}
		name, rest, nested = strings.Cut(rest, ".")
		v, ok = present(object, name)
	}
	return v, ok
}
