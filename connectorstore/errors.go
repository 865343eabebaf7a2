package connectorstore

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/oidcsso/oidcsso"
)

// Code names what a [Store] refuses, for programs. It is an error itself, so that errors.Is(err, connectorstore.CodeConflict)
// works. Codes are stable.
type Code string

// What is refused:
const (
	// CodeNotFound: there is no such connector, claim or grant. errors.Is(err, oidcsso.ErrNotFound) holds too.
	CodeNotFound Code = "not_found"
	// CodeConflict: somebody else changed the connector since it was read. Read it again and decide anew.
	CodeConflict Code = "conflict"
	// CodeTampered: the row was not written by a store with one of these keys, or was changed behind its back.
	CodeTampered Code = "tampered"
	// CodeIssuerFrozen: somebody has signed in, so that accounts depend on the issuer. See [Store.Rekey].
	CodeIssuerFrozen Code = "issuer_frozen"
	// CodeStateRefused: the connector's or the domain's state does not allow it.
	CodeStateRefused Code = "state_refused"
	// CodeDomainOwned: the domain is another connector's.
	CodeDomainOwned Code = "domain_owned"
	// CodeProofMissing: the DNS record was not found. Try again when it is published.
	CodeProofMissing Code = "proof_missing"
	// CodeProofUnknown: whether the DNS record is there could not be found out.
	CodeProofUnknown Code = "proof_unknown"
	// CodeProofExpired: the claim was not proven in time. Claim the domain again, for a new token.
	CodeProofExpired Code = "proof_expired"
	// CodeTooMany: a bound would be passed.
	CodeTooMany Code = "too_many"
	// CodeInvalid: an argument is not well formed.
	CodeInvalid Code = "invalid"
)

// Error makes a Code usable as the target of errors.Is.
func (c Code) Error() string { return "connectorstore: " + string(c) }

// Error is what a [Store] refuses, for the administrator who asked: it is safe to show to them. What the database or a
// [Sealer] fails with is returned as it is, wrapped, and is no Error. What is wrong with a Config is an
// [oidcsso.ConfigError].
type Error struct {
	// Code is stable and meant for programs.
	Code Code
	// Message says what was refused, Remedy what can be done.
	Message, Remedy string
}

func refuse(code Code, remedy, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), Remedy: remedy}
}

// Error has all three in one line.
func (e *Error) Error() string {
	return fmt.Sprintf("connectorstore: %s: %s [%s]", string(e.Code), e.Message, e.Remedy)
}

// Is makes errors.Is(err, code) work, and errors.Is(err, oidcsso.ErrNotFound).
func (e *Error) Is(target error) bool {
	return target == error(e.Code) || e.Code == CodeNotFound && target == oidcsso.ErrNotFound
}

// HTTPStatus is a status that suits the code: 400, 404, 409, 422 or 503. An API whose clients send revisions as If-Match answers
// 412 for CodeConflict (RFC 9110, 13.1.1).
func (e *Error) HTTPStatus() int {
	switch e.Code {
	case CodeNotFound:
		return http.StatusNotFound
	case CodeConflict, CodeDomainOwned, CodeIssuerFrozen, CodeStateRefused:
		return http.StatusConflict
	case CodeProofMissing, CodeProofExpired, CodeTooMany:
		return http.StatusUnprocessableEntity
	case CodeProofUnknown, CodeTampered:
		return http.StatusServiceUnavailable
	}
	return http.StatusBadRequest
}

// MarshalJSON gives {"code": ..., "message": ..., "remedy": ...}.
func (e *Error) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Code    Code   `json:"code"`
		Message string `json:"message"`
		Remedy  string `json:"remedy"`
	}{e.Code, e.Message, e.Remedy})
}

// errChanged is of a row that another transaction changed although this one has the writers' lock: by somebody without it.
var errChanged = errors.New("connectorstore: a row changed under the writers' lock")
