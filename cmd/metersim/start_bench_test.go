package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"meterd/dlt645"
	"meterd/dlt645/dlt645test"
)

// BenchmarkStartOnPty measures the time from the process's start to its first
// request on the line, on a ring that is there already.
func BenchmarkStartOnPty(b *testing.B) {
	binary := buildDaemon(b)
	l := newBenchLine(b, dlt645test.NewMeter(benchMeter, 3))
	config := writeStartConfig(b, l.path, []dlt645.Address{benchMeter})
	var took []time.Duration
	start := func() {
		time.Sleep(time.Second) // the answer to the one before has passed
		l.take()
		began := time.Now()
		cmd := exec.Command(binary, "run", "-config", config)
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		var came time.Time
		for end := began.Add(20 * time.Second); came.IsZero(); time.Sleep(time.Millisecond) {
			if events := l.take(); len(events) > 0 {
				came = events[0].Came
			} else if time.Now().After(end) {
				b.Fatal("no request")
			}
		}
		took = append(took, came.Sub(began))
		cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			b.Fatal(err)
		}
	}
	start() // makes the ring
	took = nil
	for b.Loop() {
		start()
	}
	slices.Sort(took)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(took[len(took)/2].Milliseconds()), "ms-to-first-request-p50")
	b.ReportMetric(float64(took[len(took)-1].Milliseconds()), "ms-to-first-request-max")
}

func writeStartConfig(b *testing.B, port string, meters []dlt645.Address) string {
	dir := b.TempDir()
	var t strings.Builder
	fmt.Fprintf(&t, "[gateway]\nid = \"bench\"\n[store]\npath = %q\nsize = \"64MiB\"\n[console]\nsocket = %q\n[usb]\nenable = false\n", filepath.Join(dir, "ring"), filepath.Join(dir, "sock"))
	fmt.Fprintf(&t, "[[bus]]\nname = \"b1\"\nport = %q\nbaud = %d\n", port, benchBaud)
	for _, a := range meters {
		fmt.Fprintf(&t, "[[meter]]\nname = \"%s\"\nbus = \"b1\"\naddress = \"%s\"\nprofile = \"three-phase\"\n", a, a)
	}
	path := filepath.Join(dir, "meterd.toml")
	if err := os.WriteFile(path, []byte(t.String()), 0o600); err != nil {
		b.Fatal(err)
	}
	return path
}
