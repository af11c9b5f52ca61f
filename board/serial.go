package board

import (
	"errors"
	"fmt"
	"os"
	"time"

	"go.bug.st/serial"
	"golang.org/x/sys/unix"
)

// SerialConfig is how a port is used. Bytes have 8 bits and one stop bit.
type SerialConfig struct {
	Path   string // a device
	Baud   int    // bits a second
	Parity string // "even", "none", "odd"
	// RS485 is how the line is turned from receiving to sending: "auto" or "":
	// the hardware does; "kernel": its driver does (TIOCSRS485);
	// "gpio:CHIP:LINE": we do, by that pin.
	RS485 string
}

// Parities are the names that SerialConfig takes.
var Parities = []string{"even", "none", "odd"}

// ErrLocked says that another program holds the port.
var ErrLocked = errors.New("board: the port is in use by another program")

// Serial is an open serial port in raw mode, locked against other programs.
type Serial struct {
	serial.Port
	// own is our own descriptor of the port. It carries the lock, and writes:
	// the library's write blocks for ever when the line does not take bytes.
	own  *os.File
	turn pin // nil: the line turns by itself
	mode serial.Mode
}

// writeTimeout is how long a port may take to accept a request.
const writeTimeout = 2 * time.Second

// Write hands bytes to the port, or fails when it does not take them in time.
func (s *Serial) Write(b []byte) (int, error) {
	if err := s.own.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return 0, err
	}
	if s.turn == nil {
		return s.own.Write(b)
	}
	return s.writeTurned(b)
}

// writeTurned drives the line while the bytes leave, and not a moment longer:
// a meter may answer 20 ms after the last.
func (s *Serial) writeTurned(b []byte) (int, error) {
	if err := s.turn.SetValue(1); err != nil {
		return 0, fmt.Errorf("board: the line cannot be turned: %w", err)
	}
	n, err := s.own.Write(b)
	if err == nil {
		err = s.Port.Drain()
	}
	return n, errors.Join(err, s.turn.SetValue(0))
}

// SetBaud changes the rate.
func (s *Serial) SetBaud(baud int) error {
	s.mode.BaudRate = baud
	return s.SetMode(&s.mode)
}

// OpenSerial opens and locks a port. Exclusive access (TIOCEXCL) does not
// keep root out, so the device is locked with flock as well.
func OpenSerial(c SerialConfig) (*Serial, error) {
	own, err := os.OpenFile(c.Path, os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("board: %w", err)
	}
	if err := flock(own); err != nil {
		own.Close()
		return nil, fmt.Errorf("%w: %s", err, c.Path)
	}
	turn, err := turnBy(c.RS485, own)
	if err != nil {
		own.Close()
		return nil, fmt.Errorf("board: port %s: %w", c.Path, err)
	}
	mode := serial.Mode{BaudRate: c.Baud, DataBits: 8, Parity: parity(c.Parity), StopBits: serial.OneStopBit}
	p, err := serial.Open(c.Path, &mode)
	if err != nil {
		if turn != nil {
			turn.Close()
		}
		own.Close()
		return nil, fmt.Errorf("board: port %s: %w", c.Path, err)
	}
	return &Serial{Port: p, own: own, turn: turn, mode: mode}, nil
}

func flock(f *os.File) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return fmt.Errorf("board: %w", err)
	}
	var failed error
	if err := raw.Control(func(fd uintptr) { failed = unix.Flock(int(fd), unix.LOCK_EX|unix.LOCK_NB) }); err != nil {
		return fmt.Errorf("board: %w", err)
	}
	if errors.Is(failed, unix.EWOULDBLOCK) {
		return ErrLocked
	}
	return failed
}

func parity(name string) serial.Parity {
	switch name {
	case "none":
		return serial.NoParity
	case "odd":
		return serial.OddParity
	}
	return serial.EvenParity
}

// Close closes the port and gives up the lock.
func (s *Serial) Close() error {
	err := s.Port.Close()
	if s.turn != nil {
		err = errors.Join(err, s.turn.Close())
	}
	return errors.Join(err, s.own.Close())
}
