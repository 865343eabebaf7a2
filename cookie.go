package oidcsso

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A sign-in under way is one cookie, named after its state, so that two tabs don't disturb each other. Under https the
// name begins with __Host-: no sibling domain can set or read it (RFC 6265bis, 4.1.3.2).

func (f *Flow) secure() bool { return f.env.base.Scheme == "https" }

func (f *Flow) cookiePrefix() string {
	if f.secure() {
		return "__Host-" + f.options.CookieName + "-"
	}
	return f.options.CookieName + "-"
}

func (f *Flow) cookieName(state string) string { return f.cookiePrefix() + state[:cookieIDLength] }

// isOurs also compares the length: "oidcsso-" begins the cookies of an application with the CookieName "oidcsso-admin" too.
func (f *Flow) isOurs(name string) bool {
	return strings.HasPrefix(name, f.cookiePrefix()) && len(name) == len(f.cookiePrefix())+cookieIDLength //check:cookie-name
}

// maxCookie is what browsers keep of a cookie, name and value, in bytes (RFC 6265bis, 5.6).
const maxCookie = 4096

const stateLength = 22 // characters of 16 bytes in base64url

// sealContext is where a sealed cookie belongs: it opens at no other base URL and under no other name.
func (f *Flow) sealContext(name string) []string { return []string{"flow", f.env.base.String(), name} }

// setCookie seals the Login into a cookie, and drops the oldest ones if the browser has too many.
func (f *Flow) setCookie(w http.ResponseWriter, r *http.Request, login *Login) error {
	name := f.cookieName(login.State())
	sealed, err := f.options.Keys[0].seal(login.marshal(), f.sealContext(name)...)
	if err != nil {
		return err
	}
	if len(name)+len(sealed) > maxCookie { // only with a redirect URI of over 1000 bytes; browsers would drop it silently //check:cookie-size
		return errors.New("the redirect URI, the return target and the data are too long for a cookie")
	}
	for _, old := range f.surplus(r) {
		f.expireCookie(w, old)
	}
	f.sendCookie(w, name, sealed, loginLifetime)
	return nil
}

func (f *Flow) expireCookie(w http.ResponseWriter, name string) { f.sendCookie(w, name, "", 0) }

// sendCookie writes the header itself: name and value are in the alphabet of base64url, and http.SetCookie spends as long
// on looking for what is not as sealing takes. Lax, since the callback is a navigation from another site.
func (f *Flow) sendCookie(w http.ResponseWriter, name, value string, lifetime time.Duration) {
	text := name + "=" + value + "; Path=/; Max-Age=" + strconv.Itoa(int(lifetime.Seconds())) + "; HttpOnly"
	if f.secure() {
		text += "; Secure"
	}
	w.Header().Add("Set-Cookie", text+"; SameSite=Lax")
}

// surplus names the cookies to drop before one more is set: those that don't open, and the oldest beyond the limit.
func (f *Flow) surplus(r *http.Request) []string {
	type pending struct {
		name  string
		login *Login
	}
	var drop []string
	var alive []pending
	looked := 0
	for _, cookie := range r.Cookies() {
		if !f.isOurs(cookie.Name) {
			continue
		}
		if looked++; looked > maxLooked { //check:cookie-flood
			break
		}
		login, err := openLogin(f.options.Keys, cookie.Value, f.sealContext(cookie.Name)...)
		if err != nil || f.env.now().After(login.expiry) {
			drop = append(drop, cookie.Name)
			continue
		}
		alive = append(alive, pending{cookie.Name, login})
	}
	// Newest first. Browsers send the oldest first (RFC 6265, 5.4), which tells apart what began in the same second.
	slices.Reverse(alive)
	slices.SortStableFunc(alive, func(a, b pending) int { return b.login.expiry.Compare(a.login.expiry) })
	for i := maxOutstanding - 1; i < len(alive); i++ {
		drop = append(drop, alive[i].name)
	}
	return drop
}

// openCookie finds the Login that the response's state names. Nothing else of the response is looked at before.
func (f *Flow) openCookie(r *http.Request, state []string) (*Login, error) {
	missing := func(why string) error { return newError(CodeLoginMissing, "", errors.New(why)) }
	if len(state) != 1 || len(state[0]) != stateLength { //check:state-shape
		return nil, missing("the response has no state of ours")
	}
	name := f.cookieName(state[0])
	cookies := r.CookiesNamed(name)
	if len(cookies) != 1 { //check:cookie-twice
		// Of two, one was planted, and nobody can tell which.
		return nil, missing("the browser did not send exactly one cookie for the state")
	}
	login, err := openLogin(f.options.Keys, cookies[0].Value, f.sealContext(name)...)
	if err != nil {
		return nil, missing("the cookie does not open")
	}
	if !sameText(state[0], login.State()) { //check:cookie-state
		return nil, missing("the cookie belongs to another state")
	}
	return login, nil
}
