// Package dlt645test is a simulated meter, and the simulated line that it
// hangs on. It is as strict as a meter is: what is not a good frame for it,
// it passes over in silence. Its faults are those that lines and meters in
// the field show, and can be switched on one by one.
//
// A meter keeps its own books by its own clock: registers grow with the power
// that is taken while it has power itself, and what its clock passes on the
// way from one question to the next (quarter-hours, hours, midnights,
// settlement days) it freezes with the values of that moment. It has no freezes
// of tables that switch (0502, 0503), of months (0507), and no curves of single
// items (0610), whose layouts are not attested.
package dlt645test

import (
	"maps"
	"sync"
	"time"

	"meterd/dlt645"
)

// Meter is a simulated meter of either edition. Its methods may be called
// from several goroutines.
type Meter struct {
	Address  dlt645.Address
	Protocol dlt645.Protocol
	Delay    time.Duration // from the request's last byte to the answer's first (Td); zero: 20 ms
	// Preamble is the number of FE bytes before an answer.
	Preamble int
	// NoBlock refuses identifiers that ask for a block, as some meters do.
	NoBlock bool
	// Buffer is the most bytes of values in one answer; longer ones need
	// follow-up frames. Zero: 190.
	Buffer int
	// Zone is that of the meter's clock; nil: that of the machine.
	Zone *time.Location
	// ClockOffset is how far the meter's clock is ahead.
	ClockOffset time.Duration
	// Password is what writing and control take. Its level may also be lower.
	Password dlt645.Password
	// Baud is the only rate that the meter hears; zero: any.
	Baud int
	// Consume gives the power that is taken, for each quarter-hour of true time
	// by its begin; it holds until the next, and must be the same whenever it is
	// asked for. It must not call the meter. Nil: power wanders from question to
	// question. Set it before the first question.
	Consume func(at time.Time) Power
	// Since is when the meter's books begin, in true time; zero: the day before
	// the first question.
	Since time.Time
	// LoadDepth is how many load records the meter has. Zero: 62 days of
	// quarter-hours.
	LoadDepth int
	// Quirks are the habits of single makers.
	Quirks Quirks

	mu         sync.Mutex
	values     map[uint32][]byte // by identifier, in the order of the wire; guarded by mu
	values97   map[uint16][]byte // of a meter of 1997, over what follows from values; guarded by mu
	pins       map[uint32][]byte // set by a test, nil where taken away; replaced, never written to; guarded by mu
	load       *load             // guarded by mu
	begun      bool              // the books are open; guarded by mu
	zone       *time.Location    // of the first question; guarded by mu
	books      books             // guarded by mu
	shown      state             // what the load shows; guarded by mu
	shownAt    time.Time         // by the clock; guarded by mu
	programmed *parameters       // of its memory; nil: to be read again; guarded by mu
	past       []books           // as they were, the last one at the end; guarded by mu
	rest       []byte            // what follow-up frames have yet to send; guarded by mu
	restOf     dlt645.DI         // whose it is; guarded by mu
	seq        byte              // of the last follow-up frame; guarded by mu
	last       dlt645.Frame      // answer, for a meter of 1997 to repeat; guarded by mu
	relay      relay             // guarded by mu
	history    history           // guarded by mu
	timeSet    time.Time         // when a broadcast last set the clock; guarded by mu
}

// Quirks are habits that single makers' meters have (docs/protocol.md).
type Quirks struct {
	NeedsPreamble    bool                      // is deaf to a request without FE bytes
	MinGap           time.Duration             // is deaf to a request that comes this soon after an answer
	LostBytes        int                       // first bytes of an answer that the line's turnaround eats
	Head, Tail       []byte                    // bytes before and after each answer
	WildAddress      bool                      // answers a wildcard with AA, not with its address
	AnswersBroadcast bool                      // answers reads that were sent to the broadcast address
	BlockFill        byte                      // one byte after a block: AA or DD; zero: none
	WideCurrent      bool                      // currents of 4 bytes
	Report           bool                      // an active report comes before each answer
	ShortBlock       bool                      // ends a block after its first member
	SilentToBlocks   bool                      // does not answer what asks for a block
	Endless          bool                      // says after each answer that there is more
	Carrier          bool                      // a carrier's control byte C0 where the meter is silent
	Refusal          []byte                    // instead of ERR 02; not nil and empty: none
	RefusesTrip      bool                      // plain-text control refuses the trip
	Stuck            bool                      // the relay never moves, whatever is answered
	TripDelay        time.Duration             // from the trip's answer to the relay
	Commands         map[byte]dlt645.Command   // N1 of a vendor's own
	Lacks            func(code uint32) bool    // identifiers that are refused
	Answer           func(dlt645.Frame) []byte // bytes to send instead of the answer; nil: the answer

	// Of the meter's memory. Times are those of its clock.
	LateFreezes  int                                     // midnights without power whose freezes power-on makes up; zero: none
	Unmade       *byte                                   // fills the records that there are not; nil: they are refused
	DamagedLoad  func(at time.Time) bool                 // load records whose head is E0E0
	WrongLoadSum func(at time.Time) bool                 // load records whose own checksum is wrong
	Shift        func(code uint32) bool                  // a record comes in before this request for one is answered
	Outage       func(clock time.Time) (off bool)        // power by the quarter-hour
	Programmed   func(clock time.Time) map[uint32][]byte // parameters that change at the quarter-hour
}

// DefaultPassword is the password of a new simulated meter.
var DefaultPassword = dlt645.Password{0x02, 0x12, 0x34, 0x56}

// NewMeter gives a meter of 2007 with that many phases (1 or 3), whose load
// varies with the time and with its address.
func NewMeter(a dlt645.Address, phases int) *Meter {
	m := &Meter{Address: a, Preamble: 4, Password: DefaultPassword, values: map[uint32][]byte{}, values97: map[uint16][]byte{}}
	m.load = newLoad(a, phases)
	m.fixed()
	return m
}

// NewMeter97 gives a meter of 1997.
func NewMeter97(a dlt645.Address, phases int) *Meter {
	m := NewMeter(a, phases)
	m.Protocol = dlt645.V1997
	return m
}

// Set gives an identifier a value, in the order of the wire and without the
// offset. The load no longer changes it. Nil takes the identifier away.
func (m *Meter) Set(code uint32, value []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.setLocked(code, value)
}

func (m *Meter) setLocked(code uint32, value []byte) {
	if m.Protocol == dlt645.V1997 && code <= 0xFFFF {
		m.values97[uint16(code)] = value
		return
	}
	pins := maps.Clone(m.pins)
	if pins == nil {
		pins = map[uint32][]byte{}
	}
	pins[code] = value
	m.pins, m.programmed = pins, nil
	if value == nil {
		delete(m.values, code)
		return
	}
	m.values[code] = value
}

// SetNumber gives an identifier a number of the table's width.
func (m *Meter) SetNumber(code uint32, n int64, width int, signed bool) {
	b, err := dlt645.AppendNumber(nil, n, width, signed)
	if err != nil {
		panic(err) // a mistake of the test
	}
	m.Set(code, b)
}

// Change changes the meter's exported fields while it is on the line.
func (m *Meter) Change(f func(*Meter)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f(m)
}

// Answer gives the meter's answer to a request that was complete at now;
// false if it stays silent.
func (m *Meter) Answer(req dlt645.Frame, now time.Time) (dlt645.Frame, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if req.Control.Response() || !m.addressedLocked(req) {
		return dlt645.Frame{}, false
	}
	m.advanceLocked(now)
	m.relay.advance(m, now)
	if !m.books.on {
		return dlt645.Frame{}, false
	}
	ans, ok := m.answerLocked(req, now)
	if !ok && m.Quirks.Carrier {
		return dlt645.Frame{Address: m.Address, Control: 0xC0}, true
	}
	if !ok || req.Address == dlt645.BroadcastAddress && !m.Quirks.AnswersBroadcast {
		return dlt645.Frame{}, false
	}
	if m.Quirks.WildAddress && req.Address == dlt645.AnyAddress {
		ans.Address = dlt645.AnyAddress
	}
	m.last = ans
	return ans, true
}

// manner is how a meter speaks on its line, at a moment.
type manner struct {
	address  dlt645.Address
	preamble int
	delay    time.Duration
	baud     int
	quirks   Quirks
}

func (m *Meter) manner() manner {
	m.mu.Lock()
	defer m.mu.Unlock()
	return manner{m.Address, m.Preamble, m.Delay, m.Baud, m.Quirks}
}

// addressedLocked reports whether the request is for this meter. What writes or
// controls is never taken from the all-AA address, but for a new address.
func (m *Meter) addressedLocked(req dlt645.Frame) bool {
	fn := req.Control.Function()
	if req.Address == dlt645.BroadcastAddress {
		switch {
		case fn == dlt645.FuncBroadcastTime:
			return true
		case m.Protocol == dlt645.V2007 && (fn == dlt645.FuncFreeze || fn == dlt645.FuncOutput):
			return true
		}
		return m.Quirks.AnswersBroadcast && (fn == dlt645.FuncRead || fn == dlt645.Func97Read)
	}
	if !req.Address.Accepts(m.Address) {
		return false
	}
	if req.Address != dlt645.AnyAddress {
		return true
	}
	switch fn {
	case dlt645.FuncRead, dlt645.FuncReadMore, dlt645.FuncReadAddress, dlt645.FuncWriteAddress,
		dlt645.Func97Read, dlt645.Func97ReadMore, dlt645.Func97Reread, dlt645.Func97WriteAddress:
		return true
	}
	return false
}

// clock is the meter's own time.
func (m *Meter) clock(now time.Time) time.Time {
	if m.Zone != nil {
		now = now.In(m.Zone)
	}
	return now.Add(m.ClockOffset)
}
