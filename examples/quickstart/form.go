package main

import (
	"errors"
	"mime"
	"net/http"
)

// loginForm is what the login handler gets.
type loginForm struct {
	email       string
	password    string
	hasPassword bool // also when it is empty
}

const maxForm = 16 << 10 // bytes

var errForm = errors.New("Please enter your email address in the form below.")

// readLoginForm is the only reader of the login form. A request that two readers could understand differently is refused:
// the email stands once, in the body, and nowhere else; so the address that single sign-on decides upon is the address
// whose password is compared.
func readLoginForm(w http.ResponseWriter, r *http.Request) (loginForm, error) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/x-www-form-urlencoded" || r.URL.RawQuery != "" {
		return loginForm{}, errForm
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return loginForm{}, errForm
	}
	for name, values := range r.PostForm {
		if name != "email" && name != "password" || len(values) != 1 {
			return loginForm{}, errForm
		}
	}
	if r.PostForm.Get("email") == "" {
		return loginForm{}, errForm
	}
	return loginForm{
		email:       r.PostForm.Get("email"),
		password:    r.PostForm.Get("password"),
		hasPassword: r.PostForm.Has("password"),
	}, nil
}
