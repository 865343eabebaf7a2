package main

import (
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"regexp"

	"github.com/oidcsso/oidcsso"
)

// login answers where to go on: {"method": "sso", "url": ...}, and the page goes there by itself (location.assign), or
// {"method": "password"}. A redirect would be of no use to fetch, which would follow it to a site that does not answer it.
func (a *app) login(w http.ResponseWriter, r *http.Request) {
	var in struct{ Email, Next string }
	if err := readJSON(w, r, &in); err != nil {
		a.fail(w, err)
		return
	}
	decision, err := a.decide(r, in.Email, oidcsso.MethodIdentify)
	if err != nil { // "unavailable" too: then there is no password form either
		a.fail(w, err)
		return
	}
	if decision.Allowed() {
		writeJSON(w, http.StatusOK, map[string]string{"method": "password"})
		return
	}
	url, err := a.sso.Begin(w, r, decision.Connector.ID(), oidcsso.BeginParams{LoginHint: in.Email, ReturnTo: in.Next})
	if err != nil {
		a.fail(w, err)
		return
	}
	writeJSON(w, http.StatusOK, map[string]string{"method": "sso", "url": url})
}

// decide asks about the account that would get in, and about what was typed.
func (a *app) decide(r *http.Request, email string, method oidcsso.Method) (oidcsso.Decision, error) {
	found := a.store.byAddress(email)
	return a.sso.Decide(r.Context(), oidcsso.Attempt{Typed: email, Account: []string{found.Email}, Method: method})
}

// password asks again: login was another request, and nothing says that it came before this one.
func (a *app) password(w http.ResponseWriter, r *http.Request) {
	var in struct{ Email, Password string }
	if err := readJSON(w, r, &in); err != nil {
		a.fail(w, err)
		return
	}
	decision, err := a.decide(r, in.Email, oidcsso.MethodPassword)
	if err != nil {
		a.fail(w, err)
		return
	}
	if !decision.Allowed() {
		a.fail(w, oidcsso.Refuse("Your company signs you in. There is no password to enter here."))
		return
	}
	found := a.store.byAddress(in.Email)
	if !found.password.is(in.Password) {
		a.fail(w, oidcsso.Refuse("The address or the password is wrong."))
		return
	}
	a.startSession(w, r, found)
	writeJSON(w, http.StatusOK, found)
}

func (a *app) logout(w http.ResponseWriter, r *http.Request) {
	a.endSession(w, r)
	w.WriteHeader(http.StatusNoContent)
}

func (a *app) me(w http.ResponseWriter, r *http.Request) {
	user, ok := a.user(r)
	if !ok {
		a.fail(w, &problem{http.StatusUnauthorized, "signed_out", "You are not signed in."})
		return
	}
	writeJSON(w, http.StatusOK, user)
}

var (
	codeForm = regexp.MustCompile(`^[a-z_]{1,40}$`)
	idForm   = regexp.MustCompile(`^[a-z2-7]{10}$`)
)

// errorText gives the sentence of a code that came back in a URL, for the page to show. Code and id come along only where they
// look like ones: anybody can write a URL, and would have a text of theirs shown.
func (a *app) errorText(w http.ResponseWriter, r *http.Request) {
	code, id := r.PathValue("code"), r.URL.Query().Get("id")
	answer := map[string]string{"message": oidcsso.AsError(oidcsso.Code(code)).Public}
	if codeForm.MatchString(code) && idForm.MatchString(id) {
		answer["code"], answer["id"] = code, id
	}
	writeJSON(w, http.StatusOK, answer)
}

// problem is an error of this API's own. Its JSON has the shape that the library's errors have.
type problem struct {
	status  int
	Code    string `json:"code"`
	Message string `json:"message"`
}

func (p *problem) Error() string { return p.Message }

// fail answers every error in one shape, {"code", "message", "id"}. The log gets all of it, under the same id.
func (a *app) fail(w http.ResponseWriter, err error) {
	var own *problem
	if errors.As(err, &own) {
		writeJSON(w, own.status, own)
		return
	}
	e := oidcsso.AsError(err)
	a.log.Info("refused", "error", e)
	writeJSON(w, e.HTTPStatus(), e) // of an *oidcsso.Error only what anybody may see is in its JSON
}

const maxBody = 16 << 10

// readJSON insists on the content type that a form of another site can't have; http.CrossOriginProtection is in front of it.
func readJSON(w http.ResponseWriter, r *http.Request, into any) error {
	if media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); media != "application/json" {
		return &problem{http.StatusUnsupportedMediaType, "not_json", "The request is not JSON."}
	}
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil || decoder.More() {
		return &problem{http.StatusBadRequest, "malformed", "The request is malformed."}
	}
	return nil
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // fails only with the connection
}
