package meter

import (
	"time"

	"meterd/dlt645"
)

// Usage computes what a register counted since midnight and since the first
// of the month. It survives restarts, because it is kept with what was
// learned, and a replaced meter, whose register stands lower.
type Usage struct {
	Last  string `json:"last,omitempty"`  // reading of the register
	Lower string `json:"lower,omitempty"` // a reading below it, which the next one is to confirm
	Ratio int64  `json:"ratio,omitempty"` // of the transformers, with which it was read
	Day   Period `json:"day"`
	Month Period `json:"month"`
}

// Period is a day or month that is being counted.
type Period struct {
	Name string `json:"name,omitempty"` // "2026-11-20", "2026-11"
	Base string `json:"base,omitempty"` // reading that is counted from
	Used string `json:"used,omitempty"` // by the meters before a replacement
}

// take counts a reading of the register at a time that can be trusted. The
// day before ends, and the new one begins, at the last reading before it. A
// reading that is lower than the last counts once the next one is lower, too:
// the first may be the meter's slip. False: it does not count yet.
func (u *Usage) take(now dlt645.Decimal, at time.Time) (day, month dlt645.Decimal, counts, changed bool) {
	last, err := dlt645.ParseDecimal(u.Last)
	if err != nil || last.Scale != now.Scale {
		last = now
	}
	if now.Coef < last.Coef { // another meter, or a register that went round
		if u.Lower == "" {
			u.Lower = now.String()
			return day, month, false, true
		}
		u.Day.carry(last)
		u.Month.carry(last)
		first, err := dlt645.ParseDecimal(u.Lower)
		if err != nil || first.Scale != now.Scale || first.Coef > now.Coef {
			first = now
		}
		last, changed = first, true
		u.Day.Base, u.Month.Base = first.String(), first.String()
	}
	u.Lower = ""
	changed = u.Day.turn(at.Format(time.DateOnly), last) || changed
	changed = u.Month.turn(at.Format("2006-01"), last) || changed
	u.Last = now.String()
	return u.Day.used(now), u.Month.used(now), true, changed
}

// rebase goes on from the next reading, whatever it is: another meter hangs
// there. What was counted stays.
func (u *Usage) rebase() {
	if last, err := dlt645.ParseDecimal(u.Last); err == nil {
		u.Day.carry(last)
		u.Month.carry(last)
	}
	u.Last, u.Lower, u.Day.Base, u.Month.Base = "", "", "", ""
}

// scaled notes the transformers' ratio. With another one nothing that was
// counted before fits.
func (u *Usage) scaled(ratio int64) {
	if u.Ratio != 0 && u.Ratio != ratio {
		*u = Usage{}
	}
	u.Ratio = ratio
}

// turn begins a new period if its name is another.
func (p *Period) turn(name string, last dlt645.Decimal) bool {
	if p.Name == name {
		return false
	}
	*p = Period{Name: name, Base: last.String()}
	return true
}

// carry keeps what the old meter counted.
func (p *Period) carry(last dlt645.Decimal) { p.Used = p.used(last).String() }

func (p *Period) used(now dlt645.Decimal) dlt645.Decimal {
	base, err := dlt645.ParseDecimal(p.Base)
	if err != nil || base.Scale != now.Scale {
		base = now
		p.Base = now.String()
	}
	before, err := dlt645.ParseDecimal(p.Used)
	if err != nil || before.Scale != now.Scale {
		before = dlt645.Decimal{}
	}
	return dlt645.Decimal{Coef: now.Coef - base.Coef + before.Coef, Scale: now.Scale}
}
