package oidcsso

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/oidcsso/oidcsso/internal/xaes"
)

// A sign-in under way is one cookie, named after its state, so that two tabs don't disturb each other. Under https the
// name begins with __Host-: no sibling domain can set or read it (RFC 6265bis, 4.1.3.2).

func (s site) secure() bool { return s.base.Scheme == "https" }

func (s site) cookiePrefix() string {
	if s.secure() {
		return s.hostPrefix
	}
	return s.plainPrefix
}

func (s site) cookieName(state string) string { return s.cookiePrefix() + state[:cookieIDLength] }

// isOurs also compares the length: "oidcsso-" begins the cookies of an application with the CookieName "oidcsso-admin" too.
func (s site) isOurs(name string) bool {
	return strings.HasPrefix(name, s.cookiePrefix()) && len(name) == len(s.cookiePrefix())+cookieIDLength //check:cookie-name
}

// maxCookie is what browsers keep of a cookie, name and value, in bytes (RFC 6265bis, 5.6).
const maxCookie = 4096

const stateLength = 22 // characters of 16 bytes in base64url

// sealContext is where a sealed cookie belongs: it opens at no other base URL and under no other name.
func (s site) sealContext(name string) []string { return []string{"flow", s.base.text, name} }

// setCookie seals the Login into a cookie, and drops the oldest ones if the browser has too many.
func (s site) setCookie(w http.ResponseWriter, r *http.Request, login *Login) error {
	name := s.cookieName(login.State())
	sealed, err := s.options.Keys[0].seal(login.marshal(xaes.NonceSize), s.sealContext(name)...)
	if err != nil {
		return err
	}
	if len(name)+len(sealed) > maxCookie { // only with a redirect URI of over 1000 bytes; browsers would drop it silently //check:cookie-size
		return errors.New("the redirect URI, the return target and the data are too long for a cookie")
	}
	for _, old := range s.surplus(r) {
		s.expireCookie(w, old)
	}
	s.sendCookie(w, name, sealed, loginLifetime)
	return nil
}

func (s site) expireCookie(w http.ResponseWriter, name string) { s.sendCookie(w, name, "", 0) }

// sendCookie writes the header itself, since http.SetCookie spends as long on looking for what must not be in it as sealing
// takes: a name is ours or one that net/http read as a token, and a value is base64url. Lax, since the callback is a
// navigation from another site.
func (s site) sendCookie(w http.ResponseWriter, name, value string, lifetime time.Duration) {
	end := "; HttpOnly; SameSite=Lax"
	if s.secure() {
		end = "; HttpOnly; Secure; SameSite=Lax"
	}
	w.Header().Add("Set-Cookie", name+"="+value+"; Path=/; Max-Age="+strconv.Itoa(int(lifetime.Seconds()))+end)
}

// surplus names the cookies to drop before one more is set: those that don't open, and the oldest beyond the limit.
func (s site) surplus(r *http.Request) []string {
	type pending struct {
		name  string
		login *Login
	}
	var drop []string
	var alive []pending
	looked := 0
	for _, cookie := range r.Cookies() {
		if !s.isOurs(cookie.Name) {
			continue
		}
		if looked++; looked > maxLooked { //check:cookie-flood
			break
		}
		login, err := openLogin(s.options.Keys, cookie.Value, s.sealContext(cookie.Name)...)
		if err != nil || s.env.now().After(login.expiry) {
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
func (s site) openCookie(r *http.Request, state []string) (*Login, error) {
	missing := func(why string) error { return newError(CodeLoginMissing, "", errors.New(why)) }
	if len(state) != 1 || len(state[0]) != stateLength { //check:state-shape
		return nil, missing("the response has no state of ours")
	}
	name := s.cookieName(state[0])
	cookies := r.CookiesNamed(name)
	if len(cookies) != 1 { //check:cookie-twice
		// Of two, one was planted, and nobody can tell which.
		return nil, missing("the browser did not send exactly one cookie for the state")
	}
	login, err := openLogin(s.options.Keys, cookies[0].Value, s.sealContext(name)...)
	if err != nil {
		return nil, missing("the cookie does not open")
	}
	if !sameText(state[0], login.State()) { //check:cookie-state
		return nil, missing("the cookie belongs to another state")
	}
	return login, nil
}
