package board

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

func TestUevents(t *testing.T) {
	const add = "add@/devices/platform/usb1/1-1/host0/block/sda/sda1\x00ACTION=add\x00DEVPATH=/devices/platform/usb1/1-1/host0/block/sda/sda1\x00SUBSYSTEM=block\x00MAJOR=8\x00MINOR=1\x00DEVNAME=sda1\x00DEVTYPE=partition\x00SEQNUM=1234\x00"
	for _, c := range []struct {
		what, text string
		want       uevent
		ok         bool
	}{
		{"a partition comes", add, uevent{"add", "block", "sda1"}, true},
		{"what udev has the kernel tell again", "change@/x\x00ACTION=change\x00SUBSYSTEM=block\x00DEVNAME=sdb\x00SYNTH_UUID=0\x00", uevent{"again", "block", "sdb"}, true},
		{"udev's own message", "libudev\x00\xfe\xed\xca\xfe", uevent{}, false},
		{"nothing", "", uevent{}, false},
		{"a head alone", "add@/devices", uevent{}, false},
		{"a device without a node", "bind@/x\x00ACTION=bind\x00SUBSYSTEM=usb\x00", uevent{"bind", "usb", ""}, true},
	} {
		if got, ok := parseUevent([]byte(c.text)); got != c.want || ok != c.ok {
			t.Errorf("%s: got %+v, %v", c.what, got, ok)
		}
	}
}

// TestUeventsEndWithTheContext also sees that what came before is looked at.
func TestUeventsEndWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	first := make(chan uevent, 100)
	done := make(chan error, 1)
	go func() { done <- uevents(ctx, func(e uevent) { first <- e }) }()
	select {
	case e := <-first:
		if e != (uevent{}) {
			t.Errorf("told of %+v first", e)
		}
	case err := <-done:
		t.Skip("no socket for uevents here: ", err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// fakeSys is a /sys/class/block with disks: path below devices to size.
func fakeSys(t *testing.T, disks map[string]string) string {
	t.Helper()
	root := t.TempDir()
	sys := filepath.Join(root, "class")
	if err := os.MkdirAll(sys, 0o755); err != nil {
		t.Fatal(err)
	}
	for path, size := range disks {
		dir := filepath.Join(root, "devices", path)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		files := map[string]string{"size": size + "\n"}
		if last := filepath.Base(path); last[len(last)-1] <= '9' {
			files["partition"] = "1\n"
		}
		for name, text := range files {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Symlink(dir, filepath.Join(sys, filepath.Base(path))); err != nil {
			t.Fatal(err)
		}
	}
	return sys
}

func TestSticksAreToldFromOtherDisks(t *testing.T) {
	sys := fakeSys(t, map[string]string{
		"pci/usb1/1-1/block/sda": "1000", "pci/usb1/1-1/block/sda/sda1": "900", "pci/usb1/1-1/block/sda/sda2": "90",
		"pci/usb1/1-2/block/sdb":     "1000", // no partitions
		"pci/usb1/1-3/block/sdc":     "0",    // a reader without a card
		"pci/usb1/1-4/block/sr0":     "1000", // a modem's drivers
		"pci/virtio/block/vda":       "1000",
		"soc/mmc0/block/mmcblk/vda1": "1000",
	})
	got := usbDisks(sys)
	slices.Sort(got)
	if want := []string{"sda1", "sda2", "sdb"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestSticksComeAndGo(t *testing.T) {
	sys := fakeSys(t, map[string]string{"usb1/block/sdb": "1000"})
	var told []string
	s := Sticks{sys: sys,
		Came: func(s Stick, plugged bool) {
			what := "there "
			if plugged {
				what = "plugged "
			}
			told = append(told, what+s.Node)
		},
		Gone: func(name string) { told = append(told, "gone "+name) },
	}
	link := filepath.Join(sys, "sdb")
	target, err := os.Readlink(link)
	if err != nil {
		t.Fatal(err)
	}
	s.hear(uevent{}) // the start
	s.hear(uevent{"add", "usb", "bus/usb/001/002"})
	s.hear(uevent{"add", "block", "vda"})
	s.hear(uevent{toldAgain, "block", "sdb"}) // udev has looked at it
	s.hear(uevent{"change", "block", "sdb"})  // another one has its name
	s.hear(uevent{"remove", "block", "sdb"})  // it is in /sys still
	if err := os.Remove(link); err != nil {
		t.Fatal(err)
	}
	s.hear(uevent{"add", "block", "vdb"})
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	s.hear(uevent{"add", "block", "sdb"})
	if err := os.Remove(link); err != nil {
		t.Fatal(err)
	}
	s.hear(uevent{}) // the kernel's message was lost
	want := []string{"there /dev/sdb", "gone sdb", "plugged /dev/sdb", "gone sdb", "plugged /dev/sdb", "gone sdb"}
	if !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
}

func TestHostileFilesAreRefused(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	for name, size := range map[string]int{"good": 10, "full": 100, "long": 101} {
		if err := os.WriteFile(at(name), make([]byte, size), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	huge, err := os.Create(at("huge"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(huge.Truncate(1<<40), huge.Close(), os.Symlink("/etc/passwd", at("link")), os.Symlink("good", at("near")), os.Mkdir(at("dir"), 0o755), unix.Mkfifo(at("fifo"), 0o644)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, want string }{
		{"good", ""}, {"full", ""}, {"long", "101 bytes, at most 100"}, {"huge", "1099511627776 bytes"},
		{"link", "symbolic link"}, {"near", "symbolic link"}, {"dir", "directory"}, {"fifo", "no regular file"},
	} {
		b, err := ReadPlain(at(c.name), 100)
		switch {
		case c.want == "" && (err != nil || len(b) == 0):
			t.Errorf("%s: %d bytes, %v", c.name, len(b), err)
		case c.want != "" && (err == nil || !errors.Is(err, ErrUnfit) || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
	if _, err := ReadPlain(at("none"), 100); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	for _, name := range []string{"link", "near", "dir", "fifo"} {
		if err := WritePlain(at(name), []byte("x")); !errors.Is(err, ErrUnfit) {
			t.Errorf("%s is written: %v", name, err)
		}
	}
	if err := WritePlain(at("full"), []byte("short")); err != nil {
		t.Error(err)
	}
	if b, err := os.ReadFile(at("full")); string(b) != "short" {
		t.Errorf("%q, %v", b, err)
	}
}

// image makes an image of that size, formatted by a command whose last word it
// becomes; none: all zeros.
func image(t *testing.T, size int64, format ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "stick.img")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Truncate(size), f.Close()); err != nil {
		t.Fatal(err)
	}
	if len(format) == 0 {
		return path
	}
	tool := format[0]
	for _, dir := range []string{"/usr/sbin/", "/sbin/"} {
		if _, err := os.Stat(dir + tool); err == nil {
			tool = dir + tool
			break
		}
	}
	if _, err := exec.LookPath(tool); err != nil {
		t.Skip("there is no " + format[0])
	}
	if out, err := exec.Command(tool, append(format[1:], path)...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

func TestFileSystemsAreTold(t *testing.T) {
	for _, c := range []struct {
		want   string
		format []string
	}{
		{"vfat", []string{"mkfs.vfat"}}, {"vfat", []string{"mkfs.vfat", "-F", "32", "-s", "1"}}, {"exfat", []string{"mkfs.exfat"}},
		{"ext4", []string{"mkfs.ext4", "-q", "-F"}}, {"", nil},
	} {
		t.Run(strings.Join(c.format, " "), func(t *testing.T) {
			got, err := sniff(image(t, 40<<20, c.format...))
			if got != c.want || (c.want == "") != errors.Is(err, ErrNoFileSystem) {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
	if _, err := sniff(image(t, 100)); err == nil {
		t.Error("a disk of 100 bytes has a file system")
	}
}

// loop gives an image a loop device.
func loop(t *testing.T, path string) Stick {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root, for a loop device and mount")
	}
	out, err := exec.Command("losetup", "-f", "--show", path).CombinedOutput()
	if err != nil {
		t.Skipf("no loop device: %v %s", err, out)
	}
	node := strings.TrimSpace(string(out))
	t.Cleanup(func() { exec.Command("losetup", "-d", node).Run() })
	return Stick{Name: filepath.Base(node), Node: node}
}

// TestVisitARealFileSystem mounts what the kernel here has: ext4 mostly, vfat
// where it can.
func TestVisitARealFileSystem(t *testing.T) {
	for _, format := range [][]string{{"mkfs.ext4", "-q", "-F"}, {"mkfs.vfat"}, {"mkfs.exfat"}} {
		t.Run(format[0], func(t *testing.T) {
			s := loop(t, image(t, 40<<20, format...))
			err := s.Visit(true, func(dir string) error { return WritePlain(filepath.Join(dir, "meterd.toml"), []byte("hello")) })
			if errors.Is(err, unix.ENODEV) || errors.Is(err, unix.EPERM) {
				t.Skip("this kernel does not mount it: ", err)
			}
			if err != nil {
				t.Fatal(err)
			}
			err = s.Visit(true, func(dir string) error { // and thousands of others beside it
				for i := range 3000 {
					if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("meterd-%d.toml", i)), nil, 0o644); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			var where string
			err = s.Visit(false, func(dir string) error {
				where = dir
				b, err := ReadPlain(filepath.Join(dir, "meterd.toml"), 100)
				if err != nil || string(b) != "hello" {
					t.Errorf("%q, %v", b, err)
				}
				if err := WritePlain(filepath.Join(dir, "x"), nil); !errors.Is(err, unix.EROFS) {
					t.Errorf("it can be written: %v", err)
				}
				mounts, err := os.ReadFile("/proc/mounts")
				if err != nil {
					t.Fatal(err)
				}
				for line := range strings.Lines(string(mounts)) {
					if !strings.Contains(line, dir) {
						continue
					}
					for _, flag := range []string{"ro,", "nosuid", "nodev", "noexec", "nosymfollow"} {
						if !strings.Contains(line, flag) {
							t.Errorf("mounted without %s: %s", flag, line)
						}
					}
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
			if _, err := os.Stat(where); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the mount point is left: %v", err)
			}
		})
	}
}

// TestAStickIsPulledWhileItIsMounted: its bytes are gone, f meets errors, and
// the mount point is free again.
func TestAStickIsPulledWhileItIsMounted(t *testing.T) {
	path := image(t, 40<<20, "mkfs.ext4", "-q", "-F")
	s := loop(t, path)
	big := make([]byte, 8<<20)
	if err := s.Visit(true, func(dir string) error { return WritePlain(filepath.Join(dir, "big"), big) }); err != nil {
		if errors.Is(err, unix.ENODEV) || errors.Is(err, unix.EPERM) {
			t.Skip("this kernel does not mount it: ", err)
		}
		t.Fatal(err)
	}
	var where string
	s.Visit(false, func(dir string) error {
		where = dir
		if err := os.Truncate(path, 0); err != nil {
			t.Fatal(err)
		}
		_, err := ReadPlain(filepath.Join(dir, "big"), 16<<20)
		if err == nil {
			t.Error("what is gone is read")
		}
		return err
	})
	if mounts, _ := os.ReadFile("/proc/mounts"); strings.Contains(string(mounts), where) {
		t.Error("it is mounted still")
	}
	if err := s.Visit(true, func(string) error { return nil }); err == nil {
		t.Error("what is left of it can be mounted")
	}
}

func TestAHostileImageIsNotMounted(t *testing.T) {
	path := image(t, 40<<20)
	b := make([]byte, 512) // a FAT whose numbers are nonsense
	copy(b, "\xEB\x3C\x90mkfs.fat\x00\x02\x04\x01\x00\xFF\xFF\xFF\x00\x00\xF8\xFF\xFF")
	b[510], b[511] = 0x55, 0xAA
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(b); err != nil {
		t.Fatal(err)
	}
	f.Close()
	s := loop(t, path)
	if err := s.Visit(false, func(string) error { return nil }); err == nil {
		t.Error("it is mounted")
	}
}

func TestTheLEDShowsPatternsAndIsGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		read := func(name string) string {
			synctest.Wait()
			b, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			return string(b)
		}
		for name, text := range map[string]string{"brightness": "0", "max_brightness": "255\n", "trigger": "none [heartbeat] mmc0\n"} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		l, err := newLED(dir)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- l.Run(ctx) }()
		if got := read("trigger"); got != "none" {
			t.Errorf("trigger %q", got)
		}
		shown := func(p Pattern, steps int) string {
			l.Show(p)
			synctest.Wait()
			time.Sleep(50 * time.Millisecond)
			var b strings.Builder
			for range steps {
				b.WriteString(map[string]string{"0": ".", "255": "*"}[read("brightness")])
				time.Sleep(100 * time.Millisecond)
			}
			return b.String()
		}
		for _, c := range []struct {
			p    Pattern
			want string
		}{
			{Dark, "........"}, {Working, "*.*.*.*."}, {Done, "********"}, {Refused, "**..**..**..........**..**..**.........."},
		} {
			if got := shown(c.p, len(c.want)); got != c.want {
				t.Errorf("%v shows %s, want %s", c.p, got, c.want)
			}
		}
		cancel()
		if err := <-done; err != nil || read("trigger") != "heartbeat" || read("brightness") != "0" {
			t.Errorf("%v, trigger %q, brightness %q", err, read("trigger"), read("brightness"))
		}
		var none *LED
		none.Show(Done)
	})
}

// The key and the signatures of "test" are those that the documentation of
// rust-minisign-verify gives; they were made by minisign itself.
const (
	testKey   = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3"
	hashedSig = "untrusted comment: signature from minisign secret key\nRUQf6LRCGA9i559r3g7V1qNyJDApGip8MfqcadIgT9CuhV3EMhHoN1mGTkUidF/z7SrlQgXdy8ofjb7bNJJylDOocrCo8KLzZwo=\ntrusted comment: timestamp:1633700835\tfile:test\tprehashed\nwLMDjy9FLAuxZ3q4NlEvkgtyhrr0gtTu6KC4KBJdITbbOeAi1zBIYo0v4iTgt8jJpIidRJnp94ABQkJAgAooBQ=="
	plainSig  = "untrusted comment: signature from minisign secret key\nRWQf6LRCGA9i59SLOFxz6NxvASXDJeRtuZykwQepbDEGt87ig1BNpWaVWuNrm73YiIiJbq71Wi+dP9eKL8OC351vwIasSSbXxwA=\ntrusted comment: timestamp:1555779966\tfile:test\nQtKMXWyYcwdpZAlPF7tE2ENJkRd1ujvKjlj1m9RtHTBnZPa5WKU5uWRs5GoP5M/VqE81QFuMKI5k/SfNQUaOAA=="
)

func TestSignatures(t *testing.T) {
	for _, c := range []struct{ what, key, text, sig, comment, want string }{
		{"of the hash", testKey, "test", hashedSig, "timestamp:1633700835\tfile:test\tprehashed", ""},
		{"of the text", testKey, "test", plainSig, "timestamp:1555779966\tfile:test", ""},
		{"of another text", testKey, "Test", hashedSig, "", "not of this text"},
		{"with its comment changed", testKey, "test", strings.Replace(hashedSig, "file:test", "file:best", 1), "", "not of this text"},
		{"cut short", testKey, "test", hashedSig[:100], "", "cannot be read"},
		{"that is empty", testKey, "test", "", "", "cannot be read"},
		{"by a key that is none", "RWQx", "test", hashedSig, "", "public key"},
	} {
		comment, err := Verify(c.key, []byte(c.text), []byte(c.sig))
		if comment != c.comment || (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("a signature %s: got %q, %v, want %q, %q", c.what, comment, err, c.comment, c.want)
		}
	}
	if err := CheckKey(testKey); err != nil {
		t.Error(err)
	}
}

func TestABusyDiskIsTriedAgain(t *testing.T) {
	for _, tt := range []struct {
		name string
		busy int // how often it is, -1: always
		last error
		took time.Duration
		want error
	}{
		{"not busy", 0, nil, 0, nil},
		{"for a moment", 4, nil, 4 * busyPause, nil},
		{"for good", -1, nil, busyFor, unix.EBUSY},
		{"another error", 0, unix.ENODEV, 0, unix.ENODEV},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began, tries := time.Now(), 0
				err := patiently(func() error {
					if tries++; tt.busy < 0 || tries <= tt.busy {
						return unix.EBUSY
					}
					return tt.last
				})
				if took := time.Since(began); took != tt.took || !errors.Is(err, tt.want) {
					t.Errorf("after %v %v, want %v after %v", took, err, tt.want, tt.took)
				}
			})
		})
	}
}
