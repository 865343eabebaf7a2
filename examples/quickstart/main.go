// Command quickstart is a small web application whose customers sign in through their own identity providers. It is one
// process: the application, which has a password login for everybody, and two identity providers to try it with.
//
//	go run ./examples/quickstart
//
// With -issuer, -client-id, -client-secret and -domain it uses a real identity provider in place of those two.
//
// What a backend of your own needs is in sso.go.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/oidcsso/oidcsso"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends. The address is bound first, since the URLs of the application, and with them the Callback URI,
// depend on the port.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	settings, err := readSettings(args, getenv, stderr)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", settings.addr)
	if err != nil {
		return err
	}
	defer listener.Close()
	origin := settings.origin(listener.Addr())
	if err := announce(stdout, origin, settings); err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(stderr, nil))
	handler, err := newBackend(origin, settings, log)
	if err != nil {
		return err
	}
	return serve(ctx, listener, handler)
}

// newBackend puts the application together, and the identity providers of the demonstration unless there is a real one.
func newBackend(origin string, settings settings, log *slog.Logger) (http.Handler, error) {
	mux := http.NewServeMux()
	var connectors []oidcsso.Config
	var guide []hint
	if settings.embedded() {
		demo := newDemo(origin)
		demo.mount(mux)
		connectors, guide = demo.connectors, demo.guide
	} else {
		connectors = []oidcsso.Config{settings.connector()}
	}
	flow, router, err := newSSO(origin+ssoPath, connectors, log)
	if err != nil {
		return nil, err
	}
	users, err := demoUsers()
	if err != nil {
		return nil, err
	}
	app := &app{
		origin: origin, flow: flow, router: router, users: users, log: log, guide: guide,
		sessions: newSessions(origin),
	}
	mux.Handle("/", app.routes())
	return canonical(origin, mux), nil
}

// serve ends gracefully: requests under way have five seconds.
func serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      30 * time.Second, // a callback may wait 10 s for the identity provider
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return errors.Join(err, server.Close())
	}
	return nil
}
