package oidcssotest

import (
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Lifetimes of what is issued.
const (
	codeLifetime    = time.Minute
	tokenLifetime   = time.Hour
	sessionLifetime = 8 * time.Hour
)

// grant is what an authorization code stands for.
type grant struct {
	clientID, redirectURI, challenge, nonce, acr string
	scopes                                       []string
	session                                      session
	expiry                                       time.Time
	used                                         bool
	accessToken                                  string // once used
}

// authRequest is a valid authentication request (OpenID Connect Core 1.0, 3.1.2.1). When only its client and redirect
// URI are valid, that is enough to answer with an error.
type authRequest struct {
	client                               Client
	redirectURI, state, nonce, challenge string
	scopes, prompts                      []string
	loginHint, acr                       string
	maxAge                               time.Duration
	hasMaxAge                            bool
	params                               url.Values
}

// errNotRedirectable is for requests whose error must not be sent to the redirect URI, because it may be an attacker's
// (RFC 6749, 4.1.2.1).
type errNotRedirectable string

func (e errNotRedirectable) Error() string { return string(e) }

// authorize is the authorization endpoint.
func (p *IdP) authorize(w http.ResponseWriter, r *http.Request, s *state) {
	params := r.URL.Query()
	if r.Method == http.MethodPost {
		params = r.PostForm
	}
	req, err := p.readAuthRequest(params)
	if err != nil {
		p.refuse(w, s, req, err)
		return
	}
	if s.AuthorizeError != "" {
		p.refuse(w, s, req, &oauthError{s.AuthorizeError, s.AuthorizeErrorDescription})
		return
	}
	if session, ok := p.session(r, s.now); ok && p.suffices(session, req, s.now) {
		p.grant(w, s, req, session)
		return
	}
	if slices.Contains(req.prompts, "none") {
		p.refuse(w, s, req, &oauthError{"login_required", "nobody is signed in who may be used without asking"})
		return
	}
	auto := s.AutoSignIn
	if s.AutoSignInByHint && req.loginHint != "" {
		auto = req.loginHint
	}
	if auto == "" {
		p.showForm(w, s, req, http.StatusOK, req.loginHint, "")
		return
	}
	u, ok := p.user(auto)
	if !ok {
		showError(w, s, http.StatusInternalServerError, "The user who should sign in automatically does not exist.")
		return
	}
	p.grant(w, s, req, p.startSession(w, u, s.now))
}

// signIn is where the sign-in page sends its form. Its query is the authorization request, which is checked again.
func (p *IdP) signIn(w http.ResponseWriter, r *http.Request, s *state) {
	req, err := p.readAuthRequest(r.URL.Query())
	if err != nil {
		p.refuse(w, s, req, err)
		return
	}
	if r.PostForm.Get("action") == "cancel" {
		p.refuse(w, s, req, &oauthError{"access_denied", "the person cancelled"})
		return
	}
	username := strings.TrimSpace(r.PostForm.Get("username"))
	u, ok := p.user(username)
	if !ok || u.Password != "" && u.Password != r.PostForm.Get("password") {
		p.showForm(w, s, req, http.StatusForbidden, username, "Username or password is wrong.")
		return
	}
	p.grant(w, s, req, p.startSession(w, u, s.now))
}

// readAuthRequest checks everything that makes a request valid. With an error other than errNotRedirectable there is
// also a request, to which the error can be answered.
func (p *IdP) readAuthRequest(params url.Values) (*authRequest, error) {
	client, ok := p.client(params.Get("client_id"))
	if !ok || len(params["client_id"]) != 1 {
		return nil, errNotRedirectable("The application that sent you here is not known (client_id).")
	}
	redirectURI := params.Get("redirect_uri")
	if len(params["redirect_uri"]) != 1 || !slices.Contains(client.RedirectURIs, redirectURI) {
		return nil, errNotRedirectable("The application that sent you here gave an address that is not registered for it (redirect_uri).")
	}
	req := &authRequest{
		client: client, redirectURI: redirectURI, params: params, state: params.Get("state"), nonce: params.Get("nonce"),
		challenge: params.Get("code_challenge"), loginHint: params.Get("login_hint"), acr: "0",
		scopes: strings.Fields(params.Get("scope")), prompts: strings.Fields(params.Get("prompt")),
	}
	if acr := strings.Fields(params.Get("acr_values")); len(acr) > 0 {
		req.acr = acr[0]
	}
	return req, req.check()
}

func (req *authRequest) check() error {
	for name, values := range req.params {
		if len(values) > 1 {
			return invalidRequest("a parameter is repeated: " + name)
		}
	}
	challenge, prompts := req.challenge, req.prompts
	switch responseType := req.params.Get("response_type"); {
	case responseType == "":
		return invalidRequest("response_type is missing")
	case responseType != "code":
		return &oauthError{"unsupported_response_type", "only code is supported"}
	case !slices.Contains(req.scopes, "openid"):
		return &oauthError{"invalid_scope", "openid is missing"}
	case req.params.Has("request"):
		return &oauthError{"request_not_supported", "request objects are not supported"}
	case req.params.Has("request_uri"):
		return &oauthError{"request_uri_not_supported", "request objects are not supported"}
	case req.params.Has("response_mode") && req.params.Get("response_mode") != "query":
		return invalidRequest("only the response mode query is supported")
	case req.state == "":
		return invalidRequest("state is missing")
	case req.nonce == "":
		return invalidRequest("nonce is missing")
	case req.params.Get("code_challenge_method") != "S256" || len(challenge) != 43 || decode(challenge) == nil:
		return invalidRequest("a PKCE challenge with the method S256 is missing")
	case slices.ContainsFunc(prompts, func(v string) bool { return !slices.Contains(allPrompts, v) }):
		return invalidRequest("unknown prompt")
	case slices.Contains(prompts, "none") && len(prompts) > 1:
		return invalidRequest("prompt has none beside others")
	}
	if text := req.params.Get("max_age"); req.params.Has("max_age") {
		seconds, err := strconv.ParseUint(text, 10, 31)
		if err != nil {
			return invalidRequest("max_age is no number of seconds")
		}
		req.maxAge, req.hasMaxAge = time.Duration(seconds)*time.Second, true
	}
	return nil
}

var allPrompts = []string{"none", "login", "consent", "select_account"}

// suffices says whether the session answers the request without showing a page.
func (p *IdP) suffices(session session, req *authRequest, now time.Time) bool {
	for _, prompt := range req.prompts {
		if prompt != "none" {
			return false
		}
	}
	if req.hasMaxAge && (req.maxAge == 0 || now.Sub(session.authTime) > req.maxAge) {
		return false
	}
	hinted, ok := p.user(req.loginHint)
	return !ok || hinted.Subject == session.subject
}

// grant answers with a code.
func (p *IdP) grant(w http.ResponseWriter, s *state, req *authRequest, session session) {
	code := rand.Text()
	p.mu.Lock()
	p.prune(s.now)
	p.grants[code] = &grant{
		clientID: req.client.ID, redirectURI: req.redirectURI, challenge: req.challenge, nonce: req.nonce, acr: req.acr,
		scopes: req.scopes, session: session, expiry: s.now.Add(codeLifetime),
	}
	p.mu.Unlock()
	p.respond(w, s, req, url.Values{"code": {code}})
}

// prune forgets what has expired. p.mu is held.
func (p *IdP) prune(now time.Time) {
	for code, g := range p.grants {
		if !now.Before(g.expiry) {
			delete(p.grants, code)
		}
	}
	for token, a := range p.tokens {
		if !now.Before(a.expiry) {
			delete(p.tokens, token)
		}
	}
	for id, session := range p.sessions {
		if !now.Before(session.expiry) {
			delete(p.sessions, id)
		}
	}
}

// refuse answers with an error: at the redirect URI if it is known to be the client's, else on a page.
func (p *IdP) refuse(w http.ResponseWriter, s *state, req *authRequest, err error) {
	var refusal *oauthError
	if !errors.As(err, &refusal) {
		showError(w, s, http.StatusBadRequest, err.Error())
		return
	}
	answer := url.Values{"error": {refusal.code}}
	if refusal.description != "" {
		answer.Set("error_description", refusal.description)
	}
	p.respond(w, s, req, answer)
}

// respond sends an authorization response with state (RFC 6749, 4.1.2) and iss (RFC 9207, 2) to the redirect URI.
func (p *IdP) respond(w http.ResponseWriter, s *state, req *authRequest, answer url.Values) {
	if req.state != "" {
		answer.Set("state", req.state)
	}
	if !s.IssNotSupported && !s.OmitIss {
		answer.Set("iss", p.issuer)
	}
	if s.IssInResponse != "" {
		answer.Set("iss", s.IssInResponse)
	}
	if s.AuthorizeResponse != nil {
		s.AuthorizeResponse(answer)
	}
	redirect(w, req.redirectURI, answer)
}

// redirect adds parameters to a registered address, which may have a query of its own (RFC 6749, 3.1.2).
func redirect(w http.ResponseWriter, target string, params url.Values) {
	separator := "?"
	if strings.Contains(target, "?") {
		separator = "&"
	}
	if len(params) > 0 {
		target += separator + params.Encode()
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Location", target)
	w.WriteHeader(http.StatusSeeOther)
}
