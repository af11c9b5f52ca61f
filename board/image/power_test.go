package image

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestPowerCuts takes the power away at random moments, again and again on
// the same flash: while the kernel starts, while the daemon recovers, while it
// reads and delivers. What was durable stays, and no number is used twice.
// METERD_CUTS is how often (10), METERD_SEED repeats a run's moments.
func TestPowerCuts(t *testing.T) {
	parts(t)
	s := newSite(t, 2)
	dir := flash(t, map[string]string{"meterd.toml": s.config("en")})
	seed := uint64(number(t, "METERD_SEED", int(time.Now().UnixNano()%1e6)))
	cuts := number(t, "METERD_CUTS", 10)
	t.Logf("%d cuts, METERD_SEED=%d", cuts, seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	l := &ledger{t: t, binary: filepath.Join(parts(t), "meterd"), known: map[uint64]string{}}
	for n := range cuts {
		m := powerOn(t, dir)
		s.wire(m)
		// One cut in four comes while the machine starts, the others while
		// the daemon works.
		if rng.IntN(4) == 0 {
			time.Sleep(time.Duration(rng.Int64N(int64(8 * time.Second))))
			m.cut()
			m.neverReset()
			l.account(dir, n, 0)
			continue
		}
		m.ready()
		var witnessed uint64
		m.wait("a durable record of this start", func() bool {
			if now := m.status(); now != nil && now.Uplinks[0].Connected {
				witnessed = now.durable()
			}
			return witnessed > l.newest
		})
		witnessed = max(witnessed, m.cutWithin(time.Duration(rng.Int64N(int64(3*time.Second)))))
		m.neverReset()
		l.account(dir, n, witnessed)
	}
	m := powerOn(t, dir)
	s.wire(m)
	m.ready()
	m.wait("a connection", func() bool { now := m.status(); return now != nil && now.Uplinks[0].Connected })
	s.line.Unplug(true)
	m.wait("everything delivered", func() bool {
		now := m.status()
		return now != nil && !now.anyOnline() && now.Uplinks[0].Connected && now.Uplinks[0].Queued == 0 && now.Ring.Waiting == 0
	})
	witnessed := m.status().durable()
	fmt.Fprintln(m.hand, "poweroff")
	m.wait("the machine is off", func() bool {
		select {
		case <-m.ended:
			return true
		default:
			return false
		}
	})
	l.account(dir, cuts, witnessed)
	s.checkPlatform()
	s.checkDelivered(l.records)
	t.Logf("%d records, %d properties at the platform, %d came again with the same id", len(l.known), s.stored(), s.platform.Seen().Repeats)
}

func number(t *testing.T, name string, unless int) int {
	t.Helper()
	s := os.Getenv(name)
	if s == "" {
		return unless
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// neverReset wants that the machine was not started anew without our doing,
// as after a panic of the kernel.
func (m *machine) neverReset() {
	m.t.Helper()
	if n := m.happened("RESET"); n > 0 {
		m.t.Errorf("the machine was reset %d times by itself", n)
	}
}

// cutWithin takes the power away after that time, and gives the newest number
// that the daemon has called durable before.
func (m *machine) cutWithin(d time.Duration) (durable uint64) {
	m.t.Helper()
	cut := time.AfterFunc(d, func() { m.cmd.Process.Kill() })
	defer cut.Stop()
	for {
		if now := m.status(); now != nil {
			durable = max(durable, now.durable())
		}
		select {
		case <-m.ended:
			return durable
		default:
		}
	}
}

// ledger knows every record that was found on the flash.
type ledger struct {
	t       *testing.T
	binary  string
	known   map[uint64]string // the line of the dump, by number
	newest  uint64
	records []record // of the last account
	cursor  uint64
}

// account looks into the flash after a cut, as the next start will find it.
func (l *ledger) account(dir string, cut int, witnessed uint64) {
	t := l.t
	t.Helper()
	ring := l.ring(dir)
	if ring == "" {
		if len(l.known) > 0 {
			t.Fatalf("cut %d: the ring is gone", cut)
		}
		return
	}
	verified, err := exec.Command(l.binary, "ring", "verify", "-json", ring).Output()
	if err != nil {
		if len(l.known) == 0 && witnessed == 0 {
			return // the first start was cut while it made the ring
		}
		t.Fatalf("cut %d: ring verify: %v: %s", cut, err, verified)
	}
	var v struct{ Cursors map[string]uint64 }
	if err := json.Unmarshal(verified, &v); err != nil {
		t.Fatal(err)
	}
	if c := v.Cursors["tuya"]; c < l.cursor {
		t.Errorf("cut %d: the cursor went back from %d to %d", cut, l.cursor, c)
	} else {
		l.cursor = c
	}
	dump, err := exec.Command(l.binary, "ring", "dump", ring).Output()
	if err != nil {
		t.Fatalf("cut %d: ring dump: %v", cut, err)
	}
	found := map[uint64]string{}
	l.records = parseDump(t, string(dump))
	last := l.newest
	for _, r := range l.records {
		text := fmt.Sprint(r.Time, r.Meter, r.Values)
		if _, twice := found[r.Seq]; twice {
			t.Errorf("cut %d: number %d stands twice", cut, r.Seq)
		}
		found[r.Seq] = text
		if r.Seq <= l.newest {
			continue
		}
		// Of one start, the numbers follow each other.
		if last > l.newest && r.Seq != last+1 && r.Seq <= witnessed {
			t.Errorf("cut %d: %d to %d are missing, %d was durable", cut, last+1, r.Seq-1, witnessed)
		}
		last = r.Seq
	}
	for seq, text := range l.known {
		if found[seq] != text {
			t.Errorf("cut %d: record %d was %q and is %q", cut, seq, text, found[seq])
		}
	}
	if last < witnessed {
		t.Errorf("cut %d: the newest record is %d, but %d was durable", cut, last, witnessed)
	}
	if last > 0 && l.cursor > last {
		t.Errorf("cut %d: the cursor is at %d, the newest record is %d", cut, l.cursor, last)
	}
	t.Logf("cut %d: %d records, %d of them new, newest %d, witnessed %d, cursor %d", cut, len(found), len(found)-len(l.known), last, witnessed, l.cursor)
	l.newest = last
	maps.Copy(l.known, found)
}

// ring takes the ring out of a copy of the flash, whose journal is played as
// the kernel would. It gives "" when there is none.
func (l *ledger) ring(dir string) string {
	t := l.t
	t.Helper()
	image, ring := filepath.Join(dir, "copy.img"), filepath.Join(dir, "ring")
	copyFile(t, filepath.Join(dir, "flash.img"), image)
	os.Remove(ring)
	if out, err := exec.Command(sbin("e2fsck"), "-p", "-E", "journal_only", image).CombinedOutput(); err != nil {
		t.Fatalf("e2fsck: %v: %s", err, out)
	}
	if out := tool(t, "e2fsck", "-f", "-n", image); strings.Contains(out, "WARNING") {
		t.Errorf("the file system: %s", out)
	}
	tool(t, "debugfs", "-R", "dump /readings.ring "+ring, image)
	if info, err := os.Stat(ring); err != nil || info.Size() == 0 {
		return ""
	}
	return ring
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}

// checkDelivered wants every record at the platform, digit by digit.
func (s *site) checkDelivered(records []record) {
	t := s.t
	t.Helper()
	stored := map[string][]string{} // two rounds may start in one second
	for _, r := range s.platform.Seen().Reports {
		key := fmt.Sprintf("%s/%s/%d", r.CID, r.DP, r.T)
		stored[key] = append(stored[key], r.Value)
	}
	compared := 0
	for _, r := range records {
		at, err := time.Parse(time.RFC3339Nano, r.Time)
		if err != nil {
			t.Errorf("record %d: %v", r.Seq, err)
			continue
		}
		for point, dp := range map[string]string{"voltage.a": "5", "frequency": "41"} {
			value, ok := r.Values[point]
			if !ok {
				continue
			}
			compared++
			whole, decimals, _ := strings.Cut(value, ".")
			want := strings.TrimLeft((whole + decimals + "0000")[:len(whole)+4], "0") // the platform counts in 1/10000
			if got := stored[fmt.Sprintf("%s/%s/%d", r.Meter, dp, at.Unix())]; !slices.Contains(got, want) {
				t.Errorf("record %d: %s = %s is %v at the platform, want %s", r.Seq, point, value, got, want)
			}
		}
	}
	if compared == 0 {
		t.Error("nothing was compared")
	}
}
