package main

import (
	"log/slog"
	"net/http"

	"github.com/oidcsso/oidcsso"
)

// This file is all that single sign-on needs in a backend: the wiring, the login handler and the callback handler.

// newSSO makes the router, which knows who signs in where, and the flow, which takes people there and back.
func newSSO(baseURL string, connectors []oidcsso.Config, log *slog.Logger) (*oidcsso.Flow, *oidcsso.Router, error) {
	opts := &oidcsso.Options{
		BaseURL: baseURL,
		Logger:  log,
		// The identity providers of a demonstration are on this machine. Leave this line out.
		Egress: oidcsso.Egress{InsecureAllowLoopback: true},
	}
	router := oidcsso.NewRouter(opts)
	if err := router.Replace(connectors); err != nil { // no network: it works while an identity provider is down
		return nil, nil, err
	}
	// In production the key is a setting, the same for all replicas, read by oidcsso.ParseSealKey.
	keys := []oidcsso.SealKey{oidcsso.RandomSealKey()}
	flow, err := oidcsso.NewFlow(opts, router, &oidcsso.FlowOptions{Keys: keys})
	return flow, router, err
}

// login handles both forms, the one with the address and the one with the password.
func (a *app) login(w http.ResponseWriter, r *http.Request) {
	form, ok := readLoginForm(w, r)
	if !ok {
		a.startPage(w, http.StatusBadRequest, "Please enter your email address.")
		return
	}
	account := a.users.find(form.email) // nobody: an account without addresses
	handled, err := a.flow.Enforce(w, r,
		oidcsso.Attempt{Typed: form.email, Account: account.addresses, Method: oidcsso.MethodPassword},
		oidcsso.BeginParams{})
	switch {
	case err != nil: // nothing was written; "unavailable" is an error too: never fall through to the password
		a.fail(w, r, err)
	case handled: // 303 to the identity provider
	case !form.hasPassword:
		a.passwordPage(w, http.StatusOK, form.email, "")
	case !a.users.check(account, form.password): // the same account, not the request's address again
		a.passwordPage(w, http.StatusForbidden, form.email, "Email address or password is wrong.")
	default:
		a.signIn(w, r, passwordPerson(a.origin, account))
	}
}

// callback is where the identity provider sends people back to.
func (a *app) callback(w http.ResponseWriter, r *http.Request) {
	signIn, err := a.flow.Finish(w, r)
	if err != nil { // a sentence for the person, a code, a correlation id
		a.fail(w, r, err)
		return
	}
	// A backend with accounts finds or makes one here, by signIn.Identity.Key(): see examples/existing-login.
	connector, err := a.router.Connector(r.Context(), signIn.Identity.Connector)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	a.signIn(w, r, ssoPerson(connector.Name(), signIn.Identity))
}
