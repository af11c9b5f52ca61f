package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"meterd/dlt645/dlt645test"
	"meterd/uplink/uplinktest"
)

const cpuBaud = 9600

// tally counts transactions, and how long lines were quiet between them.
type tally struct {
	n atomic.Int64

	mu    sync.Mutex
	quiet []time.Duration // guarded by mu
}

// cpuLine is a line with meters on a paced pty.
func cpuLine(b *testing.B, meters []*dlt645test.Meter, count *tally) (path string) {
	b.Helper()
	var passed time.Time // the last byte of an answer
	line := &dlt645test.Line{Baud: cpuBaud, Meters: meters, Tap: func(e dlt645test.Event) {
		if e.Frame.Control.Response() {
			passed = time.Now()
			count.n.Add(1)
			return
		}
		count.mu.Lock()
		defer count.mu.Unlock()
		count.quiet = append(count.quiet, e.Came.Sub(passed))
	}}
	return benchPty(b, line)
}

// usage is what a process has used of the processor so far.
type usage struct {
	cpu      time.Duration
	switches int
}

// usageOf reads it of a process with all of its threads.
func usageOf(b *testing.B, pid int) (u usage) {
	b.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	for _, f := range fields[11:13] { // utime and stime, in 1/100 s
		n, err := strconv.Atoi(f)
		if err != nil {
			b.Fatal(err)
		}
		u.cpu += time.Duration(n) * 10 * time.Millisecond
	}
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	for _, t := range threads {
		status, err := os.ReadFile(t)
		if err != nil {
			continue // it has ended
		}
		for _, l := range strings.Split(string(status), "\n") {
			if name, value, ok := strings.Cut(l, ":"); ok && strings.HasSuffix(name, "voluntary_ctxt_switches") {
				n, _ := strconv.Atoi(strings.TrimSpace(value))
				u.switches += n
			}
		}
	}
	return u
}

// BenchmarkCPUOnPty gives what 1,000 transactions at 9600 baud cost of the
// processor, beside two programs in C that do nothing else: one that wakes for
// each byte, and one that sleeps until bytes are due.
func BenchmarkCPUOnPty(b *testing.B) {
	bench := cpuBench{binary: buildDaemon(b), loop: filepath.Join(b.TempDir(), "loop")}
	if out, err := exec.Command("cc", "-O2", "-o", bench.loop, "testdata/loop.c").CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	bench.loops(b)
	for _, lines := range []int{1, 2, 8} {
		bench.daemon(b, lines, false)
	}
	bench.daemon(b, 2, true)
}

// armCompiler makes the C programs for the processor of a board.
const armCompiler = "arm-linux-gnueabihf-gcc"

// BenchmarkCPUOnPtyARM gives the same of ARM programs on an ARM processor in
// software, where only the ratio counts: it makes instructions dear, and the
// kernel, which is this machine's, cheap beside them.
func BenchmarkCPUOnPtyARM(b *testing.B) {
	for _, tool := range []string{armCompiler, "qemu-arm-static"} {
		if _, err := exec.LookPath(tool); err != nil {
			b.Skipf("%s is not there; apt-get install gcc-arm-linux-gnueabihf libc6-dev-armhf-cross qemu-user-static", tool)
		}
	}
	dir := b.TempDir()
	bench := cpuBench{under: []string{"qemu-arm-static"}, binary: filepath.Join(dir, "meterd"), loop: filepath.Join(dir, "loop")}
	build := exec.Command("go", "build", "-o", bench.binary, "meterd/cmd/meterd")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH=arm", "GOARM=7")
	for _, cmd := range []*exec.Cmd{build, exec.Command(armCompiler, "-O2", "-static", "-o", bench.loop, "testdata/loop.c")} {
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
	}
	bench.loops(b)
	bench.daemon(b, 1, false)
	bench.daemon(b, 2, false)
}

// cpuBench measures programs, and keeps what a transaction costs the bytewise one.
type cpuBench struct {
	under        []string // the program that runs them; none: the kernel
	binary, loop string
	bytewise     time.Duration // of 1,000 transactions
}

func (c *cpuBench) command(name string, args ...string) *exec.Cmd {
	all := slices.Concat(c.under, []string{name}, args)
	return exec.Command(all[0], all[1:]...)
}

// loops measures the programs in C.
func (c *cpuBench) loops(b *testing.B) {
	for _, how := range []string{"bytes", "due"} {
		b.Run("C-"+how, func(b *testing.B) {
			const n = 300
			var count tally
			path := cpuLine(b, newMeters(1, 3), &count)
			for b.Loop() {
				cmd := c.command(c.loop, path, strconv.Itoa(n), how)
				if err := cmd.Run(); err != nil {
					b.Fatal(err)
				}
				r := cmd.ProcessState.SysUsage().(*syscall.Rusage)
				cpu := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
				if how == "bytes" {
					c.bytewise = cpu * 1000 / n
				}
				b.ReportMetric(cpu.Seconds()*1000/n, "cpu-s/1000")
				b.ReportMetric(float64(r.Nvcsw+r.Nivcsw)/n, "switches/transaction")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// daemon measures the daemon, maybe with an uplink to a broker on this machine.
func (c *cpuBench) daemon(b *testing.B, lines int, uplink bool) {
	name := fmt.Sprintf("meterd-%d-lines", lines)
	if uplink {
		name += "-to-mosquitto"
	}
	b.Run(name, func(b *testing.B) {
		var count tally
		var buses, meters strings.Builder
		for l := range lines {
			there := newMeters(12, 3) // more than the line can do
			for i, m := range there {
				m.Address[1] = byte(l) // one of a kind
				fmt.Fprintf(&meters, "[[meter]]\nname = \"m%d %d\"\nbus = \"b%d\"\naddress = %q\nprofile = \"fast\"\n", l, i, l, m.Address)
			}
			fmt.Fprintf(&buses, "[[bus]]\nname = \"b%d\"\nport = %q\nbaud = %d\n", l, cpuLine(b, there, &count), cpuBaud)
		}
		dir := b.TempDir()
		config := filepath.Join(dir, "meterd.toml")
		text := fmt.Sprintf("[gateway]\nid = \"bench\"\n[store]\npath = %q\nsize = \"64MiB\"\n[console]\nsocket = %q\n[usb]\nenable = false\n", filepath.Join(dir, "ring"), filepath.Join(dir, "sock")) +
			"[[profile]]\nname = \"fast\"\n[[profile.poll]]\nevery = \"1s\"\npoints = [\"voltage\", \"current\"]\n" + buses.String() + meters.String()
		if uplink {
			m, err := uplinktest.SetMosquitto(b.TempDir(), map[string]string{"bench": "bench"})
			if err == nil {
				err = m.Start()
			}
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(m.Stop)
			text += fmt.Sprintf("[[uplink]]\nname = \"own\"\nkind = \"mqtt\"\nbroker = \"tcp://%s\"\nusername = \"bench\"\npassword = \"bench\"\n", m.Addr())
		}
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			cmd := c.command(c.binary, "run", "-config", config)
			if err := cmd.Start(); err != nil {
				b.Fatal(err)
			}
			for start := count.n.Load(); count.n.Load() < start+int64(100*lines); time.Sleep(10 * time.Millisecond) {
			}
			count.mu.Lock()
			count.quiet = nil
			count.mu.Unlock()
			before, from := usageOf(b, cmd.Process.Pid), count.n.Load()
			for count.n.Load() < from+int64(300*lines) {
				time.Sleep(10 * time.Millisecond)
			}
			after, n := usageOf(b, cmd.Process.Pid), count.n.Load()-from
			cmd.Process.Signal(syscall.SIGTERM)
			if err := cmd.Wait(); err != nil {
				b.Fatal(err)
			}
			cpu := (after.cpu - before.cpu) * 1000 / time.Duration(n)
			count.mu.Lock()
			slices.Sort(count.quiet)
			const gap = 30 * time.Millisecond // the configuration's usual
			b.ReportMetric(micros(count.quiet[len(count.quiet)/2]-gap), "µs-host-p50")
			b.ReportMetric(micros(count.quiet[len(count.quiet)*99/100]-gap), "µs-host-p99")
			count.mu.Unlock()
			b.ReportMetric(cpu.Seconds(), "cpu-s/1000")
			b.ReportMetric(cpu.Seconds()/c.bytewise.Seconds(), "of-C-bytes")
			b.ReportMetric(float64(after.switches-before.switches)/float64(n), "switches/transaction")
		}
		b.ReportMetric(0, "ns/op")
	})
}
