package meter

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"meterd/dlt645"
)

// When a meter settles: at up to three days of the month and hours, 04000B01 to
// 03. A settlement has no time with it, and the numbers of all three count as
// one row, from the newest.

// monthly is one of them.
type monthly struct {
	day, hour int // day 0: none
}

const (
	// mostSettlementDays is how many a meter has.
	mostSettlementDays = 3
	// mostSettlements is how many it keeps.
	mostSettlements = 12
	// settling is how far the clocks of the board and of a meter may differ around a
	// settlement: nobody knows which one is the last.
	settling = 10 * time.Minute
)

// settlementDay is the identifier of one of them, from 0: hhDD.
func settlementDay(n int) dlt645.DI { return dlt645.DI{Code: 0x04000B01 + uint32(n)} }

// parseMonthly reads one; false if there is none: 9999, 0000, or no day that each
// month has.
func parseMonthly(data []byte) (monthly, bool) {
	if len(data) != 2 {
		return monthly{}, false
	}
	return monthlyAt(bcdByte(data[1]), bcdByte(data[0]))
}

// monthlyAt gives that of a day and an hour; false if it is none of each month.
func monthlyAt(day, hour int) (monthly, bool) {
	if day < 1 || day > 28 || hour < 0 || hour > 23 {
		return monthly{}, false
	}
	return monthly{day, hour}, true
}

// settlementDays are the points of the three.
var settlementDays = [mostSettlementDays]string{"settlement.day", "settlement.day2", "settlement.day3"}

// monthlyOf takes one as it is told, DD hh; false for a day that not each month
// has.
func monthlyOf(text string) (monthly, bool) {
	d, h, _ := strings.Cut(text, " ")
	day, err := strconv.Atoi(d)
	hour, herr := strconv.Atoi(h)
	if err != nil || herr != nil {
		return monthly{}, false
	}
	return monthlyAt(day, hour)
}

// settledAt gives the last settlement that is not after a time.
func settledAt(rules []monthly, t time.Time) (last time.Time) {
	for _, s := range rules {
		if s.day > 0 {
			last = later(last, s.last(t))
		}
	}
	return last
}

// last is the last one of one rule.
func (s monthly) last(t time.Time) time.Time {
	at := time.Date(t.Year(), t.Month(), s.day, s.hour, 0, 0, 0, t.Location())
	if at.After(t) {
		at = time.Date(t.Year(), t.Month()-1, s.day, s.hour, 0, 0, 0, t.Location())
	}
	return at
}

// settlesNow reports whether the meter may settle just now.
func settlesNow(rules []monthly, now time.Time) bool {
	return !settledAt(rules, now.Add(-settling)).Equal(settledAt(rules, now.Add(settling-1)))
}

// settles takes when the meter settles. When all is known it goes to the
// settlement that is wanted: the newest of the first rule between from and to.
func (v *visit) settles(data []byte, refusal *dlt645.Refusal, now time.Time) {
	s, ok := parseMonthly(data)
	switch first := len(v.rules) == 0; {
	case refusal != nil && !refusal.Unsupported():
		v.unsure = true
		v.settle(v.to, CausePower)
		return
	case first && !ok:
		v.settle(v.to, CauseNever)
		return
	}
	if v.rules = append(v.rules, s); len(v.rules) < mostSettlementDays {
		return
	}
	first := v.rules[0]
	v.says = fmt.Sprintf("%02d%02d", first.day, first.hour)
	shown := v.health.learned.shown(now)
	v.newest = settledAt(v.rules, shown)
	at := v.newest
	if at.Before(v.from) && !settledAt(v.rules, now).Before(v.from) { // its clock is behind: it has not settled yet
		v.notYet = true
		v.settle(v.to, CausePower)
		return
	}
	for v.number = 1; (at.After(v.to) || !first.last(at).Equal(at)) && v.number < mostSettlements; v.number++ {
		at = settledAt(v.rules, at.Add(-time.Second))
	}
	if at.Before(v.from) || at.After(v.to) || !first.last(at).Equal(at) {
		v.settle(v.to, CauseOld)
		return
	}
	v.from, v.stage = at, stageItems
	if v.notYet = settlesNow(v.rules, shown); v.notYet {
		v.settle(v.to, CausePower)
	}
}

// bcdByte reads two digits; negative if they are none.
func bcdByte(b byte) int {
	if b>>4 > 9 || b&15 > 9 {
		return -1
	}
	return int(b>>4)*10 + int(b&15)
}
