package main

import (
	"crypto/rand"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	sessionCookie    = "northwind_session"
	sessionLifetime  = 8 * time.Hour
	questionLifetime = 5 * time.Minute
)

// session is somebody signed in with one browser. Nobody has one before that, so there is none to fixate.
type session struct {
	person   person
	expiry   time.Time
	question *question
}

// question is a sign-in that finished while another person was signed in. It waits for an answer: the sign-in may have
// been started by a link that a stranger made.
type question struct {
	id     string // goes with the answer, so that an old page does not answer a new question
	person person
	expiry time.Time
}

// sessions is the table of sessions, by their random IDs.
type sessions struct {
	secure bool
	now    func() time.Time

	mu   sync.Mutex
	byID map[string]*session
}

func newSessions(origin string) *sessions {
	return &sessions{secure: strings.HasPrefix(origin, "https:"), now: time.Now, byID: map[string]*session{}}
}

// of gives a copy of the request's session; ok is false if it has none.
func (s *sessions) of(r *http.Request) (found session, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if current := s.find(r); current != nil {
		return *current, true
	}
	return session{}, false
}

// find gives the request's session, without a question that nobody answered in time. s.mu is held.
func (s *sessions) find(r *http.Request) *session {
	cookie, err := r.Cookie(sessionCookie)
	if err != nil {
		return nil
	}
	found := s.byID[cookie.Value]
	if found == nil || !s.now().Before(found.expiry) {
		return nil
	}
	if found.question != nil && !s.now().Before(found.question.expiry) {
		found.question = nil
	}
	return found
}

// start begins a session with a new ID and ends the one that there was.
func (s *sessions) start(w http.ResponseWriter, r *http.Request, p person) {
	id := rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget(r)
	maps.DeleteFunc(s.byID, func(_ string, old *session) bool { return !s.now().Before(old.expiry) })
	s.byID[id] = &session{person: p, expiry: s.now().Add(sessionLifetime)}
	s.setCookie(w, id, int(sessionLifetime.Seconds()))
}

// end signs out.
func (s *sessions) end(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget(r)
	s.setCookie(w, "", -1)
}

// forget drops the request's session. s.mu is held.
func (s *sessions) forget(r *http.Request) {
	if cookie, err := r.Cookie(sessionCookie); err == nil {
		delete(s.byID, cookie.Value)
	}
}

// ask lets the request's session wait for an answer.
func (s *sessions) ask(r *http.Request, p person) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if current := s.find(r); current != nil {
		current.question = &question{id: rand.Text(), person: p, expiry: s.now().Add(questionLifetime)}
	}
}

// answered takes the question with this ID back; ok is false if it is no longer asked.
func (s *sessions) answered(r *http.Request, id string) (p person, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	current := s.find(r)
	if current == nil || current.question == nil || current.question.id != id {
		return person{}, false
	}
	p = current.question.person
	current.question = nil
	return p, true
}

func (s *sessions) setCookie(w http.ResponseWriter, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name: sessionCookie, Value: value, Path: "/", MaxAge: maxAge,
		HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteLaxMode,
	})
}
