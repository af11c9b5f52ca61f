package meter

import (
	"errors"
	"slices"
	"strings"
	"time"

	"meterd/dlt645"
)

// health is whether a meter answers, when one that does not is asked again,
// and what its answers have taught. It reads no clock: up is the time since
// the poller began, now the wall clock's, which what is kept over a restart
// needs.
type health struct {
	learned  Learned
	silent   map[dlt645.DI]int  // how often it was silent to one, in a row
	overruns map[dlt645.DI]int  // how often it went on without end
	words    map[dlt645.DI]bool // the status words that it has given; true: it is silent to that since
	bareLost bool               // the last request went without FE and was lost
	guess    int                // which of the editions is asked for next

	lostRow int           // rounds lost one after the other
	pause   time.Duration // before the next question to a dead meter
	askAt   time.Duration // when a dead meter is asked again
}

const (
	// lostUntilDead is how many rounds a meter may lose one after the other
	// before it counts as offline.
	lostUntilDead = 2
	// firstPause is the wait before a dead meter is asked again; it doubles.
	firstPause = 10 * time.Second
	// deadShare is the share of the line's time that all dead meters may cost.
	deadShare = 0.05
)

func (h *health) dead() bool { return h.lostRow >= lostUntilDead }

// alive notes that the meter has answered.
func (h *health) alive() { h.lostRow = 0 }

// lost notes a round that was lost. A meter that died of it is asked again
// after rest, or later; longest bounds its pauses.
func (h *health) lost(up, rest, longest time.Duration) (died bool) {
	if h.lostRow++; h.lostRow != lostUntilDead {
		return false
	}
	h.pause = min(firstPause, longest)
	h.askAt = up + max(h.pause, rest)
	return true
}

// askedInVain notes that a dead meter was asked and did not answer.
func (h *health) askedInVain(up, rest, longest time.Duration) {
	h.pause = min(2*h.pause, longest)
	h.askAt = up + max(h.pause, rest)
}

// hurry has a dead meter asked by then.
func (h *health) hurry(up, longest time.Duration) {
	h.pause = min(firstPause, longest)
	h.askAt = min(h.askAt, up)
}

// restFor is how long each of so many dead meters is left alone, so that all
// of them together keep within their share of the line. Cost is the time that
// asking one takes.
func restFor(dead int, cost time.Duration) time.Duration {
	return time.Duration(float64(dead) * float64(cost) / deadShare)
}

// edition is the one that the meter speaks, as far as is known.
func (h *health) edition(of *Handle) dlt645.Protocol {
	if !of.Auto {
		return of.Protocol
	}
	if p, err := dlt645.ParseProtocol(h.learned.Protocol); err == nil {
		return p
	}
	return dlt645.V2007
}

// manner is how the meter is to be spoken to next, from how its line speaks
// to one that is not known.
func (h *health) manner(how Manner, t Timing, auto bool) Manner {
	if t.AutoPreamble && !h.bareLost {
		how.Preamble = h.learned.Preamble.next(how.Preamble)
	}
	if t.AutoTimeout {
		how.Timeout = h.learned.Times.timeout(t.MostTimeout)
	}
	if auto {
		how.Baud = h.learned.Baud
	}
	return how
}

// heard takes what one request in that manner taught of the meter. Since is not
// 0 where the answer may belong to a request before, which was given up.
func (h *health) heard(how Manner, t Timing, took, since time.Duration, err error) {
	bare := how.Preamble == 0 && t.AutoPreamble && t.Preamble > 0
	switch {
	case isLost(err):
		if errors.Is(err, ErrSilence) {
			h.learned.Times.Lost++
		}
		h.bareLost = bare
	case err == nil || FailureKind(err) == "refusal":
		times := &h.learned.Times
		if since > 0 && (times.N == 0 || took < times.Percentile(0.01)/2) { // sooner than it can answer
			took = since
		}
		if err == nil {
			times.add(took)
		}
		if bare {
			h.learned.Preamble.answered()
		} else if h.bareLost {
			h.learned.Preamble.missed()
		}
		h.bareLost = false
	}
}

// late takes how late an answer came for which nobody waited any more.
func (h *health) late(took time.Duration) {
	lost := h.learned.Times.Lost
	h.learned.Times.add(took)
	h.learned.Times.Lost = lost
}

// gaveNothing notes that a meter that answers others was silent to one, or
// refused it without saying that it lacks it. True: it is left alone with it.
func (h *health) gaveNothing(di dlt645.DI, now time.Time) bool {
	if h.silent == nil {
		h.silent = map[dlt645.DI]int{}
	}
	if h.silent[di]++; h.silent[di] < silentOften {
		return false
	}
	h.learned.lack(di, now.Add(silentFor))
	delete(h.silent, di)
	if _, given := h.words[di]; given {
		h.words[di] = true
	}
	return true
}

// gaveWords notes the status words that an answer held.
func (h *health) gaveWords(points []Point, values []PointValue) {
	for _, p := range points {
		if strings.HasPrefix(p.Name, "status.") && slices.ContainsFunc(values, func(v PointValue) bool { return v.Point == p.Name }) {
			if h.words == nil {
				h.words = map[dlt645.DI]bool{}
			}
			h.words[p.DI] = false
		}
	}
}

// misses reports whether a status word is among the points that the meter has, and
// is silent to for a while: what the word showed is not over.
func (h *health) misses(points []Point, now time.Time) bool {
	return slices.ContainsFunc(points, func(p Point) bool { return h.words[p.DI] && h.learned.lacks(p.DI, now) })
}

// gave notes that the meter has answered to one.
func (h *health) gave(di dlt645.DI, width int) {
	delete(h.silent, di)
	delete(h.overruns, di)
	h.learned.noteWidth(di, width)
}

// firstOverrun is how long an identifier is left alone first that went on
// without end.
const firstOverrun = 10 * time.Minute

// overran leaves a meter alone with an identifier, longer each time.
func (h *health) overran(di dlt645.DI, now time.Time) time.Duration {
	if h.overruns == nil {
		h.overruns = map[dlt645.DI]int{}
	}
	pause := min(firstOverrun<<min(h.overruns[di], 20), refusedFor)
	h.overruns[di]++
	h.learned.lack(di, now.Add(pause))
	return pause
}

// singles gives the single reads of points, but for what the meter lacks.
func (h *health) singles(points []Point, now time.Time) []Request {
	var reqs []Request
	for _, p := range points {
		if h.learned.lacks(p.DI, now) {
			continue
		}
		i := slices.IndexFunc(reqs, func(r Request) bool { return r.DI == p.DI })
		if i < 0 {
			i, reqs = len(reqs), append(reqs, Request{DI: p.DI})
		}
		reqs[i].Points = append(reqs[i].Points, p)
	}
	return reqs
}

// guess is one way to ask a meter for its edition: for the forward active
// total, at a rate. 0: the line's.
type guess struct {
	di   dlt645.DI
	baud int
}

// editions lists what a meter is asked for to learn its edition: first in that
// of 2007, then in that of 1997, at the line's rate and at the rates that
// edition starts with.
func editions(line int) []guess {
	new, old := dlt645.DI{Code: 0x00010000}, dlt645.DI{Protocol: dlt645.V1997, Code: 0x9010}
	all := []guess{{new, 0}, {old, 0}}
	for _, baud := range []int{1200, 2400} {
		if baud != line {
			all = append(all, guess{old, baud})
		}
	}
	return all
}

// next gives the guess to try.
func (h *health) next(line int) guess {
	all := editions(line)
	return all[h.guess%len(all)]
}

// right notes that the meter has answered to a guess.
func (h *health) right(g guess) {
	h.guess = 0
	h.learned.Protocol, h.learned.Baud = g.di.Protocol.String(), g.baud
}

// wrong notes that it has not; false when all were tried.
func (h *health) wrong(line int) (more bool) {
	h.guess = (h.guess + 1) % len(editions(line))
	return h.guess != 0
}

// forget has the edition of a meter that was to be found asked for anew:
// another one may hang there.
func (h *health) forget() { h.learned.Protocol, h.learned.Baud = "", 0 }
