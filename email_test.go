package oidcsso_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/oidcssotest"
)

// verdict is what came of an email claim: a status, or a code where the sign-in was refused.
type verdict struct {
	status oidcsso.EmailStatus
	code   oidcsso.Code
}

func refused(code oidcsso.Code) verdict           { return verdict{code: code} }
func signedIn(status oidcsso.EmailStatus) verdict { return verdict{status: status} }

// The table at EmailStatus, and a column more: an address in another connector's domain.
var emailTable = []struct {
	where      string
	hasDomains bool
	says       map[oidcssotest.EmailVerified]oidcsso.EmailStatus // guest stands for outside
}{
	{"inside", true, map[oidcssotest.EmailVerified]oidcsso.EmailStatus{
		oidcssotest.SaysVerified: oidcsso.EmailTrusted, oidcssotest.SaysUnverified: oidcsso.EmailUnverified, oidcssotest.SaysNothing: oidcsso.EmailTrusted}},
	{"outside", true, map[oidcssotest.EmailVerified]oidcsso.EmailStatus{
		oidcssotest.SaysVerified: oidcsso.EmailGuest, oidcssotest.SaysUnverified: oidcsso.EmailGuest, oidcssotest.SaysNothing: oidcsso.EmailGuest}},
	{"another connector's", true, map[oidcssotest.EmailVerified]oidcsso.EmailStatus{
		oidcssotest.SaysVerified: oidcsso.EmailGuest, oidcssotest.SaysUnverified: oidcsso.EmailGuest, oidcssotest.SaysNothing: oidcsso.EmailGuest}},
	{"a disabled connector's", true, map[oidcssotest.EmailVerified]oidcsso.EmailStatus{
		oidcssotest.SaysVerified: oidcsso.EmailGuest, oidcssotest.SaysUnverified: oidcsso.EmailGuest, oidcssotest.SaysNothing: oidcsso.EmailGuest}},
	{"nobody's", false, map[oidcssotest.EmailVerified]oidcsso.EmailStatus{
		oidcssotest.SaysVerified: oidcsso.EmailTrusted, oidcssotest.SaysUnverified: oidcsso.EmailUnverified, oidcssotest.SaysNothing: oidcsso.EmailSilent}},
	{"another connector's", false, map[oidcssotest.EmailVerified]oidcsso.EmailStatus{
		oidcssotest.SaysVerified: oidcsso.EmailGuest, oidcssotest.SaysUnverified: oidcsso.EmailGuest, oidcssotest.SaysNothing: oidcsso.EmailGuest}},
	{"a disabled connector's", false, map[oidcssotest.EmailVerified]oidcsso.EmailStatus{
		oidcssotest.SaysVerified: oidcsso.EmailGuest, oidcssotest.SaysUnverified: oidcsso.EmailGuest, oidcssotest.SaysNothing: oidcsso.EmailGuest}},
}

var emailSays = map[oidcssotest.EmailVerified]string{
	oidcssotest.SaysVerified: "verified", oidcssotest.SaysUnverified: "unverified", oidcssotest.SaysNothing: "silent",
}

// emailAt is an address in that place; see newEmailTrial for whose domains are whose.
var emailAtPlace = map[string]string{
	"inside": "alice@acme.test", "outside": "alice@free.test", "nobody's": "alice@free.test",
	"another connector's": "alice@globex.test", "a disabled connector's": "alice@initech.test",
}

// newEmailTrial has a Router with acme.test, globex.test and, of a disabled connector, initech.test.
func newEmailTrial(t *testing.T, hasDomains bool) *trial {
	tr := newTrial(t, "")
	tr.cfg.UserInfo = oidcsso.UserInfoNever
	if !hasDomains {
		tr.cfg.Domains = nil
	}
	return tr
}

func (tr *trial) beginWithRouter() {
	tr.t.Helper()
	router := oidcsso.NewRouter(tr.opts)
	globex, initech := tr.idp.Config("globex", "globex.test"), tr.idp.Config("initech", "initech.test")
	initech.Disabled = true
	if err := router.Replace([]oidcsso.Config{tr.cfg, globex, initech}); err != nil {
		tr.t.Fatal(err)
	}
	tr.source = &sourceOfTrial{Source: router}
	tr.begin()
}

// wantVerdict finishes, and checks all that follows from the status.
func (tr *trial) wantVerdict(want verdict, email string) *oidcsso.Identity {
	tr.t.Helper()
	id, err := tr.finish()
	tr.wantNoLeak(id, err)
	if want.code != "" {
		if err == nil {
			tr.t.Fatalf("signed in with status %s, want %s", id.EmailStatus, want.code)
		}
		if e := finishError(tr.t, err); e.Code != want.code || id != nil {
			tr.t.Fatalf("got %v with %v, want %s", err, id, want.code)
		}
		return nil
	}
	if err != nil {
		tr.t.Fatalf("got %v, want the status %s", err, want.status)
	}
	if want.status != oidcsso.EmailTrusted {
		email = ""
	}
	if id.EmailStatus != want.status || id.Email != email {
		tr.t.Fatalf("status %s with %q, want %s with %q", id.EmailStatus, id.Email, want.status, email)
	}
	return id
}

// verdictOf turns the cell of the table into what becomes of the sign-in.
func verdictOf(status oidcsso.EmailStatus, guests, required bool) verdict {
	switch {
	case status == oidcsso.EmailGuest && (!guests || required):
		return refused(oidcsso.CodeEmailOutside)
	case required && status == oidcsso.EmailAbsent:
		return refused(oidcsso.CodeEmailMissing)
	case required && status != oidcsso.EmailTrusted:
		return refused(oidcsso.CodeEmailUntrusted)
	}
	return signedIn(status)
}

// Every cell, with and without guests, with and without a required address; by the Router, and by the connector's own domains
// alone, which know nothing of other connectors.
func TestEveryCellOfTheEmailTable(t *testing.T) {
	t.Parallel()
	for _, column := range emailTable {
		for says, status := range column.says {
			for _, guests := range []bool{false, true} {
				for _, required := range []bool{false, true} {
					for _, routed := range []bool{true, false} {
						of := map[bool]string{true: "a connector with domains", false: "a connector without"}[column.hasDomains]
						name := fmt.Sprintf("%s, %s, %s, guests %t, required %t, with a Source %t", emailSays[says], column.where, of, guests, required, routed)
						t.Run(name, func(t *testing.T) {
							t.Parallel()
							tr := newEmailTrial(t, column.hasDomains)
							tr.cfg.AllowGuests, tr.cfg.RequireEmail = guests, required
							tr.alice.Email, tr.alice.EmailVerified = emailAtPlace[column.where], says
							tr.beginWithRouter()
							status := status
							if !routed {
								tr.response.Source = nil
								if !column.hasDomains { // whose else it is, nobody can say
									status = emailTable[4].says[says]
								}
							}
							id := tr.wantVerdict(verdictOf(status, guests, required), tr.alice.Email)
							if id != nil && (id.Domain.Name == "acme.test") != (column.where == "inside" && status == oidcsso.EmailTrusted) {
								t.Errorf("trusted under the domain %q", id.Domain.Name)
							}
						})
					}
				}
			}
		}
	}
}

// A mention of email_verified counts only for what it is, and only where it stands.
func TestWhatEmailVerifiedMeans(t *testing.T) {
	t.Parallel()
	trusted, unverified, silent := oidcsso.EmailTrusted, oidcsso.EmailUnverified, oidcsso.EmailSilent
	for _, row := range []struct {
		value           string
		inside, without oidcsso.EmailStatus
	}{
		{`true`, trusted, trusted}, {`"true"`, trusted, trusted},
		{`false`, unverified, unverified}, {`"false"`, unverified, unverified},
		{`null`, unverified, unverified}, {`"True"`, unverified, unverified}, {`"TRUE"`, unverified, unverified}, {`"False"`, unverified, unverified},
		{`1`, unverified, unverified}, {`0`, unverified, unverified}, {`"1"`, unverified, unverified}, {`"yes"`, unverified, unverified},
		{`""`, unverified, unverified}, {`" true"`, unverified, unverified}, {`[true]`, unverified, unverified}, {`{"value":true}`, unverified, unverified},
		{``, trusted, silent}, // not there
	} {
		claim := `"email_verified":` + row.value + `,`
		if row.value == "" {
			claim = ""
		}
		for _, inUserInfo := range []bool{false, true} {
			for _, hasDomains := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s in UserInfo %t, with domains %t", row.value, inUserInfo, hasDomains), func(t *testing.T) {
					t.Parallel()
					tr := newEmailTrial(t, hasDomains)
					tr.alice.EmailVerified = oidcssotest.SaysNothing
					says := func(b string) string { return strings.Replace(b, "{", "{"+claim, 1) }
					if inUserInfo {
						tr.cfg.UserInfo = oidcsso.UserInfoWhenNeeded
						tr.idp.Configure(func(s *oidcssotest.Settings) { s.ClaimsInUserInfoOnly = true })
						tr.faults(func(f *oidcssotest.Faults) {
							f.UserInfo.Body = func(b []byte) []byte { return []byte(says(string(b))) }
						})
					} else {
						payload(says)(tr)
					}
					tr.beginWithRouter()
					want := row.without
					if hasDomains {
						want = row.inside
					}
					tr.wantVerdict(signedIn(want), "alice@acme.test")
				})
			}
		}
	}
}

// An address of one document is not verified by the other one.
func TestEmailAndEmailVerifiedAreOfOneDocument(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name              string
		idToken, userInfo string // members that the documents have
		want              oidcsso.EmailStatus
	}{
		{"the address of UserInfo, verified in the ID token", `"email_verified":true,`, `"email":"alice@free.test",`, oidcsso.EmailSilent},
		{"the address of UserInfo, unverified in the ID token", `"email_verified":false,`, `"email":"alice@free.test",`, oidcsso.EmailSilent},
		{"the address of UserInfo, verified there, unverified in the ID token", `"email_verified":false,`, `"email":"alice@free.test","email_verified":true,`, oidcsso.EmailTrusted},
		{"the address of the ID token, verified in UserInfo", `"email":"alice@free.test",`, `"email_verified":true,`, oidcsso.EmailSilent},
		{"the address of the ID token, unverified in UserInfo", `"email":"alice@free.test",`, `"email_verified":false,`, oidcsso.EmailSilent},
		{"another address verified in UserInfo", `"email":"alice@free.test",`, `"email":"boss@free.test","email_verified":true,`, oidcsso.EmailSilent},
		{"an empty address of the ID token, verified there", `"email":"","email_verified":true,`, `"email":"alice@free.test",`, oidcsso.EmailSilent},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			tr := newEmailTrial(t, false)
			tr.cfg.UserInfo = oidcsso.UserInfoAlways
			tr.alice.Email = ""
			tr.faults(func(f *oidcssotest.Faults) {
				f.IDTokenPayload = func(b []byte) []byte { return []byte(strings.Replace(string(b), "{", "{"+row.idToken, 1)) }
				f.UserInfo.Body = func(b []byte) []byte { return []byte(strings.Replace(string(b), "{", "{"+row.userInfo, 1)) }
			})
			tr.beginWithRouter()
			tr.wantVerdict(signedIn(row.want), "alice@free.test")
		})
	}
}

// An address from any other claim is one of which the identity provider says nothing.
func TestEmailFromAnotherClaim(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, claim, member string
		hasDomains          bool
		want                verdict
		email               string
	}{
		{"a UPN inside", "upn", `"upn":"alice@acme.test"`, true, signedIn(oidcsso.EmailTrusted), "alice@acme.test"},
		{"a UPN inside, though the email is unverified", "upn", `"upn":"alice@acme.test","email_verified":false`, true, signedIn(oidcsso.EmailTrusted), "alice@acme.test"},
		{"a UPN inside, though the email is outside", "upn", `"upn":"alice@acme.test","email":"alice@free.test"`, true, signedIn(oidcsso.EmailTrusted), "alice@acme.test"},
		{"a UPN outside, though the email is inside", "upn", `"upn":"alice@free.test","email":"alice@acme.test"`, true, refused(oidcsso.CodeEmailOutside), ""},
		{"a UPN, though email_verified is true, without domains", "upn", `"upn":"alice@free.test","email_verified":true`, false, signedIn(oidcsso.EmailSilent), ""},
		{"a nested claim", "contact.mail", `"contact":{"mail":"alice@acme.test"}`, true, signedIn(oidcsso.EmailTrusted), "alice@acme.test"},
		{"a claim with dots in its name", "https://acme.example/mail", `"https://acme.example/mail":"alice@acme.test"`, true, signedIn(oidcsso.EmailTrusted), "alice@acme.test"},
		{"email, by its name", "email", `"email":"alice@free.test","email_verified":true`, false, signedIn(oidcsso.EmailTrusted), "alice@free.test"},
		{"EMAIL is not email", "EMAIL", `"EMAIL":"alice@free.test","email_verified":true`, false, signedIn(oidcsso.EmailSilent), ""},
		{"email is not EMAIL", "", `"EMAIL":"alice@acme.test"`, true, signedIn(oidcsso.EmailAbsent), ""},
		{"not there", "upn", `"email":"alice@acme.test","email_verified":true`, true, signedIn(oidcsso.EmailAbsent), ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			tr := newEmailTrial(t, row.hasDomains)
			tr.alice.Email, tr.cfg.EmailClaim = "", row.claim
			payload(func(p string) string { return "{" + row.member + "," + p[1:] })(tr)
			tr.beginWithRouter()
			tr.wantVerdict(row.want, row.email)
		})
	}
}

func TestTextsThatAreNoAddress(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`"alice"`, `"@acme.test"`, `"alice@"`, `"alice@acme"`, `"alice@[127.0.0.1]"`, `"alice@127.0.0.1"`, `"a@b@acme.test"`, `"alice@acme.test,boss@acme.test"`,
		`"Alice <alice@acme.test>"`, `"\"alice\"@acme.test"`, `"alice@acme.test\u0000"`, `"alice\u0000@acme.test"`, `"al ice@acme.test"`, `"ålice@acme.test"`,
		`"alice@acme.test\u200b@free.test"`, `"alice%free.test@acme.test"`, `"alice@acme..test"`, `""`, `null`, `1`, `true`, `["alice@acme.test"]`, `{"value":"alice@acme.test"}`,
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			for _, required := range []bool{false, true} {
				tr := newEmailTrial(t, true)
				tr.alice.Email, tr.cfg.RequireEmail = "", required
				payload(func(p string) string { return `{"email":` + text + `,"email_verified":true,` + p[1:] })(tr)
				tr.beginWithRouter()
				tr.wantVerdict(verdictOf(oidcsso.EmailAbsent, false, required), "")
			}
		})
	}
}

// Notations of one domain, and wildcards: the Source decides, by the canonical name.
func TestEmailIsCanonicalAndUnderTheDomainThatMatched(t *testing.T) {
	t.Parallel()
	for sent, want := range map[string]struct{ email, domain string }{
		"Alice@ACME.test":          {"Alice@acme.test", "acme.test"},
		"alice@acme.test.":         {"alice@acme.test", "acme.test"},
		" alice@acme.test ":        {"alice@acme.test", "acme.test"},
		"alice@ａcme.test":          {"alice@acme.test", "acme.test"},
		"alice@bücher.test":        {"alice@xn--bcher-kva.test", "xn--bcher-kva.test"},
		"alice@eu.acme.test":       {"alice@eu.acme.test", "*.acme.test"},
		"alice@vpn.eu.acme.test":   {"alice@vpn.eu.acme.test", "*.eu.acme.test"},
		"alice+tag@sub.acme.test":  {"alice+tag@sub.acme.test", "*.acme.test"},
		"alice@a.b.c.d.acme.test":  {"alice@a.b.c.d.acme.test", "*.acme.test"},
		"o'alice.b@eu.acme.test":   {"o'alice.b@eu.acme.test", "*.acme.test"},
		"alice@xn--bcher-kva.test": {"alice@xn--bcher-kva.test", "xn--bcher-kva.test"},
	} {
		t.Run(sent, func(t *testing.T) {
			t.Parallel()
			for _, routed := range []bool{true, false} {
				tr := newEmailTrial(t, true)
				tr.cfg.Domains = oidcsso.AssertDomains("acme.test", "*.acme.test", "*.eu.acme.test", "bücher.test")
				for i := range tr.cfg.Domains {
					tr.cfg.Domains[i].ClaimID = "claim-" + tr.cfg.Domains[i].String()
				}
				tr.alice.Email = sent
				tr.beginWithRouter()
				if !routed {
					tr.response.Source = nil
				}
				id := tr.wantVerdict(signedIn(oidcsso.EmailTrusted), want.email)
				if id.Domain.String() != want.domain || !strings.HasPrefix(id.Domain.ClaimID, "claim-") {
					t.Errorf("trusted under %+v, want %s", id.Domain, want.domain)
				}
				if raw, ok := id.Claim("email"); !ok {
					t.Error("the raw claim is gone")
				} else if text, _ := raw.Text(); text != sent {
					t.Errorf("the raw claim is %q", text)
				}
			}
		})
	}
}

// A domain that is only claimed trusts nothing, and does not make the connector a plain button either, which would believe more.
func TestClaimedDomainTrustsNothing(t *testing.T) {
	t.Parallel()
	for _, routed := range []bool{true, false} {
		tr := newEmailTrial(t, true)
		tr.cfg.Domains = []oidcsso.Domain{{Name: "acme.test"}}
		tr.beginWithRouter()
		if !routed {
			tr.response.Source = nil
		}
		tr.wantVerdict(refused(oidcsso.CodeEmailOutside), "")
	}
}

// What a connector's own list says is of no account where the Source says otherwise: the domain moved.
func TestSourceOverrulesTheConnectorsOwnDomains(t *testing.T) {
	t.Parallel()
	tr := newEmailTrial(t, true)
	tr.beginWithRouter()
	tr.cfg.Domains = nil
	router := tr.source.Source.(*oidcsso.Router)
	if err := router.Put(tr.cfg); err != nil {
		t.Fatal(err)
	}
	tr.wantVerdict(refused(oidcsso.CodeEmailOutside), "") // the connector at hand still has acme.test
}

func TestRemediesOfEmail(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, remedy string
		code         oidcsso.Code
		change       func(*trial)
	}{
		{"a guest where an address is required", "Switch one of the two off", oidcsso.CodeEmailOutside, func(tr *trial) {
			tr.cfg.AllowGuests, tr.alice.Email = true, "alice@free.test"
		}},
		{"an unverified address", "says that this address is not verified", oidcsso.CodeEmailUntrusted, func(tr *trial) {
			tr.alice.EmailVerified = oidcssotest.SaysUnverified
		}},
		{"a silent identity provider", "does not say whether", oidcsso.CodeEmailUntrusted, func(tr *trial) {
			tr.cfg.Domains, tr.alice.EmailVerified = nil, oidcssotest.SaysNothing
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			tr := newEmailTrial(t, true)
			tr.cfg.RequireEmail = true
			row.change(tr)
			tr.beginWithRouter()
			_, err := tr.finish()
			if e := finishError(t, err); e.Code != row.code || !strings.Contains(e.Remedy, row.remedy) {
				t.Errorf("%s with the remedy %q, want %s with %q", e.Code, e.Remedy, row.code, row.remedy)
			}
		})
	}
}
