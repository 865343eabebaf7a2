// Package xaes is XAES-256-GCM (c2sp.org/XAES-256-GCM): AES-256-GCM with nonces of 192 bits, long enough to be drawn at
// random for any number of messages. It derives a fresh key for each message from the first half of the nonce, by a
// counter-mode KDF over CMAC (NIST SP 800-108r1), and uses the second half as GCM's nonce.
package xaes

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"errors"
)

// Sizes in bytes.
const (
	KeySize   = 32
	NonceSize = 24
	Overhead  = 16
)

// errOpen is the only thing that is said of a message that does not open.
var errOpen = errors.New("xaes: the message does not open")

// Key is a secret made ready: what does not depend on the nonce is computed once. It is immutable and safe for concurrent
// use.
type Key struct {
	secret [KeySize]byte
	block  cipher.Block
	k1     [aes.BlockSize]byte // of CMAC (NIST SP 800-38B, 6.1): the zero block's encryption, doubled in GF(2^128)
}

// NewKey makes a copy of the secret ready.
func NewKey(secret [KeySize]byte) *Key {
	k := &Key{secret: secret, block: mustBlock(secret[:])}
	k.block.Encrypt(k.k1[:], k.k1[:])
	double(&k.k1)
	return k
}

// Equal compares the secrets in constant time.
func (k *Key) Equal(other *Key) bool {
	return subtle.ConstantTimeCompare(k.secret[:], other.secret[:]) == 1
}

// Seal appends the encrypted and authenticated plaintext to dst. The nonce must be random and new for each message.
func (k *Key) Seal(dst []byte, nonce *[NonceSize]byte, plaintext, additional []byte) []byte {
	return k.messageAEAD(nonce).Seal(dst, nonce[12:], plaintext, additional)
}

// Open appends the plaintext to dst, or says that the message was not sealed with this key, nonce and additional data.
func (k *Key) Open(dst []byte, nonce *[NonceSize]byte, ciphertext, additional []byte) ([]byte, error) {
	plaintext, err := k.messageAEAD(nonce).Open(dst, nonce[12:], ciphertext, additional)
	if err != nil { //check:sealed
		return nil, errOpen
	}
	return plaintext, nil
}

// messageAEAD is AES-256-GCM under the key of this nonce's first half.
func (k *Key) messageAEAD(nonce *[NonceSize]byte) cipher.AEAD {
	// Each half of the message key is the CMAC of one block: counter, label "X", and the nonce's first half.
	var derived [KeySize]byte
	for i := range 2 {
		half := derived[i*aes.BlockSize : (i+1)*aes.BlockSize]
		copy(half, []byte{0, byte(i + 1), 'X', 0})
		copy(half[4:], nonce[:12])
		subtle.XORBytes(half, half, k.k1[:])
		k.block.Encrypt(half, half)
	}
	aead, err := cipher.NewGCM(mustBlock(derived[:]))
	if err != nil {
		panic(err) // only for a block size other than AES's
	}
	return aead
}

// double multiplies by x in GF(2^128), in constant time.
func double(b *[aes.BlockSize]byte) {
	carry := b[0] >> 7
	for i := range b {
		b[i] <<= 1
		if i+1 < len(b) {
			b[i] |= b[i+1] >> 7
		}
	}
	b[len(b)-1] ^= 0x87 & -carry
}

func mustBlock(key []byte) cipher.Block {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // only for a key of another length, which the types exclude
	}
	return block
}
