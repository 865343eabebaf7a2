package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// The README's commands do what it says, in its order.
func TestReadme(t *testing.T) {
	for _, tool := range []string{"bash", "curl", "jq"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(err)
		}
	}
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var script strings.Builder
	for _, block := range strings.Split(string(text), "```sh\n")[1:] {
		commands, _, _ := strings.Cut(block, "```")
		script.WriteString(commands)
	}
	each(t, func(t *testing.T, w *world) {
		run := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", script.String())
		run.Env = append(os.Environ(), "URL="+w.origin, "ADMIN_TOKEN="+testToken)
		out, err := run.CombinedOutput()
		if err != nil {
			t.Fatalf("%v:\n%s", err, out)
		}
		for _, want := range []string{`"callback_uri": "` + w.origin, `"record_name": "_oidcsso-challenge.initech.test"`, "client_accepted",
			`"state": "report_only"`, `"state": "enforced"`, `"has_next_secret": true`, "their identity provider is down", `"faults": []`, `"ready": true`} {
			if !strings.Contains(string(out), want) {
				t.Errorf("the commands do not show %s:\n%s", want, out)
			}
		}
		if n := strings.Count(string(out), `"code": "client_accepted"`); n != 2 { // also with the next secret
			t.Errorf("%d of 2 tests of the connector succeeded", n)
		}
		w.settle()
		b := w.browser()
		b.submit(w.origin+"/login", "email", "ida@initech.test", "password", "tulip").want(303)
		if b.me() != "" {
			t.Error("the password still works")
		}
	})
}
