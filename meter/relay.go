package meter

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"meterd/dlt645"
)

// The commands of 1CH: sent once, and proven by status word 3.

const (
	// commandHolds is from the meter's own time to the deadline of a command.
	commandHolds = 5 * time.Minute
	// confirmFor is how long status word 3 is watched, confirmEvery how often.
	confirmFor   = 20 * time.Second
	confirmEvery = time.Second
)

// statusWord is status word 3.
var statusWord = dlt645.DI{Code: 0x04000503}

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
	now, err := c.clockFace(ctx, h, how)
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
	if lost != nil && (!known || want.shown(before)) { // that the relay is as it was proves nothing
		var can bool
		if want, can = statedBy(order); !can {
			return &UnprovenError{fmt.Errorf("meter: no answer to the command, and status word 3 cannot show it: %w", lost)}
		}
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

// sign is how status word 3 shows the effect of a command: these bits are so.
type sign struct {
	bits, so uint16
}

func (s sign) shown(word uint16) bool { return word&s.bits == s.so }

// bit is the sign of one.
func bit(b uint16, set bool) sign {
	if set {
		return sign{b, b}
	}
	return sign{b, 0}
}

// shownBy gives what shows a command's effect. A permission leaves the relay
// open until somebody presses the meter's button; only the commanded state
// changes.
func shownBy(c dlt645.Command) sign {
	switch c {
	case dlt645.CommandTrip:
		return bit(relayBit, true)
	case dlt645.CommandPermit:
		return bit(commandBit, false)
	case dlt645.CommandAlarm, dlt645.CommandAlarmOff:
		return bit(alarmBit, c == dlt645.CommandAlarm)
	case dlt645.CommandProtect, dlt645.CommandProtectOff:
		return bit(protectionBit, c == dlt645.CommandProtect)
	}
	return bit(relayBit, false)
}

// statedBy gives what shows that a command was taken which leaves the relay as it
// was, and whose answer is lost; false if nothing does. An open relay may be permitted
// to close, and a closed one may be about to trip: the commanded state tells.
func statedBy(c dlt645.Command) (sign, bool) {
	const both = relayBit | commandBit
	switch c {
	case dlt645.CommandTrip:
		return sign{both, both}, true
	case dlt645.CommandClose:
		return sign{both, 0}, true
	case dlt645.CommandPermit:
		return sign{}, false
	}
	return shownBy(c), true
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
