package update

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
)

// flash is a disk that forgets what was not synced, and whose power can be cut
// before any of its operations.
type flash struct {
	rnd     *rand.Rand
	left    int // operations before the power is cut; < 0: it is not
	full    int // bytes that fit into programs; < 0: any number
	files   map[string]*content
	durable map[string]*content // names that a cut leaves
}

// content is what a file holds, and how much of it a cut leaves for certain.
type content struct {
	b      []byte
	synced bool
}

var errCut = errors.New("the power is cut")

func newFlash(seed uint64) *flash {
	return &flash{rnd: rand.New(rand.NewPCG(seed, 0)), left: -1, full: -1, files: map[string]*content{}, durable: map[string]*content{}}
}

// step is one operation. It reports false once the power is cut.
func (f *flash) step() bool {
	if f.left == 0 {
		return false
	}
	if f.left > 0 {
		f.left--
	}
	return true
}

// cut gives what the next start finds.
func (f *flash) cut() {
	for name, c := range f.files { // a name may be there although nobody has synced it
		if f.durable[name] == nil && f.rnd.IntN(2) == 0 {
			f.durable[name] = c
		}
	}
	f.files = map[string]*content{}
	for name, c := range f.durable {
		b := bytes.Clone(c.b)
		if !c.synced {
			b = b[:f.rnd.IntN(len(b)+1)]
			for i := range b {
				if f.rnd.IntN(8) == 0 {
					b[i] = 0
				}
			}
		}
		f.files[name] = &content{b, true}
		f.durable[name] = f.files[name]
	}
	f.left = -1
}

func (f *flash) read(name string, most int64) ([]byte, error) {
	c := f.files[name]
	if c == nil {
		return nil, fs.ErrNotExist
	}
	return bytes.Clone(c.b), nil
}

func (f *flash) write(name string, b []byte) error {
	if !f.step() {
		if f.rnd.IntN(2) == 0 { // it had come so far
			f.durable[name] = &content{bytes.Clone(b), true}
		}
		return errCut
	}
	f.files[name] = &content{bytes.Clone(b), true}
	f.durable[name] = f.files[name]
	return nil
}

func (f *flash) remove(name string) error {
	if !f.step() {
		if f.rnd.IntN(2) == 0 {
			delete(f.durable, name)
		}
		return errCut
	}
	delete(f.files, name)
	delete(f.durable, name)
	return nil
}

func (f *flash) create(name string) (file, error) {
	if !f.step() {
		return nil, errCut
	}
	f.files[name] = &content{}
	return &handle{f, f.files[name]}, nil
}

func (f *flash) syncNames() error {
	if !f.step() {
		return errCut
	}
	for name, c := range f.files {
		f.durable[name] = c
	}
	return nil
}

func (f *flash) open(name string) (io.ReadCloser, error) {
	c := f.files[name]
	if c == nil {
		return nil, fs.ErrNotExist
	}
	return io.NopCloser(bytes.NewReader(c.b)), nil
}

func (f *flash) free() (int64, error) { return 1 << 40, nil }

type handle struct {
	f *flash
	c *content
}

func (h *handle) Write(b []byte) (int, error) {
	if !h.f.step() {
		return 0, errCut
	}
	if h.f.full >= 0 && len(h.c.b)+len(b) > h.f.full {
		return 0, errFull
	}
	h.c.b, h.c.synced = append(h.c.b, b...), false
	return len(b), nil
}

func (h *handle) Sync() error {
	if !h.f.step() {
		return errCut
	}
	h.c.synced = true
	return nil
}

func (h *handle) Close() error { return nil }
