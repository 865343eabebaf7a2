package oidcsso_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/oidcsso/oidcsso"
)

// auditTrail keeps what an auditor asks for: who signed in, who was refused, who got in past single sign-on.
type auditTrail struct {
	insert func(event string, attrs map[string]string)
}

func (a auditTrail) Event(_ context.Context, name string, attrs ...slog.Attr) {
	row := map[string]string{}
	for _, attr := range attrs {
		row[attr.Key] = attr.Value.String()
	}
	a.insert(name, row)
}

// An Events of the backend's own.
func ExampleEvents() {
	opts := &oidcsso.Options{
		BaseURL: "https://app.example.com/sso",
		Events: auditTrail{insert: func(event string, attrs map[string]string) {
			fmt.Println(event, attrs["connector"], attrs["stage"], attrs["code"])
		}},
	}
	connector, err := oidcsso.NewConnector(oidcsso.Config{ID: "acme", Issuer: "https://acme.okta.com", ClientID: "0oa1b2c3", Disabled: true}, opts)
	if err != nil {
		panic(err)
	}
	_, _, err = connector.Begin(context.Background(), oidcsso.BeginParams{Binding: "session-1"})
	fmt.Println(oidcsso.AsError(err).Public)
	// Output:
	// sign_in_refused acme begin connector_disabled
	// Your company's sign-in is switched off at the moment. Please ask your administrator.
}

func ExampleLogEvents() {
	opts := &oidcsso.Options{
		BaseURL: "https://app.example.com/sso",
		Events:  oidcsso.LogEvents(nil), // to slog.Default()
	}
	_, err := oidcsso.NewFlow(opts, oidcsso.NewRouter(opts), &oidcsso.FlowOptions{Keys: []oidcsso.SealKey{oidcsso.RandomSealKey()}})
	fmt.Println(err)

	// What it writes:
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
	oidcsso.LogEvents(logger).Event(context.Background(), oidcsso.EventBreakGlassUsed, slog.String("connector", "acme"), slog.String("domain", "acme.com"))
	// Output:
	// <nil>
	// level=WARN msg="oidcsso: break_glass_used" connector=acme domain=acme.com
}
