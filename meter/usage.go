package meter

import (
	"time"

	"meterd/dlt645"
)

// Usage computes what a register counted since midnight and since the first
// of the month. It survives restarts, because it is kept with what was
// learned, and a replaced meter, whose register stands lower.
type Usage struct {
	Last  string `json:"last,omitempty"` // reading of the register
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
// day before ends, and the new one begins, at the last reading before it.
func (u *Usage) take(now dlt645.Decimal, at time.Time) (day, month dlt645.Decimal, changed bool) {
	last, err := dlt645.ParseDecimal(u.Last)
	if err != nil || last.Scale != now.Scale {
		last = now
	}
	if now.Coef < last.Coef { // another meter, or a register that went round
		u.Day.carry(last)
		u.Month.carry(last)
		last, changed = now, true
		u.Day.Base, u.Month.Base = now.String(), now.String()
	}
	changed = u.Day.turn(at.Format(time.DateOnly), last) || changed
	changed = u.Month.turn(at.Format("2006-01"), last) || changed
	u.Last = now.String()
	return u.Day.used(now), u.Month.used(now), changed
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
	}
	before, err := dlt645.ParseDecimal(p.Used)
	if err != nil || before.Scale != now.Scale {
		before = dlt645.Decimal{}
	}
	return dlt645.Decimal{Coef: now.Coef - base.Coef + before.Coef, Scale: now.Scale}
}
