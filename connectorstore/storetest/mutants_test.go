package storetest_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/connectorstore/storetest"
)

// flawed is a Router that answers by one function of its own.
type flawed struct {
	*oidcsso.Router
	route     func(r *oidcsso.Router, ctx context.Context, domain string) (*oidcsso.Route, error)
	connector func(r *oidcsso.Router, ctx context.Context, id string) (*oidcsso.Connector, error)
	change    func(r *oidcsso.Router, cfgs []oidcsso.Config) error
}

func (f *flawed) Route(ctx context.Context, domain string) (*oidcsso.Route, error) {
	if f.route != nil {
		return f.route(f.Router, ctx, domain)
	}
	return f.Router.Route(ctx, domain)
}

func (f *flawed) Connector(ctx context.Context, id string) (*oidcsso.Connector, error) {
	if f.connector != nil {
		return f.connector(f.Router, ctx, id)
	}
	return f.Router.Connector(ctx, id)
}

type route = func(r *oidcsso.Router, ctx context.Context, domain string) (*oidcsso.Route, error)

// unless answers "not found" for a route that is not fit.
func unless(unfit func(*oidcsso.Route) bool) route {
	return func(r *oidcsso.Router, ctx context.Context, domain string) (*oidcsso.Route, error) {
		found, err := r.Route(ctx, domain)
		if err == nil && unfit(found) {
			return nil, oidcsso.ErrNotFound
		}
		return found, err
	}
}

// mutants are Sources with one mistake each, such as backends make them, and the part of the suite that must notice.
var mutants = map[string]struct {
	flawed
	part string
}{
	"a domain matches by its end": {flawed{route: func(r *oidcsso.Router, ctx context.Context, domain string) (*oidcsso.Route, error) {
		found, err := r.Route(ctx, domain)
		if errors.Is(err, oidcsso.ErrNotFound) && strings.HasSuffix(domain, "acme.example") {
			return r.Route(ctx, "acme.example")
		}
		return found, err
	}}, "routes_by_the_whole_name"},
	"the shortest wildcard wins": {flawed{route: func(r *oidcsso.Router, ctx context.Context, domain string) (*oidcsso.Route, error) {
		if strings.HasSuffix(domain, ".wild.example") {
			return r.Route(ctx, "x.wild.example")
		}
		return r.Route(ctx, domain)
	}}, "routes_by_the_whole_name"},
	"only enforced domains are answered for": {flawed{route: unless(func(found *oidcsso.Route) bool {
		return found.Domain.State != oidcsso.DomainEnforced && found.Domain.State != oidcsso.DomainAsserted
	})}, "answers_for_each_owned_state"},
	"disabled connectors lose their domains": {flawed{route: unless(func(found *oidcsso.Route) bool {
		return found.Connector.Disabled()
	})}, "answers_for_each_owned_state"},
	"disabled connectors are hidden": {flawed{connector: func(r *oidcsso.Router, ctx context.Context, id string) (*oidcsso.Connector, error) {
		c, err := r.Connector(ctx, id)
		if err == nil && c.Disabled() {
			return nil, oidcsso.ErrNotFound
		}
		return c, err
	}}, "gives_connectors_by_their_exact_ID"},
	"IDs in any case": {flawed{connector: func(r *oidcsso.Router, ctx context.Context, id string) (*oidcsso.Connector, error) {
		return r.Connector(ctx, strings.TrimSpace(strings.ToLower(id)))
	}}, "gives_connectors_by_their_exact_ID"},
	"a null byte is a failure": {flawed{connector: func(r *oidcsso.Router, ctx context.Context, id string) (*oidcsso.Connector, error) {
		if strings.Contains(id, "\x00") {
			return nil, errDown
		}
		return r.Connector(ctx, id)
	}}, "is_not_confused_by_hostile_names"},
	"another connector's entry": {flawed{route: func(r *oidcsso.Router, ctx context.Context, domain string) (*oidcsso.Route, error) {
		found, err := r.Route(ctx, domain)
		if err == nil {
			found = &oidcsso.Route{Connector: found.Connector, Domain: oidcsso.Domain{Name: found.Domain.Name, Wildcard: found.Domain.Wildcard, State: oidcsso.DomainRouted}}
		}
		return found, err
	}}, "gives_answers_that_fit_each_other"},
	"neither a route nor an error": {flawed{route: func(r *oidcsso.Router, ctx context.Context, domain string) (*oidcsso.Route, error) {
		found, err := r.Route(ctx, domain)
		if errors.Is(err, oidcsso.ErrNotFound) {
			return nil, nil
		}
		return found, err
	}}, "routes_by_the_whole_name"},
	"cancelled means not found": {flawed{route: func(r *oidcsso.Router, ctx context.Context, domain string) (*oidcsso.Route, error) {
		if ctx.Err() != nil {
			return nil, oidcsso.ErrNotFound
		}
		return r.Route(ctx, domain)
	}}, "does_not_take_a_cancelled_question_for_not_found"},
	"what it knew once": {flawed{change: func(*oidcsso.Router, []oidcsso.Config) error { return nil }}, "follows_changes"},
	"a gap in a move": {flawed{route: func(r *oidcsso.Router, ctx context.Context, domain string) (*oidcsso.Route, error) {
		found, err := r.Route(ctx, domain)
		select {
		case asked <- true:
		default:
		}
		return found, err
	}, change: func(r *oidcsso.Router, cfgs []oidcsso.Config) error {
		if err := r.Replace(nil); err != nil {
			return err
		}
		for range 2 { // until somebody has asked in the gap; nobody does any more once it was noticed
			select {
			case <-asked:
			case <-time.After(100 * time.Millisecond):
			}
		}
		return r.Replace(cfgs)
	}}, "never_leaves_a_moving_domain_to_nobody"},
}

var asked = make(chan bool, 1)

// A suite is worth what it notices.
func TestSourceNoticesMistakes(t *testing.T) {
	t.Parallel()
	for name, m := range mutants {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestMutant$/^"+m.part+"$", "-test.v")
			child.Env = append(os.Environ(), "STORETEST_MUTANT="+name)
			out, err := child.CombinedOutput()
			if err == nil || !strings.Contains(string(out), "--- FAIL: TestMutant/"+m.part) {
				t.Errorf("the part %s does not notice: %v\n%s", m.part, err, out)
			}
		})
	}
}

// TestMutant runs the suite over one of the mutants, for TestSourceNoticesMistakes.
func TestMutant(t *testing.T) {
	m, ok := mutants[os.Getenv("STORETEST_MUTANT")]
	if !ok {
		t.Skip("only as a child of TestSourceNoticesMistakes")
	}
	storetest.Source(t, func(t testing.TB, cfgs []oidcsso.Config) storetest.Subject {
		f := m.flawed
		f.Router = oidcsso.NewRouter(storetest.Options())
		if err := f.Router.Replace(cfgs); err != nil {
			t.Fatal(err)
		}
		return storetest.Subject{Source: &f, Change: func(t testing.TB, cfgs []oidcsso.Config) {
			change := f.change
			if change == nil {
				change = (*oidcsso.Router).Replace
			}
			if err := change(f.Router, cfgs); err != nil {
				t.Error(err)
			}
		}}
	})
}
