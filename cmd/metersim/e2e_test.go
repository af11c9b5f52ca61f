package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// fewest is how many values of the ring are compared at least. The kill may
// cost the ring some that the platform has.
const fewest = 50

// TestEndToEnd runs the daemon against each platform: real meters' frames on
// a real line, through a real broker where the credentials are fixed.
func TestEndToEnd(t *testing.T) {
	atRealPace(t)
	binary := buildDaemon(t)
	for name, p := range plays {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, binary, 2, p)
			w.patient = true
			w.refusedConnect(p)
			w.writeConfig(w.stage.config(w.broker.Addr()))
			w.startDaemon()
			waitFor(t, "first values are stored", time.Minute, func() bool { return len(w.stage.seen()) > 30 })
			killed := w.outage()
			w.commands(p)
			waitFor(t, "enough is there to compare", 2*time.Minute, func() bool {
				return w.ledger.compare(w.stage.seen(), w.stage.wants).Stored >= 2*fewest
			})
			w.rest(killed, p)
			w.refusals(p)
			if _, violations := w.stage.tally(); len(violations) > 0 {
				t.Errorf("violations: %s", strings.Join(violations, "\n"))
			}
		})
	}
}

// refusedConnect has the broker refuse the credentials; the console tells so.
func (w *world) refusedConnect(p play) {
	w.t.Helper()
	w.line.Unplug(true) // its end would cut a round short
	defer w.line.Unplug(false)
	w.writeConfig(p.wrong(w.stage.config(w.broker.Addr())))
	w.startDaemon()
	waitFor(w.t, "the refusal in words", time.Minute, func() bool {
		u, ok := w.status()
		return ok && !u.Connected && (strings.Contains(u.LastErr, "(4)") || strings.Contains(u.LastErr, "(5)"))
	})
	if n := len(w.stage.seen()); n > 0 {
		w.t.Errorf("%d values are stored although nobody was let in", n)
	}
	w.endDaemon()
}

// outage stops the broker and kills the daemon in the middle of it.
func (w *world) outage() (killed time.Time) {
	w.t.Helper()
	w.broker.Stop()
	w.waits(6)
	w.killDaemon()
	killed = time.Now()
	w.startDaemon()
	w.waits(12) // more than the one before the kill has left
	if err := w.broker.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.drained(1)
	return killed
}

// commands switches a meter from the platform: once, however often the
// command comes, only where the configuration allows it, and with success told
// only when the relay is there.
func (w *world) commands(p play) {
	t := w.t
	t.Helper()
	own, other := w.line.Meters[0], w.line.Meters[1]
	ask := func(id int, meter string, closed bool) string {
		t.Helper()
		before := len(p.answers(w.stage))
		if err := w.attached.Publish(p.command(w.stage, id, meter, closed)); err != nil {
			t.Fatal(err)
		}
		waitFor(t, "an answer to the command", time.Minute, func() bool { return len(p.answers(w.stage)) > before })
		all := p.answers(w.stage)
		return all[len(all)-1]
	}
	first := ask(1001, own.Address.String(), false)
	if !strings.Contains(first, p.done) || !own.Open(time.Now()) {
		t.Errorf("tripped: %v, answered %s", own.Open(time.Now()), first)
	}
	if again := ask(1001, own.Address.String(), false); timeless(again) != timeless(first) || w.controls.Load() != 1 {
		t.Errorf("the same command again is answered %s, and %d were on the line", again, w.controls.Load())
	}
	waitFor(t, "the new state at the platform", time.Minute, func() bool {
		for _, v := range w.stage.seen() {
			if v.meter == own.Address.String() && (v.item == "1" || v.item == "relay") && v.value == p.open {
				return true
			}
		}
		return false
	})
	if got := ask(1002, own.Address.String(), true); !strings.Contains(got, p.done) || own.Open(time.Now()) {
		t.Errorf("closed: %v, answered %s", !own.Open(time.Now()), got)
	}
	if got := ask(1003, other.Address.String(), false); !strings.Contains(got, p.denied) || other.Open(time.Now()) {
		t.Errorf("a meter without allow: open %v, answered %s", other.Open(time.Now()), got)
	}
}

// timeless leaves out when an answer was given.
func timeless(answer string) string {
	return regexp.MustCompile(`"t":\d+`).ReplaceAllString(answer, `"t":T`)
}

// rest has the line come to rest, and compares what the meters said with what
// the platform has stored.
func (w *world) rest(killed time.Time, p play) {
	t := w.t
	t.Helper()
	w.atRest()
	w.endDaemon()
	values := w.stage.seen()
	acc := w.ledger.compare(values, w.stage.wants)
	t.Logf("%d values on the line, %d stored, %d missing, %d repeats", acc.Answered, acc.Stored, len(acc.Missing), acc.Repeats)
	for _, v := range acc.Invented {
		t.Errorf("never said by a meter: %+v", v)
	}
	// The kill costs the rounds in progress and what the flush time had not
	// made durable. An equal value of the round after it may be the one that
	// counts as missing; where the platform keeps no times, any equal value.
	for _, e := range acc.Missing {
		if d := killed.Sub(e.at); p.second > 0 && (d < -longestRound || d > 6*time.Second) {
			t.Errorf("lost although it was durable: %+v, %v before the kill", e, d)
		}
	}
	if most := 2 * len(w.line.Meters) * len(sources); len(acc.Missing) > most {
		t.Errorf("%d values are missing, more than two rounds hold", len(acc.Missing))
	}
	w.checkOnce(values, p)
	w.checkRing(values, p)
}

// checkOnce wants each value of a reading stored once. The relay may be read
// twice in a second, by a round and after a command.
func (w *world) checkOnce(values []stored, p play) {
	w.t.Helper()
	first := map[string]stored{}
	for _, v := range values {
		key := fmt.Sprintf("%s/%s/%d=%s", v.meter, v.item, v.t.UnixNano(), v.value)
		if other, ok := first[key]; ok && p.second > 0 && !slices.Contains([]string{"1", "57", "relay"}, v.item) {
			w.t.Errorf("stored twice: %+v and %+v", other, v)
		}
		first[key] = v
	}
}

// checkRing wants every record of the ring at the platform, and the records of
// the commands.
func (w *world) checkRing(values []stored, p play) {
	t := w.t
	t.Helper()
	key := func(meter, item, value string, at time.Time) string {
		if p.second == 0 {
			return fmt.Sprintf("%s/%s=%s", meter, item, value)
		}
		return fmt.Sprintf("%s/%s=%s at %d", meter, item, value, at.Truncate(p.second).UnixMilli())
	}
	there := map[string]bool{}
	for _, v := range values {
		there[key(v.meter, v.item, v.value, v.t)] = true
	}
	out, err := exec.Command(w.binary, "ring", "dump", w.ring()).Output()
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		var rec struct {
			Seq    uint64
			Time   time.Time
			Meter  string
			Values map[string]string
		}
		if err := json.Unmarshal(lines.Bytes(), &rec); err != nil {
			t.Fatalf("%v: %s", err, lines.Text())
		}
		for point, value := range rec.Values {
			want, ok := w.stage.item(point, value)
			if !ok {
				continue
			}
			compared++
			if k := key(rec.Meter, want.item, want.value, rec.Time); !there[k] {
				t.Errorf("record %d: %s = %s is not stored: %s", rec.Seq, point, value, k)
			}
		}
	}
	if compared < fewest {
		t.Errorf("only %d values of the ring were compared", compared)
	}
	for i, what := range []string{"trip: done", "denied: not in allow"} {
		if want := fmt.Sprintf(`"event":"relay","meter":%q,"by":%q,"text":%q`, w.line.Meters[i].Address, w.stage.kind, what); !strings.Contains(string(out), want) {
			t.Errorf("the ring lacks the record %s", want)
		}
	}
	if out, err := exec.Command(w.binary, "ring", "verify", "-json", w.ring()).Output(); err != nil || !bytes.Contains(out, []byte(`"corrupt_frames":0`)) {
		t.Errorf("ring verify: %v: %s", err, out)
	}
}

// refusals has the platform refuse with each of its codes: what is wrong for
// good is set aside and counted, everything else arrives.
func (w *world) refusals(p play) {
	t := w.t
	t.Helper()
	over := p.refuse(w.stage)
	w.line.Unplug(false)
	w.startDaemon()
	waitFor(t, "each code was given", 2*time.Minute, over)
	w.atRest()
	u, _ := w.status()
	if u.Refused < p.setAside || p.setAside == 0 && u.Refused > 0 {
		t.Errorf("%d were set aside, want at least %d: %+v", u.Refused, p.setAside, u)
	}
	if u.Lost > 0 || u.Undated > 0 || len(u.Codes) == 0 {
		t.Errorf("the account is %+v", u)
	}
	w.endDaemon()
}
