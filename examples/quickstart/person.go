package main

import "github.com/oidcsso/oidcsso"

// person is who is signed in: what a session remembers.
type person struct {
	key             string // tells people apart
	Name, Email     string // Email is empty if it is not trusted
	Issuer, Subject string
	Company         string            // whose identity provider vouched for the person; empty with a password
	Identity        *oidcsso.Identity // nil with a password
}

func ssoPerson(company string, id *oidcsso.Identity) person {
	name := id.Name
	for _, other := range []string{id.PreferredUsername, id.Email, id.Subject} {
		if name == "" {
			name = other
		}
	}
	return person{
		key: id.Key().String(), Name: name, Email: id.Email, Issuer: id.Issuer, Subject: id.Subject,
		Company: company, Identity: id,
	}
}

// passwordPerson has this application as the issuer.
func passwordPerson(issuer string, u user) person {
	return person{key: "password:" + u.id, Name: u.name, Email: u.addresses[0], Issuer: issuer, Subject: u.id}
}

// me is the JSON of a person. The email is always there, empty if it is not trusted.
func (p person) me() any {
	if p.Identity == nil {
		return struct {
			Method  string `json:"method"`
			Issuer  string `json:"issuer"`
			Subject string `json:"subject"`
			Name    string `json:"name"`
			Email   string `json:"email"`
		}{"password", p.Issuer, p.Subject, p.Name, p.Email}
	}
	return struct {
		Method string `json:"method"`
		*oidcsso.Identity
		Email string `json:"email"`
	}{"sso", p.Identity, p.Email}
}
