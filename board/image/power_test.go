package image

import (
	"encoding/json"
	"fmt"
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
// reads and delivers. The disk forgets what no flush had passed. What was durable stays, and no number is used twice.
// METERD_CUTS is how often (10), METERD_SEED repeats a run's moments.
func TestPowerCuts(t *testing.T) {
	parts(t)
	t.Parallel()
	s := newSite(t, 2)
	dir := flash(t, map[string]string{"meterd.toml": s.config("en")})
	seed := uint64(number(t, "METERD_SEED", int(time.Now().UnixNano()%1e6)))
	cuts := number(t, "METERD_CUTS", 10)
	t.Logf("%d cuts, METERD_SEED=%d", cuts, seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	l := &ledger{t: t, binary: filepath.Join(parts(t), "meterd"), known: map[uint64]string{}}
	lost := 0
	for n := range cuts {
		m := powerOn(t, dir)
		s.wire(m)
		var witnessed uint64
		if rng.IntN(4) > 0 {
			m.ready()
			m.wait("a durable record of this start", func() bool {
				if now := m.status(); now != nil && now.Uplinks[0].Connected {
					witnessed = now.durable()
				}
				return witnessed > l.newest
			})
			witnessed = max(witnessed, m.cutWithin(time.Duration(rng.Int64N(int64(3*time.Second)))))
		} else { // while it starts
			time.Sleep(time.Duration(rng.Int64N(int64(8 * time.Second))))
			m.cut()
		}
		m.neverReset()
		all := writes(t, dir)
		flashImage := filepath.Join(dir, "flash.img")
		lost += loseCache(t, dir, flashImage, all, rng)
		l.account(flashImage, n, witnessed)
		// The same start, cut at other moments.
		for range 5 {
			at := rng.IntN(len(all) + 1)
			other := filepath.Join(dir, "other.img")
			lost += loseCache(t, dir, other, all[:at], rng)
			l.consider(other, n, at)
		}
	}
	m := powerOn(t, dir)
	s.wire(m)
	m.ready()
	m.wait("a connection", func() bool { now := m.status(); return now != nil && now.Uplinks[0].Connected })
	s.line.Unplug(true)
	witnessed := m.delivered()
	m.end()
	l.account(filepath.Join(dir, "flash.img"), cuts, witnessed)
	s.checkPlatform()
	s.checkDelivered(l.records)
	t.Logf("%d records, %d properties at the platform, %d came again with the same id, %d writes lost in the disk's cache", len(l.known), s.stored(), s.platform.Seen().Repeats, lost)
}

// delivered waits until all is delivered and durable on a board whose line is
// unplugged, and gives the newest number.
func (m *machine) delivered() (durable uint64) {
	m.t.Helper()
	m.wait("everything delivered", func() bool {
		now := m.status()
		if now == nil || now.anyOnline() || !now.Uplinks[0].Connected || now.Uplinks[0].Queued > 0 || now.Ring.Waiting > 0 {
			return false
		}
		durable = now.durable()
		return true
	})
	return durable
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
	known   map[uint64]string // what stands under a number
	newest  uint64
	cursor  uint64
	records []record // of the last account

	before       map[uint64]string // known, newest and cursor before the last account
	newestBefore uint64
	cursorBefore uint64
}

// account looks into the flash after a cut, as the next start will find it,
// and keeps what it finds. Records up to the witnessed one were durable.
func (l *ledger) account(image string, cut int, witnessed uint64) {
	t := l.t
	t.Helper()
	at := fmt.Sprintf("cut %d", cut)
	l.before, l.newestBefore, l.cursorBefore = maps.Clone(l.known), l.newest, l.cursor
	records, cursor := l.look(image, at)
	if records == nil && witnessed == 0 && len(l.known) == 0 {
		return // cut while it made the ring
	}
	l.compare(at, records, cursor)
	last := l.newest
	for _, r := range records {
		if r.Seq <= l.newest {
			continue
		}
		// Of one start, the numbers follow each other.
		if last > l.newest && r.Seq != last+1 && r.Seq <= witnessed {
			t.Errorf("%s: %d to %d are missing, %d was durable", at, last+1, r.Seq-1, witnessed)
		}
		last = r.Seq
		l.known[r.Seq] = r.text()
	}
	if last < witnessed {
		t.Errorf("%s: the newest record is %d, but %d was durable", at, last, witnessed)
	}
	t.Logf("%s: %d records, %d of them new, newest %d, witnessed %d, cursor %d", at, len(records), len(records)-len(l.before), last, witnessed, cursor)
	l.newest, l.cursor, l.records = last, cursor, records
}

// consider looks into a flash as it would have been, had the last cut come
// earlier. What was there before that start is there, and nothing that
// contradicts what came later.
func (l *ledger) consider(image string, cut, writes int) {
	t := l.t
	t.Helper()
	at := fmt.Sprintf("cut %d, had it come after %d writes", cut, writes)
	records, cursor := l.look(image, at)
	if records == nil && len(l.before) == 0 {
		return
	}
	later := *l
	later.known, later.newest, later.cursor = l.before, l.newestBefore, l.cursorBefore
	later.compare(at, records, cursor)
	for _, r := range records {
		if text, ok := l.known[r.Seq]; ok && text != r.text() {
			t.Errorf("%s: record %d is %q and was %q later", at, r.Seq, r.text(), text)
		}
	}
}

// compare wants all that is known, unchanged, each number once, and a cursor
// that does not go back.
func (l *ledger) compare(at string, records []record, cursor uint64) {
	t := l.t
	t.Helper()
	found := map[uint64]string{}
	for _, r := range records {
		if _, twice := found[r.Seq]; twice {
			t.Errorf("%s: number %d stands twice", at, r.Seq)
		}
		found[r.Seq] = r.text()
	}
	for seq, text := range l.known {
		if found[seq] != text {
			t.Errorf("%s: record %d was %q and is %q", at, seq, text, found[seq])
		}
	}
	if cursor < l.cursor {
		t.Errorf("%s: the cursor went back from %d to %d", at, l.cursor, cursor)
	}
	if n := len(records); n > 0 && cursor > records[n-1].Seq {
		t.Errorf("%s: the cursor is at %d, the newest record is %d", at, cursor, records[n-1].Seq)
	}
}

// look gives what the ring on a flash holds; no records where there is no
// whole ring yet.
func (l *ledger) look(image, at string) (records []record, cursor uint64) {
	t := l.t
	t.Helper()
	ring := l.ring(image)
	if ring == "" {
		return nil, 0
	}
	verified, err := exec.Command(l.binary, "ring", "verify", "-json", ring).CombinedOutput()
	if err != nil {
		if len(l.known) > 0 {
			t.Errorf("%s: ring verify: %v: %s", at, err, verified)
		}
		return nil, 0
	}
	var v struct{ Cursors map[string]uint64 }
	if err := json.Unmarshal(verified, &v); err != nil {
		t.Fatal(err)
	}
	dump, err := exec.Command(l.binary, "ring", "dump", ring).Output()
	if err != nil {
		t.Fatalf("%s: ring dump: %v", at, err)
	}
	return parseDump(t, string(dump)), v.Cursors["tuya"]
}

// ring takes the ring out of a copy of the flash, whose journal is played as
// the kernel would. It gives "" when there is none.
func (l *ledger) ring(flash string) string {
	t := l.t
	t.Helper()
	image, ring := flash+".copy", flash+".ring"
	copyFile(t, flash, image)
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

// copyFile copies a file and leaves its holes.
func copyFile(t *testing.T, from, to string) {
	t.Helper()
	tool(t, "cp", "--sparse=always", from, to)
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
