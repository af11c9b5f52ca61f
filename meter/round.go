package meter

import (
	"errors"
	"time"

	"meterd/dlt645"
)

// outcome is what a round brought.
type outcome struct {
	reading  Reading
	clock    time.Time // when the meter's time of day was read
	blank    []string  // points of which the meter said that it has none
	answered bool      // at least one request was answered, if only by a refusal
	lost     error     // the failure that ended the round early
	invalid  int       // values that were no numbers, and answers of a wrong length
}

// round is one reading of a group: a plan of requests, and what came of each.
// It speaks to nobody: next says what is to be asked, took takes what came of
// it.
//
// A block that does not bring its members, for whatever reason, is replaced by
// single reads at once. A request that is lost to silence or noise, retries and
// all, ends the round unless the meter answers others: a dead meter shall cost
// one request and not all, but one bad identifier shall not cost the others.
type round struct {
	slot    *slot
	of      *Handle
	health  *health
	belongs time.Time     // the moment on the wall clock
	began   time.Duration // since the poller began
	retries int           // of a request that is lost

	todo    []Request
	tries   int      // of the first of todo that were lost
	lostRow int      // requests lost one after the other
	doubt   *Request // the meter was silent to it and has answered nothing yet
	silence error    // of doubt
	ended   bool

	out     outcome
	learned bool      // something that is worth keeping
	found   []finding // what is to be told
}

// lostUntilEnd is how many requests in a row may be lost before a round ends.
const lostUntilEnd = 2

// finding is what a round has to tell of a request.
type finding struct {
	kind findingKind
	di   dlt645.DI
	err  error
	rest time.Duration // of foundEndless: how long it is left alone
}

type findingKind uint8

const (
	foundRefusal findingKind = iota
	foundBlockRefusal
	foundEndless
	foundNonsense
)

// question is what is to be asked next.
type question struct {
	di    dlt645.DI
	probe bool // whether the meter answers at all: asked once, and the first frame is enough
}

// newRound plans a round of a meter's group. The first round after a start
// and that of a meter that is back belong to the moment at which they begin.
func newRound(s *slot, of *Handle, h *health, now moment, retries int) *round {
	r := &round{slot: s, of: of, health: h, belongs: s.due.at, began: now.up, retries: retries}
	r.out.reading.Meter = of.Address
	r.todo = plan(sources(s.Points), h.edition(of), &h.learned, now.wall)
	return r
}

// next gives what is to be asked; false at the end of the round.
func (r *round) next() (question, bool) {
	switch {
	case r.ended:
	case r.doubt != nil:
		return question{r.besides(*r.doubt), true}, true
	case len(r.todo) > 0 && r.lostRow < lostUntilEnd:
		return question{di: r.todo[0].DI}, true
	}
	return question{}, false
}

// besides gives what a meter is asked for that was silent to one request: a
// member of a block, since some meters are silent to blocks, or what the round
// has next. Zero if there is nothing.
func (r *round) besides(req Request) dlt645.DI {
	switch {
	case dlt645.IsBlock(req.DI):
		return req.Points[0].DI
	case len(r.todo) > 0:
		return r.todo[0].DI
	}
	return dlt645.DI{}
}

// cut ends a round that cannot go on: the port is lost, or the program ends.
func (r *round) cut(err error) { r.out.lost, r.ended = err, true }

// took takes what came of the question that next gave. Again tells that it was
// lost and is to be asked once more.
func (r *round) took(res Reply, err error, now time.Time) (again bool) {
	if r.doubt != nil {
		r.settle(err, now)
		return false
	}
	if isLost(err) && r.tries < r.retries {
		r.tries++
		return true
	}
	req := r.todo[0]
	r.todo, r.tries = r.todo[1:], 0
	refusal, refused := errors.AsType[*dlt645.Refusal](err)
	switch {
	case err == nil:
		r.lostRow = 0
		r.take(req, res, now)
	case refused:
		r.refused(req, res, refusal, now)
	case errors.Is(err, ErrOverrun): // the line is for the others too
		r.lostRow = 0
		r.out.answered = true
		r.learned = true
		r.tell(finding{foundEndless, req.DI, err, r.health.overran(req.DI, now)})
		if dlt645.IsBlock(req.DI) {
			r.singly(req.Points, now)
		}
	case FailureKind(err) == "port":
		r.cut(err)
	case errors.Is(err, errUnclear): // it is there
		r.out.answered = true
		r.gone(req, err, now)
		r.lostRow = 0
	case r.out.answered:
		r.gone(req, err, now)
	case isLost(err) && r.besides(req) != dlt645.DI{}:
		r.doubt, r.silence = &req, err
	default:
		r.cut(err)
	}
	return false
}

// settle takes what a meter says that had said nothing yet.
func (r *round) settle(err error, now time.Time) {
	req := *r.doubt
	r.doubt = nil
	if err != nil && FailureKind(err) != "refusal" {
		r.cut(r.silence)
		return
	}
	r.out.answered = true
	r.gone(req, r.silence, now)
}

// gone notes that a request of a meter that answers others was lost.
func (r *round) gone(req Request, err error, now time.Time) {
	silent := errors.Is(err, ErrSilence)
	block := dlt645.IsBlock(req.DI)
	if silent || block { // a block that always comes broken is none
		r.learned = r.health.gaveNothing(req.DI, now) || r.learned
	}
	if block { // its members tell whether the meter is still there
		r.singly(req.Points, now)
		r.lostRow = max(r.lostRow, lostUntilEnd-1) // a dead one shall cost no more than it did
		return
	}
	r.out.lost = err
	r.lostRow++
}

// refused notes a refusal: an answer, and mostly one for good.
func (r *round) refused(req Request, res Reply, refusal *dlt645.Refusal, now time.Time) {
	r.lostRow = 0
	r.out.answered = true
	r.tell(finding{kind: foundRefusal, di: req.DI, err: refusal})
	switch block := dlt645.IsBlock(req.DI); {
	case res.Data != nil && !block: // a refused follow-up frame does not mean that there are no data
	case refusal.Unsupported() || block: // meters refuse a block with any code
		r.health.learned.lack(req.DI, now.Add(refusedFor))
		r.learned = true
		if !block {
			delete(r.health.words, req.DI)
			return
		}
		if !refusal.Unsupported() { // else it is the usual way
			r.tell(finding{kind: foundBlockRefusal, di: req.DI, err: refusal})
		}
		r.singly(req.Points, now)
	default:
		r.learned = r.health.gaveNothing(req.DI, now) || r.learned
	}
}

// take puts an answer's values into the reading. What a block leaves out is
// asked for singly.
func (r *round) take(req Request, res Reply, now time.Time) {
	out := &r.out
	out.answered = true
	if out.reading.Time.IsZero() {
		out.reading.Time = res.At
	}
	r.health.gave(req.DI, len(res.Data))
	got, err := decode(req, res.Data, r.of.CT, r.of.PT)
	if err != nil {
		r.tell(finding{kind: foundNonsense, di: req.DI, err: err})
		if dlt645.IsBlock(req.DI) {
			r.health.learned.lack(req.DI, now.Add(refusedFor))
			r.learned = true
		}
	}
	out.invalid += got.invalid
	r.health.gaveWords(req.Points, got.values)
	for _, v := range got.values {
		if v.Point == "clock.time" {
			out.clock = res.At
		}
	}
	out.reading.Values = append(out.reading.Values, got.values...)
	out.blank = append(out.blank, got.blank...)
	if dlt645.IsBlock(req.DI) {
		r.singly(got.left, now)
	}
}

// singly has points asked for one by one, next.
func (r *round) singly(points []Point, now time.Time) {
	r.todo = append(r.health.singles(points, now), r.todo...)
}

func (r *round) tell(f finding) { r.found = append(r.found, f) }
