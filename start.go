package oidcsso

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/oidcsso/oidcsso/internal/strictjson"
)

// startInput is what a start says.
type startInput struct{ email, connector, returnTo string }

const maxStartBody = 16 << 10

// readStart reads each parameter from one place, once: a request that a second parser could read as another one is refused.
func readStart(w http.ResponseWriter, r *http.Request) (startInput, error) {
	refuse := func(why string) (startInput, error) {
		return startInput{}, newError(CodeParamsInvalid, "", errors.New(why))
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil { //check:start-malformed
		return refuse("the query is malformed")
	}
	values := query
	switch r.Method {
	case http.MethodGet:
	case http.MethodPost:
		if len(query) > 0 { //check:start-two-places
			return refuse("a POST has its parameters in the body alone")
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxStartBody))
		if err != nil { //check:start-body
			return refuse("the body is too long or broke off")
		}
		if values, err = startValues(r, body); err != nil {
			return refuse(err.Error())
		}
	default:
		return refuse("the method is neither GET nor POST")
	}
	var in startInput
	for name, to := range map[string]*string{"email": &in.email, "connector": &in.connector, "return_to": &in.returnTo} {
		if len(values[name]) > 1 { //check:start-twice
			return refuse(name + " is there more than once")
		}
		*to = values.Get(name)
	}
	for name := range values {
		if lower := strings.ToLower(name); lower != name && (lower == "email" || lower == "connector" || lower == "return_to") { //check:start-spelling
			return refuse(lower + " is there in another spelling")
		}
	}
	switch {
	case in.email != "" && in.connector != "": //check:start-both
		return refuse("there are both an email and a connector")
	case in.email == "" && in.connector == "":
		return startInput{}, newError(CodeAddressMissing, "", nil)
	}
	return in, nil
}

func startValues(r *http.Request, body []byte) (url.Values, error) {
	if r.Header.Get("Content-Encoding") != "" { //check:start-encoding
		return nil, errors.New("the body is encoded")
	}
	switch media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); media {
	case "application/x-www-form-urlencoded":
		values, err := url.ParseQuery(string(body))
		if err != nil { //check:start-malformed
			return nil, errors.New("the form is malformed")
		}
		return values, nil
	case "application/json":
		object, err := strictjson.Parse(body)
		if err != nil { //check:start-json
			return nil, err
		}
		values := url.Values{}
		for _, name := range object.Names() {
			value, _ := object.Get(name)
			if s, ok := value.Text(); ok {
				values.Set(name, s)
			} else if value.Kind() != strictjson.Null { //check:start-types
				return nil, errors.New("a member is not a string")
			}
		}
		return values, nil
	}
	return nil, errors.New("the content type is neither a form nor JSON")
}

// wantsJSON says whether the caller is a program: it sent JSON, or accepts JSON and no pages.
func wantsJSON(r *http.Request) bool {
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	accept := r.Header.Get("Accept")
	return media == "application/json" || strings.Contains(accept, "application/json") && !strings.Contains(accept, "text/html")
}
