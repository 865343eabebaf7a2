// Package before is a backend that signs people in with go-oidc and x/oauth2 alone.
package before

import (
	"context"
	"crypto/rand"
	"log"
	"net/http"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/oidcsso/oidcsso/examples/migrate/backend"
)

// Settings are those of one customer.
type Settings struct{ Origin, Issuer, ClientID, ClientSecret string }

// App is the backend.
type App struct {
	*backend.Backend
	config   oauth2.Config
	verifier *oidc.IDTokenVerifier
}

// New asks the identity provider for its configuration. While that is down, the backend does not start.
func New(ctx context.Context, b *backend.Backend, s Settings) (*App, error) {
	provider, err := oidc.NewProvider(ctx, s.Issuer)
	if err != nil {
		return nil, err
	}
	return &App{
		Backend: b,
		config: oauth2.Config{
			ClientID:     s.ClientID,
			ClientSecret: s.ClientSecret,
			Endpoint:     provider.Endpoint(),
			RedirectURL:  s.Origin + "/auth/callback",
			Scopes:       []string{oidc.ScopeOpenID, "profile", "email"},
		},
		verifier: provider.Verifier(&oidc.Config{ClientID: s.ClientID}),
	}, nil
}

// Routes are the backend's handlers.
func (a *App) Routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.Home)
	mux.HandleFunc("GET /auth", a.start)
	mux.HandleFunc("GET /auth/callback", a.callback)
	return mux
}

func (a *App) start(w http.ResponseWriter, r *http.Request) {
	state, nonce, pkce := rand.Text(), rand.Text(), oauth2.GenerateVerifier()
	for name, value := range map[string]string{"state": state, "nonce": nonce, "pkce": pkce} {
		http.SetCookie(w, &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: 600, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	}
	http.Redirect(w, r, a.config.AuthCodeURL(state, oidc.Nonce(nonce), oauth2.S256ChallengeOption(pkce)), http.StatusFound)
}

func (a *App) callback(w http.ResponseWriter, r *http.Request) {
	fail := func(why any) {
		log.Print(why)
		http.Error(w, "The sign-in failed.", http.StatusForbidden)
	}
	cookie := func(name string) string {
		if c, err := r.Cookie(name); err == nil {
			return c.Value
		}
		return ""
	}
	if state := cookie("state"); state == "" || r.URL.Query().Get("state") != state {
		fail("the state is wrong")
		return
	}
	token, err := a.config.Exchange(r.Context(), r.URL.Query().Get("code"), oauth2.VerifierOption(cookie("pkce")))
	if err != nil {
		fail(err)
		return
	}
	raw, _ := token.Extra("id_token").(string)
	idToken, err := a.verifier.Verify(r.Context(), raw)
	if err != nil {
		fail(err)
		return
	}
	if nonce := cookie("nonce"); nonce == "" || idToken.Nonce != nonce {
		fail("the nonce is wrong")
		return
	}
	var claims struct {
		Email string `json:"email"`
	}
	if err := idToken.Claims(&claims); err != nil {
		fail(err)
		return
	}
	old := backend.OldKey{Provider: idToken.Issuer, UserID: idToken.Subject}
	user, ok := a.Find(func(u backend.User) bool { return u.Old == old })
	if !ok {
		user, _ = a.Add(backend.User{Email: claims.Email, Old: old})
	}
	a.StartSession(w, user.ID)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}
