package oidcsso

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// Address is an email address as [ParseAddress] reads it. Two addresses are the same mailbox's if their Domains are equal
// and the mail system of that domain says that their Locals are; it alone knows whether case matters there.
type Address struct {
	// Local is what stands before the "@", byte for byte as it was given.
	Local string
	// Domain is canonical: lower-case ASCII with A-labels ("xn--bcher-kva.example"), at least two labels, no dot at the end.
	Domain string
}

// String gives the address with its canonical domain. ParseAddress reads it back.
func (a Address) String() string { return a.Local + "@" + a.Domain }

// ParseAddress reads one email address, strictly: a dot-string of RFC 5321, 4.1.2 before exactly one "@", and a domain name
// after it, mapped to its canonical form by UTS #46. White space around it is cut off, since people paste. Lists, display
// names, comments, quoted local parts, addresses outside ASCII before the "@", IP addresses and single labels are refused,
// and so are "%" and "!" before the "@", with which old mail systems forward to yet another domain.
//
// A backend that finds its accounts by address does well to store and compare what this gives. The error is an [*Error] with
// CodeAddressInvalid, which does not repeat the text.
func ParseAddress(text string) (Address, error) {
	a, err := parseAddress(text, checkLocal)
	if err != nil {
		return Address{}, newError(CodeAddressInvalid, "", err)
	}
	return a, nil
}

// maxAddress bounds an address in bytes: 64 before the "@" and 255 after it (RFC 5321, 4.5.3.1).
const maxAddress = 320

// parseAddress divides at the last "@": it is the domain behind it that gets the mail.
func parseAddress(text string, check func(local string) error) (Address, error) {
	if len(text) > maxAddress { //check:address-length
		return Address{}, errors.New("the address is too long")
	}
	text = strings.Trim(text, " \t\r\n\v\f")
	at := strings.LastIndexByte(text, '@')
	if at < 0 {
		return Address{}, errors.New("the address has no @")
	}
	local := text[:at]
	if err := check(local); err != nil {
		return Address{}, err
	}
	domain, err := canonicalDomain(text[at+1:])
	if err != nil {
		return Address{}, err
	}
	return Address{local, domain}, nil
}

// storedAddress reads an address of an account that exists. It is tolerant of local parts that ParseAddress refuses (quoted,
// or outside ASCII), because an account from older times must still get its decision, and strict on the domain, which is all
// that the decision rests on.
func storedAddress(text string) (Address, error) { return parseAddress(text, checkStoredLocal) }

const (
	// atext of RFC 5322, 3.2.3, without "%" and "!".
	atext    = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789" + "#$&'*+-/=?^_`{|}~"
	maxLocal = 64
)

func checkLocal(local string) error {
	if local == "" || len(local) > maxLocal { //check:address-local
		return errors.New("the part before the @ is empty or too long")
	}
	for i := range len(local) {
		switch c := local[i]; {
		case c == '.':
			if i == 0 || i == len(local)-1 || local[i-1] == '.' { //check:address-dots
				return errors.New("the part before the @ has a dot too many")
			}
		case strings.IndexByte(atext, c) < 0: //check:address-characters
			return errors.New("the part before the @ has a character that is not accepted")
		}
	}
	return nil
}

func checkStoredLocal(local string) error {
	switch {
	case local == "": //check:stored-address
		return errors.New("the part before the @ is empty")
	case !utf8.ValidString(local) || strings.IndexFunc(local, isUnprintable) >= 0 || strings.IndexFunc(local, unicode.IsSpace) >= 0: //check:stored-address
		return errors.New("the part before the @ has white space or control characters")
	case strings.Contains(local, "@") && !(len(local) > 2 && local[0] == '"' && local[len(local)-1] == '"'): //check:stored-address
		return errors.New("there is more than one @")
	}
	return nil
}

// domainNames is UTS #46 with everything checked: width and case are mapped, and what is not a host name is an error.
var domainNames = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(true), idna.CheckHyphens(true),
	idna.VerifyDNSLength(true))

// canonicalDomain gives the one form in which a domain name is compared and stored. Its errors don't quote the name.
func canonicalDomain(name string) (string, error) {
	if len(name) > maxAddress {
		return "", errors.New("the domain is too long")
	}
	name = strings.TrimSuffix(name, ".") // the root; idna would keep it
	if checkHostname(name) == nil && !strings.Contains(name, "--") {
		return name, nil // nothing that idna would map or have to check
	}
	ascii, err := domainNames.ToASCII(name)
	if err != nil { // also where it gives a name nevertheless, as for "xn--acme-.example" //check:idna-error
		return "", errors.New("the domain is not a valid name")
	}
	// idna makes U+FFFD of bytes that are not UTF-8 and of unassigned characters, without an error, so that different names
	// become one. Reading its result again finds that.
	if again, err := domainNames.ToASCII(ascii); err != nil || again != ascii { //check:idna-replacement
		return "", errors.New("the domain is not a valid name")
	}
	if err := checkHostname(ascii); err != nil {
		return "", err
	}
	return ascii, nil
}

// errSingleLabel is a name without a dot, such as localhost, which no connector can have.
var errSingleLabel = errors.New("the domain is a single label")

// checkHostname accepts lower-case host names (RFC 1123, 2.1) of at least two labels whose last one is no number, so that no
// IP address passes. idna checks neither of these two, nor that a name doesn't end with a dot.
func checkHostname(name string) error {
	const maxName, maxLabel = 253, 63
	if len(name) > maxName { //check:domain-length
		return errors.New("the domain is too long")
	}
	start, numeric := 0, true // of the label at hand
	for i := 0; i <= len(name); i++ {
		if i < len(name) && name[i] != '.' {
			c := name[i]
			if digit := '0' <= c && c <= '9'; !digit {
				numeric = false
				if c != '-' && (c < 'a' || c > 'z') {
					return errors.New("the domain is not a valid name")
				}
			}
			continue
		}
		if i == start || i-start > maxLabel || name[start] == '-' || name[i-1] == '-' { //check:domain-labels
			return errors.New("the domain has an empty, too long or malformed label")
		}
		if i == len(name) && numeric { //check:address-ip
			return errors.New("the domain is an IP address")
		}
		if i == len(name) && start == 0 { //check:domain-single-label
			return errSingleLabel
		}
		start, numeric = i+1, true
	}
	return nil
}
