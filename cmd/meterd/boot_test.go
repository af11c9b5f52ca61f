package main

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"aead.dev/minisign"

	"meterd/cmd/meterd/console"
	"meterd/cmd/meterd/linetest"
	"meterd/cmd/meterd/update"
	"meterd/dlt645"
	"meterd/dlt645/dlt645test"
	"meterd/meter"
	"meterd/store"
)

var cuts = flag.Int("cuts", 4, "how often a program is killed during an update")

// builtVersion is as long as each version of the tests, and stands once in the
// binary: so that it is built once.
const builtVersion = "1.0.0-000-gbuilt"

func testVersion(n int) string { return fmt.Sprintf("1.0.0-%03d-gbuilt", n) }

// machine is a board in a folder: a real program, started again whenever it ends,
// as init does.
type machine struct {
	t       *testing.T
	dir     string
	binary  []byte // of builtVersion
	private minisign.PrivateKey
	stop    chan struct{}
	done    chan struct{}

	mu  sync.Mutex
	pid int
	out bytes.Buffer
}

var build = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "meterd-boot-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "meterd")
	if out, err := exec.Command("go", "build", "-ldflags", "-s -w -X main.version="+builtVersion, "-o", path, ".").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	b, err := os.ReadFile(path)
	if err == nil && !bytes.Contains(b, []byte(builtVersion)) {
		err = errors.New("the version is not in the binary")
	}
	return b, err
})

func newMachine(t *testing.T, port string) *machine {
	t.Helper()
	binary, err := build()
	if err != nil {
		t.Fatal(err)
	}
	public, private, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{t: t, dir: t.TempDir(), binary: binary, private: private, stop: make(chan struct{}), done: make(chan struct{})}
	text := fmt.Sprintf("[gateway]\nid = \"board\"\n[usb]\nenable = false\npublic_key = %q\n", public) + linetest.Config(m.dir, port)
	m.put("meterd.toml", []byte(text), 0o600)
	m.put("meterd", binary, 0o700)
	go m.init()
	t.Cleanup(func() {
		close(m.stop)
		m.kill(syscall.SIGKILL)
		<-m.done
		if t.Failed() {
			t.Log(m.out.String())
		}
	})
	return m
}

func (m *machine) put(name string, b []byte, mode os.FileMode) string {
	m.t.Helper()
	path := filepath.Join(m.dir, name)
	if err := os.WriteFile(path, b, mode); err != nil {
		m.t.Fatal(err)
	}
	return path
}

// init starts the program whenever it ends.
func (m *machine) init() {
	defer close(m.done)
	for {
		select {
		case <-m.stop:
			return
		default:
		}
		c := exec.Command(filepath.Join(m.dir, "meterd"), "boot", "-slots", filepath.Join(m.dir, "slots"), "run", "-config", filepath.Join(m.dir, "meterd.toml"))
		c.Stdout, c.Stderr = m, m
		if err := c.Start(); err != nil {
			m.t.Error(err)
			return
		}
		m.mu.Lock()
		m.pid = c.Process.Pid
		m.mu.Unlock()
		c.Wait()
		m.mu.Lock()
		m.pid = 0
		m.mu.Unlock()
	}
}

func (m *machine) Write(b []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.out.Write(b)
}

func (m *machine) kill(s syscall.Signal) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.pid != 0 {
		syscall.Kill(m.pid, s)
	}
}

// ask gives a command's answer, "" if nobody answers.
func (m *machine) ask(command ...string) (string, error) {
	var out strings.Builder
	err := console.Ask(filepath.Join(m.dir, "sock"), console.Request{Command: command, JSON: true}, &out)
	return out.String(), err
}

// status waits for a program that answers.
func (m *machine) status(what string, ok func(console.Status) bool) (s console.Status) {
	m.t.Helper()
	for end := time.Now().Add(90 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		s = console.Status{}
		out, err := m.ask("status")
		if err == nil && json.Unmarshal([]byte(out), &s) == nil && ok(s) {
			return s
		}
	}
	m.t.Fatalf("not within 90 s: %s; the program is %+v", what, s.Program)
	return s
}

func anything(console.Status) bool { return true }

// update makes the update file of an image.
func (m *machine) update(version string, image []byte) string {
	m.t.Helper()
	f := update.Facts{Image: update.Image{Version: version, Board: update.ThisBoard(), Kind: update.Program, Size: int64(len(image)), Hash: sha256.Sum256(image)}, Floor: version}
	r := minisign.NewReader(bytes.NewReader(image))
	io.Copy(io.Discard, r)
	head, err := update.Head(f, r.SignWithComments(m.private, f.Comment(), "by a test"))
	if err != nil {
		m.t.Fatal(err)
	}
	return m.put(version+".update", append(head, image...), 0o600)
}

// version gives the program of another version.
func (m *machine) version(n int) []byte {
	return bytes.ReplaceAll(m.binary, []byte(builtVersion), []byte(testVersion(n)))
}

// TestKillsDuringUpdates kills a real program at random moments of updates.
// Whatever was cut, a program runs that works: the one before, or the new one;
// what was durable is there, and no command was sent twice. The last update
// is left alone, and proves itself.
func TestKillsDuringUpdates(t *testing.T) {
	if testing.Short() {
		t.Skip("a minute of real programs")
	}
	var switched atomic.Int32
	port, _ := linetest.New(t, func(l *dlt645test.Line) {
		l.Tap = func(e dlt645test.Event) {
			if e.OK && e.Frame.Control == dlt645.Control(dlt645.FuncControl) {
				switched.Add(1)
			}
		}
	})
	m := newMachine(t, port)
	online := func(s console.Status) bool { return len(s.Meters) == 1 && s.Meters[0].Online && s.Ring.Capacity > 0 }
	s := m.status("the package's program", online)
	if s.Program.Version != builtVersion || s.Program.State != "" || !s.Program.Able {
		t.Fatalf("%+v", s.Program)
	}
	good, ordered := builtVersion, 0
	seen := map[string]int{}
	for n := range *cuts {
		next := testVersion(n + 1)
		durable := s.Ring.Last - uint64(s.Ring.Waiting)
		file := m.update(next, m.version(n+1))
		taken := make(chan error, 2)
		go func() {
			_, err := m.ask("relay", "Unit 1", "trip", "-yes")
			taken <- err
		}()
		ordered++
		go func() {
			_, err := m.ask("version", "update", file, "-yes")
			taken <- err
		}()
		time.Sleep(time.Duration(mathrand.IntN(2500)) * time.Millisecond) // it is killed at any moment
		m.kill(syscall.SIGKILL)
		<-taken
		<-taken
		s = m.status("a program after a kill", anything)
		seen[s.Program.State]++
		for kills := 0; s.Program.Version == next && kills < update.MostStarts; kills++ { // it is never left alone
			if s.Program.State != "trial" && s.Program.State != "proved" {
				t.Fatalf("%s runs as %+v", next, s.Program)
			}
			m.kill(syscall.SIGKILL)
			time.Sleep(50 * time.Millisecond)
			s = m.status("a program after a kill on trial", anything)
		}
		s = m.status("the program before, at work", online)
		if s.Program.Version != good {
			t.Fatalf("%s runs, want %s: %+v", s.Program.Version, good, s.Program)
		}
		if s.Program.State == "back" {
			seen["back"]++
		}
		if s.Ring.Last < durable || s.Ring.Corrupt > 0 || s.Ring.LastErr != "" {
			t.Errorf("cut %d: the ring is %+v, and %d was durable", n, s.Ring, durable)
		}
		os.Remove(file)
	}
	last := testVersion(*cuts + 1)
	if _, err := m.ask("version", "update", m.update(last, m.version(*cuts+1)), "-yes"); err != nil {
		t.Fatal(err)
	}
	m.status("the last program proved", func(s console.Status) bool { return s.Program.Version == last && s.Program.State == "proved" })
	m.kill(syscall.SIGKILL)
	s = m.status("the last program after a kill", online)
	if s.Program.Version != last || s.Program.From != good || s.Program.Floor != last {
		t.Errorf("%+v", s.Program)
	}
	if n := int(switched.Load()); n > ordered {
		t.Errorf("%d commands were ordered, and %d sent", ordered, n)
	}
	m.kill(syscall.SIGTERM)
	ring, err := store.OpenReadOnly(filepath.Join(m.dir, "readings.ring"), meter.Packing{})
	if err != nil {
		t.Fatal(err)
	}
	defer ring.Close()
	if c := ring.Stats().Corrupt; c > 0 {
		t.Errorf("%d damaged places", c)
	}
	t.Log(seen, "commands sent:", switched.Load(), "of", ordered)
}

// TestProgramsThatAreNone end their trial by themselves: one that ends at
// once, one that does not even start.
func TestProgramsThatAreNone(t *testing.T) {
	if testing.Short() {
		t.Skip("real programs")
	}
	crashes, err := os.ReadFile("/bin/false")
	if err != nil {
		t.Skip(err)
	}
	m := newMachine(t, "/dev/none")
	m.status("the package's program", anything)
	for n, tc := range []struct {
		image []byte
		why   string
	}{
		{crashes, "3 times"},
		{[]byte("no program at all"), "does not start"},
	} {
		version := testVersion(n + 1)
		config := filepath.Join(m.dir, "meterd.toml")
		before, err := os.ReadFile(config)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.ask("version", "update", m.update(version, tc.image), "-yes"); err != nil {
			t.Fatal(err)
		}
		s := m.status("the program before", func(s console.Status) bool { return s.Program.State == "back" && s.Program.To == version })
		if s.Program.Version != builtVersion || !strings.Contains(s.Program.Why, tc.why) {
			t.Errorf("%+v", s.Program)
		}
		if after, _ := os.ReadFile(config); !bytes.Equal(before, after) {
			t.Errorf("the configuration is\n%s", after)
		}
	}
	if out, err := exec.Command(filepath.Join(m.dir, "meterd"), "boot", "run").CombinedOutput(); err == nil || !strings.Contains(string(out), "boot -slots") {
		t.Errorf("without a folder: %v, %s", err, out)
	}
}

// TestAGuardEndsWhatHangs, and leaves alone what has proved itself or is
// another process.
func TestAGuardEndsWhatHangs(t *testing.T) {
	if testing.Short() {
		t.Skip("real programs")
	}
	binary, err := build()
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name    string
		confirm bool
		start   string // "": of the process
		killed  bool
	}{
		{"it hangs", false, "", true},
		{"it has proved itself", true, "", false},
		{"its number is another's now", false, "1", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "meterd")
			if err := os.WriteFile(path, binary, 0o700); err != nil {
				t.Fatal(err)
			}
			own := update.ThisPackage(builtVersion)
			image := []byte("a program")
			in := update.Image{Version: "2", Board: own.Board, Kind: update.Program, Size: int64(len(image)), Hash: sha256.Sum256(image)}
			f := update.OpenFolder(dir, own, update.NoSlot)
			if err := errors.Join(f.Write(t.Context(), in, bytes.NewReader(image)), f.Try()); err != nil {
				t.Fatal(err)
			}
			slot, err := f.Start()
			if err != nil || slot != update.SlotA {
				t.Fatal(slot, err)
			}
			hangs := exec.Command("sleep", "600")
			if err := hangs.Start(); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- hangs.Wait() }()
			defer hangs.Process.Kill()
			start := tc.start
			if start == "" {
				start = startOf(hangs.Process.Pid)
			}
			if tc.confirm {
				if err := update.OpenFolder(dir, own, slot).Confirm(); err != nil {
					t.Fatal(err)
				}
			}
			guard := exec.Command(path, "boot", "-slots", dir, guardWord, string(slot), strconv.Itoa(hangs.Process.Pid), start, "1s", "now")
			if out, err := guard.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			if !tc.killed {
				if startOf(hangs.Process.Pid) == "" {
					t.Error("it was killed")
				}
				return
			}
			<-ended
			if s, _ := f.State(); s.Fell != update.Hung || s.Trial {
				t.Errorf("state %+v", s)
			}
		})
	}
}
