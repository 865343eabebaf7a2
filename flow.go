package oidcsso

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Flow adds to connectors what a web backend needs to use them in its own handlers: the sealed cookies between redirect and
// callback, the look-up of connectors, and the check of return targets. It writes cookies and redirects, never a page.
//
// It holds no state: it is cheap to rebuild, and any replica with the same keys and base URLs finishes what another began.
// It is safe for concurrent use.
type Flow struct {
	env     *environment
	source  Source
	options FlowOptions
	returns *returns

	hostPrefix, plainPrefix string // of the names of cookies, under https and under http
}

// FlowOptions is how a Flow behaves. Keys are required, everything else has a safe default.
type FlowOptions struct {
	// Keys seal the sign-ins under way: the first seals, all open. Required; see [SealKey] for rotation.
	Keys []SealKey

	// DefaultReturn is where people go after a sign-in that names no return target. Default: "/".
	DefaultReturn string

	// AllowedReturns are what a return target may be besides a local path. An origin, such as "https://eu.example.com",
	// allows every path there: whoever can put a page there receives the people who signed in. A whole URI of an app, such
	// as "com.example.app://signed-in" or "https://example.com/app/signed-in", allows itself alone, byte for byte, with no
	// query. It brings an app back and nothing else: another app on the device may have claimed it, so what the backend adds
	// to it must be a code that works once and only for who began, never a session or a token. Default: none.
	AllowedReturns []string

	// CookieName begins the name of each cookie, so that two applications on one host don't disturb each other. Under https
	// "__Host-" stands before it. Default: "oidcsso".
	CookieName string

	// CallbackPath gives the path, as the browser saw it, at which a callback arrived: for a backend behind a proxy that
	// rewrites paths. Default: the path of the request line.
	CallbackPath func(*http.Request) string

	// Once, if set, makes each callback single-use across all replicas: it returns true the first time that it is called
	// with an id, and may forget the id after until. An error refuses the sign-in. Default: single use rests on the
	// identity provider, which accepts a code once.
	Once func(ctx context.Context, id string, until time.Time) (bool, error)
}

// SignIn is a finished sign-in: who it is, and what it was for.
type SignIn struct {
	// Identity is who signed in.
	Identity *Identity
	// ReturnTo is where the person goes now: a local path or one of FlowOptions.AllowedReturns, checked at the start.
	ReturnTo string
	// Data is what BeginParams had.
	Data []byte
}

const (
	defaultCookieName = "oidcsso"
	maxOutstanding    = 5  // sign-ins of one browser; the oldest gives way
	maxLooked         = 50 // cookies of ours that are looked at in one request
	cookieIDLength    = 12 // characters of the state, enough to tell attempts apart
)

// NewFlow makes a Flow over a [Source], such as a [Router]. opts must be those that the connectors were made with, and must
// have a BaseURL. All problems are reported at once, as a [*ConfigError].
func NewFlow(opts *Options, source Source, fo *FlowOptions) (*Flow, error) {
	env, err := opts.environment()
	if err != nil {
		return nil, err
	}
	f := &Flow{env: env, source: source}
	if fo != nil {
		f.options = *fo
		f.options.Keys = slices.Clone(fo.Keys)
	}
	invalid := &ConfigError{}
	if len(env.bases) == 0 {
		invalid.add("base_url", "is missing", "set Options.BaseURL, such as https://app.example.com/sso")
	}
	if source == nil {
		invalid.add("source", "is missing", "pass a Router or another Source")
	}
	if o, ok := optionsOf(source); ok && len(env.bases) > 0 {
		if other, err := o.environment(); err == nil && !other.sameBases(env) {
			invalid.add("source", "was made with Options that have another BaseURL, or other ones beside it", "pass the same *Options to NewFlow and to the Router or Loader")
		}
	}
	checkKeys(invalid, f.options.Keys)
	if f.options.CookieName == "" {
		f.options.CookieName = defaultCookieName
	}
	if strings.Trim(f.options.CookieName, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" || len(f.options.CookieName) > 40 {
		invalid.add("cookie_name", "is not a plain name", "use up to 40 letters, digits, - and _")
	}
	f.plainPrefix = f.options.CookieName + "-"
	f.hostPrefix = "__Host-" + f.plainPrefix
	f.returns = newReturns(invalid, f.options.DefaultReturn, f.options.AllowedReturns)
	if err := invalid.orNil(); err != nil {
		return nil, err
	}
	return f, nil
}

// optionsOf are those that connectors of the Source are made with, if it is one of ours.
func optionsOf(source Source) (o *Options, ok bool) {
	switch s := source.(type) {
	case *Router:
		if s != nil {
			return s.opts, true
		}
	case *Loader:
		if s != nil {
			return s.Options, true
		}
	}
	return nil, false
}

func checkKeys(invalid *ConfigError, keys []SealKey) {
	const remedy = "pass keys made with ParseSealKey, the newest first"
	if len(keys) == 0 {
		invalid.add("keys", "are missing", remedy) // never random ones: a restart would lose sign-ins under way
	}
	for i, k := range keys {
		if k.key == nil { //check:seal-keys
			invalid.add("keys", "have an empty one", remedy)
			return
		}
		for _, other := range keys[:i] {
			if k.equal(other) {
				invalid.add("keys", "have one twice", remedy)
			}
		}
	}
}

// Begin starts a sign-in through a connector and gives the authorization URL, for a backend that answers in JSON; the
// cookie is set. The page then goes there by itself (location.assign).
//
// On an error nothing is written. Errors are [*Error] with the codes of [Connector.Begin] (CodeParamsInvalid also at a host
// that none of several base URLs has), CodeConnectorUnknown, CodeReturnRefused, or CodeInternal where the sign-in does not fit
// into a cookie (with a redirect URI of over 1000 bytes).
func (f *Flow) Begin(w http.ResponseWriter, r *http.Request, connectorID string, p BeginParams) (string, error) {
	op := f.env.operation(f.source)
	authorizationURL, err := f.begin(w, r, connectorID, &p, &op)
	op.began(r.Context(), connectorID, err)
	return authorizationURL, err
}

func (f *Flow) begin(w http.ResponseWriter, r *http.Request, connectorID string, p *BeginParams, op *operation) (string, error) {
	if p.Binding != "" || p.InsecureUnbound { //check:flow-binding
		return "", newError(CodeParamsInvalid, connectorID, errors.New("a Flow binds by its cookie")).
			withRemedy("Leave BeginParams.Binding and InsecureUnbound alone when using a Flow.")
	}
	if p.RedirectURI != "" { //check:flow-redirect-uri
		return "", newError(CodeParamsInvalid, connectorID, errors.New("a Flow chooses the redirect URI by the request's host")).
			withRemedy("Leave BeginParams.RedirectURI alone when using a Flow; list further base URLs in Options.OtherBaseURLs.")
	}
	site, known := f.at(r)
	if !known { //check:host-unknown
		return "", errHost(CodeParamsInvalid, connectorID, r)
	}
	target, err := f.returns.check(p.ReturnTo)
	if err != nil { //check:return-refused
		return "", newError(CodeReturnRefused, connectorID, err)
	}
	p.ReturnTo = target
	connector, err := f.connector(r.Context(), connectorID)
	if err != nil {
		return "", err
	}
	op.connector = connectorID
	if len(f.env.bases) > 1 {
		if p.RedirectURI, err = site.redirectURI(connector); err != nil {
			return "", err
		}
	}
	authorizationURL, login, err := connector.begin(r.Context(), p)
	if err != nil {
		return "", err
	}
	if err := site.setCookie(w, r, login); err != nil {
		return "", newError(CodeInternal, connectorID, err)
	}
	noTrace(w)
	return authorizationURL, nil
}

// Redirect starts a sign-in and sends the browser to the identity provider, with status 303. On an error nothing is
// written; errors are those of [Flow.Begin].
func (f *Flow) Redirect(w http.ResponseWriter, r *http.Request, connectorID string, p BeginParams) error {
	authorizationURL, err := f.Begin(w, r, connectorID, p)
	if err != nil {
		return err
	}
	http.Redirect(w, r, authorizationURL, http.StatusSeeOther)
	return nil
}

// Decide is [Decide] with the Flow's Source: the guarantee that nobody gets around single sign-on. Options.Events is told
// too.
func (f *Flow) Decide(ctx context.Context, a Attempt) (Decision, error) {
	return decideAndTell(ctx, f.source, f.env.events, a)
}

// Enforce is Decide followed by Redirect: handled is true when the browser was sent to the identity provider, and the
// handler is done. handled is false and err nil only when the attempt may go on. So it does where a connector is only offered
// (DomainRouted, DomainReportOnly); to offer it, use Decide.
//
// On an error nothing is written, and the attempt must not go on: "unavailable" never opens the password form. A backend that
// answers in JSON uses Decide and [Flow.Begin] instead, since a page's fetch can't follow the redirect.
func (f *Flow) Enforce(w http.ResponseWriter, r *http.Request, a Attempt, p BeginParams) (handled bool, err error) {
	decision, err := f.Decide(r.Context(), a)
	if err != nil || decision.Allowed() {
		return false, err
	}
	if typed, err := ParseAddress(a.Typed); err == nil && p.LoginHint == "" {
		// Never an address of the account: who types a user name would read it in the URL.
		p.LoginHint = typed.String()
	}
	if err := f.Redirect(w, r, decision.Connector.ID(), p); err != nil {
		return false, err
	}
	return true, nil
}

// Finish turns the callback request into a SignIn. It finds the connector by the sealed cookie that fits the state, never by
// what the request claims, and verifies all that [Connector.Finish] does. The cookie expires as soon as its state
// matched, whatever follows; a request that matches no cookie changes nothing.
//
// It writes no body; after an error the backend shows a page of its own. Errors are [*Error] with the codes of
// [Connector.Finish] (CodeResponseMisplaced also at a host that none of several base URLs has), CodeConnectorUnknown or
// CodeLoginUsed. After CodeSecretSwitched the backend may begin again at once, as a [Handler] does: [Flow.Redirect] with the
// error's Connector, ReturnTo and Data, and with the Prompt, MaxAge and ACRValues that it had asked for, which the error does
// not have.
func (f *Flow) Finish(w http.ResponseWriter, r *http.Request) (*SignIn, error) {
	noTrace(w)
	op := f.env.operation(f.source)
	id, login, err := f.finish(w, r, &op)
	op.finished(r.Context(), id, err)
	if err != nil {
		return nil, err
	}
	return &SignIn{Identity: id, ReturnTo: login.returnTo, Data: login.data}, nil
}

func (f *Flow) finish(w http.ResponseWriter, r *http.Request, op *operation) (*Identity, *Login, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil || r.Method != http.MethodGet { //check:callback-method
		return nil, nil, newError(CodeResponseInvalid, "", errors.New("it is not a GET request with a well-formed query"))
	}
	site, known := f.at(r)
	if !known { //check:host-unknown
		return nil, nil, errHost(CodeResponseMisplaced, "", r)
	}
	login, err := site.openCookie(r, values["state"])
	if err != nil {
		return nil, nil, err
	}
	site.expireCookie(w, site.cookieName(login.State()))
	op.of(login)
	id, err := f.identity(r, login, values)
	if err != nil {
		e := errorOf(err, CodeInternal, login.connector)
		e.of(login)
		return nil, nil, e
	}
	return id, login, nil
}

func (f *Flow) identity(r *http.Request, login *Login, values url.Values) (*Identity, error) {
	connector, err := f.connector(r.Context(), login.connector) // as it is now, not as it was at the start
	if err != nil {
		return nil, err
	}
	if f.options.Once != nil {
		first, err := f.options.Once(r.Context(), login.State(), login.expiry)
		if err != nil { //check:once-failed
			return nil, newError(CodeUnavailable, login.connector, err)
		}
		if !first { //check:once
			return nil, newError(CodeLoginUsed, login.connector, nil)
		}
	}
	return connector.checked(r.Context(), login, Response{URL: f.callbackPath(r), Values: values, Source: f.source})
}

// connector asks the Source, and doubts its answer as [Decide] does. What can't be an ID, which anybody may send, never gets
// there: a database would fail at a null byte, or find "acme" for "ACME".
func (f *Flow) connector(ctx context.Context, id string) (*Connector, error) {
	malformed := &ConfigError{}
	if checkID(malformed, id); malformed.orNil() != nil { //check:connector-id
		return nil, newError(CodeConnectorUnknown, plain(id), errors.New("it is not a connector ID"))
	}
	connector, err := f.source.Connector(ctx, id)
	if isNotFound(err) {
		if ctx.Err() == nil {
			return nil, newError(CodeConnectorUnknown, id, err)
		}
		err = ctx.Err() // "not found" may only mean that the search was broken off
	}
	switch {
	case err != nil: //check:source-error
	case connector == nil: //check:source-nil
		err = errors.New("the Source gave neither a connector nor an error")
	case connector.ID() != id: //check:source-other-connector
		err = errors.New("the Source gave another connector")
	default:
		return connector, nil
	}
	return nil, unavailable(err, id)
}

// callbackPath is where the request arrived, as the browser saw it: not r.URL, which http.StripPrefix and routers change.
func (f *Flow) callbackPath(r *http.Request) string {
	if f.options.CallbackPath != nil {
		return f.options.CallbackPath(r)
	}
	if u, err := url.ParseRequestURI(r.RequestURI); err == nil {
		return u.EscapedPath()
	}
	return r.URL.EscapedPath()
}

// noTrace keeps the URLs of a sign-in, with what is in them, out of caches and of Referer headers.
func noTrace(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
}
