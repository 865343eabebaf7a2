// Package browser has no code, only tests: a headless Chromium walks the examples and the default pages of oidcsso.Handler
// as a person would, and holds every page that a person sees against the rules for accessible pages. The README says how
// to run them.
package browser
