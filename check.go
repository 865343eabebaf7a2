package oidcsso

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/oidcsso/oidcsso/internal/egress"
	"github.com/oidcsso/oidcsso/internal/keyset"
)

// Finding is one thing that [Connector.Check] has to say about a connector and its identity provider.
type Finding struct {
	// Code is stable and meant for programs: the text of an error's [Code] that a sign-in would end with
	// ("issuer_mismatch"), or a word of its own ("no_usable_key").
	Code string `json:"code"`
	// Level is [slog.LevelError] where a sign-in can't work, [slog.LevelWarn] where it may work but is weak or likely to
	// surprise somebody, and [slog.LevelInfo] where nothing is wrong.
	Level slog.Level `json:"level"`
	// Message says what was found, in a sentence without control characters. It may quote what the identity provider says
	// of itself.
	Message string `json:"message"`
	// Remedy says what the administrator or developer can do. Empty where nothing has to be done.
	Remedy string `json:"remedy,omitempty"`
}

// Check says what is wrong with the connector before anybody signs in: all that [Connector.CheckIssuer] finds, whether the
// connector fits the identity provider, and whether client ID and client secret are accepted there. The gravest findings come
// first. The metadata is nil if there is none.
//
// To find out the last it makes one token request with a code that nobody was given, and with the client secret, as each
// sign-in does, and one more with the next client secret if there is one; one that refuses the code alone (invalid_grant) has accepted the client, but for the few that look at the code
// first. It does so only if nothing else keeps a sign-in from working. Call it when somebody asks for it (a "Test connection"
// button, with a limit of its rate), and not as a health check: the identity provider logs each request as a failure. A
// disabled connector is checked as well.
func (c *Connector) Check(ctx context.Context) (*Metadata, []Finding) {
	ctx, cancel := context.WithTimeout(ctx, operationTimeout)
	defer cancel()
	var found findings
	md := c.checkIssuer(ctx, &found)
	c.checkConnector(md, &found)
	c.checkExpiries(&found)
	if md == nil || found.has(slog.LevelError) { // no sign-in would send the secret there //check:client-probe
		return md, found.sorted()
	}
	c.checkClient(ctx, md, &found)
	return md, found.sorted()
}

// CheckIssuer is the part of [Connector.Check] for which the application need not be registered yet. It fetches the discovery
// document and the keys anew and sends nothing. What it reads of the discovery document is used by sign-ins from then on.
func (c *Connector) CheckIssuer(ctx context.Context) (*Metadata, []Finding) {
	ctx, cancel := context.WithTimeout(ctx, operationTimeout)
	defer cancel()
	var found findings
	md := c.checkIssuer(ctx, &found)
	return md, found.sorted()
}

// findings are collected in the order in which things are looked at.
type findings []Finding

func (f *findings) add(level slog.Level, code, remedy, message string, args ...any) {
	const limit = 600 // characters
	*f = append(*f, Finding{code, level, plainUpTo(fmt.Sprintf(message, args...), limit), plainUpTo(remedy, limit)})
}

func (f *findings) has(level slog.Level) bool {
	return slices.ContainsFunc(*f, func(one Finding) bool { return one.Level >= level })
}

func (f findings) sorted() []Finding {
	slices.SortStableFunc(f, func(a, b Finding) int { return int(b.Level - a.Level) })
	return f
}

func (c *Connector) checkIssuer(ctx context.Context, found *findings) *Metadata {
	kept, err := c.provider().metadata.Renew(ctx)
	if err != nil {
		c.addDiscovery(found, kept, errorOf(err, CodeUnavailable, c.cfg.ID))
	}
	if kept == nil {
		return nil
	}
	md := kept.metadata(c.cfg.Issuer)
	c.checkMetadata(md, found)
	c.checkRequested(md, found)
	c.checkKeys(ctx, md, found)
	return md
}

// addDiscovery says why the discovery document can't be used. kept is what sign-ins go on with, or nil.
func (c *Connector) addDiscovery(found *findings, kept *keptMetadata, e *Error) {
	message := fmt.Sprintf("The discovery document can't be used: %v.", e.cause)
	var mismatch *oidc.IssuerMismatchError
	if errors.As(e, &mismatch) {
		message = fmt.Sprintf("The issuer is %q, and the discovery document is that of %q.", mismatch.Provided, mismatch.Discovered)
	}
	level := slog.LevelError
	if kept != nil {
		level = slog.LevelWarn
		message += fmt.Sprintf(" Sign-ins go on with what was read %s ago.", c.env.now().Sub(kept.fetchedAt).Round(time.Minute))
	}
	found.add(level, string(e.Code), e.Remedy, "%s", message)
}

// checkKeys looks at the keys as they are now, apart from those that sign-ins use, whose budget of fetches it leaves alone.
func (c *Connector) checkKeys(ctx context.Context, md *Metadata, found *findings) {
	set := keyset.New(c.env.keysPolicy, logged(c.provider(), "fetching the keys failed", func(ctx context.Context) ([]byte, error) {
		return c.provider().get(ctx, md.JWKSURI, "")
	}))
	summary, err := set.Summary(ctx)
	if err != nil {
		e := c.keysError(ctx, err)
		found.add(slog.LevelError, "keys_unavailable", e.Remedy, "The key set at %s can't be used: %v.", md.JWKSURI, e.cause)
		return
	}
	for _, skipped := range summary.Skipped {
		if skipped.Reason == keyset.ReasonPrivate {
			found.add(slog.LevelWarn, "private_key_published", "Tell the identity provider at once: whoever has read it can sign as the identity provider. This library does not use the key.",
				"Among the identity provider's keys are private ones, for everybody to read: %d.", skipped.Count)
			continue
		}
		found.add(slog.LevelInfo, "keys_skipped", "", "Keys that can't verify ID tokens: %d (%s).", skipped.Count, skipped.Reason)
	}
	algorithms, _ := set.Algorithms(ctx)
	fitting := slices.DeleteFunc(slices.Clone(algorithms), func(name string) bool { return !slices.Contains(md.algorithms, name) })
	switch {
	case summary.Usable == 0:
		found.add(slog.LevelError, "no_usable_key", "Let the identity provider publish the key that it signs ID tokens with: RSA of at least 2048 bits, P-256, P-384, P-521 or Ed25519.",
			"The key set at %s has no key that can verify an ID token.", md.JWKSURI)
	case len(fitting) == 0:
		found.add(slog.LevelError, "no_fitting_key", "Let the identity provider announce in id_token_signing_alg_values_supported what its keys are for.",
			"The identity provider announces ID tokens signed with %s, and its keys are for %s alone.", shown(md.algorithms), shown(algorithms))
	default:
		found.add(slog.LevelInfo, "keys_usable", "", "Keys that can verify ID tokens: %d, by %s.", summary.Usable, shown(fitting))
	}
}

// checkClient asks the token endpoint about client ID and client secret (RFC 6749, 5.2), and about the next one if there is.
func (c *Connector) checkClient(ctx context.Context, md *Metadata, found *findings) {
	var answered http.Header
	guarded := c.provider().client
	client := &http.Client{Transport: headerKeeper{guarded.Transport, &answered}, CheckRedirect: guarded.CheckRedirect}
	probe := func(secret Secret) error {
		_, err := c.exchange(ctx, client, md.kept(), &Login{redirectURI: c.redirectURI()}, "oidcsso-check-"+rand.Text(), secret)
		return err
	}
	err := probe(c.cfg.ClientSecret)
	if c.secrets != nil {
		c.addSecrets(found, err, probe(c.cfg.NextClientSecret))
	} else {
		c.addClient(found, err)
	}
	if date, err := http.ParseTime(answered.Get("Date")); err == nil {
		apart := c.env.now().Sub(date).Round(time.Second)
		if apart.Abs() > max(c.env.leeway, defaultLeeway) {
			found.add(slog.LevelWarn, "clock_differs", "Set both clocks by NTP: a sign-in fails when they differ by more than Options.Leeway.",
				"The clock of the identity provider's token endpoint differs from this one by %s.", apart.Abs())
		}
	}
}

func (c *Connector) addClient(found *findings, err error) {
	if err == nil {
		found.add(slog.LevelError, "code_not_checked", "Don't use this identity provider: whoever makes up a code is signed in.",
			"The token endpoint gave out tokens for a code that was made up.")
		return
	}
	e := errorOf(err, CodeInternal, c.cfg.ID)
	var provider *ProviderError
	var status *egress.StatusError
	switch {
	case e.Code == CodeClientRejected:
		found.add(slog.LevelError, string(e.Code), e.Remedy, "The token endpoint does not accept the client: %v.", e.cause)
	case e.Code == CodeCodeRejected:
		found.add(slog.LevelInfo, "client_accepted", "", "The token endpoint has nothing against the client: it refused only the code, which was made up. (A few look at the code first, and would say the same of a wrong secret.)")
	case e.Code == CodeUnavailable && !errors.As(err, &provider) && !errors.As(err, &status):
		found.add(slog.LevelError, string(e.Code), e.Remedy, "The token endpoint can't be reached: %v.", e.cause)
	default:
		found.add(slog.LevelInfo, "client_unconfirmed", "", "Whether client ID and secret are right is not known: to a request with a made-up code, the token endpoint's answer was %v.", e.cause)
	}
}

// headerKeeper keeps the headers of the last answer.
type headerKeeper struct {
	next http.RoundTripper
	kept *http.Header
}

func (k headerKeeper) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := k.next.RoundTrip(req)
	if err == nil {
		*k.kept = resp.Header
	}
	return resp, err
}
