package meter

import (
	"context"
	"errors"
	"time"

	"meterd/dlt645"
)

// Discovery is a meter that Scan found.
type Discovery struct {
	Address  dlt645.Address
	Protocol dlt645.Protocol
	Baud     int
	Took     time.Duration // to its answer's first byte
}

// ScanConfig says where Scan looks.
type ScanConfig struct {
	Bus      *Bus
	Bauds    []int             // none: the line's own
	Editions []dlt645.Protocol // none: both
	// Timeout is the wait for a first byte; 0: 500 ms. It becomes shorter once
	// answers are known.
	Timeout time.Duration
	Found   func(Discovery)
	// Stop ends the search once that many are found; 0: at its end.
	Stop int
	// Progress is told before each probe how far the search is.
	Progress func(Progress)
}

// Progress is how far a search is.
type Progress struct {
	Edition dlt645.Protocol
	Baud    int
	Asked   dlt645.Address // the digits that are AA are not known yet
	Probes  int            // sent so far
	Done    float64        // share of the probes that are known to be needed, 0 to 1
	Left    time.Duration  // for the others, at the pace so far
}

// Scan finds every meter on a line. It asks the one meter for its address
// (13H), which works where there is only one, and then narrows: a read to an
// address whose unknown high-order digits are AA is answered by every meter
// that has the low-order ones, and where several answer at once there is
// noise. It goes a level at a time, so that most meters are found early: the
// hundred branches of the whole line, then those of the branches in which
// several answered. A clean answer ends its branch when another question brings
// one from the same meter: one meter may have drowned another out.
func Scan(ctx context.Context, c ScanConfig) error {
	if len(c.Bauds) == 0 {
		c.Bauds = []int{0}
	}
	if len(c.Editions) == 0 {
		c.Editions = []dlt645.Protocol{dlt645.V2007, dlt645.V1997}
	}
	if c.Timeout == 0 {
		c.Timeout = standardTimeout
	}
	if c.Progress == nil {
		c.Progress = func(Progress) {}
	}
	t := &tally{began: time.Now(), known: len(c.Bauds) * len(c.Editions)}
	for _, baud := range c.Bauds {
		for _, edition := range c.Editions {
			s := &scan{ScanConfig: c, edition: edition, baud: baud, tally: t, found: map[dlt645.Address]bool{}}
			if err := s.run(ctx); err != nil && !errors.Is(err, errEnough) {
				return err
			}
			if t.enough(c.Stop) {
				return nil
			}
		}
	}
	return nil
}

// errEnough ends a search that has found what was wanted.
var errEnough = errors.New("enough meters are found")

// tally is how far all searches are.
type tally struct {
	began  time.Time
	probes int
	known  int // probes that are known to be needed
	found  int
}

func (t *tally) enough(stop int) bool { return stop > 0 && t.found >= stop }

// left gives how much is done, and what the rest takes.
func (t *tally) left(now time.Time) (done float64, left time.Duration) {
	t.known = max(t.known, t.probes+1)
	if t.probes == 0 {
		return 0, 0
	}
	each := now.Sub(t.began) / time.Duration(t.probes)
	return float64(t.probes) / float64(t.known), each * time.Duration(t.known-t.probes)
}

// scan is the search at one rate and in one edition.
type scan struct {
	ScanConfig
	edition dlt645.Protocol
	baud    int
	found   map[dlt645.Address]bool
	times   Times
	tally   *tally
}

// branch is the part of all addresses whose bytes up to and with at are not
// known.
type branch struct {
	a  dlt645.Address
	at int
}

// what an answer to a probe says of a branch.
type verdict uint8

const (
	nobody   verdict = iota
	somebody         // one clean answer
	several          // noise: answers on top of each other
)

func (s *scan) manner() Manner {
	how := s.Bus.Manner()
	how.Baud, how.Timeout = s.baud, s.Timeout
	if s.times.N >= enoughTimes {
		how.Timeout = min(s.Timeout, s.times.timeout(s.Timeout))
	}
	return how
}

func (s *scan) rate() int {
	if s.baud != 0 {
		return s.baud
	}
	return s.Bus.timing.Baud
}

func (s *scan) run(ctx context.Context) error {
	if s.edition == dlt645.V2007 {
		s.tally.known++
		if _, _, err := s.probe(ctx, dlt645.AddressRequest()); err != nil {
			return err
		}
	}
	whole := branch{dlt645.AnyAddress, len(dlt645.Address{}) - 1}
	v, _, err := s.ask(ctx, whole.a, 0)
	if err != nil || v == nobody {
		return err
	}
	todo := []branch{whole} // in the order of levels
	for s.tally.known += 100; len(todo) > 0; todo = todo[1:] {
		more, err := s.split(ctx, todo[0])
		if err != nil {
			return err
		}
		todo = append(todo, more...)
	}
	return nil
}

// split asks the hundred branches of a branch, and gives those in which more
// than one meter answers.
func (s *scan) split(ctx context.Context, b branch) (more []branch, err error) {
	for n := range 100 {
		b.a[b.at] = byte(n/10<<4 | n%10)
		v, who, err := s.ask(ctx, b.a, 0)
		if err != nil {
			return nil, err
		}
		if b.at == 0 || v == nobody {
			continue
		}
		if v == somebody {
			s.tally.known++
			again, other, err := s.ask(ctx, b.a, 1)
			if err != nil {
				return nil, err
			}
			if again != several && (again == nobody || other == who) {
				continue
			}
		}
		more = append(more, branch{b.a, b.at - 1})
		s.tally.known += 100
	}
	return more, nil
}

// questions are two that a meter of each edition answers: the forward active
// total, and the voltage.
var questions = map[dlt645.Protocol][2]dlt645.DI{
	dlt645.V2007: {{Code: 0x00010000}, {Code: 0x02010100}},
	dlt645.V1997: {{Protocol: dlt645.V1997, Code: 0x9010}, {Protocol: dlt645.V1997, Code: 0xB611}},
}

// ask reads one of the questions from an address.
func (s *scan) ask(ctx context.Context, a dlt645.Address, question int) (verdict, dlt645.Address, error) {
	return s.probe(ctx, dlt645.ReadRequest(a, questions[s.edition][question]))
}

// probe sends a request once and tells who answers.
func (s *scan) probe(ctx context.Context, req dlt645.Frame) (verdict, dlt645.Address, error) {
	if s.tally.enough(s.Stop) {
		return nobody, dlt645.Address{}, errEnough
	}
	done, left := s.tally.left(time.Now())
	s.Progress(Progress{Edition: s.edition, Baud: s.rate(), Asked: req.Address, Probes: s.tally.probes, Done: done, Left: left})
	s.tally.probes++
	ans, err := s.Bus.TryAs(ctx, s.manner(), req)
	a := ans.Frame.Address
	var refusal *dlt645.Refusal
	switch {
	case ctx.Err() != nil:
		return nobody, a, ctx.Err()
	case FailureKind(err) == "port":
		return nobody, a, err
	case errors.Is(err, ErrSilence):
		return nobody, a, nil
	case errors.Is(err, ErrNoise):
		return several, a, nil
	case err != nil && !errors.As(err, &refusal):
		return nobody, a, err
	}
	s.times.add(ans.Took)
	if len(ans.Frame.Data) == len(a) && req.Control.Function() == dlt645.FuncReadAddress {
		a, _ = dlt645.AddressOf(ans.Frame.Data)
	}
	if a.IsMeter() && !s.found[a] {
		s.found[a] = true
		s.tally.found++
		s.Found(Discovery{Address: a, Protocol: s.edition, Baud: s.rate(), Took: ans.Took})
	}
	return somebody, a, nil
}
