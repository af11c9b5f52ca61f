package board

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"io"

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

// Seal is a signature of a text that is read once, such as an update, whose
// comment is known and checked before the text is.
type Seal struct {
	key  minisign.PublicKey
	text []byte
}

// OpenSeal checks the comment of a signature, which the key has signed with the
// signature itself. What the text is comes out with Reader alone.
func OpenSeal(key string, signature []byte) (s *Seal, comment string, err error) {
	s = &Seal{text: signature}
	if err := s.key.UnmarshalText([]byte(key)); err != nil {
		return nil, "", fmt.Errorf("board: %w", err)
	}
	var parsed minisign.Signature
	if err := parsed.UnmarshalText(signature); err != nil {
		return nil, "", fmt.Errorf("board: the signature cannot be read: %w", err)
	}
	if again, err := parsed.MarshalText(); err != nil || string(bytes.TrimSuffix(signature, []byte("\n"))) != string(bytes.TrimSuffix(again, []byte("\n"))) {
		return nil, "", fmt.Errorf("%w: it is not written as minisign does", ErrSignature)
	}
	if parsed.Algorithm != minisign.HashEdDSA {
		return nil, "", fmt.Errorf("%w: it is not of the text's hash, as those of minisign 0.10 and later are", ErrSignature)
	}
	if parsed.KeyID != s.key.ID() {
		return nil, "", fmt.Errorf("%w: it is by key %X, want %X", ErrSignature, parsed.KeyID, s.key.ID())
	}
	raw, err := base64.StdEncoding.DecodeString(s.key.String())
	if err != nil || len(raw) < ed25519.PublicKeySize {
		return nil, "", fmt.Errorf("board: the key cannot be read: %v", err)
	}
	point := ed25519.PublicKey(raw[len(raw)-ed25519.PublicKeySize:]) // after algorithm and id
	if !ed25519.Verify(point, append(parsed.Signature[:], parsed.TrustedComment...), parsed.CommentSignature[:]) {
		return nil, "", ErrSignature
	}
	return s, parsed.TrustedComment, nil
}

// Reader gives r; once all of it was read, whole tells whether the signature is
// of it.
func (s *Seal) Reader(r io.Reader) (text io.Reader, whole func() bool) {
	m := minisign.NewReader(r)
	return m, func() bool { return m.Verify(s.key, s.text) }
}
