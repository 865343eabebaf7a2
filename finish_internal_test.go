package oidcsso

import (
	"testing"

	"github.com/oidcsso/oidcsso/internal/strictjson"
)

// The purposes that nothing can begin yet, and some that do not exist, for the tests from outside.
var OtherPurposes = map[string]uint8{
	"none": 0, "link": uint8(purposeLink), "step-up": uint8(purposeStepUp), "test": uint8(purposeTest), "one of a later version": 200,
}

// SetPurpose makes the Login one that was begun for something else.
func (l *Login) SetPurpose(p uint8) { l.purpose = purpose(p) }

// The left half of the hash of "token", as openssl makes it, for every algorithm that an ID token may have: those that the
// identity provider for tests does not sign with, too.
func TestAccessTokenHashOfEveryAlgorithm(t *testing.T) {
	t.Parallel()
	const half256, half384, half512 = "PEaenWxYddN6Q_NT1PiOYQ", "Cm6hANx1qgPTYYSWu3KFaieklEAsPkh3", "ImXaughy_DrvFp0Hk2XlkPDLyO1GwqeYTIpkKAPP2Ww"
	for _, alg := range signingAlgorithms {
		want := map[string]string{"256": half256, "384": half384, "512": half512}[alg[2:]]
		if alg == "EdDSA" {
			want = half512
		}
		for _, hash := range []string{half256, half384, half512} {
			object, err := strictjson.Parse([]byte(`{"at_hash":"` + hash + `"}`))
			if err != nil {
				t.Fatal(err)
			}
			if err := checkAccessTokenHash(object, alg, "token"); (err == nil) != (hash == want) {
				t.Errorf("%s with at_hash %s: %v", alg, hash, err)
			}
		}
	}
}
