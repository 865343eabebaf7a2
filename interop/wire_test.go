package interop

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

// wire looks at what the library sends to the identity provider, and can change one thing in what comes back.
type wire struct {
	next http.RoundTripper

	// authMethods, if set, replaces token_endpoint_auth_methods_supported in the discovery document: as an identity provider
	// would have it that offers only these. Everything else is the real one's.
	authMethods []string

	mu       sync.Mutex
	requests []tokenRequest
}

// tokenRequest is how the client proved itself in one request to the token endpoint.
type tokenRequest struct{ basic, post bool }

func (w *wire) wrap(next http.RoundTripper) http.RoundTripper {
	w.next = next
	return w
}

func (w *wire) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Method == http.MethodPost { // only the token endpoint gets any
		body, err := io.ReadAll(request.Body)
		if err != nil {
			return nil, err
		}
		request.Body.Close()
		request = request.Clone(request.Context())
		request.Body = io.NopCloser(bytes.NewReader(body))
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, err
		}
		_, _, basic := request.BasicAuth()
		w.mu.Lock()
		w.requests = append(w.requests, tokenRequest{basic: basic, post: form.Has("client_secret")})
		w.mu.Unlock()
	}
	response, err := w.next.RoundTrip(request)
	if err != nil || w.authMethods == nil || !strings.HasSuffix(request.URL.Path, "/.well-known/openid-configuration") {
		return response, err
	}
	return w.changed(response)
}

func (w *wire) changed(response *http.Response) (*http.Response, error) {
	defer response.Body.Close()
	var document map[string]any
	if err := json.NewDecoder(response.Body).Decode(&document); err != nil {
		return nil, err
	}
	document["token_endpoint_auth_methods_supported"] = w.authMethods
	body, err := json.Marshal(document)
	if err != nil {
		return nil, err
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	response.ContentLength = int64(len(body))
	response.Header.Del("Content-Length")
	return response, nil
}

// tokenRequests are those since the last call.
func (w *wire) tokenRequests() []tokenRequest {
	w.mu.Lock()
	defer w.mu.Unlock()
	requests := w.requests
	w.requests = nil
	return requests
}
