package oidcsso

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
)

// ErrNotFound is what a [Source] answers for a connector or a domain that it does not have. It means "no single sign-on
// here"; every other error of a Source means "unavailable", and nobody gets in another way meanwhile.
var ErrNotFound = errors.New("oidcsso: not found")

// Kind sorts errors by what they mean to the person who wants to sign in.
type Kind string

const (
	// KindRefused: somebody decided against this sign-in (the identity provider, the configuration, the backend).
	// Trying again changes nothing.
	KindRefused Kind = "refused"
	// KindUnavailable: it can't be decided now. Trying again later may help; another way in is not offered.
	KindUnavailable Kind = "unavailable"
	// KindExpired: the sign-in that was under way is no longer valid. Starting it again helps.
	KindExpired Kind = "expired"
	// KindInvalid: what was entered or sent is not well formed.
	KindInvalid Kind = "invalid"
)

// Error is every error that this package returns from a sign-in. It has two faces: Code, Public and ID may be shown to
// the person; Remedy and the cause are for the administrator and the log. Neither has a token, a secret or a body that
// an identity provider sent.
//
// Test for a code with errors.Is(err, oidcsso.CodeAccessDenied); reach the cause (a time-out, say) with errors.As.
type Error struct {
	// Code is stable and meant for programs.
	Code Code
	// Public is a sentence that is safe to show to the person who signs in.
	Public string
	// Remedy says what an administrator or developer can do about it. It is not for the person who signs in.
	Remedy string
	// ID is a random correlation id, the same on the page and in the log.
	ID string
	// Connector is the ID of the connector concerned, if one is known.
	Connector string
	// Check is where [Connector.Finish] ended: the item of its numbered list, by its name there, that was refused or could
	// not be decided. All before it have passed, and none after it was looked at; [Checks] has them in order. Empty in an
	// error that is not of Finish.
	Check string
	// ReturnTo and Data are those of the sign-in that failed, once its sealed [Login] was opened; so that the error
	// can reach the right client. Both are empty before.
	ReturnTo string
	Data     []byte

	final bool // the sign-in's Login is: see BeginParams.final
	cause error
}

// newError makes an Error with the texts that its code has in the table.
func newError(code Code, connector string, cause error) *Error {
	text := code.text()
	return &Error{Code: code, Public: text.public, Remedy: text.remedy, ID: newErrorID(), Connector: connector, cause: cause}
}

// withRemedy replaces the general remedy by one that knows the case.
func (e *Error) withRemedy(format string, args ...any) *Error {
	e.Remedy = fmt.Sprintf(format, args...)
	return e
}

// at names the check of Finish's list that failed.
func (e *Error) at(check string) *Error {
	e.Check = check
	return e
}

// of gives it what the Login of the sign-in has for the caller.
func (e *Error) of(login *Login) {
	e.ReturnTo, e.Data, e.final = login.returnTo, login.data, login.final
}

// newErrorID is a correlation id: not a secret, so 50 bits are plenty.
func newErrorID() string { return strings.ToLower(rand.Text()[:10]) }

// Refuse makes the error with which a backend's own code ends a sign-in that the library would let pass: registration is
// closed, the account is locked. The sentence is shown to the person. Its code is [CodeRefused].
func Refuse(public string) *Error {
	e := newError(CodeRefused, "", errors.New(public)) // the log says it too
	e.Public = public
	return e
}

// Error is the administrator's face in one line: code, connector, remedy and cause.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("oidcsso: ")
	b.WriteString(string(e.Code))
	if e.Connector != "" {
		fmt.Fprintf(&b, " (connector %q)", e.Connector)
	}
	if e.cause != nil {
		b.WriteString(": ")
		b.WriteString(e.cause.Error())
	}
	if e.Remedy != "" {
		b.WriteString(" [")
		b.WriteString(e.Remedy)
		b.WriteString("]")
	}
	return b.String()
}

// Unwrap gives the cause, with its type.
func (e *Error) Unwrap() error { return e.cause }

// Is makes errors.Is(err, code) work, as for syscall.Errno.
func (e *Error) Is(target error) bool {
	code, ok := target.(Code)
	return ok && code == e.Code
}

// Kind says what the error means to the person.
func (e *Error) Kind() Kind { return e.Code.Kind() }

// HTTPStatus is a status that suits the code: 400, 403, 404, 409, 429, 500, 502 or 503.
func (e *Error) HTTPStatus() int { return e.Code.text().status }

// MarshalJSON gives the public face and nothing else: {"code": ..., "message": ..., "id": ...}.
func (e *Error) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Code    Code   `json:"code"`
		Message string `json:"message"`
		ID      string `json:"id"`
	}{e.Code, e.Public, e.ID})
}

// LogValue gives the administrator's face to log/slog.
func (e *Error) LogValue() slog.Value {
	attrs := []slog.Attr{slog.String("code", string(e.Code)), slog.String("id", e.ID)}
	if e.Connector != "" {
		attrs = append(attrs, slog.String("connector", e.Connector))
	}
	if e.Check != "" {
		attrs = append(attrs, slog.String("check", e.Check))
	}
	if e.Remedy != "" {
		attrs = append(attrs, slog.String("remedy", e.Remedy))
	}
	if e.cause != nil {
		attrs = append(attrs, slog.String("cause", e.cause.Error()))
	}
	return slog.GroupValue(attrs...)
}

// AsError gives the [*Error] in err, for a page that shows it. A [*ConfigError] becomes one with CodeConfigInvalid, a bare Code
// one with that code, and anything else (a database's error, say) one with CodeInternal; their sentences say nothing of
// err, which is the cause. Nil stays nil.
func AsError(err error) *Error {
	var e *Error
	var config *ConfigError
	var code Code
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e):
		return e
	case errors.As(err, &config):
		return newError(CodeConfigInvalid, config.Connector, err)
	case errors.As(err, &code):
		return newError(code, "", err)
	}
	return newError(CodeInternal, "", err)
}

// errorOf makes sure that what leaves the package is an *Error: anything else becomes code. An *Error that was remembered
// for many callers is copied, with an id of its own.
func errorOf(err error, code Code, connector string) *Error {
	var e *Error
	if !errors.As(err, &e) {
		return newError(code, connector, err)
	}
	own := *e
	own.ID, own.Connector = newErrorID(), connector
	return &own
}

// unavailable is the error of a Source that could not answer. One that is such an Error itself, as a Router's, stays what it is: it
// knows its connector and its remedy.
func unavailable(err error, connector string) *Error {
	e, ok := err.(*Error)
	if !ok || e.Code != CodeUnavailable {
		return newError(CodeUnavailable, connector, err)
	}
	own := *e
	own.ID, own.Connector = newErrorID(), firstOf(connector, e.Connector)
	return &own
}

// FieldError is one problem of a [Config], placed so that a form can show it beside the field.
type FieldError struct {
	// Field is the field's JSON name, with an index where there is one: "issuer", "scopes[1]".
	Field string `json:"field"`
	// Message says what is wrong.
	Message string `json:"message"`
	// Remedy says what to enter instead.
	Remedy string `json:"remedy"`
}

// ConfigError is what [NewConnector] returns: all problems of a Config at once. errors.Is(err, CodeConfigInvalid) holds.
type ConfigError struct {
	// Connector is the ID as it was given.
	Connector string `json:"connector"`
	// Fields has at least one entry.
	Fields []FieldError `json:"fields"`
}

// Error lists all fields.
func (e *ConfigError) Error() string {
	var b strings.Builder
	b.WriteString("oidcsso: the configuration")
	if e.Connector != "" {
		fmt.Fprintf(&b, " of connector %q", plain(e.Connector))
	}
	b.WriteString(" is invalid:")
	for i, f := range e.Fields {
		if i > 0 {
			b.WriteByte(';')
		}
		fmt.Fprintf(&b, " %s: %s (%s)", f.Field, f.Message, f.Remedy)
	}
	return b.String()
}

// Is makes errors.Is(err, CodeConfigInvalid) work.
func (e *ConfigError) Is(target error) bool { return target == error(CodeConfigInvalid) }

func (e *ConfigError) add(field, message, remedy string) {
	e.Fields = append(e.Fields, FieldError{field, message, remedy})
}

// orNil is the error of a validation: nil when nothing was found.
func (e *ConfigError) orNil() error {
	if len(e.Fields) == 0 {
		return nil
	}
	return e
}
