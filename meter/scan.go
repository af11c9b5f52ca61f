package meter

import (
	"context"
	"errors"
	"fmt"
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
	// Progress is told what is asked, and how many probes were sent so far.
	Progress func(text string, probes int)
}

// Scan finds every meter on a line. It asks the one meter for its address
// (13H), which works where there is only one, and then narrows: a read to an
// address whose unknown high-order digits are AA is answered by every meter
// that has the low-order ones, and where several answer at once there is
// noise. Silence ends a branch, so each probe is worth its wait. That a clean
// answer came does not prove that no other meter answered: what is left of
// the branch is asked too.
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
		c.Progress = func(string, int) {}
	}
	probes := 0
	for _, baud := range c.Bauds {
		for _, edition := range c.Editions {
			s := &scan{ScanConfig: c, edition: edition, baud: baud, probes: &probes, found: map[dlt645.Address]bool{}}
			if err := s.run(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// scan is the search at one rate and in one edition.
type scan struct {
	ScanConfig
	edition dlt645.Protocol
	baud    int
	found   map[dlt645.Address]bool
	times   Times
	probes  *int
}

// what an answer to a probe tells of a branch.
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
		if _, err := s.probe(ctx, dlt645.AddressRequest()); err != nil {
			return err
		}
	}
	return s.narrow(ctx, dlt645.AnyAddress, len(dlt645.Address{})-1)
}

// probeDI is what a meter of that edition always has: the forward active
// total.
func (s *scan) probeDI() dlt645.DI {
	if s.edition == dlt645.V1997 {
		return dlt645.DI{Protocol: s.edition, Code: 0x9010}
	}
	return dlt645.DI{Code: 0x00010000}
}

// narrow asks a branch: the address whose bytes up to and with at are AA. If
// anybody answers it asks each of its hundred branches.
func (s *scan) narrow(ctx context.Context, a dlt645.Address, at int) error {
	s.Progress(fmt.Sprintf("%s, %d baud, %s", s.edition, s.rate(), a), *s.probes)
	v, err := s.probe(ctx, dlt645.ReadRequest(a, s.probeDI()))
	if err != nil || v == nobody {
		return err
	}
	if at < 0 {
		return nil
	}
	for n := range 100 {
		a[at] = byte(n/10<<4 | n%10)
		if at == 0 {
			if _, err := s.probe(ctx, dlt645.ReadRequest(a, s.probeDI())); err != nil {
				return err
			}
			continue
		}
		if err := s.narrow(ctx, a, at-1); err != nil {
			return err
		}
	}
	return nil
}

// probe sends a request once and takes note of who answers.
func (s *scan) probe(ctx context.Context, req dlt645.Frame) (verdict, error) {
	if s.found[req.Address] {
		return somebody, nil
	}
	*s.probes++
	ans, err := s.Bus.TryAs(ctx, s.manner(), req)
	a := ans.Frame.Address
	var refusal *dlt645.Refusal
	switch {
	case ctx.Err() != nil:
		return nobody, ctx.Err()
	case FailureKind(err) == "port":
		return nobody, err
	case errors.Is(err, ErrSilence):
		return nobody, nil
	case errors.Is(err, ErrNoise):
		return several, nil
	case err != nil && !errors.As(err, &refusal):
		return nobody, err
	}
	s.times.add(ans.Took)
	if len(ans.Frame.Data) == len(a) && req.Control.Function() == dlt645.FuncReadAddress {
		a, _ = dlt645.AddressOf(ans.Frame.Data)
	}
	if a.IsMeter() && !s.found[a] {
		s.found[a] = true
		s.Found(Discovery{Address: a, Protocol: s.edition, Baud: s.rate(), Took: ans.Took})
	}
	return somebody, nil
}
