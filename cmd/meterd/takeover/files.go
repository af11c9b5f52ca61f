package takeover

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"

	"meterd/board"
	"meterd/cmd/meterd/config"
)

// Files are the configuration on flash, with what a change of it needs
// beside it:
//
//	meterd.toml          what runs at the next start
//	meterd.toml.prev     the last one that has proved itself
//	meterd.toml.trial    there while meterd.toml has not: its hash, and how often it was started
//	meterd.toml.refused  the last one that did not prove itself
//	meterd.toml.signed   by which date each of them was signed, if any was
//
// Certificates and keys that come with it stand where it names them. Each is
// written as a whole (board.WriteFile), in this order:
//
//	install:  prev := running   signed := with new   trial := hash of new   files   toml := new
//	confirm:  remove trial
//	back:     refused := toml   files as before      toml := prev           remove trial
//
// A power cut between two steps leaves a trial whose hash is not that of
// meterd.toml: then nothing is on trial. A second install before the first
// has proved itself leaves prev alone. A date goes by the hash of its text, so
// that the one before has its own again when it is put back. The mark of the
// trial holds what files held and are to hold: whichever text a start finds, it
// brings the files to what belongs to it.
type Files struct {
	Path   string
	write  func(path string, b []byte, perm os.FileMode) error
	remove func(path string) error
}

// NewFiles gives the files of the configuration at path.
func NewFiles(path string) *Files {
	return &Files{Path: path, write: board.WriteFile, remove: board.RemoveFile}
}

func (f *Files) prev() string    { return f.Path + ".prev" }
func (f *Files) trial() string   { return f.Path + ".trial" }
func (f *Files) refused() string { return f.Path + ".refused" }
func (f *Files) signed() string  { return f.Path + ".signed" }

// Candidate is a configuration that somebody brings.
type Candidate struct {
	Text   string
	By     string         // who
	Signed *config.Signed // what its signer says; nil: nothing
	// Files are what Wants has named, as far as it was brought, by name.
	Files map[string][]byte
	// Origin is what Text was assembled from, nil: it came as it is.
	Origin *config.Assembled

	next contents // of Files, what is to be written
}

// origin gives what the text was assembled from: itself, where it came whole.
func (c Candidate) origin() *config.Assembled {
	if c.Origin != nil {
		return c.Origin
	}
	return &config.Assembled{File: "meterd.toml", Text: c.Text}
}

// trialMark is what the file of a trial holds.
type trialMark struct {
	Hash string `json:"sha256"`
	// Was is the hash of the one that it takes the place of, if that was on
	// trial itself: the power may be cut before it does.
	Was    string `json:"was,omitempty"`
	Starts int    `json:"starts"` // of the program since it was installed
	By     string `json:"by"`     // who brought it
	// Before is what files held under the one that is gone back to, Held under
	// the one of Was, Next what they are to hold.
	Before contents `json:"before,omitempty"`
	Held   contents `json:"held,omitempty"`
	Next   contents `json:"next,omitempty"`
}

// of reports whether text is on trial by this mark.
func (m trialMark) of(text string) bool {
	h := HashOf(text)
	return m.Hash == h || m.Was == h
}

// mostStarts is how often a configuration may be started without proving
// itself.
const mostStarts = 2

// HashOf names a configuration.
func HashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// install puts a new configuration in the place of the one that runs.
func (f *Files) install(c Candidate, running string) error {
	was := f.mark()
	m := trialMark{Hash: HashOf(c.Text), By: c.By, Next: c.next}
	now, err := f.hold(c.next)
	if err != nil {
		return err
	}
	m.Before = now
	if was.of(running) {
		m.Was, m.Before = HashOf(running), maps.Clone(now)
		maps.Copy(m.Before, was.Before)
		if m.Held, err = f.hold(m.Before); err != nil {
			return err
		}
	} else if err := f.write(f.prev(), []byte(running), 0o600); err != nil {
		return fmt.Errorf("the configuration before cannot be kept: %w", err)
	}
	if err := f.noteSigned(c.Text, running, c.Signed); err != nil {
		return err
	}
	if err := f.putMark(m); err != nil {
		return err
	}
	err = f.put(m.Next)
	if err == nil {
		if err = f.write(f.Path, []byte(c.Text), f.mode()); err == nil {
			return nil
		}
		err = fmt.Errorf("the new configuration cannot be written: %w", err)
	}
	if m.Was != "" {
		return errors.Join(err, f.put(now), f.putMark(was))
	}
	return errors.Join(err, f.put(now), f.remove(f.trial()))
}

// mode is the mode that the file has: it may hold secrets, or be readable for
// a group on purpose.
func (f *Files) mode() os.FileMode {
	if info, err := os.Stat(f.Path); err == nil {
		return info.Mode().Perm()
	}
	return 0o600
}

// mark gives the trial that is noted, its zero value if there is none.
func (f *Files) mark() trialMark {
	var m trialMark
	if b, err := os.ReadFile(f.trial()); err != nil || json.Unmarshal(b, &m) != nil {
		return trialMark{}
	}
	return m
}

func (f *Files) putMark(m trialMark) error {
	b, err := json.Marshal(m)
	if err == nil {
		err = f.write(f.trial(), append(b, '\n'), 0o600)
	}
	if err != nil {
		return fmt.Errorf("the trial of the configuration cannot be noted: %w", err)
	}
	return nil
}

// start is asked once, when the program starts with text. It reports whether
// text is on trial, and whether it had its chances: then it is to go back.
func (f *Files) start(text string) (onTrial, spent bool, err error) {
	m := f.mark()
	if m.Hash == "" {
		return false, false, nil
	}
	switch HashOf(text) { // the power may have been cut between the files and the text
	case m.Hash:
		err = f.put(m.Next)
	case m.Was:
		err = f.put(m.Held)
	default:
		return false, false, errors.Join(f.put(m.Before), f.remove(f.trial()))
	}
	m.Starts++
	if m.Starts >= mostStarts {
		return true, true, err
	}
	return true, false, errors.Join(err, f.putMark(m))
}

// confirm ends the trial: the configuration has proved itself.
func (f *Files) confirm() error { return f.remove(f.trial()) }

// back puts the configuration before in the place of the one on trial, and
// gives it. An error beside it is of what belongs to it.
func (f *Files) back() (string, error) {
	prev, err := os.ReadFile(f.prev())
	if err != nil {
		return "", fmt.Errorf("there is no configuration to go back to: %w", err)
	}
	text, err := os.ReadFile(f.Path)
	if err == nil {
		err = f.write(f.refused(), text, 0o600)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("the refused configuration cannot be kept: %w", err)
	}
	lacking := f.put(f.mark().Before)
	if err := f.write(f.Path, prev, f.mode()); err != nil {
		return "", fmt.Errorf("the configuration before cannot be put back: %w", err)
	}
	return string(prev), errors.Join(lacking, f.remove(f.trial()))
}

// WasRefused reports whether text is the last one that did not prove itself.
func (f *Files) WasRefused(text string) bool {
	b, err := os.ReadFile(f.refused())
	return err == nil && string(b) == text
}

// previous gives the configuration before, if it can run.
func (f *Files) previous() (Change, error) {
	b, err := os.ReadFile(f.prev())
	if err != nil {
		return Change{}, err
	}
	c, problems := config.Parse(f.prev(), string(b))
	if config.Unusable(problems) {
		return Change{}, fmt.Errorf("%s is not usable", f.prev())
	}
	return Change{Config: c, Text: string(b)}, nil
}

// prevUsable tells why the configuration before is none to go back to.
func (f *Files) prevUsable() error {
	c, err := f.previous()
	if err == nil && len(c.Config.Meters) == 0 && len(c.Config.Uplinks) == 0 {
		err = fmt.Errorf("%s names neither a meter nor an uplink", f.prev())
	}
	return err
}
