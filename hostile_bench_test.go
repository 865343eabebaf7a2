package oidcsso_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"math/big"
	"testing"
)

// BenchmarkHostile is what a sign-in costs at each hostile identity provider, from a new connector that has discovered nothing
// to its end. The row "none" is that of a sound one, in the same run: connections, tokens and the identity provider's own work
// are in both. The aim is under 100 ms of processor time for each.
func BenchmarkHostile(b *testing.B) {
	for _, row := range hostiles() {
		b.Run(row.name, func(b *testing.B) {
			v := newVictim(b, row, "https://elsewhere.example.test")
			b.ReportAllocs()
			for b.Loop() {
				id, err := v.signIn(v.connector())
				row.check(b, id, err)
			}
		})
	}
}

// BenchmarkFourVerifications is the bare work of the most that one token can cause: four signature operations, here with the
// largest keys and exponents that are accepted, and with those of 4096 bits.
func BenchmarkFourVerifications(b *testing.B) {
	digest := sha256.Sum256([]byte("token"))
	for _, bits := range []int{4096, 8192} {
		b.Run(fmt.Sprintf("RSA %d", bits), func(b *testing.B) {
			n := new(big.Int).Lsh(big.NewInt(1), uint(bits))
			key := &rsa.PublicKey{N: n.Sub(n, big.NewInt(1)), E: 1<<31 - 1}
			signature := make([]byte, bits/8)
			signature[bits/8-1] = 2
			for b.Loop() {
				for range 4 {
					if rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature) == nil {
						b.Fatal("accepted")
					}
				}
			}
		})
	}
}
