package oidcsso_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/oidcssotest"
)

// A failure between here and the identity provider must not look like a forgery, nor a fault of its configuration like an
// outage.
func TestFinishWhileTheIdentityProviderFails(t *testing.T) {
	t.Parallel()
	anew := func(tr *trial) { tr.connector = tr.newConnector() } // a replica that knows nothing yet
	for _, row := range []struct {
		name   string
		during func(*oidcssotest.Faults)
		code   oidcsso.Code
		cause  string
		tokens int
	}{
		{"discovery is down", func(f *oidcssotest.Faults) { f.Discovery.Down = true }, oidcsso.CodeUnavailable, "status 503", 0},
		{"discovery moved", func(f *oidcssotest.Faults) { f.IssuerInDiscovery = "https://evil.example" }, oidcsso.CodeIssuerMismatch, "evil.example", 0},
		{"discovery is a page", func(f *oidcssotest.Faults) { f.Discovery.Handler = oidcssotest.Answer(200, "text/html", planted) }, oidcsso.CodeMetadataInvalid, "", 0},
		{"no client authentication fits any more", func(f *oidcssotest.Faults) {
			f.Metadata = func(m map[string]any) { m["token_endpoint_auth_methods_supported"] = []string{"private_key_jwt"} }
		}, oidcsso.CodeClientAuthMismatch, "private_key_jwt", 0},
		{"the token endpoint is down", func(f *oidcssotest.Faults) { f.Token.Down = true }, oidcsso.CodeUnavailable, "status 503", 1},
		{"the keys are down", func(f *oidcssotest.Faults) { f.JWKS.Down = true }, oidcsso.CodeUnavailable, "status 503", 1},
		{"the keys are gone", func(f *oidcssotest.Faults) { f.JWKS.Handler = oidcssotest.Answer(404, "text/html", planted) }, oidcsso.CodeUnavailable, "status 404", 1},
		{"the keys are a page", func(f *oidcssotest.Faults) { f.JWKS.Handler = oidcssotest.Answer(200, "text/html", planted) }, oidcsso.CodeUnavailable, "can't be used", 1},
		{"the keys are no key set", func(f *oidcssotest.Faults) {
			f.JWKS.Handler = oidcssotest.Answer(200, "application/json", `{"keys":"`+planted+`"}`)
		}, oidcsso.CodeUnavailable, "not a JSON Web Key Set", 1},
		{"the keys can be read in two ways", func(f *oidcssotest.Faults) {
			f.JWKS.Handler = oidcssotest.Answer(200, "application/json", `{"keys":[],"KEYS":[]}`)
		}, oidcsso.CodeUnavailable, "differ only in case", 1},
		{"there are no keys", func(f *oidcssotest.Faults) {
			f.JWKS.Handler = oidcssotest.Answer(200, "application/json", `{"keys":[]}`)
		}, oidcsso.CodeTokenRejected, "ID token: signature: ", 1},
		{"UserInfo is down", func(f *oidcssotest.Faults) { f.UserInfo.Down = true }, oidcsso.CodeUnavailable, "status 503", 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			tr := newTrial(t, "")
			tr.begin()
			tr.faults(row.during)
			anew(tr)
			id, err := tr.finish()
			tr.wantNoLeak(id, err)
			check := "token response" // where discovery stands, too
			switch {
			case strings.Contains(row.name, "keys"):
				check = "signature"
			case strings.Contains(row.name, "UserInfo"):
				check = "userinfo"
			}
			if e := finishError(t, err); e.Check != check {
				t.Errorf("the error is of the check %q, want %q", e.Check, check)
			} else if e.Code != row.code || e.Connector != "acme" || !strings.Contains(err.Error(), row.cause) {
				t.Errorf("got %v, want %s because of %q", err, row.code, row.cause)
			}
			tr.wantExchanges(row.tokens, tr.code())
		})
	}
}

var errGone = errors.New("the person closed the page")

// Whoever waits leaves at once; the error says that it is no statement about the identity provider, and keeps its cause.
func TestFinishEndsWithItsContext(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		end  func(tr *trial, cancel context.CancelCauseFunc)
		want error
	}{
		{"before discovery", func(tr *trial, cancel context.CancelCauseFunc) {
			tr.connector = tr.newConnector()
			cancel(errGone)
		}, errGone},
		{"at discovery", func(tr *trial, cancel context.CancelCauseFunc) {
			tr.connector = tr.newConnector()
			tr.endAt("/openid-configuration", cancel)
		}, errGone},
		{"at the token endpoint", func(tr *trial, cancel context.CancelCauseFunc) { tr.endAt("/token", cancel) }, context.Canceled},
		{"between the token response and the keys", func(tr *trial, cancel context.CancelCauseFunc) {
			tr.wire.edit = func(r *http.Response) {
				if strings.HasSuffix(r.Request.URL.Path, "/token") {
					r.Body = endingBody{r.Body, cancel}
				}
			}
		}, errGone},
		{"at the keys", func(tr *trial, cancel context.CancelCauseFunc) {
			tr.connector = tr.newConnector()
			tr.endAt("/jwks", cancel)
		}, errGone},
		{"at UserInfo", func(tr *trial, cancel context.CancelCauseFunc) { tr.endAt("/userinfo", cancel) }, context.Canceled},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			tr := newTrial(t, "")
			tr.begin()
			tr.wire.waitForKeys(t)
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			row.end(tr, cancel)
			tr.ctx = ctx
			id, err := tr.finish()
			tr.wantNoLeak(id, err)
			if e := finishError(t, err); e.Code != oidcsso.CodeUnavailable || !errors.Is(err, row.want) {
				t.Errorf("got %v, want unavailable because of %v", err, row.want)
			}
		})
	}
}

// endAt ends the context when the request comes, and answers as soon as that was noticed.
func (tr *trial) endAt(path string, cancel context.CancelCauseFunc) {
	released := make(chan struct{})
	tr.t.Cleanup(func() { close(released) })
	tr.wire.instead = func(r *http.Request) *http.Response {
		if !strings.HasSuffix(r.URL.Path, path) {
			return nil
		}
		cancel(errGone)
		select {
		case <-r.Context().Done():
		case <-released: // a fetch that goes on for others
		}
		return nil
	}
}

// endingBody ends the context when it was read.
type endingBody struct {
	io.ReadCloser
	cancel context.CancelCauseFunc
}

func (b endingBody) Close() error {
	b.cancel(errGone)
	return b.ReadCloser.Close()
}

// A time-out keeps its type up to the caller, who may want to know.
func TestFinishKeepsTheTypeOfATimeOut(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/token", "/userinfo"} {
		tr := newTrial(t, "")
		tr.begin()
		ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(time.Hour))
		defer cancel()
		tr.wire.instead = func(r *http.Request) *http.Response {
			if strings.HasSuffix(r.URL.Path, path) {
				cancel()
			}
			return nil
		}
		tr.ctx = ctx
		_, err := tr.finish()
		var timeout interface{ Timeout() bool }
		if e := finishError(t, err); e.Code != oidcsso.CodeUnavailable || !errors.As(err, &timeout) {
			t.Errorf("%s: got %v, want unavailable with a cause of the network's", path, err)
		}
	}
}

// The identity provider takes the code once; Finish says so, and never tries again by itself.
func TestCodeIsSentOnce(t *testing.T) {
	t.Parallel()
	tr := newTrial(t, "")
	tr.begin()
	if _, err := tr.finish(); err != nil {
		t.Fatal(err)
	}
	tr.wantExchanges(1, tr.code())
	id, err := tr.finish() // a reload of the page
	tr.wantNoLeak(id, err)
	if e := finishError(t, err); e.Code != oidcsso.CodeCodeRejected || e.Kind() != oidcsso.KindExpired {
		t.Errorf("got %v, want %s", err, oidcsso.CodeCodeRejected)
	}
	tr.wantExchanges(2, tr.code())
}

// How the client authenticates is chosen from discovery, never tried out.
func TestClientAuthenticationIsChosenNotTried(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name    string
		offered any
		method  string
		public  bool
	}{
		{"both offered", []string{"client_secret_post", "client_secret_basic"}, "client_secret_basic", false},
		{"post alone", []string{"private_key_jwt", "client_secret_post"}, "client_secret_post", false},
		{"nothing said, which means basic", nil, "client_secret_basic", false},
		{"a public client", []string{"client_secret_basic"}, "none", true},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			tr := newTrial(t, "")
			client := oidcssotest.Client{ID: tr.cfg.ClientID, Secret: tr.cfg.ClientSecret.Reveal(), RedirectURIs: []string{trialPlace}, AuthMethod: row.method}
			if row.public {
				tr.cfg.ClientSecret = oidcsso.Secret{}
			}
			tr.idp.AddClient(client)
			tr.faults(func(f *oidcssotest.Faults) {
				f.Metadata = func(m map[string]any) {
					if m["token_endpoint_auth_methods_supported"] = row.offered; row.offered == nil {
						delete(m, "token_endpoint_auth_methods_supported")
					}
				}
			})
			tr.begin()
			if _, err := tr.finish(); err != nil {
				t.Fatal(err)
			}
			tr.wantExchanges(1, tr.code())
		})
	}
}

// go-oidc looks at more of the payload than the contract names; what it finds is refused as well, and not quoted.
func TestWhatOnlyGoOIDCFinds(t *testing.T) {
	t.Parallel()
	for _, member := range []string{
		`"_claim_names":{"groups":"src1"}`, `"_claim_names":{"groups":"src1"},"_claim_sources":{"src2":{"endpoint":"` + planted + `"}}`,
		`"_claim_names":{"groups":""}`, `"_claim_names":"` + planted + `"`, `"_claim_names":{"groups":5}`, `"_claim_sources":["` + planted + `"]`,
		`"_claim_sources":{"src1":{"endpoint":5}}`,
	} {
		t.Run(member, func(t *testing.T) {
			t.Parallel()
			a := attack{name: member, code: oidcsso.CodeTokenRejected, cause: "ID token: go-oidc: ", check: "strict", before: payload(func(p string) string { return "{" + member + "," + p[1:] })}
			a.run(t, 21, "go-oidc")
		})
	}
}

// The Login goes on being the caller's: Finish changes nothing in it.
func TestFinishLeavesTheLoginAlone(t *testing.T) {
	t.Parallel()
	tr := newTrial(t, "")
	tr.begin()
	key := oidcsso.RandomSealKey()
	state, expires := tr.login.State(), tr.login.Expires()
	if _, err := tr.finish(); err != nil {
		t.Fatal(err)
	}
	if tr.login.State() != state || !tr.login.Expires().Equal(expires) || tr.login.ReturnTo() != "/inbox" || string(tr.login.Data()) != "tab 3" || tr.login.Connector() != "acme" {
		t.Errorf("the Login changed")
	}
	if _, err := tr.login.Seal(key); err != nil {
		t.Error(err)
	}
}
