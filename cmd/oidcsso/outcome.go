package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/oidcsso/oidcsso"
)

// loginReport is what -json prints.
type loginReport struct {
	SignedIn bool                  `json:"signed_in"`
	Identity *oidcsso.Identity     `json:"identity"`
	Claims   map[string]shownClaim `json:"claims,omitempty"`
	Error    *failure              `json:"error"`
	Checks   []checkOutcome        `json:"checks"`
}

type shownClaim struct {
	Origin oidcsso.Origin  `json:"origin"`
	Value  json.RawMessage `json:"value"`
}

// failure is the administrator's face of an error.
type failure struct {
	Code   oidcsso.Code `json:"code"`
	Check  string       `json:"check,omitempty"`
	Cause  string       `json:"cause"`
	Remedy string       `json:"remedy"`
}

type checkOutcome struct {
	Number  int    `json:"number"`
	Name    string `json:"name"`
	Outcome string `json:"outcome"`
}

const (
	passed     = "passed"
	failed     = "failed"
	notReached = "not reached"
)

// outcomes are those of all checks. Without an error all have passed; one that is of no check came before the first.
func outcomes(e *oidcsso.Error) []checkOutcome {
	outcome := passed
	if e != nil && e.Check == "" {
		outcome = notReached
	}
	var all []checkOutcome
	for i, name := range oidcsso.Checks() {
		if e != nil && name == e.Check {
			all = append(all, checkOutcome{i + 1, name, failed})
			outcome = notReached
			continue
		}
		all = append(all, checkOutcome{i + 1, name, outcome})
	}
	return all
}

// outcome shows how the sign-in ended.
func (p *program) outcome(s *loginSettings, identity *oidcsso.Identity, err error) int {
	e := oidcsso.AsError(err)
	report := loginReport{SignedIn: e == nil, Identity: identity, Checks: outcomes(e)}
	if e != nil {
		report.Error = &failure{e.Code, e.Check, causeOf(e), here.Replace(e.Remedy)}
	} else {
		report.Claims = claims(identity, s.claims)
	}
	if s.json {
		p.out.json(report)
	} else {
		p.showOutcome(&report, s.claims)
	}
	if e != nil {
		return exitOfError(e)
	}
	return exitOK
}

// claims are those that were asked for and are there, and the address as it came where the library does not trust it.
func claims(identity *oidcsso.Identity, names []string) map[string]shownClaim {
	if identity.EmailStatus != oidcsso.EmailTrusted {
		names = append([]string{"email", "email_verified"}, names...)
	}
	found := map[string]shownClaim{}
	for _, name := range names {
		if claim, ok := identity.Claim(name); ok {
			found[name] = shownClaim{claim.Origin, claim.Raw()}
		}
	}
	return found
}

func (p *program) showOutcome(r *loginReport, asked []string) {
	p.out.printf("\n")
	if r.Error == nil {
		p.out.printf("Signed in.\n\n")
		p.showIdentity(r.Identity)
		p.showClaims(r.Claims, asked)
	} else {
		p.out.printf("Not signed in: %s\n\n", string(r.Error.Code))
		if r.Error.Check == "" { // nobody was sent to the identity provider
			p.out.indented("  ", "  ", r.Error.Cause)
		}
		p.out.indented("  > ", "    ", r.Error.Remedy)
		if r.Error.Check == "" {
			return
		}
	}
	p.out.printf("\nChecks\n\n")
	for _, check := range r.Checks {
		outcome := check.Outcome
		if outcome == failed {
			outcome += ": " + r.Error.Cause
		}
		const indent = "                      "
		p.out.indented(fmt.Sprintf("  %2d  %-14s  ", check.Number, check.Name), indent, outcome)
	}
}

func (p *program) showIdentity(id *oidcsso.Identity) {
	for _, row := range []struct{ name, value string }{
		{"Issuer", id.Issuer}, {"Subject", id.Subject},
		{"Email", id.Email}, {"Email status", string(id.EmailStatus)},
		{"Name", id.Name}, {"Given name", id.GivenName}, {"Family name", id.FamilyName},
		{"Preferred user name", id.PreferredUsername}, {"Locale", id.Locale}, {"Picture", id.Picture},
		{"Groups", list(id.Groups)}, {"Groups status", string(id.GroupsStatus)},
		{"Signed in there", moment(id.AuthTime)}, {"ACR", id.ACR}, {"AMR", list(id.AMR)}, {"Session", id.SessionID},
		{"ID token expires", moment(id.Expiry)},
	} {
		p.out.row(row.name, row.value)
	}
}

func (p *program) showClaims(found map[string]shownClaim, asked []string) {
	for _, name := range append([]string{"email", "email_verified"}, asked...) {
		if claim, ok := found[name]; ok {
			p.out.row("Claim "+name, string(claim.Value)+" ("+strings.ReplaceAll(string(claim.Origin), "_", " ")+")")
			delete(found, name)
		}
	}
}

func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
