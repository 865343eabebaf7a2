package oidcsso_test

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/oidcssotest"
)

// identityOf signs Alice in with these members in the ID token and in UserInfo, which is asked.
func identityOf(t *testing.T, idToken, userInfo string) *oidcsso.Identity {
	t.Helper()
	return identityWith(t, idToken, func(tr *trial) {
		tr.cfg.UserInfo = oidcsso.UserInfoAlways
		tr.faults(func(f *oidcssotest.Faults) {
			f.UserInfo.Body = func(b []byte) []byte { return []byte("{" + userInfo + "," + string(b[1:])) }
		})
	})
}

func TestClaimIsReadByItsExactName(t *testing.T) {
	t.Parallel()
	id := identityOf(t,
		`"both":"t","only_t":"t","null_t":null,"empty_t":"","Mixed":"t","a.b":"exact","a":{"b":"path","c":{"d":[1]},"n":null},"x":{"y":"t"},"esc\u0061ped":"t"`,
		`"both":"u","only_u":"u","null_t":"u","empty_t":"u","null_u":null,"x":{"z":"u"},"u":{"v.w":"u","v":{"w":"deeper"}}`)
	const absent = oidcsso.Origin("")
	for _, row := range []struct {
		path   string
		origin oidcsso.Origin
		raw    string
	}{
		{"both", oidcsso.FromIDToken, `"t"`}, {"only_t", oidcsso.FromIDToken, `"t"`}, {"only_u", oidcsso.FromUserInfo, `"u"`},
		{"null_t", oidcsso.FromUserInfo, `"u"`}, {"empty_t", oidcsso.FromUserInfo, `"u"`}, {"null_u", absent, ""}, {"nobody", absent, ""},
		{"Mixed", oidcsso.FromIDToken, `"t"`}, {"mixed", absent, ""}, {"MIXED", absent, ""}, {"BOTH", absent, ""},
		{"escaped", oidcsso.FromIDToken, `"t"`}, {`esc\u0061ped`, absent, ""},
		{"a.b", oidcsso.FromIDToken, `"exact"`}, {"a", oidcsso.FromIDToken, `{"b":"path","c":{"d":[1]},"n":null}`}, {"a.c", oidcsso.FromIDToken, `{"d":[1]}`},
		{"a.c.d", oidcsso.FromIDToken, `[1]`}, {"a.c.d.0", absent, ""}, {"a.C.d", absent, ""}, {"a.n", absent, ""}, {"a.n.x", absent, ""}, {"a.b.c", absent, ""},
		{"x.y", oidcsso.FromIDToken, `"t"`}, {"x.z", oidcsso.FromUserInfo, `"u"`}, {"x", oidcsso.FromIDToken, `{"y":"t"}`},
		{"u.v.w", oidcsso.FromUserInfo, `"deeper"`}, {"", absent, ""}, {".", absent, ""}, {"a.", absent, ""}, {".a", absent, ""}, {"a..b", absent, ""},
		{"sub", oidcsso.FromIDToken, `"alice"`}, {"iss", oidcsso.FromIDToken, `"` + trialIssuer + `"`},
	} {
		claim, ok := id.Claim(row.path)
		if ok != (row.origin != absent) || ok && (claim.Origin != row.origin || string(claim.Raw()) != row.raw) {
			t.Errorf("%q is %s from %q, %t; want %s from %q", row.path, claim.Raw(), claim.Origin, ok, row.raw, row.origin)
		}
	}
}

// Each reading is of one kind of value; nothing is converted but the words true and false.
func TestClaimValues(t *testing.T) {
	t.Parallel()
	second := time.Unix(1893456000, 0)
	for _, row := range []struct {
		raw   string
		text  any // nil: it is none
		texts any
		is    any
		at    any
	}{
		{`"a"`, "a", []string{"a"}, nil, nil}, {`"\u00e9\n"`, "é\n", []string{"é\n"}, nil, nil},
		{`["a","b"]`, nil, []string{"a", "b"}, nil, nil}, {`[]`, nil, []string{}, nil, nil}, {`["a",1]`, nil, nil, nil, nil}, {`[null]`, nil, nil, nil, nil},
		{`true`, nil, nil, true, nil}, {`false`, nil, nil, false, nil}, {`"true"`, "true", []string{"true"}, true, nil}, {`"false"`, "false", []string{"false"}, false, nil},
		{`"True"`, "True", []string{"True"}, nil, nil}, {`"1"`, "1", []string{"1"}, nil, nil}, {`1`, nil, nil, nil, time.Unix(1, 0)}, {`0`, nil, nil, nil, time.Unix(0, 0)},
		{`1893456000`, nil, nil, nil, second}, {`1893456000.9`, nil, nil, nil, second}, {`18934560e2`, nil, nil, nil, second}, {`"1893456000"`, "1893456000", []string{"1893456000"}, nil, nil},
		{`253402300799`, nil, nil, nil, time.Unix(253402300799, 0)}, {`253402300800`, nil, nil, nil, nil}, {`-1`, nil, nil, nil, nil}, {`1e308`, nil, nil, nil, nil}, {`1e999`, nil, nil, nil, nil},
		{`{}`, nil, nil, nil, nil}, {`{"a":"b"}`, nil, nil, nil, nil},
	} {
		t.Run(row.raw, func(t *testing.T) {
			t.Parallel()
			claim, ok := identityWith(t, `"c":`+row.raw).Claim("c")
			if !ok || string(claim.Raw()) != row.raw {
				t.Fatalf("raw %s, %t", claim.Raw(), ok)
			}
			check := func(what string, got any, ok bool, want any) {
				if ok != (want != nil) || ok && !reflect.DeepEqual(got, want) {
					t.Errorf("%s is %v, %t; want %v", what, got, ok, want)
				}
			}
			text, ok := claim.Text()
			check("Text", text, ok, row.text)
			texts, ok := claim.Texts()
			check("Texts", texts, ok, row.texts)
			is, ok := claim.Bool()
			check("Bool", is, ok, row.is)
			at, ok := claim.Time()
			check("Time", at, ok, row.at)
		})
	}
}

// Who changes what Raw gave changes nothing for others.
func TestRawIsACopy(t *testing.T) {
	t.Parallel()
	id := identityWith(t, `"c":"aaaa"`)
	first, _ := id.Claim("c")
	copy(first.Raw(), `"bbb"`)
	second, _ := id.Claim("c")
	if string(second.Raw()) != `"aaaa"` {
		t.Errorf("the claim is %s now", second.Raw())
	}
}

// Values that were made by no sign-in have no claims, and panic at nothing.
func TestZeroIdentityAndClaim(t *testing.T) {
	t.Parallel()
	if claim, ok := new(oidcsso.Identity).Claim("sub"); ok || claim.Raw() != nil {
		t.Errorf("a claim %s of an Identity that nobody made", claim.Raw())
	}
	var claim oidcsso.Claim
	_, isText := claim.Text()
	_, isTexts := claim.Texts()
	_, isBool := claim.Bool()
	_, isTime := claim.Time()
	if isText || isTexts || isBool || isTime || claim.Raw() != nil {
		t.Error("the zero Claim says something")
	}
	if text := fmt.Sprintf("%+v", oidcsso.Identity{}); text == "" {
		t.Error("the zero Identity prints nothing")
	}
}
