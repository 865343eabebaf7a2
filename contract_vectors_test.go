package oidcsso_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/oidcsso/oidcsso"
	"github.com/oidcsso/oidcsso/oidcssotest"
)

// vectorNonce stands in the vectors for the nonce of the sign-in.
const vectorNonce = "the-nonce"

// tokenVector is one payload of testdata/tokens, whose README says what the files look like.
type tokenVector struct {
	what     string
	accepted bool
	payload  string
}

// vectorPayloads reads the vectors of one number of the contract.
func vectorPayloads(t testing.TB, number int, name string) (vectors []tokenVector) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "tokens", fmt.Sprintf("%02d-%s.txt", number, strings.ReplaceAll(name, " ", "-"))))
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	for vector := range strings.SplitSeq(strings.TrimSuffix(string(text), "\n"), "\n\n") {
		head, payload, ok := strings.Cut(vector, "\n")
		outcome, what, named := strings.Cut(head, ": ")
		if !ok || !named || outcome != "refused" && outcome != "accepted" || strings.Contains(payload, "\n") {
			t.Fatalf("not a vector: %q", vector)
		}
		vectors = append(vectors, tokenVector{what, outcome == "accepted", payload})
	}
	return vectors
}

// vectorsOf makes attacks of them.
func vectorsOf(t *testing.T, number int, name string) (attacks []attack) {
	t.Helper()
	for _, vector := range vectorPayloads(t, number, name) {
		attacks = append(attacks, payloadAttack(vector.what, vector.accepted, vector.payload))
	}
	return attacks
}

// payloadAttack is a sign-in whose ID token has this payload. If it is a good one, only it is looked at: UserInfo would name Alice.
func payloadAttack(name string, accepted bool, payload string) attack {
	a := attack{name: name, code: oidcsso.CodeTokenRejected, before: func(tr *trial) {
		tr.faults(func(f *oidcssotest.Faults) { f.IDTokenPayload = replacePayload(payload) })
	}}
	if accepted {
		refused := a.before
		a.code, a.before = "", func(tr *trial) {
			refused(tr)
			tr.cfg.UserInfo = oidcsso.UserInfoNever
		}
	}
	return a
}

// replacePayload keeps only the nonce of the payload that it gets.
func replacePayload(payload string) func([]byte) []byte {
	return func(sound []byte) []byte {
		var claims struct{ Nonce string }
		if err := json.Unmarshal(sound, &claims); err != nil {
			panic(err)
		}
		return []byte(strings.ReplaceAll(payload, vectorNonce, claims.Nonce))
	}
}

// An editor that "mends" the vectors, and a file that no number reads, would go unnoticed.
func TestVectorsAreIntact(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/tokens/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	read, broken := 0, 0
	for _, c := range contract {
		if len(vectorPayloads(t, c.number, c.name)) > 0 {
			read++
		}
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if !utf8.ValidString(line) {
				broken++
			}
		}
	}
	if read != len(files) || broken != 4 {
		t.Errorf("%d of %d files are read, and %d lines are not UTF-8; want all, and 4", read, len(files), broken)
	}
}
