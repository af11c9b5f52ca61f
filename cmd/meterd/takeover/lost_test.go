package takeover

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"golang.org/x/sys/unix"
)

// TestTheStartScriptLeavesTheConfigurationBeforeToServe: what init starts puts the
// factory's configuration only where there is none at all.
func TestTheStartScriptLeavesTheConfigurationBeforeToServe(t *testing.T) {
	script, err := os.ReadFile("../../../board/image/overlay/usr/lib/meterd/daemon")
	if err != nil {
		t.Fatal(err)
	}
	for name, lose := range map[string]func(path string) error{
		"gone, as e2fsck -y leaves it": os.Remove,
		"empty":                        func(path string) error { return os.WriteFile(path, nil, 0o600) },
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, "meterd.toml")
		site := []byte(named(dir, "site"))
		if err := errors.Join(os.WriteFile(path+".prev", site, 0o600), os.WriteFile(path, site, 0o600), lose(path)); err != nil {
			t.Fatal(err)
		}
		before, _, err := New(NewFiles(path), discard()).First()
		if err != nil || before.Config.Gateway.ID != "site" {
			t.Fatalf("%s: without the script: %v", name, err)
		}
		head, _, _ := strings.Cut(string(script), "echo $$ >")
		head = strings.NewReplacer("/data/meterd.toml", path, "/etc/meterd/meterd.toml", "../../../board/image/overlay/etc/meterd/meterd.toml").Replace(head)
		if out, err := exec.Command("sh", "-c", head).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		c, _, err := New(NewFiles(path), discard()).First()
		if err != nil || c.Config.Blank || c.Config.Gateway.ID != "site" {
			t.Errorf("%s: what runs is blank: %v, %v", name, c.Config.Blank, err)
		}
	}
}

// TestAFullFlashDoesNotConfirmWhatFailed: a configuration on trial reaches nobody,
// and by then the flash is full. The one before runs.
func TestAFullFlashDoesNotConfirmWhatFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, _ := newTrial(t, "")
		o.Files.write = func(path string, b []byte, perm os.FileMode) error { return unix.ENOSPC }
		done := make(chan struct{})
		go func() { o.Prove(t.Context(), nothing); close(done) }()
		select {
		case c := <-o.Next():
			if c.Config.Gateway.ID != "old" {
				t.Errorf("%s runs", c.Config.Gateway.ID)
			}
		case <-done:
			_, err := os.Stat(o.Files.trial())
			t.Errorf("nothing goes back: %v %q; the mark of the trial: %v", o.View().Phase, o.View().Says.EN, err)
		}
		if _, err := os.Stat(o.Files.trial()); err != nil { // the next start has it on trial again
			t.Errorf("the mark of the trial: %v", err)
		}
	})
}

// TestAStartOnAFullFlash: a trial has had its starts, and the flash takes nothing.
// The program does not end for ever, with no meter read and no console.
func TestAStartOnAFullFlash(t *testing.T) {
	o, _ := newTrial(t, "")
	if c, _, err := New(NewFiles(o.Files.Path), discard()).First(); err != nil || c.Config.Gateway.ID != "new" { // a power cut
		t.Fatal(err)
	}
	full := NewFiles(o.Files.Path)
	full.write = func(path string, b []byte, perm os.FileMode) error { return unix.ENOSPC }
	c, _, err := New(full, discard()).First() // another
	if err != nil || c.Config == nil || c.Config.Gateway.ID != "old" {
		t.Errorf("nothing runs: %v", err)
	}
}
