package dlt645test

import (
	"io"
	"sync"
	"time"
)

// Pipe gives the two ends of a port without a kernel: what is written to one
// is read from the other. Time-outs use package time alone, so a test in a
// synctest bubble gets exact times.
func Pipe() (a, b *End) {
	ab, ba := make(chan []byte, 4096), make(chan []byte, 4096)
	closed := make(chan struct{})
	once := &sync.Once{}
	return &End{in: ba, out: ab, timeout: -1, closed: closed, once: once},
		&End{in: ab, out: ba, timeout: -1, closed: closed, once: once}
}

// End is one end of a Pipe. One goroutine reads from it, one writes.
type End struct {
	in, out chan []byte
	rest    []byte
	timeout time.Duration
	closed  chan struct{}
	once    *sync.Once
}

// SetReadTimeout bounds each Read; a negative one does not. A Read that
// times out gives 0 and no error, as a serial port's does.
func (e *End) SetReadTimeout(d time.Duration) error {
	e.timeout = d
	return nil
}

// Pause sleeps.
func (e *End) Pause(d time.Duration) { time.Sleep(d) }

// Read gives all that has come, as a port does, waiting for it as long as the
// time-out says.
func (e *End) Read(p []byte) (n int, err error) {
	if len(e.rest) == 0 {
		b, err := e.wait()
		if err != nil || b == nil {
			return 0, err
		}
		e.rest = b
	}
	for {
		some := copy(p[n:], e.rest)
		n, e.rest = n+some, e.rest[some:]
		if n == len(p) {
			return n, nil
		}
		select {
		case e.rest = <-e.in:
		default:
			return n, nil
		}
	}
}

func (e *End) wait() ([]byte, error) {
	select {
	case b := <-e.in:
		return b, nil
	default:
	}
	var expired <-chan time.Time
	switch {
	case e.timeout == 0:
		return nil, nil
	case e.timeout > 0:
		t := time.NewTimer(e.timeout)
		defer t.Stop()
		expired = t.C
	}
	select {
	case b := <-e.in:
		return b, nil
	case <-expired:
		return nil, nil
	case <-e.closed:
		return nil, io.EOF
	}
}

// Write hands bytes to the other end at once.
func (e *End) Write(p []byte) (int, error) {
	select {
	case <-e.closed:
		return 0, io.ErrClosedPipe
	case e.out <- append([]byte(nil), p...):
		return len(p), nil
	}
}

// Close ends both ends.
func (e *End) Close() error {
	e.once.Do(func() { close(e.closed) })
	return nil
}
