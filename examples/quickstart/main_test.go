package main

import (
	"bufio"
	"context"
	"flag"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/oidcsso/oidcsso/oidcssotest"
)

// program runs as from the command line until the test ends, and then must end without an error.
func program(t *testing.T, env map[string]string, args ...string) (lines func() string, log *syncBuffer) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	reader, writer := io.Pipe()
	log = &syncBuffer{}
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, args, func(name string) string { return env[name] }, writer, log)
		writer.CloseWithError(io.EOF)
		ended <- err
	}()
	t.Cleanup(func() {
		stop()
		go io.Copy(io.Discard, reader)
		if err := <-ended; err != nil {
			t.Errorf("the program ended with %v", err)
		}
	})
	scanner := bufio.NewScanner(reader)
	return func() string {
		if !scanner.Scan() {
			t.Fatalf("the program says nothing more:\n%s", log)
		}
		return scanner.Text()
	}, log
}

func client(t *testing.T) *http.Client {
	c := oidcssotest.NewLocal("", "").HTTPClient()
	t.Cleanup(c.CloseIdleConnections)
	return c
}

func TestProgram(t *testing.T) {
	t.Parallel()
	lines, _ := program(t, nil, "-addr", "localhost:0")
	origin, ok := strings.CutPrefix(lines(), "Open ")
	if !ok || !strings.HasPrefix(origin, "http://localhost:") {
		t.Fatalf("it does not print the URL to open, but %q", origin)
	}
	b := &browser{&world{t: t, origin: strings.TrimSuffix(origin, "/")}, client(t)}
	b.get("/").contains(t, `name="email"`)
	start := b.submit("/login", "email", "alice@acme.test")
	if !strings.HasPrefix(start.location, origin+"idps/acme/authorize?") {
		t.Errorf("%d %s", start.status, start.location)
	}
	if a := b.submit("/login", "email", "nora@northwind.test", "password", "sunflower"); a.location != "/signed-in" {
		t.Errorf("the password of the guide does not fit: %d", a.status)
	}
}

func TestProgramWithARealIdP(t *testing.T) {
	t.Parallel()
	var idp *oidcssotest.IdP
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { idp.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	idp = oidcssotest.NewLocal(server.URL, "")
	idp.AddUser(oidcssotest.User{Subject: "7", Email: "kim@corp.test", Name: "Kim"})
	idp.Stop() // it starts nevertheless

	lines, log := program(t, map[string]string{"OIDC_CLIENT_SECRET": "s3cret"}, "-addr", "127.0.0.1:0",
		"-issuer", server.URL, "-client-id", "notes", "-domain", "corp.test,corp.example")
	callback, ok := strings.CutPrefix(lines(), "Callback URI: ")
	if !ok || !strings.HasSuffix(callback, "/sso/callback/main") {
		t.Fatalf("Callback URI %q", callback)
	}
	origin := strings.TrimSuffix(callback, "/sso/callback/main")
	if open := lines(); open != "Open "+origin+"/" {
		t.Errorf("%q", open)
	}
	b := &browser{&world{t: t, origin: origin}, client(t)}
	if a := b.submit("/login", "email", "kim@corp.test"); a.status != http.StatusServiceUnavailable {
		t.Fatalf("while it is down: %d", a.status)
	}
	idp.Start()
	idp.AddClient(oidcssotest.Client{ID: "notes", Secret: "s3cret", RedirectURIs: []string{callback}})
	start := b.submit("/login", "email", "kim@corp.test")
	for start.status == http.StatusServiceUnavailable { // the failure is remembered for half a second
		start = b.submit("/login", "email", "kim@corp.test")
	}
	back := b.read(idp.SignIn(t, b.client, start.location, "kim@corp.test"))
	if !strings.HasPrefix(back.location, callback+"?") {
		t.Fatalf("%d %s", back.status, back.location)
	}
	if done := b.get(strings.TrimPrefix(back.location, origin)); done.status != http.StatusSeeOther || b.me()["subject"] != "7" {
		t.Errorf("%d %s", done.status, done.body)
	}
	if a := b.submit("/login", "email", "lee@corp.example"); a.status != http.StatusSeeOther {
		t.Errorf("the second domain: %d", a.status)
	}
	if strings.Contains(log.String(), "s3cret") {
		t.Error("the secret is in the log")
	}
}

func TestCommandLinesThatAreRefused(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, want string
		args       []string
	}{
		{"issuer without domain", "-issuer needs -domain", []string{"-issuer", "https://idp.example.com"}},
		{"domain without issuer", "need -issuer", []string{"-domain", "corp.example"}},
		{"client without issuer", "need -issuer", []string{"-client-id", "x"}},
		{"all interfaces", "not on this machine", []string{"-addr", "0.0.0.0:0"}},
		{"another machine", "not on this machine", []string{"-addr", "example.com:80"}},
		{"no port", "missing port", []string{"-addr", "localhost"}},
		{"an argument", "unexpected argument", []string{"-addr", ":0", "serve"}},
		{"unknown flag", "not defined", []string{"-port", "80"}},
		{"no client ID", "client_id: is empty", []string{"-addr", ":0", "-issuer", "https://idp.example.com", "-domain", "corp.example"}},
		{"everybody's domain", "public mailbox provider", []string{"-addr", ":0", "-issuer", "https://idp.example.com", "-client-id", "x", "-domain", "gmail.com"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var printed strings.Builder
			err := run(t.Context(), test.args, func(string) string { return "" }, &printed, io.Discard)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
	if err := run(t.Context(), []string{"-h"}, func(string) string { return "" }, io.Discard, io.Discard); err != nil {
		t.Errorf("-h: %v", err)
	}
	if _, err := readSettings([]string{"-h"}, nil, io.Discard); err != flag.ErrHelp {
		t.Errorf("-h: %v", err)
	}
}

func TestOrigin(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		addr string
		port int // that was bound
		want string
	}{
		{"127.0.0.1:8080", 8080, "http://127.0.0.1:8080"}, {":0", 4711, "http://127.0.0.1:4711"}, {"127.0.0.2:0", 4711, "http://127.0.0.2:4711"},
		{"localhost:80", 80, "http://localhost"}, {"[::1]:8080", 8080, "http://[::1]:8080"}, {"[::1]:80", 80, "http://[::1]"},
	} {
		s, err := readSettings([]string{"-addr", test.addr}, func(string) string { return "" }, io.Discard)
		if got := s.origin(&net.TCPAddr{Port: test.port}); err != nil || got != test.want {
			t.Errorf("%s: %s %v", test.addr, got, err)
		}
	}
}

// People open localhost where the Callback URI says 127.0.0.1; cookies don't cross.
func TestAnotherNameOfTheMachine(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser()
	b.world = &world{t: t, origin: strings.Replace(w.origin, "127.0.0.1", "localhost", 1)}
	if a := b.get("//evil.test/x?y=1"); a.status != http.StatusSeeOther || a.location != w.origin+"//evil.test/x?y=1" {
		t.Errorf("%d %s", a.status, a.location)
	}
	if a := b.submit("/login", "email", "nora@northwind.test", "password", "sunflower"); a.status != http.StatusMisdirectedRequest {
		t.Errorf("%d", a.status)
	}
}

func TestInitials(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"": "", "  ": "", "Alice Ames": "AA", "émile": "É", "Ana Maria de Souza": "AS"} {
		if got := initials(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}
