package oidcsso

import (
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// Handler serves the routes of a [Flow] with plain pages, for a backend that has none of its own: below the path of
// BaseURL, and of each of Options.OtherBaseURLs,
//
//	/start            begins a sign-in, by email address or by connector
//	/callback/{id}    ends it, in OnSignIn or on an error page
//
// Mount it at that path: mux.Handle("/sso/", handler). It is safe for concurrent use.
type Handler struct {
	flow    *Flow
	options HandlerOptions
	origin  *http.CrossOriginProtection
}

// HandlerOptions is how a Handler behaves.
type HandlerOptions struct {
	// OnSignIn is called when somebody has signed in: it finds or makes the account, starts the backend's session and
	// redirects to SignIn.ReturnTo. It may refuse by returning an error before it has written anything; [Refuse] makes one
	// with a sentence for the person. It must not replace the session of another person without asking: the sign-in
	// may have been started by a link. Required.
	OnSignIn func(w http.ResponseWriter, r *http.Request, s *SignIn) error

	// OnUnrouted is called when somebody starts with an address whose domain sends nobody to a connector; it usually shows
	// the password form. JSON requests are answered {"method": "password"} instead. Default: a page that says so.
	OnUnrouted func(w http.ResponseWriter, r *http.Request, email string)

	// OnError shows an error. Default: it is logged to Options.Logger, and the person sees a plain page, or JSON if the
	// request wants that.
	OnError func(w http.ResponseWriter, r *http.Request, err *Error)

	// Allow is asked before a start looks anything up; false answers CodeTooManyRequests. A rate limit goes here: an answer
	// tells whether a domain is a customer's, and each start costs a cookie and maybe a fetch. Default: all are allowed.
	Allow func(r *http.Request) bool

	// LoginURL is where the default pages link back to: a local path. Default: "/".
	LoginURL string
}

// NewHandler makes a Handler. The error is a [*ConfigError].
func NewHandler(flow *Flow, ho *HandlerOptions) (*Handler, error) {
	invalid := &ConfigError{}
	h := &Handler{flow: flow, origin: http.NewCrossOriginProtection()}
	if ho != nil {
		h.options = *ho
	}
	if flow == nil {
		invalid.add("flow", "is missing", "make one with NewFlow")
		return nil, invalid
	}
	if h.options.OnSignIn == nil {
		invalid.add("on_sign_in", "is missing", "pass the function that starts your session")
	}
	login, err := (&returns{fallback: "/"}).check(h.options.LoginURL)
	if err != nil {
		invalid.add("login_url", "is not a local path", "enter a path such as /login")
	}
	h.options.LoginURL = login
	// The bases' own origins too: behind a proxy a request may have another Host, with which its Origin is compared.
	origins := slices.Collect(maps.Keys(flow.returns.origins))
	for _, base := range flow.env.bases {
		origins = append(origins, base.Scheme+"://"+base.Host)
	}
	for _, origin := range origins {
		if err := h.origin.AddTrustedOrigin(origin); err != nil {
			invalid.add("allowed_returns", "has an entry that is not an origin", "enter origins such as https://eu.example.com")
		}
	}
	if err := invalid.orNil(); err != nil {
		return nil, err
	}
	return h, nil
}

// ServeHTTP serves the routes; anything else is 404.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	site, _ := h.flow.at(r)                                // of an unknown host, the Flow makes an error
	path := strings.TrimPrefix(r.URL.Path, site.base.Path) // also behind http.StripPrefix
	switch {
	case path == "/start":
		h.Start(w, r)
	case strings.HasPrefix(path, "/callback/"):
		h.Callback(w, r)
	default:
		noTrace(w)
		http.NotFound(w, r)
	}
}

// Start begins a sign-in by the parameter email or the parameter connector, with return_to if there is one: in the query of a
// GET, or in the form or JSON body of a POST. A page is redirected to the identity provider; a request with a JSON body or
// that accepts JSON alone gets {"method": "sso", "url": ...} or, where the address's domain sends nobody to a connector,
// {"method": "password"}. To a connector leads every domain that is routed, report_only, enforced, asserted or frozen; of the
// first two, not if the connector is disabled, since other ways in are open there.
//
// A POST from another site is refused, unless its origin is one of FlowOptions.AllowedReturns or a base URL's. Who follows a
// link of another site here is asked first, on a page that names the connector; otherwise any link could sign people in
// unasked.
func (h *Handler) Start(w http.ResponseWriter, r *http.Request) {
	if err := h.start(w, r); err != nil {
		h.fail(w, r, err)
	}
}

func (h *Handler) start(w http.ResponseWriter, r *http.Request) error {
	noTrace(w)
	if err := h.origin.Check(r); err != nil { //check:start-cross-origin
		return newError(CodeParamsInvalid, "", err).withRemedy("A form on another site sent this. List its origin in FlowOptions.AllowedReturns if it is yours.")
	}
	if strings.Contains(r.Header.Get("Sec-Purpose"), "prefetch") { //check:start-prefetch
		return newError(CodeParamsInvalid, "", errors.New("the browser fetches the page ahead, and nobody asked for it yet"))
	}
	if h.options.Allow != nil && !h.options.Allow(r) { //check:start-limit
		return newError(CodeTooManyRequests, "", nil)
	}
	in, err := readStart(w, r)
	if err != nil {
		return err
	}
	p := BeginParams{ReturnTo: in.returnTo}
	if in.connector == "" {
		address, err := ParseAddress(in.email)
		if err != nil {
			return err
		}
		// Nobody is let in here, so nobody is told of an attempt that enforcement would have stopped.
		decision, err := (&deciding{source: h.flow.source, attempt: Attempt{Typed: in.email}}).decide(r.Context())
		if err != nil {
			return err
		}
		if decision.Connector == nil {
			h.unrouted(w, r, address)
			return nil
		}
		in.connector, p.LoginHint = decision.Connector.ID(), address.String()
	}
	if !wantsJSON(r) {
		if r.Method == http.MethodGet && r.Header.Get("Sec-Fetch-Site") == "cross-site" { //check:start-cross-site
			return h.confirm(w, r, in.connector)
		}
		return h.flow.Redirect(w, r, in.connector, p)
	}
	authorizationURL, err := h.flow.Begin(w, r, in.connector, p)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]string{"method": "sso", "url": authorizationURL})
	return nil
}

// confirm shows a link to the same start. A click on it no longer comes from another site.
func (h *Handler) confirm(w http.ResponseWriter, r *http.Request, connectorID string) error {
	connector, err := h.flow.connector(r.Context(), connectorID)
	if err != nil {
		return err
	}
	h.page(w, http.StatusOK, page{Title: "Do you want to sign in?", Text: "You came here from another site. Go on to sign in with " + connector.Name() + ".",
		Link: "?" + r.URL.Query().Encode(), LinkText: "Sign in"})
	return nil
}

func (h *Handler) unrouted(w http.ResponseWriter, r *http.Request, address Address) {
	switch {
	case wantsJSON(r):
		writeJSON(w, http.StatusOK, map[string]string{"method": "password"})
	case h.options.OnUnrouted != nil:
		h.options.OnUnrouted(w, r, address.String())
	default:
		h.page(w, http.StatusNotFound, page{Title: "No single sign-on", Text: "There is no single sign-on for this email address.", Link: h.options.LoginURL, LinkText: "Sign in another way"})
	}
}

// Callback ends a sign-in. It may be mounted at any path that is a connector's redirect URI. Where the connector has switched to
// its other client secret (CodeSecretSwitched), it begins again by itself, with the same return target and data: whoever
// has a session at the identity provider notices nothing.
func (h *Handler) Callback(w http.ResponseWriter, r *http.Request) {
	signIn, err := h.flow.Finish(w, r)
	if errors.Is(err, CodeSecretSwitched) && !wantsJSON(r) { // a program can't follow the redirect
		e := AsError(err)
		err = h.flow.Redirect(w, r, e.Connector, BeginParams{ReturnTo: e.ReturnTo, Data: e.Data})
		if err == nil {
			return
		}
	}
	if err != nil {
		h.fail(w, r, err)
		return
	}
	if err := h.options.OnSignIn(w, r, signIn); err != nil {
		e := *AsError(err) // a copy: it may be one for all
		e.Connector, e.ReturnTo, e.Data = signIn.Identity.Connector, signIn.ReturnTo, signIn.Data
		h.fail(w, r, &e)
	}
}

// fail shows an error and says to the log what the person is not told.
func (h *Handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	e := AsError(err)
	if h.options.OnError != nil {
		h.options.OnError(w, r, e)
		return
	}
	level := slog.LevelInfo
	if e.Kind() == KindUnavailable {
		level = slog.LevelWarn
	}
	h.flow.env.logger.Log(r.Context(), level, "oidcsso: sign-in failed", "error", e)
	noTrace(w)
	if wantsJSON(r) {
		writeJSON(w, e.HTTPStatus(), e)
		return
	}
	h.page(w, e.HTTPStatus(), errorPage(e, h.options.LoginURL))
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // fails only with the connection
}
