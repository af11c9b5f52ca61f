package site

import (
	"sync"
	"testing"

	"meterd/dlt645"
	"meterd/meter"
)

// Line is a line as an uplink sees it: which meters answer.
type Line struct {
	mu     sync.Mutex
	states []meter.MeterState // guarded by mu
}

// Meters gives the meters, as they are now.
func (l *Line) Meters() []meter.MeterState {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.states
}

// Set has a meter be the only one that was asked, and answer or not.
func (l *Line) Set(a dlt645.Address, online bool) {
	l.Put(meter.MeterState{Address: a, Known: true, Online: online})
}

// Put has a meter be the only one, with all that is known of it.
func (l *Line) Put(m meter.MeterState) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.states = []meter.MeterState{m}
}

// ComesAndGoes has a meter answer, die, leave something to deliver, and answer
// again: on the platform it is what it is on the line. Online tells what it is
// there; add puts something of the meter into the ring.
func (l *Line) ComesAndGoes(t *testing.T, s *Site, a dlt645.Address, online func() bool, add func()) {
	t.Helper()
	away := func() bool { return !online() }
	s.Until(t, "connected", func() bool { return s.Uplink.State().Connected })
	if online() {
		t.Error("online before it has answered")
	}
	l.Set(a, true)
	s.Until(t, "online", online)
	l.Set(a, false)
	s.Until(t, "offline", away)
	add()
	s.Drained(t)
	s.Until(t, "offline, after what was left is delivered", away)
	l.Set(a, true)
	s.Until(t, "online again", online)
}
