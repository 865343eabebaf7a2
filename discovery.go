package oidcsso

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/oidcsso/oidcsso/internal/egress"
	"github.com/oidcsso/oidcsso/internal/fresh"
	"github.com/oidcsso/oidcsso/internal/keyset"
)

// How old what an identity provider publishes may become: refreshed in the background after the first, not used any more
// after the second. A key that was withdrawn must not live for ever while its key set can't be reached.
const (
	metadataRefresh = 24 * time.Hour
	metadataHard    = 7 * 24 * time.Hour
	keysRefresh     = time.Hour
	keysHard        = 24 * time.Hour

	retryMin         = 500 * time.Millisecond
	retryMax         = 5 * time.Second
	keysCooldown     = 30 * time.Second // between two fetches that unknown keys cause
	metadataCooldown = time.Second      // between two that Connector.Check causes
)

func freshness(now func() time.Time, refresh, hard, cooldown time.Duration) *fresh.Policy {
	return &fresh.Policy{Refresh: refresh, Hard: hard, Timeout: egress.Timeout, RetryMin: retryMin, RetryMax: retryMax,
		Cooldown: cooldown, Now: now}
}

// Discover fetches and checks an issuer's discovery document (OpenID Connect Discovery 1.0, 4), to show what an issuer is
// before a connector trusts it. opts may be nil. It goes through Options.Egress.
//
// Its errors are [*Error] with CodeConfigInvalid (the issuer is no URL; then it is a [*ConfigError]), CodeIssuerMismatch,
// CodeMetadataInvalid or CodeUnavailable.
func Discover(ctx context.Context, issuer string, opts *Options) (*Metadata, error) {
	env, err := opts.environment()
	if err != nil {
		return nil, err
	}
	invalid := &ConfigError{}
	checkIssuer(invalid, issuer, env.loopback, env.bases)
	if err := invalid.orNil(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, operationTimeout)
	defer cancel()
	p := newProvider(issuer, env, env.profile)
	p.trial = true
	md, err := p.discovered(ctx)
	if err != nil {
		return nil, errorOf(err, CodeUnavailable, "")
	}
	return md.metadata(issuer), nil
}

// provider is what is known of one identity provider: nothing at first, then its metadata and its keys. Connectors that
// follow each other under the same fingerprint share it.
type provider struct {
	issuer   string
	env      *environment
	profile  *profile
	client   *http.Client
	metadata *fresh.Value[*keptMetadata]
	keys     *keyset.Set

	metadataFailed, keysFailed bool // the last fetch did; one runs at a time
	trial                      bool // of Discover: it is asked once, and Events would never be told of its recovery
}

func newProvider(issuer string, env *environment, profile *profile) *provider {
	p := &provider{issuer: issuer, env: env, profile: profile, client: profile.transport.Client()}
	p.metadata = fresh.New(env.metadataPolicy, fresh.Watched(p.fetchMetadata, func(ctx context.Context, err error) {
		p.fetched(ctx, "metadata", "discovery failed", &p.metadataFailed, err)
	}))
	p.keys = keyset.NewWatched(env.keysPolicy, p.fetchKeys, func(ctx context.Context, err error) {
		p.fetched(ctx, "keys", "fetching the keys failed", &p.keysFailed, err)
	})
	return p
}

// discovered gives the metadata, fetched if need be. It is shared: read only.
func (p *provider) discovered(ctx context.Context) (*keptMetadata, error) { return p.metadata.Get(ctx) }

// fetched tells of a fetch that ended, since in the background nobody else is told: each failure to the log, and it and the
// recovery to Events. There is no Source to tell: connectors that follow each other may be of several.
func (p *provider) fetched(ctx context.Context, what, text string, failed *bool, err error) {
	recovered := *failed && err == nil
	*failed = err != nil
	if err != nil {
		p.warn(text, err)
	}
	issuer, whatAttr := slog.String("issuer", p.issuer), slog.String("what", what)
	switch {
	case p.trial:
	case recovered:
		tell(ctx, nil, p.env.events, EventDiscoveryRecovered, issuer, whatAttr)
	case err != nil:
		code := CodeUnavailable
		var e *Error
		if errors.As(err, &e) {
			code = e.Code
		}
		tell(ctx, nil, p.env.events, EventDiscoveryFailed, issuer, whatAttr, slog.String("code", string(code)), slog.Any("error", err))
	}
}

func (p *provider) warn(text string, err error) {
	p.env.logger.Warn("oidcsso: "+text, "issuer", p.issuer, "error", err)
}

// logged logs the failures of a fetch that is made once, for somebody who sees what comes of it.
func logged[T any](p *provider, text string, fetch func(context.Context) (T, error)) func(context.Context) (T, error) {
	return func(ctx context.Context) (T, error) {
		value, err := fetch(ctx)
		if err != nil {
			p.warn(text, err)
		}
		return value, err
	}
}

func (p *provider) fetchMetadata(ctx context.Context) (*keptMetadata, error) {
	// go-oidc fetches and compares the issuer; what it keeps of the document is dropped, and ours is read from its bytes.
	found, err := oidc.NewProvider(oidc.ClientContext(ctx, p.client), p.issuer)
	if err != nil {
		return nil, discoveryError(p.issuer, err)
	}
	var document json.RawMessage
	if err := found.Claims(&document); err != nil {
		return nil, newError(CodeMetadataInvalid, "", err)
	}
	md, err := parseMetadata(document, p.issuer, p.profile.loopback, p.env.now())
	if err != nil {
		return nil, err
	}
	return md.kept(), nil
}

// discoveryError sorts what can go wrong in go-oidc's NewProvider.
func discoveryError(issuer string, err error) *Error {
	var mismatch *oidc.IssuerMismatchError
	var status *egress.StatusError
	var body *egress.BodyError
	var address *egress.AddressError
	switch {
	case errors.As(err, &mismatch):
		return issuerMismatch(issuer, mismatch.Discovered)
	case errors.As(err, &status) && status.Status < 500 && status.Status != http.StatusTooManyRequests:
		return newError(CodeMetadataInvalid, "", err).
			withRemedy("There is no discovery document below this issuer. Open %s in a browser: it must answer with JSON, without a redirect.", wellKnown(issuer))
	case errors.As(err, &body):
		return newError(CodeMetadataInvalid, "", err)
	case errors.As(err, &address):
		return newError(CodeUnavailable, "", err).
			withRemedy("The issuer's host is not on the public internet. If it should be reached, the backend's developer can allow its network in Options.Egress or EgressFor.")
	case errors.Is(err, http.ErrSchemeMismatch):
		return newError(CodeUnavailable, "", err).
			withRemedy("At the issuer's host and port answers a server that speaks http, not https. Check the port.")
	case isTransport(err):
		return newError(CodeUnavailable, "", err)
	default: // go-oidc could not read the document; what it says of that may quote the answer
		return newError(CodeMetadataInvalid, "", errors.New("the document is not an object, or a member of it has another type than specified"))
	}
}

// wellKnown is where go-oidc looks (OpenID Connect Discovery 1.0, 4).
func wellKnown(issuer string) string {
	return strings.TrimSuffix(issuer, "/") + wellKnownPath
}

const wellKnownPath = "/.well-known/openid-configuration"

// isTransport says whether a request failed before it had an answer, or was answered with a server's error.
func isTransport(err error) bool {
	var transport interface{ Timeout() bool } // url.Error, net.Error, context.DeadlineExceeded
	var status *egress.StatusError
	return errors.As(err, &transport) || errors.As(err, &status) || errors.Is(err, context.Canceled)
}

// issuerMismatch names the value to use, where only a slip lies between the two.
func issuerMismatch(configured, discovered string) *Error {
	e := newError(CodeIssuerMismatch, "", &oidc.IssuerMismatchError{Provided: configured, Discovered: plain(discovered)})
	_, err := parseHTTPURL(discovered, true)
	switch {
	case strings.Contains(discovered, "{"):
		return e.withRemedy("The document is a template for many tenants. Use the issuer of your own tenant, such as https://login.microsoftonline.com/TENANT-ID/v2.0.")
	case err != nil:
		return e.withRemedy("The document's issuer is not a URL that can be used. Check that the issuer is the right one.")
	case strings.TrimSuffix(configured, "/") == strings.TrimSuffix(discovered, "/"):
		return e.withRemedy("The issuer differs only by a slash at its end. Use exactly: %s", discovered)
	case strings.EqualFold(configured, discovered):
		return e.withRemedy("The issuer differs only in upper and lower case. Use exactly: %s", discovered)
	case afterScheme(configured) == afterScheme(discovered):
		return e.withRemedy("The issuer differs only by http and https. Use exactly: %s", discovered)
	}
	return e.withRemedy("The document says that its issuer is %s. If that is your identity provider, use exactly this value; otherwise the URL is wrong.", discovered)
}

func afterScheme(issuer string) string {
	_, rest, _ := strings.Cut(issuer, "://")
	return rest
}

func (p *provider) fetchKeys(ctx context.Context) ([]byte, error) {
	md, err := p.discovered(ctx)
	if err != nil {
		return nil, err
	}
	return p.get(ctx, md.jwksURI, "")
}

// get fetches a JSON document, with an access token if there is one (RFC 6750, 2.1).
func (p *provider) get(ctx context.Context, url, accessToken string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fmt.Errorf("oidcsso: %w", err)
	}
	req.Header.Set("Accept", "application/json")
	if accessToken != "" {
		req.Header.Set("Authorization", "Bearer "+accessToken)
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(resp.Body)
}
