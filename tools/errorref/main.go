// Command errorref writes docs/errors.md, the reference of the library's error codes, from what the code says: the constants
// and the table of texts in codes.go, and the kinds in errors.go. It only parses, so it works on code that does not compile.
//
//	errorref [-check] [repository]
//
// With -check it writes nothing, and fails if docs/errors.md is not what it would write.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

func main() {
	check := flag.Bool("check", false, "write nothing, and fail if the reference is out of date")
	flag.Parse()
	root := "."
	if flag.NArg() > 0 {
		root = flag.Arg(0)
	}
	if err := run(root, *check, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "errorref:", err)
		os.Exit(1)
	}
}

// target is the document, below the repository's root.
const target = "docs/errors.md"

func run(root string, check bool, out io.Writer) error {
	ref, err := readReference(root)
	if err != nil {
		return err
	}
	want := ref.markdown()
	name := filepath.Join(root, filepath.FromSlash(target))
	if check {
		got, err := os.ReadFile(name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if line := firstDifference(got, want); line > 0 {
			return fmt.Errorf("%s:%d is not what the code says; go run -C tools ./errorref .. writes it anew", target, line)
		}
	} else {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(name, want, 0o644); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "%s: %d codes in %d groups\n", target, ref.count(), len(ref.groups))
	return nil
}

// firstDifference is the number of the first line in which two texts differ, 0 if they are equal.
func firstDifference(got, want []byte) int {
	if bytes.Equal(got, want) {
		return 0
	}
	a, b := bytes.Split(got, []byte("\n")), bytes.Split(want, []byte("\n"))
	line := 0
	for line < len(a) && line < len(b) && bytes.Equal(a[line], b[line]) {
		line++
	}
	return line + 1
}
