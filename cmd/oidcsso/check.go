package main

import (
	"context"
	"errors"
	"flag"
	"log/slog"
	"slices"
	"strings"

	"github.com/oidcsso/oidcsso"
)

const checkAbout = `oidcsso check ISSUER [flags]

Prints the identity provider's configuration and what is wrong with it, with remedies. With -client-id it also tries whether
client ID and client secret are accepted, by one token request with a made-up code; that sends the secret, as a sign-in does.

Exit codes: 0 no finding is an error, 1 some are, 2 usage, 3 the identity provider can't be reached.
`

// unregistered stands for the client ID and the redirect URI of a check without them. Neither is sent anywhere.
const (
	unregistered      = "unregistered"
	unregisteredPlace = "https://callback.invalid/"
)

func (p *program) check(ctx context.Context, args []string) int {
	var s settings
	var strict, shared, noClient bool
	flags := flag.NewFlagSet("check", flag.ContinueOnError)
	s.register(flags)
	flags.StringVar(&s.config.RedirectURL, "callback", "", "Callback `URI` (redirect URI) that is registered")
	flags.BoolVar(&shared, "shared-callback", false, "other connectors have the same Callback URI")
	flags.BoolVar(&noClient, "no-client-check", false, "make no token request, so that client ID and secret are not tried")
	flags.BoolVar(&strict, "strict", false, "count warnings as errors in the exit code")
	if code, ok := p.parsed(p.parse(flags, &s, checkAbout, args), "check"); !ok {
		return code
	}
	registered := s.config.ClientID != ""
	if !registered {
		if !s.config.ClientSecret.IsZero() || s.config.RedirectURL != "" || shared {
			code, _ := p.parsed(errors.New("the client secret and the Callback URI need -client-id"), "check")
			return code
		}
		s.config.ClientID = unregistered
	}
	s.config.ID = connectorID
	if s.config.RedirectURL == "" {
		s.config.RedirectURL = unregisteredPlace
	}
	connector, err := oidcsso.NewConnector(s.config, s.options(shared))
	if err != nil {
		return p.invalid(err)
	}
	look := connector.Check
	if !registered || noClient {
		look = connector.CheckIssuer
	}
	metadata, findings := look(ctx)
	if len(s.config.Domains) == 0 { // they were not asked about
		findings = slices.DeleteFunc(findings, func(f oidcsso.Finding) bool { return f.Code == "no_domains" })
	}
	for i := range findings {
		findings[i].Remedy = here.Replace(findings[i].Remedy)
	}
	if s.json {
		p.out.json(checkReport{s.config.Issuer, metadata, append([]oidcsso.Finding{}, findings...)})
	} else {
		p.showMetadata(s.config.Issuer, metadata)
		p.showFindings(findings)
	}
	return exitOf(metadata, findings, strict)
}

// checkReport is what -json prints.
type checkReport struct {
	Issuer   string            `json:"issuer"`
	Metadata *oidcsso.Metadata `json:"metadata"`
	Findings []oidcsso.Finding `json:"findings"`
}

func exitOf(metadata *oidcsso.Metadata, findings []oidcsso.Finding, strict bool) int {
	limit := slog.LevelError
	if strict {
		limit = slog.LevelWarn
	}
	unavailable := func(f oidcsso.Finding) bool { return f.Code == string(oidcsso.CodeUnavailable) }
	switch {
	case metadata == nil && slices.ContainsFunc(findings, unavailable):
		return exitUnreachable
	case slices.ContainsFunc(findings, func(f oidcsso.Finding) bool { return f.Level >= limit }):
		return exitFailed
	}
	return exitOK
}

func (p *program) showMetadata(issuer string, m *oidcsso.Metadata) {
	p.out.printf("%s\n\n", issuer)
	if m == nil {
		return
	}
	for _, row := range []struct{ name, value string }{
		{"Authorization endpoint", m.AuthorizationEndpoint},
		{"Token endpoint", m.TokenEndpoint},
		{"Keys (JWKS)", m.JWKSURI},
		{"UserInfo endpoint", m.UserInfoEndpoint},
		{"End session endpoint", m.EndSessionEndpoint},
		{"Documentation", m.ServiceDocumentation},
		{"Scopes", list(m.ScopesSupported)},
		{"Claims", list(m.ClaimsSupported)},
		{"Response types", list(m.ResponseTypesSupported)},
		{"Response modes", list(m.ResponseModesSupported)},
		{"Grant types", list(m.GrantTypesSupported)},
		{"Client authentication", list(m.TokenEndpointAuthMethodsSupported)},
		{"ID token algorithms", list(m.IDTokenSigningAlgValuesSupported)},
		{"PKCE methods", list(m.CodeChallengeMethodsSupported)},
		{"Subject types", list(m.SubjectTypesSupported)},
		{"ACR values", list(m.ACRValuesSupported)},
		{"Prompts", list(m.PromptValuesSupported)},
		{"iss in responses", yesNo(m.AuthorizationResponseIssParameterSupported)},
		{"Back-channel logout", yesNo(m.BackchannelLogoutSupported)},
	} {
		p.out.row(row.name, row.value)
	}
	p.out.printf("\n")
}

func (p *program) showFindings(findings []oidcsso.Finding) {
	const indent = "           "
	count := map[slog.Level]int{}
	for _, f := range findings {
		count[f.Level]++
		p.out.printf("  %s%s\n", f.Level, f.Code)
		p.out.indented(indent, indent, f.Message)
		if f.Remedy != "" {
			p.out.indented(indent+"> ", indent+"  ", f.Remedy)
		}
	}
	p.out.printf("\n%s, %s\n", counted(count[slog.LevelError], "error"), counted(count[slog.LevelWarn], "warning"))
}

// list shows a list of the metadata; nothing where the identity provider says nothing. Commas keep apart what has spaces.
func list(values []string) string { return strings.Join(values, ", ") }

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
