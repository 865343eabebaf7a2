package oidcssotest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"time"
)

// session is somebody who signed in at the identity provider in one browser.
type session struct {
	id       string // the sid claim, which is not the cookie
	subject  string
	authTime time.Time
	expiry   time.Time
}

// cookieName differs between identity providers, because cookies don't keep the ports of one host apart.
func (p *IdP) cookieName() string {
	sum := sha256.Sum256([]byte(p.issuer))
	return "idp_session_" + hex.EncodeToString(sum[:4])
}

// startSession remembers that the user has just proved themself.
func (p *IdP) startSession(w http.ResponseWriter, u User, now time.Time) session {
	started := session{id: rand.Text(), subject: u.Subject, authTime: now, expiry: now.Add(sessionLifetime)}
	value := rand.Text()
	p.mu.Lock()
	p.sessions[value] = &started
	p.mu.Unlock()
	p.setCookie(w, value, 0)
	return started
}

// session is the one of this browser, if it has one.
func (p *IdP) session(r *http.Request, now time.Time) (session, bool) {
	cookie, err := r.Cookie(p.cookieName())
	if err != nil {
		return session{}, false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	found, ok := p.sessions[cookie.Value]
	if !ok || !now.Before(found.expiry) {
		return session{}, false
	}
	return *found, true
}

// endSession forgets the session of this browser.
func (p *IdP) endSession(w http.ResponseWriter, r *http.Request) {
	if cookie, err := r.Cookie(p.cookieName()); err == nil {
		p.mu.Lock()
		delete(p.sessions, cookie.Value)
		p.mu.Unlock()
	}
	p.setCookie(w, "", -1)
}

func (p *IdP) setCookie(w http.ResponseWriter, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name: p.cookieName(), Value: value, Path: p.prefix + "/", MaxAge: maxAge,
		HttpOnly: true, Secure: strings.HasPrefix(p.issuer, "https:"), SameSite: http.SameSiteLaxMode,
	})
}
