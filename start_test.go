package oidcsso_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/oidcsso/oidcsso"
)

// Each row is a request in which a guard in front, or the code behind, could read another address or connector than we do.
func TestStartRefusesWhatCanBeReadTwice(t *testing.T) {
	t.Parallel()
	const (
		email    = "email=alice%40acme.test"
		jsonType = "application/json"
	)
	multipart := "--b\r\nContent-Disposition: form-data; name=\"email\"\r\n\r\nalice@acme.test\r\n--b--\r\n"
	h := newRoutes(t, func(ho *oidcsso.HandlerOptions) {
		ho.OnUnrouted = func(http.ResponseWriter, *http.Request, string) { t.Error("the password form was shown") }
	})
	for name, row := range map[string]struct {
		method, query, contentType, body string
		header                           http.Header
		code                             oidcsso.Code // default: params_invalid
	}{
		"email in query and body":               {method: "POST", query: email, contentType: formType, body: email},
		"email in the query of a POST":          {method: "POST", query: email, contentType: formType},
		"other things in the query of a POST":   {method: "POST", query: "x=y", contentType: formType, body: email},
		"JSON body, and a query":                {method: "POST", query: "connector=acme", contentType: jsonType, body: `{"email":"alice@acme.test"}`},
		"email twice in the query":              {method: "GET", query: email + "&email=carol@free.test"},
		"the same email twice":                  {method: "GET", query: email + "&" + email},
		"email twice, once empty":               {method: "GET", query: "email=&" + email},
		"email twice in the form":               {method: "POST", contentType: formType, body: email + "&email=carol%40free.test"},
		"connector twice":                       {method: "GET", query: "connector=acme&connector=acme"},
		"return_to twice":                       {method: "GET", query: "connector=acme&return_to=/a&return_to=/b"},
		"EMAIL beside email":                    {method: "GET", query: email + "&EMAIL=carol@free.test"},
		"EMAIL alone":                           {method: "GET", query: "EMAIL=alice@acme.test"},
		"Email in the form":                     {method: "POST", contentType: formType, body: email + "&Email=carol%40free.test"},
		"Return_To":                             {method: "GET", query: "connector=acme&Return_To=/a"},
		"email and connector":                   {method: "GET", query: email + "&connector=acme"},
		"email and connector in JSON":           {method: "POST", contentType: jsonType, body: `{"email":"alice@acme.test","connector":"acme"}`},
		"semicolon for a separator":             {method: "GET", query: "a=b;" + email},
		"malformed escape in the query":         {method: "GET", query: email + "&x=%zz"},
		"semicolon in the form":                 {method: "POST", contentType: formType, body: "a=b;" + email},
		"malformed escape in the form":          {method: "POST", contentType: formType, body: email + "&x=%"},
		"multipart":                             {method: "POST", contentType: "multipart/form-data; boundary=b", body: multipart},
		"multipart called a form":               {method: "POST", contentType: formType, body: multipart},
		"two JSON documents":                    {method: "POST", contentType: jsonType, body: `{"email":"alice@acme.test"}{"email":"carol@free.test"}`},
		"data behind the JSON":                  {method: "POST", contentType: jsonType, body: `{"email":"alice@acme.test"} x`},
		"JSON as text":                          {method: "POST", contentType: "text/plain", body: `{"email":"alice@acme.test"}`},
		"JSON as a form":                        {method: "POST", contentType: formType, body: `{"email":"alice@acme.test"}`, code: oidcsso.CodeAddressMissing},
		"JSON of another type":                  {method: "POST", contentType: "application/vnd.api+json", body: `{"email":"alice@acme.test"}`},
		"form as JSON":                          {method: "POST", contentType: jsonType, body: email},
		"form as text":                          {method: "POST", contentType: "text/plain", body: email},
		"form without a type":                   {method: "POST", body: email},
		"form of a malformed type":              {method: "POST", contentType: ";;;", body: email},
		"XML":                                   {method: "POST", contentType: "application/xml", body: `<email>alice@acme.test</email>`},
		"JSON with a key twice":                 {method: "POST", contentType: jsonType, body: `{"email":"alice@acme.test","email":"carol@free.test"}`},
		"JSON with a key twice, once escaped":   {method: "POST", contentType: jsonType, body: `{"email":"alice@acme.test","\u0065mail":"carol@free.test"}`},
		"JSON with a key in two cases":          {method: "POST", contentType: jsonType, body: `{"email":"alice@acme.test","EMAIL":"carol@free.test"}`},
		"JSON with a key in upper case":         {method: "POST", contentType: jsonType, body: `{"EMAIL":"alice@acme.test"}`},
		"JSON array":                            {method: "POST", contentType: jsonType, body: `["alice@acme.test"]`},
		"JSON array of objects":                 {method: "POST", contentType: jsonType, body: `[{"email":"alice@acme.test"}]`},
		"JSON string":                           {method: "POST", contentType: jsonType, body: `"alice@acme.test"`},
		"JSON null":                             {method: "POST", contentType: jsonType, body: `null`},
		"email an array":                        {method: "POST", contentType: jsonType, body: `{"email":["alice@acme.test"]}`},
		"email an object":                       {method: "POST", contentType: jsonType, body: `{"email":{"$ne":""}}`},
		"email a number":                        {method: "POST", contentType: jsonType, body: `{"email":7}`},
		"email true":                            {method: "POST", contentType: jsonType, body: `{"email":true}`},
		"another member an array":               {method: "POST", contentType: jsonType, body: `{"email":"alice@acme.test","x":[]}`},
		"JSON with a lone surrogate":            {method: "POST", contentType: jsonType, body: `{"email":"alice@acme.test\ud800"}`},
		"JSON with invalid UTF-8":               {method: "POST", contentType: jsonType, body: "{\"email\":\"alice\xff@acme.test\"}"},
		"JSON with a byte order mark":           {method: "POST", contentType: jsonType, body: "\ufeff{\"email\":\"alice@acme.test\"}"},
		"JSON in UTF-16":                        {method: "POST", contentType: jsonType + "; charset=utf-16", body: "{\x00\"\x00e\x00"},
		"JSON that is empty":                    {method: "POST", contentType: jsonType},
		"JSON nested deep":                      {method: "POST", contentType: jsonType, body: strings.Repeat(`{"a":`, 1000) + "1" + strings.Repeat("}", 1000)},
		"body said to be gzip":                  {method: "POST", contentType: formType, body: email, header: http.Header{"Content-Encoding": {"gzip"}}},
		"body said to be encoded as it is":      {method: "POST", contentType: formType, body: email, header: http.Header{"Content-Encoding": {"identity"}}},
		"a form of 16 KiB and a byte":           {method: "POST", contentType: formType, body: email + "&x=" + strings.Repeat("x", 16<<10-len(email)-2)},
		"a JSON document of a megabyte":         {method: "POST", contentType: jsonType, body: `{"email":"alice@acme.test","x":"` + strings.Repeat("x", 1<<20) + `"}`},
		"PUT":                                   {method: "PUT", contentType: formType, body: email},
		"PUT with a query":                      {method: "PUT", query: email},
		"PATCH":                                 {method: "PATCH", contentType: jsonType, body: `{"email":"alice@acme.test"}`},
		"DELETE":                                {method: "DELETE", query: email},
		"HEAD":                                  {method: "HEAD", query: email},
		"OPTIONS":                               {method: "OPTIONS", query: email},
		"get in lower case":                     {method: "get", query: email},
		"email in the body of a GET":            {method: "GET", contentType: formType, body: email, code: oidcsso.CodeAddressMissing},
		"email in the body of a GET, as JSON":   {method: "GET", contentType: jsonType, body: `{"email":"alice@acme.test"}`, code: oidcsso.CodeAddressMissing},
		"email in a header":                     {method: "GET", header: http.Header{"Email": {"alice@acme.test"}}, code: oidcsso.CodeAddressMissing},
		"email in brackets":                     {method: "GET", query: "email[]=alice@acme.test", code: oidcsso.CodeAddressMissing},
		"email with a null byte behind":         {method: "GET", query: email + "%00", code: oidcsso.CodeAddressInvalid},
		"email with another behind a comma":     {method: "GET", query: email + "%2Ccarol@free.test", code: oidcsso.CodeAddressInvalid},
		"email of a megabyte":                   {method: "GET", query: "email=" + strings.Repeat("a", 1<<20) + "@acme.test", code: oidcsso.CodeAddressInvalid},
		"method changed by a header":            {method: "PUT", query: email, header: http.Header{"X-Http-Method-Override": {"GET"}}},
		"a form whose type stands twice in one": {method: "POST", contentType: formType + ", " + jsonType, body: email},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := acceptsJSON(startRequest(row.method, row.query, row.contentType, row.body))
			for header, values := range row.header {
				r.Header[header] = values
			}
			code := row.code
			if code == "" {
				code = oidcsso.CodeParamsInvalid
			}
			w := h.serve(r)
			h.wantRefused(w, code, http.StatusBadRequest)
			if strings.Contains(w.Body.String(), ".example") || strings.Contains(w.Body.String(), "@") { // the random id may have letters of a name
				t.Errorf("the answer repeats the request: %s", w.Body)
			}
		})
	}
	t.Cleanup(func() {
		if n := h.idp.Requests(); n != (struct{ Discovery, JWKS, Authorize, SignIn, Token, UserInfo, EndSession int }{}) {
			t.Errorf("something was begun: %+v", n)
		}
	})
}

// What is at the bound passes.
func TestStartOfSixteenKilobytes(t *testing.T) {
	t.Parallel()
	h := newRoutes(t, nil)
	body := "connector=acme&x="
	h.wantStarted(h.serve(startRequest("POST", "", formType, body+strings.Repeat("x", 16<<10-len(body)))))
}

// endless is a body without an end, which says how much of it was read.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	e.read += len(p)
	return copy(p, bytes.Repeat([]byte("x"), len(p))), nil
}

func (*endless) Close() error { return nil }

func TestStartReadsNoEndlessBody(t *testing.T) {
	t.Parallel()
	h := newRoutes(t, nil)
	for _, contentType := range []string{formType, "application/json"} {
		r := acceptsJSON(startRequest("POST", "", contentType, ""))
		body := &endless{}
		r.Body, r.ContentLength = body, -1
		h.wantRefused(h.serve(r), oidcsso.CodeParamsInvalid, 400)
		if body.read > 64<<10 {
			t.Errorf("%d bytes were read", body.read)
		}
	}
	r := acceptsJSON(startRequest("POST", "", formType, ""))
	r.Body = io.NopCloser(io.MultiReader(strings.NewReader("connector=acme"), brokenOff{}))
	h.wantRefused(h.serve(r), oidcsso.CodeParamsInvalid, 400)
}

type brokenOff struct{}

func (brokenOff) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestWhoGetsJSON(t *testing.T) {
	t.Parallel()
	h := newRoutes(t, nil)
	for name, row := range map[string]struct {
		contentType, accept string
		json                bool
	}{
		"a browser's form":               {formType, "text/html,application/xhtml+xml,*/*;q=0.8", false},
		"anything":                       {formType, "*/*", false},
		"nothing said":                   {formType, "", false},
		"JSON accepted":                  {formType, "application/json", true},
		"JSON and others accepted":       {formType, "application/json, text/plain, */*", true},
		"JSON and pages accepted":        {formType, "text/html, application/json", false},
		"JSON sent":                      {"application/json", "", true},
		"JSON sent, with parameters":     {"application/json; charset=utf-8", "*/*", true},
		"JSON sent, though pages wanted": {"application/json", "text/html", true},
	} {
		t.Run(name, func(t *testing.T) {
			body := "email=nonsense"
			if row.contentType != formType {
				body = `{"email":"nonsense"}`
			}
			r := startRequest("POST", "", row.contentType, body)
			if row.accept != "" {
				r.Header.Set("Accept", row.accept)
			}
			w := h.serve(r)
			if row.json {
				h.wantRefused(w, oidcsso.CodeAddressInvalid, 400)
			} else {
				wantPage(t, w, 400, "That did not work", "Please enter a valid email address.", "/login")
			}
		})
	}
}
