package main

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/oidcsso/oidcsso/oidcssotest"
)

func TestMain(m *testing.M) {
	iterations = 1
	os.Exit(m.Run())
}

// world is the backend, the identity provider of acme.test, and a browser in which the page runs.
type world struct {
	t      *testing.T
	origin string
	app    *app
	idp    *oidcssotest.IdP
	client *http.Client
	log    *bytes.Buffer
}

func newWorld(t *testing.T) *world {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	w := &world{t: t, origin: "http://" + server.Listener.Addr().(*net.TCPAddr).String(), log: &bytes.Buffer{}}
	w.idp = oidcssotest.New(t, w.origin+ssoPath)
	w.idp.AddUser(oidcssotest.User{Subject: "00u1", Email: "alice@acme.test", Name: "Alice Ames"})
	w.client = w.idp.HTTPClient()
	opts := w.idp.Options()
	opts.Logger = slog.New(slog.NewTextHandler(w.log, nil))
	var err error
	if w.app, err = newApp(opts, w.idp.Config("acme", "acme.test")); err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = w.app.routes()
	server.Start()
	t.Cleanup(server.Close)
	return w
}

// reply is what the API answers: every member of every answer.
type reply struct {
	status                         int
	Method, URL, Token             string
	Code, Message, ID, Name, Email string
}

// fetch is the page's call; header may be nil.
func (w *world) fetch(method, path, body string, header http.Header) reply {
	w.t.Helper()
	request, err := http.NewRequest(method, w.origin+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	if header == nil {
		header = http.Header{"Content-Type": {"application/json"}, "Sec-Fetch-Site": {"same-origin"}, "Sec-Fetch-Mode": {"cors"}, "Origin": {w.origin}}
	}
	request.Header = header
	response, err := w.client.Do(request)
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	answer := reply{status: response.StatusCode}
	var members map[string]any
	if response.StatusCode == http.StatusNoContent {
		return answer
	}
	if err := json.Unmarshal(text, &members); err != nil || !strings.HasPrefix(response.Header.Get("Content-Type"), "application/json") {
		w.t.Fatalf("%s %s answered %s, not JSON: %q", method, path, response.Status, text)
	}
	for name, to := range map[string]*string{"method": &answer.Method, "url": &answer.URL, "token": &answer.Token, "code": &answer.Code,
		"message": &answer.Message, "name": &answer.Name, "email": &answer.Email} {
		*to, _ = members[name].(string)
	}
	answer.ID, _ = members["id"].(string)
	if answer.status >= 400 && (answer.Code == "" || answer.Message == "") {
		w.t.Errorf("%s %s answered %d in another shape: %s", method, path, answer.status, text)
	}
	return answer
}

func (w *world) post(path, body string) reply {
	w.t.Helper()
	return w.fetch(http.MethodPost, path, body, nil)
}

// me is the address of who is signed in; empty if nobody is.
func (w *world) me() string {
	w.t.Helper()
	return w.fetch(http.MethodGet, "/api/me", "", nil).Email
}

// begin is the page's first call for alice, who is sent to the identity provider.
func (w *world) begin(next string) (url string) {
	w.t.Helper()
	answer := w.post("/api/login", `{"email":"alice@acme.test","next":"`+next+`"}`)
	if answer.status != http.StatusOK || answer.Method != "sso" || !strings.HasPrefix(answer.URL, w.idp.Issuer()+"/authorize?") {
		w.t.Fatalf("login answered %+v", answer)
	}
	return answer.URL
}
