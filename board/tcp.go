package board

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// tcpScheme begins the name of a port behind a transparent serial server.
const tcpScheme = "tcp://"

// IsTCP reports whether a port is behind a serial server.
func IsTCP(port string) bool { return strings.HasPrefix(port, tcpScheme) }

// TCP is a port behind a transparent serial server, which hands bytes through
// as they come. Its rate and parity are the server's.
type TCP struct {
	net.Conn
	wait time.Duration
}

// dialTimeout bounds the connect to a serial server.
const dialTimeout = 3 * time.Second

// unacknowledged is how long a server may leave our bytes without a word.
const unacknowledged = 30 * time.Second

// OpenTCP connects to "tcp://host:port".
func OpenTCP(port string) (*TCP, error) {
	d := net.Dialer{Timeout: dialTimeout, KeepAlive: 15 * time.Second, Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { // what the server does not acknowledge ends the connection; a kernel without it has keepalive
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(unacknowledged.Milliseconds()))
		})
	}}
	c, err := d.Dial("tcp", strings.TrimPrefix(port, tcpScheme))
	if err != nil {
		return nil, fmt.Errorf("board: serial server: %w", err)
	}
	return &TCP{Conn: c}, nil
}

// CheckTCP reports what is wrong with the name of a serial server.
func CheckTCP(port string) error {
	host, number, err := net.SplitHostPort(strings.TrimPrefix(port, tcpScheme))
	if err != nil || host == "" || number == "" {
		return fmt.Errorf("%q lacks host or port: write tcp://host:port", port)
	}
	return nil
}

// SetReadTimeout says how long Read waits.
func (t *TCP) SetReadTimeout(d time.Duration) error {
	t.wait = d
	return nil
}

// leastWait lets Read take what is there: a deadline that is past would have
// it look at nothing.
const leastWait = time.Millisecond

// Read gives 0 and no error when the time-out passes.
func (t *TCP) Read(b []byte) (int, error) {
	if err := t.SetReadDeadline(time.Now().Add(max(t.wait, leastWait))); err != nil {
		return 0, err
	}
	n, err := t.Conn.Read(b)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = nil
	}
	return n, err
}

// Write hands bytes to the server, or fails when it does not take them.
func (t *TCP) Write(b []byte) (int, error) {
	if err := t.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return 0, err
	}
	return t.Conn.Write(b)
}
