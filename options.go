package oidcsso

import (
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"strings"
	"sync"
	"time"

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

	// ExclusiveRedirectURLs lists redirect URIs of which the developer knows that one connector alone uses them. A
	// connector with a Config.RedirectURL is otherwise treated as sharing it, which is only safe with identity providers
	// that name themselves in the response (RFC 9207, the iss parameter): see [CodeIssNotPromised].
	ExclusiveRedirectURLs []string

	// Egress says which networks identity providers may be in.
	Egress Egress

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

	// Logger gets each failed fetch of metadata or keys, since in the background nobody else is told, and the errors that
	// Handler shows as a page.
	// Default: slog.Default().
	Logger *slog.Logger

	// Now is the clock. Default: time.Now.
	Now func() time.Time

	random io.Reader // for the package's own tests; crypto/rand otherwise

	once sync.Once
	env  *environment
	err  error
}

// Egress says where connections to identity providers may go. The zero value allows https to globally reachable unicast
// addresses, which is right where tenants enter issuers: the address is checked when it is dialled, whatever name
// resolved to it. Environment proxies are never used and redirects never followed.
type Egress struct {
	// InsecureAllowLoopback allows identity providers on this very machine, also by http: for tests and demonstrations.
	// In production it lets whoever may enter an issuer talk to everything that listens on this host's loopback.
	InsecureAllowLoopback bool

	// AllowPrefixes are further networks in which identity providers may be, such as a company's own 10.1.2.0/24. Every
	// tenant can then send requests there. Loopback, link-local and multicast addresses and the metadata services of clouds
	// stay refused even inside them. Default: none.
	AllowPrefixes []netip.Prefix

	// RootCAs are the authorities that sign the identity providers' certificates. Default: those of the system.
	RootCAs *x509.CertPool

	// WrapTransport may put a transport of its own around the guarded one, for tracing; it hands each request on to the
	// transport that it was given. It sees client secrets and tokens and must not log them. Default: none.
	WrapTransport func(http.RoundTripper) http.RoundTripper
}

// environment is Options made ready: parsed, with its defaults, and with the one transport of its egress profile.
type environment struct {
	base      *url.URL // nil without BaseURL
	exclusive map[string]bool
	leeway    time.Duration
	tokens    bool
	allow     func(string) bool
	logger    *slog.Logger
	now       func() time.Time
	random    io.Reader
	loopback  bool
	transport *egress.Transport

	metadataPolicy, keysPolicy *fresh.Policy // shared by all connectors
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

const (
	defaultLeeway = 60 * time.Second
	maxLeeway     = 5 * time.Minute
)

func newEnvironment(o *Options) (*environment, error) {
	env := &environment{
		exclusive: map[string]bool{}, leeway: o.Leeway, tokens: o.KeepTokens, allow: o.AllowDomain,
		logger: o.Logger, now: o.Now, loopback: o.Egress.InsecureAllowLoopback, transport: egress.NewTransport(egress.Policy(o.Egress)),
	}
	invalid := &ConfigError{}
	switch {
	case o.Leeway == 0:
		env.leeway = defaultLeeway
	case o.Leeway < 0:
		env.leeway = 0
	case o.Leeway > maxLeeway:
		invalid.add("leeway", "is over 5 minutes", "mend the clocks instead")
	}
	if env.allow == nil {
		env.allow = allowedDomain
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
	env.metadataPolicy = freshness(env.now, metadataRefresh, metadataHard)
	env.keysPolicy = freshness(env.now, keysRefresh, keysHard)
	if o.BaseURL != "" {
		base, err := parseBaseURL(o.BaseURL)
		if err != nil {
			invalid.add("base_url", err.Error(), "enter a URL such as https://app.example.com/sso")
		}
		env.base = base
	}
	for i, prefix := range o.Egress.AllowPrefixes {
		if !prefix.IsValid() || prefix.Addr().Is4In6() { // neither would ever match
			invalid.add(fmt.Sprintf("egress.allow_prefixes[%d]", i), "is no network", "give one such as 10.1.2.0/24 or fd12::/64")
		}
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
	return callbackURL(u, id), nil
}

func callbackURL(base *url.URL, id string) string { return base.String() + "/callback/" + id }

// parseBaseURL gives the URL without a slash at its end.
func parseBaseURL(text string) (*url.URL, error) {
	u, err := parseRedirectURL(text)
	if err != nil {
		return nil, err
	}
	if u.RawQuery != "" || u.ForceQuery {
		return nil, errors.New("has a query")
	}
	u.Path = strings.TrimSuffix(u.Path, "/")
	if u.RawPath != "" || (u.Path != "" && path.Clean(u.Path) != u.Path) {
		return nil, errors.New("has a path with dots, escapes or double slashes")
	}
	return u, nil
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
	if len(text) > maxURL {
		return nil, fmt.Errorf("is longer than %d bytes", maxURL)
	}
	for i := range len(text) {
		if text[i] <= ' ' || text[i] >= 0x7f || text[i] == '\\' {
			return nil, errors.New("has a space, a backslash or a character outside ASCII")
		}
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, errors.New("is not a URL") // url.Error would repeat the text
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, errors.New("is not an absolute https URL")
	case u.Hostname() == "" || u.Opaque != "":
		return nil, errors.New("has no host")
	case u.User != nil:
		return nil, errors.New("has user info")
	case u.Fragment != "" || strings.Contains(text, "#"):
		return nil, errors.New("has a fragment")
	case u.Scheme == "http" && !egress.IsLoopbackHost(u.Hostname()):
		return nil, errors.New("is http, which is only possible for a loopback host")
	case u.Scheme == "http" && !loopback:
		return nil, errors.New("is http")
	}
	return u, nil
}

// maxURL bounds every URL that is configured or discovered, in bytes.
const maxURL = 2048
