package oidcsso

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// Two client secrets at a time let an administrator rotate one without a moment in which nobody gets in: the identity
// provider has both for a while, or changes from one to the other when it likes. What it refuses decides which one is in
// use, never a date, which somebody typed.

// The names of a connector's client secrets.
const (
	secretCurrent = "current"
	secretNext    = "next"
)

// secretInterval is the least time between two switches of one connector, whatever the identity provider answers: one that
// refuses both secrets, or says so of either, would otherwise send people round in a circle.
const secretInterval = time.Minute

// secretExpiresSoon is when Check begins to warn.
const secretExpiresSoon = 30 * 24 * time.Hour

// checkSecrets checks both client secrets. A date without a secret is none: whoever stores the two apart reads it alone.
func (c Config) checkSecrets(invalid *ConfigError) {
	checkSecret(invalid, "client_secret", c.ClientSecret)
	checkSecret(invalid, "next_client_secret", c.NextClientSecret)
	switch {
	case c.NextClientSecret.IsZero():
	case c.ClientSecret.IsZero():
		invalid.add("next_client_secret", "is set without a current one", "enter it as the client secret; a next one stands beside it while the two change over")
	case c.NextClientSecret.Equal(c.ClientSecret):
		invalid.add("next_client_secret", "is the current one", "enter the new secret here, or nothing while there is none")
	}
}

func checkSecret(invalid *ConfigError, field string, secret Secret) {
	switch text := secret.Reveal(); {
	case text == redacted: //check:secret-marker
		invalid.add(field, "is the text that stands for a secret in print", "enter the secret itself")
	case len(text) > maxText || !isVSCHAR(text):
		invalid.add(field, "is too long or has line breaks or unusual characters", "copy the secret's value (not its ID) from the identity provider")
	case strings.TrimSpace(text) != text:
		invalid.add(field, "begins or ends with a space", "copy it again without the space")
	}
}

// secretChoice is which of two client secrets a connector uses: the current one until the identity provider refuses it.
// Connectors that follow each other with the same two share it.
type secretChoice struct {
	mu       sync.Mutex
	next     bool
	switched time.Time // the last time; zero before the first
}

func newSecretChoice(cfg *Config) *secretChoice {
	if cfg.NextClientSecret.IsZero() {
		return nil // most connectors of many have one secret, and nothing to choose
	}
	return &secretChoice{}
}

// usesNext says whether the next secret is in use. A nil choice has one secret alone.
func (s *secretChoice) usesNext() bool {
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.next
}

// refused notes that the identity provider refused the secret that an exchange was made with. other says that another one is
// in use now, so that a new sign-in may succeed; switched that it came into use by this very refusal.
func (s *secretChoice) refused(next bool, now time.Time) (other, switched bool) {
	if s == nil {
		return false, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next != next { //check:secret-switched-once
		return true, false // another sign-in saw it first; to switch again would bring the refused one back
	}
	// A clock that was set back must not make the minute endless.
	if since := now.Sub(s.switched); !s.switched.IsZero() && 0 <= since && since < secretInterval { //check:secret-interval
		return false, false
	}
	s.next, s.switched = !next, now
	return true, true
}

// SecretInUse says which client secret the next sign-in will be made with: "current", or "next" after the identity provider
// refused the current one; "" if the connector has none. It is for an administrator's page: while it is "next", the current one
// can be replaced by it. Each replica finds out for itself.
func (c *Connector) SecretInUse() string {
	switch {
	case c.cfg.ClientSecret.IsZero():
		return ""
	case c.secrets.usesNext():
		return secretNext
	}
	return secretCurrent
}

// clientSecret gives one of the two secrets.
func (c *Connector) clientSecret(next bool) Secret {
	if next {
		return c.cfg.NextClientSecret
	}
	return c.cfg.ClientSecret
}

// sameSecrets says whether what the old connector learned of its two secrets holds for this one's: they are the same, at the
// same place, and sent the same way. After any change of them the current one is tried first.
func (c *Connector) sameSecrets(old *Connector) bool {
	a, b := &c.cfg, &old.cfg
	if !a.ClientSecret.Equal(b.ClientSecret) || !a.NextClientSecret.Equal(b.NextClientSecret) || a.TokenEndpointAuthMethod != b.TokenEndpointAuthMethod { //check:secret-changed
		return false
	}
	return true
}

// secretRefused makes of a refused client what the person and the administrator are told. The code that came is never sent
// again, with whatever secret: it went out once (RFC 6749, 4.1.2), and whoever answers with invalid_client may have kept it.
func (c *Connector) secretRefused(ctx context.Context, source Source, next bool, refusal *Error) *Error {
	if c.secrets == nil {
		return refusal
	}
	refused, other := secretCurrent, secretNext
	if next {
		refused, other = other, refused
	}
	usable, switched := c.secrets.refused(next, c.env.now())
	if !usable {
		return refusal.withRemedy("The identity provider does not accept the client ID and the %s client secret, less than a minute after it refused the other one. Enter a secret that is valid, and check that the client ID is this application's. If all are right, set the connector's token_endpoint_auth_method: the application may be registered for the other way of sending the secret.", refused)
	}
	if switched {
		c.env.logger.Warn("oidcsso: the identity provider refused a client secret", "connector", c.cfg.ID, "refused", refused, "in_use", other)
		tell(ctx, source, c.env.events, EventSecretSwitched, slog.String("connector", c.cfg.ID), slog.String("secret", other))
	}
	e := newError(CodeSecretSwitched, c.cfg.ID, refusal.cause)
	if next {
		return e.withRemedy("The identity provider refused the next client secret, and the current one is used from now on. Check that the next one is valid already, or take it out of the connector. Signing in again is enough.")
	}
	return e.withRemedy("The identity provider refused the current client secret, and the next one is used from now on. If sign-ins work again, make the next one the current one, and remove the old one. Signing in again is enough.")
}
