package update

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"meterd/cmd/meterd/console"
)

var start = time.Date(2026, 12, 1, 8, 0, 0, 0, time.UTC)

// bench is a board in a folder. Its flash forgets nothing here.
type bench struct {
	signer
	t    *testing.T
	dir  string
	disk *flash
	at   *Folder
}

func newBench(t *testing.T) *bench {
	b := &bench{signer: newSigner(t), t: t, dir: t.TempDir(), disk: newFlash(1)}
	b.config("old = true\n")
	return b
}

func (b *bench) file(version string, change func(*Facts)) []byte {
	b.t.Helper()
	image, in := program(version)
	f := Facts{Image: in, Floor: version}
	if change != nil {
		change(&f)
	}
	return b.signer.file(b.t, f, image)
}

func (b *bench) path() string { return filepath.Join(b.dir, "meterd.toml") }

func (b *bench) config(text string) {
	b.t.Helper()
	if err := os.WriteFile(b.path(), []byte(text), 0o600); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) has() string {
	text, err := os.ReadFile(b.path())
	if err != nil {
		b.t.Fatal(err)
	}
	return string(text)
}

// boot starts the board, at that time.
func (b *bench) boot(now time.Time) *Engine {
	b.t.Helper()
	b.at, _ = starts(b.disk)
	return New(now, Config{Slots: b.at, Dir: b.dir, File: b.path(), Log: slog.New(slog.DiscardHandler)})
}

func (b *bench) offer() Offer {
	return Offer{Key: b.public, By: "stick", Works: Came{Store: true, Meter: true, Uplink: true, Console: true}, Now: start}
}

func (b *bench) take(e *Engine, file []byte, o Offer) error {
	_, err := e.Take(b.t.Context(), bytes.NewReader(file), o)
	return err
}

func (b *bench) runs() string { b.t.Helper(); return runs(b.t, b.disk, b.at) }

var all = Came{Store: true, Meter: true, Uplink: true, Console: true}

// TestAnUpdateProvesItself: it runs from then on, below its floor nothing is
// taken, and all of that outlives the next start.
func TestAnUpdateProvesItself(t *testing.T) {
	b := newBench(t)
	e := b.boot(start)
	if err := b.take(e, b.file("1.1.0", func(f *Facts) { f.Floor = "1.0.5" }), b.offer()); err != nil {
		t.Fatal(err)
	}
	if v := e.View(); v.Phase != Written || v.To.Version != "1.1.0" || v.Running.Version != "1.0.0" || v.By != "stick" {
		t.Errorf("written: %+v", v)
	}
	e = b.boot(start)
	v := e.View()
	if b.runs() != "1.1.0" || v.Phase != OnTrial || !v.Until.Equal(start.Add(10*time.Minute)) || v.From.Version != "1.0.0" || e.Held() == nil {
		t.Errorf("%s runs, %+v", b.runs(), v)
	}
	if e.look(start, all) || e.look(start.Add(19*time.Second), all) {
		t.Error("it has proved itself too soon")
	}
	if !e.look(start.Add(20*time.Second), all) || e.View().Phase != Proved || e.Held() != nil {
		t.Errorf("proved: %+v", e.View())
	}
	e = b.boot(start)
	if v := e.View(); b.runs() != "1.1.0" || v.Phase != Proved || v.Floor != "1.0.5" || v.Until != (time.Time{}) {
		t.Errorf("%s runs, %+v", b.runs(), v)
	}
	if err := b.take(e, b.file("1.0.4", nil), b.offer()); err == nil || !strings.Contains(err.Error(), "older than 1.0.5") {
		t.Errorf("below the floor: %v", err)
	}
	if err := b.take(e, b.file("1.0.6", nil), b.offer()); err != nil {
		t.Errorf("above the floor: %v", err)
	}
}

// TestAnUpdateHasToHaveWhatWorkedBefore, and no more.
func TestAnUpdateHasToHaveWhatWorkedBefore(t *testing.T) {
	for _, tc := range []struct {
		name        string
		before, now Came
		lacks       string // "": it proves itself
	}{
		{"all as before", all, all, ""},
		{"nothing but the console worked", Came{Console: true}, Came{Console: true}, ""},
		{"no meter answered before", Came{Store: true, Uplink: true}, Came{Store: true, Uplink: true, Console: true}, ""},
		{"no meter answers any more", all, Came{Store: true, Uplink: true, Console: true}, "no meter answered"},
		{"no uplink connects any more", all, Came{Store: true, Meter: true, Console: true}, "no uplink connected"},
		{"the ring does not open", all, Came{Meter: true, Uplink: true, Console: true}, "the ring on flash"},
		{"the console is away", Came{}, Came{Store: true, Meter: true, Uplink: true}, "the console did not answer"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBench(t)
			o := b.offer()
			o.Works = tc.before
			if err := b.take(b.boot(start), b.file("1.1.0", nil), o); err != nil {
				t.Fatal(err)
			}
			e := b.boot(start)
			over := false
			now := start
			for ; !over && now.Before(start.Add(time.Hour)); now = now.Add(time.Second) {
				over = e.look(now, tc.now)
			}
			if took := now.Add(-time.Second).Sub(start); tc.lacks == "" && (e.View().Phase != Proved || took != 20*time.Second) || tc.lacks != "" && took != 10*time.Minute {
				t.Errorf("%v after %v", e.View().Phase, took)
			}
			select {
			case <-e.Restarting():
				if tc.lacks == "" {
					t.Error("it restarts")
				}
			default:
				if tc.lacks != "" {
					t.Error("it does not restart")
				}
			}
			e = b.boot(now)
			if v := e.View(); tc.lacks != "" && (b.runs() != "1.0.0" || v.Phase != WentBack || !strings.Contains(v.Why.EN, tc.lacks) || !strings.Contains(v.Why.ZH, "10 分钟内") || v.To.Version != "1.1.0") {
				t.Errorf("%s runs, %+v", b.runs(), v)
			}
		})
	}
}

// TestABreakBeginsItsProofAnew: what is up for moments has proved nothing.
func TestABreakBeginsItsProofAnew(t *testing.T) {
	tr := newTrial(start, all)
	var v verdict
	for i := range 599 {
		c := all
		c.Uplink = i%19 != 0
		if tr, v = tr.look(start.Add(time.Duration(i)*time.Second), c); v != wait {
			t.Fatalf("%v after %d s", v, i)
		}
	}
	if _, v = tr.look(start.Add(TrialFor), all); v != giveUp {
		t.Errorf("at the end: %v", v)
	}
	if got := failed(Came{}); !strings.Contains(got.EN, "without a break") {
		t.Errorf("told: %v", got)
	}
}

// TestTheWayBackTakesTheConfigurationOfItsTime with it: what a newer program has
// written there may be refused by the one before.
func TestTheWayBackTakesTheConfigurationOfItsTime(t *testing.T) {
	b := newBench(t)
	if err := os.Chmod(b.path(), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := b.take(b.boot(start), b.file("1.1.0", nil), b.offer()); err != nil {
		t.Fatal(err)
	}
	for range MostStarts {
		b.boot(start)
		b.config("new_key = true\n")
		if b.runs() != "1.1.0" {
			t.Fatal(b.runs(), "runs")
		}
	}
	v := b.boot(start).View()
	if b.runs() != "1.0.0" || b.has() != "old = true\n" || v.Phase != WentBack || !strings.Contains(v.Why.EN, "3 times") {
		t.Errorf("%s runs with %q, %+v", b.runs(), b.has(), v)
	}
	if info, _ := os.Stat(b.path()); info.Mode().Perm() != 0o640 {
		t.Errorf("its mode is %v", info.Mode())
	}
	b.config("changed = later\n")
	if e := b.boot(start); b.has() != "changed = later\n" || e.View().Phase != WentBack {
		t.Error("it is put back again and again")
	}
}

// TestWhatWasTakenBack is taken again only by who means it.
func TestWhatWasTakenBack(t *testing.T) {
	b := newBench(t)
	file := b.file("1.1.0", nil)
	if err := b.take(b.boot(start), file, b.offer()); err != nil {
		t.Fatal(err)
	}
	b.boot(start)
	b.at.Back()
	e := b.boot(start)
	err := b.take(e, file, b.offer())
	told, ok := errors.AsType[*console.Told](err)
	if !ok || !strings.Contains(told.Text.EN, "taken back before") || !strings.Contains(told.Hint.ZH, "重新插入") {
		t.Errorf("at once: %v", err)
	}
	if err := b.take(e, b.file("1.1.1", nil), b.offer()); err != nil {
		t.Errorf("another: %v", err)
	}
	b.boot(start)
	b.at.Back()
	e = b.boot(start)
	o := b.offer()
	o.Again = true
	if err := b.take(e, b.file("1.1.1", nil), o); err != nil {
		t.Errorf("once more: %v", err)
	}
}

// TestAnUpdateIsNotTaken tells why, in both languages, and leaves all as it was.
func TestAnUpdateIsNotTaken(t *testing.T) {
	b := newBench(t)
	other := newSigner(t)
	image, in := program("1.1.0")
	for _, tc := range []struct {
		name   string
		file   []byte
		change func(*Offer)
		en, zh string
	}{
		{"another board's", b.file("1.1.0", func(f *Facts) { f.Board = "arm64" }), nil, "is for arm64 (program), and this board is test", "用于 arm64"},
		{"a card's", b.file("1.1.0", func(f *Facts) { f.Kind = Card }), nil, "is for test (card)", "用于"},
		{"an older one", b.file("0.9.0", nil), nil, "older than 1.0.0", "早于 1.0.0"},
		{"one without a number", b.file("dev", nil), nil, "older than 1.0.0", "早于"},
		{"what runs", b.file("1.0.0", nil), nil, "runs already", "相同"},
		{"another key's", other.file(t, Facts{Image: in, Floor: "1.0.0"}, image), nil, "not signed by this board's key", "密钥"},
		{"one that was cut", b.file("1.1.0", nil)[:2000], nil, "too early", "不完整"},
		{"any, without a key", b.file("1.1.0", nil), func(o *Offer) { o.Key = "" }, "no key", "没有用于验证的密钥"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e := b.boot(start)
			o := b.offer()
			if tc.change != nil {
				tc.change(&o)
			}
			err := b.take(e, tc.file, o)
			told, ok := errors.AsType[*console.Told](err)
			if !ok || !strings.Contains(told.Text.EN, tc.en) || !strings.Contains(told.Text.ZH, tc.zh) {
				t.Errorf("got %v, want %q", err, tc.en)
			}
			if e = b.boot(start); b.runs() != "1.0.0" || e.View().Phase != Nothing {
				t.Errorf("%s runs, %+v", b.runs(), e.View())
			}
		})
	}
	nobody := New(start, Config{Log: slog.New(slog.DiscardHandler)})
	if _, err := nobody.Take(t.Context(), bytes.NewReader(b.file("1.1.0", nil)), b.offer()); !errors.Is(err, errNoSlots) || nobody.View().Able || nobody.Finish() != nil {
		t.Errorf("without slots: %v", err)
	}
}

// TestADowngradeThatIsMeant goes below the floor, and takes it down.
func TestADowngradeThatIsMeant(t *testing.T) {
	b := newBench(t)
	if err := b.take(b.boot(start), b.file("0.9.0", func(f *Facts) { f.Floor, f.Older = "0.8.0", true }), b.offer()); err != nil {
		t.Fatal(err)
	}
	e := b.boot(start)
	e.look(start, all)
	e.look(start.Add(time.Minute), all)
	if v := e.View(); v.Phase != Proved || v.Floor != "0.8.0" {
		t.Errorf("%+v", v)
	}
	if err := b.take(e, b.file("0.8.5", nil), b.offer()); err != nil {
		t.Errorf("above the floor: %v", err)
	}
}

// TestNobodyTakesTwo: not while one is written, nor before that has proved
// itself.
func TestNobodyTakesTwo(t *testing.T) {
	b := newBench(t)
	e := b.boot(start)
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		_, err := e.Take(context.Background(), r, b.offer())
		done <- err
	}()
	file := b.file("1.1.0", nil)
	w.Write(file[:1])
	if err := b.take(e, b.file("1.2.0", nil), b.offer()); !errors.Is(err, errBusy) {
		t.Errorf("while it is written: %v", err)
	}
	w.Write(file[1:])
	w.Close()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	e = b.boot(start)
	if err := b.take(e, b.file("1.2.0", nil), b.offer()); !errors.Is(err, errOnTrial) {
		t.Errorf("on trial: %v", err)
	}
}

// TestProveEndsWithATrial, and does nothing without one.
func TestProveEndsWithATrial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		e := b.boot(time.Now())
		e.Prove(t.Context(), func() Came { t.Error("it looks"); return all })
		if err := b.take(e, b.file("1.1.0", nil), b.offer()); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		e = b.boot(began)
		e.Prove(t.Context(), func() Came { return all })
		if took := time.Since(began); took != provedAfter || e.View().Phase != Proved {
			t.Errorf("%v after %v", e.View().Phase, took)
		}
	})
}

// TestPowerCutsDuringAnEngine's steps: before each operation of the slots. Its note
// and the configuration are written as a whole.
func TestPowerCutsDuringAnEngine(t *testing.T) {
	seen := map[Phase]int{}
	for cut := range 12 {
		for seed := range uint64(5) {
			b := newBench(t)
			b.disk = newFlash(seed)
			e := b.boot(start)
			b.disk.left = cut
			err := b.take(e, b.file("1.1.0", nil), b.offer())
			b.disk.cut()
			if e = b.boot(start); b.runs() != "1.0.0" && (b.runs() != "1.1.0" || e.View().Phase != OnTrial) {
				t.Fatalf("cut %d, seed %d: %s runs, %+v, %v", cut, seed, b.runs(), e.View(), err)
			}
			seen[e.View().Phase]++
			if e.View().Phase != OnTrial {
				if e.View().Phase != Nothing && e.View().Phase != WentBack || b.runs() != "1.0.0" || b.has() != "old = true\n" {
					t.Fatalf("cut %d, seed %d: %s runs with %q, %+v", cut, seed, b.runs(), b.has(), e.View())
				}
				o := b.offer()
				if err := b.take(e, b.file("1.1.0", nil), o); err != nil {
					t.Fatalf("cut %d, seed %d: it is not taken afterwards: %v", cut, seed, err)
				}
				continue
			}
			b.disk.left = seedOps(seed)
			e.look(start, all)
			e.look(start.Add(time.Minute), all)
			b.disk.cut()
			e = b.boot(start)
			if v := e.View(); b.runs() != "1.1.0" || v.Phase != Proved && v.Phase != OnTrial {
				t.Fatalf("cut %d, seed %d: %s runs, %+v", cut, seed, b.runs(), v)
			}
			seen[e.View().Phase]++
		}
	}
	for _, p := range []Phase{Nothing, OnTrial, Proved} {
		if seen[p] == 0 {
			t.Errorf("no cut led to %q: %v", p, seen)
		}
	}
}

func seedOps(seed uint64) int { return int(seed % 2) }

// TestAnUpdateThatNeverStarted: the power was cut between its note and its
// trial.
func TestAnUpdateThatNeverStarted(t *testing.T) {
	b := newBench(t)
	file := b.file("1.1.0", nil)
	if err := b.take(b.boot(start), file, b.offer()); err != nil {
		t.Fatal(err)
	}
	b.at = &Folder{Package: packaged, Slot: NoSlot, disk: b.disk}
	_, in := program("1.1.0")
	image, _ := program("1.1.0")
	if err := b.at.Write(t.Context(), in, bytes.NewReader(image)); err != nil { // as before Try
		t.Fatal(err)
	}
	b.config("changed = meanwhile\n")
	e := b.boot(start)
	if v := e.View(); b.runs() != "1.0.0" || v.Phase != WentBack || !strings.Contains(v.Why.EN, "power was cut") || b.has() != "changed = meanwhile\n" {
		t.Errorf("%s runs, %+v", b.runs(), v)
	}
	if err := b.take(e, file, b.offer()); err != nil {
		t.Errorf("once more: %v", err)
	}
}

// TestANoteThatIsLost leaves a trial a trial, and a program that runs.
func TestANoteThatIsLost(t *testing.T) {
	b := newBench(t)
	if err := b.take(b.boot(start), b.file("1.1.0", nil), b.offer()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(b.dir, noteName), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	e := b.boot(start)
	if v := e.View(); v.Phase != OnTrial || v.To.Version != "1.1.0" || v.From.Version != "1.0.0" {
		t.Errorf("%+v", v)
	}
	all := Came{Console: true, Store: true, Meter: true, Uplink: true}
	for _, came := range []Came{{Console: true}, {Console: true, Store: true, Meter: true}} { // nobody knows what worked before
		e.look(start, came)
		e.look(start.Add(time.Minute), came)
		if v := e.View(); v.Phase != OnTrial {
			t.Errorf("with %+v it is %v", came, v.Phase)
		}
	}
	e.look(start.Add(time.Minute), all)
	e.look(start.Add(2*time.Minute), all)
	if v := b.boot(start).View(); v.Phase != Proved || b.runs() != "1.1.0" {
		t.Errorf("%s runs, %+v", b.runs(), v)
	}
}

// TestAJobThatWasOnItsWay is remembered over a stop of the board, for the
// uplink that it came from, until it has arrived.
func TestAJobThatWasOnItsWay(t *testing.T) {
	b := newBench(t)
	e := b.boot(start)
	if err := e.KeepFetching("das", "job"); err != nil {
		t.Fatal(err)
	}
	e = b.boot(start)
	if e.Fetching("das") != "job" || e.Fetching("onenet") != "" || e.View().Phase != Nothing {
		t.Errorf("%q, %q, %+v", e.Fetching("das"), e.Fetching("onenet"), e.View())
	}
	o := b.offer()
	o.By, o.Job = "das", "job"
	if err := b.take(e, b.file("1.1.0", nil), o); err != nil {
		t.Fatal(err)
	}
	if err := e.KeepFetching("", ""); err != nil {
		t.Fatal(err)
	}
	e = b.boot(start)
	if v := e.View(); e.Fetching("das") != "" || v.By != "das" || v.Job != "job" || v.Phase != OnTrial {
		t.Errorf("%q, %+v", e.Fetching("das"), v)
	}
}
