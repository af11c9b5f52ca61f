package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"meterd/cmd/meterd/console"
	"meterd/dlt645/dlt645test"
	"meterd/uplink/uplinktest"
)

// atRealPace leaves a test out of make check: it plays in real time. make test
// runs it.
func atRealPace(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("plays in real time; make test runs it")
	}
}

// buildDaemon gives the path of a meterd made from this tree.
func buildDaemon(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "meterd")
	if out, err := exec.Command("go", "build", "-o", path, "meterd/cmd/meterd").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
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

// broker is a mosquitto, or the embedded one.
type broker interface {
	Start() error
	Stop()
	Addr() string
}

// embedded is the embedded broker, which asks the platform who may come in.
type embedded struct{ *cloud }

func (e embedded) Addr() string { return e.addr }
func (e embedded) Start() error { return e.startBroker() }
func (e embedded) Stop()        { e.stopBroker() }

// world is meters on a line, a daemon and a platform.
type world struct {
	t        *testing.T
	binary   string
	dir      string
	pty      *ptyPair
	line     *dlt645test.Line
	ledger   ledger
	controls atomic.Int64                           // requests with 1CH on the line
	heard    atomic.Pointer[func(dlt645test.Event)] // is told of each frame; nil: nobody is
	stage    *stage
	attached *uplinktest.Attachment
	broker   broker
	daemon   *exec.Cmd
	log      *bytes.Buffer
	patient  bool // the daemon waits for longer than usual: the line may stand still beside others
}

const gatewayName = "e2e01"

func newWorld(t *testing.T, binary string, meters int, p play) *world {
	t.Helper()
	w := &world{t: t, binary: binary, dir: t.TempDir(), log: &bytes.Buffer{}}
	w.line = &dlt645test.Line{Baud: 9600, Meters: newMeters(meters, 3), Tap: func(e dlt645test.Event) {
		if e.Frame.Control == 0x1C {
			w.controls.Add(1)
		}
		if tell := w.heard.Load(); tell != nil {
			(*tell)(e)
		}
		w.ledger.take(e)
	}}
	var addresses []string
	for _, m := range w.line.Meters {
		addresses = append(addresses, m.Address.String())
	}
	w.stage = p.build(gatewayName, addresses)
	if p.user != nil {
		w.realBroker(p)
	} else {
		c, err := startOwnCloud(&w.stage.simulated)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.close)
		w.broker, w.attached = embedded{c}, c.attached
	}
	w.serveLine()
	t.Cleanup(func() {
		if w.daemon != nil {
			w.daemon.Process.Kill()
			w.daemon.Wait()
		}
		if t.Failed() {
			t.Logf("the daemon's log:\n%s", w.log)
		}
	})
	return w
}

// realBroker is a mosquitto that knows the one user by its password file. What
// a platform would learn from its own broker comes from mosquitto's log.
func (w *world) realBroker(p play) {
	w.t.Helper()
	const secret = "the platform's own"
	user, password := p.user()
	platform := &overheard{Platform: w.stage, told: p.told}
	m, err := uplinktest.SetMosquitto(w.t.TempDir(), map[string]string{user: password, "platform": secret})
	if err == nil {
		m.Log = func(line string) { platform.hear(w.stage, line) }
		err = m.Start()
	}
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(m.Stop)
	w.broker = m
	attached, err := uplinktest.Attach(platform, m.Addr(), "platform", secret)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(attached.Close)
	w.attached = attached
}

// overheard is a platform that gets its messages when the broker's log has
// told what came before them.
type overheard struct {
	uplinktest.Platform
	told func(s *stage, line string) // nil: it wants to know nothing

	mu    sync.Mutex
	heard map[string]int // messages by topic, in the log
	came  map[string]int // and here
}

func (o *overheard) hear(s *stage, line string) {
	if o.told == nil {
		return
	}
	o.told(s, line)
	if topic, ok := publishIn(line); ok {
		o.mu.Lock()
		defer o.mu.Unlock()
		if o.heard == nil {
			o.heard = map[string]int{}
		}
		o.heard[topic]++
	}
}

func (o *overheard) Receive(topic string, payload []byte, now time.Time) []uplinktest.Out {
	if o.told != nil {
		o.mu.Lock()
		if o.came == nil {
			o.came = map[string]int{}
		}
		o.came[topic]++
		nth := o.came[topic]
		o.mu.Unlock()
		for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
			o.mu.Lock()
			known := o.heard[topic] >= nth
			o.mu.Unlock()
			if known {
				break
			}
		}
	}
	return o.Platform.Receive(topic, payload, now)
}

func (w *world) serveLine() {
	w.t.Helper()
	var err error
	if w.pty, err = openPty(); err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.pty.serve(ctx, w.line)
	}()
	w.t.Cleanup(func() {
		cancel()
		<-done
	})
}

const e2eConfig = `[gateway]
id = %q
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
`

func (w *world) ring() string   { return filepath.Join(w.dir, "readings.ring") }
func (w *world) socket() string { return filepath.Join(w.dir, "sock") }
func (w *world) file() string   { return filepath.Join(w.dir, "meterd.toml") }

// writeConfig writes the configuration; uplink is its part on the platform.
func (w *world) writeConfig(uplink string) {
	w.t.Helper()
	text := fmt.Sprintf(e2eConfig, gatewayName, w.ring(), w.socket(), w.pty.path) + uplink
	for i, m := range w.line.Meters {
		text += fmt.Sprintf("[[meter]]\nname = %q\nbus = \"b1\"\naddress = %q\nprofile = \"fast\"\n", meterName(i), m.Address)
		if i == 0 {
			text += "password = \"02123456\"\nallow = [\"relay\"]\n"
		}
	}
	if w.patient {
		text = strings.Replace(text, "baud = 9600\n", "baud = 9600\ntimeout = \"3s\"\n", 1)
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

// board is the whole status.
func (w *world) board() (console.Status, bool) {
	var out bytes.Buffer
	var s console.Status
	err := console.Ask(w.socket(), console.Request{Command: []string{"status"}, JSON: true}, &out)
	return s, err == nil && json.Unmarshal(out.Bytes(), &s) == nil && len(s.Uplinks) == 1
}

// status is that of the uplink.
func (w *world) status() (console.UplinkStatus, bool) {
	s, ok := w.board()
	if !ok {
		return console.UplinkStatus{}, false
	}
	return s.Uplinks[0], true
}

// waits waits until so many readings wait for the broker to come back.
func (w *world) waits(n int) {
	w.t.Helper()
	waitFor(w.t, fmt.Sprintf("%d readings wait in the outage", n), 2*time.Minute, func() bool {
		u, ok := w.status()
		return ok && !u.Connected && u.Queued >= n
	})
}

// atRest takes the meters off the line and waits until nothing of them is under
// way any more: a meter is given up after rounds that have ended, and each of
// their readings is at the platform.
func (w *world) atRest() {
	w.t.Helper()
	w.line.Unplug(true)
	waitFor(w.t, "the meters are given up", 2*time.Minute, func() bool {
		s, ok := w.board()
		return ok && len(s.Meters) == len(w.line.Meters) && !slices.ContainsFunc(s.Meters, func(m console.MeterStatus) bool { return m.Online })
	})
	w.drained(0)
}

// drained waits until the platform has all but so many readings.
func (w *world) drained(but int) {
	w.t.Helper()
	waitFor(w.t, "the backlog is drained", 2*time.Minute, func() bool {
		u, ok := w.status()
		return ok && u.Connected && u.Queued <= but
	})
}
