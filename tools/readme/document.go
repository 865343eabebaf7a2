package main

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// document is a Markdown file, taken apart by line.
type document struct {
	name     string
	blocks   []block
	prose    []line
	problems []finding
}

// block is a fenced block of code. Its line is that of the opening fence.
type block struct {
	language string
	line     int
	lines    []string
}

type line struct {
	number int
	text   string
}

var fence = regexp.MustCompile("^\\s*(```+|~~~+)\\s*([\\w+-]*)")

func readDocument(root, name string) (*document, error) {
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		return nil, err
	}
	d := &document{name: name}
	var open *block
	var mark string
	scanner := bufio.NewScanner(bytes.NewReader(text))
	scanner.Buffer(nil, len(text)+1)
	for n := 1; scanner.Scan(); n++ {
		text := scanner.Text()
		switch m := fence.FindStringSubmatch(text); {
		case open == nil && m != nil:
			open, mark = &block{language: m[2], line: n}, m[1]
		case open == nil:
			d.prose = append(d.prose, line{n, text})
		case m != nil && strings.HasPrefix(m[1], mark) && m[2] == "":
			d.blocks = append(d.blocks, *open)
			open = nil
		default:
			open.lines = append(open.lines, text)
		}
	}
	if open != nil {
		d.problems = append(d.problems, finding{open.line, "the block is not closed"})
	}
	return d, scanner.Err()
}
