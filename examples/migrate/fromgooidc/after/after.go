// Package after is the backend of package before, with oidcsso above go-oidc and x/oauth2.
package after

import (
	"log/slog"
	"net/http"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/accounts"
	"github.com/oidcsso/oidcsso/examples/migrate/backend"
)

// App is the backend.
type App struct {
	*backend.Backend
	sso      *oidcsso.Flow
	accounts accounts.Accounts[backend.User]
}

// oldConnector is the one through which everybody came before.
const oldConnector = "acme"

// Acme is that connector.
func Acme(origin, issuer, clientID, clientSecret string) oidcsso.Config {
	return oidcsso.Config{
		ID:           oldConnector,
		Issuer:       issuer,
		ClientID:     clientID, // the same as before: with another one, many identity providers give people another sub
		ClientSecret: oidcsso.NewSecret(clientSecret),
		Domains:      oidcsso.AssertDomains("acme.example"),
		RedirectURL:  origin + "/auth/callback", // the one that is registered
	}
}

// New needs no network. opts has the BaseURL, and Acme's redirect URI among its ExclusiveRedirectURLs.
func New(b *backend.Backend, opts *oidcsso.Options, key oidcsso.SealKey, connectors ...oidcsso.Config) (*App, error) {
	router := oidcsso.NewRouter(opts)
	if err := router.Replace(connectors); err != nil {
		return nil, err
	}
	sso, err := oidcsso.NewFlow(opts, router, &oidcsso.FlowOptions{Keys: []oidcsso.SealKey{key}})
	if err != nil {
		return nil, err
	}
	a := &App{Backend: b, sso: sso}
	a.accounts = accounts.Accounts[backend.User]{ByKey: a.byKey, ByEmail: a.byEmail, Link: a.link, Create: a.create}
	return a, nil
}

// Routes are the backend's handlers.
func (a *App) Routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.Home)
	mux.HandleFunc("GET /auth", func(w http.ResponseWriter, r *http.Request) { a.start(w, r, oldConnector) }) // the old link
	mux.HandleFunc("GET /auth/callback", a.callback)                                                          // the old redirect URI
	mux.HandleFunc("GET /sso/start/{id}", func(w http.ResponseWriter, r *http.Request) { a.start(w, r, r.PathValue("id")) })
	mux.HandleFunc("GET /sso/callback/{id}", a.callback)
	return mux
}

func (a *App) start(w http.ResponseWriter, r *http.Request, connectorID string) {
	if err := a.sso.Redirect(w, r, connectorID, oidcsso.BeginParams{}); err != nil {
		a.fail(w, err)
	}
}

func (a *App) callback(w http.ResponseWriter, r *http.Request) {
	signIn, err := a.sso.Finish(w, r)
	if err != nil {
		a.fail(w, err)
		return
	}
	a.adopt(signIn.Identity)
	user, err := a.accounts.Resolve(r.Context(), signIn.Identity)
	if err != nil {
		a.fail(w, err)
		return
	}
	if current := a.Current(r); current.ID != 0 && current.ID != user.ID { // never replace somebody silently
		a.fail(w, oidcsso.Refuse("Somebody else is signed in. Sign out first, then sign in again."))
		return
	}
	a.StartSession(w, user.ID)
	http.Redirect(w, r, signIn.ReturnTo, http.StatusSeeOther)
}

func (a *App) fail(w http.ResponseWriter, err error) {
	e := oidcsso.AsError(err)
	slog.Warn("sign-in failed", "error", err, "id", e.ID)
	http.Error(w, e.Public+" ("+string(e.Code)+" "+e.ID+")", e.HTTPStatus())
}
