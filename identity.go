package oidcsso

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/oidcsso/oidcsso/internal/lengthed"
	"github.com/oidcsso/oidcsso/internal/strictjson"
)

// Identity is who signed in: claims that were verified by the contract of [Connector.Finish]. Accounts are found by
// [Identity.Key], never by the email address alone.
//
// Marshalled to JSON it has the fields below, without tokens.
type Identity struct {
	// Connector, Issuer and Subject identify the person; see [AccountKey].
	Connector string `json:"connector"`
	Issuer    string `json:"issuer"`
	Subject   string `json:"subject"`

	// Email is the address, with its domain in canonical form, if it can be trusted, and empty otherwise. It can be
	// trusted when the domain is this connector's and the identity provider does not say that the address is unverified;
	// without any domains, only when it says that the address is verified. In a frozen domain it can't. See [EmailStatus]
	// for the table. The raw claim is Claim("email").
	Email string `json:"email,omitempty"`
	// EmailStatus says why Email is there or not.
	EmailStatus EmailStatus `json:"email_status"`
	// Domain is the connector's entry under which Email is trusted, or the frozen one under which it is not any more; zero if
	// there is none. An existing account may be linked by its address only if it was made under the same ClaimID.
	Domain Domain `json:"domain,omitzero"`

	// Name, GivenName, FamilyName, PreferredUsername and Locale are texts for display, cleaned of control characters and
	// cut at 256 characters. They are not unique, and people choose them; decide nothing by them.
	Name              string `json:"name,omitempty"`
	GivenName         string `json:"given_name,omitempty"`
	FamilyName        string `json:"family_name,omitempty"`
	PreferredUsername string `json:"preferred_username,omitempty"`
	Locale            string `json:"locale,omitempty"`
	// Picture is an https URL or empty. The library never fetches it.
	Picture string `json:"picture,omitempty"`

	// Groups are those of the connector's groups claim; read GroupsStatus first.
	Groups []string `json:"groups,omitempty"`
	// GroupsStatus tells "no groups" from "not told".
	GroupsStatus GroupsStatus `json:"groups_status"`

	// AuthTime is when the person proved themself at the identity provider; zero if it does not say.
	AuthTime time.Time `json:"auth_time,omitzero"`
	// ACR and AMR say how (OpenID Connect Core 1.0, 2); empty if the identity provider does not say.
	ACR string   `json:"acr,omitempty"`
	AMR []string `json:"amr,omitempty"`
	// SessionID is the sid claim, by which the identity provider later names the session when it ends.
	SessionID string `json:"sid,omitempty"`
	// Expiry is when the ID token expires. It does not bound the backend's session, unless the backend wants that.
	Expiry time.Time `json:"expiry"`

	// Tokens are there only with Options.KeepTokens.
	Tokens *Tokens `json:"-"`

	claims **claims // see hidden
}

// Tokens are what the token endpoint gave out (OpenID Connect Core 1.0, 3.1.3.3). They redact themselves in print.
type Tokens struct {
	// Access is the access token, Refresh the refresh token (empty unless the identity provider gave one, usually for the
	// scope offline_access), and ID the ID token.
	Access, Refresh, ID Secret
	// Expiry is when the access token expires; zero if the identity provider does not say.
	Expiry time.Time
}

// EmailStatus says what came of the email claim. Where the address is looked at, "inside" means that the [Source] says, at
// the callback, that the address's domain is this connector's:
//
//	                 inside     inside, frozen  outside            connector without domains
//	says verified    trusted    frozen          refused, or guest  trusted, unless the domain is another connector's (refused)
//	says unverified  unverified frozen          refused, or guest  unverified
//	says nothing     trusted    frozen          refused, or guest  silent
//
// An address in another connector's domain is outside, whatever is said of it, also for a connector without domains. Every
// state of a domain but DomainClaimed makes it the connector's, and all of them but DomainFrozen and DomainLapsed, which are
// frozen here, are trusted alike.
//
// Identity.Email is set only in the status trusted. Config.AllowGuests turns "refused" into the status guest;
// Config.RequireEmail refuses every status but trusted and frozen, and frozen where the address is said to be unverified.
type EmailStatus string

const (
	// EmailTrusted: Identity.Email is set.
	EmailTrusted EmailStatus = "trusted"
	// EmailAbsent: the identity provider sent no usable address.
	EmailAbsent EmailStatus = "absent"
	// EmailUnverified: the identity provider says that the address is not verified.
	EmailUnverified EmailStatus = "unverified"
	// EmailSilent: it says nothing, and the connector has no domains that would speak for it.
	EmailSilent EmailStatus = "silent"
	// EmailGuest: the address is outside the connector's domains, and guests are allowed.
	EmailGuest EmailStatus = "guest"
	// EmailFrozen: the address is in a domain of the connector's that is frozen or lapsed: its owner may be another one by now. Or
	// there is no address, and the connector has such a domain.
	// Identity.Domain is set, and Identity.Email is not. Whoever has an account signs in by their key; an address
	// may not make or find one.
	EmailFrozen EmailStatus = "frozen"
)

// GroupsStatus tells what the groups claim said.
type GroupsStatus string

const (
	// GroupsAbsent: nothing was said, or nothing readable. That must not take groups from anybody.
	GroupsAbsent GroupsStatus = "absent"
	// GroupsListed: Identity.Groups is the whole list, possibly empty.
	GroupsListed GroupsStatus = "listed"
	// GroupsOverage: there are too many groups for a token, and the identity provider says to ask elsewhere (Entra ID).
	// The library does not. That must not take groups from anybody.
	GroupsOverage GroupsStatus = "overage"
)

// AccountKey identifies a person: what an account is found by. It is comparable. All three parts count: without the
// connector, one tenant's identity provider could name another's people.
type AccountKey struct {
	// Connector is the connector's ID, Issuer its issuer as configured, and Subject the sub claim, byte for byte.
	Connector, Issuer, Subject string
}

// Key is the identity's AccountKey.
func (i *Identity) Key() AccountKey { return AccountKey{i.Connector, i.Issuer, i.Subject} }

// String is the key as 64 characters of 0-9 and a-f, for a unique column: the SHA-256 of the three parts, each behind its
// length as four bytes, big-endian. Collation, truncation and delimiters can't merge two people in it. The form is frozen.
func (k AccountKey) String() string {
	sum := sha256.Sum256(lengthed.Join(k.Connector, k.Issuer, k.Subject))
	return hex.EncodeToString(sum[:])
}

// Claim reads a claim with its exact, case-sensitive name, else by a path with dots ("realm_access.roles"). The ID token's
// claim goes before UserInfo's. A claim that is null or an empty string is absent (OpenID Connect Core 1.0, 5.3.2).
func (i *Identity) Claim(path string) (Claim, bool) {
	if i.claims == nil { // an Identity that was not made by a sign-in
		return Claim{}, false
	}
	return (*i.claims).find(path)
}

// newIdentity reads what is not decided upon; the email is decided by resolveEmail.
func newIdentity(cfg *Config, cl claims) *Identity {
	id := &Identity{
		Connector: cfg.ID, Issuer: cfg.Issuer, claims: hidden(cl),
		Name: display(cl.text("name")), GivenName: display(cl.text("given_name")), FamilyName: display(cl.text("family_name")),
		PreferredUsername: display(cl.text("preferred_username")), Locale: display(cl.text("locale")),
		Picture: httpsURL(cl.text("picture")),
	}
	idToken := claims{idToken: cl.idToken} // how and when somebody signed in, only the signed document may say
	id.Subject = idToken.text("sub")
	id.ACR, id.SessionID = idToken.text("acr"), idToken.text("sid")
	if amr, ok := idToken.get("amr"); ok {
		id.AMR, _ = amr.Texts()
	}
	id.AuthTime, _, _ = idToken.idTokenTime("auth_time")
	id.Expiry, _, _ = idToken.idTokenTime("exp")
	id.Groups, id.GroupsStatus = groups(cl, firstOf(cfg.GroupsClaim, defaultGroupsClaim))
	return id
}

const defaultGroupsClaim = "groups"

// groups also sees that groups were left out: by _claim_names (OpenID Connect Core 1.0, 5.6.2), whose sources are never
// asked, or by hasgroups, which Entra ID sends instead where it has no room for them.
func groups(cl claims, path string) ([]string, GroupsStatus) {
	if claim, ok := cl.find(path); ok {
		if list, ok := claim.Texts(); ok {
			return list, GroupsListed
		}
		return nil, GroupsAbsent
	}
	if names, ok := cl.get("_claim_names"); ok {
		if object, ok := names.value.Object(); ok {
			if _, elsewhere := object.Get(path); elsewhere {
				return nil, GroupsOverage
			}
		}
	}
	if has, ok := cl.get("hasgroups"); ok && path == defaultGroupsClaim {
		if yes, _ := has.Bool(); yes {
			return nil, GroupsOverage
		}
	}
	return nil, GroupsAbsent
}

const maxDisplay = 256 // characters

// display makes a text of the identity provider fit for a page: without control characters, and of bounded length.
func display(s string) string {
	s = strings.Map(func(r rune) rune {
		if isUnprintable(r) { //check:display-characters
			return -1
		}
		return r
	}, s)
	if utf8.RuneCountInString(s) > maxDisplay { //check:display-length
		return string([]rune(s)[:maxDisplay])
	}
	return s
}

func httpsURL(s string) string {
	if s == "" {
		return ""
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || len(s) > maxURL || !isPlainText(s) { //check:picture-url
		return ""
	}
	return s
}

const maxSubject = 255 // OpenID Connect Core 1.0, 2

// checkSubject: 1 to 255 bytes, without control characters and without white space around it, which databases pad and cut.
func checkSubject(object strictjson.Object) error {
	value, _ := object.Get("sub")
	var room [128]byte
	text, ok := value.AppendText(room[:0])
	switch sub := string(text); {
	case !ok || sub == "": //check:sub-missing
		return fmt.Errorf("it is missing, empty or not a string")
	case len(sub) > maxSubject: //check:sub-long
		return fmt.Errorf("it is longer than %d bytes", maxSubject)
	case !isPlainText(sub) || strings.TrimSpace(sub) != sub: //check:sub-characters
		return fmt.Errorf("it has control characters or white space around it")
	}
	return nil
}
