package board

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"go.bug.st/serial"
)

// wire notes in which order the pin and the bytes move.
type wireLog struct{ moves []string }

type loggedPin struct {
	*wireLog
	fails bool
}

func (p loggedPin) SetValue(v int) error {
	p.moves = append(p.moves, fmt.Sprint("pin ", v))
	if p.fails {
		return errors.New("no such line")
	}
	return nil
}
func (p loggedPin) Close() error { return nil }

type drainedPort struct {
	serial.Port
	*wireLog
}

func (p drainedPort) Drain() error {
	p.moves = append(p.moves, "drained")
	return nil
}

func TestThePinDrivesTheLineWhileBytesLeave(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	log := &wireLog{}
	s := &Serial{Port: drainedPort{nil, log}, own: int(w.Fd()), turn: loggedPin{log, false}}
	if n, err := s.Write([]byte{1, 2}); n != 2 || err != nil {
		t.Errorf("wrote %d, %v", n, err)
	}
	if want := []string{"pin 1", "drained", "pin 0"}; !slices.Equal(log.moves, want) {
		t.Errorf("got %v, want %v", log.moves, want)
	}
	s.turn = loggedPin{log, true}
	if _, err := s.Write([]byte{1}); err == nil || !strings.Contains(err.Error(), "cannot be turned") {
		t.Errorf("a pin that fails: %v", err)
	}
}

func TestPinsAndDriversThatAreNotThere(t *testing.T) {
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	defer slave.Close()
	for how, want := range map[string]string{
		"kernel": "TIOCSRS485", "gpio:gpiochip0": "write it as gpiochip0:17", "gpio:nochip:3": "nochip",
	} {
		_, err := OpenSerial(SerialConfig{Path: slave.Name(), Baud: 2400, Parity: "even", RS485: how})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", how, err, want)
		}
	}
	p, err := OpenSerial(SerialConfig{Path: slave.Name(), Baud: 2400, Parity: "even", RS485: "auto"})
	if err != nil {
		t.Fatalf("after the failures: %v", err)
	}
	defer p.Close()
	if err := p.SetBaud(1200); err != nil {
		t.Error(err)
	}
	if err := p.SetReadTimeout(time.Millisecond); err != nil {
		t.Error(err)
	}
}
