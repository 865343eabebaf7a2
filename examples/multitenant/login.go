package main

import (
	"errors"
	"net/http"

	"github.com/oidcsso/oidcsso"
)

// login handles both forms: the one with the address, and the one with the password.
func (a *app) login(w http.ResponseWriter, r *http.Request) {
	email := r.PostFormValue("email")
	found, err := a.people.byAddress(r.Context(), email)
	if err != nil {
		a.fail(w, err)
		return
	}
	if !r.PostForm.Has("password") {
		a.identify(w, r, email, found)
		return
	}
	handled, err := a.flow.Enforce(w, r,
		oidcsso.Attempt{Typed: email, Account: found.addresses, Method: oidcsso.MethodPassword}, oidcsso.BeginParams{})
	switch {
	case err != nil: // "unavailable" too: never fall through to the password
		a.fail(w, err)
	case handled: // the browser is on its way to the identity provider
	case !isPassword(found.password, r.PostFormValue("password")):
		a.show(w, http.StatusForbidden, view{Title: "Sign in", Text: "The address or the password is wrong.", Form: "password", Email: email})
	default:
		a.signIn(w, r, session{person: found}, "/")
	}
}

// identify is the first step, in which nothing but an address was typed: to the identity provider, or to the password, with the
// identity provider beside it where the company's people may use both.
func (a *app) identify(w http.ResponseWriter, r *http.Request, email string, found person) {
	decision, err := a.flow.Decide(r.Context(), oidcsso.Attempt{Typed: email, Account: found.addresses, Method: oidcsso.MethodIdentify})
	switch {
	case err != nil:
		a.fail(w, err)
	case !decision.Allowed():
		a.begin(w, r, decision.Connector.ID(), email)
	default:
		v := view{Title: "Sign in", Form: "password", Email: email}
		if decision.Connector != nil {
			v.Connector, v.Company = decision.Connector.ID(), decision.Connector.Name()
		}
		a.show(w, http.StatusOK, v)
	}
}

// offered is the button of a company whose people may use their identity provider.
func (a *app) offered(w http.ResponseWriter, r *http.Request) {
	a.begin(w, r, r.PathValue("id"), r.PostFormValue("email"))
}

func (a *app) begin(w http.ResponseWriter, r *http.Request, connectorID, email string) {
	var p oidcsso.BeginParams
	if typed, err := oidcsso.ParseAddress(email); err == nil {
		p.LoginHint = typed.String()
	}
	if err := a.flow.Redirect(w, r, connectorID, p); err != nil {
		a.fail(w, err)
	}
}

// callback is where identity providers send people back to, at whatever replica.
func (a *app) callback(w http.ResponseWriter, r *http.Request) {
	signIn, err := a.flow.Finish(w, r)
	if e := oidcsso.AsError(err); errors.Is(err, oidcsso.CodeSecretSwitched) {
		// The other client secret is used from now on: who is signed in at the identity provider notices nothing.
		err = a.flow.Redirect(w, r, e.Connector, oidcsso.BeginParams{ReturnTo: e.ReturnTo, Data: e.Data})
		if err == nil {
			return
		}
	}
	if err != nil {
		a.fail(w, err)
		return
	}
	accounts := a.people.accounts()
	found, err := accounts.Resolve(r.Context(), signIn.Identity)
	if err != nil {
		a.fail(w, err)
		return
	}
	a.signIn(w, r, session{person: found, connector: signIn.Identity.Connector}, signIn.ReturnTo)
}

func (a *app) signIn(w http.ResponseWriter, r *http.Request, s session, to string) {
	if err := a.start(w, r, s); err != nil {
		a.fail(w, err)
		return
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

func (a *app) emergencyPage(w http.ResponseWriter, r *http.Request) {
	a.show(w, http.StatusOK, view{Title: "Emergency access", Form: "emergency"})
}

// emergency is for the day on which a company's identity provider is down. Everybody sees the page, and reads the same if
// anything is not right, so that it tells nobody who has an account, or who has an exception.
//
// The second factor is a code that works once, drawn beforehand: the smallest honest one. A real backend has TOTP or a
// passkey, and a limit of its rate.
func (a *app) emergency(w http.ResponseWriter, r *http.Request) {
	email := r.PostFormValue("email")
	found, err := a.people.byAddress(r.Context(), email)
	if err != nil {
		a.fail(w, err)
		return
	}
	refuse := func() {
		a.show(w, http.StatusForbidden, view{Title: "Emergency access", Text: "That is not right, or you can't get in here.", Form: "emergency"})
	}
	passwordRight := isPassword(found.password, r.PostFormValue("password"))
	codeRight := sameHash(found.recovery, r.PostFormValue("code"))
	if !passwordRight || !codeRight {
		refuse()
		return
	}
	// Only now, with two factors behind us.
	decision, err := a.flow.Decide(r.Context(), oidcsso.Attempt{
		Typed: email, Account: found.addresses, Method: oidcsso.MethodPassword, BreakGlass: true,
	})
	if err != nil {
		a.fail(w, err)
		return
	}
	if !decision.Allowed() {
		refuse()
		return
	}
	switch spent, err := a.people.spendRecovery(r.Context(), found); {
	case err != nil:
		a.fail(w, err)
	case !spent:
		refuse()
	default:
		a.signIn(w, r, session{person: found, exception: decision.Grant}, "/")
	}
}

func (a *app) home(w http.ResponseWriter, r *http.Request) {
	current, ok, err := a.session(r)
	switch {
	case err != nil:
		a.fail(w, err)
	case ok:
		a.show(w, http.StatusOK, view{Title: "Hello, " + current.person.name, Text: howTo(current), Form: "logout"})
	default:
		a.show(w, http.StatusOK, view{Title: "Sign in", Form: "login"})
	}
}

func howTo(s session) string {
	switch {
	case s.connector != "":
		return "You came by single sign-on."
	case s.exception != "":
		return "You came by an exception from single sign-on."
	}
	return "You came with a password."
}

func (a *app) logout(w http.ResponseWriter, r *http.Request) {
	if err := a.endSession(r.Context(), r); err != nil {
		a.fail(w, err)
		return
	}
	a.setCookie(w, "", -1)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// me is who is signed in, for programs.
func (a *app) me(w http.ResponseWriter, r *http.Request) {
	current, ok, err := a.session(r)
	switch {
	case err != nil:
		writeProblem(w, r, a.log, err)
	case !ok:
		writeJSON(w, http.StatusUnauthorized, problemBody{problem{Code: "not_signed_in", Message: "You are not signed in."}})
	default:
		writeJSON(w, http.StatusOK, map[string]string{"id": current.person.id, "name": current.person.name,
			"connector": current.connector, "exception": current.exception, "replica": a.replica})
	}
}

// fail tells the person what is for the person, and the log everything.
func (a *app) fail(w http.ResponseWriter, err error) {
	if errors.Is(err, oidcsso.CodeAddressMissing) || errors.Is(err, oidcsso.CodeAddressInvalid) {
		a.show(w, http.StatusBadRequest, view{Title: "Sign in", Text: "Please enter your email address.", Form: "login"})
		return
	}
	e := oidcsso.AsError(err) // of any error
	a.log.Warn("sign-in failed", "error", e)
	a.show(w, e.HTTPStatus(), view{Title: "This sign-in did not work", Text: e.Public + " (" + string(e.Code) + " " + e.ID + ")"})
}
