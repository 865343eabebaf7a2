// Package before is a backend that signs people in with goth.
package before

import (
	"log"
	"net/http"

	"github.com/gorilla/sessions"
	"github.com/markbates/goth"
	"github.com/markbates/goth/gothic"
	"github.com/markbates/goth/providers/openidConnect"

	"github.com/oidcsso/oidcsso/examples/migrate/backend"
)

// Settings are those of one customer.
type Settings struct{ Origin, Issuer, ClientID, ClientSecret string }

// App is the backend.
type App struct{ *backend.Backend }

// New asks the identity provider for its configuration. While that is down, the backend does not start.
func New(b *backend.Backend, s Settings, cookieKey []byte) (*App, error) {
	gothic.Store = sessions.NewCookieStore(cookieKey)
	provider, err := openidConnect.NewNamed("acme", s.ClientID, s.ClientSecret,
		s.Origin+"/auth/acme-oidc/callback", s.Issuer+"/.well-known/openid-configuration", "openid", "profile", "email")
	if err != nil {
		return nil, err
	}
	goth.UseProviders(provider) // under the name acme-oidc
	return &App{b}, nil
}

// Routes are the backend's handlers.
func (a *App) Routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.Home)
	mux.HandleFunc("GET /auth/{provider}", a.start)
	mux.HandleFunc("GET /auth/{provider}/callback", a.callback)
	return mux
}

func (a *App) start(w http.ResponseWriter, r *http.Request) {
	gothic.BeginAuthHandler(w, gothic.GetContextWithProvider(r, r.PathValue("provider")))
}

func (a *App) callback(w http.ResponseWriter, r *http.Request) {
	gothUser, err := gothic.CompleteUserAuth(w, gothic.GetContextWithProvider(r, r.PathValue("provider")))
	if err != nil {
		log.Print(err)
		http.Error(w, "The sign-in failed.", http.StatusForbidden)
		return
	}
	old := backend.OldKey{Provider: gothUser.Provider, UserID: gothUser.UserID}
	user, ok := a.Find(func(u backend.User) bool { return u.Old == old })
	if !ok {
		user, _ = a.Add(backend.User{Email: gothUser.Email, Old: old})
	}
	a.StartSession(w, user.ID)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}
