package takeover

import (
	"crypto/sha256"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"meterd/cmd/meterd/config"
)

// inPEM is a file in PEM form that holds a word.
func inPEM(word string) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte(word)})
}

// besides are the files of the tests below: one of them was there before.
type besides struct{ dir string }

func (b besides) ca() string  { return filepath.Join(b.dir, Certs, "ca.pem") }
func (b besides) key() string { return filepath.Join(b.dir, "own.key") }

// shows gives what the two hold, "-" for one that is not there.
func (b besides) shows(t *testing.T) string {
	t.Helper()
	var all []string
	for _, path := range []string{b.ca(), b.key()} {
		text, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) {
			all = append(all, "-")
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		block, _ := pem.Decode(text)
		all = append(all, string(block.Bytes))
		if info, _ := os.Stat(path); string(block.Bytes) != "old" && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
	}
	return strings.Join(all, " ")
}

// beside makes the folder of a board that runs old, with one file of its own.
func beside(t *testing.T) (besides, *Files) {
	t.Helper()
	b := besides{t.TempDir()}
	f := NewFiles(filepath.Join(b.dir, "meterd.toml"))
	if err := errors.Join(os.Mkdir(filepath.Dir(b.ca()), 0o755), os.WriteFile(b.ca(), inPEM("old"), 0o644), os.WriteFile(f.Path, []byte("old"), 0o600)); err != nil {
		t.Fatal(err)
	}
	return b, f
}

// both is a candidate that brings the two.
func (b besides) both(text, word string) Candidate {
	return Candidate{Text: text, By: "stick", next: contents{b.ca(): inPEM(word), b.key(): inPEM(word)}}
}

// steps is more than an installation takes, or going back; a start takes less.
const (
	steps      = 6
	startSteps = 4
)

// TestPowerCutWithFilesBeside cuts the power at each step of an installation, then
// at each step of the start after it, then at each step of going back: a text
// always runs with its own files. The text of "renewed" is that of what runs.
func TestPowerCutWithFilesBeside(t *testing.T) {
	for _, text := range []string{"new", "old"} {
		reached := 0
		for i := range steps * steps * startSteps {
			first, third, second := i%steps, i/steps%steps, i/steps/steps
			at := fmt.Sprintf("%s, cut at %d, %d and %d", text, first, second, third)
			b, f := beside(t)
			cutFile(t, b.dir, first).install(b.both(text, "new"), "old")
			cutFile(t, b.dir, second).start(running(t, f))
			check := func(when string) (onTrial bool) {
				t.Helper()
				now := running(t, f)
				onTrial, _, err := f.start(now)
				want := map[bool]string{true: "new new", false: "old -"}[onTrial]
				if got := b.shows(t); err != nil || got != want || text == "new" && (now == "new") != onTrial {
					t.Fatalf("%s, %s: %s runs, on trial %v, with %s: %v", at, when, now, onTrial, got, err)
				}
				return onTrial
			}
			if !check("installed") {
				continue
			}
			reached++
			cutFile(t, b.dir, third).back()
			if check("gone back") {
				if _, err := f.back(); err != nil || check("at last") {
					t.Fatalf("%s: it does not go back: %v", at, err)
				}
			}
			if got := b.shows(t); got != "old -" {
				t.Fatalf("%s: at the end the files are %s", at, got)
			}
		}
		if reached < steps {
			t.Errorf("%s was on trial %d times only", text, reached)
		}
	}
}

// TestASecondTrialGoesBackToTheFilesOfTheProvedOne, and while it is not written
// the first runs with its own.
func TestASecondTrialGoesBackToTheFilesOfTheProvedOne(t *testing.T) {
	for cut := range steps {
		b, f := beside(t)
		if err := f.install(b.both("one", "1"), "old"); err != nil {
			t.Fatal(err)
		}
		two := Candidate{Text: "two", By: "stick", next: contents{b.ca(): inPEM("2")}}
		cutFile(t, b.dir, cut).install(two, "one")
		now := running(t, f)
		if onTrial, _, err := f.start(now); err != nil || !onTrial {
			t.Fatalf("cut %d: on trial %v, %v", cut, onTrial, err)
		}
		if got, want := b.shows(t), map[string]string{"one": "1 1", "two": "2 1"}[now]; got != want {
			t.Errorf("cut %d: %s runs with %s, want %s", cut, now, got, want)
		}
		if text, err := f.back(); err != nil || text != "old" || b.shows(t) != "old -" {
			t.Errorf("cut %d: back to %s with %s, %v", cut, text, b.shows(t), err)
		}
	}
}

// TestAFlashThatFailsLeavesTheFilesOfWhatRuns: an installation that fails on the
// way is as if it had not been.
func TestAFlashThatFailsLeavesTheFilesOfWhatRuns(t *testing.T) {
	full := errors.New("no space left")
	for _, text := range []string{"new", "old"} {
		for fails := range steps {
			b, f := beside(t)
			n, write := 0, f.write
			f.write = func(path string, c []byte, perm os.FileMode) error {
				if n++; n == fails+1 {
					return full
				}
				return write(path, c, perm)
			}
			err := f.install(b.both(text, "new"), "old")
			if err == nil {
				continue
			}
			if onTrial, _, _ := NewFiles(f.Path).start(running(t, f)); onTrial || b.shows(t) != "old -" || running(t, f) != "old" {
				t.Errorf("%s, write %d fails: on trial %v with %s: %v", text, fails, onTrial, b.shows(t), err)
			}
		}
	}
}

// TestWhatIsWrittenBesideAConfiguration: certificates and keys in our own folder,
// over nothing but such.
func TestWhatIsWrittenBesideAConfiguration(t *testing.T) {
	b, f := beside(t)
	outside := t.TempDir()
	put := func(name, text string) string {
		path := filepath.Join(b.dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	foreign := put("foreign.pem", "somebody else's")
	link, fifo := filepath.Join(b.dir, "link.pem"), filepath.Join(b.dir, "fifo.pem")
	if err := errors.Join(os.Symlink(filepath.Join(outside, "x.pem"), link), unix.Mkfifo(fifo, 0o600), os.Mkdir(filepath.Join(b.dir, "dir.pem"), 0o700)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path    string
		content []byte
		writes  bool
		want    string // of the error
	}{
		{b.ca(), inPEM("new"), true, ""},
		{b.ca(), inPEM("old"), false, ""}, // it is so already
		{filepath.Join(b.dir, "new.crt"), inPEM("new"), true, ""},
		{filepath.Join(b.dir, "..", filepath.Base(b.dir), "new.crt"), inPEM("new"), true, ""},
		{filepath.Join(b.dir, Certs, "new.cer"), inPEM("new"), true, ""},
		{filepath.Join(b.dir, "meterd.toml"), inPEM("new"), false, ""},
		{filepath.Join(b.dir, "readings.ring"), inPEM("new"), false, ""},
		{filepath.Join(b.dir, "deep", "ca.pem"), inPEM("new"), false, ""},
		{filepath.Join(b.dir, Certs, "..", "..", "ca.pem"), inPEM("new"), false, ""},
		{filepath.Join(outside, "ca.pem"), inPEM("new"), false, ""},
		{"/etc/ssl/ca.pem", inPEM("new"), false, ""},
		{foreign, inPEM("new"), false, "holds something else than certificates and keys"},
		{link, inPEM("new"), false, "is a symbolic link"},
		{fifo, inPEM("new"), false, "is no regular file"},
		{filepath.Join(b.dir, "dir.pem"), inPEM("new"), false, "is a directory"},
		{b.ca(), []byte("no certificate"), false, "holds no certificate and no key"},
		{b.ca(), inPEM(strings.Repeat("x", MostFile)), false, "is too long"},
	} {
		next, err := f.changes([]string{c.path}, map[string][]byte{filepath.Base(c.path): c.content})
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) || (len(next) == 1) != c.writes {
			t.Errorf("%s: %d are written, %v, want %v and %q", c.path, len(next), err, c.writes, c.want)
		}
	}
	many, brought := []string{}, map[string][]byte{}
	for i := range 4 {
		many = append(many, filepath.Join(b.dir, fmt.Sprintf("%d.pem", i)))
		brought[fmt.Sprintf("%d.pem", i)] = inPEM(strings.Repeat("x", MostFile/2))
	}
	if _, err := f.changes(many, brought); err == nil || !strings.Contains(err.Error(), "all together 512 KiB") {
		t.Errorf("much at once: %v", err)
	}
	// The folder of certificates itself may be a trap.
	if err := errors.Join(os.RemoveAll(filepath.Join(b.dir, Certs)), os.Symlink(outside, filepath.Join(b.dir, Certs))); err != nil {
		t.Fatal(err)
	}
	if err := f.put(contents{b.ca(): inPEM("new")}); err == nil || !strings.Contains(err.Error(), "is no directory") {
		t.Errorf("through a link: %v", err)
	}
	if all, _ := os.ReadDir(outside); len(all) != 0 {
		t.Errorf("outside are %v", all)
	}
}

// TestFilesAreSignedToo where a signature is asked for; and what a signer names
// must be what it was.
func TestFilesAreSignedToo(t *testing.T) {
	b, f := beside(t)
	names := func(words ...string) *config.Signed {
		s := dated(1)
		for i := 0; i < len(words); i += 2 {
			s.Files = append(s.Files, config.SignedFile{Name: words[i], Hash: sha256.Sum256(inPEM(words[i+1]))})
		}
		return s
	}
	elsewhere := filepath.Join(t.TempDir(), "board.pem")
	if err := os.WriteFile(elsewhere, inPEM("board"), 0o600); err != nil {
		t.Fatal(err)
	}
	named := []string{b.ca(), b.key(), "/etc/ssl/other.pem", elsewhere}
	for _, c := range []struct {
		what   string
		signed *config.Signed
		asked  bool
		next   contents
		want   string
	}{
		{"nothing asked for, nothing said", nil, false, contents{b.ca(): inPEM("new")}, ""},
		{"nothing said", nil, true, contents{b.ca(): inPEM("new")}, "ca.pem comes with it, and the signature does not cover it"},
		{"nothing said and nothing brought", nil, true, nil, ""},
		{"one of two", names("ca.pem", "new"), true, contents{b.ca(): inPEM("new"), b.key(): inPEM("new")}, "own.key comes with it"},
		{"both", names("ca.pem", "new", "own.key", "key"), true, contents{b.ca(): inPEM("new"), b.key(): inPEM("key")}, ""},
		{"another", names("ca.pem", "new"), true, contents{b.ca(): inPEM("forged")}, "ca.pem is not the file that was signed"},
		{"what is on the board", names("ca.pem", "old"), true, nil, ""},
		{"what is not on the board", names("ca.pem", "new"), true, nil, "ca.pem is not the file that was signed"},
		{"what is nowhere", names("own.key", "key"), true, nil, "own.key is not the file that was signed"},
		{"what the configuration does not name", names("x.pem", "x"), true, nil, "the signature covers x.pem, which the configuration does not name"},
		{"what stands elsewhere", names("other.pem", "x"), true, nil, "other.pem is not the file that was signed"},
		{"what stands elsewhere as it was signed", names("board.pem", "board"), true, nil, ""},
	} {
		err := f.covered(&Candidate{Signed: c.signed, next: c.next}, c.asked, named)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.what, err, c.want)
		}
	}
}
