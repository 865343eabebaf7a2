package egress_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/oidcsso/oidcsso/internal/egress"
	"github.com/oidcsso/oidcsso/internal/strictjson"
)

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	target, arrived := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{}`)
	})
	for _, status := range []int{301, 302, 303, 307, 308} {
		source, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", target.URL)
			w.Header().Set("Content-Type", r.URL.Query().Get("type"))
			w.WriteHeader(status)
			io.WriteString(w, `{"access_token":"MARKER"}`)
		})
		c := loopbackClient()

		var failed *egress.StatusError
		_, err := get(t.Context(), c, source.URL)
		if !errors.As(err, &failed) || failed.Status != status {
			t.Fatalf("GET %d: got %v, want a StatusError with it", status, err)
		}
		mustContain(t, err, "redirect")
		mustNotContain(t, err, "MARKER", target.URL)
		if _, err := post(t.Context(), c, source.URL+"?type=text/html"); !errors.As(err, &failed) || failed.Status != status {
			t.Errorf("POST %d: got %v, want a StatusError with it", status, err)
		}

		// A redirect that looks like a token response reaches the caller as what it is, a failure.
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, source.URL+"?type=application/json", strings.NewReader("code=1"))
		resp, err := c.Do(req)
		if err != nil {
			t.Fatalf("POST %d: %v", status, err)
		}
		resp.Body.Close()
		if resp.StatusCode != status {
			t.Errorf("POST %d: got status %d", status, resp.StatusCode)
		}
	}
	if n := arrived.Load(); n != 0 {
		t.Errorf("%d requests were redirected, with the secret in them", n)
	}
}

func TestDocuments(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name        string
		status      int
		contentType string
		body        string
		wantStatus  int    // of a StatusError; 0: none
		wantReason  string // of a strictjson.Error; "": none
	}{
		{"JSON", 200, "application/json", `{"a":[1]}`, 0, ""},
		{"JSON of any media type", 200, "text/html", `{"a":1}`, 0, ""},
		{"JSON without a media type", 200, "", `{"a":1}`, 0, ""},
		{"JSON that is no object", 200, "application/json", `[]`, 0, ""},
		{"nothing", 200, "application/json", ``, 0, strictjson.ReasonEmpty},
		{"HTML", 200, "text/html", `<!doctype html>MARKER`, 0, strictjson.ReasonNoValue},
		{"a key twice", 200, "application/json", `{"issuer":"MARKER","issuer":"b"}`, 0, strictjson.ReasonDuplicateKey},
		{"a key in two cases", 200, "application/json", `{"issuer":"MARKER","ISSUER":"b"}`, 0, strictjson.ReasonKeyCollision},
		{"a key twice further down", 200, "application/json", `{"a":[{"b":1,"b":2}]}`, 0, strictjson.ReasonDuplicateKey},
		{"a lone surrogate", 200, "application/json", `{"a":"\ud800MARKER"}`, 0, strictjson.ReasonLoneSurrogate},
		{"invalid UTF-8", 200, "application/json", "{\"a\":\"MARKER\xff\"}", 0, strictjson.ReasonInvalidUTF8},
		{"two documents", 200, "application/json", `{"a":1}{"MARKER":2}`, 0, strictjson.ReasonTrailingData},
		{"a byte order mark", 200, "application/json", "\xef\xbb\xbf{}", 0, strictjson.ReasonByteOrderMark},
		{"a JSON answer with status 404", 404, "application/json", `{"MARKER":1}`, 404, ""},
		{"an HTML answer with status 500", 500, "text/html", `MARKER`, 500, ""},
		{"JSON with status 201", 201, "application/json", `{"MARKER":1}`, 201, ""},
		{"no content", 204, "", ``, 204, ""},
		{"a rate limit", 429, "text/plain", `MARKER`, 429, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			c := client(fake(func(*http.Request) (*http.Response, error) { return answer(row.status, row.contentType, row.body), nil }))
			body, err := get(t.Context(), c, "https://idp.example/")
			checkFailure(t, err, row.wantStatus, row.wantReason)
			if err == nil && body != row.body {
				t.Errorf("got %q", body)
			}
		})
	}
}

// checkFailure compares a failure with what a row wants, and that it quotes nothing of the answer.
func checkFailure(t *testing.T, err error, wantStatus int, wantReason string) {
	t.Helper()
	var status *egress.StatusError
	var body *egress.BodyError
	var syntax *strictjson.Error
	switch {
	case err == nil && (wantStatus != 0 || wantReason != ""):
		t.Errorf("there is no error, want status %d or reason %q", wantStatus, wantReason)
	case err == nil:
	case wantStatus != 0 && (!errors.As(err, &status) || status.Status != wantStatus):
		t.Errorf("got %v, want a StatusError with %d", err, wantStatus)
	case wantReason != "" && (!errors.As(err, &body) || !errors.As(err, &syntax) || syntax.Reason != wantReason):
		t.Errorf("got %v, want a BodyError around %q", err, wantReason)
	case wantStatus == 0 && wantReason == "":
		t.Errorf("got %v", err)
	}
	if err != nil {
		mustNotContain(t, err, "MARKER")
	}
}

func TestTokenResponses(t *testing.T) {
	t.Parallel()
	const jsonType = "application/json"
	for _, row := range []struct {
		name        string
		status      int
		contentType string
		body        string
		want        string // the body that is let through
		wantStatus  int
		wantReason  string
	}{
		{"all members", 200, jsonType, `{"access_token":"a","token_type":"Bearer","refresh_token":"r","expires_in":3600,"scope":"openid","id_token":"i"}`,
			`{"access_token":"a","token_type":"Bearer","refresh_token":"r","expires_in":3600,"id_token":"i"}`, 0, ""},
		{"a media type with parameters, in upper case", 200, "Application/JSON; charset=UTF-8", `{"access_token":"a"}`, `{"access_token":"a"}`, 0, ""},
		{"members that nobody reads", 200, jsonType, `{"x":1,"access_token":"a","not-before-policy":0,"session_state":"s"}`, `{"access_token":"a"}`, 0, ""},
		{"a member in another case", 200, jsonType, `{"ACCESS_TOKEN":"evil","Id_Token":"evil"}`, `{}`, 0, ""},
		{"a member in two cases", 200, jsonType, `{"access_token":"MARKER","Access_Token":"evil"}`, "", 0, strictjson.ReasonKeyCollision},
		{"a member twice", 200, jsonType, `{"id_token":"MARKER","id_token":"evil"}`, "", 0, strictjson.ReasonDuplicateKey},
		{"an escaped name", 200, jsonType, `{"access\u005ftoken":"a"}`, `{"access_token":"a"}`, 0, ""},
		{"members of other types", 200, jsonType, `{"access_token":1,"id_token":["i"],"token_type":null,"refresh_token":{},"scope":true}`, `{}`, 0, ""},
		{"no object", 200, jsonType, `["MARKER"]`, "", 0, strictjson.ReasonNotObject},
		{"nothing", 200, jsonType, ``, "", 0, strictjson.ReasonEmpty},
		{"a form", 200, "application/x-www-form-urlencoded", `access_token=MARKER&id_token=i`, "", -1, ""},
		{"JSON as text", 200, "text/plain", `{"access_token":"MARKER"}`, "", -1, ""},
		{"HTML", 200, "text/html", `MARKER`, "", -1, ""},
		{"no media type", 200, "", `{"access_token":"MARKER"}`, "", -1, ""},
		{"a malformed media type", 200, "application/json; =", `{"access_token":"MARKER"}`, "", -1, ""},
		{"another JSON type", 200, "application/jwt", `{"access_token":"MARKER"}`, "", -1, ""},
		{"an OAuth error", 400, jsonType, `{"error":"invalid_grant","error_description":"MARKER","error_uri":"https://MARKER.example"}`, `{"error":"invalid_grant"}`, 0, ""},
		{"an OAuth error without JSON", 400, "text/html", `MARKER`, "", 400, ""},
		{"an OAuth error in ambiguous JSON", 401, jsonType, `{"error":"MARKER","error":"b"}`, "", 401, ""},
		{"an error of a server", 502, "text/html", `MARKER`, "", 502, ""},
		{"an error with status 200", 200, jsonType, `{"error":"invalid_client"}`, `{"error":"invalid_client"}`, 0, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			c := client(fake(func(*http.Request) (*http.Response, error) { return answer(row.status, row.contentType, row.body), nil }))
			body, err := post(t.Context(), c, "https://idp.example/token")
			if row.wantStatus == -1 { // another media type
				var refused *egress.BodyError
				if !errors.As(err, &refused) {
					t.Fatalf("got %q, %v, want a BodyError", body, err)
				}
				mustContain(t, err, "content type")
				mustNotContain(t, err, "MARKER")
				return
			}
			checkFailure(t, err, row.wantStatus, row.wantReason)
			if body != row.want {
				t.Errorf("got %s\nwant %s", body, row.want)
			}
		})
	}
}

func TestMediaTypeIsKeptForTheCaller(t *testing.T) {
	t.Parallel()
	c := client(fake(func(*http.Request) (*http.Response, error) {
		return answer(http.StatusOK, "Application/JWT; charset=utf-8", "eyJh.eyJz.c2ln"), nil
	}))
	_, err := get(t.Context(), c, "https://idp.example/userinfo")
	var body *egress.BodyError
	if !errors.As(err, &body) || body.ContentType != "application/jwt" {
		t.Errorf("got %+v, want a BodyError with application/jwt", body)
	}
}

// x/oauth2 gives up at an expires_in that is no integer; some servers send one.
func TestExpiresIn(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		`3600`:                   `{"expires_in":3600}`,
		`"3600"`:                 `{"expires_in":3600}`,
		`3600.0`:                 `{"expires_in":3600}`,
		`3.6e3`:                  `{"expires_in":3600}`,
		`1e3`:                    `{"expires_in":1000}`,
		`"0003600"`:              `{"expires_in":3600}`, // x/oauth2 would call it an invalid number
		`"36\u00300"`:            `{"expires_in":3600}`,
		`1000000000`:             `{"expires_in":1000000000}`,
		`3600.5`:                 `{}`,
		`"3600.0"`:               `{}`,
		`"1e3"`:                  `{}`,
		`""`:                     `{}`,
		`" 3600"`:                `{}`,
		`"soon"`:                 `{}`,
		`null`:                   `{}`,
		`0`:                      `{}`,
		`-1`:                     `{}`,
		`"-1"`:                   `{}`,
		`1000000001`:             `{}`,
		`9223372036854775808`:    `{}`,
		`1e40`:                   `{}`,
		`"99999999999999999999"`: `{}`,
		`true`:                   `{}`,
		`[3600]`:                 `{}`,
		`{"a":1}`:                `{}`,
	} {
		c := client(fake(func(*http.Request) (*http.Response, error) {
			return answer(http.StatusOK, "application/json", `{"expires_in":`+raw+`}`), nil
		}))
		if got, err := post(t.Context(), c, "https://idp.example/token"); err != nil || got != want {
			t.Errorf("%s: got %s, %v, want %s", raw, got, err, want)
		}
	}
}

func TestLengthIsThatOfWhatIsLetThrough(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"access_token":"a","x":"`+strings.Repeat("x", 1000)+`"}`)
	}))
	t.Cleanup(server.Close)
	resp, err := loopbackClient().Post(server.URL, "application/x-www-form-urlencoded", strings.NewReader("a=b"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if want := int64(len(`{"access_token":"a"}`)); resp.ContentLength != want {
		t.Errorf("the length is %d, want %d", resp.ContentLength, want)
	}
}
