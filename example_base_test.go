package oidcsso_test

import (
	"fmt"
	"strings"

	"github.com/oidcsso/oidcsso"
)

// A backend with two host names. Each connector has a redirect URI on each, and its administrator registers both.
func ExampleConnector_CallbackURLs() {
	opts := &oidcsso.Options{
		BaseURL:       "https://app.example.com/sso",
		OtherBaseURLs: []string{"https://app.example.org/sso"},
	}
	connector, err := oidcsso.NewConnector(oidcsso.Config{ID: "acme", Issuer: "https://acme.okta.com", ClientID: "0oa1b2c3"}, opts)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(strings.Join(connector.CallbackURLs(), "\n"))
	// Output:
	// https://app.example.com/sso/callback/acme
	// https://app.example.org/sso/callback/acme
}
