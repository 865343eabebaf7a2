package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/bench/internal/steady"
)

// backendVariable tells the command to be the backend.
const backendVariable = "OIDCSSO_LOAD_BACKEND"

// customer is a connector as the backend is told of it.
type customer struct{ ID, Issuer, ClientID, Secret, Domain string }

// kept is what the backend keeps while nobody signs in.
type kept struct {
	Heap       uint64 // bytes
	Goroutines int
}

// serveBackend is the process under test: it prints its address, reads its customers and serves until its input ends.
func serveBackend(in io.Reader, out io.Writer) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	origin := "http://" + listener.Addr().String()
	fmt.Fprintln(out, origin)
	decoder := json.NewDecoder(in)
	var customers []customer
	if err := decoder.Decode(&customers); err != nil {
		return fmt.Errorf("reading the customers: %w", err)
	}
	handler, err := newBackend(origin, customers)
	if err != nil {
		return err
	}
	go func() {
		io.Copy(io.Discard, in)
		os.Exit(0) // whoever started this one has ended
	}()
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	return server.Serve(listener)
}

// newBackend is a backend that knows people by a cookie with their subject, which will do for a load test alone.
func newBackend(origin string, customers []customer) (http.Handler, error) {
	opts := &oidcsso.Options{
		BaseURL: origin + "/sso", Logger: slog.New(slog.DiscardHandler),
		Egress: oidcsso.Egress{InsecureAllowLoopback: true},
	}
	var configs []oidcsso.Config
	for _, c := range customers {
		configs = append(configs, oidcsso.Config{
			ID: c.ID, Issuer: c.Issuer, ClientID: c.ClientID, ClientSecret: oidcsso.NewSecret(c.Secret), Domains: oidcsso.AssertDomains(c.Domain),
		})
	}
	router := oidcsso.NewRouter(opts)
	if err := router.Replace(configs); err != nil {
		return nil, err
	}
	flow, err := oidcsso.NewFlow(opts, router, &oidcsso.FlowOptions{Keys: []oidcsso.SealKey{oidcsso.RandomSealKey()}})
	if err != nil {
		return nil, err
	}
	sso, err := oidcsso.NewHandler(flow, &oidcsso.HandlerOptions{
		OnSignIn: func(w http.ResponseWriter, r *http.Request, s *oidcsso.SignIn) error {
			http.SetCookie(w, &http.Cookie{Name: "person", Value: s.Identity.Subject, Path: "/", HttpOnly: true})
			http.Redirect(w, r, s.ReturnTo, http.StatusSeeOther)
			return nil
		},
		OnError: func(w http.ResponseWriter, _ *http.Request, e *oidcsso.Error) {
			http.Error(w, string(e.Code), e.HTTPStatus())
		},
	})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/sso/", sso)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		if person, err := r.Cookie("person"); err == nil {
			io.WriteString(w, person.Value)
		}
	})
	mux.HandleFunc("GET /kept", func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(kept{Heap: steady.Heap(), Goroutines: steady.Goroutines()})
	})
	return mux, nil
}

// backend is the process, from outside.
type backend struct {
	origin string
	cmd    *exec.Cmd
	stdin  io.WriteCloser
}

// startBackend starts it and waits for its address.
func startBackend() (*backend, error) {
	own, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(own)
	cmd.Env = append(os.Environ(), backendVariable+"=1")
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	b := &backend{cmd: cmd, stdin: stdin}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		b.stop()
		return nil, fmt.Errorf("the backend gave no address: %w", err)
	}
	b.origin = strings.TrimSpace(line)
	return b, nil
}

func (b *backend) configure(customers []customer) error {
	return json.NewEncoder(b.stdin).Encode(customers)
}

// kept asks while nobody signs in.
func (b *backend) kept() (kept, error) {
	resp, err := http.Get(b.origin + "/kept")
	if err != nil {
		return kept{}, err
	}
	defer resp.Body.Close()
	var k kept
	return k, json.NewDecoder(resp.Body).Decode(&k)
}

func (b *backend) stop() {
	b.stdin.Close()
	b.cmd.Wait()
}
