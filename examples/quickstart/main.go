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
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
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
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
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
	users, err := demoUsers()
	if err != nil {
		return err
	}
	handler, err := newBackend(origin, settings.companies(origin), users, slog.New(slog.NewTextHandler(stderr, nil)))
	if err != nil {
		return err
	}
	return serve(ctx, listener, handler)
}

// newBackend puts the application and the embedded identity providers, if there are any, beneath one origin.
func newBackend(origin string, companies companies, users *users, log *slog.Logger) (http.Handler, error) {
	flow, router, err := newSSO(origin+ssoPath, companies.connectors, log)
	if err != nil {
		return nil, err
	}
	app := &app{
		origin: origin, flow: flow, router: router, users: users, sessions: newSessions(origin),
		log: log, guide: companies.guide,
	}
	mux := http.NewServeMux()
	mux.Handle("/", app.routes())
	for path, idp := range companies.idps {
		mux.Handle(path, idp)
	}
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
