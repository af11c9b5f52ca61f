package update

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"golang.org/x/sys/unix"

	"meterd/cmd/meterd/console"
	"meterd/dlt645"
)

// Folder are the slots of a board with a package: the package's own program,
// which is never written here and starts the others, and two binaries in a folder
// that outlives everything:
//
//	slots.json   which starts, and what is on trial
//	a, b         programs
//
// The package's own is what ran before the first update, and what starts where
// nothing else does. slots.json is written as a whole (board.WriteFile); a
// program is named in it only when it is whole and durable. The package's program
// reads it at each start (Folder.Start), counts the starts of what is on trial, and
// becomes the program that it has found. Where a package of another version was
// installed since, that one runs, and the slots are given up.
type Folder struct {
	Package Image // the package's own program
	Slot    Slot  // of the program that this is
	disk    disk
}

// Slot is a place of a program.
type Slot string

// The slots. None is the package's own program.
const (
	NoSlot Slot = ""
	SlotA  Slot = "a"
	SlotB  Slot = "b"
)

// other gives the slot to write when s runs.
func (s Slot) other() Slot {
	if s == SlotA {
		return SlotB
	}
	return SlotA
}

// OpenFolder gives the slots in a folder that is there, as the program in the
// slot of that name sees them.
func OpenFolder(dir string, own Image, slot Slot) *Folder {
	return &Folder{Package: own, Slot: slot, disk: directory(dir)}
}

// record is what slots.json holds.
type record struct {
	Format  int            `json:"format"`
	Package string         `json:"package"` // its version, when this was written
	Runs    Slot           `json:"runs"`    // that starts, while nothing is on trial
	Trial   *trialMark     `json:"trial,omitempty"`
	Fell    Fall           `json:"fell,omitempty"` // the last trial
	In      map[Slot]*slot `json:"in,omitempty"`   // what stands in each; nil: nothing
}

// trialMark notes the slot on trial.
type trialMark struct {
	Slot   Slot `json:"slot"`
	Starts int  `json:"starts"` // that were made of it
}

// slot notes a program that is whole.
type slot struct {
	Image
	Proved bool `json:"proved"` // it had a trial that ended well
}

const (
	recordName   = "slots.json"
	recordFormat = 1
	mostRecord   = 16 << 10
)

// errNoRecord says that there are no slots yet.
var errNoRecord = errors.New("update: no slots were ever written")

// read gives the record. One that cannot be read counts for none: the
// package's own program runs then.
func (f *Folder) read() (r record, err error) {
	b, err := f.disk.read(recordName, mostRecord)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return f.empty(), errNoRecord
	case err != nil:
		return f.empty(), err
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return f.empty(), fmt.Errorf("update: %s: %w", recordName, err)
	}
	switch {
	case r.Format != recordFormat:
		return f.empty(), fmt.Errorf("update: %s is of format %d, want %d", recordName, r.Format, recordFormat)
	case !r.Runs.known() || r.Trial != nil && (!r.Trial.Slot.known() || r.In[r.Trial.Slot] == nil) || r.Runs != NoSlot && r.In[r.Runs] == nil:
		return f.empty(), fmt.Errorf("update: %s names a slot that holds nothing", recordName)
	}
	if r.In == nil {
		r.In = map[Slot]*slot{}
	}
	return r, nil
}

func (s Slot) known() bool { return s == NoSlot || s == SlotA || s == SlotB }

func (f *Folder) empty() record {
	return record{Format: recordFormat, Package: f.Package.Version, In: map[Slot]*slot{}}
}

func (f *Folder) write(r record) error {
	b, err := json.Marshal(r)
	if err == nil {
		err = f.disk.write(recordName, append(b, '\n'))
	}
	if err != nil {
		return fmt.Errorf("update: the slots cannot be noted: %w", err)
	}
	return nil
}

// image gives what a slot holds.
func (f *Folder) image(r record, s Slot) Image {
	if s == NoSlot {
		return f.Package
	}
	if in := r.In[s]; in != nil {
		return in.Image
	}
	return Image{}
}

// State tells what runs.
func (f *Folder) State() (State, error) {
	r, err := f.read()
	if errors.Is(err, errNoRecord) {
		err = nil
	}
	s := State{Running: f.image(r, f.Slot), Other: f.image(r, f.Slot.other())}
	if s.Running == (Image{}) { // its slot was given up under it: only by a hand
		return State{Running: f.Package}, errors.Join(err, fmt.Errorf("update: slot %q is not noted, and runs", f.Slot))
	}
	if r.Trial != nil && r.Trial.Slot == f.Slot {
		s.Trial, s.Starts = true, r.Trial.Starts
	} else if r.Trial == nil {
		s.Fell = r.Fell
	}
	if s.Other == (Image{}) && f.Slot != NoSlot {
		s.Other = f.Package
	}
	return s, err
}

// spare is the room that stays free beside a program, for the ring's state and
// the configuration.
const spare = 4 << 20

// Write puts a program into the slot that does not run.
func (f *Folder) Write(ctx context.Context, in Image, payload io.Reader) error {
	r, err := f.read()
	if err != nil && !errors.Is(err, errNoRecord) && f.Slot != NoSlot { // the package's own program has nothing to lose: it begins anew
		return err
	}
	target := f.Slot.other()
	if r.Trial != nil && r.Trial.Slot == target { // it did not come to its trial
		r.Trial = nil
	}
	if r.Runs == target { // by a hand, or a start that fell back further: what runs is what there is
		r.Runs = f.Slot
	}
	r.In[target], r.Fell, r.Package = nil, None, f.Package.Version
	if err := f.write(r); err != nil {
		return err
	}
	if err := f.disk.remove(string(target)); err != nil {
		return fmt.Errorf("update: slot %s: %w", target, err)
	}
	if free, err := f.disk.free(); err == nil && free < in.Size+spare {
		return noRoom(free, in.Size+spare)
	}
	if err := f.fill(ctx, target, in, payload); err != nil {
		err = errors.Join(err, f.disk.remove(string(target)))
		if errors.Is(err, unix.ENOSPC) {
			return noRoom(0, in.Size+spare)
		}
		return err
	}
	r.In[target] = &slot{Image: in}
	return f.write(r)
}

// NoRoom says that the flash is too small for an image.
type NoRoom struct{ *console.Told }

// Unwrap gives what is told of it.
func (n *NoRoom) Unwrap() error { return n.Told }

func noRoom(free, need int64) error {
	return &NoRoom{console.Tell(dlt645.Text{EN: "there is no room for it: %d MiB are free, %d MiB are needed", ZH: "空间不足：剩余 %d MiB，需要 %d MiB"},
		dlt645.Text{EN: "remove what does not belong on the data partition", ZH: "请清理数据分区上的无关文件"}, free>>20, (need+1<<20-1)>>20)}
}

// fill writes the program, and compares what the medium gives back.
func (f *Folder) fill(ctx context.Context, target Slot, in Image, payload io.Reader) error {
	w, err := f.disk.create(string(target))
	if err != nil {
		return err
	}
	n, err := io.Copy(&pieces{file: w}, &until{ctx, payload})
	if err == nil && n != in.Size {
		err = fmt.Errorf("update: %d bytes came, not %d", n, in.Size)
	}
	if err == nil {
		err = w.Sync()
	}
	if err := errors.Join(err, w.Close()); err != nil {
		return err
	}
	if err := f.disk.syncNames(); err != nil {
		return err
	}
	return f.whole(target, in)
}

// piece is how much is written before it is made durable: what else writes to
// this flash waits for no more than that.
const piece = 1 << 20

// pieces is a file that becomes durable piece by piece.
type pieces struct {
	file
	n int // bytes since the last
}

func (p *pieces) Write(b []byte) (int, error) {
	n, err := p.file.Write(b)
	if p.n += n; err == nil && p.n >= piece {
		p.n, err = 0, p.Sync()
	}
	return n, err
}

// until is a reader that ends with the context.
type until struct {
	ctx context.Context
	io.Reader
}

func (u *until) Read(b []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.Reader.Read(b)
}

// errNotWhole says that a slot does not hold what is noted of it.
var errNotWhole = errors.New("update: the flash does not give back what was written")

// whole reads a slot from the medium and compares it with what it should hold.
func (f *Folder) whole(s Slot, in Image) error {
	r, err := f.disk.open(string(s))
	if err != nil {
		return err
	}
	defer r.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, io.LimitReader(r, in.Size+1))
	if err == nil && (n != in.Size || Hash(sum.Sum(nil)) != in.Hash) {
		err = errNotWhole
	}
	return err
}

// Try has the slot that was written start next.
func (f *Folder) Try() error {
	r, err := f.read()
	if err != nil {
		return err
	}
	target := f.Slot.other()
	if r.In[target] == nil {
		return fmt.Errorf("update: slot %s holds nothing to try", target)
	}
	r.Trial, r.Fell = &trialMark{Slot: target}, None
	return f.write(r)
}

// Confirm ends the trial of what runs.
func (f *Folder) Confirm() error {
	r, err := f.read()
	switch {
	case err != nil:
		return err
	case r.Trial == nil && r.Runs == f.Slot:
		return nil
	case r.Trial == nil || r.Trial.Slot != f.Slot:
		return fmt.Errorf("update: slot %q is not on trial", f.Slot)
	}
	r.Runs, r.Trial, r.Fell = f.Slot, nil, None
	r.In[f.Slot].Proved = true
	return f.write(r)
}

// Back ends the trial of what runs for the other one.
func (f *Folder) Back() error {
	r, err := f.read()
	if err != nil {
		return err
	}
	if r.Trial == nil || r.Trial.Slot != f.Slot {
		return fmt.Errorf("update: slot %q is not on trial", f.Slot)
	}
	r.Trial, r.Fell = nil, GaveUp
	return f.write(r)
}

// Restart leaves it to whoever has started the program to start it again.
func (f *Folder) Restart() error { return nil }

// Start decides which program the package's own one becomes, and counts the
// start where it is on trial. It gives NoSlot for the package's own. An error beside it
// is of what could not be read or noted: what it gives runs all the same.
func (f *Folder) Start() (Slot, error) {
	r, err := f.read()
	switch {
	case errors.Is(err, errNoRecord):
		return NoSlot, nil
	case err != nil:
		return NoSlot, err
	case r.Package != f.Package.Version: // whoever installed that one meant it
		err := f.write(f.empty())
		return NoSlot, errors.Join(err, f.disk.remove(string(SlotA)), f.disk.remove(string(SlotB)))
	}
	var errs []error
	if r.Trial != nil {
		s, err := f.try(r)
		if s != NoSlot {
			return s, err
		}
		errs = append(errs, err)
	}
	if r.Runs == NoSlot {
		return NoSlot, errors.Join(errs...)
	}
	for _, s := range []Slot{r.Runs, r.Runs.other()} { // another program that has proved itself is nearer than the package's
		in := r.In[s]
		if in == nil || s != r.Runs && !in.Proved {
			continue
		}
		err := f.whole(s, in.Image)
		if err == nil {
			return s, errors.Join(errs...)
		}
		errs = append(errs, fmt.Errorf("update: slot %s: %w", s, err))
	}
	return NoSlot, errors.Join(errs...)
}

// try counts a start of what is on trial, NoSlot where it is not to start.
func (f *Folder) try(r record) (Slot, error) {
	s := r.Trial.Slot
	if r.Trial.Starts >= MostStarts {
		return NoSlot, f.fall(r, Spent)
	}
	if err := f.whole(s, r.In[s].Image); err != nil {
		return NoSlot, errors.Join(err, f.fall(r, Broken))
	}
	r.Trial.Starts++
	if err := f.write(r); err != nil { // a start that does not count could come again for ever
		return NoSlot, err
	}
	return s, nil
}

// Fall ends the trial of a slot from outside: it does not start, or hangs.
func (f *Folder) Fall(s Slot, why Fall) error {
	r, err := f.read()
	if err != nil || r.Trial == nil || r.Trial.Slot != s {
		return err
	}
	return f.fall(r, why)
}

func (f *Folder) fall(r record, why Fall) error {
	r.Fell, r.Trial = why, nil
	return f.write(r)
}

// OnTrial reports whether a slot is on trial.
func (f *Folder) OnTrial(s Slot) bool {
	r, err := f.read()
	return err == nil && r.Trial != nil && r.Trial.Slot == s
}
