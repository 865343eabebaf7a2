package main

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/oidcsso/oidcsso"
)

const sessionLifetime = 8 * time.Hour

// cookieName begins with __Host- where that is possible: another application at a name above or below can then plant no session
// of its own here, in which people would enter what is theirs.
func (a *app) cookieName() string {
	if a.isSecure() {
		return "__Host-session"
	}
	return "session"
}

func (a *app) isSecure() bool { return strings.HasPrefix(a.origin, "https:") }

// session is somebody signed in with one browser, at whatever replica.
type session struct {
	person    person
	connector string // by which the person signed in; empty: another way
	exception string // the grant that let the person in; empty: none was needed
}

// session gives the request's session; ok is false if it has none, or none any more. It is asked anew at each request whether it may
// go on: a session outlives the moment at which its way in was closed. An error is "not known now", and ends nothing.
func (a *app) session(r *http.Request) (s session, ok bool, err error) {
	cookie, err := r.Cookie(a.cookieName())
	if err != nil {
		return session{}, false, nil
	}
	ctx := r.Context()
	var id string
	err = a.people.db.QueryRowContext(ctx, "SELECT person, connector, exception FROM sessions WHERE id = $1 AND expires > $2",
		hashOf(cookie.Value), time.Now().UnixMilli()).Scan(&id, &s.connector, &s.exception)
	if errors.Is(err, sql.ErrNoRows) {
		return session{}, false, nil
	}
	if err == nil {
		s.person, err = a.people.byID(ctx, id)
	}
	if err == nil {
		ok, err = a.goesOn(ctx, s)
	}
	if err != nil || ok {
		return s, ok, err
	}
	return session{}, false, a.endSession(ctx, r)
}

// goesOn says whether the way in by which the session began is still open.
func (a *app) goesOn(ctx context.Context, s session) (bool, error) {
	if s.connector != "" {
		connector, err := a.live.Connector(ctx, s.connector)
		if errors.Is(err, oidcsso.ErrNotFound) {
			return false, nil // deleted
		}
		if err != nil || connector.Disabled() {
			return false, err
		}
		if len(s.person.addresses) == 0 { // a guest: no address, and so no domain that could say otherwise
			return true, nil
		}
	}
	decision, err := a.flow.Decide(ctx, oidcsso.Attempt{
		Account: s.person.addresses, Method: oidcsso.MethodSession, BreakGlass: s.exception != "",
	})
	if err != nil {
		return false, err
	}
	if s.connector != "" && !decision.Allowed() {
		return decision.Connector.ID() == s.connector, nil // the one way in, by which the person came
	}
	return decision.Allowed() && decision.Grant == s.exception, nil
}

// start begins a session with a new ID and ends the one that there was. Anybody can make a link that starts a sign-in, so
// it must not replace another person silently.
func (a *app) start(w http.ResponseWriter, r *http.Request, s session) error {
	current, ok, err := a.session(r)
	if err != nil {
		return err
	}
	if ok && current.person.id != s.person.id {
		return oidcsso.Refuse("You are signed in as " + current.person.name + ". Sign out first, then sign in again.")
	}
	if err := a.endSession(r.Context(), r); err != nil {
		return err
	}
	cookie, now := newToken(), time.Now()
	if _, err := changed(r.Context(), a.people.db, "DELETE FROM sessions WHERE expires <= $1", now.UnixMilli()); err != nil {
		return err
	}
	_, err = changed(r.Context(), a.people.db, "INSERT INTO sessions (id, person, connector, exception, expires) VALUES ($1, $2, $3, $4, $5)",
		hashOf(cookie), s.person.id, s.connector, s.exception, now.Add(sessionLifetime).UnixMilli())
	if err != nil {
		return err
	}
	a.setCookie(w, cookie, int(sessionLifetime.Seconds()))
	return nil
}

func (a *app) endSession(ctx context.Context, r *http.Request) error {
	cookie, err := r.Cookie(a.cookieName())
	if err != nil {
		return nil
	}
	_, err = changed(ctx, a.people.db, "DELETE FROM sessions WHERE id = $1", hashOf(cookie.Value))
	return err
}

func (a *app) setCookie(w http.ResponseWriter, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name: a.cookieName(), Value: value, Path: "/", MaxAge: maxAge,
		HttpOnly: true, Secure: a.isSecure(), SameSite: http.SameSiteLaxMode,
	})
}

// once makes each callback single-use: of all replicas, one inserts the row.
func (a *app) once(ctx context.Context, id string, until time.Time) (bool, error) {
	if _, err := changed(ctx, a.people.db, "DELETE FROM used WHERE until < $1", time.Now().UnixMilli()); err != nil {
		return false, err
	}
	n, err := changed(ctx, a.people.db, "INSERT INTO used (id, until) VALUES ($1, $2) ON CONFLICT DO NOTHING", hashOf(id), until.UnixMilli())
	return n == 1, err
}
