package main

import (
	"net/http"
	"strings"
)

// protected puts around every route what a browser should know, and refuses forms that other sites send.
func protected(next http.Handler) http.Handler {
	// No form-action: browsers apply it also to the redirect that follows a form, and that one leads to the identity provider.
	const policy = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'"
	next = http.NewCrossOriginProtection().Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// canonical sends browsers that came by another name of this machine to the one that the Callback URI has: cookies don't
// cross from localhost to 127.0.0.1, and the sign-in would be lost on the way.
func canonical(origin string, next http.Handler) http.Handler {
	_, host, _ := strings.Cut(origin, "://")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Host == host:
			next.ServeHTTP(w, r)
		case r.Method == http.MethodGet || r.Method == http.MethodHead:
			http.Redirect(w, r, origin+r.URL.RequestURI(), http.StatusSeeOther)
		default:
			http.Error(w, "this server is "+origin, http.StatusMisdirectedRequest)
		}
	})
}
