package board

import (
	"os"
	"path/filepath"
	"testing"
)

// TestHardwareIDIsThatOfTheBoard: not of what is plugged in, nor of interfaces
// that are none.
func TestHardwareIDIsThatOfTheBoard(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "net")
	add := func(name, device, address string) {
		t.Helper()
		at := filepath.Join(dir, name)
		if err := os.MkdirAll(at, 0o755); err != nil {
			t.Fatal(err)
		}
		if device != "" {
			target := filepath.Join(root, device)
			if err := os.MkdirAll(target, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(target, filepath.Join(at, "device")); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(at, "address"), []byte(address+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want := func(id string) {
		t.Helper()
		if got := hardwareID(dir); got != id {
			t.Errorf("got %q, want %q", got, id)
		}
	}
	want("")
	add("lo", "", "00:00:00:00:00:00")
	add("br0", "", "02:00:00:00:00:01")
	add("wwan0", "platform/usb1/1-1", "02:00:00:00:00:02")
	add("can0", "platform/can", "00:00:00:00:00:00")
	want("")
	add("eth1", "platform/b", "02:00:00:00:00:09")
	want("02:00:00:00:00:09")
	add("eth0", "platform/a", "02:00:00:00:00:05")
	want("02:00:00:00:00:05")
}
