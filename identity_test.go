package oidcsso_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/oidcssotest"
)

// identityWith signs Alice in with further members in the ID token, or in place of its own if the name is the same.
func identityWith(t *testing.T, members string, changes ...func(*trial)) *oidcsso.Identity {
	t.Helper()
	tr := newTrial(t, "")
	tr.cfg.UserInfo = oidcsso.UserInfoNever
	tr.alice.Name, tr.alice.Claims = "", nil
	if members != "" {
		payload(func(p string) string { return "{" + members + "," + p[1:] })(tr)
	}
	for _, change := range changes {
		change(tr)
	}
	tr.begin()
	id, err := tr.finish()
	if err != nil {
		t.Fatal(err)
	}
	tr.wantNoLeak(id, nil)
	return id
}

// Computed once by another program: accounts are found by it for ever.
func TestAccountKeyIsFrozen(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		key  oidcsso.AccountKey
		want string
	}{
		{oidcsso.AccountKey{Connector: "acme", Issuer: "https://idp.example.test", Subject: "alice"}, "688ba662ce3b3f055ffc408bd7706f0daae299f500e1ba654ecf2ca46eb46f21"},
		{oidcsso.AccountKey{}, "15ec7bf0b50732b49f8228e07d24365338f9e3ab994b00af08e5a3bffe55fd8b"},
		{oidcsso.AccountKey{Connector: "acme", Issuer: "https://idp.example.test", Subject: "Ålice 愛"}, "4730c49315034fbdf02b49aa27d79e2d2464cac48f567c70bd5214873289e5f1"},
	} {
		if got := row.key.String(); got != row.want {
			t.Errorf("%+v is %s, want %s", row.key, got, row.want)
		}
	}
}

func TestAccountKeysOfDifferentPeopleDiffer(t *testing.T) {
	t.Parallel()
	keys := []oidcsso.AccountKey{
		{Connector: "acme", Issuer: "https://idp.example.test", Subject: "alice"},
		{Connector: "globex", Issuer: "https://idp.example.test", Subject: "alice"},
		{Connector: "acme", Issuer: "https://idp.example.test/", Subject: "alice"},
		{Connector: "acme", Issuer: "https://idp.example.test", Subject: "Alice"},
		{Connector: "acme", Issuer: "https://idp.example.test", Subject: "alice "},
		{Connector: "acme", Issuer: "https://idp.example.test", Subject: "alice\x00"},
		{Connector: "acme", Issuer: "https://idp.example.test", Subject: ""},
		// Characters that move from one part to the next.
		{Connector: "acmeh", Issuer: "ttps://idp.example.test", Subject: "alice"},
		{Connector: "acme", Issuer: "https://idp.example.testa", Subject: "lice"},
		{Connector: "acme", Issuer: "https://idp.example.tes", Subject: "talice"},
		{Connector: "acmehttps://idp.example.testalice"},
		{Issuer: "acmehttps://idp.example.testalice"},
		{Subject: "acmehttps://idp.example.testalice"},
		// A length as a part of the text.
		{Connector: "a\x00\x00\x00\x01b"}, {Connector: "a", Issuer: "b"}, {Connector: "ab", Issuer: "\x00\x00\x00\x00"},
		{Connector: "a|b", Issuer: "c"}, {Connector: "a", Issuer: "b|c"},
	}
	seen := map[string]oidcsso.AccountKey{}
	for _, key := range keys {
		text := key.String()
		if other, ok := seen[text]; ok {
			t.Errorf("%q and %q have the same key", key, other)
		}
		seen[text] = key
		if len(text) != 64 || strings.Trim(text, "0123456789abcdef") != "" {
			t.Errorf("%q is %q, not 64 of 0-9 and a-f", key, text)
		}
	}
}

func TestKeyIsOfConnectorIssuerAndSubject(t *testing.T) {
	t.Parallel()
	id := identityWith(t, "")
	if want := (oidcsso.AccountKey{Connector: "acme", Issuer: trialIssuer, Subject: "alice"}); id.Key() != want {
		t.Errorf("key %+v, want %+v", id.Key(), want)
	}
	other := oidcssotest.Identity(t, oidcssotest.User{Subject: "alice", Email: "alice@acme.test"}, func(c *oidcsso.Config) { c.ID = "globex" })
	if other.Key() == id.Key() || other.Key().String() == id.Key().String() {
		t.Error("two connectors at one identity provider have one key")
	}
}

func TestGroups(t *testing.T) {
	t.Parallel()
	absent, listed, overage := oidcsso.GroupsAbsent, oidcsso.GroupsListed, oidcsso.GroupsOverage
	elsewhere := `"_claim_names":{"groups":"src1"},"_claim_sources":{"src1":{"endpoint":"https://graph.example/x"}}`
	many := make([]string, 500)
	for i := range many {
		many[i] = fmt.Sprint("group-", i)
	}
	manyText, _ := json.Marshal(many)
	for _, row := range []struct {
		name, claim, members string
		want                 []string
		status               oidcsso.GroupsStatus
	}{
		{"not told", "", `"x":1`, nil, absent},
		{"none", "", `"groups":[]`, []string{}, listed},
		{"two", "", `"groups":["staff","Staff"]`, []string{"staff", "Staff"}, listed},
		{"one as a string", "", `"groups":"staff"`, []string{"staff"}, listed},
		{"one with a comma, which does not divide", "", `"groups":"staff,admins"`, []string{"staff,admins"}, listed},
		{"five hundred", "", `"groups":` + string(manyText), many, listed},
		{"null", "", `"groups":null`, nil, absent},
		{"an empty string", "", `"groups":""`, nil, absent},
		{"a number", "", `"groups":5`, nil, absent},
		{"true", "", `"groups":true`, nil, absent},
		{"an object", "", `"groups":{"staff":true}`, nil, absent},
		{"a number among strings", "", `"groups":["staff",5]`, nil, absent},
		{"null among strings", "", `"groups":["staff",null]`, nil, absent},
		{"arrays in an array", "", `"groups":[["staff"]]`, nil, absent},
		{"under the name Groups", "", `"Groups":["staff"]`, nil, absent},
		{"too many for the token", "", elsewhere, nil, overage},
		{"too many, and some are told", "", `"groups":["staff"],` + elsewhere, []string{"staff"}, listed},
		{"other claims are elsewhere", "", strings.Replace(elsewhere, `{"groups"`, `{"roles"`, 1), nil, absent},
		{"the names of what is elsewhere are empty", "", `"_claim_names":{},"_claim_sources":{}`, nil, absent},
		{"hasgroups", "", `"hasgroups":true`, nil, overage},
		{"hasgroups as a string", "", `"hasgroups":"true"`, nil, overage},
		{"hasgroups false", "", `"hasgroups":false`, nil, absent},
		{"hasgroups a number", "", `"hasgroups":1`, nil, absent},
		{"hasgroups, and they are told", "", `"hasgroups":true,"groups":["staff"]`, []string{"staff"}, listed},
		{"another claim", "roles", `"roles":["staff"],"groups":["x"]`, []string{"staff"}, listed},
		{"another claim, not told", "roles", `"groups":["x"]`, nil, absent},
		{"another claim, too many", "roles", strings.Replace(elsewhere, `{"groups"`, `{"roles"`, 1), nil, overage},
		{"a path", "realm_access.roles", `"realm_access":{"roles":["staff"]}`, []string{"staff"}, listed},
		{"a longer path", "resource_access.app.roles", `"resource_access":{"app":{"roles":["staff"]}}`, []string{"staff"}, listed},
		{"a path whose end is missing", "realm_access.roles", `"realm_access":{"rules":["staff"]}`, nil, absent},
		{"a path through null", "realm_access.roles", `"realm_access":null`, nil, absent},
		{"a path through a string", "realm_access.roles", `"realm_access":"roles"`, nil, absent},
		{"a path through an array", "realm_access.0", `"realm_access":["staff"]`, nil, absent},
		{"a path in another case", "realm_access.roles", `"realm_access":{"Roles":["staff"]}`, nil, absent},
		{"a name with dots", "https://acme.example/groups", `"https://acme.example/groups":["staff"]`, []string{"staff"}, listed},
		{"a name with dots before a path", "a.b", `"a.b":["exact"],"a":{"b":["path"]}`, []string{"exact"}, listed},
		{"a name with dots that is null before a path", "a.b", `"a.b":null,"a":{"b":["path"]}`, []string{"path"}, listed},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			id := identityWith(t, row.members, func(tr *trial) { tr.cfg.GroupsClaim = row.claim })
			if id.GroupsStatus != row.status || !slices.Equal(id.Groups, row.want) || (id.Groups == nil) != (row.want == nil) {
				t.Errorf("%s %q, want %s %q", id.GroupsStatus, id.Groups, row.status, row.want)
			}
		})
	}
}

// What UserInfo says of groups counts only where the ID token says nothing.
func TestGroupsOfUserInfo(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, claim, idToken, userInfo string
		want                           []string
		status                         oidcsso.GroupsStatus
	}{
		{"only there", "groups", `"x":1`, `"groups":["staff"]`, []string{"staff"}, oidcsso.GroupsListed},
		{"in both", "groups", `"groups":["staff"]`, `"groups":["admins"]`, []string{"staff"}, oidcsso.GroupsListed},
		{"none in the ID token", "groups", `"groups":[]`, `"groups":["admins"]`, []string{}, oidcsso.GroupsListed},
		{"broken in the ID token", "groups", `"groups":5`, `"groups":["admins"]`, nil, oidcsso.GroupsAbsent},
		{"broken there", "groups", `"x":1`, `"groups":5`, nil, oidcsso.GroupsAbsent},
		{"a path that the ID token has in part", "realm_access.roles", `"realm_access":{}`, `"realm_access":{"roles":["staff"]}`, []string{"staff"}, oidcsso.GroupsListed},
		{"a path in the ID token, the exact name there", "a.b", `"a":{"b":["staff"]}`, `"a.b":["admins"]`, []string{"staff"}, oidcsso.GroupsListed},
		{"too many, said there", "groups", `"x":1`, `"hasgroups":true`, nil, oidcsso.GroupsOverage},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			id := identityWith(t, row.idToken, func(tr *trial) {
				tr.cfg.GroupsClaim, tr.cfg.UserInfo = row.claim, oidcsso.UserInfoAlways
				tr.faults(func(f *oidcssotest.Faults) {
					f.UserInfo.Body = func(b []byte) []byte { return []byte(`{` + row.userInfo + `,` + string(b[1:])) }
				})
			})
			if id.GroupsStatus != row.status || !slices.Equal(id.Groups, row.want) {
				t.Errorf("%s %q, want %s %q", id.GroupsStatus, id.Groups, row.status, row.want)
			}
		})
	}
}

func TestDisplayTextsAreCleaned(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ name, sent, want string }{
		{"plain", `"Alice Ames"`, "Alice Ames"},
		{"letters of other scripts", `"愛 Ålice \ud83d\ude00"`, "愛 Ålice 😀"},
		{"line breaks", `"Alice\r\nX-Admin: yes"`, "AliceX-Admin: yes"},
		{"null bytes and escapes of a terminal", `"A\u0000l\u001b[31mice\u0085"`, "Al[31mice"},
		{"changes of direction", `"\u202eecilA\u202c \u2066x\u2069\u200f"`, "ecilA x"},
		{"line separators", `"A\u2028l\u2029ice"`, "Alice"},
		{"U+FFFD", `"A\ufffdlice"`, "Alice"},
		{"only what is taken away", `"\u202e\u0000"`, ""},
		{"ten thousand characters", `"` + strings.Repeat("愛", 10000) + `"`, strings.Repeat("愛", 256)},
		{"four thousand control characters before a name", `"` + strings.Repeat(`\u0007`, 4000) + `Alice"`, "Alice"},
		{"markup, which is the page's to escape", `"<script>alert(1)</script>"`, "<script>alert(1)</script>"},
		{"a number", `5`, ""}, {"null", `null`, ""}, {"an array", `["Alice"]`, ""}, {"an object", `{"formatted":"Alice"}`, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			for name, of := range map[string]func(*oidcsso.Identity) string{
				"name": func(id *oidcsso.Identity) string { return id.Name }, "given_name": func(id *oidcsso.Identity) string { return id.GivenName },
				"family_name": func(id *oidcsso.Identity) string { return id.FamilyName }, "locale": func(id *oidcsso.Identity) string { return id.Locale },
				"preferred_username": func(id *oidcsso.Identity) string { return id.PreferredUsername },
			} {
				if text := of(identityWith(t, `"`+name+`":`+row.sent)); text != row.want || !utf8.ValidString(text) {
					t.Errorf("%s is %.60q, want %.60q", name, text, row.want)
				}
			}
		})
	}
}

func TestPictureIsHTTPSOrNothing(t *testing.T) {
	t.Parallel()
	for sent, kept := range map[string]bool{
		`"https://idp.example.test/a.png"`: true, `"https://cdn.example/a.png?s=64#x"`: true, `"HTTPS://idp.example.test/a.png"`: true,
		`"http://idp.example.test/a.png"`: false, `"javascript:alert(1)"`: false, `"JavaScript:alert(1)//https://x.example"`: false, `"data:image/png;base64,AA"`: false,
		`"//idp.example.test/a.png"`: false, `"/a.png"`: false, `"a.png"`: false, `"https:///a.png"`: false, `"https:a.png"`: false, `"https://"`: false,
		`"https://alice:secret@idp.example.test/a.png"`: false, `"https://idp.example.test@evil.example/a.png"`: false,
		`"https://idp.example.test/\u202egnp"`: false, `"https://idp.example.test/\n"`: false, `" https://idp.example.test/a.png"`: false, `"https://%zz/"`: false,
		`"file:///etc/passwd"`: false, `"blob:https://idp.example.test/x"`: false, `"ftp://idp.example.test/a.png"`: false,
		`"https://idp.example.test/` + strings.Repeat("a", 2048) + `"`: false, `5`: false, `null`: false, `["https://idp.example.test/a.png"]`: false,
	} {
		t.Run(fmt.Sprintf("%.60s", sent), func(t *testing.T) {
			t.Parallel()
			id := identityWith(t, `"picture":`+sent)
			if want := strings.Trim(sent, `"`); kept && id.Picture != want || !kept && id.Picture != "" {
				t.Errorf("picture %q", id.Picture)
			}
		})
	}
}

func TestHowAndWhenSomebodySignedIn(t *testing.T) {
	t.Parallel()
	id := identityWith(t, `"x":1`, func(tr *trial) {
		tr.faults(func(f *oidcssotest.Faults) {
			f.IDTokenClaims = func(m map[string]any) {
				m["acr"], m["amr"], m["sid"], m["auth_time"] = "urn:mfa", []string{"pwd", "otp"}, "session-9", trialTime.Unix()-30
			}
		})
	})
	if id.ACR != "urn:mfa" || !slices.Equal(id.AMR, []string{"pwd", "otp"}) || id.SessionID != "session-9" ||
		id.AuthTime.Unix() != trialTime.Unix()-30 || id.Expiry.Unix() != trialTime.Unix()+600 {
		t.Errorf("got %+v", id)
	}
	bare := identityWith(t, `"x":1`, func(tr *trial) {
		tr.faults(func(f *oidcssotest.Faults) {
			f.IDTokenClaims = func(m map[string]any) {
				m["acr"], m["amr"], m["sid"] = 1, []int{1}, nil
				delete(m, "auth_time")
			}
		})
	})
	if bare.ACR != "" || bare.AMR != nil || bare.SessionID != "" || !bare.AuthTime.IsZero() {
		t.Errorf("of what can't be read came %+v", bare)
	}
	unsigned := identityWith(t, `"x":1`, func(tr *trial) {
		tr.cfg.UserInfo = oidcsso.UserInfoAlways
		tr.faults(func(f *oidcssotest.Faults) {
			f.IDTokenClaims = func(m map[string]any) {
				for _, name := range []string{"acr", "amr", "sid", "auth_time"} {
					delete(m, name)
				}
			}
			f.UserInfoClaims = func(m map[string]any) {
				m["acr"], m["amr"], m["sid"], m["auth_time"] = "urn:mfa", []string{"otp"}, "session-9", trialTime.Unix()
			}
		})
	})
	if unsigned.ACR != "" || unsigned.AMR != nil || unsigned.SessionID != "" || !unsigned.AuthTime.IsZero() {
		t.Errorf("UserInfo, which nobody signed, said how and when: %+v", unsigned)
	}
}

func TestTokensOnlyWhenKept(t *testing.T) {
	t.Parallel()
	if id := identityWith(t, `"x":1`); id.Tokens != nil {
		t.Error("the tokens are there, though nobody asked for them")
	}
	tr := newTrial(t, "")
	tr.opts.KeepTokens = true
	tr.cfg.Scopes = []string{"offline_access"}
	tr.begin()
	id, err := tr.finish()
	if err != nil {
		t.Fatal(err)
	}
	tr.wantNoLeak(id, nil)
	tokens := id.Tokens
	if tokens == nil || tokens.Access.IsZero() || tokens.Refresh.IsZero() || strings.Count(tokens.ID.Reveal(), ".") != 2 ||
		tokens.Expiry.Unix() != trialTime.Unix()+3600 {
		t.Fatalf("tokens %+v, want all", tokens)
	}
	if !slices.Contains(tr.wire.confidences(), tokens.Access.Reveal()) || !slices.Contains(tr.wire.confidences(), tokens.Refresh.Reveal()) {
		t.Error("the tokens are not those of the token response")
	}
	text, err := json.Marshal(tokens)
	if err != nil {
		t.Fatal(err)
	}
	for _, print := range []string{string(text), fmt.Sprintf("%v %+v %#v %s", tokens, *tokens, *tokens, tokens.Access), logged(tokens)} {
		for _, secret := range []string{tokens.Access.Reveal(), tokens.Refresh.Reveal(), tokens.ID.Reveal()} {
			if strings.Contains(print, secret) {
				t.Errorf("a token is in %q", print)
			}
		}
	}
}

// The JSON is an interface of programs, too: its names are those of the claims, and no other than these.
func TestIdentityJSON(t *testing.T) {
	t.Parallel()
	tr := newTrial(t, "")
	tr.opts.KeepTokens = true
	tr.faults(func(f *oidcssotest.Faults) { f.IDTokenClaims = func(m map[string]any) { m["sid"] = "session-9" } })
	tr.alice.Groups = []string{"staff"}
	tr.begin()
	id, err := tr.finish()
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(id)
	if err != nil {
		t.Fatal(err)
	}
	var got, want map[string]any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(`{"connector":"acme","issuer":"https://idp.example.test","subject":"alice","email":"alice@acme.test",
		"email_status":"trusted","domain":{"name":"acme.test","wildcard":false,"state":"asserted"},"name":"Alice Ames",
		"groups":["staff"],"groups_status":"listed","acr":"0","amr":["pwd"],"sid":"session-9"}`), &want); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"auth_time", "expiry"} {
		if got[name] == nil {
			t.Errorf("%s is missing", name)
		}
		delete(got, name)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %s", text)
	}
}
