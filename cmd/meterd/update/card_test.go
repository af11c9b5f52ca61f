package update

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
)

// cardSector is a sector with text.
func cardSector(text string) []byte {
	b := append([]byte(text), make([]byte, textOfOne-len(text))...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
}

// slotImage is an image of a card, with a kernel that can be told from others.
func slotImage(version string, root int) (Image, []byte) {
	b := bytes.Repeat([]byte("root "+version+"\n"), root)
	b = append(b, make([]byte, -len(b)&4095)...)
	fit := len(b) / sector
	kernel := bytes.Repeat([]byte("kernel "+version+"\n"), 300)
	kernel = append(kernel, make([]byte, -len(kernel)&4095)...)
	b = append(append(b, kernel...), cardSector(fmt.Sprintf("m_fit=%x\nm_boot=%x\nm_args=console=x\nm_board=qemu\nm_version=%s\n", fit, len(kernel)/sector, version))...)
	return Image{Version: version, Board: "qemu", Kind: Card, Size: int64(len(b)), Hash: sha256.Sum256(b)}, b
}

// newCard makes a card whose slots hold version 1.
func newCard(t *testing.T) *CardSlots {
	t.Helper()
	disk := make([]byte, 8<<20)
	copy(disk[440:], "mtrd")
	disk[510], disk[511] = 0x55, 0xaa
	in, image := slotImage("1", 200)
	for slot, start := range map[string]uint32{"a": 9000, "b": 12000} {
		e := disk[446+16*entry[slot]:]
		binary.LittleEndian.PutUint32(e[8:], start)
		binary.LittleEndian.PutUint32(e[12:], 3000)
		copy(disk[start*sector:], image)
		tail := unseal(image[len(image)-sector:])
		fit, _ := strconv.ParseInt(tail["m_fit"], 16, 64)
		copy(disk[holds[slot]*sector:], cardSector(fmt.Sprintf("m_fit=%x\nm_boot=%s\nm_args=console=x\nm_board=qemu\nm_version=1\nm_size=%d\nm_sha256=%s\n", int64(start)+fit, tail["m_boot"], in.Size, in.Hash)))
	}
	copy(disk[firstState*sector:], cardSector("m_seq=1\nm_slot=a\nm_trial=\n"))
	path := filepath.Join(t.TempDir(), "card")
	if err := os.WriteFile(path, disk, 0o600); err != nil {
		t.Fatal(err)
	}
	return &CardSlots{Disk: path, Slot: "a", Image: Image{Version: "1", Board: "qemu", Kind: Card}, Reboot: func() error { return nil }}
}

// uboot does what board/image/card/boot.cmd does: it counts a start of what is
// on trial, and gives the slot that it starts, "" if none.
func uboot(disk []byte) string {
	at := func(n int64) []byte { return disk[n*sector : (n+1)*sector] }
	var seq uint64
	slot, trial := "a", ""
	var counts []byte
	for _, n := range []int64{firstState, secondState} {
		text := unseal(at(n))
		if s, err := strconv.ParseUint(text["m_seq"], 16, 31); err == nil && s > seq {
			seq, slot, trial, counts = s, text["m_slot"], text["m_trial"], at(n)
		}
	}
	order := []string{slot, other[slot]}
	if trial != "" {
		for n := int64(firstStart); n < firstStart+MostStarts; n++ {
			if !bytes.Equal(at(n), counts) {
				copy(at(n), counts)
				order = slices.Insert(order, 0, trial)
				break
			}
		}
	}
	for _, s := range order {
		text := unseal(at(holds[s]))
		fit, err1 := strconv.ParseInt(text["m_fit"], 16, 64)
		boot, err2 := strconv.ParseInt(text["m_boot"], 16, 64)
		if err1 != nil || err2 != nil {
			continue
		}
		// What it starts is a whole kernel of the version that is named.
		kernel := bytes.TrimRight(disk[fit*sector:(fit+boot)*sector], "\x00")
		if bytes.Equal(kernel, bytes.Repeat([]byte("kernel "+text["m_version"]+"\n"), 300)) {
			return s
		}
	}
	return ""
}

// boot starts the card, and gives the slots as the program that runs sees them.
func (c *CardSlots) boot(t *testing.T) *CardSlots {
	t.Helper()
	disk, err := os.ReadFile(c.Disk)
	if err != nil {
		t.Fatal(err)
	}
	slot := uboot(disk)
	if slot == "" {
		t.Fatal("no slot starts")
	}
	if err := os.WriteFile(c.Disk, disk, 0o600); err != nil {
		t.Fatal(err)
	}
	return &CardSlots{Disk: c.Disk, Slot: slot, Image: c.Image, Reboot: c.Reboot}
}

func (c *CardSlots) stateNow(t *testing.T) State {
	t.Helper()
	st, err := c.State()
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// update writes an image into the other slot.
func (c *CardSlots) update(t *testing.T, version string) {
	t.Helper()
	in, image := slotImage(version, 200)
	if err := c.Write(t.Context(), in, bytes.NewReader(image)); err != nil {
		t.Fatal(err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestCardTrial goes all ways that a trial can end.
func TestCardTrial(t *testing.T) {
	c := newCard(t)
	if st := c.stateNow(t); st.Running.Version != "1" || st.Other.Version != "1" || st.Trial || st.Fell != None {
		t.Fatalf("a new card: %+v", st)
	}
	c.update(t, "2")
	if c = c.boot(t); c.Slot != "a" {
		t.Fatal("what was written only is started")
	}
	must(t, c.Try())
	for n := 1; n <= MostStarts; n++ {
		c = c.boot(t)
		if st := c.stateNow(t); c.Slot != "b" || !st.Trial || st.Starts != n || st.Running.Version != "2" {
			t.Fatalf("start %d on trial: slot %s, %+v", n, c.Slot, st)
		}
		if err := c.Write(t.Context(), Image{Kind: Card, Board: "qemu", Size: 1024}, bytes.NewReader(nil)); err == nil {
			t.Fatal("the way back may be written over")
		}
	}
	for range 2 {
		c = c.boot(t)
		if st := c.stateNow(t); c.Slot != "a" || st.Trial || st.Fell != Spent || st.Other.Version != "2" {
			t.Fatalf("after its starts: slot %s, %+v", c.Slot, st)
		}
	}
	c.update(t, "3")
	if st := c.stateNow(t); st.Fell != None {
		t.Errorf("a new write, and still %+v", st)
	}
	must(t, c.Try())
	c = c.boot(t)
	must(t, c.Back())
	c = c.boot(t)
	if st := c.stateNow(t); c.Slot != "a" || st.Fell != GaveUp {
		t.Errorf("given up: slot %s, %+v", c.Slot, st)
	}
	c.update(t, "4")
	must(t, c.Try())
	c = c.boot(t)
	must(t, c.Confirm())
	for range 5 {
		c = c.boot(t)
		if st := c.stateNow(t); c.Slot != "b" || st.Trial || st.Fell != None || st.Running.Version != "4" || st.Other.Version != "1" {
			t.Fatalf("confirmed: slot %s, %+v", c.Slot, st)
		}
	}
	c.update(t, "5")
	disk, err := os.ReadFile(c.Disk)
	must(t, err)
	fit, _ := strconv.ParseInt(unseal(disk[holds["a"]*sector : (holds["a"]+1)*sector])["m_fit"], 16, 64)
	disk[fit*sector]++
	must(t, os.WriteFile(c.Disk, disk, 0o600))
	must(t, c.Try())
	c = c.boot(t)
	if st := c.stateNow(t); c.Slot != "b" || st.Fell != Broken {
		t.Errorf("a kernel that rots: slot %s, %+v", c.Slot, st)
	}
}

// TestCardRefuses what is not for it, and leaves a slot that does not start.
func TestCardRefuses(t *testing.T) {
	in, image := slotImage("2", 200)
	cut, long := in, in
	cut.Size -= sector
	cut.Hash = sha256.Sum256(image[:cut.Size])
	long.Size = 3001 * sector
	for _, tt := range []struct {
		name string
		in   Image
		data []byte
	}{
		{"another board", Image{Version: "2", Board: "beaglebone", Kind: Card, Size: in.Size, Hash: in.Hash}, image},
		{"a program", Image{Version: "2", Board: "qemu", Kind: Program, Size: in.Size, Hash: in.Hash}, image},
		{"too long for a slot", long, image},
		{"an odd length", Image{Version: "2", Board: "qemu", Kind: Card, Size: 1000, Hash: in.Hash}, image},
		{"one that ends early", in, image[:len(image)-1000]},
		{"one that goes on", in, append(slices.Clone(image), 0)},
		{"another hash", Image{Version: "2", Board: "qemu", Kind: Card, Size: in.Size, Hash: Hash{1}}, image},
		{"one without its tail", cut, image[:cut.Size]},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newCard(t)
			if err := c.Write(t.Context(), tt.in, bytes.NewReader(tt.data)); err == nil {
				t.Error("it was taken")
			}
			if c.stateNow(t).Other.Version == "2" {
				t.Error("it could start")
			}
			if c.boot(t).Slot != "a" {
				t.Error("another slot starts")
			}
		})
	}
	c := newCard(t)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := c.Write(ctx, in, bytes.NewReader(image)); err == nil || c.Try() == nil {
		t.Error("a write that was stopped can be tried")
	}
	must(t, os.WriteFile(c.Disk, make([]byte, 1<<20), 0o600))
	if _, err := c.State(); err == nil {
		t.Error("a disk without our mark is taken for a card")
	}
}

// TestCardPowerCuts cuts the power at each flush of each step of many updates,
// with the sectors since the flush before there, torn or not. Each time U-Boot
// starts a whole slot, which is the one before the step or the one after it.
func TestCardPowerCuts(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	cuts := 0
	c := newCard(t)
	last, err := os.ReadFile(c.Disk)
	must(t, err)
	// During a step, each flush is a moment at which the power may go.
	step := func(name string, may []string, do func() error) {
		durable := slices.Clone(last)
		c.holding = func() {
			now, err := os.ReadFile(c.Disk)
			must(t, err)
			var changed []int
			for s := 0; s < len(now); s += sector {
				if !bytes.Equal(now[s:s+sector], durable[s:s+sector]) {
					changed = append(changed, s)
				}
			}
			for range 8 {
				disk := slices.Clone(durable)
				for _, s := range changed {
					n := sector
					switch rng.IntN(3) {
					case 0:
						n = 0
					case 1:
						n = rng.IntN(sector)
					}
					copy(disk[s:s+n], now[s:s+n])
				}
				cuts++
				if slot := uboot(disk); !slices.Contains(may, slot) {
					t.Fatalf("%s, cut at flush: slot %q starts, want one of %v", name, slot, may)
				}
			}
			durable = now
		}
		must(t, do())
		c.holding = nil
		last, err = os.ReadFile(c.Disk)
		must(t, err)
		if slot := uboot(slices.Clone(last)); !slices.Contains(may, slot) {
			t.Fatalf("%s: slot %q starts, want one of %v", name, slot, may)
		}
	}
	for n := range 12 {
		runs, not := c.Slot, other[c.Slot]
		in, image := slotImage(fmt.Sprint(n+2), 100+rng.IntN(20000))
		step("write", []string{runs}, func() error { return c.Write(t.Context(), in, bytes.NewReader(image)) })
		step("try", []string{runs, not}, c.Try)
		c = c.boot(t)
		last, err = os.ReadFile(c.Disk)
		must(t, err)
		if c.Slot != not {
			t.Fatalf("slot %s starts, want the one on trial", c.Slot)
		}
		if n%2 == 0 {
			step("confirm", []string{runs, not}, c.Confirm)
		} else {
			step("back", []string{runs, not}, c.Back)
		}
		c = c.boot(t)
		last, err = os.ReadFile(c.Disk)
		must(t, err)
		if want := map[bool]string{true: not, false: runs}[n%2 == 0]; c.Slot != want {
			t.Fatalf("slot %s starts, want %s", c.Slot, want)
		}
	}
	t.Logf("%d cuts", cuts)
}
