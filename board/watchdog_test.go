package board

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// runDog runs a watchdog in the bubble, on a plain file in the device's
// place. It gives how many bytes were fed so far.
func runDog(t *testing.T, w *Watchdog) (fed func() int, stop func() error) {
	t.Helper()
	if w.Path == "" {
		w.Path = filepath.Join(t.TempDir(), "watchdog")
		if err := os.WriteFile(w.Path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	synctest.Wait()
	fed = func() int {
		synctest.Wait()
		b, err := os.ReadFile(w.Path)
		if err != nil {
			t.Fatal(err)
		}
		return len(b)
	}
	return fed, func() error {
		cancel()
		return <-done
	}
}

func TestTheDogIsFedWhileAllLoopsGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var beats Beats
		line, uplink := beats.Add("bus b1", time.Minute), beats.Add("uplink u", 3*time.Minute)
		var hangs []Hang
		w := &Watchdog{Beats: &beats, Hung: func(h Hang, yes bool) {
			if yes {
				hangs = append(hangs, h)
			}
		}}
		fed, stop := runDog(t, w)
		time.Sleep(time.Second) // nothing happens at the moment of a look
		for range 10 {
			time.Sleep(time.Minute)
			line.Alive()
			uplink.Alive()
		}
		if got, want := fed(), 1+10*60/5; got != want {
			t.Errorf("fed %d times in 10 minutes, want %d", got, want)
		}
		before := fed()
		// The uplink goes on, the line does not.
		for range 4 {
			time.Sleep(30 * time.Second)
			uplink.Alive()
		}
		if got := fed() - before; got != 13 {
			t.Errorf("fed %d times while the line was silent for two minutes, want 13: for one", got)
		}
		if len(hangs) != 1 || hangs[0].Loop != "bus b1" || hangs[0].Silent != 65 {
			t.Errorf("told of %+v, want the line after 65 s", hangs)
		}
		if s := w.State(); s.Hung != "bus b1" {
			t.Errorf("state tells of %q", s.Hung)
		}
		// It goes on before the dog has bitten.
		line.Alive()
		time.Sleep(5 * time.Second)
		if got := fed() - before; got != 14 || w.State().Hung != "" {
			t.Errorf("fed %d times, state tells of %q: want 14 and none", got, w.State().Hung)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
		b, _ := os.ReadFile(w.Path)
		if n := strings.Count(string(b), "V"); n != 1 || b[len(b)-1] != 'V' {
			t.Errorf("%d magic closes, the last byte is %q: want one, last", n, b[len(b)-1])
		}
	})
}

func TestALoopThatHasEndedIsNotMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var beats Beats
		beats.Remove(beats.Add("bus b1", time.Minute))
		fed, stop := runDog(t, &Watchdog{Beats: &beats})
		time.Sleep(10 * time.Minute)
		if got := fed(); got != 121 {
			t.Errorf("fed %d times, want 121", got)
		}
		stop()
	})
}

// TestTheWholeStandsStill: a stopped program, a suspended board. The dog would
// have bitten; if it did not, no single loop is to blame.
func TestTheWholeStandsStill(t *testing.T) {
	var beats Beats
	beats.Add("bus b1", time.Minute)
	if h, hangs := beats.look(2 * mostLook); hangs {
		t.Error(h)
	}
	for i := range 5 {
		if h, hangs := beats.look(2 * mostLook); hangs {
			t.Fatalf("look %d: %+v", i, h)
		}
	}
	if _, hangs := beats.look(2 * mostLook); !hangs {
		t.Error("70 s of silence are not seen")
	}
}

func TestWithoutAnyDogAHungLoopEndsTheProgram(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var beats Beats
		beats.Add("ring", time.Minute)
		forever := make(chan struct{})
		defer close(forever)
		w := &Watchdog{Path: filepath.Join(t.TempDir(), "none"), Beats: &beats, Hung: func(Hang, bool) { <-forever }} // it is the flash
		began := time.Now()
		if err := w.Run(t.Context()); !errors.Is(err, ErrHung) {
			t.Errorf("got %v, want ErrHung", err)
		}
		if took := time.Since(began); took != 70*time.Second {
			t.Errorf("after %v, want 65 s and 5 s for the reason", took)
		}
		if w.State().Err == "" || w.State().Device != "" {
			t.Errorf("state %+v does not tell that there is no device", w.State())
		}
	})
}

func TestSystemdIsToldAndFed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "1000000")
	t.Setenv("WATCHDOG_PID", "")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- (&Watchdog{Beats: &Beats{}}).Run(ctx) }()
	if err := Notify("READY=1"); err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	buf := make([]byte, 100)
	for got["WATCHDOG=1"] < 2 {
		n, err := c.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		got[string(buf[:n])]++
	}
	cancel()
	if err := <-done; err != nil || got["READY=1"] != 1 {
		t.Errorf("%v, told %v", err, got)
	}
	t.Setenv("WATCHDOG_PID", "1")
	if d := SystemdWatchdog(); d != 0 {
		t.Errorf("the watchdog of another process is fed every %v", d)
	}
}

func TestWriteFileKeepsLinksAndLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	link, target := filepath.Join(dir, "link"), filepath.Join(dir, "target")
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"one", "two"} {
		if text == "two" { // a power cut has left half of one
			if err := os.WriteFile(filepath.Join(dir, ".target.new"), []byte("half of a longer one"), 0o600); err != nil {
				t.Fatal(err)
			}
		} else if err := os.WriteFile(target, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := WriteFile(link, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(target); err != nil || string(b) != text {
			t.Errorf("%q, %v", b, err)
		}
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Error("the link is gone", err)
	}
	if all, _ := os.ReadDir(dir); len(all) != 2 {
		t.Errorf("%d files, want 2", len(all))
	}
	if err := RemoveFile(filepath.Join(dir, "none")); err != nil {
		t.Error(err)
	}
}
