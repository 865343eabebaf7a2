package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// source is the Go code of all modules that is built here, files as lists of normalised lines.
type source struct {
	root  string
	files [][]string
}

// normal drops blank lines and the difference between one kind of white space and another.
func normal(lines []string) []string {
	var out []string
	for _, l := range lines {
		if words := strings.Fields(l); len(words) > 0 {
			out = append(out, strings.Join(words, " "))
		}
	}
	return out
}

func readSource(root string, modules []string) (*source, error) {
	s := &source{root: root}
	for _, dir := range modules {
		// -find: what the packages import need not be there.
		text, err := goCommand(dir, "list", "-find", "-json=Dir,GoFiles,CgoFiles,TestGoFiles,XTestGoFiles", "./...")
		if err != nil {
			return nil, err
		}
		decoder := json.NewDecoder(strings.NewReader(text))
		for {
			var p struct {
				Dir                                          string
				GoFiles, CgoFiles, TestGoFiles, XTestGoFiles []string
			}
			if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				return nil, err
			}
			for _, name := range slices.Concat(p.GoFiles, p.CgoFiles, p.TestGoFiles, p.XTestGoFiles) {
				text, err := os.ReadFile(filepath.Join(p.Dir, name))
				if err != nil {
					return nil, err
				}
				s.files = append(s.files, normal(strings.Split(string(text), "\n")))
			}
		}
	}
	return s, nil
}

// check says what is wrong with a block, or nothing.
func (s *source) check(b block) string {
	lines := normal(b.lines)
	if len(lines) == 0 {
		return "the block is empty"
	}
	best := 0
	for _, file := range s.files {
		best = max(best, longestMatch(file, lines))
	}
	if best == len(lines) {
		return ""
	}
	if isProgram(lines) {
		return s.compile(b)
	}
	return fmt.Sprintf("the block stands in no Go file that is compiled; the first %d of %d lines do, this one does not: %s", best, len(lines), lines[best])
}

// longestMatch is how many of the lines stand together in the file, counted from the first.
func longestMatch(file, lines []string) int {
	best := 0
	for i := range file {
		n := 0
		for n < len(lines) && i+n < len(file) && file[i+n] == lines[n] {
			n++
		}
		best = max(best, n)
	}
	return best
}

// isProgram says whether the lines begin with a package clause, comments aside.
func isProgram(lines []string) bool {
	for _, l := range lines {
		if !strings.HasPrefix(l, "//") {
			return strings.HasPrefix(l, "package ")
		}
	}
	return false
}

// compile lets the go command see the block as a package of the root module, without writing into the repository.
func (s *source) compile(b block) string {
	dir, err := os.MkdirTemp("", "readme")
	if err != nil {
		return err.Error()
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "main.go")
	overlay := filepath.Join(dir, "overlay.json")
	const place = "readme_block_that_exists_only_while_checked"
	replace, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(s.root, place, "main.go"): file}})
	if err != nil {
		return err.Error()
	}
	err = errors.Join(os.WriteFile(file, []byte(strings.Join(b.lines, "\n")+"\n"), 0o600), os.WriteFile(overlay, replace, 0o600))
	if err != nil {
		return err.Error()
	}
	if _, err := goCommand(s.root, "build", "-o", os.DevNull, "-overlay", overlay, "./"+place); err != nil {
		return "the block does not compile (its lines are counted from the one below the fence):\n" + strings.ReplaceAll(err.Error(), dir+string(filepath.Separator), "")
	}
	return ""
}

// goCommand runs the go command and gives its standard output.
func goCommand(dir string, args ...string) (string, error) {
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w\n%s", args[0], err, stderr.Bytes())
	}
	return string(out), nil
}
