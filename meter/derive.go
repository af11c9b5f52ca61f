package meter

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"meterd/dlt645"
)

// told is how far a reading holds what was asked for.
type told struct {
	whole bool     // nothing was lost: a word that is missing is no sign that its faults are gone
	asked []Point  // none of them derived
	blank []string // of these, of which the meter said that it has none
	known *Learned
	now   time.Time
}

// without reports whether a point was asked for that the meter is known not to
// have.
func (t told) without(point string) bool {
	for _, p := range t.asked {
		if p.Name == point {
			return slices.Contains(t.blank, point) || t.known.lacks(p.DI, t.now)
		}
	}
	return false
}

// derive computes the derived points whose sources a round brought. Clock is
// when the meter's time of day was read, by the board's clock.
func derive(r *Reading, zone *time.Location, clock time.Time, t told) {
	if w, ok := word(r, "status.3"); ok {
		r.add("relay", text(relayState(w)))
	}
	if names, ok := faults(r, t); ok && t.whole {
		r.add("fault", text(strings.Join(names, ",")))
	}
	if t, ok := meterClock(r, zone); ok {
		r.add("clock", text(t.Format(time.RFC3339)))
		if r.Trusted && !clock.IsZero() {
			off := int64(t.Sub(clock.Truncate(time.Second)).Round(time.Second) / time.Second)
			r.add("clock.offset", dlt645.Value{Kind: dlt645.Number, Dec: dlt645.Decimal{Coef: off}})
		}
	}
	if at, ok := settled(r, zone, t); ok {
		r.add("settlement.time", dlt645.Value{Kind: dlt645.Time, Text: at.Format("2006-01-02 15:04")})
	}
}

// settled gives the last instant at which the meter settles by its rules, up to
// three days of the month and hours (04000B01 to 03), where the energy of that
// settlement was read with them. Near that instant, and where a rule is not
// known, nobody knows which settlement the meter has told of: then there is none.
func settled(r *Reading, zone *time.Location, t told) (time.Time, bool) {
	if _, ok := r.Value("settlement.forward.total"); !ok || !r.Trusted || r.Doubtful {
		return time.Time{}, false
	}
	var rules []monthly
	for _, point := range settlementDays {
		v, there := r.Value(point)
		s, ok := monthlyOf(v.Text)
		switch {
		case there && ok:
			rules = append(rules, s)
		case there || !t.without(point):
			return time.Time{}, false
		}
	}
	local := r.Time.In(zone)
	at := settledAt(rules, local)
	return at, !at.IsZero() && !settlesNow(rules, local) && !t.known.clockWrong() && !t.known.doubtful(at)
}

// used adds what the register of forward energy has counted, by the books of
// the place; most is the highest power that the meter can count, in kW. The
// totals of yesterday and of the last month are told once, when they are known.
// Own tells that the meter freezes nothing. Held tells that the register cannot
// have moved there, and that nothing follows from this reading.
func used(r *Reading, b *Books, zone *time.Location, most dlt645.Decimal, own bool) (changed, held bool) {
	v, ok := r.Value("energy.forward.total")
	if !ok || v.Kind != dlt645.Number || !r.Trusted || r.Doubtful {
		return false, false
	}
	at := r.Time.In(zone)
	before := len(b.Marks)
	today := ""
	if before > 0 {
		today = b.Marks[0].Day
	}
	if !b.take(v.Dec, at, r.Round.In(zone), most) {
		return true, true
	}
	changed = len(b.Marks) != before || before > 0 && b.Marks[0].Day != today
	f := b.figures(at, own)
	add := func(name string, d *dlt645.Decimal) {
		if d != nil {
			r.add(name, dlt645.Value{Kind: dlt645.Number, Dec: *d})
		}
	}
	add("energy.forward.day", f.Day)
	add("energy.forward.month", f.Month)
	return b.tell(r, at, f) || changed, false
}

// tell adds the totals of yesterday and of the last month that are known and were
// not told yet.
func (b *Books) tell(r *Reading, at time.Time, f Figures) (told bool) {
	if day := at.Format(time.DateOnly); b.ToldDay != day && f.Yesterday != nil {
		r.add("energy.forward.yesterday", dlt645.Value{Kind: dlt645.Number, Dec: *f.Yesterday})
		b.ToldDay, told = day, true
	}
	if month := at.Format("2006-01"); b.ToldMonth != month && f.LastMonth != nil {
		r.add("energy.forward.lastmonth", dlt645.Value{Kind: dlt645.Number, Dec: *f.LastMonth})
		b.ToldMonth, told = month, true
	}
	return told
}

// rated takes the highest power that the meter can count from its nameplate:
// its voltage and its greatest current on three phases, and a half more.
func (l *Learned) rated(r *Reading) {
	volt, ok1 := plate(r, "meter.rated.voltage")
	v, _ := r.Value("meter.rated.most")
	most, ok2 := Greatest(v.Text)
	if !ok1 || !ok2 {
		return
	}
	// 3 × 1.5 × V × A in W
	w, ok := volt.Mul(int64(most.Coef))
	if !ok || w.Coef <= 0 || w.Coef > 1<<40 {
		return
	}
	w.Scale += most.Scale
	w.Coef = w.Coef * 9 / 2
	w.Scale += 3
	l.Rating = w.String()
}

// plate reads the number at the beginning of what a nameplate says: "220.0V".
func plate(r *Reading, point string) (dlt645.Decimal, bool) {
	v, _ := r.Value(point)
	return leading(v.Text)
}

// Greatest reads the greatest current of a nameplate, in A: "60A", or that in
// brackets, "5(60)A". False if there is none.
func Greatest(text string) (dlt645.Decimal, bool) {
	if _, inside, ok := strings.Cut(text, "("); ok {
		text = inside
	}
	return leading(text)
}

// leading reads the number at the beginning of a text.
func leading(text string) (dlt645.Decimal, bool) {
	end := strings.IndexFunc(text, func(c rune) bool { return (c < '0' || c > '9') && c != '.' })
	if end < 0 {
		end = len(text)
	}
	d, err := dlt645.ParseDecimal(text[:end])
	return d, err == nil && d.Coef > 0 && d.Scale <= 2
}

// freezesNothing reports whether the days of a meter must be counted from the
// board's own readings: it has no daily freeze, or nobody asks for it.
func (h *health) freezesNothing(of *Handle, asked bool, now time.Time) bool {
	return !asked || h.edition(of) != dlt645.V2007 || h.learned.lacks(Daily.timeOf(1), now) || h.learned.lacks(dlt645.DI{Code: 0x05060101}, now)
}

// usualMost is the highest power of a meter of which nothing is known, in kW:
// 264 V and 100 A on three phases.
var usualMost = dlt645.Decimal{Coef: 792, Scale: 1}

// most is the highest power that a meter can count, in kW with its ratio.
func (l *Learned) most(h *Handle) dlt645.Decimal {
	if h.MaxPower.Coef > 0 {
		return h.MaxPower
	}
	most, err := dlt645.ParseDecimal(l.Rating)
	if err != nil || most.Coef <= 0 {
		most = usualMost
	}
	with, ok := most.Mul(max(h.CT, 1) * max(h.PT, 1))
	if !ok {
		return dlt645.Decimal{}
	}
	return with
}

func text(s string) dlt645.Value { return dlt645.Value{Kind: dlt645.Characters, Text: s} }

// word gives a status word of the reading.
func word(r *Reading, point string) (uint16, bool) {
	v, ok := r.Value(point)
	if !ok || v.Kind != dlt645.Bits {
		return 0, false
	}
	n, err := strconv.ParseUint(v.Text, 16, 16)
	return uint16(n), err == nil
}

// relayState reads bit 4 of status word 3: 0 is closed.
func relayState(word3 uint16) string {
	if word3&(1<<4) != 0 {
		return "open"
	}
	return "closed"
}

// phaseFaults are the bits 0 to 7 of status words 4 to 6, one word a phase.
var phaseFaults = [8]string{
	"loss-of-voltage", "under-voltage", "over-voltage", "loss-of-current", "over-current", "overload", "reverse-flow", "phase-loss",
}

// commonFaults are the bits 0 to 6 of status word 7.
var commonFaults = [7]string{
	"voltage-sequence", "current-sequence", "voltage-unbalance", "current-unbalance", "aux-power-lost", "power-off", "demand-over",
}

// faults names the faults that the status words show; none is an empty list,
// but without word 7 and one of the phases' nothing is known. A meter that lacks
// one of the two, as some of a single phase do, tells by the other.
func faults(r *Reading, t told) ([]string, bool) {
	var names []string
	known := false
	for i, suffix := range phaseSuffixes {
		w, ok := word(r, "status."+strconv.Itoa(4+i))
		known = known || ok
		for bit, name := range phaseFaults {
			if w>>bit&1 != 0 {
				names = append(names, name+suffix)
			}
		}
	}
	w7, ok := word(r, "status.7")
	for bit, name := range commonFaults {
		if w7>>bit&1 != 0 {
			names = append(names, name)
		}
	}
	w1, _ := word(r, "status.1")
	if w1&(1<<2) != 0 {
		names = append(names, "clock-battery-low")
	}
	if w1&(1<<3) != 0 {
		names = append(names, "reading-battery-low")
	}
	if w3, _ := word(r, "status.3"); w3&(1<<7) != 0 {
		names = append(names, "credit-low")
	}
	return names, known && ok || known && t.without("status.7") || ok && t.without("status.4")
}

// meterClock puts the meter's date and time together. They are two reads, so
// near midnight nobody knows whether they belong to one day: then there is
// none.
func meterClock(r *Reading, zone *time.Location) (time.Time, bool) {
	date, ok1 := r.Value("clock.date")
	clock, ok2 := r.Value("clock.time")
	if !ok1 || !ok2 {
		return time.Time{}, false
	}
	if clock.Text >= "23:59" || clock.Text < "00:01" {
		return time.Time{}, false
	}
	t, err := time.ParseInLocation("2006-01-02 15:04:05", date.Text+" "+clock.Text, zone)
	return t, err == nil
}

// ratio gives the transformer ratio of a point. Those of its battery and the like
// have none.
func ratio(p Point, ct, pt int64) int64 {
	if p.Unit == "V" && !strings.HasPrefix(p.Name, "voltage.") && !strings.HasPrefix(p.Name, "limit.voltage.") && !strings.HasPrefix(p.Name, "trigger.voltage.") {
		return 1
	}
	return ratioOf(p.Unit, ct, pt)
}

// ratioOf gives that of what is measured in a unit: currents × ct, voltages × pt,
// powers and energies × ct × pt.
func ratioOf(unit string, ct, pt int64) int64 {
	switch unit {
	case "A":
		return ct
	case "V":
		return pt
	case "kW", "kvar", "kVA", "kWh", "kvarh", "kVAh":
		return ct * pt
	}
	return 1
}
