// Package storetest has the contracts of connector storage as tests: [Source] for whatever answers sign-ins, [Store] for
// package connectorstore over a database driver. It imports package testing, and no driver.
package storetest

import "github.com/oidcsso/oidcsso"

// Options are those that the suites' Configs are made for: a Source that compiles Configs needs them, or others that allow the
// same.
func Options() *oidcsso.Options { return &oidcsso.Options{BaseURL: "https://app.example.com/sso"} }
