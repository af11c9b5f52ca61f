package board

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Pattern is what an LED shows: how long it is on and off in turn, over and
// over. An empty one is off, one of a single time is on.
type Pattern []time.Duration

// What a person at the board is to see.
var (
	Dark    = Pattern{}
	Working = Pattern{100 * time.Millisecond, 100 * time.Millisecond}
	Done    = Pattern{time.Hour}
	Refused = Pattern{200 * time.Millisecond, 200 * time.Millisecond, 200 * time.Millisecond, 200 * time.Millisecond, 200 * time.Millisecond, time.Second}
)

// LED is a light under /sys/class/leds. A nil one shows nothing.
type LED struct {
	dir  string
	show chan Pattern
}

// NewLED takes the light of that name; Run must run.
func NewLED(name string) (*LED, error) { return newLED(filepath.Join("/sys/class/leds", name)) }

func newLED(dir string) (*LED, error) {
	if _, err := os.Stat(filepath.Join(dir, "brightness")); err != nil {
		return nil, fmt.Errorf("board: no LED: %w", err)
	}
	return &LED{dir: dir, show: make(chan Pattern, 1)}, nil
}

// Show has the pattern shown from now on.
func (l *LED) Show(p Pattern) {
	if l == nil {
		return
	}
	select {
	case <-l.show: // one that was not taken yet
	default:
	}
	select {
	case l.show <- p:
	default: // somebody else was quicker
	}
}

// Run shows the patterns until the context ends, then gives the light back
// to what it showed before.
func (l *LED) Run(ctx context.Context) error {
	trigger := l.trigger()
	if err := l.put("trigger", "none"); err != nil {
		return fmt.Errorf("board: LED: %w", err)
	}
	defer func() {
		l.put("brightness", "0")
		if trigger != "" {
			l.put("trigger", trigger)
		}
	}()
	var p Pattern
	at := 0
	for {
		wait := time.Hour
		if len(p) > 0 {
			wait = p[at%len(p)]
		}
		l.light(len(p) > 0 && at%2 == 0)
		select {
		case <-ctx.Done():
			return nil
		case p = <-l.show:
			at = 0
		case <-time.After(wait):
			if at++; len(p) == 1 || at == len(p) {
				at = 0
			}
		}
	}
}

func (l *LED) light(on bool) {
	value := "0"
	if on {
		value = "1"
		if b, err := os.ReadFile(filepath.Join(l.dir, "max_brightness")); err == nil {
			value = strings.TrimSpace(string(b))
		}
	}
	l.put("brightness", value) // a light that fails is no reason for anything
}

// trigger gives the one in brackets: "none [heartbeat] mmc0".
func (l *LED) trigger() string {
	b, err := os.ReadFile(filepath.Join(l.dir, "trigger"))
	if err != nil {
		return ""
	}
	_, rest, _ := strings.Cut(string(b), "[")
	name, _, _ := strings.Cut(rest, "]")
	return name
}

func (l *LED) put(file, value string) error {
	return os.WriteFile(filepath.Join(l.dir, file), []byte(value), 0o644)
}
