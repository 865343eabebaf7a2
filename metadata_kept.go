package oidcsso

import (
	"slices"
	"strings"
	"time"
	"unique"
)

// keptMetadata is what stays in memory of a discovery document: what sign-ins read, and the rest packed. Of many connectors,
// most belong to a few products, whose documents differ in nothing but the URLs.
type keptMetadata struct {
	authorizationEndpoint, tokenEndpoint, jwksURI, userInfoEndpoint string
	algorithms                                                      []string
	fetchedAt                                                       time.Time
	issPromised, requiresPushing, takesBasic, takesPost             bool

	promises  [3]bool
	endpoints string                // the others, one a line
	lists     unique.Handle[string] // all lists, see packLists
}

func (m *Metadata) kept() *keptMetadata {
	offered := m.TokenEndpointAuthMethodsSupported
	k := &keptMetadata{
		authorizationEndpoint: m.AuthorizationEndpoint, tokenEndpoint: m.TokenEndpoint, jwksURI: m.JWKSURI,
		userInfoEndpoint: m.UserInfoEndpoint, issPromised: m.AuthorizationResponseIssParameterSupported,
		requiresPushing: m.RequirePushedAuthorizationRequests, algorithms: m.algorithms, fetchedAt: m.FetchedAt,
		takesBasic: len(offered) == 0 || slices.Contains(offered, methodBasic), // Discovery 1.0, 3
		takesPost:  slices.Contains(offered, methodPost),
		promises:   [3]bool{m.BackchannelLogoutSupported, m.BackchannelLogoutSessionSupported, m.FrontchannelLogoutSupported},
		lists:      unique.Make(packLists(m.lists())),
	}
	var lines []string
	for _, field := range m.otherEndpoints() {
		lines = append(lines, *field.to)
	}
	k.endpoints = strings.Join(lines, "\n")
	return k
}

// metadata unpacks a copy for the caller alone. The issuer is the one that is configured.
func (k *keptMetadata) metadata(issuer string) *Metadata {
	m := &Metadata{
		Issuer: issuer, AuthorizationEndpoint: k.authorizationEndpoint, TokenEndpoint: k.tokenEndpoint, JWKSURI: k.jwksURI,
		UserInfoEndpoint: k.userInfoEndpoint, AuthorizationResponseIssParameterSupported: k.issPromised,
		RequirePushedAuthorizationRequests: k.requiresPushing, algorithms: k.algorithms, FetchedAt: k.fetchedAt,
		BackchannelLogoutSupported: k.promises[0], BackchannelLogoutSessionSupported: k.promises[1],
		FrontchannelLogoutSupported: k.promises[2],
	}
	unpackLists(k.lists.Value(), m.lists())
	lines := strings.Split(k.endpoints, "\n")
	for i, field := range m.otherEndpoints() {
		*field.to = lines[i]
	}
	return m
}

// The texts in a list have no control characters, so these divide them: an absent list is empty, any other begins with a
// mark.
const (
	endOfList  = "\x00"
	markOfList = "\x01"
)

func packLists(lists []listField) string {
	var b strings.Builder
	for _, list := range lists {
		for i, text := range *list.to {
			if i == 0 {
				b.WriteString(markOfList)
			}
			b.WriteString(text + markOfList)
		}
		if *list.to != nil && len(*list.to) == 0 {
			b.WriteString(markOfList)
		}
		b.WriteString(endOfList)
	}
	return b.String()
}

func unpackLists(packed string, lists []listField) {
	for _, list := range lists {
		text, rest, _ := strings.Cut(packed, endOfList)
		packed = rest
		if text, ok := strings.CutPrefix(text, markOfList); ok {
			*list.to = []string{}
			for item := range strings.SplitSeq(text, markOfList) {
				if item != "" {
					*list.to = append(*list.to, item)
				}
			}
		}
	}
}
