package meter

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"meterd/dlt645"
)

// The clock of a meter: how it is read and set, and what it says of what the
// meter recorded.

// What a meter's clock shows.
var (
	clockDate = dlt645.DI{Code: 0x04000101}
	clockTime = dlt645.DI{Code: 0x04000102}
)

// clockOf reads the meter's date and time; when midnight passed between the
// two, again.
func (c *Control) clockOf(ctx context.Context, h *Handle, how Manner) (time.Time, error) {
	t, err := c.clockFace(ctx, h, how)
	if err != nil {
		return t, err
	}
	return inZone(t, c.zone), nil
}

// clockFace reads what the clock shows, as a time of UTC: in a zone whose clocks
// change, what it shows minutes later is not so many minutes later.
func (c *Control) clockFace(ctx context.Context, h *Handle, how Manner) (time.Time, error) {
	edition, _, err := c.spoken(h)
	if err != nil {
		return time.Time{}, err
	}
	dateOf, timeOf := clockDate, clockTime
	if edition == dlt645.V1997 {
		dateOf, timeOf = dlt645.DI{Protocol: edition, Code: 0xC010}, dlt645.DI{Protocol: edition, Code: 0xC011}
	}
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
		date, err := read(dateOf)
		if err != nil {
			return time.Time{}, err
		}
		clock, err := read(timeOf)
		if err != nil {
			return time.Time{}, err
		}
		again, err := read(dateOf)
		if err != nil {
			return time.Time{}, err
		}
		if again == date {
			return time.Parse(time.DateTime, date+" "+clock)
		}
	}
}

// Broadcast sends the board's time to all meters of the line (08H). It is not
// answered. The caller sees to it that the clock is right.
func (c *Control) Broadcast(ctx context.Context) error {
	return c.bus.sendNow(ctx, func() dlt645.Frame {
		b, err := dlt645.TimeBroadcast(time.Now()).AppendBinary(nil)
		if err != nil {
			panic(err) // a time always fits
		}
		// It is right when the last byte has passed.
		t := c.bus.timing
		return dlt645.TimeBroadcast(time.Now().In(c.zone).Add(t.Wire(len(b)+t.Preamble) + 500*time.Millisecond))
	})
}

// aroundMidnight reports whether meters may ignore a time: within ten minutes
// of midnight.
func aroundMidnight(t time.Time) bool {
	minute := t.Hour()*60 + t.Minute()
	return minute < 10 || minute >= 23*60+50
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
	err = c.Broadcast(ctx)
	if _, ok := errors.AsType[*UnsentError](err); ok {
		return err
	}
	c.noteSync(day) // some meter may have heard it
	if err != nil {
		return &UnprovenError{err}
	}
	shown, err := c.clockOf(ctx, h, how)
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

// doubtfulOff is how far a meter's clock may be off for its records to be of
// the moments that they say.
const doubtfulOff = 5 * time.Minute

// clockRead takes how many seconds a meter's clock is ahead, at a time in its
// zone.
func (l *Learned) clockRead(offset int64, at time.Time) {
	was := l.clockWrong()
	since := l.OffsetAt
	l.Offset, l.OffsetAt = offset, at.Unix()
	switch wrong := l.clockWrong(); {
	case wrong && !was:
		if again := at.Unix()-l.WrongUntil < int64(Daily.Depth()/time.Second); l.WrongUntil == 0 || !again {
			l.WrongFrom = since
		}
		l.WrongUntil = 0
		l.Books.doubt(l.WrongFrom, at.Location())
	case was && !wrong:
		l.WrongUntil = at.Unix()
	}
}

// shown gives what a meter's clock shows at a time, as far as is known.
func (l *Learned) shown(at time.Time) time.Time {
	if !l.clockWrong() {
		return at
	}
	return at.Add(time.Duration(l.Offset) * time.Second)
}

func (l *Learned) clockWrong() bool {
	return (time.Duration(l.Offset) * time.Second).Abs() > doubtfulOff
}

// doubtful reports whether what a meter recorded at a time may be of another
// one: its clock is wrong, or was then.
func (l *Learned) doubtful(at time.Time) bool {
	return at.Unix() >= l.WrongFrom && (l.clockWrong() || at.Unix() < l.WrongUntil)
}
