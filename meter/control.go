package meter

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"meterd/dlt645"
)

// What is done to a meter. Each request that changes something is sent once:
// when its answer is lost, nobody knows whether the meter took it, so the
// meter is asked, and not told again.

const (
	// commandHolds is from the meter's own time to the deadline of a command.
	commandHolds = 5 * time.Minute
	// confirmFor is how long status word 3 is watched, confirmEvery how often.
	confirmFor   = 20 * time.Second
	confirmEvery = time.Second
)

var (
	clockDate  = dlt645.DI{Code: 0x04000101}
	clockTime  = dlt645.DI{Code: 0x04000102}
	statusWord = dlt645.DI{Code: 0x04000503}
)

// of gives the poller's account of a meter.
func (p *Poller) of(h *Handle) (*meterState, error) {
	for _, m := range p.meters {
		if m.Handle == h {
			return m, nil
		}
	}
	return nil, &UnsentError{fmt.Errorf("meter: %s is not on bus %s", h.Name, p.bus.Name())}
}

// spoken gives the edition of a meter and how to speak to it, from outside of
// Run.
func (p *Poller) spoken(m *meterState) (dlt645.Protocol, Manner) {
	p.mu.Lock()
	defer p.mu.Unlock()
	how := p.bus.Manner()
	edition := m.Protocol
	if m.Auto {
		how.Baud = m.kept.Baud
		if e, err := dlt645.ParseProtocol(m.kept.Protocol); err == nil {
			edition = e
		}
	}
	if p.bus.timing.AutoTimeout {
		how.Timeout = max(how.Timeout, m.kept.Times.timeout(p.bus.timing.MostTimeout))
	}
	return edition, how // always with FE bytes: a command is not the time to learn
}

// ReadNow reads one identifier, after the transaction in progress and ahead
// of the polling.
func (p *Poller) ReadNow(ctx context.Context, h *Handle, di dlt645.DI) (Reply, error) {
	m, err := p.of(h)
	if err != nil {
		return Reply{}, err
	}
	_, how := p.spoken(m)
	return p.bus.ReadAs(ctx, how, h.Address, di)
}

// PlanFor gives the requests that bring points of that meter.
func (p *Poller) PlanFor(h *Handle, points []Point) ([]Request, error) {
	m, err := p.of(h)
	if err != nil {
		return nil, err
	}
	edition, _ := p.spoken(m)
	return Plan(points, edition), nil
}

// Values reads points now, with the meter's transformer ratios in them;
// derived ones are derived from what was read now and from the meter's books.
// What could be read comes beside the error of what could not.
func (p *Poller) Values(ctx context.Context, h *Handle, points []Point) ([]PointValue, error) {
	r, err := p.readNow(ctx, h, points)
	var values []PointValue
	for _, point := range points {
		v, ok := r.Value(point.Name)
		switch {
		case ok && !slices.ContainsFunc(values, func(o PointValue) bool { return o.Point == point.Name }):
			values = append(values, PointValue{point.Name, v})
		case !ok && err == nil:
			err = fmt.Errorf("meter: the meter gives no %s", point.Name)
		}
	}
	return values, err
}

// readNow reads what points are made of, as one reading with what is derived.
// What could be read comes beside the error of what could not.
func (p *Poller) readNow(ctx context.Context, h *Handle, points []Point) (r Reading, err error) {
	m, err := p.of(h)
	if err != nil {
		return r, err
	}
	reqs, err := p.PlanFor(h, sources(points))
	if err != nil {
		return r, err
	}
	at := time.Now()
	r = Reading{Meter: h.Address, Time: at, Round: at}
	var failed error
	var clockRead time.Time
	for _, req := range reqs {
		res, err := p.ReadNow(ctx, h, req.DI)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", req.DI, err))
			continue
		}
		if req.DI == clockTime {
			clockRead = time.Now()
		}
		got, _, _, err := decode(req, res.Data, h.CT, h.PT)
		r.Values, failed = append(r.Values, got...), errors.Join(failed, err)
	}
	if len(r.Values) == 0 {
		return r, failed
	}
	p.stamp(&r)
	derive(&r, p.zone, clockRead, failed == nil)
	p.mu.Lock()
	books := m.kept.clone()
	p.mu.Unlock()
	used(&r, &books.Usage, p.zone)
	return r, failed
}

// ReadExtra reads points out of turn and hands them on as a reading.
func (p *Poller) ReadExtra(ctx context.Context, h *Handle, points []Point) error {
	r, err := p.readNow(ctx, h, points)
	if len(r.Values) > 0 {
		p.sink(r)
	}
	return err
}

// send sends what must not be sent twice. The error is a refusal, an
// UnsentError, or nil where it was sent; lost is why its answer is not there.
func (p *Poller) send(ctx context.Context, how Manner, req dlt645.Frame) (lost, err error) {
	if ctx.Err() != nil {
		return nil, &UnsentError{ctx.Err()}
	}
	_, lost = p.bus.TryAs(ctx, how, req)
	if refusal, ok := errors.AsType[*dlt645.Refusal](lost); ok {
		return nil, refusal
	}
	if unsent, ok := errors.AsType[*UnsentError](lost); ok {
		return nil, unsent
	}
	return lost, nil
}

// Relay commands a meter's relay, alarm or protection (1CH): it reads the
// meter's clock for the deadline, sends the command once, and reads status
// word 3 until it shows what was asked for, for 20 s at most. The error is a
// refusal, an UnsentError or an UnprovenError.
func (p *Poller) Relay(ctx context.Context, h *Handle, c dlt645.Command) error {
	m, err := p.of(h)
	if err != nil {
		return err
	}
	edition, how := p.spoken(m)
	if edition != dlt645.V2007 {
		return &UnsentError{errors.New("meter: the edition of 1997 has no such command")}
	}
	before, known := p.statusWord(ctx, m, how)
	now, err := p.clockOf(ctx, m, how)
	if err != nil {
		return &UnsentError{fmt.Errorf("meter: the meter's clock, which the deadline needs, is not read: %w", err)}
	}
	code := c
	if own, ok := m.Codes[c]; ok {
		code = own
	}
	lost, err := p.send(ctx, how, dlt645.ControlRequest(h.Address, m.Access, code, now.Add(commandHolds)))
	if err != nil {
		return err
	}
	if FailureKind(lost) == "port" || ctx.Err() != nil {
		return &UnprovenError{cmp.Or(lost, ctx.Err())}
	}
	// Whether its answer came or not: what the meter shows decides.
	want := shownBy(c)
	if lost != nil && c == dlt645.CommandPermit && (!known || want.shown(before)) {
		// That the bit is as it was proves nothing.
		return &UnprovenError{fmt.Errorf("meter: no answer to the command, and status word 3 cannot show it: %w", lost)}
	}
	last, seen, werr := p.watch(ctx, m, how, want)
	switch {
	case seen && want.shown(last):
		return nil
	case werr != nil:
		return &UnprovenError{fmt.Errorf("meter: status word 3 is not read: %w", werr)}
	case c == dlt645.CommandTrip && last&commandBit != 0:
		return &UnprovenError{fmt.Errorf("meter: it has taken the command, but status word 3 does not show the relay open after %v: it delays the trip, or sticks", confirmFor)}
	case lost != nil:
		return &UnprovenError{fmt.Errorf("meter: no answer to the command, and status word 3 does not show it: %w", lost)}
	}
	return &UnprovenError{fmt.Errorf("meter: it accepted the command, but status word 3 does not show it after %v", confirmFor)}
}

// Bits of status word 3.
const (
	relayBit      = 1 << 4 // the relay is open
	commandBit    = 1 << 6 // it is commanded to open; a later addition to the standard
	alarmBit      = 1 << 7
	protectionBit = 1 << 12
)

// sign is how status word 3 shows the effect of a command.
type sign struct {
	bit uint16
	set bool
}

func (s sign) shown(word uint16) bool { return word&s.bit != 0 == s.set }

// shownBy gives what shows a command's effect. A permission leaves the relay
// open until somebody presses the meter's button; only the commanded state
// changes.
func shownBy(c dlt645.Command) sign {
	switch c {
	case dlt645.CommandTrip:
		return sign{relayBit, true}
	case dlt645.CommandPermit:
		return sign{commandBit, false}
	case dlt645.CommandAlarm, dlt645.CommandAlarmOff:
		return sign{alarmBit, c == dlt645.CommandAlarm}
	case dlt645.CommandProtect, dlt645.CommandProtectOff:
		return sign{protectionBit, c == dlt645.CommandProtect}
	}
	return sign{relayBit, false}
}

// statusWord reads status word 3; false if it is not read.
func (p *Poller) statusWord(ctx context.Context, m *meterState, how Manner) (uint16, bool) {
	res, err := p.bus.ReadAs(ctx, how, m.Address, statusWord)
	if err != nil || len(res.Data) != 2 {
		return 0, false
	}
	return uint16(res.Data[0]) | uint16(res.Data[1])<<8, true
}

// watch reads status word 3 until it shows what is wanted, for 20 s at most.
// It gives the last word that was seen; the error is of reading that never
// worked.
func (p *Poller) watch(ctx context.Context, m *meterState, how Manner, want sign) (last uint16, seen bool, err error) {
	for end := time.Now().Add(confirmFor); ; {
		word, ok := p.statusWord(ctx, m, how)
		if ok {
			last, seen = word, true
			if want.shown(word) {
				return last, true, nil
			}
		}
		if !time.Now().Add(confirmEvery).Before(end) {
			break
		}
		select {
		case <-ctx.Done():
			return last, seen, ctx.Err()
		case <-time.After(confirmEvery):
		}
	}
	if !seen {
		err = ErrSilence
	}
	return last, seen, err
}

// clockOf reads the meter's date and time; when midnight passed between the
// two, again.
func (p *Poller) clockOf(ctx context.Context, m *meterState, how Manner) (time.Time, error) {
	read := func(di dlt645.DI) (string, error) {
		res, err := p.bus.ReadAs(ctx, how, m.Address, di)
		if err != nil {
			return "", err
		}
		items, err := dlt645.Decode(nil, di, res.Data)
		if err != nil {
			return "", err
		}
		return items[0].Value.String(), nil
	}
	for {
		date, err := read(clockDate)
		if err != nil {
			return time.Time{}, err
		}
		clock, err := read(clockTime)
		if err != nil {
			return time.Time{}, err
		}
		again, err := read(clockDate)
		if err != nil {
			return time.Time{}, err
		}
		if again == date {
			return time.ParseInLocation(time.DateTime, date+" "+clock, p.zone)
		}
	}
}

// Write writes an identifier (14H, 04H) once, and reads it back: the value
// must be the one that was written. A clock runs on, and is only accepted.
func (p *Poller) Write(ctx context.Context, h *Handle, di dlt645.DI, value []byte) error {
	m, err := p.of(h)
	if err != nil {
		return err
	}
	req, err := dlt645.WriteRequest(h.Address, di, m.Access, value)
	if err != nil {
		return &UnsentError{err}
	}
	_, how := p.spoken(m)
	lost, err := p.send(ctx, how, req)
	if err != nil {
		return err
	}
	if di == clockDate || di == clockTime {
		if lost != nil {
			return &UnprovenError{lost}
		}
		return nil
	}
	res, err := p.bus.ReadAs(ctx, how, h.Address, di)
	switch {
	case err != nil:
		return &UnprovenError{errors.Join(lost, fmt.Errorf("meter: it is not read back: %w", err))}
	case string(res.Data) != string(value):
		return &UnprovenError{errors.Join(lost, fmt.Errorf("meter: it reads back as %X, not as %X", res.Data, value))}
	}
	return nil
}

// instantFreeze is the time of the last freeze that was ordered at once.
var instantFreeze = dlt645.DI{Code: 0x05010001}

// FreezeNow has the meter freeze its registers at once (16H), and sees that
// its record of the last such freeze has the meter's present time. Where the
// answer is lost the record must also be another than before: it counts
// minutes, and one that somebody else ordered a moment ago is no proof.
func (p *Poller) FreezeNow(ctx context.Context, h *Handle) error {
	m, err := p.of(h)
	if err != nil {
		return err
	}
	edition, how := p.spoken(m)
	if edition != dlt645.V2007 {
		return &UnsentError{errors.New("meter: the edition of 1997 has no freeze")}
	}
	before, unknown := p.frozenAt(ctx, m, how)
	if _, ok := errors.AsType[*dlt645.Refusal](unknown); ok { // it has frozen nothing yet
		unknown = nil
	}
	lost, err := p.send(ctx, how, dlt645.FreezeRequest(h.Address, dlt645.Freeze{}))
	if err != nil {
		return err
	}
	now, err := p.clockOf(ctx, m, how)
	if err == nil {
		var at time.Time
		at, err = p.frozenAt(ctx, m, how)
		fresh := lost == nil || unknown == nil && !at.Equal(before)
		if err == nil && fresh && now.Sub(at).Abs() <= frozenWithin {
			return nil
		}
	}
	switch {
	case lost != nil:
		return &UnprovenError{fmt.Errorf("meter: no answer to the freeze, and its record does not show it: %w", lost)}
	case err != nil:
		return &UnprovenError{fmt.Errorf("meter: it accepted the freeze, but the record is not read: %w", err)}
	}
	return &UnprovenError{errors.New("meter: it accepted the freeze, but the record is of another time")}
}

// frozenWithin is how far the record of a freeze, which counts minutes, may
// be from the clock that is read after it.
const frozenWithin = 2 * time.Minute

// frozenAt gives the time of the last freeze that was ordered at once; zero
// where the record holds none.
func (p *Poller) frozenAt(ctx context.Context, m *meterState, how Manner) (time.Time, error) {
	res, err := p.bus.ReadAs(ctx, how, m.Address, instantFreeze)
	if err != nil {
		return time.Time{}, err
	}
	items, err := dlt645.Decode(nil, instantFreeze, res.Data)
	if err != nil {
		return time.Time{}, err
	}
	at, err := time.ParseInLocation("2006-01-02 15:04", items[0].Value.String(), p.zone)
	if err != nil {
		return time.Time{}, nil
	}
	return at, nil
}

// ResetDemand sets the meter's maximum demands to zero (19H, 10H), and sees
// that the demand has become less, or is zero.
func (p *Poller) ResetDemand(ctx context.Context, h *Handle) error {
	m, err := p.of(h)
	if err != nil {
		return err
	}
	edition, how := p.spoken(m)
	before, known := p.demand(ctx, h)
	lost, err := p.send(ctx, how, dlt645.DemandResetRequest(h.Address, edition, m.Access))
	if err != nil {
		return err
	}
	after, read := p.demand(ctx, h)
	switch {
	case read && known && after.Coef < before.Coef, read && after.Coef == 0 && lost == nil:
		return nil
	case lost != nil:
		return &UnprovenError{fmt.Errorf("meter: no answer to the reset, and the demand does not show it: %w", lost)}
	case !read:
		return &UnprovenError{errors.New("meter: it accepted the reset, but the demand is not read")}
	}
	return &UnprovenError{errors.New("meter: it accepted the reset, but the demand is as it was")}
}

// demand reads the maximum demand of forward energy.
func (p *Poller) demand(ctx context.Context, h *Handle) (dlt645.Decimal, bool) {
	var ps Points
	point, _ := ps.Lookup("demand.forward")
	values, _ := p.Values(ctx, h, []Point{point})
	if len(values) == 0 || values[0].Value.Kind != dlt645.Number {
		return dlt645.Decimal{}, false
	}
	return values[0].Value.Dec, true
}

// SyncTime broadcasts the board's time to all meters of the line, if it can be
// trusted, and sees that this meter's clock shows it. Meters take a time once
// a day; again sends it although that was done today.
func (p *Poller) SyncTime(ctx context.Context, h *Handle, again bool) error {
	m, err := p.of(h)
	if err != nil {
		return err
	}
	now := time.Now()
	day := now.In(p.zone).Format(time.DateOnly)
	switch {
	case !p.trusted(now):
		return &UnsentError{errors.New("meter: the board's own clock is not trusted")}
	case aroundMidnight(now.In(p.zone)):
		return &UnsentError{errors.New("meter: near midnight meters ignore the time")}
	case !again && p.lastSync() == day:
		return &UnsentError{errors.New("meter: the time was broadcast today; meters take it once a day")}
	}
	if err := p.Broadcast(ctx); err != nil {
		if _, ok := errors.AsType[*UnsentError](err); ok {
			return err
		}
		return &UnprovenError{err}
	}
	p.noteSync(day)
	_, how := p.spoken(m)
	shown, err := p.clockOf(ctx, m, how)
	if err != nil {
		return &UnprovenError{fmt.Errorf("meter: the time was broadcast, but the meter's clock is not read: %w", err)}
	}
	if off := time.Since(shown).Round(time.Second); off.Abs() > syncedWithin {
		return &UnprovenError{fmt.Errorf("meter: the time was broadcast, but the meter's clock is %v off; meters may ignore it when over 5 minutes off, or a second time a day", off)}
	}
	return nil
}

// syncedWithin is how far off a clock may be that has taken the time.
const syncedWithin = 5 * time.Second
