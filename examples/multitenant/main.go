// Command multitenant is a small B2B backend whose connectors are rows: its customers' administrators enter them while it
// runs, and every replica follows.
//
//	go run -C examples/multitenant .
//
// Without flags it is a demonstration in one process, with two replicas, identity providers to try it with, and a database
// that is gone at the end.
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
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "multitenant:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends. The address is bound first, since the Callback URIs depend on the port.
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
	settings.bound(listener.Addr())
	if settings.database == "" {
		dir, err := os.MkdirTemp("", "multitenant")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		settings.database = filepath.Join(dir, "sso.db")
	}
	backend, err := newBackend(ctx, settings, slog.New(slog.NewJSONHandler(stderr, nil)))
	if err != nil {
		return err
	}
	settings.announce(stdout, backend.hints)
	return errors.Join(serve(ctx, listener, backend.handler), backend.end())
}

// backend is all replicas of this process, and the demonstration's outside world.
type backend struct {
	replicas []*replica
	outside  *demo // nil without the demonstration
	handler  http.Handler
	hints    []string
	stop     context.CancelFunc
}

func newBackend(ctx context.Context, s *settings, log *slog.Logger) (_ *backend, err error) {
	ctx, stop := context.WithCancel(ctx)
	b := &backend{stop: stop}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.end())
		}
	}()
	if s.demo {
		b.outside = newDemo(s.origin)
	}
	var handlers balancer
	for i := range s.replicas {
		r, err := newReplica(ctx, fmt.Sprintf("%d at %s", i+1, s.addr), s, b.outside, log)
		if err != nil {
			return nil, err
		}
		b.replicas = append(b.replicas, r)
		handlers.handlers = append(handlers.handlers, r.handler)
	}
	b.handler = &handlers
	if b.outside != nil {
		if b.hints, err = b.outside.seed(ctx, b.replicas[0]); err != nil {
			return nil, err
		}
		for _, r := range b.replicas { // so that the first request finds what was made, wherever it goes
			if err := r.live.Sync(ctx); err != nil {
				return nil, err
			}
		}
		b.handler = b.outside.routes(b.handler)
	}
	return b, nil
}

// end stops what runs in the background and waits for it.
func (b *backend) end() (err error) {
	b.stop()
	for _, r := range b.replicas {
		err = errors.Join(err, r.end())
	}
	return err
}

// balancer gives each request to another replica, in turn, as a load balancer without sticky sessions does.
type balancer struct {
	handlers []http.Handler
	turn     atomic.Uint64
}

func (b *balancer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.handlers[(b.turn.Add(1)-1)%uint64(len(b.handlers))].ServeHTTP(w, r)
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
