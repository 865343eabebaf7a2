package oidcsso

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// returns decides where a person may be sent after a sign-in.
type returns struct {
	fallback string
	origins  map[string]bool
}

var errReturn = errors.New("the return target is neither a local path nor on an allowed origin")

// check gives the target as it will be sent, or the fallback for an empty one. What browsers and Go's parser could read
// differently is refused, not repaired: backslashes, control characters, "//" at the start of a path, in any encoding.
func (rs *returns) check(target string) (string, error) {
	if target == "" {
		return rs.fallback, nil
	}
	if len(target) > maxReturnTo || !isPlainText(target) || strings.ContainsAny(target, `\ `) { //check:return-characters
		return "", errReturn
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

// newReturns reads FlowOptions: origins are scheme and host alone.
func newReturns(invalid *ConfigError, fallback string, allowed []string) *returns {
	rs := &returns{fallback: "/", origins: map[string]bool{}}
	for i, origin := range allowed {
		u, err := parseHTTPURL(origin, true)
		if err != nil || u.Path != "" || u.RawQuery != "" || u.ForceQuery || u.Host != strings.ToLower(u.Host) { //check:return-origin
			invalid.add(fmt.Sprintf("allowed_returns[%d]", i), "is not an origin", "enter an origin such as https://eu.example.com")
			continue
		}
		rs.origins[origin] = true
	}
	if fallback != "" {
		checked, err := rs.check(fallback)
		if err != nil {
			invalid.add("default_return", "is neither a local path nor on an allowed origin", "enter a path such as /home")
		}
		rs.fallback = checked
	}
	return rs
}
