package console

import (
	"errors"
	"testing"
	"time"
)

func TestWrongPINsCostGrowingPauses(t *testing.T) {
	now := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	g := newGuard("4711")
	try := func(pin string) string {
		err := g.admit(now, "relay", pin)
		told, ok := errors.AsType[*Told](err)
		switch {
		case err == nil:
			return "in"
		case !ok:
			t.Fatalf("got %v", err)
		case told.Want == WantPIN:
			return "wrong"
		}
		return "pause"
	}
	step := func(after time.Duration, pin, want string) {
		t.Helper()
		now = now.Add(after)
		if got := try(pin); got != want {
			t.Errorf("at %v, PIN %q: got %s, want %s", now.Format(time.TimeOnly), pin, got, want)
		}
	}
	step(0, "", "wrong") // a question, no try
	step(0, "", "wrong")
	step(0, "", "wrong")
	step(0, "4711", "in")
	step(0, "1", "wrong")
	step(0, "47111", "wrong")
	step(0, "4711", "in") // which forgets the wrong ones
	step(0, "1", "wrong")
	step(0, "2", "wrong")
	step(0, "3", "wrong")
	step(0, "4711", "pause")
	step(29*time.Second, "4711", "pause")
	step(time.Second, "4", "wrong")
	step(59*time.Second, "4711", "pause")
	step(time.Second, "5", "wrong")
	step(119*time.Second, "", "pause")
	step(time.Second, "4711", "in")
	for range 40 {
		step(longestPause, "9", "wrong")
	}
	step(longestPause-time.Second, "4711", "pause")
	step(time.Second, "4711", "in")
	g = newGuard("")
	step(0, "", "in")
}
