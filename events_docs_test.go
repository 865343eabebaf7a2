package oidcsso_test

import (
	"bytes"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/oidcsso/oidcsso"
)

// docs/events.md has a row for each event, with the level that LogEvents gives it.
func TestEventsAreDocumented(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("events.go")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("docs/events.md")
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile(`(?m)^\tEvent\w+ EventName = "(\w+)"`).FindAllStringSubmatch(string(source), -1)
	if len(names) < 8 {
		t.Fatalf("found the events %v", names)
	}
	for _, name := range names {
		var b bytes.Buffer
		oidcsso.LogEvents(slog.New(slog.NewTextHandler(&b, nil))).Event(t.Context(), name[1], slog.String("kind", "unavailable"))
		level := regexp.MustCompile(`level=(\w+)`).FindStringSubmatch(b.String())[1]
		row := regexp.MustCompile("(?m)^\\| `" + name[1] + "` \\|.*").FindString(string(page))
		columns := strings.Split(row, " | ")
		if len(columns) != 4 || !strings.HasPrefix(columns[3], level) {
			t.Errorf("%s has the level %s, and the row %q", name[1], level, row)
		}
	}
}
