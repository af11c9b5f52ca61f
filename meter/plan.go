package meter

import (
	"slices"
	"time"

	"meterd/dlt645"
)

// Request is one read of a round.
type Request struct {
	DI     dlt645.DI
	Points []Point // that its answer is to give

	width, more int // of load records: bytes of the answer's values, and of the request besides the identifier
}

// Plan gives the fewest requests that bring the points of a meter of that
// edition: a block where it holds two or more identifiers, single reads for
// the rest. Points that the edition lacks are left out.
func Plan(points []Point, edition dlt645.Protocol) []Request {
	return plan(sources(points), edition, &Learned{}, time.Time{})
}

// plan leaves out what the meter is known to lack and reads singly where it
// refuses the block.
func plan(points []Point, edition dlt645.Protocol, known *Learned, now time.Time) []Request {
	inBlock := map[dlt645.DI]int{}
	counted := map[dlt645.DI]bool{}
	var have []Point
	for _, p := range points {
		p, ok := p.in(edition)
		if !ok {
			continue
		}
		have = append(have, p)
		if b, ok := blockOf(p); ok && !known.lacks(b, now) && !counted[p.DI] {
			counted[p.DI] = true
			inBlock[b]++
		}
	}
	var reqs []Request
	at := map[dlt645.DI]int{}
	for _, p := range have {
		di := p.DI
		if b, ok := blockOf(p); ok && inBlock[b] > 1 {
			di = b
		}
		if known.lacks(di, now) {
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

// named reports whether a point of that name is among some.
func named(points []Point, name string) bool {
	return slices.ContainsFunc(points, func(p Point) bool { return p.Name == name })
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
	if r.width > 0 {
		width = r.width
	}
	if len(r.Points) == 1 && r.Points[0].Custom != nil {
		width = r.Points[0].Custom.Bytes
	}
	n := r.DI.Len()
	return Cost{Sent: preamble + dlt645.FrameLen(n+r.more), Received: usualPreamble + dlt645.FrameLen(n+width)}
}

// usualDelay is the meters' delay that load is estimated with. The standard
// allows 20 to 500 ms.
const usualDelay = 50 * time.Millisecond

// Duration estimates how long a request keeps the line.
func (r Request) Duration(t Timing) time.Duration {
	c := r.Cost(t.Preamble)
	return t.Wire(c.Sent+c.Received) + usualDelay + t.Gap
}

// PlannedLoad gives the share of the line's time that the rounds need by the
// plan, of all meters as if they answered.
func (p *Poller) PlannedLoad() float64 {
	load := 0.0
	for _, s := range p.plan.slots {
		edition, how, _ := p.spoken(p.handles[s.meter])
		t := p.bus.timingOf(how)
		for _, req := range Plan(s.Points, edition) {
			load += req.Duration(t).Seconds() / s.Every.Seconds()
		}
	}
	return load
}
