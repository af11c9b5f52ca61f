package tool

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"meterd/board"
	"meterd/meter"
	"meterd/store"
)

// TestRingFormat: what stands there is told, and stays without -yes.
func TestRingFormat(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	ring := func(name, board_, id string) {
		t.Helper()
		r, err := store.Open(at(name), store.Options{Geometry: store.Geometry{Size: 1 << 20}, Codec: meter.Packing{}})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 9 {
			r.Append(reading(t, 1, time.UnixMilli(int64(i)), time.Minute, true))
		}
		r.SetCursor("tuya", 4)
		r.SetCursor("das", 9)
		if err := r.Flush(); err != nil {
			t.Fatal(err)
		}
		if id == "" {
			id = fmt.Sprintf("%x", r.ID())
		}
		r.Close()
		if board_ != "" {
			if err := board.WriteMark(at(name)+".state.board", board.Mark{Board: board_, Ring: id, Last: 9}); err != nil {
				t.Fatal(err)
			}
		}
	}
	this := board.HardwareID()
	if this == "" {
		this = "this"
	}
	ring("unknown", "", "")
	ring("ours", this, "")
	ring("another", this, strings.Repeat("0", 32))
	if err := os.WriteFile(at("text"), []byte("[gateway]\nid = 1"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(at("empty"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	unread := ": 0 are not delivered to das; 5 are not delivered to tuya"
	for _, c := range []struct {
		name  string
		asks  bool
		found string
	}{
		{"none", false, " does not exist"},
		{"empty", false, " is empty"},
		{"text", true, " is no ring: 16 bytes that begin with 5B 67 61 74 65 77 61 79 5D 0A"},
		{"unknown", true, " is a ring of format 2, with 9 records"},
		{"ours", true, " is a ring of this board of format 2, with 9 records"},
		{"another", true, " is a ring, another one than this board used here, of format 2, with 9 records"},
	} {
		before, _ := os.ReadFile(at(c.name))
		r := run(Ring, "", "format", "-size", "1MiB", at(c.name))
		told := r.out
		if c.asks {
			told = r.err
			if r.status != 1 || r.out != "" || !strings.Contains(r.err, "hint: if it may go, say it again with -yes") {
				t.Errorf("%s: exit status %d, %q, %q", c.name, r.status, r.out, r.err)
			}
			if strings.Contains(c.found, "records") != strings.Contains(r.err, "meterd ring export "+at(c.name)+" copies its readings") {
				t.Errorf("%s: the hint is %q", c.name, r.err)
			}
			if after, _ := os.ReadFile(at(c.name)); !bytes.Equal(before, after) {
				t.Errorf("%s was touched", c.name)
			}
			if r = run(Ring, "", "format", "-yes", "-size", "1MiB", at(c.name)); !strings.Contains(r.out, c.found) {
				t.Errorf("%s: with -yes it says %q", c.name, r.out)
			}
		}
		if !strings.Contains(told, at(c.name)+c.found) || strings.Contains(c.found, "records") && !strings.Contains(strings.ReplaceAll(told, ";", ":"), strings.ReplaceAll(unread, ";", ":")) {
			t.Errorf("%s: it says %q, want %q", c.name, told, c.found)
		}
		if r.status != 0 || !strings.HasSuffix(r.out, at(c.name)+" is a new ring of 1 MiB\n") {
			t.Errorf("%s: exit status %d, %q, %q", c.name, r.status, r.out, r.err)
		}
		if v := run(Ring, "", "verify", at(c.name)); v.status != 0 || !strings.HasPrefix(v.out, "0 records") {
			t.Errorf("%s: the new one is %q", c.name, v.out)
		}
	}
	run(Ring, "", "format", at("")).want(t, 1, "", "is neither a file nor a block device")
	run(Ring, "", "format", "-size", "big", at("none")).want(t, 2, "", "-size big: want a whole number and KiB, MiB or GiB")
	run(Ring, "", "format", "-size", "1KiB", at("none")).want(t, 2, "", "at least")
	r, err := store.Open(at("ours"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if r := run(Ring, "", "format", "-yes", at("ours")); r.status != 1 || !strings.Contains(r.out, "of format 2, without a record") || !strings.Contains(r.err, "hint: end meterd first") {
		t.Errorf("of one that is open: %q, %q", r.out, r.err)
	}
}
