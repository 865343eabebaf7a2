package main

import (
	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/oidcssotest"
)

// companies are the customers of the application that have single sign-on.
type companies struct {
	connectors []oidcsso.Config
	idps       map[string]*oidcssotest.IdP // those that this process serves, by path
	guide      []hint
}

// hint is an address to try, on the start page.
type hint struct{ Email, What string }

// demoGuide is the same for the terminal.
const demoGuide = `
  alice@acme.test, bob@acme.test  sign in at Acme's identity provider, with any password
  gina@globex.test                signs in at Globex's, with any password
  nora@northwind.test             has the password "sunflower"

`

// demoCompanies are two companies, each with an identity provider of its own. Real ones are elsewhere; these are served by
// this process, so that nothing else has to be set up.
func demoCompanies(origin string) companies {
	all := companies{idps: map[string]*oidcssotest.IdP{}, guide: []hint{
		{"alice@acme.test", "Acme’s identity provider, any password"},
		{"gina@globex.test", "Globex’s identity provider, any password"},
		{"nora@northwind.test", "no single sign-on, password “sunflower”"},
	}}
	all.add(origin, company{
		id: "acme", name: "Acme Inc.", domain: "acme.test", accent: "#b3261e",
		hint: "Demonstration: alice@acme.test and bob@acme.test work here. Any password does.",
	},
		oidcssotest.User{Subject: "00u1alice", Email: "alice@acme.test", Name: "Alice Ames", GivenName: "Alice", FamilyName: "Ames", PreferredUsername: "alice", Groups: []string{"engineering", "admins"}},
		oidcssotest.User{Subject: "00u2bob", Email: "bob@acme.test", Name: "Bob Brandt", GivenName: "Bob", FamilyName: "Brandt", PreferredUsername: "bob", Groups: []string{"sales"}})
	all.add(origin, company{
		id: "globex", name: "Globex Corporation", domain: "globex.test", accent: "#0b6b4f", algorithm: "ES256",
		hint: "Demonstration: gina@globex.test works here. Any password does.",
	},
		// Like Microsoft Entra, this one never says whether an address is verified.
		oidcssotest.User{Subject: "7f3c-gina", Email: "gina@globex.test", Name: "Gina Grant", GivenName: "Gina", FamilyName: "Grant", PreferredUsername: "gina", EmailVerified: oidcssotest.SaysNothing})
	return all
}

// company is a customer and how its identity provider presents itself.
type company struct{ id, name, domain, accent, algorithm, hint string }

func (all *companies) add(origin string, c company, users ...oidcssotest.User) {
	path := "/idps/" + c.id // of the issuer
	idp := oidcssotest.NewLocal(origin+path, origin+ssoPath)
	idp.Configure(func(s *oidcssotest.Settings) {
		s.Name, s.Accent, s.Algorithm, s.Hint = c.name, c.accent, c.algorithm, c.hint
	})
	for _, u := range users {
		idp.AddUser(u)
	}
	// What an administrator would do by hand: register the application there, and enter what that gave here.
	connector := idp.Config(c.id, c.domain)
	connector.Name = c.name
	all.idps[path+"/"] = idp
	all.connectors = append(all.connectors, connector)
}
