package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
)

// mod is what depcheck looks at in a go.mod.
type mod struct {
	Module  struct{ Path string }
	Require []struct {
		Path     string
		Indirect bool
	}
	Replace []struct{ Old struct{ Path string } }
}

func readMod(dir string) (mod, error) {
	var m mod
	text, err := goCommand(dir, "mod", "edit", "-json")
	if err != nil {
		return m, err
	}
	return m, json.Unmarshal(text, &m)
}

func (m mod) direct() int {
	n := 0
	for _, r := range m.Require {
		if !r.Indirect {
			n++
		}
	}
	return n
}

// requirements also refuses replacements: they do not reach whoever imports the module.
func (m mod) requirements() []string {
	var problems []string
	for _, r := range m.Require {
		if !r.Indirect && !slices.Contains(allowed, r.Path) {
			problems = append(problems, fmt.Sprintf("go.mod: direct requirement %s is not one that the design names", r.Path))
		}
	}
	for _, r := range m.Replace {
		problems = append(problems, fmt.Sprintf("go.mod: %s is replaced", r.Old.Path))
	}
	return problems
}

// goCommand runs the go command and gives its standard output.
func goCommand(dir string, args ...string) ([]byte, error) {
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w\n%s", args[0], err, stderr.Bytes())
	}
	return out, nil
}
