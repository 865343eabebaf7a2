package benchwork

import (
	"crypto/sha256"
	"time"
)

// Claims are those of an ordinary ID token.
type Claims struct {
	Issuer            string   `json:"iss"`
	Subject           string   `json:"sub"`
	Audience          string   `json:"aud"`
	Expiry            int64    `json:"exp"`
	IssuedAt          int64    `json:"iat"`
	AuthTime          int64    `json:"auth_time"`
	Nonce             string   `json:"nonce"`
	AccessTokenHash   string   `json:"at_hash,omitempty"`
	SessionID         string   `json:"sid"`
	ACR               string   `json:"acr"`
	AMR               []string `json:"amr"`
	Email             string   `json:"email"`
	EmailVerified     bool     `json:"email_verified"`
	Name              string   `json:"name"`
	GivenName         string   `json:"given_name"`
	FamilyName        string   `json:"family_name"`
	PreferredUsername string   `json:"preferred_username"`
	Groups            []string `json:"groups"`
}

// What every token is about.
const (
	Subject     = "00u1alice"
	Email       = "alice@acme.example"
	AccessToken = "2YotnFZFEjr1zCsicMWpAA-8xLOxBtZp8"
)

// NewClaims are Alice's, for an ID token that is signed now with a SHA-256 algorithm and lives for an hour.
func NewClaims(issuer, clientID, nonce string) Claims {
	now := time.Now().Unix()
	hash := sha256.Sum256([]byte(AccessToken))
	return Claims{
		Issuer: issuer, Subject: Subject, Audience: clientID, Expiry: now + 3600, IssuedAt: now, AuthTime: now - 60, Nonce: nonce,
		AccessTokenHash: encode(hash[:16]), SessionID: "D3ZXSQUBIBMLHQFHI5WWE6JFSG", ACR: "0", AMR: []string{"pwd"},
		Email: Email, EmailVerified: true, Name: "Alice Ames", GivenName: "Alice", FamilyName: "Ames",
		PreferredUsername: "alice", Groups: []string{"engineering", "admins"},
	}
}

// IDToken is an ID token for Alice. One by EdDSA has no at_hash: libraries disagree on its hash.
func (k *Key) IDToken(issuer, clientID, nonce string) string {
	claims := NewClaims(issuer, clientID, nonce)
	if k.Alg == "EdDSA" {
		claims.AccessTokenHash = ""
	}
	return k.Sign(claims)
}
