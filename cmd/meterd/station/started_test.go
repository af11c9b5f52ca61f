package station

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"meterd/cmd/meterd/console"
)

// TestWhyTheProgramIsStarted, by what it has left behind.
func TestWhyTheProgramIsStarted(t *testing.T) {
	for _, c := range []struct {
		what   string
		before func(st *Station) // the life before; nil: there was none
		boot   uint32            // of the second life; the first has 1
		want   string
	}{
		{"a new board", nil, 1, console.StartedBoard},
		{"killed", func(*Station) {}, 1, console.StartedCrash},
		{"ended", func(st *Station) { st.noteRun(true) }, 1, console.StartedProgram},
		{"the power was cut", func(*Station) {}, 2, console.StartedBoard},
		{"ended by a shutdown", func(st *Station) { st.noteRun(true) }, 2, console.StartedBoard},
		{"ordered", func(st *Station) { st.onDuty().noteOrder(); st.noteRun(true) }, 2, console.StartedReboot},
	} {
		t.Run(c.what, func(t *testing.T) {
			st, _, _ := newStickStation(t, "")
			c0, _ := st.takeover.Running()
			if c.before == nil {
				if err := errors.Join(os.Remove(runNoteOf(c0))); err != nil {
					t.Fatal(err)
				}
			} else {
				st.boot = 1
				st.noteRun(false)
				c.before(st)
			}
			for i, want := range []string{c.want, console.StartedCrash} { // the second one is killed as well
				next := newTestStation(t, st.Files.Path)
				next.boot = c.boot
				if _, problems, err := next.First(); err != nil {
					t.Fatal(err, problems)
				}
				if next.why != want {
					t.Errorf("start %d: %q, want %q", i+1, next.why, want)
				}
			}
		})
	}
}

// TestTheEndOfTheProgramIsNoted as one that was asked for.
func TestTheEndOfTheProgramIsNoted(t *testing.T) {
	dir := t.TempDir()
	st := newTestStation(t, filepath.Join(dir, "meterd.toml"))
	text := "[gateway]\nid = \"new\"\n[store]\npath = \"" + filepath.Join(dir, "x.ring") + "\"\nsize = \"1MiB\"\n[console]\nsocket = \"" + filepath.Join(dir, "sock") + "\"\n[usb]\nenable = false\n"
	if err := os.WriteFile(st.Files.Path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	first, _, err := st.First()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := st.Run(ctx, first); err != nil {
		t.Fatal(err)
	}
	next := newTestStation(t, st.Files.Path)
	if _, _, err := next.First(); err != nil || next.why != console.StartedProgram {
		t.Errorf("the next start is one of %q, %v", next.why, err)
	}
}
