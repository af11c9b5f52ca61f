package config

import (
	"strings"
	"testing"
)

const aHash = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

// TestTrustedComments: what is meant to be of our form is of it to the letter,
// and anything else says nothing.
func TestTrustedComments(t *testing.T) {
	for _, c := range []struct {
		comment string
		want    string // of the error; "": it is good
		silent  bool   // it says nothing
	}{
		{"gateway:gw0001 date:2026-11-29T12:00:00Z", "", false},
		{"gateway:* date:2026-11-29T12:00:00Z sha256:ca.pem=" + aHash, "", false},
		{"gateway:一号楼 date:2026-02-28T23:59:59Z sha256:ca.pem=" + aHash + " sha256:own=1.key=" + aHash, "want sha256:NAME=64 digits", false},
		{"timestamp:1633700835\tfile:meterd.toml\thashed", "", true},
		{"", "", true},
		{"for the cupboard in building 17", "", true},
		{"gateway:gw0001", "it has no date", false},
		{"gateway: date:2026-11-29T12:00:00Z", "want gateway:ID", false},
		{"date:2026-11-29T12:00:00Z gateway:gw0001", "want gateway:ID", false},
		{"Gateway:gw0001 date:2026-11-29T12:00:00Z", "want gateway:ID", false},
		{"for gateway:gw0001 date:2026-11-29T12:00:00Z", "want gateway:ID", false},
		{"gateway:gw0001\tdate:2026-11-29T12:00:00Z", "it has no date", false},
		{"gateway:gw0001  date:2026-11-29T12:00:00Z", "its second word is \"\"", false},
		{"gateway:gw0001 date:2026-11-29", "want date:YYYY", false},
		{"gateway:gw0001 date:2026-11-29T12:00:00.5Z", "want date:YYYY", false},
		{"gateway:gw0001 date:2026-11-29T12:00:00+08:00", "want date:YYYY", false},
		{"gateway:gw0001 date:2026-02-30T12:00:00Z", "want date:YYYY", false},
		{"gateway:gw0001 2026-11-29T12:00:00Z", "want date:YYYY", false},
		{"gateway:gw0001 date:2026-11-29T12:00:00Z ", "want sha256:NAME", false},
		{"gateway:gw0001 date:2026-11-29T12:00:00Z file:meterd.toml", "want sha256:NAME", false},
		{"gateway:gw0001 date:2026-11-29T12:00:00Z sha256:../ca.pem=" + aHash, "want sha256:NAME", false},
		{"gateway:gw0001 date:2026-11-29T12:00:00Z sha256:ca.pem=" + strings.ToUpper(aHash), "want sha256:NAME", false},
		{"gateway:gw0001 date:2026-11-29T12:00:00Z sha256:ca.pem=" + aHash[2:], "want sha256:NAME", false},
		{"gateway:gw0001 date:2026-11-29T12:00:00Z sha256:ca.pem=" + aHash + " sha256:ca.pem=" + aHash, "names \"ca.pem\" twice", false},
	} {
		s, err := ParseSigned(c.comment)
		switch {
		case (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want):
			t.Errorf("%q: got %v, want %q", c.comment, err, c.want)
		case err == nil && (s == nil) != c.silent:
			t.Errorf("%q says %v", c.comment, s)
		case s != nil && s.String() != c.comment:
			t.Errorf("%q is written %q", c.comment, s)
		}
	}
}

// FuzzTrustedComment: what parses is written as it was.
func FuzzTrustedComment(f *testing.F) {
	f.Add("gateway:* date:2026-11-29T12:00:00Z sha256:ca.pem=" + aHash)
	f.Add("timestamp:1633700835\tfile:meterd.toml\thashed")
	f.Fuzz(func(t *testing.T, comment string) {
		if s, err := ParseSigned(comment); err == nil && s != nil && s.String() != comment {
			t.Errorf("%q is written %q", comment, s)
		}
	})
}
