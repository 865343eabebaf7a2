package main

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/oidcsso/oidcsso"
)

// ginRoutes is the backend with gin: c.Writer and c.Request are what the Flow takes.
func ginRoutes(a *app) http.Handler {
	router := gin.New()
	router.Use(gin.Recovery())
	router.POST("/login", a.ginLogin)
	router.GET("/sso/callback/:id", a.ginCallback)
	router.POST("/logout", a.ginLogout)
	router.GET("/", a.ginSignedIn, ginHome)
	return http.NewCrossOriginProtection().Handler(router)
}

func (a *app) ginLogin(c *gin.Context) {
	email := c.PostForm("email")
	found := a.find(email)
	handled, err := a.sso.Enforce(c.Writer, c.Request, found.attempt(email), oidcsso.BeginParams{})
	switch {
	case err != nil: // "unavailable" too: never fall through to the password
		ginFail(c, err)
	case handled: // the browser is on its way to the identity provider
	case !found.password.is(c.PostForm("password")):
		ginPage(c, http.StatusForbidden, loginPage("The address or the password is wrong."))
	default:
		http.SetCookie(c.Writer, a.startSession(ginCookie(c), found))
		c.Redirect(http.StatusSeeOther, "/")
	}
}

func (a *app) ginCallback(c *gin.Context) {
	signIn, err := a.sso.Finish(c.Writer, c.Request)
	if err != nil {
		ginFail(c, err)
		return
	}
	user, err := a.account(c.Request.Context(), signIn, ginCookie(c))
	if err != nil {
		ginFail(c, err)
		return
	}
	http.SetCookie(c.Writer, a.startSession(ginCookie(c), user))
	c.Redirect(http.StatusSeeOther, signIn.ReturnTo)
}

func (a *app) ginLogout(c *gin.Context) {
	http.SetCookie(c.Writer, a.endSession(ginCookie(c)))
	c.Redirect(http.StatusSeeOther, "/")
}

// ginSignedIn lets nobody past who is not signed in.
func (a *app) ginSignedIn(c *gin.Context) {
	user, ok := a.user(ginCookie(c))
	if !ok {
		ginPage(c, http.StatusUnauthorized, loginPage(""))
		c.Abort()
		return
	}
	c.Set("user", user)
}

func ginHome(c *gin.Context) {
	ginPage(c, http.StatusOK, homePage(c.MustGet("user").(person)))
}

func ginFail(c *gin.Context, err error) {
	status, text := failure(err)
	ginPage(c, status, loginPage(text))
}

func ginPage(c *gin.Context, status int, html string) {
	c.Data(status, "text/html; charset=utf-8", []byte(html))
}

func ginCookie(c *gin.Context) string {
	value, _ := c.Cookie(sessionCookie) // without one it is empty, and nobody's
	return value
}
