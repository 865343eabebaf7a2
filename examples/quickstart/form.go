package main

import (
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

// readLoginForm is the only reader of the login form. A request that two readers could understand differently is refused:
// the email stands once, in the body, and nowhere else; so the address that single sign-on decides upon is the address
// whose password is compared.
func readLoginForm(w http.ResponseWriter, r *http.Request) (form loginForm, ok bool) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/x-www-form-urlencoded" || r.URL.RawQuery != "" {
		return form, false
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return form, false
	}
	for name, values := range r.PostForm {
		if name != "email" && name != "password" || len(values) != 1 {
			return form, false
		}
	}
	form.email, form.password, form.hasPassword = r.PostForm.Get("email"), r.PostForm.Get("password"), r.PostForm.Has("password")
	return form, form.email != ""
}
