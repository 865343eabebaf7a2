package oidcsso_test

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/oidcssotest"
)

var attacksOnEnabled = []attack{
	{name: "the connector is disabled while Alice is away", code: oidcsso.CodeConnectorDisabled,
		during: func(tr *trial) { tr.reconfigure(func(c *oidcsso.Config) { c.Disabled = true }) }},
	{name: "a disabled connector looks at nothing, not even at a Login that is missing", code: oidcsso.CodeConnectorDisabled,
		during: func(tr *trial) {
			tr.reconfigure(func(c *oidcsso.Config) { c.Disabled = true })
			tr.login = nil
		}},
	{name: "disabled and enabled again", during: func(tr *trial) {
		tr.reconfigure(func(c *oidcsso.Config) { c.Disabled = true })
		tr.reconfigure(func(c *oidcsso.Config) { c.Disabled = false })
	}},
}

var attacksOnLogin = []attack{
	{name: "no Login", code: oidcsso.CodeLoginMissing, cause: "the Login is not this connector's", during: func(tr *trial) { tr.login = nil }},
	{name: "a Login that nothing began", code: oidcsso.CodeLoginMissing, cause: "the Login is not this connector's", during: func(tr *trial) { tr.login = new(oidcsso.Login) }},
	{name: "another connector of the same client finishes", code: oidcsso.CodeLoginMissing, cause: "the Login is not this connector's",
		during: func(tr *trial) {
			tr.reconfigure(func(c *oidcsso.Config) { c.ID, c.RedirectURL = "globex", trialPlace })
		}},
	{name: "a second more than ten minutes later", code: oidcsso.CodeLoginExpired, during: func(tr *trial) { tr.clock.advance(10*time.Minute + time.Second) }},
	{name: "a year later", code: oidcsso.CodeLoginExpired, during: func(tr *trial) { tr.clock.advance(365 * 24 * time.Hour) }},
	{name: "expired, whatever the response says", code: oidcsso.CodeLoginExpired, during: func(tr *trial) {
		tr.clock.advance(11 * time.Minute)
		tr.answer(func(v url.Values) { v.Del("state"); v.Set("error", "access_denied") })
	}},
	{name: "sealed and opened again, after nearly ten minutes", during: func(tr *trial) {
		key := oidcsso.RandomSealKey()
		sealed, err := tr.login.Seal(key)
		if err == nil {
			tr.login, err = oidcsso.OpenLogin([]oidcsso.SealKey{key}, sealed)
		}
		if err != nil {
			tr.t.Fatal(err)
		}
		// She took her time at the identity provider; its code is of this moment.
		tr.clock.advance(10*time.Minute - time.Second)
		tr.response.URL = tr.authorize(trialIssuer + "/authorize?" + tr.request.Encode())
	}},
}

const notTheState = "the state is not the Login's"

var attacksOnState = []attack{
	stateAttack("missing", func(v url.Values, _ string) { v.Del("state") }),
	stateAttack("empty", func(v url.Values, _ string) { v.Set("state", "") }),
	stateAttack("wrong", func(v url.Values, _ string) { v.Set("state", "AAAAAAAAAAAAAAAAAAAAAA") }),
	stateAttack("wrong in its last character", func(v url.Values, state string) { v.Set("state", state[:21]+flipped(state[21:])) }),
	stateAttack("cut", func(v url.Values, state string) { v.Set("state", state[:21]) }),
	stateAttack("with a space behind it", func(v url.Values, state string) { v.Set("state", state+" ") }),
	stateAttack("with a null byte behind it", func(v url.Values, state string) { v.Set("state", state+"\x00") }),
	stateAttack("in upper case", func(v url.Values, state string) { v.Set("state", strings.ToUpper(state)+"A") }),
	stateAttack("twice", func(v url.Values, state string) { v.Add("state", state) }),
	stateAttack("the right one before a wrong one", func(v url.Values, _ string) { v.Add("state", "x") }),
	stateAttack("the wrong one before the right one", func(v url.Values, state string) { v["state"] = []string{"x", state} }),
	stateAttack("under the name State", func(v url.Values, state string) { v.Del("state"); v.Set("State", state) }),
	stateAttack("as the nonce", func(v url.Values, state string) { v.Del("state"); v.Set("nonce", state) }),
	stateAttack("a megabyte", func(v url.Values, _ string) { v.Set("state", strings.Repeat("A", 1<<20)) }),
	stateAttack("missing in a refusal, which then is nobody's", func(v url.Values, _ string) { v.Del("state"); v.Set("error", "access_denied"); v.Del("code") }),
	stateAttack("wrong, before all else that is wrong", func(v url.Values, _ string) {
		v.Set("state", "x")
		v.Set("iss", "https://evil.example")
		v["code"] = []string{"a", "b"}
	}),
	{name: "of another attempt of the same browser", code: oidcsso.CodeLoginMissing, cause: notTheState,
		during: func(tr *trial) { _, tr.response = tr.attempt() }},
	{name: "right in the URL, though the Values have another", code: oidcsso.CodeLoginMissing, cause: notTheState,
		during: func(tr *trial) { tr.response.Values = url.Values{"state": {"x"}, "code": {"x"}} }},
	{name: "in a query that can't be read", code: oidcsso.CodeResponseInvalid, cause: "malformed", during: func(tr *trial) { tr.response.URL += "&x=%zz" }},
	{name: "in a query divided by semicolons", code: oidcsso.CodeResponseInvalid, cause: "malformed", during: func(tr *trial) { tr.response.URL += ";x=y" }},
	{name: "in what is no URL", code: oidcsso.CodeResponseInvalid, cause: "malformed", during: func(tr *trial) { tr.response.URL = "https://%zz/" }},
}

func stateAttack(name string, edit func(v url.Values, state string)) attack {
	return attack{name: name, code: oidcsso.CodeLoginMissing, cause: notTheState, during: func(tr *trial) {
		tr.answer(func(v url.Values) { edit(v, v.Get("state")) })
	}}
}

// flipped is another character of the same alphabet.
func flipped(character string) string {
	if character == "A" {
		return "Q"
	}
	return "A"
}

var attacksOnBinding = []attack{
	{name: "the response comes to another session", code: oidcsso.CodeBindingMismatch, during: func(tr *trial) { tr.response.Binding = "session-2" }},
	{name: "the response comes without a session", code: oidcsso.CodeBindingMismatch, during: func(tr *trial) { tr.response.Binding = "" }},
	{name: "a longer session", code: oidcsso.CodeBindingMismatch, during: func(tr *trial) { tr.response.Binding += "\x00" }},
	{name: "a refusal in another session", code: oidcsso.CodeBindingMismatch, during: func(tr *trial) {
		tr.response.Binding = "session-2"
		tr.answer(func(v url.Values) { v.Del("code"); v.Set("error", "access_denied") })
	}},
	{name: "begun without a session, finished in one", code: oidcsso.CodeBindingMismatch,
		before: func(tr *trial) { tr.params.Binding, tr.params.InsecureUnbound = "", true },
		during: func(tr *trial) { tr.response.Binding = "session-1" }},
	{name: "neither has a session, because the developer said so", before: func(tr *trial) { tr.params.Binding, tr.params.InsecureUnbound = "", true }},
}

// Nothing can begin these yet; a Login of a later version could be opened by this one.
var attacksOnPurpose = func() (all []attack) {
	for name, purpose := range oidcsso.OtherPurposes {
		all = append(all, attack{name: "begun for the purpose " + name, code: oidcsso.CodePurposeRefused,
			during: func(tr *trial) { tr.login.SetPurpose(purpose) }})
	}
	return all
}()

var attacksOnConfiguration = []attack{
	changed("another client ID", oidcsso.CodeConfigChanged, func(c *oidcsso.Config) { c.ClientID = "acme-2" }),
	changed("another issuer", oidcsso.CodeConfigChanged, func(c *oidcsso.Config) { c.Issuer = "https://evil.example" }),
	changed("the issuer with a slash", oidcsso.CodeConfigChanged, func(c *oidcsso.Config) { c.Issuer += "/" }),
	changed("another redirect URI", oidcsso.CodeConfigChanged, func(c *oidcsso.Config) { c.RedirectURL = "https://app.example.test/callback" }),
	{name: "a character moved from the issuer to the client ID", code: oidcsso.CodeConfigChanged, during: func(tr *trial) {
		tr.reconfigure(func(c *oidcsso.Config) {
			c.Issuer, c.ClientID = c.Issuer[:len(c.Issuer)-1], c.Issuer[len(c.Issuer)-1:]+c.ClientID
		})
	}},
	changed("another name", "", func(c *oidcsso.Config) { c.Name = "Acme Ltd" }),
	changed("more scopes", "", func(c *oidcsso.Config) { c.Scopes = []string{"groups"} }),
	changed("more domains", "", func(c *oidcsso.Config) { c.Domains = oidcsso.AssertDomains("acme.test", "acme2.test") }),
	changed("another prompt, max age and ACR", "", func(c *oidcsso.Config) { c.Prompt, c.MaxAge, c.ACRValues = "login", 60, []string{"mfa"} }),
	{name: "a new client secret, at the identity provider too", during: func(tr *trial) {
		tr.reconfigure(func(c *oidcsso.Config) {
			c.ClientSecret = oidcsso.NewSecret("the-new-secret")
			tr.idp.AddClient(oidcssotest.Client{ID: c.ClientID, Secret: "the-new-secret", RedirectURIs: []string{trialPlace}})
		})
	}},
}

func changed(name string, code oidcsso.Code, change func(*oidcsso.Config)) attack {
	return attack{name: name, code: code, during: func(tr *trial) { tr.reconfigure(change) }}
}

const (
	thereTwice = "a parameter is there more than once"
	tooLong    = "a parameter is too long"
)

var attacksOnParameters = []attack{
	invalidAnswer("code twice", thereTwice, func(v url.Values) { v.Add("code", "x") }),
	invalidAnswer("the same code twice", thereTwice, func(v url.Values) { v.Add("code", v.Get("code")) }),
	invalidAnswer("iss twice, one of them right", thereTwice, func(v url.Values) { v.Add("iss", "https://evil.example") }),
	invalidAnswer("error twice", thereTwice, func(v url.Values) { v["error"] = []string{"access_denied", "server_error"} }),
	invalidAnswer("an unknown parameter twice", thereTwice, func(v url.Values) { v["x"] = []string{"", ""} }),
	invalidAnswer("a code of 8193 bytes", tooLong, func(v url.Values) { v.Set("code", strings.Repeat("c", 8193)) }),
	invalidAnswer("an unknown parameter of a megabyte", tooLong, func(v url.Values) { v.Set("x", strings.Repeat("c", 1<<20)) }),
	invalidAnswer("a name of a megabyte", tooLong, func(v url.Values) { v.Set(strings.Repeat("x", 1<<20), "") }),
	invalidAnswer("31 parameters", "too many parameters", func(v url.Values) { addParameters(v, 31) }),
	invalidAnswer("ten thousand parameters", "too many parameters", func(v url.Values) { addParameters(v, 10000) }),
	{name: "a parameter without a value, given as Values", code: oidcsso.CodeResponseInvalid, cause: thereTwice, during: func(tr *trial) {
		tr.answer(func(v url.Values) { tr.response.Values = v; v["x"] = nil })
	}},
	{name: "30 parameters", during: func(tr *trial) { tr.answer(func(v url.Values) { addParameters(v, 30) }) }},
	{name: "parameters that nobody knows are passed over", during: func(tr *trial) {
		tr.answer(func(v url.Values) { v.Set("session_state", "x.y"); v.Set("scope", "openid"); v.Set("CODE", "x") })
	}},
}

func invalidAnswer(name, cause string, edit func(url.Values)) attack {
	return attack{name: name, code: oidcsso.CodeResponseInvalid, cause: cause, during: func(tr *trial) { tr.answer(edit) }}
}

func addParameters(v url.Values, n int) {
	for i := 0; len(v) < n; i++ {
		v.Set(fmt.Sprint("x", i), "")
	}
}

const (
	elsewhere = "it arrived at another redirect URI"
	withQuery = "https://app.example.test/callback?idp=acme"
)

var attacksOnRedirectURI = []attack{
	arrived("at another connector's", "https://app.example.test/sso/callback/globex"),
	arrived("with a slash behind it", trialPlace+"/"),
	arrived("with a slash too many", "https://app.example.test//sso/callback/acme"),
	arrived("by way of another directory", "https://app.example.test/sso/callback/globex/../acme"),
	arrived("in another spelling of the path", "https://app.example.test/sso/callback/%61cme"),
	arrived("in upper case", "https://app.example.test/sso/callback/ACME"),
	arrived("with a path parameter", trialPlace+";x"),
	arrived("at another host", "https://evil.example/sso/callback/acme"),
	arrived("at a host below ours", "https://x.app.example.test/sso/callback/acme"),
	arrived("at another port", "https://app.example.test:8443/sso/callback/acme"),
	arrived("in clear", "http://app.example.test/sso/callback/acme"),
	arrived("at another host without a scheme", "//evil.example/sso/callback/acme"),
	arrived("at the root", "https://app.example.test/"),
	{name: "nobody knows where", code: oidcsso.CodeResponseMisplaced, cause: elsewhere, during: func(tr *trial) {
		tr.answer(func(v url.Values) { tr.response.Values = v })
		tr.response.URL = ""
	}},
	{name: "at what is no URL", code: oidcsso.CodeResponseMisplaced, cause: elsewhere, during: func(tr *trial) {
		tr.answer(func(v url.Values) { tr.response.Values = v })
		tr.response.URL = "https://%zz/sso/callback/acme"
	}},
	{name: "a refusal elsewhere", code: oidcsso.CodeResponseMisplaced, cause: elsewhere, during: func(tr *trial) {
		tr.answer(func(v url.Values) { v.Del("code"); v.Set("error", "access_denied") })
		tr.response.URL = strings.Replace(tr.response.URL, "/acme?", "/globex?", 1)
	}},
	// Where only the query of the redirect URI tells the connectors apart, it is compared as the path is.
	queried("without its own query", func(v url.Values) { v.Del("idp") }),
	queried("with the query of another connector", func(v url.Values) { v.Set("idp", "globex") }),
	{name: "with its own query", before: useRedirectURI(withQuery)},
	{name: "with the path alone", during: func(tr *trial) {
		tr.response.URL = strings.TrimPrefix(tr.response.URL, "https://app.example.test")
	}},
	{name: "with the path alone, and the Values beside it", during: func(tr *trial) {
		tr.answer(func(v url.Values) { tr.response.Values = v })
		tr.response.URL = "/sso/callback/acme"
	}},
	{name: "with a fragment", during: func(tr *trial) { tr.response.URL += "#_=_" }},
}

func arrived(name, place string) attack {
	return attack{name: name, code: oidcsso.CodeResponseMisplaced, cause: elsewhere, during: func(tr *trial) {
		tr.response.URL = strings.Replace(tr.response.URL, trialPlace, place, 1)
	}}
}

func queried(name string, edit func(url.Values)) attack {
	return attack{name: name, code: oidcsso.CodeResponseMisplaced, cause: elsewhere, before: useRedirectURI(withQuery),
		during: func(tr *trial) { tr.answer(edit) }}
}

// useRedirectURI gives the connector one that it alone has.
func useRedirectURI(uri string) func(*trial) {
	return func(tr *trial) {
		tr.cfg.RedirectURL, tr.opts.ExclusiveRedirectURLs = uri, []string{uri}
		tr.idp.AddClient(oidcssotest.Client{ID: tr.cfg.ClientID, Secret: tr.cfg.ClientSecret.Reveal(), RedirectURIs: []string{uri}})
	}
}

const (
	issWrong   = "its iss is another issuer"
	issMissing = "its iss is missing, though the identity provider promised it"
)

var attacksOnIss = []attack{
	issAttack("another issuer", issWrong, func(v url.Values) { v.Set("iss", "https://evil.example") }),
	issAttack("with a slash", issWrong, func(v url.Values) { v.Set("iss", trialIssuer+"/") }),
	issAttack("in another case", issWrong, func(v url.Values) { v.Set("iss", "https://IDP.example.test") }),
	issAttack("with the default port", issWrong, func(v url.Values) { v.Set("iss", trialIssuer+":443") }),
	issAttack("empty", issWrong, func(v url.Values) { v.Set("iss", "") }),
	issAttack("missing, though promised", issMissing, func(v url.Values) { v.Del("iss") }),
	issAttack("under the name ISS", issMissing, func(v url.Values) { v.Del("iss"); v.Set("ISS", trialIssuer) }),
	issAttack("missing in a refusal", issMissing, func(v url.Values) { v.Del("iss"); v.Del("code"); v.Set("error", "access_denied") }),
	issAttack("wrong in a refusal", issWrong, func(v url.Values) {
		v.Set("iss", "https://evil.example")
		v.Del("code")
		v.Set("error", "access_denied")
	}),
	{name: "missing after the promise was withdrawn", code: oidcsso.CodeResponseMisplaced, cause: issMissing, during: func(tr *trial) {
		tr.idp.Configure(func(s *oidcssotest.Settings) { s.IssNotSupported = true })
		tr.connector = tr.newConnector() // discovers anew
		tr.answer(func(v url.Values) { v.Del("iss") })
	}},
	{name: "wrong, though not promised", code: oidcsso.CodeResponseMisplaced, cause: issWrong,
		before: func(tr *trial) { tr.idp.Configure(func(s *oidcssotest.Settings) { s.IssNotSupported = true }) },
		during: func(tr *trial) { tr.answer(func(v url.Values) { v.Set("iss", "https://evil.example") }) }},
	{name: "not there and not promised", before: func(tr *trial) {
		tr.idp.Configure(func(s *oidcssotest.Settings) { s.IssNotSupported = true })
	}},
	{name: "right, though not promised", before: func(tr *trial) {
		tr.idp.Configure(func(s *oidcssotest.Settings) { s.IssNotSupported = true })
	}, during: func(tr *trial) { tr.answer(func(v url.Values) { v.Set("iss", trialIssuer) }) }},
	{name: "promised during the sign-in", before: func(tr *trial) {
		tr.idp.Configure(func(s *oidcssotest.Settings) { s.IssNotSupported = true })
	}, during: func(tr *trial) {
		tr.idp.Configure(func(s *oidcssotest.Settings) { s.IssNotSupported = false })
		tr.connector = tr.newConnector()
	}},
}

func issAttack(name, cause string, edit func(url.Values)) attack {
	return attack{name: name, code: oidcsso.CodeResponseMisplaced, cause: cause, during: func(tr *trial) { tr.answer(edit) }}
}

var attacksOnError = []attack{
	{name: "Alice cancels", code: oidcsso.CodeAccessDenied, before: refuseWith("access_denied", ""),
		also: func(t *testing.T, _ *oidcsso.Identity, e *oidcsso.Error) {
			if e.Kind() != oidcsso.KindRefused || e.HTTPStatus() != 403 || e.Unwrap() != nil {
				t.Errorf("kind %s, status %d, cause %v: that is no failure of ours", e.Kind(), e.HTTPStatus(), e.Unwrap())
			}
		}},
	{name: "the description is hostile", code: oidcsso.CodeAccessDenied, before: refuseWith("access_denied", "<script>"+planted+"</script>")},
	{name: "the error_uri is hostile", code: oidcsso.CodeAccessDenied, before: refuseWith("access_denied", ""),
		during: func(tr *trial) {
			tr.answer(func(v url.Values) { v.Set("error_uri", "javascript:alert('"+planted+"')") })
		}},
	providerError("invalid_scope", "invalid_scope", "scopes"),
	providerError("unauthorized_client", "unauthorized_client", "authorization code flow"),
	providerError("unsupported_response_type", "unsupported_response_type", "authorization code flow"),
	silentError("login_required"), silentError("interaction_required"), silentError("consent_required"), silentError("account_selection_required"),
	providerError("login_required", "login_required", "own log"), // nobody asked for prompt=none
	{name: "Alice refuses consent, in the words of LemonLDAP::NG", code: oidcsso.CodeAccessDenied, cause: "consent_required",
		before: refuseWith("consent_required", planted)},
	providerError("invalid_request", "invalid_request", "cause"),
	providerError("AADSTS50105.x-1", "AADSTS50105.x-1", "cause"),
	providerError(strings.Repeat("e", 64), strings.Repeat("e", 64), ""),
	providerError(strings.Repeat("e", 65), "other", ""),
	providerError("<b>"+planted, "other", ""),
	providerError(planted+"\r\nlevel=INFO", "other", ""),
	providerError("\u202e"+planted, "other", ""),
	providerError("\xff"+planted, "other", ""),
	providerError(" ", "other", ""),
	unavailableError("server_error"), unavailableError("temporarily_unavailable"),
	invalidAnswer("a code and an error together", "both a code and an error", func(v url.Values) { v.Set("error", "access_denied") }),
	invalidAnswer("neither a code nor an error", "neither a code nor an error", func(v url.Values) { v.Del("code") }),
	invalidAnswer("an empty code", "neither a code nor an error", func(v url.Values) { v.Set("code", "") }),
	invalidAnswer("an empty error alone", "neither a code nor an error", func(v url.Values) { v.Del("code"); v.Set("error", "") }),
	// RFC 6749, 3.1: a parameter without a value is treated as if it were omitted.
	{name: "a code beside an empty error", during: func(tr *trial) { tr.answer(func(v url.Values) { v.Set("error", "") }) }},
	{name: "a code beside a description of nothing", during: func(tr *trial) { tr.answer(func(v url.Values) { v.Set("error_description", planted) }) }},
}

func refuseWith(code, description string) func(*trial) {
	return func(tr *trial) {
		tr.faults(func(f *oidcssotest.Faults) { f.AuthorizeError, f.AuthorizeErrorDescription = code, description })
	}
}

func providerError(sent, kept, remedy string) attack {
	return attack{
		name: fmt.Sprintf("the error %.80q", sent), code: oidcsso.CodeProviderError, before: refuseWith(sent, planted),
		also: func(t *testing.T, _ *oidcsso.Identity, e *oidcsso.Error) {
			var provider *oidcsso.ProviderError
			if !errors.As(e, &provider) || provider.Code != kept {
				t.Errorf("the cause is %v, want the code %q", e.Unwrap(), kept)
			}
			if !strings.Contains(e.Remedy, remedy) {
				t.Errorf("the remedy is %q, want one about %s", e.Remedy, remedy)
			}
			if strings.Contains(e.Public, kept) {
				t.Errorf("the person is shown %q", e.Public)
			}
		},
	}
}

// silentError is what an identity provider answers to prompt=none (OpenID Connect Core 1.0, 3.1.2.6).
func silentError(code string) attack {
	a := providerError(code, code, "prompt=none")
	a.name += " after prompt=none"
	a.before = func(tr *trial) {
		tr.params.Prompt = "none"
		refuseWith(code, planted)(tr)
	}
	return a
}

func unavailableError(code string) attack {
	return attack{name: "the error " + code, code: oidcsso.CodeUnavailable, cause: code, before: refuseWith(code, planted)}
}
