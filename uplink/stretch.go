package uplink

import "meterd/dlt645"

// stretch is a run of numbers in which records of a meter were passed over,
// because too many were parked already. It costs no memory for each record:
// they are read again when the meter is known. Every record of the meter in
// it was passed over.
type stretch struct {
	from, to uint64
	n        int // records of the meter that are left in it
	run      int // in which they were read
}

// mostStretches is how many of them a meter may have. Where there are more,
// the delivery waits for the meter.
const mostStretches = 1024

// pass passes a record over; false if it cannot be remembered.
func (d *delivery) pass(reg *registration, seq uint64) bool {
	if i := len(reg.passed) - 1; i >= 0 && reg.passed[i].run == d.run && !reg.went {
		reg.passed[i].to = seq
		reg.passed[i].n++
		d.skipped++
		return true
	}
	if len(reg.passed) >= mostStretches {
		return false
	}
	d.skipped++
	reg.passed, reg.went = append(reg.passed, stretch{seq, seq, 1, d.run}), false
	return true
}

// refill parks records of a meter that were passed over, some at a time.
func (d *delivery) refill(a dlt645.Address, reg *registration) {
	for range readAtOnce {
		if len(reg.passed) == 0 {
			return
		}
		s := &reg.passed[0]
		if s.n == 0 || s.from > s.to {
			d.count.Lost += s.n // overwritten meanwhile
			d.skipped -= s.n
			reg.passed = reg.passed[1:]
			continue
		}
		seq := s.from
		s.from++
		data, ok := d.source.Again(seq)
		if !ok {
			continue
		}
		if u, known := unitOf(seq, data); !known || u.meter() != a {
			continue
		}
		s.n--
		d.skipped--
		d.begin(&record{seq: seq, left: 1})
		reg.parked = append(reg.parked, seq)
		d.parked++
	}
	d.more = true
}

// passedOver gives the lowest number that may be of a record that was passed
// over; 0 if none was.
func (d *delivery) passedOver() (first uint64) {
	if d.skipped == 0 {
		return 0
	}
	for _, reg := range d.meters {
		for _, s := range reg.passed {
			if s.n > 0 && (first == 0 || s.from < first) {
				first = s.from
			}
		}
	}
	return first
}
