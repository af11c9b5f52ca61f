package store

import (
	"errors"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
)

// forgetful is a file that loses at a power cut what was not synced: each
// unit written since the last sync is afterwards old, new or garbage. Writes
// and syncs fail on demand.
type forgetful struct {
	mu       sync.Mutex
	unit     int
	data     []byte           // as a reader sees it
	unsynced map[int64][]byte // what stood in a unit before, by offset
	failures map[string]int   // "write", "sync": how many of the next fail
	onWrite  func(off int64)  // called before each write
	writes   int
	syncs    int
}

var errInjected = errors.New("injected failure")

func newForgetful(size int64, unit int) *forgetful {
	return &forgetful{unit: unit, data: make([]byte, size), unsynced: map[int64][]byte{}, failures: map[string]int{}}
}

func (f *forgetful) ReadAt(b []byte, off int64) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if off >= int64(len(f.data)) {
		return 0, io.EOF
	}
	n := copy(b, f.data[off:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (f *forgetful) fails(what string) bool {
	if f.failures[what] > 0 {
		f.failures[what]--
		return true
	}
	return false
}

func (f *forgetful) WriteAt(b []byte, off int64) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.writes++
	if f.onWrite != nil {
		f.onWrite(off)
	}
	fail := f.fails("write")
	for i := 0; i < len(b); i += f.unit {
		at := off + int64(i)
		if _, ok := f.unsynced[at]; !ok {
			f.unsynced[at] = append([]byte(nil), f.data[at:at+int64(f.unit)]...)
		}
		copy(f.data[at:], b[i:min(i+f.unit, len(b))])
		if fail { // a short write: the first unit alone
			return f.unit, errInjected
		}
	}
	return len(b), nil
}

func (f *forgetful) Sync() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.syncs++
	if f.fails("sync") {
		return errInjected
	}
	clear(f.unsynced)
	return nil
}

func (f *forgetful) Close() error { return nil }

// cut gives the file as it is after a power cut.
func (f *forgetful) cut(rng *rand.Rand) *forgetful {
	f.mu.Lock()
	defer f.mu.Unlock()
	after := newForgetful(int64(len(f.data)), f.unit)
	copy(after.data, f.data)
	for _, at := range slices.Sorted(maps.Keys(f.unsynced)) {
		old := f.unsynced[at]
		unit := after.data[at : at+int64(f.unit)]
		switch rng.IntN(4) {
		case 0:
			copy(unit, old)
		case 1:
			for i := range unit {
				unit[i] = byte(rng.Uint32())
			}
		case 2: // torn in the middle
			copy(unit[f.unit/2:], old[f.unit/2:])
		}
	}
	return after
}
