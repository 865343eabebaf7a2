package main

import (
	"net/http"

	"github.com/oidcsso/oidcsso"
)

// claim says that a domain is the connector's. The answer has the DNS record that proves it.
func (a *admin) claim(r *http.Request) (any, error) {
	domain, err := domainOf(r)
	if err != nil {
		return nil, err
	}
	return a.store.Claim(r.Context(), r.PathValue("id"), domain)
}

func domainOf(r *http.Request) (string, error) {
	var body struct {
		Domain string `json:"domain"`
	}
	err := read(r, &body)
	return body.Domain, err
}

// verify looks for the record. It asks the DNS, so a real backend bounds how often a tenant may call it.
func (a *admin) verify(r *http.Request) (any, error) {
	return a.store.Verify(r.Context(), r.PathValue("claim"))
}

// setDomainState says what an owned domain may do. The administrator says what it was, too.
func (a *admin) setDomainState(r *http.Request) (any, error) {
	var body struct {
		From oidcsso.DomainState `json:"from"`
		To   oidcsso.DomainState `json:"to"`
	}
	if err := read(r, &body); err != nil {
		return nil, err
	}
	return a.store.SetDomainState(r.Context(), r.PathValue("claim"), body.From, body.To)
}

func (a *admin) release(r *http.Request) (any, error) {
	return nil, a.store.Release(r.Context(), r.PathValue("claim"))
}

// assert takes an operator's word for a proof.
func (a *admin) assert(r *http.Request) (any, error) {
	domain, err := domainOf(r)
	if err != nil {
		return nil, err
	}
	return a.store.Assert(r.Context(), r.PathValue("id"), domain)
}

// transfer moves a domain to another connector's claim, without a moment in which it is nobody's.
func (a *admin) transfer(r *http.Request) (any, error) {
	var body struct {
		To       string `json:"to"`       // the other connector's claim
		Asserted bool   `json:"asserted"` // an operator's word in place of the record
	}
	if err := read(r, &body); err != nil {
		return nil, err
	}
	move := a.store.Transfer
	if body.Asserted {
		move = a.store.TransferAsserted
	}
	return move(r.Context(), r.PathValue("claim"), body.To)
}
