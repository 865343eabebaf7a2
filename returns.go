package oidcsso

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// returns decides where a person may be sent after a sign-in.
type returns struct {
	fallback string
	origins  map[string]bool
	exact    map[string]bool // whole URIs, of apps
}

var errReturn = errors.New("the return target is neither a local path nor on an allowed origin nor an allowed app URI")

// check gives the target as it will be sent, or the fallback for an empty one. What browsers and Go's parser could read
// differently is refused, not repaired: backslashes, control characters, "//" at the start of a path, in any encoding.
func (rs *returns) check(target string) (string, error) {
	if target == "" {
		return rs.fallback, nil
	}
	if len(target) > maxReturnTo || !isPlainText(target) || strings.ContainsAny(target, `\ `) { //check:return-characters
		return "", errReturn
	}
	if rs.exact[target] {
		return target, nil
	}
	u, err := url.Parse(target)
	if err != nil || u.Opaque != "" || u.User != nil || !localPath(u) { //check:return-parts
		return "", errReturn
	}
	if u.Scheme == "" && u.Host == "" && strings.HasPrefix(target, "/") && !strings.HasPrefix(target, "//") {
		return target, nil
	}
	if rs.origins[u.Scheme+"://"+u.Host] {
		return target, nil
	}
	return "", errReturn
}

// localPath says whether the path stays a path after any number of decodings that a proxy or a router may do. Dot segments
// are refused, since whoever resolves them makes "//evil.example" of "/.//evil.example".
func localPath(u *url.URL) bool {
	path := u.EscapedPath()
	for range 4 {
		if strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\\\r\n\t\x00") || hasDotSegment(path) { //check:return-path
			return false
		}
		decoded := decodeOnce(path)
		if decoded == path {
			return true
		}
		path = decoded
	}
	return false // encoded so often only to hide something //check:return-encoded
}

func hasDotSegment(path string) bool {
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "." || segment == ".." {
			return true
		}
	}
	return false
}

// decodeOnce decodes what is an escape and leaves other percent signs, as lenient decoders do; "/100%25" is a good path.
func decodeOnce(path string) string {
	parts := strings.Split(path, "%")
	for i, part := range parts {
		if i == 0 {
			continue
		}
		if decoded, err := url.PathUnescape("%" + part); err == nil {
			parts[i] = decoded
		} else {
			parts[i] = "%" + part
		}
	}
	return strings.Join(parts, "")
}

// newReturns reads FlowOptions.
func newReturns(invalid *ConfigError, fallback string, allowed []string) *returns {
	rs := &returns{fallback: "/", origins: map[string]bool{}, exact: map[string]bool{}}
	for i, entry := range allowed {
		switch {
		case isOrigin(entry):
			rs.origins[entry] = true
		case isAppURI(entry):
			rs.exact[entry] = true
		default:
			invalid.add(fmt.Sprintf("allowed_returns[%d]", i), "is neither an origin nor the exact URI of an app",
				"enter an origin such as https://eu.example.com, or a URI without a query such as com.example.app://signed-in")
		}
	}
	if fallback != "" {
		checked, err := rs.check(fallback)
		if err != nil {
			invalid.add("default_return", "is neither a local path nor an allowed return", "enter a path such as /home")
		}
		rs.fallback = checked
	}
	return rs
}

// isOrigin: scheme and host alone, as a browser writes them.
func isOrigin(text string) bool {
	u, err := parseHTTPURL(text, true)
	if err != nil || u.Path != "" || u.RawQuery != "" || u.ForceQuery || u.Host != strings.ToLower(u.Host) || u.String() != text { //check:return-origin
		return false
	}
	return true
}

// isAppURI: a private-use URI scheme (RFC 8252, 7.1) or an https URL that an app has claimed (7.2), without a query, so that
// the backend can add the one that it needs.
func isAppURI(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.String() != text || u.RawQuery != "" || u.ForceQuery || strings.Contains(text, "#") || len(text) > maxReturnTo { //check:return-app-uri
		return false
	}
	if u.Scheme == "http" || u.Scheme == "https" {
		_, err := parseHTTPURL(text, true)
		return err == nil && len(u.Path) > 1 && u.Host == strings.ToLower(u.Host) && localPath(u)
	}
	if slices.Contains(systemSchemes, u.Scheme) { //check:return-scheme
		return false
	}
	return u.Scheme != "" && u.Opaque == "" && u.User == nil && u.Host+u.Path != "" && isPlainText(text) && localPath(u)
}

// systemSchemes are not an app's own: browsers and systems run, read or send what is behind them. One with a dot, as
// RFC 8252, 7.1 demands of apps, never is one of these.
var systemSchemes = []string{"about", "blob", "chrome", "chrome-extension", "content", "data", "file", "filesystem", "ftp",
	"intent", "jar", "javascript", "livescript", "mailto", "moz-extension", "ms-settings", "resource", "search-ms", "sms", "ssh",
	"tel", "vbscript", "view-source", "ws", "wss"}
