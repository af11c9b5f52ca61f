package image

import (
	"bufio"
	"encoding/json"
	"net"
	"slices"
	"sync"
	"testing"
	"time"
)

// monitor speaks QMP: it plugs and pulls devices and tells of resets.
type monitor struct {
	t       *testing.T
	conn    net.Conn
	answers chan message

	mu     sync.Mutex
	events []string
}

// message is whatever the monitor says.
type message struct {
	Event string          `json:"event"`
	Error json.RawMessage `json:"error"`
	QMP   json.RawMessage `json:"QMP"`
}

func newMonitor(t *testing.T, conn net.Conn) *monitor {
	m := &monitor{t: t, conn: conn, answers: make(chan message, 16)}
	go m.listen()
	m.order("qmp_capabilities", map[string]any{})
	return m
}

func (m *monitor) listen() {
	defer close(m.answers)
	for lines := bufio.NewScanner(m.conn); lines.Scan(); {
		var msg message
		if err := json.Unmarshal(lines.Bytes(), &msg); err != nil || msg.QMP != nil {
			continue
		}
		if msg.Event == "" {
			m.answers <- msg
			continue
		}
		m.mu.Lock()
		m.events = append(m.events, msg.Event)
		m.mu.Unlock()
	}
}

// happened counts the events of a kind.
func (m *monitor) happened(event string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(slices.DeleteFunc(slices.Clone(m.events), func(e string) bool { return e != event }))
}

// order gives an order, and wants it done.
func (m *monitor) order(name string, args map[string]any) {
	m.t.Helper()
	b, err := json.Marshal(map[string]any{"execute": name, "arguments": args})
	if err == nil {
		_, err = m.conn.Write(b)
	}
	if err != nil {
		m.t.Fatal(err)
	}
	select {
	case msg := <-m.answers:
		if msg.Error != nil {
			m.t.Fatalf("%s: %s", b, msg.Error)
		}
	case <-time.After(patience):
		m.t.Fatalf("%s: no answer", b)
	}
}
