package interop

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/oidcsso/oidcsso"

	"github.com/oidcsso/oidcsso/interop/internal/browser"
)

const opSecret = "rp-secret-0123456789abcdef0123456789abcdef" // oidc-provider's clients have it

// providers are all that there are scripts for.
func providers() []provider {
	return []provider{keycloak(), hydra(), dex(), oidcProvider(), zitadelOIDC(), glewlwyd(), lemonLDAP()}
}

// shortSet are those whose first install takes least, the slowest first; four of them need neither root nor apt.
var shortSet = []string{"keycloak", "dex", "oidc-provider", "zitadel-oidc", "glewlwyd", "lemonldap-ng"}

func oidcProvider() provider {
	of := func(id string, taken bool) algorithm { return algorithm{client{id, opSecret}, taken} }
	return provider{
		name:      "oidc-provider",
		client:    client{"rp", opSecret},
		post:      client{"rp-post", opSecret},
		public:    client{id: "rp-public"},
		alice:     person{"alice", "any", "alice@example.com", "alice"},
		bob:       person{"bob", "any", "bob@example.com", "bob"},
		emailFrom: oidcsso.FromUserInfo,
		algorithms: map[string]algorithm{
			"ES256": of("rp-es256", true), "PS256": of("rp-ps256", true), "EdDSA": of("rp-eddsa", true),
			"HS256": of("rp-hs256", false), "encrypted with A256KW": of("rp-encrypted", false),
		},
		deny: func(ctx context.Context, _ *provider, b *browser.Browser, page *browser.Page) (*browser.Page, error) {
			for _, link := range page.Links() {
				if strings.HasSuffix(link.Path, "/abort") {
					return b.Get(ctx, link.String())
				}
			}
			return nil, fmt.Errorf("there is no link to cancel at %s", page.URL)
		},
		cant: map[string]string{"wrong password": "it does not look at the password"},
	}
}

func dex() provider {
	return provider{
		name:   "dex",
		client: client{"rp", "rp-secret"},
		post:   client{"rp", "rp-secret"},
		public: client{id: "rp-public"},
		alice: person{"alice@example.com", "alice-pw", "alice@example.com",
			"CiQ1YTBjM2IxZS0wMDAxLTQwMDAtODAwMC0wMDAwMDAwMDAwMDESBWxvY2Fs"},
		bob: person{"bob@example.com", "bob-pw", "bob@example.com",
			"CiQ1YTBjM2IxZS0wMDAyLTQwMDAtODAwMC0wMDAwMDAwMDAwMDISBWxvY2Fs"},
		emailFrom: oidcsso.FromIDToken,
		deny:      refuseAfterSignIn(1),
		denyEnds:  "Approval rejected",
	}
}

func hydra() provider {
	return provider{
		name:   "hydra",
		client: client{"rp", "rp-secret"},
		post:   client{"rp-post", "rp-secret"}, strictAuth: true,
		public:    client{id: "rp-public"},
		alice:     person{"alice", "alice-pw", "alice@example.com", "alice"},
		bob:       person{"bob", "bob-pw", "bob@example.com", "bob"},
		emailFrom: oidcsso.FromIDToken,
		oneTab:    "it knows the page that it opened last, and refuses the other one with request_forbidden",
		deny: func(ctx context.Context, _ *provider, b *browser.Browser, page *browser.Page) (*browser.Page, error) {
			f := loginForm(page)
			if f == nil {
				return nil, fmt.Errorf("%s has no sign-in form", page.URL)
			}
			return b.Submit(ctx, f, nil, button(f, 1))
		},
		rotate: func(ctx context.Context, w *world) error { // the newest key of the set signs
			admin := fmt.Sprintf("http://127.0.0.1:%d/admin/keys/hydra.openid.id-token", w.port+1)
			return post(ctx, admin, "", map[string]any{"alg": "RS256", "use": "sig", "kid": "rotated"})
		},
	}
}

func zitadelOIDC() provider {
	return provider{
		name: "zitadel-oidc", codeFirst: true,
		client:    client{"web", "secret"},
		public:    client{id: "native"},
		alice:     person{"alice", "alice-pw", "alice@example.com", "u1"},
		emailFrom: oidcsso.FromUserInfo,
		cant: map[string]string{
			"unverified address":    "it leaves email_verified out where it is false, and so says nothing",
			"denied":                "it has neither a page for consent nor a way to cancel",
			"client_secret_post":    "its clients are registered for client_secret_basic",
			"client for post alone": "its clients are registered for client_secret_basic",
		},
	}
}

func lemonLDAP() provider {
	return provider{
		name: "lemonldap-ng", apt: true,
		client:     client{"rp", "rp-secret"},
		post:       client{"rp", "rp-secret"},
		public:     client{id: "rp-public"},
		alice:      person{"dwho", "dwho", "dwho@badwolf.org", "dwho"},
		emailFrom:  oidcsso.FromUserInfo,
		loginField: "user",
		algorithms: map[string]algorithm{
			"HS256": {client{"rp-hs256", "rp-secret"}, false}, "none": {client{"rp-none", "rp-secret"}, false},
		},
		deny:   refuseLemonLDAP,
		oneTab: "it keeps one request for each browser, and answers the first one from the second page",
		cant:   map[string]string{"unverified address": "it says nothing of an address being verified"},
	}
}

// refuseLemonLDAP presses a button whose script puts "-" before a hidden field.
func refuseLemonLDAP(ctx context.Context, p *provider, b *browser.Browser, page *browser.Page) (*browser.Page, error) {
	page, err := p.signInAt(ctx, b, page, p.alice.name, p.alice.password)
	if err != nil {
		return nil, err
	}
	for _, f := range page.Forms() {
		if f.Values.Has("confirm") {
			return b.Submit(ctx, f, map[string]string{"confirm": "-" + f.Values.Get("confirm")}, nil)
		}
	}
	return nil, fmt.Errorf("%s has no page for consent", page.URL)
}

func keycloak() provider {
	of := func(id string, taken bool) algorithm { return algorithm{client{id, "rp-secret"}, taken} }
	return provider{
		name: "keycloak", own: true,
		client:    client{"rp", "rp-secret"},
		post:      client{"rp", "rp-secret"},
		public:    client{id: "rp-public"},
		alice:     person{"alice", "alice-pw", "alice@example.com", "5a0c3b1e-0001-4000-8000-000000000001"},
		bob:       person{"bob", "bob-pw", "bob@example.com", "5a0c3b1e-0002-4000-8000-000000000002"},
		emailFrom: oidcsso.FromIDToken,
		algorithms: map[string]algorithm{
			"ES256": of("rp-es256", true), "PS256": of("rp-ps256", true), "EdDSA": of("rp-eddsa", true), "HS256": of("rp-hs256", false),
		},
		deny:   refuseAfterSignIn(1),
		rotate: rotateKeycloak,
	}
}

// rotateKeycloak adds a key with a higher priority, as an administrator does in the console.
func rotateKeycloak(ctx context.Context, w *world) error {
	root, realm, _ := strings.Cut(w.issuer, "/realms/")
	b := browser.New("")
	page, err := b.PostForm(ctx, root+"/realms/master/protocol/openid-connect/token", url.Values{
		"grant_type": {"password"}, "client_id": {"admin-cli"}, "username": {"admin"}, "password": {"admin-pw"},
	})
	if err != nil {
		return err
	}
	var token struct {
		Access string `json:"access_token"`
	}
	if err := json.Unmarshal(page.Body, &token); err != nil || token.Access == "" {
		return fmt.Errorf("the administrator got no token: %d", page.Status)
	}
	return post(ctx, root+"/admin/realms/"+realm+"/components", token.Access, map[string]any{
		"name": "rotated", "providerId": "rsa-generated", "providerType": "org.keycloak.keys.KeyProvider",
		"config": map[string][]string{"priority": {"500"}, "algorithm": {"RS256"}},
	})
}

// post sends JSON to an administrator's interface.
func post(ctx context.Context, target, token string, in any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target, strings.NewReader(string(body)))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("%s answered %s", target, response.Status)
	}
	return nil
}
