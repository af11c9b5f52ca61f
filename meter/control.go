package meter

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
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

// Control does things to the meters of one line, and reads them out of turn.
// Its methods may be called from several goroutines, beside the polling.
type Control struct {
	*accounts
	bus     *Bus
	handles []*Handle
	books   bool // the meters' daily freezes are fetched
	zone    *time.Location
	stamp   func(*Reading)
	sink    func(Reading)
	trusted func(time.Time) bool
}

// Bus gives the line.
func (c *Control) Bus() *Bus { return c.bus }

// spoken gives the edition of a meter and how to speak to it.
func (c *Control) spoken(h *Handle) (dlt645.Protocol, Manner, error) {
	i := slices.Index(c.handles, h)
	if i < 0 {
		return 0, Manner{}, &UnsentError{fmt.Errorf("meter: %s is not on bus %s", h.Name, c.bus.Name())}
	}
	known := health{learned: c.known(i)}
	t := c.bus.timing
	how := known.manner(c.bus.Manner(), t, h.Auto)
	how.Preamble = t.Preamble // a command is not the time to learn
	how.Timeout = max(how.Timeout, c.bus.Manner().Timeout)
	return known.edition(h), how, nil
}

// ReadNow reads one identifier, after the transaction in progress and ahead
// of the polling.
func (c *Control) ReadNow(ctx context.Context, h *Handle, di dlt645.DI) (Reply, error) {
	_, how, err := c.spoken(h)
	if err != nil {
		return Reply{}, err
	}
	return c.bus.ReadAs(ctx, how, h.Address, di)
}

// PlanFor gives the requests that bring points of that meter.
func (c *Control) PlanFor(h *Handle, points []Point) ([]Request, error) {
	edition, _, err := c.spoken(h)
	if err != nil {
		return nil, err
	}
	return Plan(points, edition), nil
}

// Values reads points now, with the meter's transformer ratios in them;
// derived ones are derived from what was read now and from the meter's books.
// What could be read comes beside the error of what could not.
func (c *Control) Values(ctx context.Context, h *Handle, points []Point) ([]PointValue, error) {
	r, err := c.readNow(ctx, h, points)
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
func (c *Control) readNow(ctx context.Context, h *Handle, points []Point) (r Reading, err error) {
	reqs, err := c.PlanFor(h, sources(points))
	if err != nil {
		return r, err
	}
	at := time.Now()
	r = Reading{Meter: h.Address, Time: at, Round: at}
	var failed error
	var clockRead time.Time
	var blank []string
	for _, req := range reqs {
		res, err := c.ReadNow(ctx, h, req.DI)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", req.DI, err))
			continue
		}
		if req.DI == clockTime {
			clockRead = time.Now()
		}
		got, err := decode(req, res.Data, h.CT, h.PT)
		r.Values, blank, failed = append(r.Values, got.values...), append(blank, got.blank...), errors.Join(failed, err)
	}
	if len(r.Values) == 0 {
		return r, failed
	}
	c.stamp(&r)
	known := health{learned: c.known(slices.Index(c.handles, h))}
	derive(&r, c.zone, clockRead, told{failed == nil, sources(points), blank, &known.learned, at})
	used(&r, &known.learned.Books, c.zone, known.learned.most(h), known.freezesNothing(h, c.books, at))
	return r, failed
}

// ReadExtra reads points out of turn and hands them on as a reading.
func (c *Control) ReadExtra(ctx context.Context, h *Handle, points []Point) error {
	r, err := c.readNow(ctx, h, points)
	if len(r.Values) > 0 {
		c.sink(r)
	}
	return err
}

// send sends what must not be sent twice. The error is a refusal, an
// UnsentError, or nil where it was sent; lost is why its answer is not there.
func (c *Control) send(ctx context.Context, how Manner, req dlt645.Frame) (lost, err error) {
	if ctx.Err() != nil {
		return nil, &UnsentError{ctx.Err()}
	}
	_, lost = c.bus.TryAs(ctx, how, req)
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
func (c *Control) Relay(ctx context.Context, h *Handle, order dlt645.Command) error {
	edition, how, err := c.spoken(h)
	if err != nil {
		return err
	}
	if edition != dlt645.V2007 {
		return &UnsentError{errors.New("meter: the edition of 1997 has no such command")}
	}
	before, known := c.statusWord(ctx, h, how)
	now, err := c.clockOf(ctx, h, how)
	if err != nil {
		return &UnsentError{fmt.Errorf("meter: the meter's clock, which the deadline needs, is not read: %w", err)}
	}
	code := order
	if own, ok := h.Codes[order]; ok {
		code = own
	}
	lost, err := c.send(ctx, how, dlt645.ControlRequest(h.Address, h.Access, code, now.Add(commandHolds)))
	if err != nil {
		return err
	}
	if FailureKind(lost) == "port" || ctx.Err() != nil {
		return &UnprovenError{cmp.Or(lost, ctx.Err())}
	}
	// Whether its answer came or not: what the meter shows decides.
	want := shownBy(order)
	if lost != nil && order == dlt645.CommandPermit && (!known || want.shown(before)) {
		// That the bit is as it was proves nothing.
		return &UnprovenError{fmt.Errorf("meter: no answer to the command, and status word 3 cannot show it: %w", lost)}
	}
	last, seen, werr := c.watch(ctx, h, how, want)
	switch {
	case seen && want.shown(last):
		return nil
	case werr != nil:
		return &UnprovenError{fmt.Errorf("meter: status word 3 is not read: %w", werr)}
	case order == dlt645.CommandTrip && last&commandBit != 0:
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
func (c *Control) statusWord(ctx context.Context, h *Handle, how Manner) (uint16, bool) {
	res, err := c.bus.ReadAs(ctx, how, h.Address, statusWord)
	if err != nil || len(res.Data) != 2 {
		return 0, false
	}
	return uint16(res.Data[0]) | uint16(res.Data[1])<<8, true
}

// watch reads status word 3 until it shows what is wanted, for 20 s at most.
// It gives the last word that was seen; the error is of reading that never
// worked.
func (c *Control) watch(ctx context.Context, h *Handle, how Manner, want sign) (last uint16, seen bool, err error) {
	for end := time.Now().Add(confirmFor); ; {
		word, ok := c.statusWord(ctx, h, how)
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
func (c *Control) clockOf(ctx context.Context, h *Handle, how Manner) (time.Time, error) {
	read := func(di dlt645.DI) (string, error) {
		res, err := c.bus.ReadAs(ctx, how, h.Address, di)
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
			return time.ParseInLocation(time.DateTime, date+" "+clock, c.zone)
		}
	}
}

// Write writes an identifier (14H, 04H) once, and reads it back: the value
// must be the one that was written. A clock runs on, and is only accepted.
func (c *Control) Write(ctx context.Context, h *Handle, di dlt645.DI, value []byte) error {
	_, how, err := c.spoken(h)
	if err != nil {
		return err
	}
	req, err := dlt645.WriteRequest(h.Address, di, h.Access, value)
	if err != nil {
		return &UnsentError{err}
	}
	lost, err := c.send(ctx, how, req)
	if err != nil {
		return err
	}
	if di == clockDate || di == clockTime {
		if lost != nil {
			return &UnprovenError{lost}
		}
		return nil
	}
	res, err := c.bus.ReadAs(ctx, how, h.Address, di)
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
func (c *Control) FreezeNow(ctx context.Context, h *Handle) error {
	edition, how, err := c.spoken(h)
	if err != nil {
		return err
	}
	if edition != dlt645.V2007 {
		return &UnsentError{errors.New("meter: the edition of 1997 has no freeze")}
	}
	before, unknown := c.frozenAt(ctx, h, how)
	if _, ok := errors.AsType[*dlt645.Refusal](unknown); ok { // it has frozen nothing yet
		unknown = nil
	}
	lost, err := c.send(ctx, how, dlt645.FreezeRequest(h.Address, dlt645.Freeze{}))
	if err != nil {
		return err
	}
	now, err := c.clockOf(ctx, h, how)
	if err == nil {
		var at time.Time
		at, err = c.frozenAt(ctx, h, how)
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
func (c *Control) frozenAt(ctx context.Context, h *Handle, how Manner) (time.Time, error) {
	res, err := c.bus.ReadAs(ctx, how, h.Address, instantFreeze)
	if err != nil {
		return time.Time{}, err
	}
	items, err := dlt645.Decode(nil, instantFreeze, res.Data)
	if err != nil {
		return time.Time{}, err
	}
	at, err := time.ParseInLocation("2006-01-02 15:04", items[0].Value.String(), c.zone)
	if err != nil {
		return time.Time{}, nil
	}
	return at, nil
}

// ResetDemand sets the meter's maximum demands to zero (19H, 10H), and sees
// that the demand has become less, or is zero.
func (c *Control) ResetDemand(ctx context.Context, h *Handle) error {
	edition, how, err := c.spoken(h)
	if err != nil {
		return err
	}
	before, known := c.demand(ctx, h)
	lost, err := c.send(ctx, how, dlt645.DemandResetRequest(h.Address, edition, h.Access))
	if err != nil {
		return err
	}
	after, read := c.demand(ctx, h)
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
func (c *Control) demand(ctx context.Context, h *Handle) (dlt645.Decimal, bool) {
	var ps Points
	point, _ := ps.Lookup("demand.forward")
	values, _ := c.Values(ctx, h, []Point{point})
	if len(values) == 0 || values[0].Value.Kind != dlt645.Number {
		return dlt645.Decimal{}, false
	}
	return values[0].Value.Dec, true
}

// SyncTime broadcasts the board's time to all meters of the line, if it can be
// trusted, and sees that this meter's clock shows it. Meters take a time once
// a day; again sends it although that was done today.
func (c *Control) SyncTime(ctx context.Context, h *Handle, again bool) error {
	_, how, err := c.spoken(h)
	if err != nil {
		return err
	}
	now := time.Now()
	day := now.In(c.zone).Format(time.DateOnly)
	switch {
	case !c.trusted(now):
		return &UnsentError{errors.New("meter: the board's own clock is not trusted")}
	case aroundMidnight(now.In(c.zone)):
		return &UnsentError{errors.New("meter: near midnight meters ignore the time")}
	case !again && c.lastSync() == day:
		return &UnsentError{errors.New("meter: the time was broadcast today; meters take it once a day")}
	}
	if err := c.Broadcast(ctx); err != nil {
		if _, ok := errors.AsType[*UnsentError](err); ok {
			return err
		}
		return &UnprovenError{err}
	}
	c.noteSync(day)
	shown, err := c.clockOf(ctx, h, how)
	if err != nil {
		return &UnprovenError{fmt.Errorf("meter: the time was broadcast, but the meter's clock is not read: %w", err)}
	}
	if off := time.Since(shown).Round(time.Second); off.Abs() > syncedWithin {
		return &UnprovenError{fmt.Errorf("meter: the time was broadcast, but the meter's clock is %v off; meters may ignore it when over 5 minutes off, or a second time a day", off)}
	}
	return nil
}

// SetClock sets the clock of one meter to the board's time, if that can be
// trusted: its date and then its time, each by a write of its own that carries
// the meter's password (14H), and sees that the clock shows it. One that is
// right already is left alone, and so is a date.
func (c *Control) SetClock(ctx context.Context, h *Handle) error {
	edition, how, err := c.spoken(h)
	if err != nil {
		return err
	}
	now := time.Now().In(c.zone)
	switch {
	case edition != dlt645.V2007:
		return &UnsentError{errors.New("meter: the clock of a meter of the edition of 1997 is only set by broadcast")}
	case !c.trusted(now):
		return &UnsentError{errors.New("meter: the board's own clock is not trusted")}
	case aroundMidnight(now):
		return &UnsentError{errors.New("meter: near midnight no clock is set: date and time are two writes")}
	}
	shown, err := c.clockOf(ctx, h, how)
	if err != nil {
		return &UnsentError{fmt.Errorf("meter: its clock is not read: %w", err)}
	}
	if time.Since(shown).Abs() <= syncedWithin {
		return nil
	}
	dated := false
	if now = time.Now().In(c.zone); shown.Format(time.DateOnly) != now.Format(time.DateOnly) {
		if err := c.writeClock(ctx, h, clockDate, now.Format(time.DateOnly), strconv.Itoa(int(now.Weekday()))); err != nil {
			return err
		}
		dated = true
	}
	err = c.writeClock(ctx, h, clockTime, time.Now().In(c.zone).Format(time.TimeOnly))
	if err != nil && dated {
		return &UnprovenError{fmt.Errorf("meter: the date is set, and the time is not: %w", err)}
	}
	if err != nil {
		return err
	}
	if shown, err = c.clockOf(ctx, h, how); err != nil {
		return &UnprovenError{fmt.Errorf("meter: the clock was set, but it is not read: %w", err)}
	}
	if off := time.Since(shown).Round(time.Second); off.Abs() > syncedWithin {
		return &UnprovenError{fmt.Errorf("meter: it accepted the time, but its clock is %v off", off)}
	}
	return nil
}

func (c *Control) writeClock(ctx context.Context, h *Handle, di dlt645.DI, words ...string) error {
	value, err := dlt645.AppendParsed(nil, di, words)
	if err != nil {
		return &UnsentError{err}
	}
	return c.Write(ctx, h, di, value)
}

// syncedWithin is how far off a clock may be that has taken the time.
const syncedWithin = 5 * time.Second
