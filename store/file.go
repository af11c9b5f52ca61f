package store

import (
	"crypto/rand"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// File is what the ring needs of a file or device. Sync makes all completed
// writes durable, or fails.
type File interface {
	io.ReaderAt
	io.WriterAt
	Sync() error
	Close() error
}

// osFile syncs the data alone: the file never changes its size, so there is
// no metadata to wait for.
type osFile struct{ *os.File }

func (f osFile) Sync() error { return unix.Fdatasync(int(f.Fd())) }

// Geometry is how a store is laid out. The zero value of a field takes the
// default.
type Geometry struct {
	Unit        int   // bytes that are written at once; 0: 4096
	SegmentSize int   // bytes; 0: 128 KiB
	Size        int64 // of the whole file; 0: 64 MiB
}

func (g Geometry) withDefaults() Geometry {
	if g.Unit == 0 {
		g.Unit = 4096
	}
	if g.SegmentSize == 0 {
		g.SegmentSize = 128 << 10
	}
	if g.Size == 0 {
		g.Size = 64 << 20
	}
	return g
}

// leastSegments keeps a ring a ring: one segment is written while others
// hold what is not delivered yet.
const leastSegments = 4

// MinSize is the smallest store with default unit and segment size.
const MinSize = leastSegments*128<<10 + 2*4096

func (g Geometry) segments() int { return int((g.Size - 2*int64(g.Unit)) / int64(g.SegmentSize)) }

func (g Geometry) check() error {
	if g.segments() < leastSegments {
		return fmt.Errorf("store: %d bytes are too few for %d segments of %d bytes", g.Size, leastSegments, g.SegmentSize)
	}
	if g.Unit < superSize || g.SegmentSize%g.Unit != 0 {
		return fmt.Errorf("store: segments of %d bytes are no multiple of units of %d", g.SegmentSize, g.Unit)
	}
	return nil
}

const (
	superMagic   = 0x474E495244524D45 // "EMRDRING"
	superVersion = 1
	superSize    = 8 + 2 + 2 + 4 + 4 + 4 + 16 + 4
)

// superblock tells whose store a file is.
type superblock struct {
	unit, segmentSize, segments int
	id                          [16]byte
}

func (s *superblock) append(b []byte) []byte {
	start := len(b)
	b = le.AppendUint64(b, superMagic)
	b = le.AppendUint16(b, superVersion)
	b = le.AppendUint16(b, superVersion)
	b = le.AppendUint32(b, uint32(s.unit))
	b = le.AppendUint32(b, uint32(s.segmentSize))
	b = le.AppendUint32(b, uint32(s.segments))
	b = append(b, s.id[:]...)
	return le.AppendUint32(b, crc32.Checksum(b[start:], castagnoli))
}

// ErrForeign says that a file is no store of ours, or one of a later format.
var ErrForeign = errors.New("store: not a store of this version")

func parseSuperblock(b []byte) (superblock, error) {
	var s superblock
	if len(b) < superSize || le.Uint64(b) != superMagic || crc32.Checksum(b[:superSize-4], castagnoli) != le.Uint32(b[superSize-4:]) {
		return s, ErrForeign
	}
	if oldest := le.Uint16(b[10:]); oldest > superVersion {
		return s, fmt.Errorf("%w: written for readers of version %d and later", ErrForeign, oldest)
	}
	s.unit, s.segmentSize, s.segments = int(le.Uint32(b[12:])), int(le.Uint32(b[16:])), int(le.Uint32(b[20:]))
	copy(s.id[:], b[24:])
	if s.unit < superSize || s.segmentSize < s.unit || s.segmentSize%s.unit != 0 || s.segments < leastSegments {
		return s, ErrForeign
	}
	return s, nil
}

// readSuperblock takes the first good copy. The copies' distance is the
// unit, which the first copy would tell: without it the usual ones are tried.
func readSuperblock(f io.ReaderAt) (superblock, error) {
	first := ErrForeign
	for _, at := range []int64{0, 4096, 512} {
		b := make([]byte, superSize)
		if _, err := f.ReadAt(b, at); err != nil && !errors.Is(err, io.EOF) {
			first = err
			continue
		}
		s, err := parseSuperblock(b)
		if err == nil {
			return s, nil
		}
		if at == 0 {
			first = err
		}
	}
	return superblock{}, first
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

// openOrCreate opens the store at path. If there is none it is made under
// another name and renamed when it is complete, so a cut leaves nothing half
// made.
func openOrCreate(path string, g Geometry) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err == nil {
		if err := formatDevice(f, g); err != nil {
			f.Close()
			return nil, err
		}
		return f, nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	if err := create(path+".new", g); err != nil {
		os.Remove(path + ".new")
		return nil, err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return nil, err
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		return nil, err
	}
	return os.OpenFile(path, os.O_RDWR, 0)
}

// formatDevice makes a store of a whole block device that is empty: whose
// beginning is zero. Anything else is left alone, whatever it is.
func formatDevice(f *os.File, g Geometry) error {
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeDevice == 0 || info.Mode()&os.ModeCharDevice != 0 {
		return err
	}
	head := make([]byte, emptyHead)
	if _, err := io.ReadFull(f, head); err != nil || !isZero(head) {
		return err
	}
	if g.Size, err = f.Seek(0, io.SeekEnd); err != nil {
		return err
	}
	return formatNew(f, g)
}

// emptyHead is how much of a device must be zero for it to count as empty.
// File systems and partition tables begin within it.
const emptyHead = 128 << 10

func formatNew(f *os.File, g Geometry) error {
	if err := g.check(); err != nil {
		return err
	}
	s := superblock{unit: g.Unit, segmentSize: g.SegmentSize, segments: g.segments()}
	rand.Read(s.id[:])
	return format(osFile{f}, s)
}

func create(path string, g Geometry) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	return formatNew(f, g)
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

// damagedHead reports whether one of the superblocks is bad, or the file is
// shorter than they tell.
func damagedHead(f io.ReaderAt, s superblock) bool {
	want := s.append(nil)
	for _, at := range []int64{0, int64(s.unit)} {
		b := make([]byte, len(want))
		if _, err := f.ReadAt(b, at); err != nil || string(b) != string(want) {
			return true
		}
	}
	last := make([]byte, 1)
	_, err := f.ReadAt(last, 2*int64(s.unit)+int64(s.segments)*int64(s.segmentSize)-1)
	return err != nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
