package store

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// openOrCreate opens the store at path. If there is none it is made under
// another name and renamed when it is complete, so a cut leaves nothing half
// made. A store that may only be read is opened so. New tells that it was made
// just now.
func openOrCreate(path string, g Geometry) (file *os.File, isNew bool, err error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, unix.EROFS) {
		f, err = os.Open(path)
		return f, false, err
	}
	if err == nil {
		isNew, err := formatDevice(f, g)
		if err != nil {
			f.Close()
			return nil, false, err
		}
		return f, isNew, nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return nil, false, err
	}
	made, err := create(path+".new", g.withDefaults())
	if err != nil {
		if !errors.Is(err, ErrLocked) {
			os.Remove(path + ".new")
		}
		return nil, false, err
	}
	err = unix.Renameat2(unix.AT_FDCWD, path+".new", unix.AT_FDCWD, path, unix.RENAME_NOREPLACE)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) { // not every file system can
		err = os.Rename(path+".new", path)
	}
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	if err != nil {
		made.Close()
		return nil, false, err
	}
	return made, true, nil
}

// formatDevice makes a store of a whole block device that is empty: whose
// beginning is zero, and tells that it did. Anything else is left alone, whatever it is.
func formatDevice(f *os.File, g Geometry) (isNew bool, err error) {
	if sectorSize(f) == 0 {
		return false, nil
	}
	if err := lock(f); err != nil {
		return false, err
	}
	head := make([]byte, emptyHead)
	if _, err := io.ReadFull(f, head); err != nil || !isZero(head) {
		return false, err
	}
	if g.Size, err = f.Seek(0, io.SeekEnd); err != nil {
		return false, err
	}
	if empty, err := looksEmpty(f, g.Size); err != nil || !empty {
		return false, err
	}
	return true, formatNew(f, g.onDevice(f).withDefaults())
}

// onDevice gives what a device of that size asks for.
func (g Geometry) onDevice(f *os.File) Geometry {
	if g.Unit == 0 {
		g.Unit = sectorSize(f)
	}
	if g.SegmentSize == 0 {
		g.SegmentSize = segmentFor(eraseGroup(f), g.Size)
	}
	return g
}

// segmentFor gives the size of segments on a device with such an erase group;
// 0 for the default. A segment that is a large part of the device would give
// up too much at once.
func segmentFor(group int, device int64) int {
	if group <= 128<<10 || group > 4<<20 || group&(group-1) != 0 || device/int64(group) < 64 {
		return 0
	}
	return group
}

// looksEmpty looks here and there on a device whose beginning is zero. If
// something stands there the beginning may be what is lost.
func looksEmpty(f io.ReaderAt, size int64) (bool, error) {
	b := make([]byte, 4096)
	for i := range int64(looks) {
		at := size / looks * i / 4096 * 4096
		if i == looks-1 {
			at = (size - lastCopy) / lastCopy * lastCopy
		}
		if _, err := f.ReadAt(b, at); err != nil && !errors.Is(err, io.EOF) {
			return false, err
		}
		if !isZero(b) {
			return false, nil
		}
	}
	return true, nil
}

// looks is at how many places that is.
const looks = 256

// emptyHead is how much of a device must be zero for it to count as empty.
// File systems and partition tables begin within it.
const emptyHead = 128 << 10

func formatNew(f *os.File, g Geometry) error {
	if err := g.check(); err != nil {
		return err
	}
	s := superblock{unit: g.Unit, segmentSize: g.SegmentSize, segments: g.segments()}
	rand.Read(s.id[:])
	if err := format(&osFile{File: f}, s); err != nil {
		return err
	}
	third := make([]byte, lastCopy)
	s.append(third[:0])
	if _, err := f.WriteAt(third, (g.Size-lastCopy)/lastCopy*lastCopy); err != nil {
		return err
	}
	return f.Sync()
}

// create makes a store that nobody else is making: two programs would write
// over one another.
func create(path string, g Geometry) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err = lock(f); err == nil {
		var ours, there os.FileInfo
		if ours, err = f.Stat(); err == nil {
			if there, err = os.Stat(path); err == nil && !os.SameFile(ours, there) {
				err = ErrLocked // the other one has finished it
			} else if errors.Is(err, os.ErrNotExist) {
				err = ErrLocked
			}
		}
	}
	if err == nil {
		err = f.Truncate(0)
	}
	if err == nil {
		err = room(f, g.Size)
	}
	if err == nil {
		err = formatNew(f, g)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// room reports whether that many bytes fit where f is. To find out by writing
// would wear the flash at each attempt, and would leave nothing meanwhile for
// what others write there, such as a new configuration.
func room(f *os.File, size int64) error {
	dir := filepath.Dir(f.Name())
	free, err := Free(dir)
	if err == nil && free < size {
		err = fmt.Errorf("%s has %d MiB free, the ring needs %d MiB: %w", dir, free>>20, size>>20, unix.ENOSPC)
	}
	return err
}

// Free gives how many bytes this program may still write to the file system
// that holds dir.
func Free(dir string) (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
	return int64(s.Bavail) * int64(s.Bsize), nil
}

// format writes the whole file once: zeros, and when they are there the two
// superblocks. Space that is merely allocated would cost a metadata write at
// each first use; what is cut off in the middle is no store yet.
func format(f File, s superblock) error {
	head := make([]byte, 2*s.unit)
	zeros := make([]byte, s.segmentSize)
	if _, err := f.WriteAt(head, 0); err != nil {
		return err
	}
	for i := range s.segments {
		if _, err := f.WriteAt(zeros, int64(len(head))+int64(i)*int64(s.segmentSize)); err != nil {
			return err
		}
	}
	if err := f.Sync(); err != nil {
		return err
	}
	s.append(head[:0])
	s.append(head[s.unit:s.unit])
	if _, err := f.WriteAt(head, 0); err != nil {
		return err
	}
	return f.Sync()
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

func isZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
