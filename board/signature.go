package board

import (
	"errors"
	"fmt"

	"aead.dev/minisign"
)

// ErrSignature says that a signature is not that of the text by the key.
var ErrSignature = errors.New("board: the signature is not of this text by this key")

// CheckKey tells what is wrong with a minisign public key.
func CheckKey(key string) error {
	var k minisign.PublicKey
	if err := k.UnmarshalText([]byte(key)); err != nil {
		return fmt.Errorf("board: %w", err)
	}
	return nil
}

// Verify checks a minisign signature of text, and gives its trusted comment,
// which is signed too. Both forms serve, that of the whole text and that of its
// hash.
func Verify(key string, text, signature []byte) (comment string, err error) {
	var k minisign.PublicKey
	if err := k.UnmarshalText([]byte(key)); err != nil {
		return "", fmt.Errorf("board: %w", err)
	}
	var s minisign.Signature
	if err := s.UnmarshalText(signature); err != nil {
		return "", fmt.Errorf("board: the signature cannot be read: %w", err)
	}
	if s.KeyID != k.ID() {
		return "", fmt.Errorf("%w: it is by key %X, want %X", ErrSignature, s.KeyID, k.ID())
	}
	if !minisign.Verify(k, text, signature) {
		return "", ErrSignature
	}
	return s.TrustedComment, nil
}
