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

// TestSerialNumber: the maker's number, else the first address; in letters that
// topics and files take.
func TestSerialNumber(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	tree, zero, none := file("tree", "10000000 1a/2b\x00"), file("zero", "0000\x00"), filepath.Join(dir, "none")
	cpu, without := file("cpu", "processor\t: 0\nSerial\t\t: 00000000abcd\n"), file("without", "processor\t: 0\nSerial\t\t: 0000000000000000\n")
	eth := filepath.Join(dir, "net", "eth0")
	if err := os.MkdirAll(filepath.Join(eth, "device"), 0o755); err != nil {
		t.Fatal(err)
	}
	file("net/eth0/address", "02:00:00:00:00:05\n")
	for _, c := range []struct{ file, cpu, net, want string }{
		{tree, cpu, filepath.Join(dir, "net"), "100000001a2b"},
		{zero, cpu, filepath.Join(dir, "net"), "00000000abcd"},
		{none, without, filepath.Join(dir, "net"), "020000000005"},
		{none, none, none, ""},
	} {
		if got := serialNumber([]string{c.file}, c.cpu, c.net); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}
