package board

import (
	"context"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestThePowerSignal(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	came := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		OnPowerSignal(ctx, func() { came <- struct{}{} })
	}()
	for got := false; !got; { // until the signal is listened for
		if err := unix.Kill(os.Getpid(), unix.SIGPWR); err != nil {
			t.Fatal(err)
		}
		select {
		case <-came:
			got = true
		default:
		}
	}
	cancel()
	for {
		select {
		case <-came:
			continue
		case <-done:
			return
		}
	}
}

func TestAPinThatIsNotThere(t *testing.T) {
	for _, pin := range []string{"gpiochip99:1", "17", "gpiochip0:x"} {
		if err := OnFallingEdge(t.Context(), pin, func() {}); err == nil {
			t.Errorf("%s is watched", pin)
		}
	}
}

func TestTheMemoryLimitFollowsTheBoard(t *testing.T) {
	for _, c := range []struct {
		meminfo string
		want    int64
	}{
		{"MemTotal:          57344 kB\nMemFree: 1 kB\n", 24 << 20}, // 64 MB, less the kernel
		{"MemTotal:         249856 kB\n", 61 << 20},
		{"MemTotal:        8000000 kB\n", 256 << 20},
		{"MemFree: 1 kB\n", 0}, {"MemTotal: x kB\n", 0},
	} {
		if got := memoryLimit(strings.NewReader(c.meminfo)); got != c.want {
			t.Errorf("%q: %d, want %d", c.meminfo, got, c.want)
		}
	}
}
