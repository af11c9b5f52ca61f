package update

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"meterd/board"
)

// disk is a folder on flash. Tests have one that forgets what was not synced.
type disk interface {
	// read gives a file of at most that many bytes, fs.ErrNotExist if there is none.
	read(name string, most int64) ([]byte, error)
	// write puts a file in the place of another, durably, whole or not at all.
	write(name string, b []byte) error
	// remove is durable; that a file is not there is no error.
	remove(name string) error
	// create makes a new program. It is durable after Sync and syncNames.
	create(name string) (file, error)
	syncNames() error
	// open reads what the medium holds, not what is remembered of it.
	open(name string) (io.ReadCloser, error)
	free() (int64, error) // bytes
}

// file is a program that is being written.
type file interface {
	io.WriteCloser
	Sync() error
}

// directory is a disk.
type directory string

func (d directory) path(name string) string { return filepath.Join(string(d), name) }

func (d directory) read(name string, most int64) ([]byte, error) {
	return board.ReadFile(d.path(name), most)
}

func (d directory) write(name string, b []byte) error {
	return board.WriteFile(d.path(name), b, 0o600)
}

func (d directory) remove(name string) error { return board.RemoveFile(d.path(name)) }

func (d directory) create(name string) (file, error) {
	if err := os.Remove(d.path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return os.OpenFile(d.path(name), os.O_WRONLY|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, 0o700)
}

func (d directory) syncNames() error {
	f, err := os.Open(string(d))
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func (d directory) open(name string) (io.ReadCloser, error) {
	f, err := os.OpenFile(d.path(name), os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		f.Close()
		return nil, errors.Join(err, errNotWhole)
	}
	unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED) // what it cannot forget is read from memory
	return f, nil
}

func (d directory) free() (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(string(d), &s); err != nil {
		return 0, err
	}
	return int64(s.Bavail) * int64(s.Bsize), nil
}
