package update

import (
	"bytes"
	"log/slog"
	"path/filepath"
	"testing"
	"time"
)

// onCard gives engines of a card's slots, and an update file for them.
func onCard(t *testing.T, b *bench) (engine func(*CardSlots, time.Time) *Engine, file []byte) {
	in, image := slotImage("2", 200)
	return func(c *CardSlots, now time.Time) *Engine {
		return New(now, Config{Slots: c, Dir: b.dir, File: b.path(), Log: slog.New(slog.DiscardHandler)})
	}, b.signer.file(t, Facts{Image: in, Floor: "2"}, image)
}

// TestWhatGaveUpIsNotProvedByAnotherStart: a program of a card gives up, and is
// started once more before the board restarts.
func TestWhatGaveUpIsNotProvedByAnotherStart(t *testing.T) {
	b := newBench(t)
	c := newCard(t)
	engine, file := onCard(t, b)
	o := b.offer()
	if _, err := engine(c, start).Take(t.Context(), bytes.NewReader(file), o); err != nil {
		t.Fatal(err)
	}
	c = c.boot(t)
	e := engine(c, start)
	if v := e.View(); v.Phase != OnTrial || c.Slot != "b" {
		t.Fatalf("%+v %s", v, c.Slot)
	}
	e.look(start, Came{Console: true, Meter: true, Uplink: true}) // no ring
	if !e.look(start.Add(TrialFor), Came{Console: true, Meter: true, Uplink: true}) {
		t.Fatal("it goes on")
	}
	// init starts /usr/lib/meterd/daemon again, in the same slot: no Reboot came
	again := engine(c, start.Add(TrialFor+time.Second))
	if v := again.View(); v.Phase == Proved {
		t.Errorf("what gave up counts as proved: floor %q, phase %v, running %s", v.Floor, v.Phase, v.Running.Version)
	}
}

// TestAnUpdateThatDidNotStartIsCalledOff: the board did not restart. It is told as
// failed, and does not start on some day of a power cut.
func TestAnUpdateThatDidNotStartIsCalledOff(t *testing.T) {
	b := newBench(t)
	c := newCard(t)
	engine, file := onCard(t, b)
	if _, err := engine(c, start).Take(t.Context(), bytes.NewReader(file), b.offer()); err != nil {
		t.Fatal(err)
	}
	e := engine(c, start.Add(time.Minute)) // same slot, no reboot
	if v := e.View(); v.Phase != WentBack || e.Held() != nil {
		t.Fatalf("%+v", v)
	}
	b.config("installed = \"months later\"\n") // nothing holds it
	c = c.boot(t)                              // a power cut, months later
	if c.Slot != "a" {
		t.Errorf("slot %s starts, long after the update was told to have failed", c.Slot)
	}
	e = engine(c, start)
	e.look(start, Came{Console: true})
	e.look(start.Add(TrialFor), Came{Console: true})
	c = c.boot(t)
	engine(c, start)
	if b.has() != "installed = \"months later\"\n" {
		t.Errorf("the configuration is %q", b.has())
	}
}

// TestADamagedRecordTakesUpdatesAgain: the package's program runs, and has nothing
// to lose.
func TestADamagedRecordTakesUpdatesAgain(t *testing.T) {
	for _, text := range []string{"", "\x00\x00\x00", `{"format":1,"package":"1.0.0","runs":"a"}`} {
		b := newBench(t)
		b.disk.write(recordName, []byte(text))
		e := b.boot(start)
		if err := b.take(e, b.file("1.1.0", nil), b.offer()); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestATrialWithoutItsDataIsNotProved: its kernel cannot mount /data. The note is
// not there, and what runs is the factory's configuration.
func TestATrialWithoutItsDataIsNotProved(t *testing.T) {
	b := newBench(t)
	c := newCard(t)
	in, image := slotImage("2", 200)
	file := b.signer.file(t, Facts{Image: in, Floor: "2"}, image)
	e := New(start, Config{Slots: c, Dir: b.dir, File: b.path(), Log: slog.New(slog.DiscardHandler)})
	if _, err := e.Take(t.Context(), bytes.NewReader(file), b.offer()); err != nil {
		t.Fatal(err)
	}
	c = c.boot(t)
	tmpfs := t.TempDir()
	e = New(start, Config{Slots: c, Dir: tmpfs, File: filepath.Join(tmpfs, "meterd.toml"), Log: slog.New(slog.DiscardHandler)})
	e.look(start, Came{Console: true}) // no ring, no meter, no uplink; all worked before
	e.look(start.Add(time.Minute), Came{Console: true})
	if s := c.stateNow(t); !s.Trial {
		t.Errorf("slot %s is confirmed: %+v, phase %v", c.Slot, s, e.View().Phase)
	}
}
