package main

import (
	"context"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// recorder is a disk in memory, served as a file to a loop device, that
// notes each write and flush, and how much was durable by then.
type recorder struct {
	fs.Inode
	mu      sync.Mutex
	start   []byte
	data    []byte
	events  []event
	done    int // records that are durable; -1: the engine is not open yet
	stopped bool
}

type event struct {
	off   int64
	data  []byte
	flush bool // else, without data, a moment at which nothing is written
	done  int
}

func newRecorder(data []byte) *recorder {
	return &recorder{start: slices.Clone(data), data: data, done: -1}
}

// serve mounts the recorder's file "disk" at dir.
func (r *recorder) serve(dir string) (end func(), err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	root := &fs.Inode{}
	server, err := fs.Mount(dir, root, &fs.Options{
		MountOptions: fuse.MountOptions{DirectMount: true, FsName: "recorder"},
		OnAdd: func(ctx context.Context) {
			root.AddChild("disk", root.NewPersistentInode(ctx, r, fs.StableAttr{Mode: syscall.S_IFREG}), true)
		},
	})
	if err != nil {
		return nil, err
	}
	return func() { server.Unmount() }, nil
}

func (r *recorder) durable(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done = n
	r.events = append(r.events, event{done: n})
}

// stop ends the noting: what an orderly unmount writes is no power cut.
func (r *recorder) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopped = true
}

// cut gives the disk as a power cut at a random moment leaves it, and how
// many records were durable by then. What was written since the last flush
// is there, or not, or in part, sector by sector.
func (r *recorder) cut(rng *rand.Rand) (disk []byte, durable int) {
	disk = slices.Clone(r.start)
	at := rng.IntN(len(r.events))
	flying := 0
	for i, e := range r.events[:at] {
		if e.flush {
			for _, done := range r.events[flying:i] {
				copy(disk[done.off:], done.data)
			}
			flying = i
		}
	}
	how := rng.IntN(4)
	for _, e := range r.events[flying:at] {
		switch {
		case how == 0, how == 2 && rng.IntN(2) == 0:
			copy(disk[e.off:], e.data)
		case how == 3:
			for i := 0; i < len(e.data); i += sector {
				if rng.IntN(2) == 0 {
					copy(disk[e.off+int64(i):], e.data[i:min(i+sector, len(e.data))])
				}
			}
		}
	}
	return disk, r.events[at].done
}

var (
	_ fs.NodeOpener    = (*recorder)(nil)
	_ fs.NodeReader    = (*recorder)(nil)
	_ fs.NodeWriter    = (*recorder)(nil)
	_ fs.NodeFsyncer   = (*recorder)(nil)
	_ fs.NodeGetattrer = (*recorder)(nil)
	_ fs.NodeSetattrer = (*recorder)(nil)
)

func (r *recorder) Open(context.Context, uint32) (fs.FileHandle, uint32, syscall.Errno) {
	return nil, 0, 0
}

func (r *recorder) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	out.Mode, out.Size, out.Blocks = syscall.S_IFREG|0o600, uint64(len(r.data)), uint64(len(r.data)/512)
	return 0
}

func (r *recorder) Setattr(ctx context.Context, h fs.FileHandle, _ *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	return r.Getattr(ctx, h, out)
}

func (r *recorder) Read(_ context.Context, _ fs.FileHandle, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if off >= int64(len(r.data)) {
		return fuse.ReadResultData(nil), 0
	}
	return fuse.ReadResultData(dest[:copy(dest, r.data[off:])]), 0
}

func (r *recorder) Write(_ context.Context, _ fs.FileHandle, data []byte, off int64) (uint32, syscall.Errno) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := copy(r.data[off:], data)
	if !r.stopped {
		r.events = append(r.events, event{off: off, data: slices.Clone(data[:n]), done: r.done})
	}
	return uint32(n), 0
}

func (r *recorder) Fsync(context.Context, fs.FileHandle, uint32) syscall.Errno {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.stopped {
		r.events = append(r.events, event{flush: true, done: r.done})
	}
	return 0
}
