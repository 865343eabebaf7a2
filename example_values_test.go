package oidcsso_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/netip"
	"time"

	"github.com/oidcsso/oidcsso"
)

// A Login that was sealed with the old key opens as long as that one is in the list.
func ExampleLogin_Seal() {
	idp, stop := startIdP("https://app.example.com/sso")
	defer stop()
	connector, err := oidcsso.NewConnector(idp.Config("acme"), idp.Options())
	if err != nil {
		log.Fatal(err)
	}
	_, login, err := connector.Begin(context.Background(), oidcsso.BeginParams{Binding: "session", Data: []byte("cart 7")})
	if err != nil {
		log.Fatal(err)
	}
	older, newer := oidcsso.RandomSealKey(), oidcsso.RandomSealKey()
	text, err := login.Seal(older)
	if err != nil {
		log.Fatal(err)
	}
	opened, err := oidcsso.OpenLogin([]oidcsso.SealKey{newer, older}, text)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s, %s, %t\n", opened.Connector(), opened.Data(), opened.State() == login.State())
	_, err = oidcsso.OpenLogin([]oidcsso.SealKey{newer}, text)
	fmt.Println(errors.Is(err, oidcsso.CodeLoginMissing))
	// Output:
	// acme, cart 7, true
	// true
}

// A key prints nothing of itself, and one that is no key is refused.
func ExampleNewSealKey() {
	key, err := oidcsso.NewSealKey([]byte("32 bytes of a random generator !"))
	fmt.Printf("%v %+v %x %v\n", key, key, key, err)
	_, err = oidcsso.NewSealKey(bytes.Repeat([]byte{0}, 32))
	fmt.Println(err)
	_, err = oidcsso.ParseSealKey("changeme")
	fmt.Println(err)
	// Output:
	// [redacted] [redacted] [redacted] <nil>
	// oidcsso: a seal key of 32 equal bytes is not random
	// oidcsso: a seal key has 32 bytes, not 6; `openssl rand -base64 32` prints one in base64
}

// Any error becomes one that can be shown: a sentence for the person, and nothing of what went wrong inside.
func ExampleAsError() {
	e := oidcsso.AsError(errors.New("pq: password authentication failed for user shop"))
	e.ID = "k3v9x2" // random otherwise
	public, _ := json.Marshal(e)
	fmt.Println(string(public), e.HTTPStatus())
	fmt.Println(e) // for the log
	// Output:
	// {"code":"internal","message":"Something went wrong on our side. Please try again.","id":"k3v9x2"} 500
	// oidcsso: internal: pq: password authentication failed for user shop [An unexpected fault; the cause says more. Give it to the backend's developers, with the ID.]
}

// A program tells errors apart by code, or by what they mean to the person.
func ExampleError() {
	answer := func(err error) string {
		switch e := oidcsso.AsError(err); {
		case errors.Is(err, oidcsso.CodeAccessDenied):
			return "back to the login page, without a word: the person pressed Cancel"
		case errors.Is(err, context.DeadlineExceeded): // causes keep their type
			return "try again: " + e.Public
		case e.Kind() == oidcsso.KindExpired:
			return "a button that begins again"
		default:
			return e.Public
		}
	}
	fmt.Println(answer(oidcsso.AsError(oidcsso.CodeAccessDenied)))
	fmt.Println(answer(oidcsso.AsError(oidcsso.CodeLoginExpired)))
	fmt.Println(answer(oidcsso.Refuse("Your account is locked.")))
	// Output:
	// back to the login page, without a word: the person pressed Cancel
	// a button that begins again
	// Your account is locked.
}

// What to store: the text in a unique column, and the three parts for people.
func ExampleAccountKey() {
	key := oidcsso.AccountKey{Connector: "acme", Issuer: "https://acme.okta.com", Subject: "00u1alice"}
	fmt.Println(key)
	other := key
	other.Connector = "globex" // another customer that names the same issuer
	fmt.Println(other.String() == key.String())
	// Output:
	// 3f2a6a0653c81e23ca8da44cea05caec9cf7b65ea0b86d8ff46929f4a9e134da
	// false
}

// Addresses are read strictly, and come out in one form to store and to compare.
func ExampleParseAddress() {
	for _, text := range []string{" Alice@Bücher.Example ", "alice@acme.example.", "Alice <alice@acme.example>", "alice@acme", "a%evil.example@acme.example"} {
		address, err := oidcsso.ParseAddress(text)
		if err != nil {
			fmt.Println(string(oidcsso.AsError(err).Code))
			continue
		}
		fmt.Println(address, address.Domain)
	}
	// Output:
	// Alice@xn--bcher-kva.example xn--bcher-kva.example
	// alice@acme.example acme.example
	// address_invalid
	// address_invalid
	// address_invalid
}

// A domain that comes out of JSON is a claim, whatever the JSON says. Only the developer's code asserts.
func ExampleDomain() {
	var cfg oidcsso.Config
	form := `{"id": "mallory", "issuer": "https://idp.mallory.example", "client_id": "x", "domains": [{"name": "victim.example", "state": "asserted"}]}`
	if err := json.Unmarshal([]byte(form), &cfg); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s %q\n", cfg.Domains[0], cfg.Domains[0].State)
	router := oidcsso.NewRouter(&oidcsso.Options{BaseURL: "https://app.example.com/sso"})
	if err := router.Put(cfg); err != nil {
		log.Fatal(err)
	}
	_, err := router.Route(context.Background(), "victim.example")
	fmt.Println(errors.Is(err, oidcsso.ErrNotFound))

	cfg.Domains = []oidcsso.Domain{{Name: "mallory.example", State: oidcsso.DomainAsserted, ClaimID: "dns proof 17", Since: time.Now()}}
	if err := router.Put(cfg); err != nil {
		log.Fatal(err)
	}
	route, _ := router.Route(context.Background(), "mallory.example")
	fmt.Println(route.Connector.ID(), route.Domain.ClaimID)
	// Output:
	// victim.example ""
	// true
	// mallory dns proof 17
}

// One customer's identity provider is in a private network. Only that customer's connector may go there.
func ExampleOptions_egressFor() {
	onPremise := &oidcsso.Egress{AllowPrefixes: []netip.Prefix{netip.MustParsePrefix("10.1.2.0/24")}}
	opts := &oidcsso.Options{
		BaseURL: "https://app.example.com/sso",
		EgressFor: func(connectorID string) *oidcsso.Egress {
			if connectorID == "initech" {
				return onPremise // the same pointer each time
			}
			return nil // Options.Egress
		},
	}
	connector, err := oidcsso.NewConnector(oidcsso.Config{ID: "mallory", Issuer: "https://10.1.2.3/realms/main", ClientID: "shop"}, opts)
	if err != nil {
		log.Fatal(err)
	}
	_, err = connector.Metadata(context.Background())
	fmt.Println(oidcsso.AsError(err).Remedy)
	// Output:
	// The issuer's host is not on the public internet. If it should be reached, the backend's developer can allow its network in Options.Egress or EgressFor.
}
