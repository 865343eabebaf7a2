package oidcsso

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/oauth2"

	"github.com/oidcsso/oidcsso/internal/lengthed"
)

// Connector is one configured identity provider: the protocol alone. It is immutable and safe for concurrent use. Making
// one does no network; discovery runs at first use.
type Connector struct {
	cfg         Config  // checked, with defaults, without Domains
	routes      []Route // one for each domain: what a Router answers with
	env         *environment
	profile     *profile
	idp         atomic.Pointer[provider]     // nil until it is needed: most connectors of many are not in use
	secrets     *secretChoice                // nil unless there are two
	request     atomic.Pointer[requestParts] // nil until it is needed
	exclusive   bool                         // nobody else uses the redirect URI
	fingerprint [fingerprintSize]byte
}

// NewConnector checks the Config and makes a Connector from a copy of it. All problems are reported at once, as a
// [*ConfigError]. opts may be nil. It never fails because an identity provider is down.
func NewConnector(cfg Config, opts *Options) (*Connector, error) {
	env, err := opts.environment()
	if err != nil {
		return nil, err
	}
	cfg, profile, err := cfg.checked(env)
	if err != nil {
		return nil, err
	}
	c := &Connector{cfg: cfg, env: env, profile: profile, secrets: newSecretChoice(&cfg)}
	c.routes = make([]Route, len(cfg.Domains))
	for i, d := range cfg.Domains {
		c.routes[i] = Route{c, d}
	}
	c.cfg.Domains = nil
	redirectURI := c.redirectURI()
	c.exclusive = cfg.RedirectURL == "" || env.exclusive[redirectURI] ||
		slices.ContainsFunc(env.bases, func(base baseURL) bool { return base.callback(cfg.ID) == redirectURI })
	c.fingerprint = fingerprint(cfg.Issuer, cfg.ClientID, redirectURI)
	return c, nil
}

// ID is the connector's ID.
func (c *Connector) ID() string { return c.cfg.ID }

// Name is the connector's name for people; its ID if it has none.
func (c *Connector) Name() string { return c.cfg.Name }

// Disabled says whether sign-ins through the connector are switched off.
func (c *Connector) Disabled() bool { return c.cfg.Disabled }

// Config is a copy of the checked Config, with its defaults.
func (c *Connector) Config() Config {
	cfg := c.cfg.clone()
	cfg.Domains = c.domains()
	return cfg
}

func (c *Connector) domains() []Domain {
	domains := make([]Domain, len(c.routes))
	for i, route := range c.routes {
		domains[i] = route.Domain
	}
	return domains
}

// CallbackURL is the redirect URI to register at the identity provider; with Options.OtherBaseURLs the first of
// [Connector.CallbackURLs].
func (c *Connector) CallbackURL() string { return c.redirectURI() }

// CallbackURLs are all redirect URIs to register at the identity provider: one for each base URL, or Config.RedirectURL alone.
func (c *Connector) CallbackURLs() []string { return slices.Collect(c.redirectURIs()) }

// redirectURI is the first one. It is not stored, nor are the others: that would cost memory in every connector.
func (c *Connector) redirectURI() string {
	if c.cfg.RedirectURL != "" {
		return c.cfg.RedirectURL
	}
	return c.env.bases[0].callback(c.cfg.ID)
}

// redirectURIs begins with c.redirectURI().
func (c *Connector) redirectURIs() iter.Seq[string] {
	return func(yield func(string) bool) {
		if !yield(c.redirectURI()) || c.cfg.RedirectURL != "" {
			return
		}
		for i := 1; i < len(c.env.bases); i++ {
			if !yield(c.env.bases[i].callback(c.cfg.ID)) {
				return
			}
		}
	}
}

func (c *Connector) usesRedirectURI(uri string) bool {
	_, own := c.fingerprintAt(uri)
	return own
}

// fingerprintAt is the fingerprint of a sign-in with this redirect URI, if it is one of the connector's.
func (c *Connector) fingerprintAt(redirectURI string) (print [fingerprintSize]byte, ok bool) {
	if redirectURI == c.requests().redirectURI {
		return c.fingerprint, true
	}
	for own := range c.redirectURIs() {
		if own == redirectURI {
			return fingerprint(c.cfg.Issuer, c.cfg.ClientID, redirectURI), true
		}
	}
	return print, false
}

// Metadata gives the identity provider's configuration, discovered now if it was not yet. Its errors are those of
// [Discover].
func (c *Connector) Metadata(ctx context.Context) (*Metadata, error) {
	ctx, cancel := context.WithTimeout(ctx, operationTimeout)
	defer cancel()
	md, err := c.provider().discovered(ctx)
	if err != nil {
		return nil, errorOf(err, CodeUnavailable, c.cfg.ID)
	}
	return md.metadata(c.cfg.Issuer), nil
}

// BeginParams are what one sign-in differs in. The zero value is a plain sign-in.
type BeginParams struct {
	// LoginHint tells the identity provider who wants to sign in, usually the typed address. Up to 320 bytes.
	LoginHint string
	// ReturnTo is where the person goes afterwards. A Flow checks it; a Connector alone carries it as it is. Up to 1024
	// bytes.
	ReturnTo string
	// Prompt, MaxAge (in seconds) and ACRValues replace those of the Config when they are set.
	Prompt    string
	MaxAge    int
	ACRValues []string
	// UILocales are the languages that the person prefers, best first: "de-CH", "en".
	UILocales []string
	// Data is the caller's own, sealed in the Login and given back with the identity and with errors. Up to 512 bytes.
	Data []byte
	// RedirectURI is where the browser comes back to: one of [Connector.CallbackURLs], exactly. A Flow chooses by the
	// request's host and refuses a value here. Default: [Connector.CallbackURL].
	RedirectURI string
	// Binding is a value that only this browser's session has, such as the session's ID. [Connector.Finish] demands the
	// same one, so that a sign-in begun in one browser can't be finished in another. A Flow binds by its cookie and
	// refuses a value here.
	Binding string
	// InsecureUnbound begins without a Binding, for a command-line program that waits for the answer itself. Elsewhere it
	// opens login CSRF: an attacker finishes their own sign-in in the victim's browser.
	InsecureUnbound bool

	second bool // it takes the place of one that a Handler could not end
}

// Bounds of per-call data, in bytes.
const (
	maxHint     = 320
	maxReturnTo = 1024
	maxData     = 512
)

// operationTimeout bounds a whole Begin or Finish, with all its requests.
const operationTimeout = 10 * time.Second

func (p *BeginParams) check() error {
	switch {
	case len(p.LoginHint) > maxHint || !isPlainText(p.LoginHint): //check:begin-bounds
		return errors.New("the login hint is too long or has control characters")
	case len(p.ReturnTo) > maxReturnTo: //check:begin-bounds
		return errors.New("the return target is too long")
	case len(p.Data) > maxData: //check:begin-bounds
		return fmt.Errorf("the data is longer than %d bytes", maxData)
	case p.MaxAge < 0 || p.MaxAge > maxAgeSeconds:
		return errors.New("the max age is out of range")
	}
	if err := checkPrompt(p.Prompt); err != nil {
		return fmt.Errorf("the prompt %w", err)
	}
	if err := checkTokens(p.ACRValues); err != nil {
		return fmt.Errorf("the acr values %w", err)
	}
	if err := checkTokens(p.UILocales); err != nil {
		return fmt.Errorf("the locales %w", err)
	}
	return nil
}

// final says that a Handler must not begin the sign-in again by itself.
func (p *BeginParams) final() bool {
	switch {
	case p.second: //check:again-once
	case p.Prompt != "" || p.MaxAge != 0 || len(p.ACRValues) > 0: //check:again-alike
		// The Login does not have them, and the next one would be without.
	default:
		return false
	}
	return true
}

// Begin starts a sign-in: it gives the authorization URL to which the browser goes, and the Login that [Connector.Finish]
// needs when the browser is back; see [Login.Seal]. state, nonce and PKCE S256 are always part of it.
//
// Its errors are [*Error] with CodeConnectorDisabled, CodeParamsInvalid, CodeIssNotPromised, CodeClientAuthMismatch,
// CodeIssuerMismatch, CodeMetadataInvalid or CodeUnavailable.
func (c *Connector) Begin(ctx context.Context, p BeginParams) (string, *Login, error) {
	op := c.env.operation(nil)
	op.connector = c.cfg.ID
	authorizationURL, login, err := c.beginBound(ctx, &p)
	op.began(ctx, c.cfg.ID, err)
	return authorizationURL, login, err
}

func (c *Connector) beginBound(ctx context.Context, p *BeginParams) (string, *Login, error) {
	if p.Binding == "" && !p.InsecureUnbound { //check:begin-binding
		return "", nil, newError(CodeParamsInvalid, c.cfg.ID, errors.New("there is no binding")).
			withRemedy("Set BeginParams.Binding to a value of the browser's session, or use a Flow; a command-line program that waits for the answer itself sets InsecureUnbound.")
	}
	return c.begin(ctx, p)
}

func (c *Connector) begin(ctx context.Context, p *BeginParams) (string, *Login, error) {
	if c.cfg.Disabled { //check:disabled
		return "", nil, newError(CodeConnectorDisabled, c.cfg.ID, nil)
	}
	if err := p.check(); err != nil {
		return "", nil, newError(CodeParamsInvalid, c.cfg.ID, err)
	}
	redirectURI := firstOf(p.RedirectURI, c.requests().redirectURI)
	fingerprint, own := c.fingerprintAt(redirectURI)
	if !own { //check:begin-redirect-uri
		return "", nil, newError(CodeParamsInvalid, c.cfg.ID, errors.New("the redirect URI is none of the connector's"))
	}
	idp := c.provider()
	md, err := idp.discovered(ctx) // at most one fetch, which has a deadline of its own
	if err != nil {
		return "", nil, errorOf(err, CodeUnavailable, c.cfg.ID)
	}
	// All three would fail the sign-in after the person has signed in; better now.
	if !c.exclusive && !md.issPromised { //check:iss-not-promised
		return "", nil, newError(CodeIssNotPromised, c.cfg.ID, nil)
	}
	if _, err := c.authStyle(md); err != nil {
		return "", nil, err
	}
	if md.requiresPushing {
		return "", nil, newError(CodeMetadataInvalid, c.cfg.ID, errors.New("it requires pushed authorization requests (RFC 9126)")).
			withRemedy("Let the identity provider accept plain authorization requests for this application.")
	}
	idp.keys.Prefetch() // they are here before the person is back
	random := hidden(drawn{})
	if _, err := io.ReadFull(c.env.random, (*random)[:]); err != nil { //check:randomness
		return "", nil, newError(CodeInternal, c.cfg.ID, err)
	}
	login := &Login{
		drawn: random, purpose: purposeSignIn, connector: c.cfg.ID, fingerprint: fingerprint, redirectURI: redirectURI,
		issPromised: md.issPromised, silent: firstOf(p.Prompt, c.cfg.Prompt) == "none", final: p.final(),
		returnTo: p.ReturnTo, data: slices.Clone(p.Data),
		maxAge: firstOf(p.MaxAge, c.cfg.MaxAge), expiry: c.env.now().Add(loginLifetime),
	}
	if p.Binding != "" {
		login.bind(p.Binding)
	}
	return c.authorizationURL(md, login, p), login, nil
}

// authStyle chooses how the client authenticates at the token endpoint: as the Config says, else from what the identity
// provider offers. It is never found by trying, because the code must be sent once only.
func (c *Connector) authStyle(md *keptMetadata) (oauth2.AuthStyle, error) {
	switch {
	case c.cfg.ClientSecret.IsZero():
		return oauth2.AuthStyleInParams, nil // a public client sends its ID in the body (RFC 6749, 3.2.1)
	case c.cfg.TokenEndpointAuthMethod == methodPost:
		return oauth2.AuthStyleInParams, nil
	case c.cfg.TokenEndpointAuthMethod == methodBasic || md.takesBasic:
		return oauth2.AuthStyleInHeader, nil
	case md.takesPost:
		return oauth2.AuthStyleInParams, nil
	}
	offered := md.metadata(c.cfg.Issuer).TokenEndpointAuthMethodsSupported
	return 0, newError(CodeClientAuthMismatch, c.cfg.ID, fmt.Errorf("offered are %s", plain(strings.Join(offered, ", ")))).
		withRemedy("The identity provider takes neither client_secret_basic nor client_secret_post. Allow one of them for this application.")
}

// adopt takes over what an older connector of the same identity provider has discovered, so that a change of its name, say,
// costs no fetch. What was discovered through another egress profile is not: its connections show another certificate, and
// trust or reach others. Which of two client secrets is in use goes with it. It is called before c is used.
func (c *Connector) adopt(old *Connector) {
	if old != nil && old.env == c.env && old.fingerprint == c.fingerprint && old.profile == c.profile {
		c.idp.Store(old.idp.Load())
		if c.sameSecrets(old) {
			c.secrets = old.secrets
		}
	}
}

// provider is what is known of the identity provider, at first nothing.
func (c *Connector) provider() *provider {
	if c.idp.Load() == nil {
		c.idp.CompareAndSwap(nil, newProvider(c.cfg.Issuer, c.env, c.profile))
	}
	return c.idp.Load()
}

const fingerprintSize = 16

// fingerprint stands for what a sign-in under way depends on: not the secret, the name, the scopes or the domains, which
// may change meanwhile. It covers lengths, so that no two triples agree by moving a character.
func fingerprint(issuer, clientID, redirectURI string) [fingerprintSize]byte {
	sum := sha256.Sum256(lengthed.Join(issuer, clientID, redirectURI))
	return [fingerprintSize]byte(sum[:])
}

func firstOf[T comparable](a, b T) T {
	var zero T
	if a != zero {
		return a
	}
	return b
}

func base64Text(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
