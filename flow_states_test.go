package oidcsso_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/oidcsso/oidcsso"
)

// diary is an Events that writes down what is told of attempts.
type diary struct{ lines []string }

func (d *diary) Event(_ context.Context, name string, attrs ...slog.Attr) {
	if name == oidcsso.EventReportOnly || name == oidcsso.EventBreakGlassUsed {
		d.lines = append(d.lines, fmt.Sprintf("%s %v", name, attrs))
	}
}

func (h *routes) setState(state oidcsso.DomainState, disabled bool) {
	h.t.Helper()
	h.cfg.Domains[0].State, h.cfg.Disabled = state, disabled
	h.put(h.cfg)
}

// Where a start leads, by page and by JSON. It lets nobody in, so it is no attempt that anybody counts.
func TestHandlerByDomainState(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		state    oidcsso.DomainState
		disabled bool
		want     string // where to
	}{
		{oidcsso.DomainClaimed, false, "password"},
		{oidcsso.DomainVerified, false, "password"},
		{oidcsso.DomainRouted, false, "sso"},
		{oidcsso.DomainReportOnly, false, "sso"},
		{oidcsso.DomainEnforced, false, "sso"},
		{oidcsso.DomainAsserted, false, "sso"},
		{oidcsso.DomainFrozen, false, "sso"},
		{oidcsso.DomainLapsed, false, "password"},
		{oidcsso.DomainVerified, true, "password"},
		{oidcsso.DomainRouted, true, "password"}, // nobody is sent where nobody gets in, and other ways are open
		{oidcsso.DomainReportOnly, true, "password"},
		{oidcsso.DomainEnforced, true, "connector_disabled"},
		{oidcsso.DomainFrozen, true, "connector_disabled"},
	} {
		t.Run(fmt.Sprintf("%s, disabled %t", row.state, row.disabled), func(t *testing.T) {
			t.Parallel()
			told := &diary{}
			h := newRoutes(t, nil, func(o *oidcsso.Options, _ *oidcsso.FlowOptions) { o.Events = told })
			h.setState(row.state, row.disabled)
			page := h.serve(startRequest("GET", "email=alice@acme.test", "", ""))
			inJSON := h.serve(acceptsJSON(startRequest("GET", "email=alice@acme.test", "", "")))
			switch row.want {
			case "sso":
				h.wantStarted(page)
				h.wantStarted(inJSON)
			case "password":
				wantPage(t, page, http.StatusNotFound, "No single sign-on", "There is no single sign-on for this email address.", "/login")
				if members := jsonOf(t, inJSON); inJSON.Code != http.StatusOK || members["method"] != "password" || len(members) != 1 {
					t.Errorf("status %d, %v", inJSON.Code, members)
				}
			default:
				if members := jsonOf(t, inJSON); page.Code != http.StatusServiceUnavailable || inJSON.Code != http.StatusServiceUnavailable || members["code"] != row.want {
					t.Errorf("status %d and %d, %v", page.Code, inJSON.Code, members)
				}
			}
			if told.lines != nil {
				t.Errorf("told %q", told.lines)
			}
		})
	}
}

// granting is a Source with one exception, and an Events.
type granting struct {
	*oidcsso.Router
	*diary
	address string
}

func (g *granting) Grant(_ context.Context, connectorID, address string, _ oidcsso.Method) (string, error) {
	if connectorID == "acme" && address == g.address {
		return "grant-1", nil
	}
	return "", oidcsso.ErrNotFound
}

// Enforce sends away those who must use the connector, and nobody else; Source and Options hear of the same attempts.
func TestEnforceByDomainState(t *testing.T) {
	t.Parallel()
	const report = "report_only [connector=acme domain=acme.test method=password]"
	const glass = "break_glass_used [connector=acme domain=acme.test method=password grant=grant-1]"
	for _, row := range []struct {
		state   oidcsso.DomainState
		account string
		glass   bool
		handled bool
		told    string
	}{
		{oidcsso.DomainClaimed, "alice@acme.test", false, false, ""},
		{oidcsso.DomainVerified, "alice@acme.test", false, false, ""},
		{oidcsso.DomainRouted, "alice@acme.test", false, false, ""},
		{oidcsso.DomainReportOnly, "alice@acme.test", false, false, report},
		{oidcsso.DomainEnforced, "alice@acme.test", false, true, ""},
		{oidcsso.DomainAsserted, "alice@acme.test", false, true, ""},
		{oidcsso.DomainFrozen, "alice@acme.test", false, true, ""},
		{oidcsso.DomainLapsed, "alice@acme.test", false, false, ""},
		{oidcsso.DomainEnforced, "alice@acme.test", true, false, glass},
		{oidcsso.DomainFrozen, "alice@acme.test", true, false, glass},
		{oidcsso.DomainEnforced, "bob@acme.test", true, true, ""},
	} {
		t.Run(fmt.Sprintf("%s, %s, break-glass %t", row.state, row.account, row.glass), func(t *testing.T) {
			t.Parallel()
			told := &diary{}
			d := newDirect(t, func(o *oidcsso.Options, _ *oidcsso.FlowOptions) { o.Events = told })
			d.cfg.Domains[0].State = row.state
			d.put(d.cfg)
			source := &granting{d.router, &diary{}, "alice@acme.test"}
			flow := d.newFlow(source, d.flowOptions())
			attempt := oidcsso.Attempt{Account: []string{row.account}, Method: oidcsso.MethodPassword, BreakGlass: row.glass}
			w := httptest.NewRecorder()
			handled, err := flow.Enforce(w, httptest.NewRequest(http.MethodPost, "/login", nil), attempt, oidcsso.BeginParams{})
			if err != nil || handled != row.handled || handled != (w.Code == http.StatusSeeOther) || !handled && len(w.Header()) > 0 {
				t.Errorf("handled %t, %v, status %d", handled, err, w.Code)
			}
			var want []string
			if row.told != "" {
				want = []string{row.told}
			}
			if !slices.Equal(source.lines, want) || !slices.Equal(told.lines, want) {
				t.Errorf("the Source was told %q, Options.Events %q, want %q", source.lines, told.lines, want)
			}
			// The function knows of no Options.
			decision, err := oidcsso.Decide(t.Context(), source, attempt)
			if err != nil || decision.Allowed() == row.handled || len(source.lines) != 2*len(want) || len(told.lines) != len(want) {
				t.Errorf("%+v, %v: the Source was told %q, Options.Events %q", decision, err, source.lines, told.lines)
			}
		})
	}
}
