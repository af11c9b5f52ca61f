package meter

import (
	"time"

	"meterd/dlt645"
)

// Request is one read of a round.
type Request struct {
	DI     dlt645.DI
	Points []Point // that its answer is to give
}

// abilities is what was learned about one meter: the identifiers that it
// refused because it has no such data, or is silent to while it answers
// others.
type abilities struct {
	lacking map[dlt645.DI]time.Time // until when this is believed
	silent  map[dlt645.DI]int       // how often it was silent to one, in a row
}

const (
	// refusedFor is how long a refusal is believed: meters get replaced and
	// reprogrammed.
	refusedFor = 24 * time.Hour
	// silentFor is how long an identifier is left alone that the meter is silent
	// to, which noise may have done.
	silentFor = time.Hour
	// silentOften is how often in a row a meter must be silent to one.
	silentOften = 2
)

func (a *abilities) lack(di dlt645.DI, until time.Time) {
	if a.lacking == nil {
		a.lacking = map[dlt645.DI]time.Time{}
	}
	a.lacking[di] = until
}

func (a *abilities) lacks(di dlt645.DI, now time.Time) bool { return now.Before(a.lacking[di]) }

// answered notes that the meter answers an identifier.
func (a *abilities) answered(di dlt645.DI) { delete(a.silent, di) }

// silentTo notes that a meter that answers others was silent to one.
func (a *abilities) silentTo(di dlt645.DI, now time.Time) {
	if a.silent == nil {
		a.silent = map[dlt645.DI]int{}
	}
	if a.silent[di]++; a.silent[di] >= silentOften {
		a.lack(di, now.Add(silentFor))
		delete(a.silent, di)
	}
}

// Plan gives the fewest requests that bring the points: a block where it
// holds two or more identifiers, single reads for the rest.
func Plan(points []Point) []Request { return plan(sources(points), &abilities{}, time.Time{}) }

// plan leaves out what the meter is known to lack and reads singly where it
// refuses the block.
func plan(points []Point, able *abilities, now time.Time) []Request {
	inBlock := map[dlt645.DI]int{}
	counted := map[dlt645.DI]bool{}
	for _, p := range points {
		if b, ok := blockOf(p); ok && !able.lacks(b, now) && !counted[p.DI] {
			counted[p.DI] = true
			inBlock[b]++
		}
	}
	var reqs []Request
	at := map[dlt645.DI]int{}
	for _, p := range points {
		di := p.DI
		if b, ok := blockOf(p); ok && inBlock[b] > 1 {
			di = b
		}
		if able.lacks(di, now) {
			continue
		}
		i, ok := at[di]
		if !ok {
			i = len(reqs)
			at[di] = i
			reqs = append(reqs, Request{DI: di})
		}
		reqs[i].Points = append(reqs[i].Points, p)
	}
	return reqs
}

func blockOf(p Point) (dlt645.DI, bool) {
	if p.Custom != nil {
		return dlt645.DI{}, false
	}
	return dlt645.Block(p.DI)
}

// sources replaces derived points by those they are computed from. Each
// point stands once.
func sources(points []Point) []Point {
	var all Points
	var out []Point
	seen := map[string]bool{}
	add := func(p Point) {
		if !seen[p.Name] {
			seen[p.Name] = true
			out = append(out, p)
		}
	}
	for _, p := range points {
		if p.From == nil {
			add(p)
		}
		for _, name := range p.From {
			if s, ok := all.Lookup(name); ok {
				add(s)
			}
		}
	}
	return out
}

// Cost is what a request takes of the line.
type Cost struct {
	Sent, Received int // bytes, preambles included
}

// usualPreamble is how many FE bytes most meters put before an answer.
const usualPreamble = 4

// Cost gives the bytes of a request and its usual answer with that many FE
// bytes before the request.
func (r Request) Cost(preamble int) Cost {
	width := dlt645.AnswerWidth(r.DI)
	if len(r.Points) == 1 && r.Points[0].Custom != nil {
		width = r.Points[0].Custom.Bytes
	}
	n := r.DI.Len()
	return Cost{Sent: preamble + dlt645.FrameLen(n), Received: usualPreamble + dlt645.FrameLen(n+width)}
}

// usualDelay is the meters' delay that load is estimated with. The standard
// allows 20 to 500 ms.
const usualDelay = 50 * time.Millisecond

// Duration estimates how long a request keeps the line.
func (r Request) Duration(t Timing) time.Duration {
	c := r.Cost(t.Preamble)
	return t.Wire(c.Sent+c.Received) + usualDelay + t.Gap
}
