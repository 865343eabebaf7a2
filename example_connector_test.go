package oidcsso_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net/url"

	"github.com/oidcsso/oidcsso"
)

// All problems of what an administrator entered at once, each with its field, for a form.
func ExampleNewConnector() {
	_, err := oidcsso.NewConnector(oidcsso.Config{
		ID:     "Acme",
		Issuer: "acme.okta.com",
		Scopes: []string{"groups", "off line"},
	}, &oidcsso.Options{BaseURL: "https://app.example.com/sso"})

	var invalid *oidcsso.ConfigError
	if errors.As(err, &invalid) {
		for _, f := range invalid.Fields {
			fmt.Printf("%s: %s; %s\n", f.Field, f.Message, f.Remedy)
		}
	}
	// Output:
	// id: is not a connector ID; use 1 to 64 of a-z, 0-9, - and _, beginning with a letter or digit
	// issuer: is not an absolute https URL; enter the issuer as the identity provider shows it, such as https://acme.okta.com
	// client_id: is empty, too long or has unusual characters; copy the client ID (application ID) from the identity provider
	// scopes[1]: is not a scope; enter scopes divided by spaces, such as: groups offline_access
}

// The first half of a sign-in: a URL for the browser, and a Login to keep until it is back.
func ExampleConnector_Begin() {
	idp, stop := startIdP("https://app.example.com/sso")
	defer stop()
	connector, err := oidcsso.NewConnector(idp.Config("acme", "acme.example"), idp.Options())
	if err != nil {
		log.Fatal(err)
	}
	authorizationURL, login, err := connector.Begin(context.Background(), oidcsso.BeginParams{
		Binding:   "the ID of this browser's session",
		LoginHint: "alice@acme.example",
		Prompt:    "login", // asks for the password again
	})
	if err != nil {
		log.Fatal(err)
	}
	u, _ := url.Parse(authorizationURL)
	for _, name := range []string{"response_type", "redirect_uri", "scope", "code_challenge_method", "login_hint", "prompt"} {
		fmt.Println(name, u.Query().Get(name))
	}
	fmt.Println(login) // it prints nothing of itself
	// Output:
	// response_type code
	// redirect_uri https://app.example.com/sso/callback/acme
	// scope openid profile email
	// code_challenge_method S256
	// login_hint alice@acme.example
	// prompt login
	// [redacted]
}

// The second half: the URL at which the browser came back, and who it is.
func ExampleConnector_Finish() {
	ctx := context.Background()
	idp, stop := startIdP("https://app.example.com/sso") // knows alice@acme.example
	defer stop()
	connector, err := oidcsso.NewConnector(idp.Config("acme", "acme.example"), idp.Options())
	if err != nil {
		log.Fatal(err)
	}
	authorizationURL, login, err := connector.Begin(ctx, oidcsso.BeginParams{Binding: "her session", LoginHint: "alice@acme.example"})
	if err != nil {
		log.Fatal(err)
	}

	// The browser goes there; Alice signs in; the identity provider sends it back with a code.
	answer, err := newLocation().Get(authorizationURL)
	if err != nil {
		log.Fatal(err)
	}
	callback := answer.Header.Get("Location")

	_, err = connector.Finish(ctx, login, oidcsso.Response{URL: callback, Binding: "another session"})
	fmt.Println("in another browser:", string(oidcsso.AsError(err).Code))

	identity, err := connector.Finish(ctx, login, oidcsso.Response{URL: callback, Binding: "her session"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(identity.Subject, identity.Email, identity.EmailStatus, identity.Groups)

	_, err = connector.Finish(ctx, login, oidcsso.Response{URL: callback, Binding: "her session"})
	fmt.Println("the code again:", string(oidcsso.AsError(err).Code))
	// Output:
	// in another browser: binding_mismatch
	// 00u1alice alice@acme.example trusted [engineering]
	// the code again: code_rejected
}

// What the identity provider says of itself, to show to an administrator before anybody signs in.
func ExampleConnector_Metadata() {
	idp, stop := startIdP("https://app.example.com/sso")
	defer stop()
	connector, err := oidcsso.NewConnector(idp.Config("acme", "acme.example"), idp.Options())
	if err != nil {
		log.Fatal(err)
	}
	metadata, err := connector.Metadata(context.Background())
	if err != nil {
		fmt.Println(oidcsso.AsError(err).Remedy) // for the administrator
		return
	}
	fmt.Println(metadata.Issuer == idp.Issuer(), metadata.CodeChallengeMethodsSupported, metadata.AuthorizationResponseIssParameterSupported)
	// Output: true [S256] true
}

// A "Test connection" button: the gravest findings first, each with a code, a sentence and a remedy.
func ExampleConnector_Check() {
	idp, stop := startIdP("https://app.example.com/sso")
	defer stop()
	cfg := idp.Config("acme", "acme.example")
	cfg.ClientSecret = oidcsso.NewSecret("of last year")
	connector, err := oidcsso.NewConnector(cfg, idp.Options())
	if err != nil {
		log.Fatal(err)
	}
	_, findings := connector.Check(context.Background())
	for _, f := range findings {
		if f.Level >= slog.LevelError {
			fmt.Println(f.Code, "and what to do about it:", f.Remedy != "")
		}
	}
	// Output: client_rejected and what to do about it: true
}

// What was verified, and where a sign-in ended.
func ExampleChecks() {
	checks := oidcsso.Checks()
	fmt.Println(len(checks), checks[0], checks[11], checks[22])
	// Output: 23 enabled signature email
}

// A slip in the issuer is named, with what to enter instead. It is never repaired silently.
func ExampleDiscover_slash() {
	idp, stop := startIdP("https://app.example.com/sso")
	defer stop()
	_, err := oidcsso.Discover(context.Background(), idp.Issuer()+"/", idp.Options())
	e := oidcsso.AsError(err)
	fmt.Println(string(e.Code))
	fmt.Println(e.Remedy == "The issuer differs only by a slash at its end. Use exactly: "+idp.Issuer())
	// Output:
	// issuer_mismatch
	// true
}

// Claims have exact names. A path with dots reaches into objects.
func ExampleIdentity_Claim() {
	identity, err := signInAlice()
	if err != nil {
		log.Fatal(err)
	}
	department, ok := identity.Claim("department")
	text, _ := department.Text()
	fmt.Println(ok, text, department.Origin)

	roles, _ := identity.Claim("realm_access.roles")
	fmt.Println(roles.Texts())

	_, ok = identity.Claim("Department")
	fmt.Println(ok)
	// Output:
	// true Rockets id_token
	// [pilot] true
	// false
}

// signInAlice is ExampleConnector_Finish in one function.
func signInAlice() (*oidcsso.Identity, error) {
	ctx := context.Background()
	idp, stop := startIdP("https://app.example.com/sso")
	defer stop()
	connector, err := oidcsso.NewConnector(idp.Config("acme", "acme.example"), idp.Options())
	if err != nil {
		return nil, err
	}
	authorizationURL, login, err := connector.Begin(ctx, oidcsso.BeginParams{InsecureUnbound: true, LoginHint: "alice@acme.example"})
	if err != nil {
		return nil, err
	}
	answer, err := newLocation().Get(authorizationURL)
	if err != nil {
		return nil, err
	}
	return connector.Finish(ctx, login, oidcsso.Response{URL: answer.Header.Get("Location")})
}
