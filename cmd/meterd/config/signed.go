package config

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// Signed is what a signer says of a configuration beside its text: the trusted
// comment of its minisign signature, in this form and no other:
//
//	gateway:gw0001 date:2026-11-29T12:00:00Z sha256:ca.pem=HEX …
//
// One blank between two words, "*" for any gateway, the date in UTC to the
// second, a sha256 for each file that comes with the configuration.
type Signed struct {
	Gateway string    // the id of the board that it is for; "*": any
	Date    time.Time // by which the older of two is known
	Files   []SignedFile
}

// SignedFile is a file that the signature covers.
type SignedFile struct {
	Name string // without a folder
	Hash [sha256.Size]byte
}

// AnyGateway stands for each board.
const AnyGateway = "*"

// signedDate is the one form of a date.
const signedDate = "2006-01-02T15:04:05Z"

// The words of a trusted comment begin so.
const (
	signedGateway = "gateway:"
	signedDated   = "date:"
	signedHash    = "sha256:"
)

// ParseSigned reads a trusted comment. One that has none of our words, such as
// minisign writes by itself, says nothing: nil and no error.
func ParseSigned(comment string) (*Signed, error) {
	if !saysSomething(comment) {
		return nil, nil
	}
	words := strings.Split(comment, " ")
	s := &Signed{}
	var ok bool
	if s.Gateway, ok = strings.CutPrefix(words[0], signedGateway); !ok || s.Gateway == "" {
		return nil, fmt.Errorf("config: it begins with %q, want gateway:ID", words[0])
	}
	if len(words) < 2 {
		return nil, fmt.Errorf("config: it has no date")
	}
	text, _ := strings.CutPrefix(words[1], signedDated)
	date, err := time.Parse(signedDate, text)
	if err != nil || signedDated+date.Format(signedDate) != words[1] {
		return nil, fmt.Errorf("config: its second word is %q, want date:YYYY-MM-DDTHH:MM:SSZ", words[1])
	}
	s.Date = date
	for _, word := range words[2:] {
		f, err := parseSignedFile(word)
		if err != nil {
			return nil, err
		}
		if _, twice := s.Hash(f.Name); twice {
			return nil, fmt.Errorf("config: it names %q twice", f.Name)
		}
		s.Files = append(s.Files, f)
	}
	return s, nil
}

// saysSomething reports whether a comment is meant to be one of ours.
func saysSomething(comment string) bool {
	for _, word := range strings.Fields(strings.ToLower(comment)) {
		if strings.HasPrefix(word, signedGateway) || strings.HasPrefix(word, signedDated) || strings.HasPrefix(word, signedHash) {
			return true
		}
	}
	return false
}

func parseSignedFile(word string) (f SignedFile, err error) {
	rest, ok := strings.CutPrefix(word, signedHash)
	name, digits, is := strings.Cut(rest, "=")
	sum, err := hex.DecodeString(digits)
	if !ok || !is || err != nil || len(sum) != len(f.Hash) || digits != strings.ToLower(digits) || name == "" || strings.ContainsRune(name, '/') {
		return f, fmt.Errorf("config: it holds %q, want sha256:NAME=64 digits", word)
	}
	f.Name, f.Hash = name, [sha256.Size]byte(sum)
	return f, nil
}

// Hash gives the hash of a file that is covered: none where nothing is said.
func (s *Signed) Hash(name string) (hash [sha256.Size]byte, ok bool) {
	if s == nil {
		return hash, false
	}
	for _, f := range s.Files {
		if f.Name == name {
			return f.Hash, true
		}
	}
	return hash, false
}

// String gives the trusted comment.
func (s *Signed) String() string {
	text := signedGateway + s.Gateway + " " + signedDated + s.Date.Format(signedDate)
	for _, f := range s.Files {
		text += " " + signedHash + f.Name + "=" + hex.EncodeToString(f.Hash[:])
	}
	return text
}
