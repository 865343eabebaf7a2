package connectorstore

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

const (
	token      = "abcdefghijklmnopqrstuvwxyz234567"
	otherToken = "zzzzzzzzijklmnopqrstuvwxyz234567"
	proof      = "oidcsso-verification=" + token
)

func TestProofTokens(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^[a-z2-7]{32}$`) // 160 bits
	seen := map[string]bool{}
	for range 100 {
		got := newProofToken()
		if !form.MatchString(got) || len(got) != proofTokenLength || seen[got] {
			t.Errorf("got %q", got)
		}
		seen[got] = true
	}
}

func TestProofRecord(t *testing.T) {
	t.Parallel()
	for domain, want := range map[string]string{
		"acme.example":         "_oidcsso-challenge.acme.example",
		"team.acme.example":    "_oidcsso-challenge.team.acme.example",
		"*.acme.example":       "_oidcsso-challenge.acme.example", // as its parent
		"xn--bcher-kva.exampl": "_oidcsso-challenge.xn--bcher-kva.exampl",
		longDomain(253 - 19):   "_oidcsso-challenge." + longDomain(253-19),
	} {
		name, value, err := proofRecord(defaultProofLabel, domain, token)
		if name != want || value != proof || err != nil {
			t.Errorf("%q: got %q, %q, %v", domain, name, value, err)
		}
	}
}

func TestProofRecordRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ label, domain string }{
		"a name over 253 bytes":           {defaultProofLabel, longDomain(253 - 18)},
		"no domain":                       {defaultProofLabel, ""},
		"a wildcard inside":               {defaultProofLabel, "a.*.example"},
		"two wildcards":                   {defaultProofLabel, "*.*.example"},
		"an empty label":                  {defaultProofLabel, "acme..example"},
		"a dot at the end":                {defaultProofLabel, "acme.example."},
		"a domain that is not canonical":  {defaultProofLabel, "ACME.example"},
		"a label that is a host name":     {"oidcsso-challenge", "acme.example"},
		"no label":                        {"", "acme.example"},
		"a label of an underscore":        {"_", "acme.example"},
		"a label of two":                  {"_a.b", "acme.example"},
		"a label of 64 bytes":             {"_" + strings.Repeat("a", 63), "acme.example"},
		"a label in upper case":           {"_A", "acme.example"},
		"a label with a space":            {"_a b", "acme.example"},
		"a label with a byte that is nul": {"_a\x00", "acme.example"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			name, value, err := proofRecord(c.label, c.domain, token)
			if !errors.Is(err, ErrDNSName) || name != "" || value != "" {
				t.Errorf("got %q, %q, %v; want ErrDNSName", name, value, err)
			}
			never := resolverFunc(func(context.Context, string) ([]string, error) {
				t.Error("the resolver was asked")
				return nil, ErrNoRecord
			})
			if got, err := lookForProof(t.Context(), never, c.label, c.domain, token); got != proofUnknown || !errors.Is(err, ErrDNSName) {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}

func TestLookForProof(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		reply replies
		want  proofResult
	}{
		"the record":                            {always(txt(proof)), proofFound},
		"the record in two strings":             {always(txt(proof[:10], proof[10:])), proofFound},
		"beside others":                         {always(txt("v=spf1 -all"), txt("oidcsso-verification="+otherToken), txt(proof)), proofFound},
		"at the same name, from a wildcard":     {always(authoritative, txt(proof)), proofFound}, // only the zone's owner could
		"another token":                         {always(txt("oidcsso-verification=" + otherToken)), proofAbsent},
		"a wildcard of the zone answers":        {always(txt("v=spf1 -all")), proofAbsent}, // and proves nothing: the token is random
		"the token alone":                       {always(txt(token)), proofAbsent},
		"another prefix":                        {always(txt("other-verification=" + token)), proofAbsent},
		"the prefix alone":                      {always(txt(proofPrefix)), proofAbsent},
		"upper case":                            {always(txt(strings.ToUpper(proof))), proofAbsent},
		"in quotation marks":                    {always(txt(`"` + proof + `"`)), proofAbsent},
		"a space at the end":                    {always(txt(proof + " ")), proofAbsent},
		"something behind it":                   {always(txt(proof + "a")), proofAbsent},
		"in the middle of a record":             {always(txt("a; " + proof)), proofAbsent},
		"cut short":                             {always(txt(proof[:len(proof)-1])), proofAbsent},
		"two records that would make it":        {always(txt(proof[:10]), txt(proof[10:])), proofAbsent},
		"at the domain itself":                  {always(txtAt("acme.example.", proof)), proofAbsent},
		"at a name of somebody else":            {always(txtAt("_oidcsso-challenge.evil.example.", proof)), proofAbsent},
		"behind a wildcard alias to a stranger": {always(cname(owner, "sites.example."), txtAt("sites.example.", proof)), proofAbsent},
		"no such name":                          {always(code(dnsmessage.RCodeNameError)), proofAbsent},
		"no data":                               {always(soa), proofAbsent},
		"SERVFAIL":                              {always(code(dnsmessage.RCodeServerFailure)), proofUnknown},
		"REFUSED":                               {always(code(dnsmessage.RCodeRefused)), proofUnknown},
		"a referral":                            {always(neither, nameServer, extended(0)), proofUnknown},
		"a forged datagram":                     {over(otherID(txt(proof)), always(soa)), proofAbsent},
		"101 records, the proof among them":     {over(always(truncated), always(times(100, "a"), txt(proof))), proofUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := lookForProof(t.Context(), resolverAt(t, startDNS(t, c.reply)), defaultProofLabel, "acme.example", token)
			if got != c.want || (err == nil) != (got == proofFound) {
				t.Errorf("got %v, %v; want %v", got, err, c.want)
			}
		})
	}
}

// An empty token would be proven by whoever has the prefix alone in a record, and a short one by a guess.
func TestClaimWithoutATokenIsNotProven(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "a", token[:31], token + "a"} {
		r := resolverFunc(func(context.Context, string) ([]string, error) { return []string{proofPrefix + bad}, nil })
		if got, err := lookForProof(t.Context(), r, defaultProofLabel, "acme.example", bad); got != proofUnknown || err == nil {
			t.Errorf("%q: got %v, %v", bad, got, err)
		}
	}
}

// What resolvers of other people's making may do.
func TestLookForProofTrustsNoResolver(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		records []string
		err     error
		want    proofResult
	}{
		"a record":                     {[]string{"a", proof}, nil, proofFound},
		"neither a record nor error":   {nil, nil, proofUnknown},
		"the record beside an error":   {[]string{proof}, errors.New("SERVFAIL"), proofUnknown},
		"the record beside ErrNo":      {[]string{proof}, ErrNoRecord, proofAbsent},
		"ErrNoRecord, wrapped":         {nil, errors.Join(errors.New("x"), ErrNoRecord), proofAbsent},
		"101 records without the cap":  {append(make([]string, 100), proof), nil, proofUnknown},
		"a time-out of its own making": {nil, context.DeadlineExceeded, proofUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := resolverFunc(func(context.Context, string) ([]string, error) { return c.records, c.err })
			if got, err := lookForProof(t.Context(), r, defaultProofLabel, "acme.example", token); got != c.want {
				t.Errorf("got %v, %v; want %v", got, err, c.want)
			}
		})
	}
}

// The clock is false, so this takes no time: whatever a resolver says after the deadline, nothing is known.
func TestLookForProofEndsAfterFiveSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slow := resolverFunc(func(ctx context.Context, _ string) ([]string, error) {
			<-ctx.Done()
			return nil, ErrNoRecord
		})
		start := time.Now()
		got, err := lookForProof(t.Context(), slow, defaultProofLabel, "acme.example", token)
		if took := time.Since(start); got != proofUnknown || !errors.Is(err, context.DeadlineExceeded) || took != 5*time.Second {
			t.Errorf("got %v, %v after %v", got, err, took)
		}
	})
}

// The error is for a person who has just saved a record and wonders.
func TestWhatIsSaidOfOtherRecords(t *testing.T) {
	t.Parallel()
	for record, want := range map[string]string{
		`"` + proof + `"`:                  "quotation marks",
		"“" + proof + "”":                  "quotation marks",
		proof + " ":                        "quotation marks",
		strings.ToUpper(proof):             "upper case",
		proofPrefix + otherToken:           "another claim",
		"v=spf1 -all":                      "only others",
		"\x1b[2J<script>alert(1)</script>": "only others",
	} {
		r := resolverFunc(func(context.Context, string) ([]string, error) { return []string{record}, nil })
		_, err := lookForProof(t.Context(), r, defaultProofLabel, "acme.example", token)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), record) {
			t.Errorf("%q: got %v; want %q", record, err, want)
		}
	}
}

// What is said of a missing record goes to a tenant: it names nothing of the operator's network.
func TestWhatIsSaidOfAMissingRecord(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		"there is no TXT record at " + asked:     fmt.Errorf("10.0.0.53: %w", ErrNoRecord),
		"at " + asked + " there is an alias (CN": fmt.Errorf("10.0.0.53: %w", errAlias),
	} {
		r := resolverFunc(func(context.Context, string) ([]string, error) { return nil, err })
		got, err := lookForProof(t.Context(), r, defaultProofLabel, "acme.example", token)
		if got != proofAbsent || err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "10.0.0.53") {
			t.Errorf("got %v, %v; want %q", got, err, want)
		}
	}
}

// longDomain is a domain of n bytes with labels that DNS allows.
func longDomain(n int) string {
	return strings.Repeat("a.", n/2-1) + "aaa"[:2+n%2]
}
