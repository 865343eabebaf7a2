// Package after is the backend of package before, with oidcsso in place of goth.
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
	sso       *oidcsso.Flow
	accounts  accounts.Accounts[backend.User]
	providers map[Origin]string // the names that goth had for the providers of these connectors
}

// oldCallback is the redirect URI that Acme's administrator registered for goth.
const oldCallback = "/auth/acme-oidc/callback"

// Acme is the connector that takes over from goth's provider acme-oidc.
func Acme(origin, issuer, clientID, clientSecret string) oidcsso.Config {
	return oidcsso.Config{
		ID:           "acme",
		Issuer:       issuer,
		ClientID:     clientID, // the same as before: with another one, many identity providers give people another sub
		ClientSecret: oidcsso.NewSecret(clientSecret),
		Domains:      oidcsso.AssertDomains("acme.example"),
		RedirectURL:  origin + oldCallback,
	}
}

// New needs no network. opts has the BaseURL; connectors that are new have their callback below it.
func New(b *backend.Backend, opts *oidcsso.Options, key oidcsso.SealKey, providers map[Origin]string, connectors ...oidcsso.Config) (*App, error) {
	router := oidcsso.NewRouter(opts)
	if err := router.Replace(connectors); err != nil {
		return nil, err
	}
	sso, err := oidcsso.NewFlow(opts, router, &oidcsso.FlowOptions{Keys: []oidcsso.SealKey{key}})
	if err != nil {
		return nil, err
	}
	a := &App{Backend: b, sso: sso, providers: providers}
	a.accounts = accounts.Accounts[backend.User]{ByKey: a.byKey, Create: a.create}
	return a, nil
}

// Routes are the backend's handlers.
func (a *App) Routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.Home)
	mux.HandleFunc("GET /auth/acme-oidc", func(w http.ResponseWriter, r *http.Request) { a.start(w, r, "acme") }) // the old link
	mux.HandleFunc("GET "+oldCallback, a.callback)
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
