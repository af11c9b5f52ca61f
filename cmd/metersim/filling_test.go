package main

import (
	"fmt"
	"os"
	"slices"
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
			want := w.quarters(begin.Add(-6*time.Hour), begin.Add(-20*time.Minute))
			waitFor(t, "all is made up", 2*time.Minute, func() bool {
				stored := w.stored()
				return !slices.ContainsFunc(want, func(v string) bool { return stored[v] == 0 })
			})
			w.drained(0)
			w.endDaemon()
			stored := w.stored()
			for _, v := range want {
				if n := stored[v]; n != 1 {
					t.Errorf("%s is stored %d times", v, n)
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

// quarters gives what each meter's total was at each quarter-hour after a moment
// and before another one, as stored tells of it.
func (w *world) quarters(after, before time.Time) (out []string) {
	w.t.Helper()
	for _, m := range w.line.Meters {
		for at := after.Truncate(15 * time.Minute).Add(15 * time.Minute); at.Before(before); at = at.Add(15 * time.Minute) {
			register, _ := m.RegisterAt(0x00010000, at)
			v, ok := w.stage.item("energy.forward.total", register.String())
			if !ok {
				w.t.Fatalf("the platform has no item for %s", register)
			}
			out = append(out, fmt.Sprintf("%s/%s=%s at %s", m.Address, v.item, v.value, at.UTC().Format(time.RFC3339)))
		}
	}
	return out
}

// stored counts each value with its meter and its time as the platform has it.
func (w *world) stored() map[string]int {
	out := map[string]int{}
	for _, v := range w.stage.seen() {
		out[fmt.Sprintf("%s/%s=%s at %s", v.meter, v.item, v.value, v.t.UTC().Format(time.RFC3339))]++
	}
	return out
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
