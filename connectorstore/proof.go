package connectorstore

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"slices"
	"strings"
)

const (
	defaultProofLabel = "_oidcsso-challenge"
	proofPrefix       = "oidcsso-verification="
	maxRecords        = 100 // more are nobody's at a label of its own
)

// proofResult is what a look for a proof came to. The zero value decides nothing.
type proofResult int

const (
	proofUnknown proofResult = iota // nobody could say
	proofFound                      // the record is there
	proofAbsent                     // it certainly is not
)

// newProofToken is 160 random bits, in letters and digits that survive every form field. It is no secret: it is published.
// That nobody can guess it makes each claim's record its own, so that one claimant's record proves nothing for another.
func newProofToken() string {
	random := make([]byte, 20)
	rand.Read(random)
	return strings.ToLower(base32.StdEncoding.EncodeToString(random)) // 32 characters, no padding
}

const proofTokenLength = 32

// proofRecord gives the TXT record that proves the domain: its name, without a dot at its end, and its value. A wildcard
// ("*.acme.example") is proven at the name that it is below: whoever has that has all below it. The domain is canonical.
//
// The label begins with "_", so that it is no host name (RFC 8552): where anybody may register host names below a domain,
// nobody can register this one and prove the domain of all.
func proofRecord(label, domain, token string) (name, value string, err error) {
	if len(label) < 2 || label[0] != '_' || strings.Contains(label, ".") { //check:proof-label
		return "", "", fmt.Errorf("%w: the label of proofs must be a single one that begins with _", ErrDNSName)
	}
	name = label + "." + strings.TrimPrefix(domain, "*.")
	if err := checkDNSName(name); err != nil {
		return "", "", err
	}
	return name, proofPrefix + token, nil
}

// checkDNSName accepts lower-case names of letters, digits, "-" and "_", of at least one label, without a dot at the end.
func checkDNSName(name string) error {
	if len(name) > 253 { //check:proof-name-length
		return fmt.Errorf("%w: it is longer than 253 bytes", ErrDNSName)
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 {
			return fmt.Errorf("%w: a label is empty or longer than 63 bytes", ErrDNSName)
		}
		if strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" { //check:proof-name
			return fmt.Errorf("%w: it has an unexpected character", ErrDNSName)
		}
	}
	return nil
}

// lookForProof looks for the record that proves the domain. Other records at the name are ignored: other claims' tokens, an
// older one, or what a wildcard in the zone answers there. It takes at most five seconds, if the resolver heeds ctx.
//
// With proofFound the error is nil. With proofAbsent it says in words for the claim's administrator what is wrong. With
// proofUnknown it is for the log: it may name the DNS servers of this machine's network.
func lookForProof(ctx context.Context, r Resolver, label, domain, token string) (proofResult, error) {
	if len(token) != proofTokenLength { //check:proof-token
		return proofUnknown, errors.New("the claim has no token that could prove anything")
	}
	name, value, err := proofRecord(label, domain, token)
	if err != nil {
		return proofUnknown, err
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	records, err := lookupTXT(ctx, r, name)
	switch {
	case errors.Is(err, errAlias):
		return proofAbsent, fmt.Errorf("at %s there is an alias (CNAME), which is not followed; enter a TXT record there", name)
	case errors.Is(err, ErrNoRecord):
		return proofAbsent, fmt.Errorf("there is no TXT record at %s", name)
	case err != nil:
		return proofUnknown, fmt.Errorf("TXT records of %s: %w", name, err)
	case len(records) > maxRecords: //check:dns-count
		return proofUnknown, fmt.Errorf("%s has more than %d TXT records", name, maxRecords)
	case slices.Contains(records, value):
		return proofFound, nil
	}
	return proofAbsent, fmt.Errorf("at %s there is no TXT record with this value: %s", name, whatElse(records, value))
}

// whatElse says what people get wrong. It quotes nothing of the records, which anybody may have written.
func whatElse(records []string, value string) string {
	for _, r := range records {
		if strings.EqualFold(strings.Trim(r, "\"'“”„ \t\\"), value) {
			return "one differs in quotation marks, spaces or upper case alone; enter the value as it is"
		}
	}
	for _, r := range records {
		if strings.HasPrefix(r, proofPrefix) {
			return "there is the value of another claim; add this one beside it"
		}
	}
	return "there are only others; add this one beside them"
}
