package oidcsso_test

import (
	"context"
	"fmt"
	"net/http"
	"os"

	"github.com/oidcsso/oidcsso"
)

// The README shows the middle of these functions, line by line.

func readmeConnector(ctx context.Context, sessionID string, callbackRequest *http.Request, keep func(string), kept func() string) error {
	key, err := oidcsso.ParseSealKey(os.Getenv("SSO_KEY"))
	if err != nil {
		return err
	}
	connector, err := oidcsso.NewConnector(oidcsso.Config{
		ID:           "acme",
		Issuer:       "https://acme.okta.com",
		ClientID:     "0oa1b2c3",
		ClientSecret: oidcsso.NewSecret(os.Getenv("ACME_SECRET")),
		Scopes:       oidcsso.ParseScopes("groups offline_access"), // after openid profile email
		Domains:      oidcsso.AssertDomains("acme.example"),
	}, &oidcsso.Options{BaseURL: "https://app.example.com/sso"})
	if err != nil {
		return err // all problems at once, each with its field and a remedy
	}
	fmt.Println(connector.CallbackURL()) // https://app.example.com/sso/callback/acme

	metadata, err := connector.Metadata(ctx) // discovery, at first use
	if err != nil {
		return err
	}
	fmt.Println(metadata.AuthorizationEndpoint, metadata.ScopesSupported)

	authorizationURL, login, err := connector.Begin(ctx, oidcsso.BeginParams{Binding: sessionID})
	if err != nil {
		return err
	}
	sealed, err := login.Seal(key) // keep it where this browser's session is, then send the browser on
	if err != nil {
		return err
	}
	keep(sealed)
	fmt.Println(authorizationURL)

	login, err = oidcsso.OpenLogin([]oidcsso.SealKey{key}, kept())
	if err != nil {
		return err
	}
	identity, err := connector.Finish(ctx, login, oidcsso.Response{URL: callbackRequest.RequestURI, Binding: sessionID})
	if err != nil {
		return err
	}
	fmt.Println(identity.Key(), identity.Email, identity.Groups)
	if department, ok := identity.Claim("department"); ok { // exact names; also says which document it is from
		fmt.Println(department.Text())
	}
	return nil
}

func readmeRouter(ctx context.Context, opts *oidcsso.Options, acme, globex oidcsso.Config) error {
	router := oidcsso.NewRouter(opts)
	if err := router.Replace([]oidcsso.Config{acme, globex}); err != nil { // all or nothing
		return err
	}
	acme.Domains = oidcsso.AssertDomains("acme.example", "*.acme.example")
	if err := router.Put(acme); err != nil { // domain_conflict if one of them is another connector's
		return err
	}
	address, err := oidcsso.ParseAddress("Alice@ACME.example")
	if err != nil {
		return err
	}
	route, err := router.Route(ctx, address.Domain) // oidcsso.ErrNotFound: nobody's
	if err != nil {
		return err
	}
	fmt.Println(route.Connector.Name(), route.Domain)
	return nil
}

func readmeDecide(ctx context.Context, flow *oidcsso.Flow, addresses []string) error {
	decision, err := flow.Decide(ctx, oidcsso.Attempt{Account: addresses, Method: oidcsso.MethodPasswordReset})
	if err != nil {
		return err // it can't be known now: send no mail
	}
	if !decision.Allowed() {
		return oidcsso.Refuse("Your company signs you in. There is no password to reset here.")
	}
	return nil
}

var _ = []any{readmeConnector, readmeRouter, readmeDecide}
