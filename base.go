package oidcsso

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"
)

// A base URL is where the outside world reaches the library's routes. Several of them, for custom domains, are told apart by
// the host of the request, exactly; a URL is never built from what a request says.

// maxBases bounds what is searched at each request.
const maxBases = 100

// baseURL is one of them, without a slash at its end.
type baseURL struct {
	*url.URL
	text string
}

// parseBases reads BaseURL and OtherBaseURLs. Their host names differ, because cookies don't tell ports or paths apart
// (RFC 6265, 8.5 and 8.6).
func parseBases(invalid *ConfigError, first string, others []string) []baseURL {
	const remedy = "enter a URL such as https://app.example.com/sso"
	if first == "" {
		if len(others) > 0 {
			invalid.add("base_url", "is missing beside the other base URLs", remedy)
		}
		return nil
	}
	if len(others) >= maxBases {
		invalid.add("other_base_urls", "are too many", fmt.Sprintf("enter at most %d; with more hosts let one have the sign-ins, and list the others as AllowedReturns", maxBases-1))
		return nil
	}
	var bases []baseURL
	for i, text := range append([]string{first}, others...) {
		field := "base_url"
		if i > 0 {
			field = fmt.Sprintf("other_base_urls[%d]", i-1)
		}
		base, err := parseBaseURL(text)
		if err != nil {
			invalid.add(field, err.Error(), remedy)
			continue
		}
		for _, before := range bases {
			if strings.EqualFold(before.Hostname(), base.Hostname()) { //check:base-host-twice
				invalid.add(field, "has the host of another base URL", "give each base URL a host name of its own")
			}
		}
		bases = append(bases, baseURL{base, base.String()})
	}
	return bases
}

// parseBaseURL gives the URL without a slash at its end.
func parseBaseURL(text string) (*url.URL, error) {
	u, err := parseRedirectURL(text)
	if err != nil {
		return nil, err
	}
	if u.RawQuery != "" || u.ForceQuery {
		return nil, errors.New("has a query")
	}
	if strings.Contains(u.Host, "*") {
		return nil, errors.New("has a wildcard; name each host")
	}
	u.Path = strings.TrimSuffix(u.Path, "/")
	if u.RawPath != "" || (u.Path != "" && path.Clean(u.Path) != u.Path) {
		return nil, errors.New("has a path with dots, escapes or double slashes")
	}
	return u, nil
}

func (b baseURL) callback(id string) string { return b.text + "/callback/" + id }

// site is a Flow at one of its base URLs. A request arrived there, and there its sign-in stays: cookies are for one host.
type site struct {
	*Flow
	base baseURL
}

// at finds the base URL whose host the request names. With one base URL there is nothing to find, and a proxy in front may
// well name another host. With several, an unknown host is none of them: false beside the first.
func (f *Flow) at(r *http.Request) (site, bool) {
	if len(f.env.bases) == 1 {
		return site{f, f.env.bases[0]}, true
	}
	for _, base := range f.env.bases {
		if strings.EqualFold(base.Host, r.Host) {
			return site{f, base}, true
		}
	}
	return site{f, f.env.bases[0]}, false
}

// errHost: what began or ended here would miss its cookie, which is at another host.
func errHost(code Code, connectorID string, r *http.Request) error {
	return newError(code, connectorID, fmt.Errorf("the request names the host %s, which no base URL has", plain(r.Host))).
		withRemedy("Let the proxy in front pass on the Host of the browser's request, or add a URL with this host to Options.OtherBaseURLs.")
}

// redirectURI is the connector's redirect URI here, or an error where the callback would arrive at another host.
func (s site) redirectURI(c *Connector) (string, error) {
	own := c.cfg.RedirectURL
	if own == "" {
		return s.base.callback(c.cfg.ID), nil
	}
	if u, err := url.Parse(own); err != nil || !strings.EqualFold(u.Host, s.base.Host) { //check:host-of-redirect-uri
		return "", newError(CodeParamsInvalid, c.cfg.ID, errors.New("the connector's redirect URI is at another host")).
			withRemedy("Start this connector's sign-ins at the host of its Config.RedirectURL: %s.", own)
	}
	return own, nil
}
