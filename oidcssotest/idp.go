// Package oidcssotest is an OpenID provider for tests and for work on one's own machine. One line gives a test the
// identity provider ([New]), one the Options that trust it ([IdP.Options]) and one a Config that fits it ([IdP.Config]);
// [IdP.SignIn] walks a whole sign-in through the backend's own handlers, and [Identity] makes an identity by a real
// sign-in, for tests of what comes after it.
//
// It is strict where real identity providers are (client authentication, redirect URIs, PKCE, codes that work once), and
// it goes wrong on demand: [Faults] has a switch for each way in which an identity provider can be broken, misconfigured
// or hostile, and a table of the attacks that they make.
//
// It is no identity provider for production: it has no rate limits, keeps passwords as they are, and forgets everything
// at its end.
package oidcssotest

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/hex"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// IdP is an OpenID provider in memory. Make one with [New] or [NewLocal]. It is an http.Handler and safe for concurrent
// use.
type IdP struct {
	issuer  string
	prefix  string // the issuer's path, without a slash at its end
	baseURL string

	t         testing.TB // nil if made by NewLocal; so are the next two
	roots     *x509.CertPool
	network   *network
	transport http.RoundTripper // if set, HTTPClient's

	mu       sync.Mutex
	stopped  bool
	settings Settings
	faults   Faults
	requests Requests
	users    []User
	clients  map[string]Client
	keys     []*key              // published; the newest last
	retired  []*key              // no longer published
	sessions map[string]*session // by cookie
	grants   map[string]*grant   // by code
	tokens   map[string]*access  // by access token
}

// Settings are how a sound identity provider may differ from another one. The zero value is the most usual one. They are
// changed with [IdP.Configure].
type Settings struct {
	// Name is what the sign-in page calls the identity provider. Default: "Test identity provider".
	Name string
	// Accent is the CSS colour of the page's button, dark enough for white text. Default: "#2557c7".
	Accent string
	// Hint is a line under the sign-in form, such as the accounts of a demo. Default: none.
	Hint string
	// Algorithm signs ID tokens: RS256 (with 2048 bits), PS256, ES256 or EdDSA (Ed25519). Default: RS256.
	Algorithm string
	// AutoSignIn names a user (as [IdP.SignIn] does) who fills in the sign-in page at once, so that nobody sees it.
	// Default: the page is shown.
	AutoSignIn string
	// AutoSignInByHint does the same for the user whom the login_hint names. Default: the hint fills in the form.
	AutoSignInByHint bool
	// ClaimsInUserInfoOnly keeps email, name, groups and the user's further claims out of the ID token (OpenID Connect
	// Core 1.0, 5.4). Default: they are in both.
	ClaimsInUserInfoOnly bool
	// IssNotSupported makes it one of the many that do not know RFC 9207: iss is neither promised in discovery nor sent.
	// Default: both.
	IssNotSupported bool
	// Now is the clock. [IdP.Options] hands it to the library as well. Default: time.Now.
	Now func() time.Time
}

// User is somebody who can sign in.
type User struct {
	// Subject is the sub claim. Default: derived from Email, the same at each run.
	Subject string
	// Email is the email claim, and a name with which to sign in. Default: no email claim.
	Email string
	// EmailVerified is what the identity provider says about Email. Default: that it is verified.
	EmailVerified EmailVerified
	// Name, GivenName, FamilyName and PreferredUsername are the claims of the profile scope; each is left out when
	// empty. PreferredUsername is a name with which to sign in, too.
	Name, GivenName, FamilyName, PreferredUsername string
	// Groups is the groups claim, sent whatever the scopes are. Default: no such claim.
	Groups []string
	// Password is what the sign-in page asks for. Default: every password is right, also an empty one.
	Password string
	// Claims are further claims, sent whatever the scopes are; they replace those above. Default: none.
	Claims map[string]any
}

// EmailVerified is what an identity provider says about an address.
type EmailVerified int

const (
	// SaysVerified sends email_verified: true. The default.
	SaysVerified EmailVerified = iota
	// SaysUnverified sends email_verified: false.
	SaysUnverified
	// SaysNothing leaves email_verified out, as Microsoft Entra does.
	SaysNothing
)

// Client is a registered relying party.
type Client struct {
	// ID is the client_id. Required.
	ID string
	// Secret is the client_secret; not used when AuthMethod is "none".
	Secret string
	// MoreSecrets are accepted as well, as while a secret is rotated. Default: none.
	MoreSecrets []string
	// RedirectURIs are compared byte for byte (RFC 9700, 2.1). At least one is needed to sign in.
	RedirectURIs []string
	// PostLogoutRedirectURIs are where the person may be sent after sign-out. Default: nowhere.
	PostLogoutRedirectURIs []string
	// AuthMethod is the only method that the token endpoint takes from this client: client_secret_basic,
	// client_secret_post or none. Default: client_secret_basic.
	AuthMethod string
}

// Requests counts the requests that came to each endpoint, also those that were refused or that met a fault. While an
// identity provider is stopped, none come.
type Requests struct {
	// SignIn are forms sent from the sign-in page; the others are the endpoints:
	Discovery, JWKS, Authorize, SignIn, Token, UserInfo, EndSession int
}

// NewLocal makes an identity provider that the caller serves at the issuer, for demos. The issuer may have a path, below
// which all routes hang: an IdP with the issuer "http://127.0.0.1:8080/idp/acme" is mounted at "/idp/acme/" of a server
// on that port, without stripping the prefix. baseURL is the BaseURL of the backend that signs people in here; it may be
// empty where [IdP.Options] and [IdP.Config] are not used.
func NewLocal(issuer, baseURL string) *IdP {
	p := &IdP{
		issuer: issuer, baseURL: baseURL,
		clients: map[string]Client{}, sessions: map[string]*session{}, grants: map[string]*grant{}, tokens: map[string]*access{},
	}
	if u, err := url.Parse(issuer); err == nil { // else whoever configures the issuer is told
		p.prefix = strings.TrimSuffix(u.Path, "/")
	}
	return p
}

// Issuer is the issuer identifier, without a slash at its end unless [NewLocal] was given one.
func (p *IdP) Issuer() string { return p.issuer }

// endpoint is the URL of a route.
func (p *IdP) endpoint(path string) string { return strings.TrimSuffix(p.issuer, "/") + path }

// Configure changes the settings. change must not call the IdP; requests under way keep the settings that they began with.
func (p *IdP) Configure(change func(*Settings)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.settings)
}

// Faults changes the fault switches, under the same terms as [IdP.Configure]. To repair everything, assign Faults{}.
func (p *IdP) Faults(change func(*Faults)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.faults)
}

// Requests gives the counters.
func (p *IdP) Requests() Requests {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.requests
}

// AddUser adds a user, or replaces the one with the same Subject, from the next request on.
func (p *IdP) AddUser(u User) {
	u.Subject = u.subject()
	u.Groups, u.Claims = slices.Clone(u.Groups), maps.Clone(u.Claims)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.users = slices.DeleteFunc(p.users, func(old User) bool { return old.Subject == u.Subject })
	p.users = append(p.users, u)
}

func (u *User) subject() string {
	if u.Subject != "" {
		return u.Subject
	}
	sum := sha256.Sum256([]byte(u.Email))
	return "sub-" + hex.EncodeToString(sum[:8])
}

// AddClient registers a client, or replaces the one with the same ID.
func (p *IdP) AddClient(c Client) {
	if c.AuthMethod == "" {
		c.AuthMethod = authBasic
	}
	c.RedirectURIs, c.PostLogoutRedirectURIs = slices.Clone(c.RedirectURIs), slices.Clone(c.PostLogoutRedirectURIs)
	c.MoreSecrets = slices.Clone(c.MoreSecrets)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clients[c.ID] = c
}

// SetSecrets makes these the secrets that the token endpoint accepts from the client, and no others: two while a secret is
// rotated, then the new one; without any, all are refused. A client that is not registered is not made.
func (p *IdP) SetSecrets(clientID string, secrets ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c, ok := p.clients[clientID]
	if !ok {
		return
	}
	c.Secret, c.MoreSecrets = "", nil
	if len(secrets) > 0 {
		c.Secret, c.MoreSecrets = secrets[0], slices.Clone(secrets[1:])
	}
	p.clients[clientID] = c
}

func (c *Client) accepts(secret string) bool {
	return slices.ContainsFunc(append([]string{c.Secret}, c.MoreSecrets...), func(own string) bool {
		return secret != "" && subtle.ConstantTimeCompare([]byte(secret), []byte(own)) == 1
	})
}

func (p *IdP) client(id string) (Client, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c, ok := p.clients[id]
	return c, ok
}

// user finds somebody by what a sign-in form accepts: subject, address or preferred username.
func (p *IdP) user(name string) (User, bool) {
	return p.findUser(func(u User) bool {
		return name != "" && (name == u.Subject || strings.EqualFold(name, u.Email) || name == u.PreferredUsername)
	})
}

// subject is the user whose session or token it is; users are never removed.
func (p *IdP) subject(subject string) User {
	u, _ := p.findUser(func(u User) bool { return u.Subject == subject })
	return u
}

func (p *IdP) findUser(is func(User) bool) (User, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.IndexFunc(p.users, is); i >= 0 {
		return p.users[i], true
	}
	return User{}, false
}

// endpoints are all routes, below the issuer's path.
var endpoints = map[string]struct {
	methods []string
	count   func(*Requests) *int
	faults  func(*Faults) *EndpointFaults
	serve   func(*IdP, http.ResponseWriter, *http.Request, *state)
}{
	discoveryPath: {get, func(n *Requests) *int { return &n.Discovery }, func(f *Faults) *EndpointFaults { return &f.Discovery }, (*IdP).discovery},
	jwksPath:      {get, func(n *Requests) *int { return &n.JWKS }, func(f *Faults) *EndpointFaults { return &f.JWKS }, (*IdP).jwks},
	authorizePath: {getOrPost, func(n *Requests) *int { return &n.Authorize }, func(f *Faults) *EndpointFaults { return &f.Authorize }, (*IdP).authorize},
	signInPath:    {post, func(n *Requests) *int { return &n.SignIn }, func(*Faults) *EndpointFaults { return &EndpointFaults{} }, (*IdP).signIn},
	tokenPath:     {post, func(n *Requests) *int { return &n.Token }, func(f *Faults) *EndpointFaults { return &f.Token }, (*IdP).token},
	userInfoPath:  {get, func(n *Requests) *int { return &n.UserInfo }, func(f *Faults) *EndpointFaults { return &f.UserInfo }, (*IdP).userInfo},
	logoutPath:    {getOrPost, func(n *Requests) *int { return &n.EndSession }, func(f *Faults) *EndpointFaults { return &f.EndSession }, (*IdP).logout},
}

var (
	get       = []string{http.MethodGet}
	post      = []string{http.MethodPost}
	getOrPost = []string{http.MethodGet, http.MethodPost}
)

// state is the settings and faults as they were when a request came, so that a change meanwhile can't tear the answer.
type state struct {
	Settings
	Faults
	now time.Time
}

// now is the clock of the settings.
func (p *IdP) now() time.Time {
	p.mu.Lock()
	now := p.settings.Now
	p.mu.Unlock()
	if now == nil {
		return time.Now()
	}
	return now()
}

// maxForm bounds a request's body, in bytes.
const maxForm = 1 << 20

// ServeHTTP serves the endpoints below the issuer's path.
func (p *IdP) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	now := p.now()
	path, inside := strings.CutPrefix(r.URL.Path, p.prefix)
	e, found := endpoints[path]
	if !inside || !found {
		http.NotFound(w, r)
		return
	}
	p.mu.Lock()
	if p.stopped {
		p.mu.Unlock()
		http.Error(w, "stopped", http.StatusServiceUnavailable)
		return
	}
	*e.count(&p.requests)++
	s := &state{p.settings, p.faults, now}
	p.mu.Unlock()

	if !slices.Contains(e.methods, r.Method) {
		w.Header().Set("Allow", strings.Join(e.methods, ", "))
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	// The body is read first, since a server notices that a client has gone only when nothing is left to read.
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "malformed parameters", http.StatusBadRequest)
		return
	}
	faults := e.faults(&s.Faults)
	faults.Down = faults.Down || s.Down
	faults.serve(w, r, func(w http.ResponseWriter) { e.serve(p, w, r, s) })
}
