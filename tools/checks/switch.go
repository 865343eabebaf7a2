package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// environment names the variable that has the checks to switch off, with spaces between them.
const environment = "CHECKS_OFF"

// helper is added to each package with marks. The variable is read once: some conditions are looked at for each byte.
const helper = `package %s

import (
	"os"
	"slices"
	"strings"
)

var checksOff = strings.Fields(os.Getenv(%q))

func checkIsOn(name string) bool { return !slices.Contains(checksOff, name) }
`

// writeOverlay writes, below dir, changed copies of all files with marks, the helper for each package, and the map of both that
// go build reads. In a binary that was built with it, checks are switched off at run time, so that one serves for all.
func writeOverlay(dir string, marks map[string][]site) (string, error) {
	inserts := map[string][]insert{} // by file
	packages := map[string]string{}  // by directory
	for check, sites := range marks {
		for _, s := range sites {
			inserts[s.file] = append(inserts[s.file], insert{s.start, fmt.Sprintf(s.form, check)}, insert{s.end, ")"})
			packages[filepath.Dir(s.file)] = s.pkg
		}
	}
	replace := map[string]string{}
	write := func(name, text string) error {
		replace[name] = filepath.Join(dir, fmt.Sprintf("%d.go", len(replace)))
		return os.WriteFile(replace[name], []byte(text), 0o600)
	}
	for name, all := range inserts {
		text, err := os.ReadFile(name)
		if err != nil {
			return "", err
		}
		if err := write(name, inserted(string(text), all)); err != nil {
			return "", err
		}
	}
	for dir, pkg := range packages {
		if err := write(filepath.Join(dir, "checks_overlay.go"), fmt.Sprintf(helper, pkg, environment)); err != nil {
			return "", err
		}
	}
	body, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(dir, "overlay.json")
	return overlay, os.WriteFile(overlay, body, 0o600)
}

// insert is a text to put in at a byte offset.
type insert struct {
	at   int
	text string
}

func inserted(text string, all []insert) string {
	slices.SortStableFunc(all, func(a, b insert) int { return a.at - b.at })
	var out strings.Builder
	from := 0
	for _, i := range all {
		out.WriteString(text[from:i.at])
		out.WriteString(i.text)
		from = i.at
	}
	out.WriteString(text[from:])
	return out.String()
}
