package dlt645test

import (
	"fmt"
	"math/rand/v2"
	"sort"
	"strconv"
	"strings"
)

// Faults are the faults of a line, each with the share of the transactions
// (for Dead: of the meters) that it strikes, from 0 to 1.
type Faults struct {
	Noise      float64 // bytes that are no frame, before and within an answer
	Silence    float64 // no answer
	Late       float64 // an answer long after the time-out
	Checksum   float64 // an answer whose checksum is wrong
	Echo       float64 // the line gives the request back
	Dead       float64 // a meter that never answers
	NoPreamble float64 // an answer without FE bytes
	NoBlock    float64 // a meter that refuses block reads
	FollowUp   float64 // a meter whose answers need follow-up frames
}

func (f *Faults) byName() map[string]*float64 {
	return map[string]*float64{
		"noise": &f.Noise, "silence": &f.Silence, "late": &f.Late, "checksum": &f.Checksum, "echo": &f.Echo,
		"dead": &f.Dead, "no-preamble": &f.NoPreamble, "no-block": &f.NoBlock, "follow-up": &f.FollowUp,
	}
}

// Set reads NAME or NAME=RATE, as metersim's command line has it. Without a
// rate the fault strikes always.
func (f *Faults) Set(s string) error {
	name, rate, given := strings.Cut(s, "=")
	at, ok := f.byName()[name]
	if !ok {
		var names []string
		for n := range f.byName() {
			names = append(names, n)
		}
		sort.Strings(names)
		return fmt.Errorf("unknown fault %q: know %s", name, strings.Join(names, ", "))
	}
	*at = 1
	if given {
		v, err := strconv.ParseFloat(rate, 64)
		if err != nil || !(v >= 0 && v <= 1) {
			return fmt.Errorf("rate %q of fault %s is not between 0 and 1", rate, name)
		}
		*at = v
	}
	return nil
}

// ApplyTo switches on the faults that a meter has for good.
func (f *Faults) ApplyTo(meters []*Meter) {
	for i, m := range meters {
		if strikesMeter(f.NoBlock, i, len(meters)) {
			m.NoBlock = true
		}
		if strikesMeter(f.FollowUp, i, len(meters)) {
			m.Buffer = 8
		}
	}
}

// strikesMeter spreads a share over n meters: the first ones have the fault.
func strikesMeter(rate float64, i, n int) bool { return float64(i) < rate*float64(n) }

func strikes(rng *rand.Rand, rate float64) bool { return rate > 0 && rng.Float64() < rate }
