package takeover

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"meterd/board"
)

var errCut = errors.New("the power is cut")

// cutFile is a configuration whose power is cut before the n-th change of a
// file; n < 0: never.
func cutFile(t *testing.T, dir string, n int) *Files {
	t.Helper()
	f := NewFiles(filepath.Join(dir, "meterd.toml"))
	step := func() error {
		if n == 0 {
			return errCut
		}
		n--
		return nil
	}
	f.write = func(path string, b []byte, perm os.FileMode) error {
		if err := step(); err != nil {
			return err
		}
		return board.WriteFile(path, b, perm)
	}
	f.remove = func(path string) error {
		if err := step(); err != nil {
			return err
		}
		return board.RemoveFile(path)
	}
	return f
}

func running(t *testing.T, f *Files) string {
	t.Helper()
	b, err := os.ReadFile(f.Path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestPowerCutWhileAConfigurationIsInstalled cuts before each step. What is
// found is the old one, not on trial, or the new one, on trial; and from there
// two starts end with the old one.
func TestPowerCutWhileAConfigurationIsInstalled(t *testing.T) {
	for cut := range 4 {
		dir := t.TempDir()
		f := cutFile(t, dir, cut)
		if err := os.WriteFile(f.Path, []byte("old"), 0o640); err != nil {
			t.Fatal(err)
		}
		err := f.install(Candidate{Text: "new", By: "stick"}, "old")
		if whole := cut >= 3; whole != (err == nil) {
			t.Fatalf("cut %d: %v", cut, err)
		}
		f = NewFiles(f.Path)
		text := running(t, f)
		onTrial, spent, err := f.start(text)
		if err != nil || spent {
			t.Fatalf("cut %d: %v, spent %v", cut, err, spent)
		}
		if want := text == "new"; onTrial != want || (text != "new" && text != "old") {
			t.Errorf("cut %d: %q runs, on trial %v", cut, text, onTrial)
		}
		if !onTrial {
			continue
		}
		if _, spent, _ := f.start(text); !spent {
			t.Errorf("cut %d: two starts are not enough", cut)
		}
		if text, err := f.back(); err != nil || text != "old" || running(t, f) != "old" || !f.WasRefused("new") {
			t.Errorf("cut %d: back to %q, %v", cut, text, err)
		}
		if info, _ := os.Stat(f.Path); info.Mode().Perm() != 0o640 {
			t.Errorf("the file has mode %v, had 0640", info.Mode())
		}
	}
}

// TestPowerCutWhileGoingBack: the start after it either goes on with the
// trial or runs the old one without.
func TestPowerCutWhileGoingBack(t *testing.T) {
	for cut := range 4 {
		f := cutFile(t, t.TempDir(), -1)
		if err := os.WriteFile(f.Path, []byte("old"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := f.install(Candidate{Text: "new", By: "stick"}, "old"); err != nil {
			t.Fatal(err)
		}
		cutFile(t, filepath.Dir(f.Path), cut).back()
		f = NewFiles(f.Path)
		text := running(t, f)
		onTrial, _, err := f.start(text)
		if err != nil || onTrial != (text == "new") {
			t.Errorf("cut %d: %q runs, on trial %v, %v", cut, text, onTrial, err)
		}
		if _, err := os.Stat(f.trial()); (err == nil) != onTrial {
			t.Errorf("cut %d: the mark of the trial: %v", cut, err)
		}
	}
}

func TestASecondConfigurationOnTrialKeepsTheProvedOne(t *testing.T) {
	f := cutFile(t, t.TempDir(), -1)
	if err := os.WriteFile(f.Path, []byte("good"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, step := range [][2]string{{"bad 1", "good"}, {"bad 2", "bad 1"}} {
		if err := f.install(Candidate{Text: step[0], By: "stick"}, step[1]); err != nil {
			t.Fatal(err)
		}
	}
	if text, err := f.back(); err != nil || text != "good" {
		t.Errorf("back to %q, %v", text, err)
	}
	// One that has proved itself is what is gone back to from then on.
	for _, step := range [][2]string{{"better", "good"}, {"bad 3", "better"}} {
		if err := f.install(Candidate{Text: step[0], By: "stick"}, step[1]); err != nil {
			t.Fatal(err)
		}
		if step[0] == "better" {
			if err := f.confirm(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if text, err := f.back(); err != nil || text != "better" {
		t.Errorf("back to %q, %v", text, err)
	}
}

// TestPowerCutBetweenTwoTrials: the first that was on trial still is.
func TestPowerCutBetweenTwoTrials(t *testing.T) {
	f := cutFile(t, t.TempDir(), -1)
	if err := os.WriteFile(f.Path, []byte("good"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := f.install(Candidate{Text: "first", By: "stick"}, "good"); err != nil {
		t.Fatal(err)
	}
	cutFile(t, filepath.Dir(f.Path), 1).install(Candidate{Text: "second", By: "stick"}, "first")
	if text := running(t, f); text != "first" {
		t.Fatal(text)
	}
	if onTrial, _, err := f.start("first"); err != nil || !onTrial {
		t.Errorf("on trial %v, %v", onTrial, err)
	}
	if text, err := f.back(); err != nil || text != "good" {
		t.Errorf("back to %q, %v", text, err)
	}
}

func TestWithNothingToGoBackToTheConfigurationStays(t *testing.T) {
	f := cutFile(t, t.TempDir(), -1)
	if err := os.WriteFile(f.Path, []byte("only"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := f.back(); err == nil || running(t, f) != "only" {
		t.Error(err)
	}
}
