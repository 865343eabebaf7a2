package main

import (
	"context"
	"net/http"

	"github.com/go-chi/chi/v5"
)

// chiRoutes is the backend with chi, whose handlers are those of net/http. The protected pages are a group.
func chiRoutes(a *app) http.Handler {
	r := chi.NewRouter()
	r.Use(http.NewCrossOriginProtection().Handler)
	r.Post("/login", a.nethttpLogin)
	r.Get("/sso/callback/{id}", a.nethttpCallback)
	r.Post("/logout", a.nethttpLogout)
	r.Group(func(r chi.Router) {
		r.Use(a.chiSignedIn)
		r.Get("/", chiHome)
	})
	return r
}

type chiUser struct{} // the key of the person in a request's context

// chiSignedIn lets nobody past who is not signed in.
func (a *app) chiSignedIn(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, ok := a.user(nethttpCookie(r))
		if !ok {
			nethttpPage(w, http.StatusUnauthorized, loginPage(""))
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), chiUser{}, user)))
	})
}

func chiHome(w http.ResponseWriter, r *http.Request) {
	nethttpPage(w, http.StatusOK, homePage(r.Context().Value(chiUser{}).(person)))
}
