package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"meterd/dlt645/dlt645test"
)

// TestFillingThroughKills: a board comes to meters that remember the last hours,
// and is killed again and again while it makes them up. Each quarter-hour arrives
// at the platform once, with its own time and what the meter kept.
func TestFillingThroughKills(t *testing.T) {
	atRealPace(t)
	binary := buildDaemon(t)
	for _, name := range []string{"tuya", "onenet", "das"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, binary, 2, plays[name])
			for i, m := range w.line.Meters {
				m.Change(func(m *dlt645test.Meter) {
					m.Consume = func(at time.Time) dlt645test.Power {
						return dlt645test.Power{Active: int64(900*(i+1) + 10*at.Hour())}
					}
				})
			}
			w.writeConfig(w.stage.config(w.broker.Addr()))
			w.remembers("6h")
			begin := time.Now()
			for kills := range 4 {
				w.startDaemon()
				waitFor(t, "something is made up", time.Minute, func() bool { return w.madeUp() > 3*kills })
				time.Sleep(300 * time.Millisecond)
				w.killDaemon()
			}
			w.startDaemon()
			first := begin.Add(-6 * time.Hour).Truncate(15 * time.Minute).Add(15 * time.Minute)
			moments := int(begin.Sub(first) / (15 * time.Minute)) // the last one may still be read live
			waitFor(t, "all is made up", 2*time.Minute, func() bool { return w.madeUp() >= (moments-1)*len(w.line.Meters) })
			w.drained(0)
			w.endDaemon()
			times := map[string]int{}
			for _, v := range w.stage.seen() {
				times[fmt.Sprintf("%s/%s=%s at %d", v.meter, v.item, v.value, v.t.Unix())]++
			}
			for _, m := range w.line.Meters {
				for at := first; at.Before(begin.Add(-20 * time.Minute)); at = at.Add(15 * time.Minute) {
					register, _ := m.RegisterAt(0x00010000, at)
					want, ok := w.stage.item("energy.forward.total", register.String())
					if !ok {
						t.Fatalf("the platform has no item for %s", register)
					}
					if n := times[fmt.Sprintf("%s/%s=%s at %d", m.Address, want.item, want.value, at.Unix())]; n != 1 {
						t.Errorf("%s at %s: %s is stored %d times", m.Address, at, register, n)
					}
				}
			}
		})
	}
}

// remembers has the profile make up its energies from load records.
func (w *world) remembers(back string) {
	w.t.Helper()
	b, err := os.ReadFile(w.file())
	if err != nil {
		w.t.Fatal(err)
	}
	text := strings.Replace(string(b), "every  = \"12s\"\npoints = [\"energy.forward\", \"status\"]\n",
		"every  = \"15m\"\npoints = [\"energy.forward.total\"]\n[[profile.history]]\nof = \"load\"\npoints = [\"energy.forward.total\"]\nback = \""+back+"\"\n", 1)
	text = strings.Replace(text, "baud = 9600\n", "baud = 9600\nhistory_share = 50\n", 1)
	if err := os.WriteFile(w.file(), []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// madeUp counts the moments of meters of which the platform has something from
// their memory.
func (w *world) madeUp() int {
	began := time.Now().Add(-10 * time.Minute)
	moments := map[string]bool{}
	for _, v := range w.stage.seen() {
		if v.t.Before(began) {
			moments[fmt.Sprint(v.meter, v.t.Unix())] = true
		}
	}
	return len(moments)
}
