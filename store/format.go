package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// What is what stands at a path.
type What uint8

// What may stand there. A Blank is a file of no bytes, or a device that looks
// empty: nothing is lost with it.
const (
	Nothing What = iota
	Blank
	OurRing   // that this program reads
	OtherRing // of another format
	Foreign   // none at all
)

// Found is what stands at a path where a ring is to be made.
type Found struct {
	What   What
	Device bool
	Bytes  int64
	Format uint16 // of a ring; 0: not known
	Begins []byte // what is Foreign
	// Of OurRing: whose it is, how many records it holds, and how many each cursor
	// has not passed.
	ID      [16]byte
	Records int
	Unread  map[string]int
}

// mostBegins is how much of what is foreign is shown.
const mostBegins = 16

// Survey looks at what stands at a path, and changes nothing.
func Survey(path string) (Found, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return Found{}, nil
	case err != nil:
		return Found{}, fmt.Errorf("store: %w", err)
	case !info.Mode().IsRegular() && !isBlock(info):
		return Found{}, fmt.Errorf("store: %s is neither a file nor a block device", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return Found{}, fmt.Errorf("store: %w", err)
	}
	defer f.Close()
	found := Found{Device: isBlock(info)}
	if found.Bytes, err = f.Seek(0, io.SeekEnd); err != nil {
		return found, fmt.Errorf("store: %w", err)
	}
	head := make([]byte, emptyHead)
	n, err := f.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return found, fmt.Errorf("store: %w", err)
	}
	found.Begins = head[:min(n, mostBegins)]
	s, err := readSuperblock(&osFile{File: f})
	switch {
	case err == nil:
		found.What, found.Format, found.ID, found.Begins = OurRing, superVersion, s.id, nil
		return found, found.count(path)
	case errors.Is(err, ErrVersion):
		found.What, found.Begins = OtherRing, nil
		if le.Uint64(head) == superMagic { // else another copy tells
			found.Format = le.Uint16(head[8:])
		}
		return found, nil
	}
	blank := found.Bytes == 0
	if found.Device && isZero(head) {
		if blank, err = looksEmpty(f, found.Bytes); err != nil {
			return found, fmt.Errorf("store: %w", err)
		}
	}
	if found.What = Foreign; blank {
		found.What, found.Begins = Blank, nil
	}
	return found, nil
}

func isBlock(info os.FileInfo) bool {
	return info.Mode()&(os.ModeDevice|os.ModeCharDevice) == os.ModeDevice
}

// count notes what is in a ring.
func (found *Found) count(path string) error {
	r, err := OpenReadOnly(path, nil)
	if err != nil {
		return err
	}
	defer r.Close()
	found.Records, found.Unread = r.NewReader(0).Behind(), map[string]int{}
	for name, pos := range r.Cursors() {
		found.Unread[name] = r.NewReader(pos).Of(name).Behind()
	}
	return nil
}

// Format makes a new ring at path, whatever stands there: who calls it has asked
// whether that may go. A file is removed and made anew, of the size that it had as a
// ring unless g names one; a device is written over as a whole. It fails, and changes
// nothing, while another program writes the ring or uses the device, or where there is no
// room. A power cut on the way leaves no ring, or the whole new one.
func Format(path string, g Geometry) error {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	switch err := clearAway(path, &g); {
	case errors.Is(err, ErrLocked): // which says so, and where
		return err
	case err != nil:
		return fmt.Errorf("store: %w", err)
	}
	r, err := Open(path, Options{Geometry: g})
	if err != nil {
		return err
	}
	defer r.Close()
	r.Leap() // what platforms know of another ring's numbers is nothing of this one
	return r.commit(true)
}

// clearAway makes room for a new ring, or makes it of a device.
func clearAway(path string, g *Geometry) error {
	f, err := os.OpenFile(path, os.O_RDWR|unix.O_EXCL, 0) // a device that is mounted is in use
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if err := lock(f); err != nil {
		return fmt.Errorf("%w: %s", err, path)
	}
	if sectorSize(f) > 0 {
		return reformat(f, *g)
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is neither a file nor a block device", path)
	}
	if _, err := readSuperblock(&osFile{File: f}); err == nil && g.Size == 0 {
		g.Size = info.Size()
	}
	free, err := Free(filepath.Dir(path))
	if want := g.withDefaults().Size; err == nil && free+info.Size() < want {
		err = fmt.Errorf("%s has %d MiB free, the ring needs %d MiB: %w", filepath.Dir(path), free>>20, want>>20, unix.ENOSPC)
	}
	if err == nil {
		err = g.withDefaults().check()
	}
	if err == nil {
		err = os.Remove(path)
	}
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	return err
}

// reformat makes a ring of a whole block device, whatever it holds.
func reformat(f *os.File, g Geometry) error {
	o := &osFile{File: f}
	g.Size = o.size()
	for _, at := range []int64{0, lastPlace(o)} { // else a cut on the way would leave a ring with holes
		if _, err := f.WriteAt(make([]byte, lastCopy), at); err != nil {
			return err
		}
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return formatNew(f, g.onDevice(f).withDefaults())
}
