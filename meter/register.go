package meter

import (
	"context"
	"errors"
	"fmt"
	"time"

	"meterd/dlt645"
)

// What a meter is told to do with its registers: to freeze them, and to begin its
// maximum demands anew.

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
