// Command spa is a backend with a JSON API and a page of plain JavaScript in front of it, whose people sign in by single
// sign-on or by a password; and a hand-off for a mobile app. It is one process, with an identity provider to try it with.
//
//	go run ./examples/spa
//
// What the page and an app call is in api.go; what the browser walks through is in sso.go and app.go.
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

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/oidcssotest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "spa:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends. The address is bound first, since the Callback URI depends on the port.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("spa", flag.ContinueOnError)
	flags.SetOutput(stderr)
	port := flags.Int("port", 8080, "`port` of 127.0.0.1 to listen on; 0 takes a free one")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", *port))
	if err != nil {
		return err
	}
	origin := "http://" + listener.Addr().String()
	handler, err := newDemo(origin, slog.New(slog.NewTextHandler(stderr, nil)))
	if err != nil {
		listener.Close()
		return err
	}
	fmt.Fprintf(stdout, "Open %s/\n\n"+
		"  alice@acme.test      signs in at Acme's identity provider, with any password\n"+
		"  nora@northwind.test  has the password \"sunflower\"\n\n", origin)
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second}
	stopped := context.AfterFunc(ctx, func() { server.Close() })
	defer stopped()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// newDemo is the backend and, below /idp, Acme's identity provider.
func newDemo(origin string, log *slog.Logger) (http.Handler, error) {
	idp := oidcssotest.NewLocal(origin+"/idp", origin+ssoPath)
	idp.Configure(func(s *oidcssotest.Settings) {
		s.Name, s.Hint = "Acme Inc.", "Demonstration: alice@acme.test works here. Any password does."
	})
	idp.AddUser(oidcssotest.User{Subject: "00u1", Email: "alice@acme.test", Name: "Alice Ames"})
	a, err := newApp(&oidcsso.Options{BaseURL: origin + ssoPath, Logger: log, Egress: oidcsso.Egress{InsecureAllowLoopback: true}},
		idp.Config("acme", "acme.test"))
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/", a.routes())
	mux.Handle("/idp/", idp)
	return mux, nil
}
