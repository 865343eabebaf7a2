package interop

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/oidcsso/oidcsso"

	"github.com/oidcsso/oidcsso/interop/internal/browser"
)

// glewlwyd has a sign-in page of JavaScript: the requests that its scripts send are sent here.
func glewlwyd() provider {
	return provider{
		name: "glewlwyd", apt: true,
		client:      client{"rp", "rp-secret"},
		post:        client{"rp", "rp-secret"},
		public:      client{id: "rp-public"},
		alice:       person{"alice", "alice-pw", "alice@example.com", ""},
		emailFrom:   oidcsso.FromIDToken,
		newSubjects: true,
		isLogin:     func(page *browser.Page) bool { return strings.HasSuffix(page.URL.Path, "/login.html") },
		login:       loginGlewlwyd,
		cant: map[string]string{
			"denied":             "its pages have no way to refuse",
			"unverified address": "it says nothing of an address being verified",
		},
	}
}

func loginGlewlwyd(ctx context.Context, b *browser.Browser, page *browser.Page, name, password string) (*browser.Page, error) {
	query := page.URL.Query()
	root := page.URL.Scheme + "://" + page.URL.Host
	send := func(method, path string, in any) (*browser.Page, error) {
		body, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		return b.Send(ctx, method, root+path, "application/json", string(body))
	}
	answer, err := send(http.MethodPost, "/api/auth/", map[string]string{"username": name, "password": password})
	if err != nil {
		return nil, err
	}
	if answer.Status == http.StatusUnauthorized {
		return page, nil // the script shows the same page with a message
	}
	answer, err = send(http.MethodPut, "/api/auth/grant/"+query.Get("client_id"), map[string]string{"scope": query.Get("scope")})
	if err != nil {
		return nil, err
	}
	if answer.Status != http.StatusOK {
		return nil, fmt.Errorf("the grant was answered with %d", answer.Status)
	}
	return b.Get(ctx, query.Get("callback_url")+"&g_continue")
}
