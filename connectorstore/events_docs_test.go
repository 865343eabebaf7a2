package connectorstore

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/oidcsso/oidcsso"
)

// docs/events.md has a row for each event of the store, with the level that LogEvents gives it, and no other rows.
func TestEventsAreDocumented(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range regexp.MustCompile(`(?m)^(?:const |\t)Event\w+ oidcsso\.EventName = "(\w+)"`).FindAllStringSubmatch(string(source), -1) {
			names = append(names, name[1])
		}
	}
	page, err := os.ReadFile("../docs/events.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n## Events of stored connectors\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var documented []string
	for _, row := range regexp.MustCompile("(?m)^\\| `(\\w+)` \\|.* \\| (\\w+) \\|$").FindAllStringSubmatch(section, -1) {
		documented = append(documented, row[1])
		var b bytes.Buffer
		oidcsso.LogEvents(slog.New(slog.NewTextHandler(&b, nil))).Event(t.Context(), row[1])
		if !strings.Contains(b.String(), " level="+row[2]+" ") {
			t.Errorf("%s has the level %s in the table, and is logged as %s", row[1], row[2], &b)
		}
	}
	slices.Sort(names)
	slices.Sort(documented)
	if len(names) < 16 || !slices.Equal(names, documented) {
		t.Errorf("the events are\n%q, in the table\n%q", names, documented)
	}
}

// Of these somebody should know.
func TestAlarmingEventsAreWarnings(t *testing.T) {
	t.Parallel()
	for _, name := range []oidcsso.EventName{EventDomainLost, EventDomainFrozen, EventDomainUnknown, EventConnectorQuarantined, EventGrantTampered,
		EventClientSecretExpiring, EventBreakGlassGranted} {
		var b bytes.Buffer
		oidcsso.LogEvents(slog.New(slog.NewTextHandler(&b, nil))).Event(t.Context(), name)
		if !strings.Contains(b.String(), "level=WARN") {
			t.Errorf("%s", &b)
		}
	}
}
