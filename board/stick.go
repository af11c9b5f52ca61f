package board

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Stick is a file system on a USB mass storage: a partition, or the whole of
// one that has none.
type Stick struct {
	Name string // "sda1"
	Node string // "/dev/sda1"
}

// Sticks sees USB sticks come and go.
type Sticks struct {
	// Came is told of each stick; plugged: it was not there at the start. Gone
	// is told its name. Deaf is told why the kernel's messages are not to be
	// had, if so.
	Came func(s Stick, plugged bool)
	Gone func(name string)
	Deaf func(error)

	sys  string // "/sys/class/block" unless a test says otherwise
	seen map[string]bool
	told bool // those that were there at the start are told
}

// lookAfter is the pause before it is looked again when the kernel tells
// nothing.
const lookAfter = 2 * time.Second

// Run watches until the context ends. Came and Gone are called by it, one at
// a time. Where the kernel's messages are not to be had it looks every other
// second.
func (s *Sticks) Run(ctx context.Context) {
	freeMounts(mountRoom())
	err := uevents(ctx, s.hear)
	if ctx.Err() != nil {
		return
	}
	s.Deaf(err)
	t := time.NewTicker(lookAfter)
	defer t.Stop()
	for {
		s.look()
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// hear takes a message of the kernel. When a partition goes it is in /sys
// still, and when the last has gone its disk looks like one that never had
// any: so it is not looked there then.
func (s *Sticks) hear(e uevent) {
	switch {
	case e.subsystem != "" && e.subsystem != "block":
		return
	case e.action == "remove":
		s.forget(e.name)
		return
	case e.action == "add" || e.action == "change": // another one may have its name
		s.forget(e.name)
	}
	s.look()
}

func (s *Sticks) forget(name string) {
	if s.seen[name] {
		delete(s.seen, name)
		s.Gone(name)
	}
}

// look compares what is there with what was.
func (s *Sticks) look() {
	if s.sys == "" {
		s.sys = "/sys/class/block"
	}
	if s.seen == nil {
		s.seen = map[string]bool{}
	}
	there := usbDisks(s.sys)
	for name := range s.seen {
		if !slices.Contains(there, name) {
			s.forget(name)
		}
	}
	for _, name := range there {
		if !s.seen[name] {
			s.seen[name] = true
			s.Came(Stick{Name: name, Node: "/dev/" + name}, s.told)
		}
	}
	s.told = true
}

// usbDisks lists the partitions of USB disks, and the disks that have none.
func usbDisks(sys string) []string {
	entries, err := os.ReadDir(sys)
	if err != nil {
		return nil
	}
	var out []string
	for _, e := range entries {
		path := filepath.Join(sys, e.Name())
		target, err := filepath.EvalSymlinks(path)
		if err != nil || !strings.Contains(target, "/usb") || strings.HasPrefix(e.Name(), "sr") {
			continue // sr0 is the CD-ROM that a modem pretends to be
		}
		if size, err := os.ReadFile(filepath.Join(target, "size")); err != nil || strings.TrimSpace(string(size)) == "0" {
			continue // a card reader without a card
		}
		if parts, _ := filepath.Glob(filepath.Join(target, "*", "partition")); len(parts) > 0 {
			continue // its partitions stand for it
		}
		out = append(out, e.Name())
	}
	return out
}

// ErrNoFileSystem says that a stick holds none that we read.
var ErrNoFileSystem = errors.New("board: neither FAT nor exFAT nor ext4")

// sniff tells the file system by its first bytes, so that a hostile image is
// shown to one driver of the kernel alone.
func sniff(node string) (string, error) {
	f, err := os.Open(node)
	if err != nil {
		return "", fmt.Errorf("board: %w", err)
	}
	defer f.Close()
	b := make([]byte, 2048)
	if _, err := io.ReadFull(f, b); err != nil {
		return "", fmt.Errorf("board: %s: %w", node, err)
	}
	sector := binary.LittleEndian.Uint16(b[11:])
	switch {
	case b[510] == 0x55 && b[511] == 0xAA && bytes.Equal(b[3:11], []byte("EXFAT   ")):
		return "exfat", nil
	case b[510] == 0x55 && b[511] == 0xAA && (b[0] == 0xEB || b[0] == 0xE9) && sector >= 512 && sector <= 4096 && sector&(sector-1) == 0 && b[16] > 0:
		return "vfat", nil
	case binary.LittleEndian.Uint16(b[1024+56:]) == 0xEF53:
		return "ext4", nil
	}
	return "", fmt.Errorf("%w: %s", ErrNoFileSystem, node)
}

const mountFlags = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC | unix.MS_NOSYMFOLLOW | unix.MS_NOATIME

// Visit mounts the stick, read-only unless write, and has it unmounted again
// when f returns. In between it may be pulled at any moment: f meets errors.
func (s Stick) Visit(write bool, f func(dir string) error) error {
	kind, err := sniff(s.Node)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(mountRoom(), mountPrefix)
	if err != nil {
		return fmt.Errorf("board: %w", err)
	}
	defer os.Remove(dir)
	flags, data := uintptr(mountFlags), ""
	if !write {
		flags |= unix.MS_RDONLY
		if kind == "ext4" {
			data = "noload" // its journal would be written back
		}
	}
	if err := patiently(func() error { return unix.Mount(s.Node, dir, kind, flags, data) }); err != nil {
		if errors.Is(err, unix.ENODEV) {
			return fmt.Errorf("board: %s: this kernel has no %s: %w", s.Name, kind, err)
		}
		return fmt.Errorf("board: %s (%s) cannot be mounted: %w", s.Name, kind, err)
	}
	err = f(dir)
	if unix.Unmount(dir, 0) != nil {
		unix.Unmount(dir, unix.MNT_DETACH)
	}
	return err
}

const (
	busyFor   = 3 * time.Second
	busyPause = 100 * time.Millisecond
)

// patiently does something to a disk again while it is busy: a visit of ours
// that was called off may have it mounted still, and others of the system look
// at disks for themselves.
func patiently(do func() error) error {
	for end := time.Now().Add(busyFor); ; time.Sleep(busyPause) {
		if err := do(); !errors.Is(err, unix.EBUSY) || !time.Now().Before(end) {
			return err
		}
	}
}

// mountPrefix begins the names of our mount points.
const mountPrefix = "meterd-stick-"

// freeMounts takes away what a killed program has left mounted.
func freeMounts(room string) {
	left, _ := filepath.Glob(filepath.Join(room, mountPrefix+"*"))
	for _, dir := range left {
		unix.Unmount(dir, unix.MNT_DETACH)
		os.Remove(dir) // only if it is empty
	}
}

// mountRoom is where mount points are made: in memory, where there is such.
func mountRoom() string {
	if info, err := os.Stat("/run"); err == nil && info.IsDir() {
		return "/run"
	}
	return os.TempDir()
}

// ErrUnfit says that a file on a stick is none to be read.
var ErrUnfit = errors.New("board: unfit")

// ReadPlain reads a regular file of at most that many bytes into memory. It
// follows no link, and waits for no pipe.
func ReadPlain(path string, most int) ([]byte, error) {
	f, err := openPlain(path, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil {
		return nil, err
	} else if info.Size() > int64(most) {
		return nil, fmt.Errorf("%w: %s has %d bytes, at most %d are read", ErrUnfit, filepath.Base(path), info.Size(), most)
	}
	b, err := io.ReadAll(io.LimitReader(f, int64(most)+1))
	if err == nil && len(b) > most {
		err = fmt.Errorf("%w: %s has more than %d bytes", ErrUnfit, filepath.Base(path), most)
	}
	return b, err
}

// OpenPlain opens a regular file for reading, of any size. It follows no link,
// and waits for no pipe.
func OpenPlain(path string) (*os.File, error) { return openPlain(path, os.O_RDONLY, 0) }

// WritePlain writes a regular file durably, in place: a stick is no place for
// files beside it.
func WritePlain(path string, b []byte) error {
	f, err := openPlain(path, os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	err = f.Truncate(0)
	if err == nil {
		_, err = f.Write(b)
	}
	return errors.Join(err, f.Sync(), f.Close())
}

// AppendPlain writes to the end of a regular file; first: of one that is empty.
// It is durable once the stick is unmounted.
func AppendPlain(path string, first bool, b []byte) error {
	how := os.O_WRONLY | os.O_CREATE
	if !first {
		how |= os.O_APPEND
	}
	f, err := openPlain(path, how, 0o644)
	if err != nil {
		return err
	}
	if first {
		err = f.Truncate(0)
	}
	if err == nil {
		_, err = f.Write(b)
	}
	return errors.Join(err, f.Close())
}

// openPlain opens what must be a regular file.
func openPlain(path string, how int, perm os.FileMode) (*os.File, error) {
	f, err := os.OpenFile(path, how|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY, perm)
	name := filepath.Base(path)
	switch {
	case errors.Is(err, unix.ELOOP):
		return nil, fmt.Errorf("%w: %s is a symbolic link", ErrUnfit, name)
	case errors.Is(err, unix.EISDIR):
		return nil, fmt.Errorf("%w: %s is a directory", ErrUnfit, name)
	case errors.Is(err, unix.ENXIO):
		return nil, fmt.Errorf("%w: %s is no regular file", ErrUnfit, name)
	case err != nil:
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		kind := "no regular file"
		if info.IsDir() {
			kind = "a directory"
		}
		err = fmt.Errorf("%w: %s is %s", ErrUnfit, name, kind)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
