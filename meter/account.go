package meter

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"meterd/dlt645"
)

// MeterState is what the console and the uplinks are told of a meter.
type MeterState struct {
	Name     string
	Address  dlt645.Address
	Bus      string
	Online   bool      // answered since it was last given up
	Known    bool      // was asked at all
	LastGood time.Time // of the last answer
	LastErr  string    // of the last failure since then
	Rounds   int       // that were begun
	Lost     int       // of those, that were cut short by silence, noise or the port
	Missed   int       // that were never begun, for lack of time
	Invalid  int       // values that were no numbers
	// Requests and what became of them; a refusal is an answer.
	Requests, Answers, Refusals, Silence, Noise, Retries int
	Foreign                                              int           // of the silence: another meter answered
	Late                                                 time.Duration // after which an answer came that was given up; 0: none did
	P50, P90, P99                                        time.Duration // answer times
	Values                                               []PointValue
	ReadAt                                               time.Time // of the last value
}

// counted takes what became of a request.
func (s *MeterState) counted(err error, t *Times) {
	s.Requests++
	if err == nil {
		s.Answers++
	}
	switch FailureKind(err) {
	case "silence":
		s.Silence++
		if errors.Is(err, ErrForeign) {
			s.Foreign++
		}
	case "noise":
		s.Noise++
	case "refusal":
		s.Refusals++
		s.Answers++
	}
	s.P50, s.P90, s.P99 = t.Percentile(0.5), t.Percentile(0.9), t.Percentile(0.99)
}

// judged takes what a round brought. Back tells that a meter answers again, or
// for the first time.
func (s *MeterState) judged(out outcome, dead bool, now time.Time) (back bool) {
	back = !s.Online && out.answered
	s.Rounds++
	s.Known = true
	s.Invalid += out.invalid
	if out.answered {
		s.Online, s.LastGood, s.LastErr = true, now, ""
	}
	if out.lost != nil {
		s.Lost++
		s.LastErr = out.lost.Error()
	}
	if dead || FailureKind(out.lost) == "port" && !out.answered {
		s.Online = false // nobody can tell otherwise
	}
	return back
}

// keep takes the values of a reading over into the last known ones.
func (s *MeterState) keep(r Reading) {
	s.ReadAt = r.Time
	values := append([]PointValue(nil), s.Values...)
next:
	for _, v := range r.Values {
		for i := range values {
			if values[i].Point == v.Point {
				values[i] = v
				continue next
			}
		}
		values = append(values, v)
	}
	s.Values = values
}

// accounts is what others than the poller see of the meters of a line, in the
// order of the configuration: copies, which the poller brings up to date.
type accounts struct {
	changed atomic.Bool // something was learned that is worth keeping

	// handing is held while something is handed on and counted as there: what is
	// kept tells of both or of neither.
	handing sync.Mutex

	mu     sync.Mutex
	states []MeterState // guarded by mu
	kept   []Learned    // guarded by mu
	synced string       // the day on which the line was last told the time; guarded by mu
}

func (a *accounts) update(meter int, f func(*MeterState)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f(&a.states[meter])
}

// keep takes a copy of what is known of a meter, and the values of a reading.
func (a *accounts) keep(meter int, l *Learned, r Reading) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.states[meter].keep(r)
	l.Synced = a.kept[meter].Synced // it is the line's, and noteSync's
	a.kept[meter] = l.clone()
}

// known gives a copy of what is known of a meter.
func (a *accounts) known(meter int) Learned {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.kept[meter].clone()
}

// Meters gives the state of each meter, in the order of the configuration.
func (a *accounts) Meters() []MeterState {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]MeterState{}, a.states...)
}

// Changed reports whether something was learned since the last call that
// should survive a power cut.
func (a *accounts) Changed() bool { return a.changed.Swap(false) }

// Learned gives copies of what is known of the meters. All that counts as read
// there has gone to the sink.
func (a *accounts) Learned() []Learned {
	a.handing.Lock()
	defer a.handing.Unlock()
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]Learned{}, a.kept...)
}

// lastSync gives the day on which the line was last told the time, also
// before a restart.
func (a *accounts) lastSync() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	last := a.synced
	for i := range a.kept {
		last = max(last, a.kept[i].Synced)
	}
	return last
}

func (a *accounts) noteSync(day string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.synced = day
	for i := range a.kept {
		a.kept[i].Synced = day
	}
	a.changed.Store(true)
}
