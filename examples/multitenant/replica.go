package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"net/http"
	"sync"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/connectorstore"
)

// replica is one instance of the backend. Replicas share the database and nothing else, in one process or in many.
type replica struct {
	store   *connectorstore.Store
	live    *connectorstore.Live
	people  *people
	handler http.Handler
	tasks   sync.WaitGroup
	close   func() error
}

// newReplica starts one. What it does in the background ends with ctx.
func newReplica(ctx context.Context, name string, s *settings, outside *demo, log *slog.Logger) (_ *replica, err error) {
	log = log.With("replica", name)
	opts := &oidcsso.Options{
		BaseURL: s.origin + ssoPath,
		Logger:  log,
		Events:  oidcsso.LogEvents(log), // the audit trail
		Egress:  oidcsso.Egress{InsecureAllowLoopback: s.loopback},
	}
	resolver := connectorstore.SystemResolver()
	if s.dns != "" {
		if resolver, err = connectorstore.NewResolver(s.dns); err != nil {
			return nil, err
		}
	}
	if outside != nil {
		resolver = zoneBefore{outside.zone, resolver}
	}
	db, dialect, err := openDatabase(s.database)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, db.Close())
		}
	}()
	store, err := connectorstore.New(db, &connectorstore.Options{Dialect: dialect, Ring: s.ring, Resolver: resolver, SSO: opts})
	if err != nil {
		return nil, err
	}
	if err := errors.Join(store.Migrate(ctx), makeTables(ctx, db, dialect)); err != nil {
		return nil, err
	}
	wake := make(chan struct{}, 1)
	live := store.NewLive(&connectorstore.LiveOptions{Wake: wake})
	if err := live.Sync(ctx); err != nil {
		return nil, err
	}
	a := &app{replica: name, origin: s.origin, people: &people{db, store.ClaimEndedSince}, live: live, log: log}
	a.flow, err = oidcsso.NewFlow(opts, live, &oidcsso.FlowOptions{Keys: s.sealKeys, Once: a.once})
	if err != nil {
		return nil, err
	}
	api := &admin{store: store, live: live, sso: opts, people: a.people, token: sha256.Sum256([]byte(s.adminToken)), log: log}
	r := &replica{store: store, live: live, people: a.people, handler: routes(name, a, api), close: db.Close}
	r.tasks.Go(func() { _ = live.Run(ctx) }) // it ends with ctx alone
	r.tasks.Go(func() { store.RunChecks(ctx) })
	if dialect == connectorstore.PostgreSQL {
		r.tasks.Go(func() { listen(ctx, s.database, wake, log) })
	}
	return r, nil
}

// routes is all of one replica, which says in each answer that it was the one.
func routes(name string, a *app, api *admin) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", a.routes())
	mux.Handle("/admin/", api.routes())
	mux.HandleFunc("GET /healthz", api.health)
	mux.HandleFunc("GET /readyz", api.ready)
	bounded := http.MaxBytesHandler(mux, 64<<10)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Replica", name)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		bounded.ServeHTTP(w, r)
	})
}

// end waits for what runs in the background, once its context has ended.
func (r *replica) end() error {
	r.tasks.Wait()
	return r.close()
}
