// Command frameworks is one small backend, wired to single sign-on in five ways: with net/http alone, chi, gin, echo and Fiber.
//
//	go run -C examples/frameworks . gin
//
// It has a password login and, in the same process, an identity provider for the people of acme.test. Each framework has a file
// of its own; what they share is in core.go and pages.go.
package main

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/gofiber/fiber/v3"

	"github.com/oidcsso/oidcsso/oidcssotest"
)

const origin = "http://127.0.0.1:8080"

// frameworks serve the same backend.
var frameworks = map[string]func(*app, net.Listener) error{
	"net/http": serveHTTP(nethttpRoutes),
	"chi":      serveHTTP(chiRoutes),
	"gin":      serveHTTP(ginRoutes),
	"echo":     serveHTTP(echoRoutes),
	"fiber":    serveFiber,
}

func serveHTTP(routes func(*app) http.Handler) func(*app, net.Listener) error {
	return func(a *app, l net.Listener) error {
		server := &http.Server{Handler: routes(a), ReadHeaderTimeout: 5 * time.Second}
		return server.Serve(l)
	}
}

func serveFiber(a *app, l net.Listener) error {
	return fiberRoutes(a).Listener(l, fiber.ListenConfig{DisableStartupMessage: true})
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "frameworks:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	name := "net/http"
	if len(args) > 0 {
		name = args[0]
	}
	serve, ok := frameworks[name]
	if !ok {
		return fmt.Errorf("unknown framework %q: choose net/http, chi, gin, echo or fiber", name)
	}
	idpListener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	idp := oidcssotest.NewLocal("http://"+idpListener.Addr().String(), origin+"/sso")
	idp.AddUser(oidcssotest.User{Subject: "00u1", Email: "alice@acme.test"})
	idp.AddUser(oidcssotest.User{Subject: "00u2", Email: "bob@acme.test"})
	go func() {
		server := &http.Server{Handler: idp, ReadHeaderTimeout: 5 * time.Second}
		slog.Error("the identity provider ended", "error", server.Serve(idpListener))
	}()
	a, err := newApp(idp.Options(), idp.Config("acme", "acme.test"))
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", strings.TrimPrefix(origin, "http://"))
	if err != nil {
		return err
	}
	slog.Info("sign in as alice@acme.test, or as nora@northwind.test with the password sunflower", "open", origin, "framework", name)
	return serve(a, listener)
}
