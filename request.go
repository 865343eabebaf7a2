package oidcsso

import (
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"strconv"
	"strings"
)

// requestParts are what a connector's requests have in common, made when the first one is. Few connectors of many are in use.
type requestParts struct {
	redirectURI string // the connector's own
	start       string // of an authentication request with it
}

func (c *Connector) requests() *requestParts {
	if parts := c.request.Load(); parts != nil {
		return parts
	}
	uri := c.redirectURI()
	c.request.CompareAndSwap(nil, &requestParts{uri, requestStart(&c.cfg, uri)})
	return c.request.Load()
}

// requestStart is what all authentication requests with a redirect URI begin with (OpenID Connect Core 1.0, 3.1.2.1).
func requestStart(cfg *Config, redirectURI string) string {
	return "response_type=code&client_id=" + url.QueryEscape(cfg.ClientID) + "&redirect_uri=" + url.QueryEscape(redirectURI) +
		"&scope=" + url.QueryEscape(strings.Join(allScopes(cfg.Scopes), " "))
}

// authorizationURL is the authentication request of one sign-in, with RFC 7636.
func (c *Connector) authorizationURL(md *keptMetadata, login *Login, p *BeginParams) string {
	start := c.requests().start // escaped once
	if login.redirectURI != c.requests().redirectURI {
		start = requestStart(&c.cfg, login.redirectURI)
	}
	var b strings.Builder
	b.Grow(len(md.authorizationEndpoint) + len(start) + 256)
	b.WriteString(md.authorizationEndpoint)
	if strings.Contains(md.authorizationEndpoint, "?") {
		b.WriteByte('&')
	} else {
		b.WriteByte('?')
	}
	b.WriteString(start)
	random := login.random()
	writeBase64(&b, "&state=", random.state())
	writeBase64(&b, "&nonce=", random.nonce())
	sum := challenge(random)
	writeBase64(&b, "&code_challenge=", sum[:])
	b.WriteString("&code_challenge_method=S256")
	writeEscaped(&b, "login_hint", p.LoginHint)
	writeEscaped(&b, "prompt", firstOf(p.Prompt, c.cfg.Prompt))
	if login.maxAge > 0 {
		writeEscaped(&b, "max_age", strconv.Itoa(login.maxAge))
	}
	if len(p.ACRValues) > 0 {
		writeEscaped(&b, "acr_values", strings.Join(p.ACRValues, " "))
	} else {
		writeEscaped(&b, "acr_values", strings.Join(c.cfg.ACRValues, " "))
	}
	writeEscaped(&b, "ui_locales", strings.Join(p.UILocales, " "))
	if len(c.cfg.AuthParams) > 0 {
		for _, name := range allowedAuthParams { // in a fixed order, unlike the map's
			writeEscaped(&b, name, c.cfg.AuthParams[name])
		}
	}
	return b.String()
}

// challenge is the SHA-256 of the PKCE verifier as it is sent (RFC 7636, 4.2).
func challenge(random *drawn) [sha256.Size]byte {
	var verifier [43]byte
	base64.RawURLEncoding.Encode(verifier[:], random.verifier())
	return sha256.Sum256(verifier[:])
}

// writeBase64 writes at most 32 bytes.
func writeBase64(b *strings.Builder, before string, value []byte) {
	var text [43]byte
	n := base64.RawURLEncoding.EncodedLen(len(value))
	base64.RawURLEncoding.Encode(text[:], value)
	b.WriteString(before)
	b.Write(text[:n])
}

// writeEscaped leaves out a parameter without a value.
func writeEscaped(b *strings.Builder, name, value string) {
	if value == "" {
		return
	}
	b.WriteByte('&')
	b.WriteString(name)
	b.WriteByte('=')
	b.WriteString(url.QueryEscape(value))
}
