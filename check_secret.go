package oidcsso

import (
	"errors"
	"log/slog"
	"time"
)

// checkExpiries looks at the dates that the administrator entered. They are no errors: the identity provider says whether a
// secret is accepted, and it is asked next.
func (c *Connector) checkExpiries(found *findings) {
	if c.cfg.ClientSecret.IsZero() {
		return
	}
	level := slog.LevelWarn
	if c.secrets != nil {
		level = slog.LevelInfo // the change is under way
		c.checkExpiry(found, slog.LevelWarn, "next_client_secret", "The next client secret", c.cfg.NextClientSecretExpiry,
			"Make a newer secret at the identity provider, and enter that one.")
	}
	c.checkExpiry(found, level, "client_secret", "The client secret", c.cfg.ClientSecretExpiry,
		"Make a new secret at the identity provider, and enter it as the next one before that day.")
}

func (c *Connector) checkExpiry(found *findings, level slog.Level, code, what string, expiry time.Time, remedy string) {
	if expiry.IsZero() {
		return
	}
	day := expiry.UTC().Format(time.DateOnly)
	switch left := expiry.Sub(c.env.now()); {
	case left <= 0:
		found.add(level, code+"_expired", "Enter a secret that is valid; if this one still is, correct its date.", "%s expired on %s.", what, day)
	case left < secretExpiresSoon:
		found.add(level, code+"_expires_soon", remedy, "%s expires on %s, in %d days.", what, day, int(left/(24*time.Hour)))
	}
}

// addSecrets says which of two client secrets the token endpoint accepts. A sign-in can't work only if it accepts neither.
func (c *Connector) addSecrets(found *findings, current, next error) {
	switch currentRefused, nextRefused := errors.Is(current, CodeClientRejected), errors.Is(next, CodeClientRejected); {
	case currentRefused && nextRefused:
		c.addClient(found, current)
		found.add(slog.LevelError, "next_client_secret_refused", "Enter a secret that is valid.", "The token endpoint does not accept the next client secret either.")
		return
	case currentRefused:
		found.add(slog.LevelWarn, "client_secret_refused", "Make the next client secret the current one, and remove the old one.",
			"The token endpoint does not accept the current client secret: %v. Sign-ins go on with the next one.", errorOf(current, CodeInternal, c.cfg.ID).cause)
		c.addClient(found, next)
	case nextRefused:
		c.addClient(found, current)
		found.add(slog.LevelWarn, "next_client_secret_refused", "Check it before the current one expires: it may not be valid yet, or may have been copied wrongly.",
			"The token endpoint does not accept the next client secret: %v.", errorOf(next, CodeInternal, c.cfg.ID).cause)
	default:
		c.addClient(found, current)
		if errors.Is(next, CodeCodeRejected) {
			found.add(slog.LevelInfo, "next_client_secret_accepted", "Make the next client secret the current one, and remove the old one here and at the identity provider.",
				"The token endpoint has nothing against the next client secret either.")
		}
	}
	if c.secrets.usesNext() {
		found.add(slog.LevelInfo, "next_client_secret_in_use", "", "Sign-ins are made with the next client secret, since the current one was refused.")
	} else {
		found.add(slog.LevelInfo, "next_client_secret_unused", "", "Sign-ins are made with the current client secret. The next one waits until it is refused.")
	}
}
