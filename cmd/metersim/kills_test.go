package main

import (
	"bufio"
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"meterd/dlt645"
	"meterd/dlt645/dlt645test"
)

// TestKillsLeaveTheRingWhole kills the daemon again and again and reads its
// ring: what was there is there and unchanged, and no number comes twice.
func TestKillsLeaveTheRingWhole(t *testing.T) {
	atRealPace(t)
	w := newWorld(t, buildDaemon(t), 2, plays["tuya"])
	w.writeConfig(w.stage.config(w.broker.Addr()))
	rng := rand.New(rand.NewPCG(5, uint64(time.Now().UnixNano())))
	before := map[uint64]string{}
	kills := 8
	if testing.Short() {
		kills = 4
	}
	for n := range kills {
		w.startDaemon()
		if n == 0 { // there must be something to lose
			waitFor(t, "a reading is durable", time.Minute, func() bool { return len(w.dump()) > 0 })
		}
		time.Sleep(time.Duration(rng.IntN(2000)) * time.Millisecond)
		w.killDaemon()
		now := w.dump()
		for seq, rec := range before {
			if now[seq] != rec {
				t.Errorf("after kill %d record %d is\n%s, it was\n%s", n, seq, now[seq], rec)
			}
		}
		before = now
	}
	if _, violations := w.stage.tally(); len(violations) > 0 {
		t.Errorf("violations: %s", strings.Join(violations, "\n"))
	}
}

// TestKillsAroundACommand kills the daemon at each step of a command to a
// relay: before its intent is durable, when the frame is on the line, when the
// meter has answered, while its state is read back, and when the platform has
// its answer. The platform says the command again to the daemon that comes up.
// It switches once at most, and is answered each time: with what came of it,
// or that nobody knows.
func TestKillsAroundACommand(t *testing.T) {
	atRealPace(t)
	binary := buildDaemon(t)
	for name, p := range plays {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, binary, 2, p)
			w.writeConfig(w.stage.config(w.broker.Addr()))
			own := w.line.Meters[0].Address.String()
			connected := func() {
				t.Helper()
				w.startDaemon()
				waitFor(t, "the platform is there", 2*time.Minute, func() bool {
					u, ok := w.status()
					return ok && u.Connected
				})
			}
			// say says a command, and again as long as nothing comes of it: nobody
			// has subscribed for a meter that does not answer yet.
			say := func(id int, closed bool, over func() bool) {
				t.Helper()
				for range 12 {
					if err := w.attached.Publish(p.command(w.stage, id, own, closed)); err != nil {
						t.Fatal(err)
					}
					for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
						if over() {
							return
						}
					}
				}
				t.Fatalf("command %d: nothing comes of it", id)
			}
			frame := func(control dlt645.Control, after int64) func(dlt645test.Event) bool {
				return func(e dlt645test.Event) bool { return e.Frame.Control == control && w.controls.Load() > after }
			}
			for i, step := range []struct {
				what string
				kill func(base int64) func(dlt645test.Event) bool // at which frame; nil: at once, or at the answer
				told bool                                         // the platform had its answer
			}{
				{"at once", nil, false},
				{"when the frame is on the line", func(base int64) func(dlt645test.Event) bool { return frame(0x1C, base) }, false},
				{"when the meter has answered", func(base int64) func(dlt645test.Event) bool { return frame(0x9C, base) }, false},
				{"while it is read back", func(base int64) func(dlt645test.Event) bool { return frame(0x11, base) }, false},
				{"when it is answered", nil, true},
			} {
				id, closed, base := 2000+i, i%2 == 1, w.controls.Load()
				connected()
				killed := make(chan struct{})
				if step.kill != nil {
					at, daemon := step.kill(base), w.daemon.Process
					var once sync.Once
					hear := func(e dlt645test.Event) {
						if at(e) {
							once.Do(func() {
								daemon.Kill()
								close(killed)
							})
						}
					}
					w.heard.Store(&hear)
				}
				answers := len(p.answers(w.stage))
				answered := func() bool { return len(p.answers(w.stage)) > answers }
				carriedOut := func() bool { // and no late answer to the command before, of which nobody knows
					return slices.ContainsFunc(p.answers(w.stage)[answers:], func(a string) bool { return strings.Contains(a, p.done) })
				}
				say(id, closed, func() bool {
					select {
					case <-killed:
						return true
					default:
						return step.kill == nil && (!step.told || carriedOut())
					}
				})
				w.killDaemon()
				w.heard.Store(nil)
				switched := w.controls.Load() - base
				connected()
				answers = len(p.answers(w.stage))
				say(id, closed, answered)
				all := p.answers(w.stage)
				answer, now := all[len(all)-1], w.controls.Load()-base
				t.Logf("killed %s: %d frames before, %d after, answered %s", step.what, switched, now, answer)
				if now > 1 || switched == 1 && now != 1 {
					t.Errorf("killed %s: it switched %d times", step.what, now)
				}
				done := strings.Contains(answer, p.done)
				switch {
				case step.told && !done:
					t.Errorf("killed %s: the answer had been another: %s", step.what, answer)
				case switched == 1 && !step.told && done:
					t.Errorf("killed %s: nobody knows, but it is answered %s", step.what, answer)
				case switched == 0 && now == 1 && !done:
					t.Errorf("killed %s: it was carried out the first time, and is answered %s", step.what, answer)
				}
				w.killDaemon()
			}
		})
	}
}

// dump gives what is durable, by number. A number that comes twice, or out
// of order, is an error.
func (w *world) dump() map[uint64]string {
	w.t.Helper()
	if _, err := os.Stat(w.ring()); err != nil {
		return nil // not made yet
	}
	out, err := exec.Command(w.binary, "ring", "dump", w.ring()).Output()
	if err != nil {
		w.t.Fatal(err)
	}
	recs, last := map[uint64]string{}, uint64(0)
	for lines := bufio.NewScanner(strings.NewReader(string(out))); lines.Scan(); {
		var rec struct {
			Seq uint64 `json:"seq"`
			Gap any    `json:"gap"`
		}
		if err := json.Unmarshal(lines.Bytes(), &rec); err != nil {
			w.t.Fatal(err)
		}
		if rec.Gap != nil {
			continue
		}
		if rec.Seq <= last {
			w.t.Errorf("number %d comes after %d", rec.Seq, last)
		}
		recs[rec.Seq], last = lines.Text(), rec.Seq
	}
	return recs
}
