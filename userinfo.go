package oidcsso

import (
	"context"
	"errors"

	"golang.org/x/oauth2"

	"github.com/oidcsso/oidcsso/internal/egress"
	"github.com/oidcsso/oidcsso/internal/strictjson"
)

// addUserInfo is 22 of the contract: it asks UserInfo (OpenID Connect Core 1.0, 5.3) where that is needed. The request is our
// own, since go-oidc compares no sub and fails on "email_verified": null.
func (c *Connector) addUserInfo(ctx context.Context, md *keptMetadata, token *oauth2.Token, cl *claims) error {
	switch {
	case c.cfg.UserInfo == UserInfoNever:
		return nil
	case c.cfg.UserInfo == UserInfoWhenNeeded && !c.needsUserInfo(*cl):
		return nil
	case md.userInfoEndpoint == "" && c.cfg.UserInfo == UserInfoAlways: //check:userinfo-missing
		return newError(CodeUserInfoRejected, c.cfg.ID, errors.New("the identity provider has no UserInfo endpoint"))
	case md.userInfoEndpoint == "":
		return nil
	}
	body, err := c.provider().get(ctx, md.userInfoEndpoint, token.AccessToken)
	if err != nil {
		return c.userInfoError(err)
	}
	object, err := strictjson.Parse(body)
	if err != nil { //check:userinfo-subject
		return newError(CodeUserInfoRejected, c.cfg.ID, err)
	}
	// The access token could be somebody else's (5.3.2: sub must be there and must be the same).
	sub, _ := cl.idToken.Get("sub")
	subject, _ := sub.Text()
	if err := exactText(object, "sub", subject); err != nil { //check:userinfo-subject
		return newError(CodeUserInfoRejected, c.cfg.ID, err)
	}
	cl.userInfo = object
	return nil
}

// needsUserInfo says whether the ID token lacks the email address or a claim that the Config names.
func (c *Connector) needsUserInfo(cl claims) bool {
	if _, ok := cl.find(firstOf(c.cfg.EmailClaim, defaultEmailClaim)); !ok {
		return true
	}
	if c.cfg.GroupsClaim == "" {
		return false
	}
	_, status := groups(cl, c.cfg.GroupsClaim)
	return status == GroupsAbsent
}

func (c *Connector) userInfoError(err error) *Error {
	var body *egress.BodyError
	var status *egress.StatusError
	switch {
	case errors.As(err, &body) && body.ContentType == "application/jwt":
		return newError(CodeUserInfoRejected, c.cfg.ID, err).
			withRemedy("The UserInfo endpoint answers with a signed token. Let it answer with plain JSON for this application, or put the email into the ID token.")
	case errors.As(err, &body), errors.As(err, &status) && !isPassing(status.Status):
		return newError(CodeUserInfoRejected, c.cfg.ID, err)
	}
	return newError(CodeUnavailable, c.cfg.ID, err)
}
