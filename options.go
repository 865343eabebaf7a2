package oidcsso

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
	"weak"

	"github.com/oidcsso/oidcsso/internal/egress"
	"github.com/oidcsso/oidcsso/internal/fresh"
)

// Options is how the library behaves: what the backend's developer decides once per process. What an administrator
// enters per connector is [Config]. The zero value, and nil, are the safe defaults.
//
// Give the same *Options to everything of one process: connections to identity providers are pooled in it. It must not
// be copied or changed after its first use.
type Options struct {
	// BaseURL is where the outside world reaches the library's routes, for example "https://app.example.com/sso". The
	// default redirect URI of a connector is BaseURL + "/callback/" + ID. https only, but for a loopback host; no query,
	// no fragment, no explicit default port. NewFlow needs it; a Connector alone only where its Config has no RedirectURL.
	BaseURL string

	// OtherBaseURLs are further places where the library's routes are reached, for a backend with several host names
	// (custom domains): "https://app.example.org/sso". Each has a host name of its own. A [Flow] uses the one whose
	// host and port the request's Host names exactly, for redirect URI and cookies; X-Forwarded-Host counts for nothing,
	// so a proxy in front must pass the browser's Host on. On any other host it then begins and finishes no sign-in. Every
	// connector needs all its [Connector.CallbackURLs] registered. Whoever controls the name of a host can sign in as the people
	// of every connector that is registered there: where it is a customer's, give all others a Config.RedirectURL at a host of
	// yours. At most 99. Default: none, and whatever the request's Host, BaseURL is used.
	OtherBaseURLs []string

	// ExclusiveRedirectURLs lists redirect URIs of which the developer knows that one connector alone uses them. A
	// connector with a Config.RedirectURL is otherwise treated as sharing it, which is only safe with identity providers
	// that name themselves in the response (RFC 9207, the iss parameter): see [CodeIssNotPromised].
	ExclusiveRedirectURLs []string

	// Egress says which networks identity providers may be in, and how they are reached.
	Egress Egress

	// EgressFor gives the egress profile of one connector, or nil for Egress above: what one customer needs (a network, a
	// client certificate, a proxy) is then not open to all. It is called when a connector is made ([NewConnector],
	// [Router.Put], [Router.Replace]), with a well-formed ID, and by several goroutines at once. [Discover] has no connector
	// and uses Egress.
	//
	// Connections are pooled per profile, told apart by the pointer: return the same one for the same profile, and another
	// one when something in it changes; what it points to must not change. A fresh pointer each time is safe, but no two
	// connectors then share a connection, and a changed connector discovers anew. A profile that no connector has any more
	// is forgotten; its connections close when they were idle for 90 seconds. Default: none.
	EgressFor func(connectorID string) *Egress

	// Leeway is how far the clocks of an identity provider and this host may differ when exp, iat, nbf and auth_time of
	// an ID token are checked. Default (0): 60 seconds. At most 5 minutes; negative means none at all.
	Leeway time.Duration

	// KeepTokens keeps the access token, refresh token and ID token in the [Identity]. Default: they are dropped, so that
	// a backend that only signs people in never holds them.
	KeepTokens bool

	// AllowDomain, if set, replaces the list of public mailbox providers (gmail.com and the like) whose domains no
	// connector may have. It gets a canonical domain and says whether a connector may claim it. Public suffixes ("co.uk")
	// are refused in any case. Opening a mailbox provider's domain hands everybody with a mailbox there to one connector.
	AllowDomain func(domain string) bool

	// Logger gets each failed fetch of metadata or keys, since in the background nobody else is told, each switch of a client
	// secret, and the errors that Handler shows as a page.
	// Default: slog.Default().
	Logger *slog.Logger

	// Events is told what happens: sign-ins, failures of identity providers, exceptions. Default: nobody is.
	Events Events

	// Now is the clock. Default: time.Now.
	Now func() time.Time

	random io.Reader // for the package's own tests; crypto/rand otherwise

	once sync.Once
	env  *environment
	err  error
}

// environment is Options made ready: parsed, with its defaults, and with its egress profiles.
type environment struct {
	bases     []baseURL // the first is Options.BaseURL; none without it
	exclusive map[string]bool
	leeway    time.Duration
	tokens    bool
	allow     func(string) bool
	logger    *slog.Logger
	events    Events // nil: nobody is told
	now       func() time.Time
	random    io.Reader
	egressFor func(string) *Egress
	profiles  *profiles // that egressFor gave
	*profile            // that of Options.Egress; a connector may have another

	metadataPolicy, keysPolicy *fresh.Policy // shared by all connectors
}

// sameBases says whether connectors of the other environment have the same redirect URIs.
func (env *environment) sameBases(other *environment) bool {
	return slices.EqualFunc(env.bases, other.bases, func(a, b baseURL) bool { return a.text == b.text })
}

// defaults serves everybody who passes nil, so that they share one pool of connections.
var defaults Options

// environment resolves the options at their first use.
func (o *Options) environment() (*environment, error) {
	if o == nil {
		o = &defaults
	}
	o.once.Do(func() { o.env, o.err = newEnvironment(o) })
	return o.env, o.err
}

// allowDomain is AllowDomain or its default, also where the Options are bad.
func (o *Options) allowDomain() func(string) bool {
	if o == nil || o.AllowDomain == nil {
		return allowedDomain
	}
	return o.AllowDomain
}

const (
	defaultLeeway = 60 * time.Second
	maxLeeway     = 5 * time.Minute
)

func newEnvironment(o *Options) (*environment, error) {
	env := &environment{
		exclusive: map[string]bool{}, leeway: o.Leeway, tokens: o.KeepTokens, allow: o.allowDomain(),
		logger: o.Logger, now: o.Now,
		egressFor: o.EgressFor, profiles: &profiles{made: map[*Egress]weak.Pointer[profile]{}},
	}
	invalid := &ConfigError{}
	switch {
	case o.Leeway == 0:
		env.leeway = defaultLeeway
	case o.Leeway < 0:
		env.leeway = 0
	case o.Leeway > maxLeeway: //check:leeway
		invalid.add("leeway", "is over 5 minutes", "mend the clocks instead")
	}
	if env.logger == nil {
		env.logger = slog.Default()
	}
	if env.now == nil {
		env.now = time.Now
	}
	if env.random = o.random; env.random == nil {
		env.random = rand.Reader
	}
	env.events = o.Events
	env.metadataPolicy = freshness(env.now, metadataRefresh, metadataHard, metadataCooldown)
	env.keysPolicy = freshness(env.now, keysRefresh, keysHard, keysCooldown)
	env.bases = parseBases(invalid, o.BaseURL, o.OtherBaseURLs)
	if bad := o.Egress.problems(); bad != nil {
		for _, f := range bad {
			invalid.add("egress."+f.Field, f.Message, f.Remedy)
		}
	} else {
		env.profile = newProfile(&o.Egress)
	}
	for i, uri := range o.ExclusiveRedirectURLs {
		if _, err := parseRedirectURL(uri); err != nil {
			invalid.add(fmt.Sprintf("exclusive_redirect_urls[%d]", i), err.Error(), "enter the redirect URI as it is registered")
		}
		env.exclusive[uri] = true
	}
	return env, invalid.orNil()
}

// CallbackURL is the redirect URI of the connector id under base, a BaseURL: what the administrator registers at the
// identity provider (there called Redirect URI, Reply URL or Callback URI). It is known before anything else is. The
// error is a [*ConfigError].
func CallbackURL(base, id string) (string, error) {
	invalid := &ConfigError{Connector: id}
	u, err := parseBaseURL(base)
	if err != nil {
		invalid.add("base_url", err.Error(), "enter a URL such as https://app.example.com/sso")
	}
	checkID(invalid, id)
	if err := invalid.orNil(); err != nil {
		return "", err
	}
	return baseURL{u, u.String()}.callback(id), nil
}

// parseRedirectURL checks what RFC 6749, 3.1.2 and RFC 9700, 2.6 ask of a redirect URI of a web backend.
func parseRedirectURL(text string) (*url.URL, error) {
	u, err := parseHTTPURL(text, true)
	if err != nil {
		return nil, err
	}
	if u.Scheme == "https" && u.Port() == "443" || u.Scheme == "http" && u.Port() == "80" {
		return nil, errors.New("names the default port, with which it would not equal what a browser sends")
	}
	return u, nil
}

// parseHTTPURL accepts an absolute https URL without fragment and user info; http only for a loopback host when allowed.
func parseHTTPURL(text string, loopback bool) (*url.URL, error) {
	if len(text) > maxURL { //check:url-length
		return nil, fmt.Errorf("is longer than %d bytes", maxURL)
	}
	for i := range len(text) {
		if text[i] <= ' ' || text[i] >= 0x7f || text[i] == '\\' { //check:url-characters
			return nil, errors.New("has a space, a backslash or a character outside ASCII")
		}
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, errors.New("is not a URL") // url.Error would repeat the text
	case u.Scheme != "https" && u.Scheme != "http": //check:url-scheme
		return nil, errors.New("is not an absolute https URL")
	case u.Hostname() == "" || u.Opaque != "": //check:url-host
		return nil, errors.New("has no host")
	case u.User != nil: //check:url-user
		return nil, errors.New("has user info")
	case u.Fragment != "" || strings.Contains(text, "#"): //check:url-fragment
		return nil, errors.New("has a fragment")
	case u.Scheme == "http" && !egress.IsLoopbackHost(u.Hostname()): //check:url-http
		return nil, errors.New("is http, and the host is not a loopback one")
	case u.Scheme == "http" && !loopback: //check:url-http
		return nil, errors.New("is http (on this machine the developer can allow it, for tests and demonstrations, with Options.Egress.InsecureAllowLoopback)")
	}
	return u, nil
}

// maxURL bounds every URL that is configured or discovered, in bytes.
const maxURL = 2048
