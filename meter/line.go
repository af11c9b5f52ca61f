package meter

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"meterd/dlt645"
)

// line is the bus with its meters, and who is told what comes of it: what the
// rounds and the archive have in common. Only its Control is for others than Run.
type line struct {
	*Control
	event func(Event)
	alive func()
	log   *slog.Logger

	// Owned by Run.
	began  time.Time
	plan   schedule
	meters []*polled
}

// polled is a meter as the poller has it.
type polled struct {
	*Handle
	past
	index    int // in the order of the line
	first    *slot
	health   health
	toldLate bool              // that its answers come too late
	cost     time.Duration     // that the last question to it had while it was dead: one that babbles takes longer than one that is silent
	aside    *round            // a round that was put aside
	keptAt   time.Time         // when what was learned was last worth keeping
	seen     map[string]string // last values of the points whose changes are events
}

// now reads both clocks.
func (l *line) now() moment { return at(time.Now(), l.began) }

// ask reads one identifier without retries. No error: the meter answered, if
// only by a refusal.
func (l *line) ask(ctx context.Context, m *polled, di dlt645.DI) error {
	l.late(m)
	how := m.health.manner(l.bus.Manner(), l.bus.timing, m.Auto)
	ans, err := l.bus.TryAs(ctx, how, dlt645.ReadRequest(m.Address, di))
	l.heard(m, how, ans.Took, ans.Since, err)
	if _, refused := errors.AsType[*dlt645.Refusal](err); refused || errors.Is(err, errUnclear) {
		return nil
	}
	return err
}

// late takes the answers of a meter that came when nobody waited for them any
// more. Where time-outs are learned, the next request waits for long enough;
// else a person is to raise it.
func (l *line) late(m *polled) {
	for _, took := range l.bus.lateAnswers(m.Address) {
		m.health.late(took)
		if l.bus.timing.AutoTimeout {
			continue
		}
		l.update(m.index, func(s *MeterState) { s.Late = took })
		if !m.toldLate {
			m.toldLate = true
			l.log.Warn("answers come too late: raise timeout, or use auto", "bus", l.bus.Name(), "meter", m.Name, "after", took.Round(time.Millisecond), "timeout", l.bus.timing.Timeout)
		}
	}
}

// heard takes what one request taught of the meter, and counts it.
func (l *line) heard(m *polled, how Manner, took, since time.Duration, err error) {
	l.alive()
	if err == nil || FailureKind(err) == "refusal" {
		m.spoke()
	}
	m.health.heard(how, l.bus.timing, took, since, err)
	l.update(m.index, func(s *MeterState) { s.counted(err, &m.health.learned.Times) })
}

// tell hands an event of a meter on.
func (l *line) tell(m *polled, kind, text string) {
	l.event(Event{Meter: m.Address, Time: time.Now(), Kind: kind, Text: text})
}
