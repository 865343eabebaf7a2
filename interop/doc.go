// Package interop tries the library with identity providers that this project did not write. It has only tests: they start
// each identity provider by a script, put a small backend in front of it, and walk through its real pages. README.md beside
// this file says how to run them; docs/interop.md has what came of it.
package interop
