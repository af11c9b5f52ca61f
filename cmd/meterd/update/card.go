package update

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// CardSlots are the two slots of a card, partitions 2 and 3 of a disk with an
// MBR. What U-Boot reads of them stands in single sectors before the first
// partition (board/image/card/boot.cmd), each of them
//
//	text, lines of key=value, zeros behind them   508 bytes
//	CRC-32 (IEEE) of those, big endian            4 bytes
//
//	1800H 1C00H  the state: m_seq m_slot m_trial m_gone. The good one with the
//	             higher m_seq counts; the other is written next.
//	1900H 1B00H  what a slot holds: m_fit m_boot m_args m_board m_version m_size
//	             m_sha256. Without it the slot does not start.
//	1A00H …      copies of the state that m_trial was started under, one for
//	             each start. U-Boot alone writes them.
//
// A sector is on the medium whole, or its CRC tells. The state is written into
// the sector that does not count, so one of the two is always good; a slot is
// written while no sector names it, and named when the medium has been read
// again. So a power cut at any moment leaves the state before or the one
// after.
//
// An image is a squashfs, a FIT image, and a last sector of the same form with
// m_fit (its sector within the image) m_boot (its sectors) m_args m_board
// m_version (board/image/sdcard).
type CardSlots struct {
	Disk    string       // "/dev/mmcblk0"
	Slot    string       // that runs: "a" or "b"
	Image   Image        // that runs, if its sector is not good
	Reboot  func() error // starts the board anew, in order
	holding func()       // a test's, called after each write
}

// Sectors of a card.
const (
	sector      = 512
	firstState  = 0x1800
	secondState = 0x1c00
	firstStart  = 0x1a00
	textOfOne   = sector - 4
)

// holds is the sector that tells what a slot holds; entry its place in the
// partition table.
var (
	holds = map[string]int64{"a": 0x1900, "b": 0x1b00}
	entry = map[string]int{"a": 1, "b": 2}
	other = map[string]string{"a": "b", "b": "a"}
)

// Files of a card: what runs, written at its start (board/image/card/init), and
// what the root holds.
const (
	cardRuns = "/run/card"
	cardRoot = "/etc/meterd/card"
)

// OpenCard gives the slots of the card that this program runs from;
// os.ErrNotExist where it runs from none.
func OpenCard(reboot func() error) (*CardSlots, error) {
	runs, err := os.ReadFile(cardRuns)
	if err != nil {
		return nil, fmt.Errorf("update: %w", err)
	}
	root, err := os.ReadFile(cardRoot)
	if err != nil {
		return nil, fmt.Errorf("update: %w", err)
	}
	run, has := pairs(strings.Join(strings.Fields(string(runs)), "\n")), pairs(string(root))
	c := &CardSlots{Disk: run["disk"], Slot: run["slot"], Image: Image{Version: has["version"], Board: has["board"], Kind: Card}, Reboot: reboot}
	if c.Disk == "" || other[c.Slot] == "" {
		return nil, fmt.Errorf("update: %s names no slot", cardRuns)
	}
	return c, nil
}

// state is what stands in the sector that counts.
type state struct {
	seq   uint64
	slot  string // starts unless another is on trial
	trial string // on trial, or to be; "": none
	gone  string // was given up by Back
	at    int64  // its sector
	raw   []byte
}

// State implements Slots.
func (c *CardSlots) State() (State, error) {
	d, err := c.open(os.O_RDONLY)
	if err != nil {
		return State{}, err
	}
	defer d.Close()
	st, err := d.state()
	if err != nil {
		return State{}, err
	}
	not := other[c.Slot]
	s := State{Running: cmp.Or(d.image(c.Slot), c.Image), Other: d.image(not), Trial: st.trial == c.Slot}
	starts := d.starts(st)
	switch {
	case s.Trial:
		s.Starts = starts
	case st.trial == not && starts >= MostStarts:
		s.Fell = Spent
	case st.trial == not && starts > 0: // U-Boot counted, and passed it over
		s.Fell = Broken
	case st.trial == not:
		s.Armed = true
	case st.gone == not:
		s.Fell = GaveUp
	case st.gone == c.Slot:
		s.Left = true
	}
	return s, nil
}

// Write implements Slots.
func (c *CardSlots) Write(ctx context.Context, in Image, payload io.Reader) error {
	d, err := c.open(os.O_RDWR)
	if err != nil {
		return err
	}
	defer d.Close()
	st, err := d.state()
	if err != nil {
		return err
	}
	not := other[c.Slot]
	start, size := d.partition(not)
	switch {
	case in.Kind != Card || in.Board != c.Image.Board:
		return fmt.Errorf("update: the image is of %s for %s, this is a card for %s", in.Kind, in.Board, c.Image.Board)
	case st.trial == c.Slot:
		return errors.New("update: what runs is on trial, and the other slot is the way back")
	case in.Size%sector != 0 || in.Size < 2*sector || in.Size > size:
		return fmt.Errorf("update: an image of %d bytes does not fit a slot of %d", in.Size, size)
	}
	if st.slot != c.Slot || st.trial != "" || st.gone != "" {
		if err := d.next(st, state{slot: c.Slot}); err != nil {
			return err
		}
	}
	if err := d.write(make([]byte, sector), holds[not]); err != nil {
		return err
	}
	if err := d.fill(ctx, start, in.Size, payload); err != nil {
		return err
	}
	tail, err := d.verify(ctx, start, in)
	if err != nil {
		return err
	}
	fit, boot, err := within(tail, in.Size)
	if err != nil {
		return err
	}
	return d.put(holds[not], [][2]string{
		{"m_fit", hexadecimal(uint64(start/sector + fit))}, {"m_boot", hexadecimal(uint64(boot))}, {"m_args", tail["m_args"]},
		{"m_board", in.Board}, {"m_version", in.Version}, {"m_size", strconv.FormatInt(in.Size, 10)}, {"m_sha256", in.Hash.String()},
	})
}

// Try implements Slots.
func (c *CardSlots) Try() error {
	return c.change(func(d cardDisk, st state) (state, error) {
		switch {
		case st.trial == c.Slot:
			return st, errors.New("update: what runs is on trial itself")
		case d.image(other[c.Slot]) == Image{}:
			return st, errors.New("update: the other slot holds nothing that could start")
		}
		return state{slot: c.Slot, trial: other[c.Slot]}, nil
	})
}

// Confirm implements Slots.
func (c *CardSlots) Confirm() error {
	return c.change(func(d cardDisk, st state) (state, error) { return state{slot: c.Slot}, nil })
}

// Back implements Slots.
func (c *CardSlots) Back() error {
	return c.change(func(d cardDisk, st state) (state, error) {
		if d.image(other[c.Slot]) == (Image{}) {
			return st, errors.New("update: the other slot holds nothing that could start")
		}
		return state{slot: other[c.Slot], gone: c.Slot}, nil
	})
}

// Restart implements Slots.
func (c *CardSlots) Restart() error { return c.Reboot() }

// change writes the state that decide gives, unless it stands there.
func (c *CardSlots) change(decide func(cardDisk, state) (state, error)) error {
	d, err := c.open(os.O_RDWR)
	if err != nil {
		return err
	}
	defer d.Close()
	st, err := d.state()
	if err != nil {
		return err
	}
	to, err := decide(d, st)
	if err != nil || to.slot == st.slot && to.trial == st.trial && to.gone == st.gone && to.trial == "" {
		return err
	}
	return d.next(st, to)
}

// cardDisk is an open card.
type cardDisk struct {
	*os.File
	table   []byte // its first sector
	holding func()
}

func (c *CardSlots) open(flag int) (cardDisk, error) {
	f, err := os.OpenFile(c.Disk, flag, 0)
	if err != nil {
		return cardDisk{}, fmt.Errorf("update: %w", err)
	}
	d := cardDisk{File: f, table: make([]byte, sector), holding: c.holding}
	if _, err := f.ReadAt(d.table, 0); err != nil || string(d.table[440:444]) != "mtrd" || d.table[510] != 0x55 || d.table[511] != 0xaa {
		f.Close()
		return cardDisk{}, fmt.Errorf("update: %s is no card of ours", cmp.Or(errText(err), c.Disk))
	}
	return d, nil
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// partition gives where a slot begins and how large it is, in bytes.
func (d cardDisk) partition(slot string) (start, size int64) {
	e := d.table[446+16*entry[slot]:]
	return int64(binary.LittleEndian.Uint32(e[8:])) * sector, int64(binary.LittleEndian.Uint32(e[12:])) * sector
}

// read gives a sector, and its text if its CRC is right.
func (d cardDisk) read(at int64) (raw []byte, text map[string]string, err error) {
	raw = make([]byte, sector)
	if _, err := d.ReadAt(raw, at*sector); err != nil {
		return nil, nil, fmt.Errorf("update: sector %d: %w", at, err)
	}
	return raw, unseal(raw), nil
}

// unseal gives what stands in a sector, nil if it is not good.
func unseal(raw []byte) map[string]string {
	if crc32.ChecksumIEEE(raw[:textOfOne]) != binary.BigEndian.Uint32(raw[textOfOne:]) {
		return nil
	}
	text, _, _ := bytes.Cut(raw[:textOfOne], []byte{0})
	return pairs(string(text))
}

func pairs(text string) map[string]string {
	all := map[string]string{}
	for line := range strings.Lines(text) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			all[key] = value
		}
	}
	return all
}

// put writes a sector with lines of text.
func (d cardDisk) put(at int64, lines [][2]string) error {
	var b []byte
	for _, l := range lines {
		b = append(b, l[0]+"="+l[1]+"\n"...)
	}
	if len(b) >= textOfOne {
		return fmt.Errorf("update: %d bytes do not fit a sector", len(b))
	}
	b = append(b, make([]byte, textOfOne-len(b))...)
	return d.write(binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b)), at)
}

// write writes a sector and compares what the medium holds then.
func (d cardDisk) write(raw []byte, at int64) error {
	_, err := d.WriteAt(raw, at*sector)
	if err == nil {
		err = d.flush(at*sector, sector)
	}
	if err != nil {
		return fmt.Errorf("update: sector %d: %w", at, err)
	}
	got, _, err := d.read(at)
	if err == nil && !bytes.Equal(got, raw) {
		err = fmt.Errorf("update: sector %d does not keep what is written", at)
	}
	return err
}

// flush has what was written on the medium, and the next reading come from
// there.
func (d cardDisk) flush(at, size int64) error {
	if err := d.Sync(); err != nil {
		return err
	}
	if d.holding != nil {
		d.holding()
	}
	from := at &^ 0xffff
	return unix.Fadvise(int(d.Fd()), from, at+size-from+0xffff, unix.FADV_DONTNEED)
}

// state gives the state that counts. Of two sectors that are not good nothing
// is known but that U-Boot starts a.
func (d cardDisk) state() (state, error) {
	st := state{slot: "a", at: secondState}
	for _, at := range []int64{firstState, secondState} {
		raw, text, err := d.read(at)
		if err != nil {
			return state{}, err
		}
		seq, err := strconv.ParseUint(text["m_seq"], 16, 31)
		if text == nil || err != nil || seq <= st.seq {
			continue
		}
		st = state{seq: seq, slot: "a", trial: text["m_trial"], gone: text["m_gone"], at: at, raw: raw}
		if text["m_slot"] == "b" {
			st.slot = "b"
		}
	}
	return st, nil
}

// next writes the state that follows one.
func (d cardDisk) next(st, to state) error {
	at := int64(firstState)
	if st.at == firstState {
		at = secondState
	}
	lines := [][2]string{{"m_seq", hexadecimal(st.seq + 1)}, {"m_slot", to.slot}, {"m_trial", to.trial}}
	if to.gone != "" {
		lines = append(lines, [2]string{"m_gone", to.gone})
	}
	return d.put(at, lines)
}

// starts counts how often what is on trial was started.
func (d cardDisk) starts(st state) (n int) {
	for i := range int64(MostStarts) {
		if raw, _, err := d.read(firstStart + i); err == nil && st.raw != nil && bytes.Equal(raw, st.raw) {
			n++
		}
	}
	return n
}

// image gives what a slot holds, zero if it does not start.
func (d cardDisk) image(slot string) Image {
	_, text, err := d.read(holds[slot])
	if err != nil || text == nil {
		return Image{}
	}
	in := Image{Version: text["m_version"], Board: text["m_board"], Kind: Card}
	in.Size, _ = strconv.ParseInt(text["m_size"], 10, 64)
	in.Hash.UnmarshalText([]byte(text["m_sha256"]))
	return in
}

// cardPiece is how much is written before it is flushed, so that the ring does not
// wait behind a long queue of the card's.
const cardPiece = 256 << 10

// fill writes size bytes of the payload, and wants its end there.
func (d cardDisk) fill(ctx context.Context, start, size int64, payload io.Reader) error {
	buf := make([]byte, cardPiece)
	for done := int64(0); done < size; {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("update: %w", err)
		}
		n, err := io.ReadFull(payload, buf[:min(cardPiece, size-done)])
		if err != nil {
			return fmt.Errorf("update: the image ends after %d of %d bytes: %w", done+int64(n), size, err)
		}
		if _, err := d.WriteAt(buf[:n], start+done); err != nil {
			return fmt.Errorf("update: %w", err)
		}
		if err := d.flush(start+done, int64(n)); err != nil {
			return fmt.Errorf("update: %w", err)
		}
		done += int64(n)
	}
	if n, err := payload.Read(buf[:1]); n > 0 || err != io.EOF {
		return fmt.Errorf("update: the image does not end after %d bytes: %w", size, cmp.Or(err, errors.New("more follows")))
	}
	return nil
}

// verify reads a slot again, and gives its last sector.
func (d cardDisk) verify(ctx context.Context, start int64, in Image) (map[string]string, error) {
	sum, buf := sha256.New(), make([]byte, cardPiece)
	var n int
	for done := int64(0); done < in.Size; done += int64(n) {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("update: %w", err)
		}
		n = int(min(cardPiece, in.Size-done))
		if _, err := d.ReadAt(buf[:n], start+done); err != nil {
			return nil, fmt.Errorf("update: %w", err)
		}
		sum.Write(buf[:n])
	}
	if Hash(sum.Sum(nil)) != in.Hash {
		return nil, errors.New("update: the slot does not hold what was to be written")
	}
	tail := unseal(buf[n-sector : n])
	if tail == nil || tail["m_board"] != in.Board {
		return nil, fmt.Errorf("update: the image is none of a card for %s", in.Board)
	}
	return tail, nil
}

// within gives where an image's kernel is, in sectors, and how many it has.
func within(tail map[string]string, size int64) (fit, boot int64, err error) {
	fit, err = strconv.ParseInt(tail["m_fit"], 16, 32)
	if err == nil {
		boot, err = strconv.ParseInt(tail["m_boot"], 16, 32)
	}
	if err != nil || fit < 1 || boot < 1 || (fit+boot)*sector > size {
		return 0, 0, fmt.Errorf("update: the image's kernel lies outside of it (%v)", slices.Sorted(maps.Keys(tail)))
	}
	return fit, boot, nil
}

func hexadecimal(n uint64) string { return strconv.FormatUint(n, 16) }
