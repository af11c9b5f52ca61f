package uplinktest

import (
	"log/slog"
	"net"
	"sync"

	"github.com/mochi-mqtt/server/v2/listeners"
)

// listener takes the broker's connections. The server's own one ends its
// clients before it stops to listen, and then waits for ever for a client that
// came in between.
type listener struct {
	addr    string
	serving sync.WaitGroup

	mu    sync.Mutex
	l     net.Listener
	ended bool
	conns map[net.Conn]bool
}

func (l *listener) Init(*slog.Logger) (err error) {
	l.conns = map[net.Conn]bool{}
	l.l, err = net.Listen("tcp", l.addr)
	return err
}

func (l *listener) ID() string       { return "tcp" }
func (l *listener) Protocol() string { return "tcp" }
func (l *listener) Address() string  { return l.l.Addr().String() }

// Serve runs until Close.
func (l *listener) Serve(establish listeners.EstablishFn) {
	for {
		c, err := l.l.Accept()
		if err != nil {
			return
		}
		if !l.add(c) {
			c.Close()
			return
		}
		go func() {
			defer l.remove(c)
			establish("tcp", c)
		}()
	}
}

func (l *listener) add(c net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.ended {
		l.conns[c] = true
		l.serving.Add(1)
	}
	return !l.ended
}

func (l *listener) remove(c net.Conn) {
	c.Close()
	l.mu.Lock()
	delete(l.conns, c)
	l.mu.Unlock()
	l.serving.Done()
}

// Close stops to listen, ends all connections, and waits until they are
// forgotten.
func (l *listener) Close(listeners.CloseFn) {
	l.l.Close()
	l.mu.Lock()
	l.ended = true
	for c := range l.conns {
		c.Close()
	}
	l.mu.Unlock()
	l.serving.Wait()
}
