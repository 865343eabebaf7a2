// Package backend is what the examples have in common, and what no migration changes: users, sessions and a start page.
package backend

import (
	"crypto/rand"
	"fmt"
	"maps"
	"net/http"
	"sync"
	"time"
)

// OldKey is how people were known before: goth's provider and UserID, or the issuer and the subject.
type OldKey struct{ Provider, UserID string }

// User is a row of the table of users. Key and ClaimID are the two new columns.
type User struct {
	ID            int
	Email         string
	EmailVerified bool   // a link that was mailed there came back
	Old           OldKey // empty if the person never came through an identity provider
	Key           string // AccountKey.String(), unique; empty until the first sign-in after the migration
	ClaimID       string // of Identity.Domain
}

// Backend has its tables in memory. The zero value is empty.
type Backend struct {
	mu       sync.Mutex
	users    []*User
	sessions map[string]int
}

// Find gives a copy of the first user that matches. Over a database it is a SELECT.
func (b *Backend) Find(match func(User) bool) (User, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, u := range b.users {
		if match(*u) {
			return *u, true
		}
	}
	return User{}, false
}

// Add stores a user under the next ID, unless another one has the same key. Over a database it is an INSERT.
func (b *Backend) Add(u User) (User, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, other := range b.users {
		if u.Key != "" && other.Key == u.Key {
			return User{}, false
		}
	}
	u.ID = len(b.users) + 1
	b.users = append(b.users, &u)
	return u, true
}

// Adopt gives the user with the old key a new one, unless the user has one already or the new one is taken:
//
//	UPDATE users SET sso_key = $1, sso_claim = $2 WHERE provider = $3 AND user_id = $4 AND sso_key IS NULL
//
// and a unique constraint on sso_key. It says nothing: who has not been adopted is not found by the key.
func (b *Backend) Adopt(old OldKey, key, claimID string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, u := range b.users {
		if u.Key == key {
			return
		}
	}
	for _, u := range b.users {
		if u.Old == old && u.Key == "" {
			u.Key, u.ClaimID = key, claimID
			return
		}
	}
}

// Link gives a user who had no key at all a first one, and ends the user's sessions. It says whether it could.
func (b *Backend) Link(id int, key, claimID string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, u := range b.users {
		if u.Key == key {
			return false
		}
	}
	for _, u := range b.users {
		if u.ID == id && u.Key == "" && u.Old == (OldKey{}) {
			u.Key, u.ClaimID = key, claimID
			maps.DeleteFunc(b.sessions, func(_ string, user int) bool { return user == id })
			return true
		}
	}
	return false
}

const cookieName = "shop_session"

// StartSession signs the browser in as the user.
func (b *Backend) StartSession(w http.ResponseWriter, id int) {
	token := rand.Text()
	b.mu.Lock()
	if b.sessions == nil {
		b.sessions = map[string]int{}
	}
	b.sessions[token] = id
	b.mu.Unlock()
	http.SetCookie(w, &http.Cookie{Name: cookieName, Value: token, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode,
		MaxAge: int((8 * time.Hour).Seconds())})
}

// Current is the user who is signed in; its ID is 0 if nobody is.
func (b *Backend) Current(r *http.Request) User {
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return User{}
	}
	b.mu.Lock()
	id := b.sessions[cookie.Value]
	b.mu.Unlock()
	user, _ := b.Find(func(u User) bool { return id != 0 && u.ID == id })
	return user
}

// Home greets who is signed in.
func (b *Backend) Home(w http.ResponseWriter, r *http.Request) {
	if u := b.Current(r); u.ID != 0 {
		fmt.Fprintf(w, "account %d", u.ID)
		return
	}
	fmt.Fprint(w, "nobody is signed in")
}
