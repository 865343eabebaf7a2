package main

import (
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v3"
)

// What is kept of a request, in an error that is logged a moment later, must not become the next person's: Fiber uses the
// memory of a request again.
func TestRequestBehindFiberKeepsWhatItSaid(t *testing.T) {
	t.Parallel()
	kept := make(chan []string, 2)
	router := fiber.New()
	router.Get("/:id", fiberHandler(func(_ http.ResponseWriter, r *http.Request) {
		kept <- []string{r.URL.Path, r.URL.RawQuery, r.RequestURI, r.Host, r.Header.Get("X-Name"), r.Header.Get("Cookie")}
	}))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = router.Listener(listener, fiber.ListenConfig{DisableStartupMessage: true})
	}()
	defer func() {
		listener.Close()
		<-served
	}()
	client := &http.Client{}
	get := func(name string) []string {
		request, err := http.NewRequest(http.MethodGet, "http://"+listener.Addr().String()+"/"+name+"?state="+name, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header = http.Header{"X-Name": {name}, "Cookie": {"session=" + name}}
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		return <-kept
	}
	alice := get("alice")
	before := slices.Collect(func(yield func(string) bool) {
		for _, s := range alice {
			if !yield(strings.Clone(s)) {
				return
			}
		}
	})
	get("mallo") // as long, on the same connection
	if !slices.Equal(alice, before) {
		t.Errorf("%q became %q", before, alice)
	}
}
