package main

import (
	"bytes"
	"fmt"
	"strings"
)

const introduction = `<!-- Written by tools/errorref from codes.go and errors.go. Change the texts there. -->

# Errors

Every sign-in that fails has one of these codes. The person reads the sentence below it and a correlation id; the
administrator finds code, id, remedy and cause in the log. Codes are stable: programs may store and compare them, with
` + "`errors.Is(err, oidcsso.CodeAccessDenied)`" + `. A sentence may change, and where more is known of a case, the error has a
more exact remedy than the general one here.

The kind says what a code means to the person; the status is what ` + "`Error.HTTPStatus`" + ` gives.

`

// markdown is the document. Every code is a heading, so that a page or a ticket can link to docs/errors.md#access_denied.
func (r *reference) markdown() []byte {
	var b bytes.Buffer
	b.WriteString(introduction)
	for _, k := range r.kinds {
		fmt.Fprintf(&b, "- **%s**: %s\n", k.value, plain(k.meaning))
	}
	for _, g := range r.groups {
		fmt.Fprintf(&b, "\n## %s\n", plain(strings.TrimSuffix(g.heading, ".")))
		for _, c := range g.codes {
			fmt.Fprintf(&b, "\n### `%s`\n\n", c.value)
			fmt.Fprintf(&b, "*%s*, status %d, `%s`\n\n", c.kind, c.status, c.name)
			fmt.Fprintf(&b, "- The person reads: \"%s\"\n", plain(c.public))
			fmt.Fprintf(&b, "- For the administrator: %s\n", plain(c.remedy))
		}
	}
	return b.Bytes()
}

// plain keeps a sentence from being read as Markdown.
func plain(text string) string {
	return strings.NewReplacer(`\`, `\\`, "`", "\\`", "*", `\*`, "<", `\<`, "[", `\[`).Replace(text)
}
