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
	// the library's write blocks for ever when the line does not take bytes. It
	// is none that the runtime waits on: that wakes for each byte that comes, even
	// while nobody reads.
	own  int
	turn pin // nil: the line turns by itself
	mode serial.Mode
}

// writeTimeout is how long a port may take to accept a request.
const writeTimeout = 2 * time.Second

// Write hands bytes to the port, or fails when it does not take them in time.
func (s *Serial) Write(b []byte) (int, error) {
	if s.turn == nil {
		return s.hand(b)
	}
	return s.writeTurned(b)
}

// hand gives bytes to the driver.
func (s *Serial) hand(b []byte) (n int, err error) {
	end := time.Now().Add(writeTimeout)
	for n < len(b) {
		some, err := unix.Write(s.own, b[n:])
		switch {
		case err == nil:
			n += some
			continue
		case err == unix.EINTR:
			continue
		case err != unix.EAGAIN:
			return n, fmt.Errorf("board: write: %w", err)
		}
		left := time.Until(end)
		if left <= 0 {
			return n, fmt.Errorf("board: write: %w", os.ErrDeadlineExceeded)
		}
		fds := []unix.PollFd{{Fd: int32(s.own), Events: unix.POLLOUT}}
		if _, err := unix.Poll(fds, int(left.Milliseconds())+1); err != nil && err != unix.EINTR {
			return n, fmt.Errorf("board: write: %w", err)
		}
	}
	return n, nil
}

// writeTurned drives the line while the bytes leave, and not a moment longer:
// a meter may answer 20 ms after the last.
func (s *Serial) writeTurned(b []byte) (int, error) {
	if err := s.turn.SetValue(1); err != nil {
		return 0, fmt.Errorf("board: the line cannot be turned: %w", err)
	}
	n, err := s.hand(b)
	if err == nil {
		err = s.Port.Drain()
	}
	return n, errors.Join(err, s.turn.SetValue(0))
}

// Pause sleeps, to a tenth of a millisecond: the runtime's timers are counted in
// whole ones while nothing else goes on.
func (s *Serial) Pause(d time.Duration) {
	end := time.Now().Add(d)
	for d > 0 {
		left := unix.NsecToTimespec(d.Nanoseconds())
		if unix.Nanosleep(&left, nil) == nil {
			return
		}
		d = time.Until(end) // a signal came
	}
}

// SetBaud changes the rate.
func (s *Serial) SetBaud(baud int) error {
	s.mode.BaudRate = baud
	return s.SetMode(&s.mode)
}

// OpenSerial opens and locks a port. Exclusive access (TIOCEXCL) does not
// keep root out, so the device is locked with flock as well.
func OpenSerial(c SerialConfig) (*Serial, error) {
	own, err := unix.Open(c.Path, unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("board: %w", &os.PathError{Op: "open", Path: c.Path, Err: err})
	}
	if err := flock(own); err != nil {
		unix.Close(own)
		return nil, fmt.Errorf("%w: %s", err, c.Path)
	}
	turn, err := turnBy(c.RS485, own)
	if err != nil {
		unix.Close(own)
		return nil, fmt.Errorf("board: port %s: %w", c.Path, err)
	}
	mode := serial.Mode{BaudRate: c.Baud, DataBits: 8, Parity: parity(c.Parity), StopBits: serial.OneStopBit}
	p, err := serial.Open(c.Path, &mode)
	if err != nil {
		if turn != nil {
			turn.Close()
		}
		unix.Close(own)
		return nil, fmt.Errorf("board: port %s: %w", c.Path, err)
	}
	return &Serial{Port: p, own: own, turn: turn, mode: mode}, nil
}

func flock(fd int) error {
	err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return ErrLocked
	}
	return err
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
	err = errors.Join(err, unix.Close(s.own))
	s.own = -1 // the number may be another file's by now
	return err
}
