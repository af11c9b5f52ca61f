package dlt645test

import (
	"time"

	"meterd/dlt645"
)

// relay is the state that 1CH commands, as status word 3 shows it.
type relay struct {
	commanded bool // to open: bit 6; false, closing is permitted
	open      bool // bit 4; the customer's button closes what is permitted
	opensAt   time.Time
	alarm     bool // bit 7
	protected bool // bit 12
}

// advance opens the relay when its delay is over and shows the state.
func (r *relay) advance(m *Meter, now time.Time) {
	if r.commanded && !r.open && !now.Before(r.opensAt) {
		r.open = true
		m.history.add(m, 0x1D000100, wireTime(m.clock(now)))
	}
	if _, pinned := m.pins[0x04000503]; pinned {
		return
	}
	word := uint16(0)
	for bit, on := range map[int]bool{4: r.open, 6: r.commanded, 7: r.alarm, 12: r.protected} {
		if on {
			word |= 1 << bit
		}
	}
	m.values[0x04000503] = []byte{byte(word), byte(word >> 8)}
}

// Open reports whether the relay is open at that time.
func (m *Meter) Open(now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.relay.advance(m, now)
	return m.relay.open
}

// controlLocked takes a command in plain text whose deadline is not past.
func (m *Meter) controlLocked(req dlt645.Frame, now time.Time) (dlt645.Frame, bool) {
	command, ok := req.Field(dlt645.FieldCommand)
	deadline, ok2 := req.Field(dlt645.FieldDeadline)
	if !ok || !ok2 {
		return dlt645.RefusalTo(req, m.Address, errOther), true
	}
	if !m.allowed(req) {
		return dlt645.RefusalTo(req, m.Address, errPassword), true
	}
	own := m.clock(now)
	if until, ok := readTime(deadline, own.Location()); !ok || until.Before(own) {
		return dlt645.RefusalTo(req, m.Address, errOther), true
	}
	c := dlt645.Command(command[0])
	if m.Quirks.Commands != nil {
		if c, ok = m.Quirks.Commands[command[0]]; !ok {
			return dlt645.RefusalTo(req, m.Address, errOther), true
		}
	}
	if !m.commandLocked(c, now) {
		return dlt645.RefusalTo(req, m.Address, errPassword), true
	}
	return dlt645.AnswerTo(req, m.Address, nil, false), true
}

func (m *Meter) commandLocked(c dlt645.Command, now time.Time) bool {
	r := &m.relay
	switch c {
	case dlt645.CommandTrip:
		if m.Quirks.RefusesTrip || r.protected {
			return false
		}
		r.commanded, r.opensAt = true, now.Add(m.Quirks.TripDelay)
		if m.Quirks.Stuck {
			r.opensAt = now.Add(1000 * time.Hour)
		}
	case dlt645.CommandPermit:
		// The relay stays as it is: the customer presses the button, if anybody
		// does.
		r.commanded = false
	case dlt645.CommandClose:
		if m.Quirks.Stuck {
			return true
		}
		r.commanded = false
		r.closeLocked(m, now)
	case dlt645.CommandAlarm, dlt645.CommandAlarmOff:
		r.alarm = c == dlt645.CommandAlarm
	case dlt645.CommandProtect, dlt645.CommandProtectOff:
		r.protected = c == dlt645.CommandProtect
	default:
		return false
	}
	return true
}

func (r *relay) closeLocked(m *Meter, now time.Time) {
	if r.open {
		m.history.add(m, 0x1E000100, wireTime(m.clock(now)))
	}
	r.open = false
}

// Command carries a command of 1CH out as if the meter had been told so.
func (m *Meter) Command(c dlt645.Command, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.commandLocked(c, now)
}

// PressButton is the customer at the meter: a relay that is permitted to close
// does so, another one stays open.
func (m *Meter) PressButton(now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.relay.advance(m, now)
	if !m.relay.commanded {
		m.relay.closeLocked(m, now)
	}
}

func (m *Meter) demandResetLocked(req dlt645.Frame, now time.Time) (dlt645.Frame, bool) {
	if !m.allowed(req) {
		return dlt645.RefusalTo(req, m.Address, errPassword), true
	}
	m.recordClear(0x03300200, 24*8, req, now)
	m.history.demand = [2][5]peak{}
	m.showLocked(now)
	return dlt645.AnswerTo(req, m.Address, nil, false), true
}

func (m *Meter) meterClearLocked(req dlt645.Frame, now time.Time) (dlt645.Frame, bool) {
	if !m.allowed(req) {
		return dlt645.RefusalTo(req, m.Address, errPassword), true
	}
	m.recordClear(0x03300100, 24*4, req, now)
	m.books.energy = registers{}
	m.checkpointLocked()
	m.showLocked(now)
	return dlt645.AnswerTo(req, m.Address, nil, false), true
}

// recordClear keeps when and by whom something was cleared, and before it
// the forward registers or demands; the meter has no others.
func (m *Meter) recordClear(code uint32, width int, req dlt645.Frame, now time.Time) {
	kept, _ := m.singleOf2007(0x00010000)
	if code == 0x03300200 {
		kept, _ = m.singleOf2007(0x01010000)
	}
	record := append(append(wireTime(m.clock(now)), operatorOf(req)...), kept...)
	m.history.add(m, code, append(record, make([]byte, width-len(kept))...))
}

// eventClearLocked forgets the records of one family, or of all.
func (m *Meter) eventClearLocked(req dlt645.Frame, now time.Time) (dlt645.Frame, bool) {
	if !m.allowed(req) {
		return dlt645.RefusalTo(req, m.Address, errPassword), true
	}
	if b, ok := req.Field(dlt645.FieldDI); ok {
		di, _ := dlt645.DIOf(b)
		m.history.clear(m, di.Code)
		m.history.add(m, 0x03300300, append(append(wireTime(m.clock(now)), operatorOf(req)...), b...))
	}
	return dlt645.AnswerTo(req, m.Address, nil, false), true
}

// freezeLocked freezes at once, or takes note of the period.
func (m *Meter) freezeLocked(req dlt645.Frame, now time.Time) (dlt645.Frame, bool) {
	at, ok := req.Field(dlt645.FieldFreezeTime)
	if !ok {
		return dlt645.RefusalTo(req, m.Address, errOther), true
	}
	if string(at) == "\x99\x99\x99\x99" {
		m.history.freeze(FreezeInstant, m.stateLocked(), m.clock(now))
	} else {
		m.history.every = append([]byte(nil), at...)
		m.programmed = nil
	}
	return dlt645.AnswerTo(req, m.Address, nil, false), true
}
