package store

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// ErrGone says that the file at the store's path is not the one that is open.
var ErrGone = errors.New("the ring's file is no longer there")

// ErrCut is the ErrGone of a file that is still ours, and was cut short.
var ErrCut = fmt.Errorf("%w: it was cut short", ErrGone)

// There gives ErrGone, with what has become of it, where the file of an open
// ring was deleted, replaced or cut short. What is written goes nowhere then.
func (r *Ring) There() error {
	f, ok := r.medium.file.(*osFile)
	if !ok {
		return nil
	}
	ours, err := f.Stat()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrGone, err)
	}
	there, err := os.Stat(f.path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("%w: %s was deleted", ErrGone, f.path)
	case err != nil:
		return nil // nobody can tell
	case !os.SameFile(ours, there):
		return fmt.Errorf("%w: another file stands in the place of %s", ErrGone, f.path)
	case ours.Mode().IsRegular() && ours.Size() < r.medium.fileSize():
		return fmt.Errorf("%w: %s has %d bytes", ErrCut, f.path, ours.Size())
	}
	return nil
}

// Writable reports whether the medium could only be read when the store was
// opened, and can be written now.
func (r *Ring) Writable() bool {
	f, ok := r.medium.file.(*osFile)
	if !ok || r.readOnly {
		return false
	}
	flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0)
	if err != nil || flags&unix.O_ACCMODE != unix.O_RDONLY {
		return false
	}
	again, err := os.OpenFile(f.path, os.O_RDWR, 0)
	if err != nil {
		return false
	}
	again.Close()
	return true
}

// InMemory gives a ring without a medium, and why.
func InMemory(opt Options, why error) *Ring { return inMemory(opt, why) }
