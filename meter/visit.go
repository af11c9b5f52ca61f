package meter

import (
	"errors"
	"slices"
	"time"

	"meterd/dlt645"
)

// visit is one look into a meter's memory, a transaction at a time: what is to
// be asked, and what came of it. It speaks to nobody and reads no clock. The
// time that a record carries decides which moment it is of: numbers count from
// the newest record, and shift when a new one comes.
type visit struct {
	of     *Handle
	health *health
	kind   Memory
	points []Point
	zone   *time.Location // of the meter's clock
	step   time.Duration  // between the moments that are wanted
	from   time.Time      // the first moment that is wanted
	to     time.Time      // the last one

	assembly dlt645.Assembly // of an answer in several frames
	more     bool            // it goes on

	stage   stage
	number  int // of the record that is asked for
	newer   int // the last one that is known to be of a later moment
	older   int // the first one that is known to be of an earlier moment; 0: none
	todo    []Request
	spoilt  bool          // a load record is damaged
	apartBy time.Duration // how far its load records lie apart; 0: not known
	again   int           // how often the number had shifted meanwhile
	refused int           // items
	none    bool          // it does not even have the newest one
	blank   bool          // the settlement that is asked for was never made
	rules   []monthly     // when the meter settles, as far as it has said so
	newest  time.Time     // its newest settlement, when the number was found

	// What came of it.
	found  []recollection // by their moments
	upTo   time.Time      // moments until here are settled; zero: none is
	cause  Cause          // why those that were not found are not there
	notYet bool           // the record may still come
	unsure bool           // something was refused, but not because it is not there
	says   string         // when the meter settles first, as it says: "0100"
	lost   error          // the line failed
}

// recollection is what a meter remembers of a moment.
type recollection struct {
	at     time.Time
	values []PointValue
}

type stage uint8

const (
	stageTime stage = iota // which moment is record n of?
	stageItems
	stageCheck // is it still that record?
	stageRecords
	stageParameter // when does the meter settle?
	stageOver
)

// loadAtOnce is how many load records are asked for at once.
const loadAtOnce = 4

// newVisit begins to look for the moments from one to another.
func newVisit(h *Handle, he *health, kind Memory, points []Point, from, to, now time.Time, step time.Duration) *visit {
	v := &visit{of: h, health: he, kind: kind, points: points, zone: now.Location(), step: step, from: from, to: to}
	for _, r := range kind.asked(points) {
		if !he.learned.lacks(r.DI, now) {
			v.todo = append(v.todo, r)
		}
	}
	switch kind {
	case Load:
		v.stage = stageRecords
	case Month:
		v.stage = stageParameter
	default:
		v.to = from
		v.number = v.guess(now)
		if he.learned.lacks(kind.timeOf(1), now) {
			v.todo = nil
		}
	}
	if len(v.todo) == 0 {
		v.settle(v.to, CauseNever)
	}
	return v
}

// guess gives the number that a freeze has if none is missing.
func (v *visit) guess(now time.Time) int {
	n := 1
	for t := v.from; n <= v.kind.deepest(); n++ {
		if t = nextRound(t, v.step, v.zone); t.After(now) {
			break
		}
	}
	return n
}

// next gives the request that is to be sent; false at the end.
func (v *visit) next() (dlt645.Frame, bool) {
	a := v.of.Address
	switch {
	case v.stage == stageOver:
		return dlt645.Frame{}, false
	case v.more:
		return v.assembly.Next(a), true
	case v.stage == stageTime, v.stage == stageCheck:
		return dlt645.ReadRequest(a, v.kind.timeOf(v.number)), true
	case v.stage == stageParameter:
		return dlt645.ReadRequest(a, settlementDay(len(v.rules))), true
	case v.stage == stageRecords:
		return dlt645.LoadRequest(a, v.todo[0].DI, loadAtOnce, v.from), true
	}
	return dlt645.ReadRequest(a, v.asks()), true
}

// asks is the identifier of the item that is asked for.
func (v *visit) asks() dlt645.DI {
	if v.kind == Month {
		di := v.todo[0].DI
		di.Code = di.Code&^0xFF | uint32(v.number)
		return di
	}
	return number(v.todo[0].DI, v.number)
}

// took takes what came of the request that next gave.
func (v *visit) took(ans dlt645.Frame, err error, now time.Time) {
	refusal, refused := errors.AsType[*dlt645.Refusal](err)
	if refused && v.more { // of a follow-up frame: it has forgotten what it was asked
		refused, err = false, ErrNoise
	}
	var data []byte
	if err == nil {
		more, bad := v.assembly.Add(ans)
		data = slices.Clone(v.assembly.Data())
		switch {
		case bad != nil:
			err = bad
		case more && len(data) > longestRecord:
			err = ErrOverrun
		case more:
			v.more = true
			return
		}
	}
	v.assembly, v.more = dlt645.Assembly{}, false
	if err != nil && !refused {
		v.lost = err
		v.stage = stageOver
		return
	}
	switch v.stage {
	case stageTime:
		v.timed(data, refusal, now)
	case stageCheck:
		v.checked(data, now)
	case stageRecords:
		v.recorded(data, refusal)
	case stageParameter:
		v.settles(data, refusal, now)
	case stageItems:
		v.item(data, refusal, now)
	}
}

// settle ends the visit: all moments until then that were not found are
// missing for that cause.
func (v *visit) settle(upTo time.Time, cause Cause) {
	v.upTo, v.cause, v.stage = upTo, cause, stageOver
}

// moment reads the time of record n.
func (v *visit) moment(data []byte) (time.Time, bool) {
	items, err := dlt645.Decode(nil, v.kind.timeOf(v.number), data)
	if err != nil || len(items) == 0 {
		return time.Time{}, false
	}
	return momentOf(items[0].Value, v.zone)
}

// timed takes the time of the record that is asked for, and goes to that of the
// moment that is wanted.
func (v *visit) timed(data []byte, refusal *dlt645.Refusal, now time.Time) {
	at, ok := v.moment(data)
	switch {
	case refusal != nil && v.number == 1 && refusal.Unsupported():
		v.health.learned.lack(v.kind.timeOf(1), now.Add(refusedFor))
		v.settle(v.to, CauseNever)
	case !ok: // it has no such record, nor any with a higher number
		v.none = v.none || v.number == 1
		v.older = v.number
		v.narrow((v.newer + v.number) / 2)
	case at.Equal(v.from):
		v.stage = stageItems
	case at.After(v.from):
		v.newer = v.number
		v.narrow(v.number + v.apart(v.from, at))
	default:
		v.older = v.number
		v.narrow(v.number - v.apart(at, v.from))
	}
}

// apart counts the steps between two moments, at least one.
func (v *visit) apart(from, to time.Time) int {
	return max(1, int((to.Sub(from)+v.step/2)/v.step))
}

// narrow goes on with number n, or with the nearest one that may still be the
// wanted one.
func (v *visit) narrow(n int) {
	low, high := v.newer+1, v.kind.deepest()
	if v.older > 0 {
		high = v.older - 1
	}
	switch {
	case low <= high:
		v.number = min(max(n, low), high)
	case v.newer == 0: // the newest record is older than what is wanted
		v.notYet = true
		v.settle(time.Time{}, CausePower)
	case v.newer >= v.kind.deepest():
		v.settle(v.to, CauseOld)
	default:
		v.settle(v.to, CausePower)
	}
}

// item takes an item of the record.
func (v *visit) item(data []byte, refusal *dlt645.Refusal, now time.Time) {
	req := v.todo[0]
	di := v.asks()
	v.todo = v.todo[1:]
	if refusal != nil && refusal.Unsupported() {
		if v.number == 1 { // else it lacks that record alone
			v.health.learned.lack(req.DI, now.Add(refusedFor))
			v.refused++
		}
	} else if refusal != nil {
		v.unsure = true
	} else {
		if items, err := dlt645.Decode(nil, di, data); err == nil {
			values := v.kind.recalled(req.Points, items, 0, v.of)
			v.keep(v.from, values)
		}
	}
	if len(v.todo) > 0 {
		return
	}
	switch {
	case v.kind != Month:
		v.stage = stageCheck // a new record may have come meanwhile
	case !settledAt(v.rules, v.health.learned.shown(now)).Equal(v.newest) || settlesNow(v.rules, v.health.learned.shown(now)): // numbers have shifted, or may have
		v.found, v.notYet = nil, true
		v.settle(v.to, CausePower)
	default:
		v.settle(v.to, v.why())
	}
}

// why tells why a record that is there has brought nothing.
func (v *visit) why() Cause {
	if v.refused > 0 {
		return CauseNever
	}
	return CauseDamaged
}

// checked sees that the number is still that of the moment. Else what was read
// belongs to another one, and the record is looked for anew.
func (v *visit) checked(data []byte, now time.Time) {
	if at, ok := v.moment(data); ok && at.Equal(v.from) {
		v.settle(v.to, v.why())
		return
	}
	v.found = nil
	if v.again++; v.again > 2 {
		v.notYet = true
		v.settle(time.Time{}, CausePower)
		return
	}
	v.newer, v.older, v.stage, v.refused = 0, 0, stageTime, 0
	v.todo = slices.DeleteFunc(v.kind.asked(v.points), func(r Request) bool { return v.health.learned.lacks(r.DI, now) })
	if len(v.todo) == 0 {
		v.settle(v.to, CauseNever)
	}
}

// keep notes values of a moment. Where the register has counted and the record
// says zero, it is blank, and nothing that it says is a value.
func (v *visit) keep(at time.Time, values []PointValue) {
	blank := slices.ContainsFunc(values, func(p PointValue) bool {
		return p.Point == "energy.forward.total" && p.Value.Dec.Coef == 0
	})
	if blank && v.counted() {
		if v.kind == Month { // no time tells that there is no such record: all of it is blank
			v.blank, v.found = true, nil
		}
		return
	}
	if len(values) == 0 || v.blank {
		return
	}
	i := slices.IndexFunc(v.found, func(r recollection) bool { return r.at.Equal(at) })
	if i < 0 {
		i, v.found = len(v.found), append(v.found, recollection{at: at})
	}
	v.found[i].values = append(v.found[i].values, values...)
}

// counted reports whether the register of the place stands above zero, and did
// not begin there lately.
func (v *visit) counted() bool {
	last, err := dlt645.ParseDecimal(v.health.learned.Books.Last)
	return err == nil && last.Coef > 1000*max(v.health.learned.Books.Ratio, 1)
}

// recorded takes some load records of one class. A refusal that does not say that
// there are none settles nothing.
func (v *visit) recorded(data []byte, refusal *dlt645.Refusal) {
	req := v.todo[0]
	v.todo = v.todo[1:]
	last := time.Time{}
	switch {
	case refusal == nil:
		last = v.records(req, data)
	case !refusal.Unsupported():
		v.unsure = true
	}
	switch {
	case !last.IsZero() && (v.upTo.IsZero() || last.Before(v.upTo)):
		v.upTo = last
	case last.IsZero() && v.upTo.IsZero():
		v.upTo = v.to // there is none from there on
	}
	if len(v.todo) > 0 {
		return
	}
	cause := CausePower
	switch {
	case v.spoilt:
		cause = CauseDamaged
	case v.apartBy > v.step:
		cause = CauseBetween
	}
	if v.upTo.After(v.to) {
		v.upTo = v.to
	}
	v.settle(v.upTo, cause)
}

// records takes the load records of an answer, and gives the moment of the last
// one; zero if there is none.
func (v *visit) records(req Request, data []byte) (last time.Time) {
	items, err := dlt645.Decode(nil, req.DI, data)
	if err != nil {
		return last
	}
	for len(items) > 0 {
		base := items[0].Index / dlt645.LoadStride * dlt645.LoadStride
		n := 0
		for n < len(items) && items[n].Index < base+dlt645.LoadStride {
			n++
		}
		if at, ok := momentOf(items[0].Value, v.zone); ok && items[0].Index == base {
			if gap := at.Sub(last); !last.IsZero() && gap > 0 && (v.apartBy == 0 || gap < v.apartBy) {
				v.apartBy = gap
			}
			if at.After(last) {
				last = at
			}
			if !at.Before(v.from) && !at.After(v.to) {
				v.keep(at, v.kind.recalled(req.Points, items[:n], base, v.of))
			}
		} else if items[0].Value.Kind == dlt645.Invalid {
			v.spoilt = true
		}
		items = items[n:]
	}
	return last
}
