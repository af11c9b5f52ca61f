package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"meterd/cmd/meterd/console"
	"meterd/dlt645/dlt645test"
	"meterd/uplink/uplinktest"
)

// buildDaemon gives the path of a meterd made from this tree.
func buildDaemon(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "meterd")
	if out, err := exec.Command("go", "build", "-o", path, "meterd/cmd/meterd").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

func newMosquitto(t *testing.T, users map[string]string) *uplinktest.Mosquitto {
	t.Helper()
	m, err := uplinktest.NewMosquitto(t.TempDir(), users)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Stop)
	return m
}

func waitFor(t *testing.T, what string, most time.Duration, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(most); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("not within %v: %s", most, what)
}

// world is meters on a line, a daemon and a platform.
type world struct {
	t        *testing.T
	binary   string
	dir      string
	pty      *ptyPair
	line     *dlt645test.Line
	ledger   ledger
	controls atomic.Int64 // requests with 1CH on the line
	platform *uplinktest.Tuya
	attached *uplinktest.Attachment
	broker   *uplinktest.Mosquitto
	daemon   *exec.Cmd
	log      *bytes.Buffer
}

func newWorld(t *testing.T, meters int) *world {
	t.Helper()
	const secret = "the platform's own"
	w := &world{t: t, binary: buildDaemon(t), dir: t.TempDir(), platform: &uplinktest.Tuya{}, log: &bytes.Buffer{}}
	w.broker = newMosquitto(t, map[string]string{"vendor01": uplinktest.Password("e2e01", "vendor01"), "platform": secret})
	attached, err := uplinktest.Attach(w.platform, w.broker.Addr(), "platform", secret)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(attached.Close)
	w.attached = attached
	if w.pty, err = openPty(); err != nil {
		t.Fatal(err)
	}
	w.line = &dlt645test.Line{Baud: 9600, Meters: newMeters(meters, 3), Tap: func(e dlt645test.Event) {
		if e.Frame.Control == 0x1C {
			w.controls.Add(1)
		}
		w.ledger.take(e)
	}}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.pty.serve(ctx, w.line)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	t.Cleanup(func() {
		if w.daemon != nil {
			w.daemon.Process.Kill()
			w.daemon.Wait()
		}
		if t.Failed() {
			t.Logf("the daemon's log:\n%s", w.log)
		}
	})
	w.writeConfig()
	return w
}

const e2eConfig = `[gateway]
id = "e2e01"
[store]
path  = %q
size  = "1MiB"
flush = "1s"
[console]
socket = %q
[[bus]]
name = "b1"
port = %q
baud = 9600
[[profile]]
name = "fast"
[[profile.poll]]
every  = "4s"
points = ["voltage", "current", "power.active", "power.factor", "frequency"]
[[profile.poll]]
every  = "12s"
points = ["energy.forward", "status"]
[[uplink]]
name     = "tuya"
kind     = "tuya"
broker   = "tcp://%s"
username = "vendor01"
[uplink.tuya]
product_id = "pid01"
`

func (w *world) ring() string   { return filepath.Join(w.dir, "readings.ring") }
func (w *world) socket() string { return filepath.Join(w.dir, "sock") }
func (w *world) file() string   { return filepath.Join(w.dir, "meterd.toml") }

func (w *world) writeConfig() {
	w.t.Helper()
	text := fmt.Sprintf(e2eConfig, w.ring(), w.socket(), w.pty.path, w.broker.Addr())
	for i, m := range w.line.Meters {
		text += fmt.Sprintf("[[meter]]\nname = \"m%d\"\nbus = \"b1\"\naddress = %q\nprofile = \"fast\"\n", i, m.Address)
		if i == 0 {
			text += "password = \"02123456\"\nallow = [\"relay\"]\n"
		}
	}
	if err := os.WriteFile(w.file(), []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) startDaemon() {
	w.t.Helper()
	w.daemon = exec.Command(w.binary, "run", "-config", w.file())
	w.daemon.Stdout, w.daemon.Stderr = w.log, w.log
	if err := w.daemon.Start(); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) killDaemon() {
	w.daemon.Process.Kill()
	w.daemon.Wait()
	w.daemon = nil
}

// endDaemon ends it as an init system would, and wants exit status 0.
func (w *world) endDaemon() {
	w.t.Helper()
	w.daemon.Process.Signal(syscall.SIGTERM)
	done := make(chan error, 1)
	go func() { done <- w.daemon.Wait() }()
	select {
	case err := <-done:
		w.daemon = nil
		if err != nil {
			w.t.Errorf("the daemon ended with %v", err)
		}
	case <-time.After(5 * time.Second): // the contract's own limit
		w.t.Error("the daemon did not end within 5 s of SIGTERM")
	}
}

func (w *world) status() (console.Status, bool) {
	var out bytes.Buffer
	var s console.Status
	err := console.Ask(w.socket(), console.Request{Command: []string{"status"}, JSON: true}, &out)
	if err != nil || json.Unmarshal(out.Bytes(), &s) != nil || len(s.Uplinks) != 1 {
		return s, false
	}
	return s, true
}

// TestOutageAndKill stops the broker for 20 s and kills the daemon in the
// middle of it. What was durable arrives, with its own time and exactly as
// the meters said it.
func TestOutageAndKill(t *testing.T) {
	w := newWorld(t, 3)
	w.startDaemon()
	waitFor(t, "first values are stored", 20*time.Second, func() bool { return len(w.platform.Seen().Reports) > 30 })

	w.broker.Stop()
	time.Sleep(10 * time.Second)
	w.killDaemon()
	killed := time.Now()
	w.startDaemon()
	time.Sleep(10 * time.Second)
	if s, ok := w.status(); !ok || s.Uplinks[0].Connected || s.Uplinks[0].Queued < 6 {
		t.Errorf("in the outage the uplink is %+v", s.Uplinks)
	}
	if err := w.broker.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(5 * time.Second)
	waitFor(t, "the backlog is drained", time.Minute, func() bool {
		s, ok := w.status()
		return ok && s.Uplinks[0].Connected && s.Uplinks[0].Queued <= 1
	})
	time.Sleep(5 * time.Second)
	w.line.Unplug(true)
	time.Sleep(roundEnds) // a round in progress ends
	waitFor(t, "the rest is drained", time.Minute, func() bool {
		s, ok := w.status()
		return ok && s.Uplinks[0].Queued == 0
	})
	w.endDaemon()

	seen := w.platform.Seen()
	if len(seen.Violations) > 0 {
		t.Errorf("violations: %s", strings.Join(seen.Violations, "\n"))
	}
	acc := w.ledger.compare(seen.Reports)
	t.Logf("%d values on the line, %d stored, %d missing, %d repeats with the same id", acc.Answered, acc.Stored, len(acc.Missing), seen.Repeats)
	for _, r := range acc.Invented {
		t.Errorf("never said by a meter: %+v", r)
	}
	// The kill costs the rounds in progress and what the flush time had not
	// made durable. An equal value of the round behind it may be the one that
	// counts as missing.
	for _, a := range acc.Missing {
		if d := killed.Sub(a.at); d < -longestRound || d > 4*time.Second {
			t.Errorf("lost although it was durable: %+v, %v before the kill", a, d)
		}
	}
	if most := 2 * len(w.line.Meters) * len(sources); len(acc.Missing) > most {
		t.Errorf("%d values are missing, more than two rounds hold", len(acc.Missing))
	}
	checkOneIDEach(t, seen.Reports)
	w.checkRing(seen.Reports)
}

// checkOneIDEach wants each value of a reading under one request id.
func checkOneIDEach(t *testing.T, reports []uplinktest.Report) {
	t.Helper()
	first := map[string]uplinktest.Report{}
	for _, r := range reports {
		key := fmt.Sprintf("%s/%s/%d", r.CID, r.DP, r.T)
		if other, ok := first[key]; ok {
			t.Errorf("stored twice, under two ids: %+v and %+v", other, r)
		}
		first[key] = r
	}
}

// rawOf scales a value by moving its point: 220.1 with scale 4 is 2201000.
func rawOf(t *testing.T, value string, scale int) string {
	t.Helper()
	whole, frac, _ := strings.Cut(value, ".")
	if len(frac) > scale {
		t.Fatalf("%s has more than %d decimals", value, scale)
	}
	return strings.TrimLeft(whole+frac+strings.Repeat("0", scale-len(frac)), "0")
}

// checkRing wants every record of the ring at the platform.
func (w *world) checkRing(reports []uplinktest.Report) {
	t := w.t
	t.Helper()
	stored := map[string]string{}
	for _, r := range reports {
		stored[fmt.Sprintf("%s/%s/%d", r.CID, r.DP, r.T)] = r.Value
	}
	out, err := exec.Command(w.binary, "ring", "dump", w.ring()).Output()
	if err != nil {
		t.Fatal(err)
	}
	// The points, their data points and the platform's scale in our unit.
	points := map[string]struct {
		dp    string
		scale int
	}{"voltage.a": {"5", 4}, "current.a": {"7", 7}, "power.active.total": {"3", 7}, "power.factor.total": {"40", 4}, "frequency": {"41", 4}, "energy.forward.total": {"44", 4}}
	compared := 0
	lines := bufio.NewScanner(bytes.NewReader(out))
	for lines.Scan() {
		var rec struct {
			Seq    uint64
			Time   time.Time
			Meter  string
			Values map[string]string
			Gap    json.RawMessage
		}
		if err := json.Unmarshal(lines.Bytes(), &rec); err != nil {
			t.Fatalf("%v: %s", err, lines.Text())
		}
		for point, v := range rec.Values {
			p, ok := points[point]
			if !ok {
				continue
			}
			compared++
			if got, want := stored[fmt.Sprintf("%s/%s/%d", rec.Meter, p.dp, rec.Time.Unix())], rawOf(t, v, p.scale); got != want {
				t.Errorf("record %d: %s = %s is stored as %q, want %s", rec.Seq, point, v, got, want)
			}
		}
	}
	if compared < 100 {
		t.Errorf("only %d values of the ring were compared", compared)
	}
	if out, err := exec.Command(w.binary, "ring", "verify", "-json", w.ring()).Output(); err != nil || !bytes.Contains(out, []byte(`"corrupt_frames":0`)) {
		t.Errorf("ring verify: %v: %s", err, out)
	}
}

// TestDemo runs the demo as a newcomer does, where there is no terminal.
func TestDemo(t *testing.T) {
	binary := buildDaemon(t)
	picture := filepath.Join(t.TempDir(), "demo.svg")
	if status := run(t.Context(), []string{"demo", "-for", "20s", "-meterd", binary, "-picture", picture}); status != 0 {
		t.Errorf("exit status %d", status)
	}
	if b, err := os.ReadFile(picture); err != nil || !bytes.Contains(b, []byte("BROKER STOPPED")) {
		t.Errorf("no picture of the outage: %v", err)
	}
}

// TestCommandsFromTheCloud switches a meter from the platform: once, however
// often the command comes, only where the configuration allows it, and with
// success told only when the relay is there.
func TestCommandsFromTheCloud(t *testing.T) {
	w := newWorld(t, 2)
	w.startDaemon()
	waitFor(t, "the meters are registered and read", 30*time.Second, func() bool {
		s, ok := w.status()
		return ok && s.Uplinks[0].Acked > 0 && len(s.Uplinks[0].Unregistered) == 0
	})
	ask := func(id, cid, value string) string {
		t.Helper()
		before := len(w.platform.Seen().Commands)
		if err := w.attached.Publish(w.platform.Command("e2e01", id, cid, "1", value, time.Now())); err != nil {
			t.Fatal(err)
		}
		waitFor(t, "an answer to the command", 30*time.Second, func() bool { return len(w.platform.Seen().Commands) > before })
		all := w.platform.Seen().Commands
		return all[len(all)-1]
	}
	own, other := w.line.Meters[0], w.line.Meters[1]
	const id = "6f9619ff-8b86-4d11-b42d-00c04fc964ff"
	first := ask(id, own.Address.String(), "false")
	if !strings.Contains(first, `"code":0`) || !own.Open(time.Now()) {
		t.Errorf("tripped: %v, answered %s", own.Open(time.Now()), first)
	}
	if again := ask(id, own.Address.String(), "false"); again != first || w.controls.Load() != 1 {
		t.Errorf("the same command again is answered %s, and %d were on the line", again, w.controls.Load())
	}
	waitFor(t, "the new state at the platform", 20*time.Second, func() bool {
		for _, r := range w.platform.Seen().Reports {
			if r.CID == own.Address.String() && r.DP == "1" && string(r.Value) == "false" {
				return true
			}
		}
		return false
	})
	if got := ask("6f9619ff-8b86-4d11-b42d-00c04fc96400", own.Address.String(), "true"); !strings.Contains(got, `"code":0`) || own.Open(time.Now()) {
		t.Errorf("closed: %v, answered %s", !own.Open(time.Now()), got)
	}
	if got := ask("6f9619ff-8b86-4d11-b42d-00c04fc96401", other.Address.String(), "false"); !strings.Contains(got, `"code":2002`) || other.Open(time.Now()) {
		t.Errorf("a meter without allow: open %v, answered %s", other.Open(time.Now()), got)
	}
	w.endDaemon()
	out, err := exec.Command(w.binary, "ring", "dump", w.ring()).Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"event":"relay","meter":"202411200101","by":"tuya","text":"trip: done"`, `"event":"relay","meter":"202411200102","by":"tuya","text":"denied: not in allow"`} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the ring lacks the record %s", want)
		}
	}
	if v := w.platform.Seen().Violations; len(v) > 0 {
		t.Errorf("violations: %v", v)
	}
}
