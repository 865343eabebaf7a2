package main

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/adaptor"
)

// fiberRoutes is the backend with Fiber, which is not built on net/http. Login and callback are handlers of net/http behind
// its adaptor; everything else is Fiber's.
func fiberRoutes(a *app) *fiber.App {
	router := fiber.New()
	router.Post("/login", fiberHandler(a.nethttpLogin))
	router.Get("/sso/callback/:id", fiberHandler(a.nethttpCallback))
	router.Post("/logout", fiberHandler(a.nethttpLogout))
	router.Get("/", a.fiberSignedIn, fiberHome)
	return router
}

// fiberHandler gives a handler of net/http a request of its own. The adaptor's one is made of memory that Fiber uses again
// for another request as soon as the handler has returned, and so is its context; an error that is logged a moment later, or a
// connection that is still being opened, would then read what another person sent.
func fiberHandler(handler http.HandlerFunc) fiber.Handler {
	sameOrigin := http.NewCrossOriginProtection().Handler(handler)
	return adaptor.HTTPHandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second) // no Flow takes longer
		defer cancel()
		own, err := http.NewRequestWithContext(ctx, strings.Clone(r.Method), strings.Clone(r.RequestURI), r.Body)
		if err != nil {
			http.Error(w, "400 bad request", http.StatusBadRequest)
			return
		}
		own.Host, own.RequestURI, own.RemoteAddr, own.ContentLength = strings.Clone(r.Host), strings.Clone(r.RequestURI), r.RemoteAddr, r.ContentLength
		for name, values := range r.Header {
			for _, value := range values {
				own.Header.Add(strings.Clone(name), strings.Clone(value))
			}
		}
		sameOrigin.ServeHTTP(w, own)
	})
}

// fiberSignedIn lets nobody past who is not signed in.
func (a *app) fiberSignedIn(c fiber.Ctx) error {
	user, ok := a.user(c.Cookies(sessionCookie))
	if !ok {
		return fiberPage(c, http.StatusUnauthorized, loginPage(""))
	}
	c.Locals("user", user)
	return c.Next()
}

func fiberHome(c fiber.Ctx) error {
	return fiberPage(c, http.StatusOK, homePage(c.Locals("user").(person)))
}

func fiberPage(c fiber.Ctx, status int, html string) error {
	c.Set(fiber.HeaderContentType, fiber.MIMETextHTMLCharsetUTF8)
	return c.Status(status).SendString(html)
}
