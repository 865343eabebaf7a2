package oidcsso_test

import (
	"fmt"
	"go/ast"
	"go/doc/comment"
	"go/parser"
	"go/token"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/oidcsso/oidcsso"
)

// contract is the numbered list at Connector.Finish. TestContractIsDocumented compares the two.
var contract = []struct {
	number  int
	name    string
	attacks []attack
}{
	{1, "enabled", attacksOnEnabled},
	{2, "login", attacksOnLogin},
	{3, "state", attacksOnState},
	{4, "binding", attacksOnBinding},
	{5, "purpose", attacksOnPurpose},
	{6, "configuration", attacksOnConfiguration},
	{7, "parameters", attacksOnParameters},
	{8, "redirect URI", attacksOnRedirectURI},
	{9, "iss", attacksOnIss},
	{10, "error", attacksOnError},
	{11, "token response", attacksOnTokenResponse},
	{12, "signature", attacksOnSignature},
	{13, "strict", attacksOnStrictness},
	{14, "kind", attacksOnKind},
	{15, "issuer", attacksOnIssuer},
	{16, "audience", attacksOnAudience},
	{17, "time", attacksOnTime},
	{18, "nonce", attacksOnNonce},
	{19, "subject", attacksOnSubject},
	{20, "access token", attacksOnAccessToken},
	{21, "auth_time", attacksOnAuthTime},
	{22, "userinfo", attacksOnUserInfo},
	{23, "email", attacksOnEmail},
}

// attack is one way to interfere with a sign-in, or one that must do no harm.
type attack struct {
	name   string
	issuer string       // default: trialIssuer
	before func(*trial) // before Alice is sent to the identity provider
	during func(*trial) // when she is on her way back
	// code is what Finish refuses with; empty: she is signed in.
	code oidcsso.Code
	// cause is what the cause must name. Default: the check, where the ID token is rejected.
	cause string
	// check is what Error.Check names. Default: the item of the contract that the attack is on.
	check string
	// also looks at what is particular to the outcome; one of the two is nil.
	also func(*testing.T, *oidcsso.Identity, *oidcsso.Error)
}

// The requests that may have been made when a check refuses: none before the token request, and no more than that before
// UserInfo is asked.
const (
	tokenRequestAt = 11
	userInfoAt     = 22
	emailAt        = 23
)

// Every attack must be refused with its exact code, nothing that comes later may have happened, and nothing that is secret or
// hostile may be in the error.
func TestFinishContract(t *testing.T) {
	t.Parallel()
	for _, c := range contract {
		t.Run(fmt.Sprintf("%d %s", c.number, c.name), func(t *testing.T) {
			t.Parallel()
			for _, a := range slices.Concat(c.attacks, vectorsOf(t, c.number, c.name)) {
				t.Run(a.name, func(t *testing.T) {
					t.Parallel()
					a.run(t, c.number, c.name)
				})
			}
		})
	}
}

func (a *attack) run(t *testing.T, number int, name string) {
	tr := newTrial(t, a.issuer)
	tr.events = &recorder{}
	tr.opts.Events = tr.events
	if a.before != nil {
		a.before(tr)
	}
	tr.begin()
	if a.during != nil {
		a.during(tr)
	}
	told := tr.events.count()
	id, err := tr.finish()
	tr.events.wantOutcome(t, told, id, err)
	tr.wantNoLeak(id, err)
	exchanges, userInfos := 1, 0
	if tr.cfg.UserInfo == oidcsso.UserInfoAlways {
		userInfos = 1
	}
	if a.code == "" {
		if err != nil {
			t.Fatalf("got %v, want Alice signed in", err)
		}
		if a.also != nil {
			a.also(t, id, nil)
		}
	} else {
		e := a.wantRefusal(t, tr, id, err, name)
		if a.also != nil {
			a.also(t, nil, e)
		}
		if number < tokenRequestAt {
			exchanges = 0
		}
		if number < userInfoAt {
			userInfos = 0
		}
		if n := tr.source.asked(); number < emailAt && n != 0 {
			t.Errorf("the Source was asked %d times", n)
		}
	}
	tr.wantExchanges(exchanges, tr.code())
	if n := tr.wire.askedUserInfo(); number != userInfoAt && n != userInfos {
		t.Errorf("%d UserInfo requests, want %d", n, userInfos)
	}
}

func (a *attack) wantRefusal(t *testing.T, tr *trial, id *oidcsso.Identity, err error, name string) *oidcsso.Error {
	t.Helper()
	if err == nil {
		t.Fatalf("%s was signed in, want %s", id.Subject, a.code)
	}
	e := finishError(t, err)
	if e.Code != a.code || id != nil {
		t.Fatalf("got %v with identity %v, want %s", err, id, a.code)
	}
	cause := a.cause
	if cause == "" && a.code == oidcsso.CodeTokenRejected {
		cause = "ID token: " + name + ": "
	}
	if cause != "" && (e.Unwrap() == nil || !strings.Contains(e.Unwrap().Error(), cause)) {
		t.Errorf("the cause is %v, want one with %q", e.Unwrap(), cause)
	}
	if a.check != "" {
		name = a.check
	}
	if e.Check != name {
		t.Errorf("the error is of the check %q, want %q", e.Check, name)
	}
	if e.Connector != tr.connector.ID() {
		t.Errorf("connector %q in the error", e.Connector)
	}
	if tr.login != nil && (e.ReturnTo != tr.login.ReturnTo() || string(e.Data) != string(tr.login.Data())) {
		t.Errorf("the error has ReturnTo %q and Data %q, want the Login's", e.ReturnTo, e.Data)
	}
	return e
}

// code is the one in the authorization response.
func (tr *trial) code() string {
	values := tr.response.Values
	if u, err := url.Parse(tr.response.URL); values == nil && err == nil {
		values = u.Query()
	}
	return values.Get("code")
}

// The numbered list in the documentation, what Checks gives and the subtests are the same, so that none can be changed alone.
func TestContractIsDocumented(t *testing.T) {
	t.Parallel()
	documented := documentedChecks(t)
	var tested, names []string
	for _, c := range contract {
		names = append(names, c.name)
		tested = append(tested, fmt.Sprintf("%d %s", c.number, c.name))
		if len(c.attacks) == 0 {
			t.Errorf("%d %s has no attacks", c.number, c.name)
		}
	}
	if !slices.Equal(documented, tested) {
		t.Errorf("documented are\n%s\nand tested are\n%s", strings.Join(documented, "\n"), strings.Join(tested, "\n"))
	}
	if listed := oidcsso.Checks(); !slices.Equal(listed, names) {
		t.Errorf("Checks gives %q, and tested are %q", listed, names)
	}
}

// documentedChecks reads the list in the comment of Connector.Finish: "12 signature".
func documentedChecks(t *testing.T) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "callback.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(file.Decls, func(d ast.Decl) bool {
		f, ok := d.(*ast.FuncDecl)
		return ok && f.Name.Name == "Finish" && f.Recv != nil
	})
	if i < 0 {
		t.Fatal("callback.go has no method Finish")
	}
	var checks []string
	for _, block := range new(comment.Parser).Parse(file.Decls[i].(*ast.FuncDecl).Doc.Text()).Content {
		list, ok := block.(*comment.List)
		if !ok {
			continue
		}
		for i, item := range list.Items {
			text, ok := item.Content[0].(*comment.Paragraph).Text[0].(comment.Plain)
			name, _, named := strings.Cut(string(text), ":")
			if !ok || !named || item.Number != strconv.Itoa(i+1) {
				t.Errorf("item %q of the list is not numbered %d and named before a colon", item.Number, i+1)
			}
			checks = append(checks, item.Number+" "+name)
		}
	}
	return checks
}
