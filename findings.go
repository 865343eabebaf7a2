package oidcsso

import (
	"log/slog"
	"net/url"
	"slices"
	"strings"
)

// checkMetadata looks at what holds for every connector of the identity provider. A list that is not there says nothing: the
// specifications have a default for most, and many identity providers leave them out.
func (c *Connector) checkMetadata(md *Metadata, found *findings) {
	if isHTTP(md.Issuer) {
		found.add(slog.LevelWarn, "issuer_http", "Use it for tests and demonstrations alone.", "The issuer is http, on this machine.")
	}
	if hosts := elsewhere(md); len(hosts) > 0 {
		found.add(slog.LevelInfo, "endpoints_elsewhere", "", "Endpoints are at other hosts than the issuer: %s.", shown(hosts))
	}
	if lacks(md.ResponseTypesSupported, "code") || lacks(md.GrantTypesSupported, "authorization_code") {
		found.add(slog.LevelError, "code_flow_not_announced", "Allow the authorization code flow at the identity provider.",
			"The identity provider does not announce the authorization code flow: response types %s, grant types %s.",
			shown(md.ResponseTypesSupported), shown(md.GrantTypesSupported))
	}
	if lacks(md.ResponseModesSupported, "query") {
		found.add(slog.LevelWarn, "query_mode_not_announced", "Let the identity provider answer in the query of a redirect.",
			"The identity provider does not announce the response mode query, only %s.", shown(md.ResponseModesSupported))
	}
	if md.RequirePushedAuthorizationRequests {
		found.add(slog.LevelError, "par_required", "Let the identity provider accept plain authorization requests for this application.",
			"The identity provider requires pushed authorization requests (RFC 9126).")
	}
	if md.CodeChallengeMethodsSupported == nil {
		found.add(slog.LevelInfo, "pkce_not_announced", "", "The identity provider does not announce PKCE (RFC 7636). It is sent, and may be ignored.")
	} else if lacks(md.CodeChallengeMethodsSupported, "S256") {
		found.add(slog.LevelWarn, "pkce_not_announced", "Allow the method S256 at the identity provider; it may refuse the request otherwise.",
			"The identity provider announces PKCE (RFC 7636) only with %s, and S256 is sent.", shown(md.CodeChallengeMethodsSupported))
	}
	if md.IDTokenSigningAlgValuesSupported == nil {
		found.add(slog.LevelInfo, "algorithms_not_announced", "", "The identity provider does not announce how it signs ID tokens. RS256 alone is accepted.")
	} else if others := without(md.IDTokenSigningAlgValuesSupported, md.algorithms); len(others) > 0 {
		found.add(slog.LevelInfo, "algorithms_refused", "", "ID tokens that are signed with %s, which the identity provider announces too, are never accepted. The application must have one of %s.",
			shown(others), shown(md.algorithms))
	}
}

// checkRequested compares what the connector asks for with what the identity provider announces.
func (c *Connector) checkRequested(md *Metadata, found *findings) {
	if missing := absent(allScopes(c.cfg.Scopes), md.ScopesSupported); len(missing) > 0 {
		found.add(slog.LevelWarn, "scopes_not_announced", "Check the spelling, and whether the application may have them. An unknown scope makes some identity providers refuse the sign-in.",
			"These scopes are requested and not announced: %s.", shown(missing))
	}
	if email := firstOf(c.cfg.EmailClaim, defaultEmailClaim); lacks(md.ClaimsSupported, email) {
		level := slog.LevelInfo
		if c.cfg.RequireEmail {
			level = slog.LevelWarn
		}
		found.add(level, "email_not_announced", "If sign-ins fail for want of an address, let the identity provider send the claim, or name another one in the connector.",
			"The identity provider does not announce the claim %s, which has the address.", plain(email))
	}
	if claim, _, _ := strings.Cut(c.cfg.GroupsClaim, "."); claim != "" && lacks(md.ClaimsSupported, claim) {
		found.add(slog.LevelInfo, "groups_not_announced", "If no groups come, let the identity provider send the claim to this application.",
			"The identity provider does not announce the claim %s, which has the groups.", plain(claim))
	}
	if missing := absent(strings.Fields(c.cfg.Prompt), md.PromptValuesSupported); len(missing) > 0 {
		found.add(slog.LevelWarn, "prompt_not_announced", "Change the connector's prompt, or leave it out.", "The prompt %s is not announced.", shown(missing))
	}
	if missing := absent(c.cfg.ACRValues, md.ACRValuesSupported); len(missing) > 0 {
		found.add(slog.LevelWarn, "acr_not_announced", "Change the connector's ACR values to those that the identity provider documents.",
			"These ACR values are not announced: %s.", shown(missing))
	}
	if md.UserInfoEndpoint == "" {
		level, remedy := slog.LevelInfo, ""
		if c.cfg.UserInfo == UserInfoAlways {
			level, remedy = slog.LevelError, "Let the connector ask UserInfo only when something is missing."
		}
		if c.cfg.UserInfo != UserInfoNever {
			found.add(level, "userinfo_missing", remedy, "The identity provider has no UserInfo endpoint: all claims must be in the ID token.")
		}
	}
}

// checkConnector looks at what the administrator entered. md is nil if it is not known.
func (c *Connector) checkConnector(md *Metadata, found *findings) {
	if c.cfg.Disabled {
		found.add(slog.LevelWarn, string(CodeConnectorDisabled), CodeConnectorDisabled.text().remedy, "The connector is disabled: nobody can sign in through it.")
	}
	if md != nil {
		c.checkFit(md, found)
	}
	c.checkStates(found)
	if c.cfg.RequireEmail && c.cfg.AllowGuests {
		found.add(slog.LevelWarn, "guests_refused", "Switch one of the two off.", "The connector allows guests and also requires a trusted address, which a guest never has.")
	}
}

// checkStates says what the connector's domains don't do.
func (c *Connector) checkStates(found *findings) {
	if !c.hasDomains() {
		found.add(slog.LevelInfo, "no_domains", "", "The connector has no domains: it is a plain sign-in button, and nobody is sent to it.")
	}
	var claimed, frozen, open int
	for _, d := range c.domains() {
		switch {
		case !d.State.owned():
			claimed++
		case d.State.unproven():
			frozen++
		case !d.State.enforces():
			open++
		}
	}
	if claimed > 0 {
		found.add(slog.LevelWarn, "domains_claimed", "Verify or assert the domains once it is proven that they are the customer's.",
			"%d of the connector's %d domains are only claimed, and count for nothing.", claimed, len(c.routes))
	}
	if frozen > 0 {
		found.add(slog.LevelWarn, "domains_frozen", "Have the customer prove the domains again, or release them.",
			"%d of the connector's %d domains are frozen or lapsed, since their proof is lost: people who have an account sign in, and nobody new does.", frozen, len(c.routes))
	}
	if open > 0 {
		found.add(slog.LevelInfo, "domains_not_enforced", "", "%d of the connector's %d domains are not enforced: other ways in stay open.", open, len(c.routes))
	}
}

// checkFit finds what Begin would refuse, and what else concerns the client.
func (c *Connector) checkFit(md *Metadata, found *findings) {
	switch {
	case md.AuthorizationResponseIssParameterSupported:
	case !c.exclusive:
		found.add(slog.LevelError, string(CodeIssNotPromised), CodeIssNotPromised.text().remedy,
			"The identity provider does not promise to name itself in its responses (iss, RFC 9207), and other connectors may share the redirect URI %s.", c.redirectURI())
	default:
		found.add(slog.LevelInfo, "iss_not_announced", "", "The identity provider does not promise to name itself in its responses (iss, RFC 9207). The redirect URI must be this connector's alone.")
	}
	if _, err := c.authStyle(md.kept()); err != nil {
		e := errorOf(err, CodeInternal, c.cfg.ID)
		found.add(slog.LevelError, string(e.Code), e.Remedy, "No way of client authentication fits: %v.", e.cause)
	}
	switch {
	case !c.cfg.ClientSecret.IsZero():
	case lacks(md.TokenEndpointAuthMethodsSupported, "none"):
		found.add(slog.LevelWarn, "public_client", "Enter the client secret, unless the application was registered as a public client.",
			"The connector has no client secret, and the identity provider announces no clients without one.")
	default:
		found.add(slog.LevelInfo, "public_client", "", "The connector has no client secret: it is a public client, which rests on PKCE alone.")
	}
}

// elsewhere are the hosts of the endpoints in use that are not the issuer's.
func elsewhere(md *Metadata) []string {
	var hosts []string
	for _, endpoint := range md.usedEndpoints() {
		if host := hostOf(*endpoint.to); host != "" && host != hostOf(md.Issuer) && !slices.Contains(hosts, host) {
			hosts = append(hosts, host)
		}
	}
	return hosts
}

func hostOf(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Host)
}

// lacks says whether a list is there without the value.
func lacks(list []string, value string) bool { return list != nil && !slices.Contains(list, value) }

// absent are the wanted values that a list lacks.
func absent(wanted, list []string) []string {
	if list == nil {
		return nil
	}
	return without(wanted, list)
}

func without(all, some []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return slices.Contains(some, s) })
}

// shown is a list in a sentence.
func shown(list []string) string {
	const limit = 200 // characters
	if len(list) == 0 {
		return "(none)"
	}
	return plainUpTo(strings.Join(list, ", "), limit)
}
