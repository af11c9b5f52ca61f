package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// File is what the ring needs of a file or device. Sync makes all completed
// writes durable, or fails. What WriteAt is given is aligned to the unit, in
// place and length.
type File interface {
	io.ReaderAt
	io.WriterAt
	Sync() error
	Close() error
}

// osFile is a file or device of the system. It syncs the data alone: the file
// never changes its size, so there is no metadata to wait for.
type osFile struct {
	*os.File          // reads, and writes unless there is a direct one
	direct   *os.File // writes past the page cache, nil: not
	aligned  []byte   // what direct writes come from
	path     string
}

// directAlign is how a buffer lies that any device takes.
const directAlign = 4096

// newOSFile makes a file of the system a File. Units smaller than a page are
// written past the page cache, which would write the whole page each time.
func newOSFile(f *os.File, path string, unit int) *osFile {
	o := &osFile{File: f, path: path}
	// Readers look at few places: what the kernel reads ahead is wasted.
	_ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_RANDOM)
	if unit < directAlign {
		// Where that is refused the page cache does it, with more bytes.
		o.direct, _ = os.OpenFile(path, os.O_WRONLY|unix.O_DIRECT, 0)
	}
	return o
}

func (o *osFile) WriteAt(b []byte, off int64) (int, error) {
	if o.direct == nil {
		return o.File.WriteAt(b, off)
	}
	if cap(o.aligned) < len(b) {
		o.aligned = alignedBuffer(len(b))
	}
	n, err := o.direct.WriteAt(o.aligned[:copy(o.aligned[:len(b)], b)], off)
	if errors.Is(err, unix.EINVAL) { // the file system does not want units so small
		o.direct.Close()
		o.direct = nil
		return o.File.WriteAt(b, off)
	}
	return n, err
}

// alignedBuffer gives at least n bytes at an address that direct writes take.
func alignedBuffer(n int) []byte {
	b := make([]byte, n+directAlign)
	skip := -int(uintptr(unsafe.Pointer(&b[0]))) & (directAlign - 1)
	return b[skip : skip+n : skip+n]
}

// size gives the bytes of the file or device, 0 if they are not known.
func (o *osFile) size() int64 {
	n, err := o.Seek(0, io.SeekEnd)
	if err != nil {
		return 0
	}
	return n
}

func (o *osFile) Sync() error { return unix.Fdatasync(int(o.Fd())) }

func (o *osFile) Close() error {
	if o.direct != nil {
		o.direct.Close()
	}
	return o.File.Close()
}

// sectorSize gives the logical sector of a block device, in bytes; 0 if f is
// none.
func sectorSize(f *os.File) int {
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeDevice == 0 || info.Mode()&os.ModeCharDevice != 0 {
		return 0
	}
	n, err := unix.IoctlGetInt(int(f.Fd()), unix.BLKSSZGET)
	if err != nil {
		return 0
	}
	return n
}

// eraseGroup gives what a block device erases at once as far as it says so
// (eMMC and SD cards do), in bytes; 0 if it does not.
func eraseGroup(f *os.File) int {
	var s unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &s); err != nil {
		return 0
	}
	dev := fmt.Sprintf("/sys/dev/block/%d:%d/", unix.Major(s.Rdev), unix.Minor(s.Rdev))
	for _, place := range []string{"device/", "../device/"} { // of the whole device, of a partition
		if b, err := os.ReadFile(dev + place + "preferred_erase_size"); err == nil {
			n, _ := strconv.Atoi(strings.TrimSpace(string(b)))
			return n
		}
	}
	return 0
}

// ErrLocked says that another process writes the store.
var ErrLocked = errors.New("store: another program writes this store")

// lock keeps a second writer out. Readers need no lock.
func lock(f *os.File) error {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return ErrLocked
	}
	return err
}
