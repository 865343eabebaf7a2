package oidcsso

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/oidcsso/oidcsso/internal/egress"
)

// Config is one connector as an administrator enters it: plain data. [NewConnector] copies and checks it. The zero value of
// every optional field is the safe choice.
//
// Two things in it are the developer's alone, because a tenant who may set them takes over what is not theirs: RedirectURL,
// and Domains that are more than claimed. Neither can come from JSON.
type Config struct {
	// ID names the connector in URLs and in every [AccountKey]: 1 to 64 of a-z, 0-9, "-" and "_", beginning with a letter
	// or digit, and not a word that the routes use. Required. Never give the ID of a deleted connector to another one:
	// its people would become the old one's.
	ID string `json:"id"`

	// Name is what people read on pages, up to 100 characters. Default: the ID.
	Name string `json:"name,omitempty"`

	// Issuer is the identity provider's issuer identifier, compared byte for byte with its discovery document and ID
	// tokens (OpenID Connect Discovery 1.0, 4.3). An absolute https URL without query and fragment. It can't be at the host
	// and port of a base URL of Options, but for loopback: a tenant could otherwise send this application's requests to itself,
	// and an identity provider there would get the application's cookies. Required.
	Issuer string `json:"issuer"`

	// ClientID is the application's identifier at the identity provider. Required.
	ClientID string `json:"client_id"`

	// ClientSecret is the application's secret. Default: none, a public client, which rests on PKCE alone.
	ClientSecret Secret `json:"client_secret,omitzero"`

	// NextClientSecret is a second secret, while the two change over: it is used for the sign-ins that follow when the identity
	// provider refuses ClientSecret, and that one again when this one is refused, at most once a minute; see
	// CodeSecretSwitched. It must differ from ClientSecret and can't stand alone. Default: none.
	NextClientSecret Secret `json:"next_client_secret,omitzero"`

	// ClientSecretExpiry and NextClientSecretExpiry are when the secrets expire, as the identity provider shows it.
	// [Connector.Check] warns from 30 days before. They decide nothing: a secret is used until the identity provider refuses
	// it, since the date may be wrong, and without a secret they mean nothing. Default: not known.
	ClientSecretExpiry     time.Time `json:"client_secret_expiry,omitzero"`
	NextClientSecretExpiry time.Time `json:"next_client_secret_expiry,omitzero"`

	// TokenEndpointAuthMethod is how the client secret is sent: client_secret_basic or client_secret_post (OpenID Connect Core
	// 1.0, 9). It is for identity providers that offer both and take from an application only the one that it was registered
	// for. Default: basic where it is offered or nothing is said, else post.
	TokenEndpointAuthMethod string `json:"token_endpoint_auth_method,omitempty"`

	// Scopes are requested after openid, profile and email, which always are (RFC 6749, 3.3). What an administrator typed
	// into one line is read by [ParseScopes]. Default: none.
	Scopes []string `json:"scopes,omitempty"`

	// Domains are the email domains whose people sign in through this connector; what each may do is its [DomainState]. Those
	// that come from JSON are claims, which count for nothing, see [Domain]. Default: none, a plain "Sign in with ..." button.
	Domains []Domain `json:"domains,omitempty"`

	// Disabled stops sign-ins through the connector. Domains that are enforced stay so: their people can't get in at all.
	Disabled bool `json:"disabled,omitempty"`

	// Prompt is the prompt parameter of each sign-in: none, login, consent, select_account, or several divided by spaces
	// (OpenID Connect Core 1.0, 3.1.2.1). Default: not sent.
	Prompt string `json:"prompt,omitempty"`

	// MaxAge asks that the person proved themself at the identity provider within this many seconds; the answer is checked
	// (auth_time). Default (0): not asked. To ask for a fresh proof each time, use Prompt "login".
	MaxAge int `json:"max_age,omitempty"`

	// ACRValues asks for authentication contexts, in order of preference. What came is in Identity.ACR; it is a wish, and
	// the backend that depends on it compares. Default: not asked.
	ACRValues []string `json:"acr_values,omitempty"`

	// AuthParams are further parameters of the authorization request: domain_hint, hd, resource, audience, connection,
	// organization, kc_idp_hint, login_realm, access_type, include_granted_scopes, idp, claims_locales. No others, since
	// others could change what the library relies on. Default: none.
	AuthParams map[string]string `json:"auth_params,omitempty"`

	// EmailClaim is the claim that has the email address. With a claim other than email, the identity provider is taken
	// to be silent about whether the address is verified. Default: "email".
	EmailClaim string `json:"email_claim,omitempty"`

	// GroupsClaim is the claim that has the groups, with dots for nested ones: "realm_access.roles". Naming one makes the
	// library ask UserInfo when the ID token lacks it. Default: "groups", if the ID token has it.
	GroupsClaim string `json:"groups_claim,omitempty"`

	// RequireEmail fails a sign-in that brings no trusted address. Not in a frozen domain: people who have an account go on
	// signing in there, and Identity.Email is empty all the same ([EmailFrozen]). Default: Identity.Email may be empty.
	RequireEmail bool `json:"require_email,omitempty"`

	// AllowGuests lets people in whose address is outside the connector's domains (contractors). Their Identity.Email is
	// empty: nothing may be concluded from an address that this connector has no say in. Default: they are refused.
	AllowGuests bool `json:"allow_guests,omitempty"`

	// UserInfo says when the UserInfo endpoint is asked. Default: when something is missing in the ID token.
	UserInfo UserInfoMode `json:"userinfo,omitempty"`

	// RedirectURL replaces the default redirect URI, BaseURL/callback/ID, and those of other base URLs, for example where
	// customers registered another one years ago. Only the developer may set it; it is left out of JSON. See
	// Options.ExclusiveRedirectURLs.
	RedirectURL string `json:"-"`
}

// UserInfoMode says when the UserInfo endpoint is asked.
type UserInfoMode string

const (
	// UserInfoWhenNeeded asks when the ID token lacks the email address or a claim that the Config names. The default.
	UserInfoWhenNeeded UserInfoMode = ""
	// UserInfoNever never asks.
	UserInfoNever UserInfoMode = "never"
	// UserInfoAlways asks at each sign-in and fails the sign-in if that fails.
	UserInfoAlways UserInfoMode = "always"
)

// ParseScopes reads scopes as an administrator types them: divided by spaces, plus signs, commas or line breaks. It checks
// nothing; NewConnector does.
func ParseScopes(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool {
		return r == ' ' || r == '+' || r == ',' || r == '\n' || r == '\r' || r == '\t'
	})
}

// requiredScopes come first in every request, whatever is configured (OpenID Connect Core 1.0, 3.1.2.1 and 5.4).
var requiredScopes = []string{"openid", "profile", "email"}

func allScopes(configured []string) []string {
	scopes := slices.Clone(requiredScopes)
	for _, s := range configured {
		if !slices.Contains(scopes, s) {
			scopes = append(scopes, s)
		}
	}
	return scopes
}

// reservedIDs can't be connectors: routes and words that a reader would misread.
var reservedIDs = []string{"start", "callback", "logout", "setup", "test", "admin", "api", "static", "new", "none", "null", "undefined"}

// allowedAuthParams may be set by an administrator; everything else belongs to the library or changes the protocol.
var allowedAuthParams = []string{"domain_hint", "hd", "resource", "audience", "connection", "organization", "kc_idp_hint",
	"login_realm", "access_type", "include_granted_scopes", "idp", "claims_locales"}

// The methods of client authentication with a secret (OpenID Connect Core 1.0, 9).
const (
	methodBasic = "client_secret_basic"
	methodPost  = "client_secret_post"
)

var allowedPrompts = []string{"none", "login", "consent", "select_account"}

// Bounds of what is configured, in bytes or entries; all far above what is in use.
const (
	maxName       = 100
	maxText       = 1024
	maxList       = 50
	maxDomains    = 1000
	maxAgeSeconds = 10 * 365 * 24 * 3600
)

func (c Config) clone() Config {
	c.Scopes = slices.Clone(c.Scopes)
	c.Domains = slices.Clone(c.Domains)
	c.ACRValues = slices.Clone(c.ACRValues)
	c.AuthParams = maps.Clone(c.AuthParams)
	return c
}

// checked gives a copy with its defaults, its egress profile, and all that is wrong with both at once.
func (c Config) checked(env *environment) (Config, *profile, error) {
	c = c.clone()
	invalid := &ConfigError{Connector: c.ID}
	profile := env.profile
	if checkID(invalid, c.ID); len(invalid.Fields) == 0 { // the developer's function gets no other IDs
		profile = env.profileOf(c.ID, invalid)
	}
	if c.Name == "" {
		c.Name = c.ID
	}
	if utf8.RuneCountInString(c.Name) > maxName || !isPlainText(c.Name) {
		invalid.add("name", "is too long or has control characters", fmt.Sprintf("enter up to %d characters on one line", maxName))
	}
	checkIssuer(invalid, c.Issuer, profile.loopback, env.bases)
	checkClientID(invalid, c.ClientID)
	c.checkSecrets(invalid)
	c.checkRequest(invalid)
	c.checkClaims(invalid)
	c.Domains = checkDomains(invalid, c.Domains, env.allow)
	if c.RedirectURL != "" {
		if _, err := parseRedirectURL(c.RedirectURL); err != nil {
			invalid.add("redirect_url", err.Error(), "give the redirect URI exactly as it is registered, or none")
		}
	} else if len(env.bases) == 0 {
		invalid.add("redirect_url", "is missing, and there is no Options.BaseURL", "set Options.BaseURL, or Config.RedirectURL for this connector alone")
	}
	return c, profile, invalid.orNil()
}

// checkRequest checks what goes into the authorization request.
func (c Config) checkRequest(invalid *ConfigError) {
	if len(c.Scopes) > maxList {
		invalid.add("scopes", "are too many", fmt.Sprintf("enter at most %d", maxList))
	}
	for i, s := range c.Scopes {
		if !isScopeToken(s) {
			invalid.add(fmt.Sprintf("scopes[%d]", i), "is not a scope", "enter scopes divided by spaces, such as: groups offline_access")
		}
	}
	switch c.TokenEndpointAuthMethod {
	case "":
	case methodBasic, methodPost:
		if c.ClientSecret.IsZero() {
			invalid.add("token_endpoint_auth_method", "is set without a client secret", "enter the secret too, or neither")
		}
	default:
		invalid.add("token_endpoint_auth_method", "is not a method that can be chosen", "enter client_secret_basic, client_secret_post or nothing")
	}
	if err := checkPrompt(c.Prompt); err != nil {
		invalid.add("prompt", err.Error(), "enter none alone, or some of login, consent, select_account")
	}
	if c.MaxAge < 0 || c.MaxAge > maxAgeSeconds {
		invalid.add("max_age", "is out of range", "enter seconds, for example 28800 for eight hours, or 0")
	}
	if err := checkTokens(c.ACRValues); err != nil {
		invalid.add("acr_values", err.Error(), "enter the values that the identity provider documents")
	}
	for _, name := range slices.Sorted(maps.Keys(c.AuthParams)) {
		value := c.AuthParams[name]
		if !slices.Contains(allowedAuthParams, name) { //check:auth-params
			invalid.add("auth_params."+plain(name), "is not a parameter that may be set", "use one of "+strings.Join(allowedAuthParams, ", "))
		} else if value == "" || len(value) > maxText || !isPlainText(value) {
			invalid.add("auth_params."+name, "is empty, too long or has control characters", "enter one line of text")
		}
	}
}

// checkClaims checks what is read out of the answer.
func (c Config) checkClaims(invalid *ConfigError) {
	if !isClaimName(c.EmailClaim) {
		invalid.add("email_claim", "is not the name of a claim", "enter a name such as upn, or nothing")
	}
	if !isClaimName(c.GroupsClaim) || c.GroupsClaim != "" && slices.Contains(strings.Split(c.GroupsClaim, "."), "") {
		invalid.add("groups_claim", "is not the name of a claim", "enter a name such as groups or realm_access.roles, or nothing")
	}
	switch c.UserInfo {
	case UserInfoWhenNeeded, UserInfoNever, UserInfoAlways:
	default:
		invalid.add("userinfo", "is not a mode", "enter never, always or nothing")
	}
}

func checkID(invalid *ConfigError, id string) {
	const remedy = "use 1 to 64 of a-z, 0-9, - and _, beginning with a letter or digit"
	if id == "" || len(id) > 64 || id[0] == '-' || id[0] == '_' || strings.Trim(id, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" { //check:connector-id
		invalid.add("id", "is not a connector ID", remedy)
	} else if slices.Contains(reservedIDs, id) { //check:reserved-id
		invalid.add("id", "is a reserved word", remedy)
	}
}

// isClaimName also accepts none. A space around it can only be a slip: no claim would ever have that name.
func isClaimName(s string) bool {
	return len(s) <= maxName && isPlainText(s) && strings.TrimSpace(s) == s
}

// checkIssuer: OpenID Connect Discovery 1.0, 3. bases are where this application is.
func checkIssuer(invalid *ConfigError, issuer string, loopback bool, bases []baseURL) {
	u, err := parseHTTPURL(issuer, loopback)
	switch {
	case issuer == "":
		invalid.add("issuer", "is missing", "enter the issuer as the identity provider shows it, such as https://acme.okta.com")
	case err != nil:
		invalid.add("issuer", err.Error(), "enter the issuer as the identity provider shows it, such as https://acme.okta.com")
	case strings.HasSuffix(u.Path, wellKnownPath):
		invalid.add("issuer", "is the address of the discovery document", "enter it without what begins with /.well-known: "+strings.TrimSuffix(issuer, wellKnownPath))
	case u.RawQuery != "" || u.ForceQuery: //check:issuer-url
		invalid.add("issuer", "has a query", "enter the issuer alone, without a question mark and what follows it")
	case slices.ContainsFunc(bases, func(base baseURL) bool { return isSameServer(u, base.URL) }): //check:issuer-self
		invalid.add("issuer", "is this application itself", "enter the issuer of the identity provider; it needs a host name or port of its own")
	}
}

// isSameServer says whether two https URLs lead to one server by the same name. Loopback does not count: a demonstration
// has everything in one process.
func isSameServer(u, v *url.URL) bool {
	name := func(u *url.URL) string { return strings.ToLower(strings.TrimSuffix(u.Hostname(), ".")) }
	return u.Scheme == "https" && v.Scheme == "https" && !egress.IsLoopbackHost(name(u)) &&
		name(u) == name(v) && firstOf(u.Port(), "443") == firstOf(v.Port(), "443")
}

func checkClientID(invalid *ConfigError, id string) {
	switch {
	case id == "" || len(id) > maxText || !isVSCHAR(id):
		invalid.add("client_id", "is empty, too long or has unusual characters", "copy the client ID (application ID) from the identity provider")
	case strings.TrimSpace(id) != id:
		invalid.add("client_id", "begins or ends with a space", "copy it again without the space")
	}
}

// checkPrompt: values are divided by one space each, and none stands alone (OpenID Connect Core 1.0, 3.1.2.1).
func checkPrompt(prompt string) error {
	if prompt == "" {
		return nil
	}
	values := strings.Split(prompt, " ")
	for _, v := range values {
		if !slices.Contains(allowedPrompts, v) {
			return fmt.Errorf("is not a prompt")
		}
		if v == "none" && len(values) > 1 {
			return fmt.Errorf("has none beside others")
		}
	}
	return nil
}

// checkTokens checks a list that is sent divided by spaces.
func checkTokens(values []string) error {
	if len(values) > maxList {
		return fmt.Errorf("are too many")
	}
	for _, v := range values {
		if len(v) > maxText || !isScopeToken(v) {
			return fmt.Errorf("have an empty value, a space or unusual characters")
		}
	}
	return nil
}

// isScopeToken is scope-token of RFC 6749, 3.3: printable ASCII without space, quote and backslash.
func isScopeToken(s string) bool {
	return s != "" && len(s) <= maxText && strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }) < 0
}

// isVSCHAR is the alphabet of client_id and client_secret (RFC 6749, A.1 and A.2).
func isVSCHAR(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) < 0
}
