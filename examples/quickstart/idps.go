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
		id: "acme", domain: "acme.test",
		idp: oidcssotest.Settings{
			Name: "Acme Inc.", Accent: "#b3261e",
			Hint: "Demonstration: alice@acme.test and bob@acme.test work here. Any password does.",
		},
		people: []oidcssotest.User{
			{
				Subject: "00u1alice", Email: "alice@acme.test", PreferredUsername: "alice", Groups: []string{"engineering", "admins"},
				Name: "Alice Ames", GivenName: "Alice", FamilyName: "Ames",
			},
			{
				Subject: "00u2bob", Email: "bob@acme.test", PreferredUsername: "bob", Groups: []string{"sales"},
				Name: "Bob Brandt", GivenName: "Bob", FamilyName: "Brandt",
			},
		},
	})
	all.add(origin, company{
		id: "globex", domain: "globex.test",
		idp: oidcssotest.Settings{
			Name: "Globex Corporation", Accent: "#0b6b4f", Algorithm: "ES256",
			Hint: "Demonstration: gina@globex.test works here. Any password does.",
		},
		people: []oidcssotest.User{{
			Subject: "7f3c-gina", Email: "gina@globex.test", PreferredUsername: "gina",
			Name: "Gina Grant", GivenName: "Gina", FamilyName: "Grant",
			EmailVerified: oidcssotest.SaysNothing, // like Microsoft Entra ID
		}},
	})
	return all
}

// company is a customer, and the identity provider that it runs.
type company struct {
	id, domain string
	idp        oidcssotest.Settings
	people     []oidcssotest.User
}

func (all *companies) add(origin string, c company) {
	path := "/idps/" + c.id // of the issuer
	idp := oidcssotest.NewLocal(origin+path, origin+ssoPath)
	idp.Configure(func(s *oidcssotest.Settings) { *s = c.idp })
	for _, user := range c.people {
		idp.AddUser(user)
	}
	// What an administrator does by hand: register the application there, and enter here what that gave.
	connector := idp.Config(c.id, c.domain)
	connector.Name = c.idp.Name
	all.idps[path+"/"] = idp
	all.connectors = append(all.connectors, connector)
}
