package oidcsso

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/oidcsso/oidcsso/internal/strictjson"
)

// Metadata is the parsed configuration of an identity provider (OpenID Connect Discovery 1.0, 3; RFC 8414; RFC 9207): what an
// administrator wants to see before anybody signs in. Its JSON has the specifications' names.
//
// Endpoints that the library sends a browser or a request to are checked: absolute https URLs without fragment and user
// info. Of the others, one that fails the check is left empty. Lists are cut after 200 entries.
type Metadata struct {
	// Required, and used by the library:
	Issuer                string `json:"issuer"`
	AuthorizationEndpoint string `json:"authorization_endpoint"`
	TokenEndpoint         string `json:"token_endpoint"`
	JWKSURI               string `json:"jwks_uri"`
	// UserInfoEndpoint may be absent.
	UserInfoEndpoint string `json:"userinfo_endpoint,omitempty"`

	// Not used by a sign-in; empty where absent or unsound:
	EndSessionEndpoint                 string `json:"end_session_endpoint,omitempty"`
	RevocationEndpoint                 string `json:"revocation_endpoint,omitempty"`
	IntrospectionEndpoint              string `json:"introspection_endpoint,omitempty"`
	RegistrationEndpoint               string `json:"registration_endpoint,omitempty"`
	DeviceAuthorizationEndpoint        string `json:"device_authorization_endpoint,omitempty"`
	PushedAuthorizationRequestEndpoint string `json:"pushed_authorization_request_endpoint,omitempty"`
	ServiceDocumentation               string `json:"service_documentation,omitempty"`

	// What the identity provider says that it can do; nil where it says nothing:
	ScopesSupported                   []string `json:"scopes_supported,omitempty"`
	ClaimsSupported                   []string `json:"claims_supported,omitempty"`
	ResponseTypesSupported            []string `json:"response_types_supported,omitempty"`
	ResponseModesSupported            []string `json:"response_modes_supported,omitempty"`
	GrantTypesSupported               []string `json:"grant_types_supported,omitempty"`
	SubjectTypesSupported             []string `json:"subject_types_supported,omitempty"`
	ACRValuesSupported                []string `json:"acr_values_supported,omitempty"`
	PromptValuesSupported             []string `json:"prompt_values_supported,omitempty"`
	UILocalesSupported                []string `json:"ui_locales_supported,omitempty"`
	CodeChallengeMethodsSupported     []string `json:"code_challenge_methods_supported,omitempty"`
	TokenEndpointAuthMethodsSupported []string `json:"token_endpoint_auth_methods_supported,omitempty"`
	IDTokenSigningAlgValuesSupported  []string `json:"id_token_signing_alg_values_supported,omitempty"`

	// Promises and demands; false where it says nothing:
	AuthorizationResponseIssParameterSupported bool `json:"authorization_response_iss_parameter_supported"`
	RequirePushedAuthorizationRequests         bool `json:"require_pushed_authorization_requests,omitempty"`
	BackchannelLogoutSupported                 bool `json:"backchannel_logout_supported,omitempty"`
	BackchannelLogoutSessionSupported          bool `json:"backchannel_logout_session_supported,omitempty"`
	FrontchannelLogoutSupported                bool `json:"frontchannel_logout_supported,omitempty"`

	// FetchedAt is when the document was fetched.
	FetchedAt time.Time `json:"fetched_at"`

	algorithms []string // of IDTokenSigningAlgValuesSupported, those that an ID token may have
}

// signingAlgorithms are those that ID tokens are accepted with: asymmetric ones, so that only the identity provider can
// make a signature. In the order of JSON Web Algorithms (RFC 7518, 3.1; RFC 8037).
var signingAlgorithms = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}

const maxMetadataList = 200

type endpointField struct {
	name string
	to   *string
}

type listField struct {
	name string
	to   *[]string
}

// usedEndpoints must be there and be sound, but for the last, which may be absent.
func (m *Metadata) usedEndpoints() []endpointField {
	return []endpointField{
		{"authorization_endpoint", &m.AuthorizationEndpoint}, {"token_endpoint", &m.TokenEndpoint},
		{"jwks_uri", &m.JWKSURI}, {"userinfo_endpoint", &m.UserInfoEndpoint},
	}
}

func (m *Metadata) otherEndpoints() []endpointField {
	return []endpointField{
		{"end_session_endpoint", &m.EndSessionEndpoint}, {"revocation_endpoint", &m.RevocationEndpoint},
		{"introspection_endpoint", &m.IntrospectionEndpoint}, {"registration_endpoint", &m.RegistrationEndpoint},
		{"device_authorization_endpoint", &m.DeviceAuthorizationEndpoint},
		{"pushed_authorization_request_endpoint", &m.PushedAuthorizationRequestEndpoint},
		{"service_documentation", &m.ServiceDocumentation},
	}
}

func (m *Metadata) lists() []listField {
	return []listField{
		{"scopes_supported", &m.ScopesSupported}, {"claims_supported", &m.ClaimsSupported},
		{"response_types_supported", &m.ResponseTypesSupported}, {"response_modes_supported", &m.ResponseModesSupported},
		{"grant_types_supported", &m.GrantTypesSupported}, {"subject_types_supported", &m.SubjectTypesSupported},
		{"acr_values_supported", &m.ACRValuesSupported}, {"prompt_values_supported", &m.PromptValuesSupported},
		{"ui_locales_supported", &m.UILocalesSupported}, {"code_challenge_methods_supported", &m.CodeChallengeMethodsSupported},
		{"token_endpoint_auth_methods_supported", &m.TokenEndpointAuthMethodsSupported},
		{"id_token_signing_alg_values_supported", &m.IDTokenSigningAlgValuesSupported},
	}
}

// parseMetadata reads a discovery document with exact keys and checks what the library relies on.
func parseMetadata(document []byte, issuer string, loopback bool, now time.Time) (*Metadata, error) {
	object, err := strictjson.Parse(document)
	if err != nil { //check:strict-documents
		return nil, newError(CodeMetadataInvalid, "", err)
	}
	m := &Metadata{FetchedAt: now}
	if m.Issuer, _ = text(object, "issuer"); m.Issuer != issuer { //check:discovery-issuer
		return nil, issuerMismatch(issuer, m.Issuer)
	}
	// Loopback http is for an issuer that is itself there: a public one must not send anybody to this machine in clear.
	loopback = loopback && isHTTP(issuer)
	for _, field := range m.usedEndpoints() {
		value, present := text(object, field.name)
		if !present && field.name == "userinfo_endpoint" {
			continue
		}
		if err := checkEndpoint(value, loopback); err != nil { //check:endpoint-url
			return nil, newError(CodeMetadataInvalid, "", fmt.Errorf("%s %w", field.name, err))
		}
		*field.to = value
	}
	for _, field := range m.otherEndpoints() {
		if value, _ := text(object, field.name); checkEndpoint(value, loopback) == nil {
			*field.to = value
		}
	}
	for _, field := range m.lists() {
		*field.to = list(object, field.name)
	}
	for name, to := range map[string]*bool{
		"authorization_response_iss_parameter_supported": &m.AuthorizationResponseIssParameterSupported,
		"require_pushed_authorization_requests":          &m.RequirePushedAuthorizationRequests,
		"backchannel_logout_supported":                   &m.BackchannelLogoutSupported,
		"backchannel_logout_session_supported":           &m.BackchannelLogoutSessionSupported,
		"frontchannel_logout_supported":                  &m.FrontchannelLogoutSupported,
	} {
		if value, ok := object.Get(name); ok {
			*to, _ = value.Bool()
		}
	}
	return m, m.check()
}

// check looks at what else a sign-in would fail on.
func (m *Metadata) check() error {
	u, err := url.Parse(m.AuthorizationEndpoint)
	if err != nil {
		return newError(CodeMetadataInvalid, "", errors.New("authorization_endpoint is not a URL"))
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil { // a part that is read otherwise elsewhere could hide one of our parameters //check:endpoint-query
		return newError(CodeMetadataInvalid, "", errors.New("authorization_endpoint has a malformed query"))
	}
	for name := range query {
		if slices.Contains(ownParameters, name) { //check:endpoint-parameters
			return newError(CodeMetadataInvalid, "", fmt.Errorf("authorization_endpoint already has the parameter %s", name))
		}
	}
	if m.IDTokenSigningAlgValuesSupported == nil {
		m.algorithms = []string{"RS256"} // the one that every provider must have (Discovery 1.0, 3)
		return nil
	}
	for _, alg := range signingAlgorithms {
		if slices.Contains(m.IDTokenSigningAlgValuesSupported, alg) {
			m.algorithms = append(m.algorithms, alg)
		}
	}
	if m.algorithms == nil { //check:signing-algorithms
		return newError(CodeMetadataInvalid, "", errors.New("id_token_signing_alg_values_supported has no asymmetric algorithm")).
			withRemedy("Let the identity provider sign ID tokens with RS256 or ES256.")
	}
	return nil
}

// ownParameters are set by the library alone, or would change what its request means.
var ownParameters = []string{"response_type", "response_mode", "client_id", "redirect_uri", "scope", "state", "nonce",
	"code_challenge", "code_challenge_method", "request", "request_uri", "registration", "claims", "id_token_hint",
	"login_hint", "prompt", "max_age", "acr_values", "ui_locales", "dpop_jkt"}

func checkEndpoint(value string, loopback bool) error {
	if value == "" {
		return errors.New("is missing")
	}
	_, err := parseHTTPURL(value, loopback)
	return err
}

func isHTTP(issuer string) bool {
	u, err := url.Parse(issuer)
	return err == nil && u.Scheme == "http"
}

// text gives a member's string, and whether the member is there. One that is null is not.
func text(object strictjson.Object, name string) (string, bool) {
	value, ok := present(object, name)
	s, _ := value.Text()
	return s, ok
}

// list gives the usable strings of an array: plain and of a sane length. Nil where there is no array.
func list(object strictjson.Object, name string) []string {
	value, _ := object.Get(name)
	all, ok := value.Array()
	if !ok {
		return nil
	}
	kept := []string{}
	for _, item := range all {
		if s, ok := item.Text(); ok && s != "" && len(kept) < maxMetadataList && len(s) <= maxText && isPlainText(s) {
			kept = append(kept, s)
		}
	}
	return kept
}
