package main

import (
	"net/http"

	"github.com/labstack/echo/v5"

	"github.com/oidcsso/oidcsso"
)

// echoRoutes is the backend with echo: c.Response() and c.Request() are what the Flow takes. Errors of the library are
// returned, and shown by the one error handler.
func echoRoutes(a *app) http.Handler {
	e := echo.New()
	e.HTTPErrorHandler = echoFail
	e.Use(echo.WrapMiddleware(http.NewCrossOriginProtection().Handler))
	e.POST("/login", a.echoLogin)
	e.GET("/sso/callback/:id", a.echoCallback)
	e.POST("/logout", a.echoLogout)
	e.GET("/", echoHome, a.echoSignedIn)
	return e
}

func (a *app) echoLogin(c *echo.Context) error {
	email := c.Request().PostFormValue("email") // c.FormValue would also read the query
	found := a.find(email)
	handled, err := a.sso.Enforce(c.Response(), c.Request(), found.attempt(email), oidcsso.BeginParams{})
	if err != nil || handled { // "unavailable" is an error too: never fall through to the password
		return err
	}
	if !found.password.is(c.Request().PostFormValue("password")) {
		return c.HTML(http.StatusForbidden, loginPage("The address or the password is wrong."))
	}
	c.SetCookie(a.startSession(echoCookie(c), found))
	return c.Redirect(http.StatusSeeOther, "/")
}

func (a *app) echoCallback(c *echo.Context) error {
	signIn, err := a.sso.Finish(c.Response(), c.Request())
	if err != nil {
		return err
	}
	user, err := a.account(c.Request().Context(), signIn, echoCookie(c))
	if err != nil {
		return err
	}
	c.SetCookie(a.startSession(echoCookie(c), user))
	return c.Redirect(http.StatusSeeOther, signIn.ReturnTo)
}

func (a *app) echoLogout(c *echo.Context) error {
	c.SetCookie(a.endSession(echoCookie(c)))
	return c.Redirect(http.StatusSeeOther, "/")
}

// echoSignedIn lets nobody past who is not signed in.
func (a *app) echoSignedIn(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c *echo.Context) error {
		user, ok := a.user(echoCookie(c))
		if !ok {
			return c.HTML(http.StatusUnauthorized, loginPage(""))
		}
		c.Set("user", user)
		return next(c)
	}
}

func echoHome(c *echo.Context) error {
	return c.HTML(http.StatusOK, homePage(c.Get("user").(person)))
}

// echoFail is the error handler. echo's own errors, such as 404, have a status of their own.
func echoFail(c *echo.Context, err error) {
	status := echo.StatusCode(err)
	text := http.StatusText(status)
	if status == 0 {
		status, text = failure(err)
	}
	_ = c.HTML(status, loginPage(text)) // fails only when the browser has gone
}

func echoCookie(c *echo.Context) string {
	cookie, err := c.Cookie(sessionCookie)
	if err != nil {
		return ""
	}
	return cookie.Value
}
