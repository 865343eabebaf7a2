package oidcsso_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"

	"github.com/oidcsso/oidcsso"
)

// What a backend has already, and these examples leave out.
type account struct {
	addresses []string // all of them
}

func findAccount(context.Context, string) (account, error)                    { return account{}, nil }
func resolve(context.Context, *oidcsso.Identity) (account, error)             { return account{}, nil }
func checkPassword(http.ResponseWriter, *http.Request, account)               {}
func startSession(http.ResponseWriter, *http.Request, account, string)        {}
func errorPage(w http.ResponseWriter, status int, sentence, codeAndID string) {}

// fail shows the sentence to the person, and says all of it to the log.
func fail(w http.ResponseWriter, err error) {
	e := oidcsso.AsError(err)
	log.Print(e)
	errorPage(w, e.HTTPStatus(), e.Public, string(e.Code)+" "+e.ID)
}

// A backend with handlers of its own: Enforce in the login handler that was there before, and a callback that is new.
func ExampleFlow() {
	key, err := oidcsso.ParseSealKey(os.Getenv("SSO_KEY")) // openssl rand -base64 32
	if err != nil {
		log.Fatal(err)
	}
	opts := &oidcsso.Options{BaseURL: "https://app.example.com/sso"}
	router := oidcsso.NewRouter(opts)
	err = router.Put(oidcsso.Config{
		ID:           "acme",
		Issuer:       "https://acme.okta.com",
		ClientID:     "0oa1b2c3",
		ClientSecret: oidcsso.NewSecret(os.Getenv("ACME_SECRET")),
		Domains:      oidcsso.AssertDomains("acme.example"),
	})
	if err != nil {
		log.Fatal(err)
	}
	flow, err := oidcsso.NewFlow(opts, router, &oidcsso.FlowOptions{Keys: []oidcsso.SealKey{key}})
	if err != nil {
		log.Fatal(err)
	}

	http.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		email := r.PostFormValue("email")
		found, err := findAccount(r.Context(), email) // nobody: an account without addresses
		if err != nil {
			fail(w, err)
			return
		}
		handled, err := flow.Enforce(w, r,
			oidcsso.Attempt{Typed: email, Account: found.addresses, Method: oidcsso.MethodPassword},
			oidcsso.BeginParams{ReturnTo: r.PostFormValue("next")})
		if err != nil { // "unavailable" is an error too: never fall through to the password
			fail(w, err)
			return
		}
		if handled { // the browser is on its way to the identity provider
			return
		}
		checkPassword(w, r, found) // the same account, not the request's address again
	})

	http.HandleFunc("GET /sso/callback/{connector}", func(w http.ResponseWriter, r *http.Request) {
		signIn, err := flow.Finish(w, r)
		if err != nil {
			fail(w, err)
			return
		}
		user, err := resolve(r.Context(), signIn.Identity) // by Identity.Key first; see package accounts
		if err != nil {
			fail(w, err)
			return
		}
		startSession(w, r, user, signIn.ReturnTo)
	})
}

// A backend without handlers of its own: /sso/start, /sso/callback/... and plain pages.
func ExampleHandler() {
	opts := &oidcsso.Options{BaseURL: "https://app.example.com/sso"}
	router := oidcsso.NewRouter(opts)
	flow, err := oidcsso.NewFlow(opts, router, &oidcsso.FlowOptions{Keys: []oidcsso.SealKey{oidcsso.RandomSealKey()}})
	if err != nil {
		log.Fatal(err)
	}
	handler, err := oidcsso.NewHandler(flow, &oidcsso.HandlerOptions{
		LoginURL: "/login",
		OnSignIn: func(w http.ResponseWriter, r *http.Request, s *oidcsso.SignIn) error {
			if s.Identity.Email == "" {
				return oidcsso.Refuse("Your company has not told us your email address.")
			}
			user, err := resolve(r.Context(), s.Identity) // by Identity.Key first; see package accounts
			if err != nil {
				return err // the person is told that something went wrong, and not what
			}
			startSession(w, r, user, s.ReturnTo)
			return nil
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	http.Handle("/sso/", handler)
}

// The protocol alone, for a backend whose sessions are on its server.
func ExampleConnector() {
	ctx := context.Background()
	connector, err := oidcsso.NewConnector(oidcsso.Config{
		ID: "acme", Issuer: "https://acme.okta.com", ClientID: "0oa1b2c3", ClientSecret: oidcsso.NewSecret(os.Getenv("ACME_SECRET")),
	}, &oidcsso.Options{BaseURL: "https://app.example.com/sso"})
	if err != nil {
		log.Fatal(err)
	}
	key := oidcsso.RandomSealKey()
	sessionID := "of the browser's session"

	authorizationURL, login, err := connector.Begin(ctx, oidcsso.BeginParams{Binding: sessionID, LoginHint: "alice@acme.example"})
	if err != nil {
		log.Fatal(err)
	}
	text, err := login.Seal(key) // or keep the Login in memory, under login.State()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("send the browser to", authorizationURL)

	// The browser comes back to connector.CallbackURL().
	callback := "https://app.example.com/sso/callback/acme?code=...&state=..."
	login, err = oidcsso.OpenLogin([]oidcsso.SealKey{key}, text)
	if err != nil {
		log.Fatal(err)
	}
	identity, err := connector.Finish(ctx, login, oidcsso.Response{URL: callback, Binding: sessionID})
	switch {
	case errors.Is(err, oidcsso.CodeAccessDenied):
		fmt.Println("the person cancelled")
	case err != nil:
		log.Print(err)
	default:
		fmt.Println(identity.Key(), identity.Email)
	}
}

// The Router answers for a domain as a whole, never for a part of it.
func ExampleRouter() {
	router := oidcsso.NewRouter(&oidcsso.Options{BaseURL: "https://app.example.com/sso"})
	err := router.Replace([]oidcsso.Config{
		{ID: "acme", Issuer: "https://acme.okta.com", ClientID: "a", Domains: oidcsso.AssertDomains("acme.example", "acme.test")},
		{ID: "globex", Issuer: "https://login.globex.example", ClientID: "b", Domains: oidcsso.AssertDomains("*.globex.example")},
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, domain := range []string{"acme.example", "eu.globex.example", "globex.example", "notacme.example"} {
		route, err := router.Route(context.Background(), domain)
		if errors.Is(err, oidcsso.ErrNotFound) {
			fmt.Println(domain, "is nobody's")
			continue
		}
		fmt.Println(domain, "is for", route.Connector.ID(), "by", route.Domain)
	}
	// Somebody else wants a domain that is taken: nothing changes.
	err = router.Put(oidcsso.Config{ID: "mallory", Issuer: "https://mallory.example", ClientID: "c", Domains: oidcsso.AssertDomains("acme.example")})
	fmt.Println(errors.Is(err, oidcsso.CodeDomainConflict))
	// Output:
	// acme.example is for acme by acme.example
	// eu.globex.example is for globex by *.globex.example
	// globex.example is nobody's
	// notacme.example is nobody's
	// true
}

// Ask wherever a session or a credential is given out, here at a link that resets a password.
func ExampleDecide() {
	router := oidcsso.NewRouter(&oidcsso.Options{BaseURL: "https://app.example.com/sso"})
	err := router.Put(oidcsso.Config{ID: "acme", Issuer: "https://acme.okta.com", ClientID: "a", Domains: oidcsso.AssertDomains("acme.example")})
	if err != nil {
		log.Fatal(err)
	}
	for _, addresses := range [][]string{{"alice@acme.example"}, {"alice@home.example", "alice@acme.example"}, {"carol@home.example"}} {
		decision, err := oidcsso.Decide(context.Background(), router, oidcsso.Attempt{Account: addresses, Method: oidcsso.MethodPasswordReset})
		switch {
		case err != nil: // nobody can know: not allowed
			fmt.Println("unavailable")
		case decision.Allowed():
			fmt.Println("may reset the password")
		default:
			fmt.Println("signs in through", decision.Connector.ID())
		}
	}
	// Output:
	// signs in through acme
	// signs in through acme
	// may reset the password
}

// What an issuer is, before a connector trusts it.
func ExampleDiscover() {
	metadata, err := oidcsso.Discover(context.Background(), "https://acme.okta.com/", nil)
	if err != nil { // the remedy says what to enter instead: the same without the slash
		fmt.Println(oidcsso.AsError(err).Remedy)
		return
	}
	fmt.Println(metadata.AuthorizationEndpoint, metadata.ScopesSupported)
}

// The administrator registers it at the identity provider before anything else is known.
func ExampleCallbackURL() {
	uri, err := oidcsso.CallbackURL("https://app.example.com/sso", "acme")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(uri)
	// Output: https://app.example.com/sso/callback/acme
}

// However an administrator divides them. openid, profile and email are requested in any case.
func ExampleParseScopes() {
	fmt.Printf("%q\n", oidcsso.ParseScopes("groups  offline_access"))
	fmt.Printf("%q\n", oidcsso.ParseScopes("groups, offline_access\n"))
	fmt.Printf("%q\n", oidcsso.ParseScopes("openid+groups"))
	// Output:
	// ["groups" "offline_access"]
	// ["groups" "offline_access"]
	// ["openid" "groups"]
}

// A backend's own code ends a sign-in that the library would let pass.
func ExampleRefuse() {
	err := oidcsso.Refuse("Registration is closed. Please ask your administrator for an invitation.")
	fmt.Println(string(err.Code), err.HTTPStatus())
	fmt.Println(err.Public)
	// Output:
	// refused 403
	// Registration is closed. Please ask your administrator for an invitation.
}
