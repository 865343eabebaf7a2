package interop

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/oidcsso/oidcsso/interop/internal/matrix"
)

var matrixFile = flag.String("matrix", "", "write the matrix to this `file` as well, in Markdown")

// testCase is a row of the matrix.
type testCase struct {
	name, promise string
	run           func(c *trial)
}

// cases run in this order: an identity provider is restarted in the last ones.
func cases() []testCase {
	return slices.Concat(signInCases(), refusalCases(), configurationCases(), outageCases())
}

// TestIdentityProviders runs all cases with the identity providers that INTEROP chooses: "short", "all", or names divided by
// commas. One that can't start is skipped; with INTEROP_MIN it fails if fewer ran.
func TestIdentityProviders(t *testing.T) {
	chosen, err := choose(os.Getenv("INTEROP"))
	if err != nil {
		t.Fatal(err)
	}
	if len(chosen) == 0 {
		t.Skip("SKIPPED: INTEROP is not set; with INTEROP=short or INTEROP=all this test starts real identity providers")
	}
	rows := make([]matrix.Case, 0, len(cases()))
	for _, tc := range cases() {
		rows = append(rows, matrix.Case{Name: tc.name, Promise: tc.promise})
	}
	m := matrix.New(rows)
	t.Run("idp", func(t *testing.T) {
		for _, p := range chosen {
			t.Run(p.name, func(t *testing.T) {
				t.Parallel()
				runProvider(t, p, m)
			})
		}
	})
	fmt.Print("\n", m.Text(), "\n")
	if least, err := strconv.Atoi(os.Getenv("INTEROP_MIN")); err == nil && m.Ran() < least {
		t.Errorf("%d identity providers ran; INTEROP_MIN wants %d", m.Ran(), least)
	}
	switch {
	case *matrixFile == "":
	case !m.Complete():
		t.Error("not all cases ran: the matrix is not written")
	default:
		writeMatrix(t, m)
	}
}

func runProvider(t *testing.T, p provider, m *matrix.Matrix) {
	column := matrix.IdP{Name: p.name, About: p.about()}
	w, err := newWorld(t, p)
	if err != nil {
		column.Skipped = err.Error()
		m.Put(column)
		t.Skip("SKIPPED: " + err.Error())
	}
	column.Issuer, column.FirstStart = strings.ReplaceAll(w.issuer, strconv.Itoa(w.port), "PORT"), w.running.Took
	m.Put(column)
	for _, tc := range cases() {
		t.Run(tc.name, func(t *testing.T) {
			c := &trial{T: t, world: w, cell: matrix.Cell{Outcome: matrix.OK}}
			defer func() {
				if t.Failed() {
					c.cell.Outcome = matrix.Failed
				}
				m.Set(p.name, tc.name, c.cell)
			}()
			if reason := p.cant[tc.name]; reason != "" {
				c.na(reason)
			}
			tc.run(c)
		})
	}
}

// choose gives the identity providers that a setting names.
func choose(setting string) ([]provider, error) {
	all := providers()
	var names []string
	switch setting {
	case "":
		return nil, nil
	case "all":
		return all, nil
	case "short":
		names = shortSet
	default:
		names = strings.Split(setting, ",")
	}
	var chosen []provider
	for _, name := range names {
		i := slices.IndexFunc(all, func(p provider) bool { return p.name == strings.TrimSpace(name) })
		if i < 0 {
			return nil, fmt.Errorf("INTEROP names %q, for which there is no script", name)
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

func writeMatrix(t *testing.T, m *matrix.Matrix) {
	t.Helper()
	machine := fmt.Sprintf("%s/%s with %d CPUs, %s", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version())
	const command = "INTEROP=all go test -C interop -count=1 -timeout 60m . -matrix=../docs/interop.md"
	if err := os.WriteFile(*matrixFile, []byte(m.Markdown(command, machine, time.Now())), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestChoose(t *testing.T) {
	t.Parallel()
	for setting, want := range map[string]int{"": 0, "short": len(shortSet), "all": len(providers()), "dex, hydra": 2} {
		if chosen, err := choose(setting); err != nil || len(chosen) != want {
			t.Errorf("%q chose %d: %v", setting, len(chosen), err)
		}
	}
	if _, err := choose("dex,okta"); err == nil {
		t.Error("an unknown name was taken")
	}
}

// Every reason for a case that can't be done belongs to a case that there is.
func TestReasonsNameCases(t *testing.T) {
	t.Parallel()
	for _, p := range providers() {
		for name := range p.cant {
			if !slices.ContainsFunc(cases(), func(tc testCase) bool { return tc.name == name }) {
				t.Errorf("%s: there is no case %q", p.name, name)
			}
		}
	}
}
