package image

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is the longest wait for anything. It only ends a test that hangs:
// an emulated machine on a busy host has no speed that one could count on.
const patience = 8 * time.Minute

// parts names the folder with the kernel, the root file system and a meterd
// for this machine's own processor.
func parts(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("METERD_MACHINE")
	if dir == "" {
		t.Skip("METERD_MACHINE is not set; make test-machine sets it")
	}
	return dir
}

// machine is an ARM board in software.
type machine struct {
	t     *testing.T
	dir   string // with its sockets, and flash.img
	cmd   *exec.Cmd
	ended chan struct{}
	uart  *screen // the console port
	keys  io.Writer
	seen  int      // how much of uart a test has looked at
	hand  net.Conn // a shell inside the machine, that real boards do not have
	told  *screen  // what the hand says
	asked int
	*monitor
}

// flash makes the disk of a new board, with files for /data.
func flash(t *testing.T, files map[string]string) (dir string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "machine") // short, since socket names have a limit
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	data := filepath.Join(dir, "data")
	if err := os.Mkdir(data, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(data, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tool(t, "mke2fs", "-q", "-t", "ext4", "-b", "4096", "-d", data, filepath.Join(dir, "flash.img"), "16M")
	return dir
}

// sbin finds a program of the host also where daemons are kept.
func sbin(name string) string {
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	return "/usr/sbin/" + name
}

// tool runs a program of the host, and wants exit status 0.
func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.Command(sbin(name), args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, out, &stderr)
	}
	return string(out)
}

// powerOn starts a machine on the disk in dir, with more devices.
func powerOn(t *testing.T, dir string, devices ...string) *machine {
	t.Helper()
	from := parts(t)
	return start(t, dir, slices.Concat([]string{
		"-kernel", filepath.Join(from, "debian/vmlinuz"), "-initrd", filepath.Join(from, "initrd"), "-append", "console=ttyAMA0 panic=1 quiet HAND=ttyS1",
	}, devices))
}

// start starts a machine on the disk in dir, with what it boots.
func start(t *testing.T, dir string, more []string) *machine {
	t.Helper()
	m := &machine{t: t, dir: dir, ended: make(chan struct{}), uart: &screen{}, told: &screen{}}
	for _, s := range []string{"line", "hand", "monitor"} {
		os.Remove(m.socket(s))
	}
	args := []string{"-M", "virt,highmem=off", "-cpu", "cortex-a7", "-smp", "1", "-m", "128",
		"-display", "none", "-monitor", "none", "-serial", "stdio",
		"-device", "qemu-xhci",
		"-chardev", "socket,id=m0,server=on,wait=off,path=" + m.socket("line"), "-device", "pci-serial,chardev=m0",
		"-chardev", "socket,id=h0,server=on,wait=off,path=" + m.socket("hand"), "-device", "pci-serial,chardev=h0",
		"-netdev", "user,id=n0", "-device", "virtio-net-pci,netdev=n0,romfile=",
		"-qmp", "unix:" + m.socket("monitor") + ",server=on,wait=off"}
	m.cmd = exec.Command("qemu-system-arm", slices.Concat(args, disk(t, dir), more)...)
	m.cmd.Stdout, m.cmd.Stderr = m.uart, m.uart
	keys, err := m.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	m.keys = keys
	if err := m.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		m.cmd.Wait()
		close(m.ended)
	}()
	t.Cleanup(func() {
		m.cut()
		if t.Failed() {
			t.Logf("the console port said:\n%s\nthe hand said:\n%s", m.uart.tail(), m.told.tail())
		}
	})
	m.monitor = newMonitor(t, m.dial("monitor"))
	m.hand = m.dial("hand")
	go io.Copy(m.told, m.hand)
	t.Cleanup(m.showLog)
	return m
}

// showLog has the hand show the log when a test has failed.
func (m *machine) showLog() {
	select {
	case <-m.ended:
		return
	default:
	}
	if m.t.Failed() && m.hand != nil {
		from := m.told.len()
		fmt.Fprintln(m.hand, "logread 2>/dev/null | tail -n 20; journalctl --namespace meterd --no-pager -n 20 2>/dev/null; echo =shown=")
		for end := time.Now().Add(20 * time.Second); time.Now().Before(end) && m.told.find(regexp.MustCompile("\n=shown="), from) == nil; time.Sleep(50 * time.Millisecond) {
		}
	}
}

func (m *machine) socket(name string) string { return filepath.Join(m.dir, name+".sock") }

// dial connects to one of the machine's sockets as soon as it is there.
func (m *machine) dial(name string) net.Conn {
	m.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		c, err := net.Dial("unix", m.socket(name))
		if err == nil {
			m.t.Cleanup(func() { c.Close() })
			return c
		}
		select {
		case <-m.ended:
			m.t.Fatalf("qemu ended: %s", m.uart.tail())
		default:
		}
		if time.Now().After(end) {
			m.t.Fatal(err)
		}
	}
}

// cut takes the power away: what the machine had not written is gone.
func (m *machine) cut() {
	m.cmd.Process.Kill()
	<-m.ended
}

// wait waits until something holds, and fails when the machine ends before.
func (m *machine) wait(what string, ok func() bool) {
	m.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if ok() {
			return
		}
		select {
		case <-m.ended:
			m.t.Fatalf("the machine ended before: %s", what)
		default:
		}
	}
	m.t.Fatalf("not within %v: %s", patience, what)
}

// ready waits until init has given us the hand.
func (m *machine) ready() {
	m.t.Helper()
	m.wait("a shell on the second port", func() bool { return m.told.find(regexp.MustCompile(`# (\x1b\[6n)?$`), 0) != nil })
	fmt.Fprint(m.hand, "stty -echo; PS1=\n")
	m.do("true")
}

// do runs a command inside, and wants exit status 0.
func (m *machine) do(command string) string {
	m.t.Helper()
	out, status := m.try(command)
	if status != "0" {
		m.t.Fatalf("%s: exit status %s: %s", command, status, out)
	}
	return out
}

// try runs a command inside. The status is "" when the machine ended before.
func (m *machine) try(command string) (out, status string) {
	m.t.Helper()
	m.asked++
	from := m.told.len()
	fmt.Fprintf(m.hand, "%s\necho \"=%d=$?=\"\n", command, m.asked)
	mark := regexp.MustCompile(fmt.Sprintf(`(?s)^(.*)=%d=(\d+)=\r?\n`, m.asked))
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if found := m.told.find(mark, from); found != nil {
			return strings.ReplaceAll(found[1], "\r\n", "\n"), found[2]
		}
		select {
		case <-m.ended:
			return "", ""
		default:
		}
	}
	m.t.Fatalf("no answer to %s", command)
	return "", ""
}

// screen keeps what came from the machine.
type screen struct {
	mu   sync.Mutex
	text []byte
}

func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text = append(s.text, b...)
	return len(b), nil
}

func (s *screen) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.text)
}

// find looks for a pattern after the first n bytes.
func (s *screen) find(p *regexp.Regexp, n int) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return p.FindStringSubmatch(string(s.text[n:]))
}

// forget drops what came so far, as from an earlier start.
func (s *screen) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text = nil
}

func (s *screen) from(n int) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.text[n:])
}

func (s *screen) tail() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.text[max(0, len(s.text)-3000):])
}
