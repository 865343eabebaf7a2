package oidcsso_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"

	"github.com/oidcsso/oidcsso"
)

// shopWindow is a backend with a login handler of its own, a callback, and a page for errors.
type shopWindow struct{ sso *oidcsso.Flow }

// login is the handler that was there before. What is new in it is Enforce.
func (s *shopWindow) login(w http.ResponseWriter, r *http.Request) {
	email := r.PostFormValue("email")
	handled, err := s.sso.Enforce(w, r, oidcsso.Attempt{Typed: email, Method: oidcsso.MethodPassword}, oidcsso.BeginParams{ReturnTo: "/projects"})
	switch {
	case err != nil: // never fall through to the password
		s.fail(w, err)
	case handled: // the browser is on its way to the identity provider
	default:
		fmt.Fprintln(w, "The password of", email, "is compared.")
	}
}

// callback is new: where the identity provider sends people back to.
func (s *shopWindow) callback(w http.ResponseWriter, r *http.Request) {
	signIn, err := s.sso.Finish(w, r)
	if err != nil {
		s.fail(w, err)
		return
	}
	// Here a backend finds the account by signIn.Identity.Key(), see package accounts, starts its session and redirects.
	fmt.Fprintf(w, "%s <%s> is signed in and goes on to %s.\n", signIn.Identity.Name, signIn.Identity.Email, signIn.ReturnTo)
}

func (s *shopWindow) fail(w http.ResponseWriter, err error) {
	e := oidcsso.AsError(err)
	log.Print(e) // code, remedy and cause, and no secret
	w.WriteHeader(e.HTTPStatus())
	fmt.Fprintln(w, e.Public)
}

// A whole sign-in, with the identity provider of package oidcssotest. Alice's company signs her in; Carol has a password.
func Example_signIn() {
	mux := http.NewServeMux()
	backend := httptest.NewServer(mux)
	defer backend.Close()
	acme, stop := startIdP(backend.URL + "/sso") // knows alice@acme.example
	defer stop()

	opts := acme.Options() // in production &oidcsso.Options{BaseURL: "https://app.example.com/sso"}
	router := oidcsso.NewRouter(opts)
	if err := router.Put(acme.Config("acme", "acme.example")); err != nil {
		log.Fatal(err)
	}
	sso, err := oidcsso.NewFlow(opts, router, &oidcsso.FlowOptions{Keys: []oidcsso.SealKey{oidcsso.RandomSealKey()}})
	if err != nil {
		log.Fatal(err)
	}
	shop := &shopWindow{sso}
	mux.HandleFunc("POST /login", shop.login)
	mux.HandleFunc("GET /sso/callback/{connector}", shop.callback)

	for _, email := range []string{"alice@acme.example", "carol@home.example"} {
		response, err := newBrowser().PostForm(backend.URL+"/login", url.Values{"email": {email}})
		if err != nil {
			log.Fatal(err)
		}
		page, _ := io.ReadAll(response.Body)
		response.Body.Close()
		fmt.Print(string(page))
	}
	// Output:
	// Alice Ames <alice@acme.example> is signed in and goes on to /projects.
	// The password of carol@home.example is compared.
}
