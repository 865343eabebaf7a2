package main

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/connectorstore"
)

// admin is the API by which connectors are managed: an operator's, since one token opens all of it. A backend whose tenants
// administer their own connectors gives their handlers not this store but store.Tenant of the session's tenant, which sees no
// other's, and lacks what is below /admin/operator/, where a word stands for a proof.
type admin struct {
	store  *connectorstore.Store
	live   *connectorstore.Live
	sso    *oidcsso.Options
	people *people
	token  [sha256.Size]byte // its hash: comparing tells not even the length
	log    *slog.Logger
}

// endpoint is one call. What it gives is written as JSON; nil is no content.
type endpoint func(r *http.Request) (any, error)

func (a *admin) routes() http.Handler {
	mux := http.NewServeMux()
	for pattern, call := range map[string]endpoint{
		// Step 1: a draft, whose Callback URI is registered at the identity provider.
		"POST /admin/connectors": a.create,
		// Step 2: the identity provider.
		"POST /admin/discover":                        a.discover,
		"PUT /admin/connectors/{id}":                  a.update,
		"PUT /admin/connectors/{id}/secrets":          a.setSecrets,
		"POST /admin/connectors/{id}/secrets/promote": a.promoteSecret,
		"DELETE /admin/connectors/{id}/secrets":       a.dropSecrets,
		"DELETE /admin/connectors/{id}/secrets/next":  a.dropSecrets,
		"POST /admin/connectors/{id}/test":            a.test,
		"PUT /admin/connectors/{id}/state":            a.setState,
		// Step 3: the domains.
		"POST /admin/connectors/{id}/domains": a.claim,
		"POST /admin/domains/{claim}/verify":  a.verify,
		"PUT /admin/domains/{claim}/state":    a.setDomainState,
		"DELETE /admin/domains/{claim}":       a.release,

		"GET /admin/connectors":              a.list,
		"GET /admin/connectors/{id}":         a.get,
		"DELETE /admin/connectors/{id}":      a.delete,
		"GET /admin/connectors/{id}/grants":  a.grants,
		"POST /admin/connectors/{id}/grants": a.addGrant,
		"DELETE /admin/grants/{grant}":       a.revokeGrant,
		"GET /admin/status":                  a.status,

		"POST /admin/operator/connectors/{id}/assert":         a.assert,
		"PUT /admin/operator/connectors/{id}/tenant":          a.setTenant,
		"POST /admin/operator/connectors/{id}/rekey":          a.rekey,
		"POST /admin/operator/connectors/{id}/rekey/accounts": a.rekeyAccounts,
		"POST /admin/operator/connectors/{id}/readmit":        a.readmit,
		"POST /admin/operator/domains/{claim}/transfer":       a.transfer,
		"GET /admin/operator/integrity":                       a.integrity,
	} {
		mux.Handle(pattern, a.serve(call))
	}
	mux.Handle("/admin/", a.serve(func(*http.Request) (any, error) {
		return nil, &problem{status: http.StatusNotFound, Code: "not_found", Message: "There is no such call."}
	}))
	return a.authorized(mux)
}

// authorized comes before everything else, also before "there is no such thing".
func (a *admin) authorized(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		sum := sha256.Sum256([]byte(token))
		if subtle.ConstantTimeCompare(sum[:], a.token[:]) != 1 || !ok {
			w.Header().Set("WWW-Authenticate", "Bearer")
			writeJSON(w, http.StatusUnauthorized, problemBody{problem{Code: "unauthorized", Message: "Send the administrator's token: Authorization: Bearer ..."}})
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (a *admin) serve(call endpoint) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = r.WithContext(connectorstore.WithActor(r.Context(), "admin")) // a real backend has names
		answer, err := call(r)
		if err == nil && r.Method != http.MethodGet {
			// The others follow within seconds. If this fails, so will this one.
			if err := a.live.Sync(r.Context()); err != nil {
				a.log.Warn("the change is stored, and not in force here yet", "error", err)
			}
		}
		switch {
		case err != nil:
			writeProblem(w, r, a.log, err)
		case answer == nil:
			w.WriteHeader(http.StatusNoContent)
		default:
			if c, ok := answer.(connectorView); ok {
				w.Header().Set("ETag", strconv.Quote(strconv.FormatInt(c.Revision, 10)))
			}
			writeJSON(w, http.StatusOK, answer)
		}
	})
}

// revisionOf reads If-Match, which every change of a connector needs: it says which state of it the administrator has seen.
func revisionOf(r *http.Request) (int64, error) {
	tag := r.Header.Get("If-Match")
	if tag == "" {
		return 0, &problem{status: http.StatusPreconditionRequired, Code: "revision_missing", Message: "The header If-Match is missing.",
			Remedy: `Send the ETag of the connector as you read it: If-Match: "12"`}
	}
	text, err := strconv.Unquote(tag)
	if err != nil {
		text = tag
	}
	revision, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, invalidBody("The header If-Match is not an ETag of a connector.")
	}
	return revision, nil
}

// read reads the body strictly: a field that is misspelt must not be a change that silently did nothing.
func read(r *http.Request, into any) error {
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return invalidBody("The body is not the JSON that is expected: " + strings.TrimPrefix(err.Error(), "json: ") + ".")
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return invalidBody("The body has more than one JSON value.")
	}
	return nil
}

func invalidBody(message string) error {
	return &problem{status: http.StatusBadRequest, Code: "invalid", Message: message}
}

// problem is every error of the API.
type problem struct {
	status  int
	Code    string               `json:"code"`
	Message string               `json:"message"`
	Remedy  string               `json:"remedy,omitempty"`
	Fields  []oidcsso.FieldError `json:"fields,omitempty"` // of a form
	ID      string               `json:"id,omitempty"`     // finds it in the log
}

func (p *problem) Error() string { return p.Code + ": " + p.Message }

type problemBody struct {
	Error problem `json:"error"`
}

// problemOf chooses what the administrator may read: what the store refused and what is wrong with a Config, in whole; of
// everything else the public face.
func problemOf(err error) problem {
	var own *problem
	var refused *connectorstore.Error
	var invalid *oidcsso.ConfigError
	switch {
	case errors.As(err, &own):
		return *own
	case errors.As(err, &refused):
		p := problem{status: refused.HTTPStatus(), Code: string(refused.Code), Message: refused.Message, Remedy: refused.Remedy}
		if refused.Code == connectorstore.CodeConflict {
			p.status = http.StatusPreconditionFailed // RFC 9110, 13.1.1
		}
		return p
	case errors.As(err, &invalid):
		return problem{status: http.StatusUnprocessableEntity, Code: string(oidcsso.CodeConfigInvalid), Message: "The configuration is not valid.", Fields: invalid.Fields}
	}
	e := oidcsso.AsError(err)
	return problem{status: e.HTTPStatus(), Code: string(e.Code), Message: e.Public, ID: e.ID}
}

func writeProblem(w http.ResponseWriter, r *http.Request, log *slog.Logger, err error) {
	p := problemOf(err)
	if p.status >= http.StatusInternalServerError {
		log.Error("request failed", "method", r.Method, "path", r.URL.Path, "error", err, "id", p.ID)
	}
	writeJSON(w, p.status, problemBody{p})
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	body, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	w.Write(append(body, '\n'))
}
