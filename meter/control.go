package meter

import (
	"context"
	"errors"
	"fmt"
	"time"

	"meterd/dlt645"
)

// What is done to a meter. Each request that changes something is sent once:
// when its answer is lost, nobody knows whether the meter took it, so the
// meter is asked, and not told again.

// Outcome is what became of a command to a relay.
type Outcome string

// The outcomes.
const (
	Done         Outcome = "done"          // the meter shows the state that was asked for
	Refused      Outcome = "refused"       // the meter said no, and why
	NotConfirmed Outcome = "not confirmed" // it was sent, but the meter does not show the state
	Failed       Outcome = "failed"        // it was not sent
)

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

// Find gives the poller's meter of that name or address; false if it has none.
func (p *Poller) Find(who string) (dlt645.Address, bool) {
	for _, m := range p.meters {
		if m.Name == who || m.Address.String() == who {
			return m.Address, true
		}
	}
	return dlt645.Address{}, false
}

func (p *Poller) config(a dlt645.Address) (*meterState, error) {
	for _, m := range p.meters {
		if m.Address == a {
			return m, nil
		}
	}
	return nil, fmt.Errorf("meter: %s is not on bus %s", a, p.bus.Name())
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

// ReadNow reads one identifier, behind the transaction in progress and ahead
// of the polling.
func (p *Poller) ReadNow(ctx context.Context, a dlt645.Address, di dlt645.DI) (Result, error) {
	m, err := p.config(a)
	if err != nil {
		return Result{}, err
	}
	_, how := p.spoken(m)
	return p.bus.ReadAs(ctx, how, a, di)
}

// PlanFor gives the requests that bring points of that meter.
func (p *Poller) PlanFor(a dlt645.Address, points []Point) ([]Request, error) {
	m, err := p.config(a)
	if err != nil {
		return nil, err
	}
	edition, _ := p.spoken(m)
	return Plan(points, edition), nil
}

// Values reads points now, with the meter's transformer ratios in them. What
// could be read comes beside the error of what could not.
func (p *Poller) Values(ctx context.Context, a dlt645.Address, points []Point) ([]PointValue, error) {
	m, err := p.config(a)
	if err != nil {
		return nil, err
	}
	reqs, err := p.PlanFor(a, points)
	if err != nil {
		return nil, err
	}
	var values []PointValue
	var failed error
	for _, req := range reqs {
		res, err := p.ReadNow(ctx, a, req.DI)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", req.DI, err))
			continue
		}
		got, _, err := decode(req, res.Data, m.CT, m.PT)
		values, failed = append(values, got...), errors.Join(failed, err)
	}
	return values, failed
}

// ReadExtra reads points out of turn and hands them on as a reading.
func (p *Poller) ReadExtra(ctx context.Context, a dlt645.Address, points []Point) error {
	at := time.Now()
	values, err := p.Values(ctx, a, sources(points))
	if len(values) == 0 {
		return err
	}
	r := Reading{Meter: a, Time: at, Round: at, Values: values}
	p.stamp(&r)
	derive(&r, p.zone, time.Time{}, err == nil)
	p.sink(r)
	return err
}

// Relay commands a meter's relay, alarm or protection (1CH): it reads the
// meter's clock for the deadline, sends the command once, and reads status
// word 3 until it shows what was asked for, for 20 s at most. The error says
// why the outcome is not Done.
func (p *Poller) Relay(ctx context.Context, a dlt645.Address, c dlt645.Command, by string) (Outcome, error) {
	out, err := p.relay(ctx, a, c)
	text := fmt.Sprintf("%s: %s", c.Text().EN, out)
	if err != nil {
		text += ": " + err.Error()
	}
	p.event(Event{Meter: a, Time: time.Now(), Kind: EventRelay, By: by, Text: text})
	return out, err
}

func (p *Poller) relay(ctx context.Context, a dlt645.Address, c dlt645.Command) (Outcome, error) {
	m, err := p.config(a)
	if err != nil {
		return Failed, err
	}
	edition, how := p.spoken(m)
	if edition != dlt645.V2007 {
		return Failed, errors.New("meter: the edition of 1997 has no such command")
	}
	now, err := p.clockOf(ctx, m, how)
	if err != nil {
		return Failed, fmt.Errorf("meter: the meter's clock, which the deadline needs, is not read: %w", err)
	}
	code := c
	if own, ok := m.Codes[c]; ok {
		code = own
	}
	_, err = p.bus.TryAs(ctx, how, dlt645.ControlRequest(a, m.Access, code, now.Add(commandHolds)))
	var refusal *dlt645.Refusal
	if errors.As(err, &refusal) {
		return Refused, refusal
	}
	if FailureKind(err) == "port" || ctx.Err() != nil && err != nil {
		return NotConfirmed, err
	}
	// Whether its answer came or not: what the meter shows decides.
	bit, want := shownBy(c)
	shown, werr := p.watch(ctx, m, how, bit, want)
	switch {
	case shown:
		return Done, nil
	case werr != nil:
		return NotConfirmed, fmt.Errorf("meter: status word 3 is not read: %w", werr)
	case err != nil:
		return NotConfirmed, fmt.Errorf("meter: no answer to the command, and status word 3 does not show it: %w", err)
	}
	return NotConfirmed, fmt.Errorf("meter: it accepted the command, but status word 3 does not show it after %v", confirmFor)
}

// shownBy gives the bit of status word 3 that shows a command's effect.
func shownBy(c dlt645.Command) (bit int, set bool) {
	switch c {
	case dlt645.CommandTrip:
		return 4, true
	case dlt645.CommandAlarm, dlt645.CommandAlarmOff:
		return 7, c == dlt645.CommandAlarm
	case dlt645.CommandProtect, dlt645.CommandProtectOff:
		return 12, c == dlt645.CommandProtect
	}
	return 4, false
}

// watch reads status word 3 until a bit is as wanted. The error is the last
// that reading met, if it never worked.
func (p *Poller) watch(ctx context.Context, m *meterState, how Manner, bit int, want bool) (bool, error) {
	var failed error
	worked := false
	for end := time.Now().Add(confirmFor); ; {
		res, err := p.bus.ReadAs(ctx, how, m.Address, statusWord)
		switch {
		case err != nil:
			failed = err
		case len(res.Data) == 2:
			worked = true
			word := uint16(res.Data[0]) | uint16(res.Data[1])<<8
			if word>>bit&1 != 0 == want {
				return true, nil
			}
		}
		if !time.Now().Add(confirmEvery).Before(end) {
			break
		}
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-time.After(confirmEvery):
		}
	}
	if worked {
		failed = nil
	}
	return false, failed
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
// must be the one that was written.
func (p *Poller) Write(ctx context.Context, a dlt645.Address, di dlt645.DI, value []byte, by string) error {
	err := p.write(ctx, a, di, value)
	p.note(a, EventWrite, by, fmt.Sprintf("%s = %X", di, value), err)
	return err
}

func (p *Poller) write(ctx context.Context, a dlt645.Address, di dlt645.DI, value []byte) error {
	m, err := p.config(a)
	if err != nil {
		return err
	}
	req, err := dlt645.WriteRequest(a, di, m.Access, value)
	if err != nil {
		return err
	}
	_, how := p.spoken(m)
	_, sent := p.bus.TryAs(ctx, how, req)
	if sent != nil && !isLost(sent) {
		return sent
	}
	if di == clockDate || di == clockTime {
		return sent // it runs on
	}
	res, err := p.bus.ReadAs(ctx, how, a, di)
	switch {
	case err != nil:
		return errors.Join(sent, fmt.Errorf("meter: it is not read back: %w", err))
	case string(res.Data) != string(value):
		return errors.Join(sent, fmt.Errorf("meter: it reads back as %X, not as %X", res.Data, value))
	}
	return nil
}

// FreezeNow has the meter freeze its registers at once (16H), or all meters of the
// line, which do not answer.
func (p *Poller) FreezeNow(ctx context.Context, a dlt645.Address, by string) error {
	req := dlt645.FreezeRequest(a, dlt645.Freeze{})
	var err error
	if a == dlt645.BroadcastAddress {
		err = p.bus.Send(ctx, req)
	} else {
		err = p.once(ctx, a, req)
	}
	p.note(a, EventFreeze, by, "at once", err)
	return err
}

// ResetDemand sets the meter's maximum demands to zero (19H, 10H).
func (p *Poller) ResetDemand(ctx context.Context, a dlt645.Address, by string) error {
	m, err := p.config(a)
	if err != nil {
		return err
	}
	edition, _ := p.spoken(m)
	err = p.once(ctx, a, dlt645.DemandResetRequest(a, edition, m.Access))
	p.note(a, EventReset, by, "maximum demand", err)
	return err
}

// SyncTime broadcasts the board's time to all meters of the line, if it can
// be trusted.
func (p *Poller) SyncTime(ctx context.Context, by string) error {
	now := time.Now()
	day := now.In(p.zone).Format(time.DateOnly)
	switch {
	case !p.trusted(now):
		return errors.New("meter: the board's own clock is not trusted")
	case aroundMidnight(now.In(p.zone)):
		return errors.New("meter: near midnight meters ignore the time")
	case by != "console" && p.lastSync() == day:
		return errors.New("meter: the time was broadcast today; meters take it once a day")
	}
	err := p.Broadcast(ctx)
	if err == nil {
		p.noteSync(day)
	}
	p.note(dlt645.BroadcastAddress, EventTime, by, "broadcast on "+p.bus.Name(), err)
	return err
}

// once sends what must not be sent twice.
func (p *Poller) once(ctx context.Context, a dlt645.Address, req dlt645.Frame) error {
	m, err := p.config(a)
	if err != nil {
		return err
	}
	_, how := p.spoken(m)
	_, err = p.bus.TryAs(ctx, how, req)
	return err
}

// note keeps a record of what was done and what became of it.
func (p *Poller) note(a dlt645.Address, kind, by, text string, err error) {
	if err != nil {
		text += ": " + err.Error()
	} else {
		text += ": done"
	}
	p.event(Event{Meter: a, Time: time.Now(), Kind: kind, By: by, Text: text})
}
