package oidcsso_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/oidcssotest"
)

const userInfoRejected = oidcsso.CodeUserInfoRejected

var attacksOnUserInfo = []attack{
	// It speaks of somebody else, or of nobody.
	{name: "the access token is somebody else's", code: userInfoRejected, cause: "sub is not the expected one", before: func(tr *trial) {
		tr.faults(func(f *oidcssotest.Faults) { f.UserInfoSubject = "mallory" })
	}},
	userInfo("sub in another case", "sub is not the expected one", func(m map[string]any) { m["sub"] = "Alice" }),
	userInfo("sub with a space", "sub is not the expected one", func(m map[string]any) { m["sub"] = "alice " }),
	userInfo("sub in an array", "sub is not the expected one", func(m map[string]any) { m["sub"] = []string{"alice"} }),
	userInfo("sub null", "sub is not the expected one", func(m map[string]any) { m["sub"] = nil }),
	userInfo("sub empty", "sub is not the expected one", func(m map[string]any) { m["sub"] = "" }),
	userInfo("no sub", "sub is missing", func(m map[string]any) { delete(m, "sub") }),
	userInfo("no sub but a Sub", "sub is missing", func(m map[string]any) { m["Sub"] = m["sub"]; delete(m, "sub") }),

	// It can't be read, or in two ways.
	userInfoAnswer("HTML", userInfoRejected, 200, "text/html", "<h1>"+planted),
	userInfoAnswer("a signed answer", userInfoRejected, 200, "application/jwt", base64url(`{"alg":"ES256"}`)+"."+planted+".x"),
	userInfoAnswer("nothing", userInfoRejected, 200, jsonType, ""),
	userInfoAnswer("null", userInfoRejected, 200, jsonType, "null"),
	userInfoAnswer("an array", userInfoRejected, 200, jsonType, `[{"sub":"alice"}]`),
	userInfoAnswer("a string", userInfoRejected, 200, jsonType, `"alice"`),
	userInfoAnswer("sub twice", userInfoRejected, 200, jsonType, `{"sub":"alice","sub":"alice"}`),
	userInfoAnswer("EMAIL beside email", userInfoRejected, 200, jsonType, `{"sub":"alice","email":"alice@acme.test","EMAIL":"boss@acme.test"}`),
	userInfoAnswer("a lone surrogate", userInfoRejected, 200, jsonType, `{"sub":"alice","name":"\ud800"}`),
	userInfoAnswer("invalid UTF-8", userInfoRejected, 200, jsonType, "{\"sub\":\"alice\",\"name\":\"\xff\"}"),
	userInfoAnswer("two documents", userInfoRejected, 200, jsonType, `{"sub":"alice"}{"sub":"alice"}`),
	userInfoAnswer("33 brackets deep", userInfoRejected, 200, jsonType, `{"sub":"alice","x":`+strings.Repeat("[", 32)+strings.Repeat("]", 32)+`}`),
	userInfoAnswer("over a megabyte", userInfoRejected, 200, jsonType, `{"sub":"alice"}`+strings.Repeat(" ", 1<<20)),
	userInfoAnswer("status 401", userInfoRejected, 401, jsonType, `{"error":"invalid_token","error_description":"`+planted+`"}`),
	userInfoAnswer("status 403", userInfoRejected, 403, "text/html", planted),
	userInfoAnswer("status 404", userInfoRejected, 404, "text/html", planted),
	userInfoAnswer("status 201 with sound claims", userInfoRejected, 201, jsonType, `{"sub":"alice"}`),
	userInfoAnswer("status 429", oidcsso.CodeUnavailable, 429, "text/html", planted),
	userInfoAnswer("status 500", oidcsso.CodeUnavailable, 500, jsonType, `{"sub":"alice"}`),
	userInfoAnswer("status 503", oidcsso.CodeUnavailable, 503, "", ""),
	{name: "a redirect to another host", code: userInfoRejected, cause: "redirect", before: func(tr *trial) {
		tr.faults(func(f *oidcssotest.Faults) { f.UserInfo.RedirectTo = "https://evil.example/" + planted })
	}},
	{name: "there is no UserInfo, though it is to be asked always", code: userInfoRejected, cause: "no UserInfo endpoint",
		before: withoutUserInfoEndpoint},
	{name: "asked for the email, it fails", code: userInfoRejected, before: func(tr *trial) {
		tr.cfg.UserInfo = oidcsso.UserInfoWhenNeeded
		tr.faults(func(f *oidcssotest.Faults) {
			f.IDTokenClaims = func(m map[string]any) { delete(m, "email") }
			f.UserInfoSubject = "mallory"
		})
	}},
	{name: "the media type is another one than JSON's", before: func(tr *trial) {
		tr.faults(func(f *oidcssotest.Faults) {
			f.UserInfo.Handler = oidcssotest.Answer(200, "text/plain", `{"sub":"alice"}`)
		})
	}},
}

func userInfo(name, cause string, edit func(map[string]any)) attack {
	return attack{name: name, code: userInfoRejected, cause: cause, before: func(tr *trial) {
		tr.faults(func(f *oidcssotest.Faults) { f.UserInfoClaims = edit })
	}}
}

func userInfoAnswer(name string, code oidcsso.Code, status int, contentType, body string) attack {
	return attack{name: "it is " + name, code: code, before: func(tr *trial) {
		tr.faults(func(f *oidcssotest.Faults) { f.UserInfo.Handler = oidcssotest.Answer(status, contentType, body) })
	}, also: func(t *testing.T, _ *oidcsso.Identity, e *oidcsso.Error) {
		if strings.Contains(contentType, "jwt") && !strings.Contains(e.Remedy, "signed") {
			t.Errorf("the remedy is %q, want one about signed answers", e.Remedy)
		}
	}}
}

func withoutUserInfoEndpoint(tr *trial) {
	tr.faults(func(f *oidcssotest.Faults) { f.Metadata = func(m map[string]any) { delete(m, "userinfo_endpoint") } })
}

// When UserInfo is asked, and that its answer is used for what the ID token lacks and for nothing else.
func TestUserInfoFillsGapsOnly(t *testing.T) {
	t.Parallel()
	boss := func(m map[string]any) { // what an identity provider would say of somebody else
		m["email"], m["email_verified"], m["name"] = "boss@acme.test", true, "The Boss"
		m["auth_time"], m["acr"], m["amr"], m["sid"] = 1, "boss", []string{"boss"}, "boss"
		m["iss"], m["exp"], m["picture"], m["groups"] = "https://evil.example", 1, "https://idp.example.test/boss.png", []string{"bosses"}
	}
	without := func(names ...string) func(map[string]any) {
		return func(m map[string]any) {
			for _, name := range names {
				delete(m, name)
			}
		}
	}
	set := func(name string, value any) func(map[string]any) { return func(m map[string]any) { m[name] = value } }
	for _, row := range []struct {
		name    string
		mode    oidcsso.UserInfoMode
		idToken func(map[string]any)
		config  func(*oidcsso.Config)
		asked   int
		email   string
	}{
		{"nothing is missing", oidcsso.UserInfoWhenNeeded, nil, nil, 0, "alice@acme.test"},
		{"nothing is missing, asked always", oidcsso.UserInfoAlways, nil, nil, 1, "alice@acme.test"},
		{"the name alone is missing", oidcsso.UserInfoWhenNeeded, without("name"), nil, 0, "alice@acme.test"},
		{"groups are missing, and nobody named them", oidcsso.UserInfoWhenNeeded, without("groups"), nil, 0, "alice@acme.test"},
		{"the email is missing", oidcsso.UserInfoWhenNeeded, without("email"), nil, 1, "boss@acme.test"},
		{"the email is null", oidcsso.UserInfoWhenNeeded, set("email", nil), nil, 1, "boss@acme.test"},
		{"the email is empty", oidcsso.UserInfoWhenNeeded, set("email", ""), nil, 1, "boss@acme.test"},
		{"the email is a number, which is no gap", oidcsso.UserInfoWhenNeeded, set("email", 1), nil, 0, ""},
		{"the email is no address, which is no gap", oidcsso.UserInfoAlways, set("email", "alice"), nil, 1, ""},
		{"the email is missing, never asked", oidcsso.UserInfoNever, without("email"), nil, 0, ""},
		{"everything is missing, never asked", oidcsso.UserInfoNever, without("email", "name", "groups"), func(c *oidcsso.Config) { c.GroupsClaim = "groups" }, 0, ""},
		{"the groups claim is missing", oidcsso.UserInfoWhenNeeded, nil, func(c *oidcsso.Config) { c.GroupsClaim = "groups" }, 1, "alice@acme.test"},
		{"the groups claim is there", oidcsso.UserInfoWhenNeeded, set("groups", []string{}), func(c *oidcsso.Config) { c.GroupsClaim = "groups" }, 0, "alice@acme.test"},
		{"the groups claim is elsewhere", oidcsso.UserInfoWhenNeeded, func(m map[string]any) { m["hasgroups"] = true }, func(c *oidcsso.Config) { c.GroupsClaim = "groups" }, 0, "alice@acme.test"},
		{"the email claim of the connector is missing", oidcsso.UserInfoWhenNeeded, nil, func(c *oidcsso.Config) { c.EmailClaim = "upn" }, 1, ""},
		{"the email claim of the connector is there", oidcsso.UserInfoWhenNeeded, set("upn", "alice@acme.test"), func(c *oidcsso.Config) { c.EmailClaim = "upn" }, 0, "alice@acme.test"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			tr := newTrial(t, "")
			tr.cfg.UserInfo = row.mode
			if row.config != nil {
				row.config(&tr.cfg)
			}
			tr.faults(func(f *oidcssotest.Faults) { f.IDTokenClaims, f.UserInfoClaims = row.idToken, boss })
			tr.begin()
			id, err := tr.finish()
			if err != nil {
				t.Fatal(err)
			}
			tr.wantNoLeak(id, nil)
			if n := tr.wire.askedUserInfo(); n != row.asked {
				t.Errorf("UserInfo was asked %d times, want %d", n, row.asked)
			}
			if id.Email != row.email {
				t.Errorf("email %q, want %q", id.Email, row.email)
			}
			if id.Issuer != trialIssuer || id.Subject != "alice" || id.ACR == "boss" || id.SessionID == "boss" || id.AMR[0] == "boss" ||
				!id.AuthTime.Equal(trialTime) || id.Expiry.Unix() == 1 {
				t.Errorf("UserInfo said when and how, or who, signed in: %+v", id)
			}
			if row.idToken == nil && id.Name != "Alice Ames" {
				t.Errorf("UserInfo overrode the name: %q", id.Name)
			}
		})
	}
}

func TestNoUserInfoEndpointIsNoFaultUnlessAskedAlways(t *testing.T) {
	t.Parallel()
	tr := newTrial(t, "")
	tr.cfg.UserInfo = oidcsso.UserInfoWhenNeeded
	withoutUserInfoEndpoint(tr)
	tr.faults(func(f *oidcssotest.Faults) { f.IDTokenClaims = func(m map[string]any) { delete(m, "email") } })
	tr.begin()
	id, err := tr.finish()
	if err != nil || id.EmailStatus != oidcsso.EmailAbsent {
		t.Fatalf("got %+v, %v, want Alice without an address", id, err)
	}
}

// The rest of the table at EmailStatus is in email_test.go.
var attacksOnEmail = []attack{
	{name: "in nobody's domain", code: oidcsso.CodeEmailOutside, cause: "in the domain free.test", before: func(tr *trial) { tr.alice.Email = "alice@free.test" }},
	{name: "in a domain below ours", code: oidcsso.CodeEmailOutside, before: func(tr *trial) { tr.alice.Email = "alice@sub.acme.test" }},
	{name: "in a domain that ends like ours", code: oidcsso.CodeEmailOutside, before: func(tr *trial) { tr.alice.Email = "alice@notacme.test" }},
	{name: "the domain moved to another connector while Alice was away", code: oidcsso.CodeEmailOutside, during: func(tr *trial) {
		globex := tr.idp.Config("globex", "acme.test")
		tr.replace(tr.cfg.ID, globex)
	}},
	{name: "the domain was released while Alice was away", code: oidcsso.CodeEmailOutside, during: func(tr *trial) { tr.replace(tr.cfg.ID) }},
	{name: "the connector was disabled after the look-up", code: oidcsso.CodeConnectorDisabled, during: func(tr *trial) {
		disabled := tr.cfg
		disabled.Disabled = true
		tr.replace("", disabled)
	}},
	{name: "nobody can say whose domain it is", code: oidcsso.CodeUnavailable, cause: errStoreDown.Error(), during: func(tr *trial) {
		tr.source.Source = brokenSource{errStoreDown}
	}},
	{name: "nobody's domain, and one of two stores is down", code: oidcsso.CodeUnavailable, during: func(tr *trial) {
		tr.source.Source = brokenSource{errors.Join(oidcsso.ErrNotFound, errStoreDown)}
	}},
	{name: "the Source answers with nothing", code: oidcsso.CodeUnavailable, during: func(tr *trial) { tr.source.Source = brokenSource{} }},
	{name: "required and missing", code: oidcsso.CodeEmailMissing, before: func(tr *trial) {
		tr.alice.Email, tr.cfg.RequireEmail = "", true
	}},
	{name: "missing", before: func(tr *trial) { tr.alice.Email = "" }},
}

var errStoreDown = errors.New("the store of connectors is down")

// brokenSource finds no connector and answers each domain with an error, or with nothing at all.
type brokenSource struct{ err error }

func (b brokenSource) Connector(context.Context, string) (*oidcsso.Connector, error) {
	return nil, b.err
}

func (b brokenSource) Route(context.Context, string) (*oidcsso.Route, error) {
	return nil, b.err
}

// replace takes the domains from one connector and adds others, in one step.
func (tr *trial) replace(without string, others ...oidcsso.Config) {
	tr.t.Helper()
	router := tr.source.Source.(*oidcsso.Router)
	var cfgs []oidcsso.Config
	if without != "" {
		own := tr.cfg
		own.Domains = oidcsso.AssertDomains("old.acme.test")
		cfgs = append(cfgs, own)
	}
	if err := router.Replace(append(cfgs, others...)); err != nil {
		tr.t.Fatal(err)
	}
}
