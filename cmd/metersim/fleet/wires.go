package fleet

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// wires are the connections of all boards. They count, and they can lose their
// power: then nothing comes or goes on them any more, and the brokers are not
// told, as when the boards themselves are dark.
type wires struct {
	in, out Tally // as the boards see them

	mu       sync.Mutex
	dark     bool            // guarded by mu
	open     map[*wire]bool  // guarded by mu
	stale    []net.Conn      // of boards that were cut: the brokers hold them for alive; guarded by mu
	began    time.Time       // since when is counted; guarded by mu
	dialled  int             // attempts to connect since then; guarded by mu
	failed   int             // of them; guarded by mu
	admitted []time.Duration // when a broker first answered on each connection; guarded by mu
}

func newWires() *wires { return &wires{open: map[*wire]bool{}, began: time.Now()} }

var errDark = errors.New("there is no power")

// dial reaches a broker for a board.
func (w *wires) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	w.mu.Lock()
	dark := w.dark
	w.dialled++
	w.mu.Unlock()
	if dark {
		return nil, errDark
	}
	c, err := (&net.Dialer{Timeout: 10 * time.Second}).DialContext(ctx, network, addr)
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		w.failed++
		return nil, err
	}
	one := &wire{Conn: c, of: w, in: Stream{Of: &w.in}, out: Stream{Of: &w.out}, over: make(chan struct{})}
	one.dark.Store(w.dark)
	w.open[one] = true
	return one, nil
}

// cut takes the power.
func (w *wires) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dark = true
	for one := range w.open {
		one.dark.Store(true)
	}
}

// restore gives the power back, and counts anew.
func (w *wires) restore(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dark, w.began, w.dialled, w.failed, w.admitted = false, now, 0, 0, nil
}

// fill tells what the brokers had to bear since the power is back.
func (w *wires) fill(s *Storm) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s.Peak, s.Attempts, s.Failed = peak(slices.Sorted(slices.Values(w.admitted))), w.dialled, w.failed
	for _, c := range w.stale {
		c.Close()
	}
	w.stale = nil
}

// peak is the most of some moments, in their order, that fall into one second.
func peak(at []time.Duration) (most int) {
	first := 0
	for last := range at {
		for at[last]-at[first] >= time.Second {
			first++
		}
		most = max(most, last-first+1)
	}
	return most
}

// close ends what the brokers still hold for alive.
func (w *wires) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.stale {
		c.Close()
	}
	w.stale = nil
}

// wire is a connection of one board.
type wire struct {
	net.Conn
	of       *wires
	in       Stream // owned by the reader
	out      Stream // owned by the writer, of which the library has one
	dark     atomic.Bool
	answered bool // owned by the reader
	closing  sync.Once
	over     chan struct{} // closed by Close
}

func (c *wire) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.dark.Load() { // whatever came finds nobody
		<-c.over
		return 0, net.ErrClosed
	}
	c.in.Write(b[:n])
	if n > 0 && !c.answered {
		c.answered = true
		c.of.mu.Lock()
		c.of.admitted = append(c.of.admitted, time.Since(c.of.began))
		c.of.mu.Unlock()
	}
	return n, err
}

func (c *wire) Write(b []byte) (int, error) {
	if c.dark.Load() {
		return len(b), nil
	}
	n, err := c.Conn.Write(b)
	c.out.Write(b[:n])
	return n, err
}

// Close ends it; without power the broker is not told.
func (c *wire) Close() (err error) {
	c.closing.Do(func() {
		close(c.over)
		c.of.mu.Lock()
		delete(c.of.open, c)
		if c.dark.Load() {
			c.of.stale = append(c.of.stale, c.Conn)
		}
		c.of.mu.Unlock()
		if c.dark.Load() {
			err = c.Conn.SetReadDeadline(time.Now()) // wakes who reads
			return
		}
		err = c.Conn.Close()
	})
	return err
}
