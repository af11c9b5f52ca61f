package main

import (
	"bufio"
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
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
