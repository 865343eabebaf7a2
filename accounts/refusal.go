package accounts

import (
	"encoding/json"
	"fmt"
	"log/slog"

	"github.com/oidcsso/oidcsso"
)

// Reason says why [Accounts.Resolve] refused, for programs and logs; not for the person, who may be a stranger asking whether
// there is an account. It is an error itself, so that errors.Is(err, accounts.ReasonLinkedHere) works. Reasons are stable.
type Reason string

// The rule that each of them belongs to is at [Accounts.Resolve].
const (
	ReasonEmailUntrusted    Reason = "email_untrusted"
	ReasonNoAccount         Reason = "no_account"
	ReasonAddressAmbiguous  Reason = "address_ambiguous"
	ReasonAddressDiffers    Reason = "address_differs"
	ReasonLinkedHere        Reason = "linked_here"
	ReasonLinkedElsewhere   Reason = "linked_elsewhere"
	ReasonNoDomain          Reason = "no_domain"
	ReasonDomainFrozen      Reason = "domain_frozen"
	ReasonDomainNotEnforced Reason = "domain_not_enforced"
	ReasonAddressUnverified Reason = "address_unverified"
	ReasonClaimDiffers      Reason = "claim_differs"
	ReasonClaimUnknown      Reason = "claim_unknown"
	ReasonConflict          Reason = "conflict"
)

// Error makes a Reason usable as the target of errors.Is.
func (r Reason) Error() string { return "accounts: " + string(r) }

var remedies = map[Reason]string{
	ReasonEmailUntrusted:    "No account has this identity, the identity has no trusted address to find one by, and accounts are not made at sign-in. Invite the person, or see why the address is not trusted (Identity.EmailStatus).",
	ReasonNoAccount:         "No account has this identity or its address, and accounts are not made at sign-in. Invite the person.",
	ReasonAddressAmbiguous:  "Several accounts have this address. Merge them, or take the address from all but one.",
	ReasonAddressDiffers:    "The account that was found by this address has another one. Look at the collation of the column and at the query of ByEmail.",
	ReasonLinkedHere:        "The account with this address is linked to another identity of this connector. Either the address was given to another person, who needs an account of their own, or the identity provider gave the person another subject or issuer; if you are sure of that, remove the old link.",
	ReasonLinkedElsewhere:   "The account with this address is linked to an identity elsewhere. If the person is the same and has left there, remove the old link.",
	ReasonNoDomain:          "An account with this address exists, but the address's domain is not this connector's, so its word is not enough to link it. Verify or assert the domain if it is the connector's.",
	ReasonDomainFrozen:      "No account has this identity, and the domain of its address is frozen or lapsed: the proof that it is the connector's was lost, so nobody new gets in. Have the domain proven again, or release it.",
	ReasonDomainNotEnforced: "An account with this address exists, and has other ways in, which linking would take away. That happens once the domain is enforced; until then the person signs in as before.",
	ReasonAddressUnverified: "The account with this address never confirmed it; anybody may have made it. Remove the account or its address, or have the address confirmed.",
	ReasonClaimDiffers:      "The account with this address was made or linked under another claim to the domain. If the owner is still the same, change the account's ClaimID; else take the address from the account.",
	ReasonClaimUnknown:      "Nothing says under which claim the account with this address was made. If it is older than every claim, say so in Candidate.Unclaimed; if it was made under today's, store that ClaimID with it.",
	ReasonConflict:          "Another request took the key, the address or the account at the same moment, and the key has no account even so. If it happens again, another account has the address.",
}

// publicSentence is one for all reasons. It must not tell who has an account here.
const publicSentence = "Your sign-in worked, but no account here can be used with it. Please ask your administrator for help."

// Refusal is the error for an identity that gets no account. It wraps an [*oidcsso.Error] of [oidcsso.Refuse], so that pages
// which show those show this one, with a sentence that is the same for every Reason, and the log gets the remedy. It has no
// data of the person or the account.
type Refusal struct {
	// Reason is not for the person, and not in the JSON.
	Reason Reason

	err *oidcsso.Error
}

func refuse(reason Reason, id *oidcsso.Identity) *Refusal {
	err := oidcsso.Refuse(publicSentence)
	err.Connector, err.Remedy = id.Connector, remedies[reason]
	return &Refusal{reason, err}
}

// face is the wrapped error, also of a Refusal that a test of a backend made by hand.
func (r *Refusal) face() *oidcsso.Error {
	if r.err == nil {
		return oidcsso.Refuse(publicSentence)
	}
	return r.err
}

// Error is the administrator's face: the reason, and the wrapped error with connector and remedy.
func (r *Refusal) Error() string { return fmt.Sprintf("%v: %v", r.Reason, r.face()) }

// Unwrap gives the [*oidcsso.Error].
func (r *Refusal) Unwrap() error { return r.face() }

// Is makes errors.Is(err, reason) work.
func (r *Refusal) Is(target error) bool {
	reason, ok := target.(Reason)
	return ok && reason == r.Reason
}

// MarshalJSON gives the public face and nothing else, as for every [*oidcsso.Error].
func (r *Refusal) MarshalJSON() ([]byte, error) { return json.Marshal(r.face()) }

// LogValue gives the administrator's face to log/slog, with the reason.
func (r *Refusal) LogValue() slog.Value {
	return slog.GroupValue(append([]slog.Attr{slog.String("reason", string(r.Reason))}, r.face().LogValue().Group()...)...)
}
