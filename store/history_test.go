package store

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// TestPowerCuts runs random histories against a model, with a power cut at
// a random write or sync of each.
func TestPowerCuts(t *testing.T) {
	n := 2000
	if testing.Short() {
		n = 100
	}
	if err := histories(uint64(n)); err != nil {
		t.Fatal(err)
	}
}

func histories(n uint64) error {
	for seed := range n {
		if err := powerCut(seed); err != nil {
			return fmt.Errorf("history %d: %w", seed, err)
		}
	}
	return nil
}

func powerCut(seed uint64) error {
	rng := rand.New(rand.NewPCG(seed, 7))
	f, err := freshFile(4 + rng.IntN(3))
	if err != nil {
		return err
	}
	offered := map[uint64]string{} // all numbers ever given
	durable := map[uint64]bool{}
	for range 1 + rng.IntN(6) {
		found, err := reload(f)
		if err != nil {
			return err
		}
		seqs, data, gaps := all(found, 0)
		if err := check(seqs, data, gaps, offered, durable); err != nil {
			return err
		}
		r, err := openFile(f, Options{Flush: time.Hour, Taken: always})
		if err != nil {
			return err
		}
		var inMemory []uint64
		settle := func() {
			for _, seq := range inMemory {
				durable[seq] = true
			}
			inMemory = nil
		}
		for range rng.IntN(60) {
			switch rng.IntN(5) {
			case 0:
				if err := r.Flush(); err == nil {
					settle()
				}
			case 1:
				f.failures[[]string{"write", "sync"}[rng.IntN(2)]] = rng.IntN(2)
			default:
				rec := record(rng.Uint64N(1000))
				seq, err := r.Append(rec)
				if err != nil {
					continue
				}
				if _, twice := offered[seq]; twice {
					return fmt.Errorf("number %d was given twice", seq)
				}
				offered[seq] = string(rec)
				inMemory = append(inMemory, seq)
			}
		}
		clear(f.failures)
		switch rng.IntN(3) {
		case 0: // a clean end
			if err := r.commit(true); err != nil {
				return err
			}
			settle()
		case 1: // power fails during a commit
			f.failures["sync"] = 1 + rng.IntN(2)
			r.Flush()
		}
		// What the full ring has given up may be back after the cut, in part.
		left, _, _ := all(r, 0)
		for seq := range durable {
			if len(left) > 0 && seq < left[0] {
				delete(durable, seq)
			}
		}
		f = f.cut(rng)
	}
	return nil
}

// check holds what a reopened ring gives against what was put into it.
func check(seqs []uint64, data map[uint64]string, gaps []Gap, offered map[uint64]string, durable map[uint64]bool) error {
	have := map[uint64]bool{}
	for i, seq := range seqs {
		if i > 0 && seq <= seqs[i-1] {
			return fmt.Errorf("number %d after %d", seq, seqs[i-1])
		}
		if want, ok := offered[seq]; !ok || data[seq] != want {
			return fmt.Errorf("record %d was never appended so", seq)
		}
		have[seq] = true
	}
	inGap := func(seq uint64) bool {
		for _, g := range gaps {
			if g.From <= seq && seq <= g.To {
				return true
			}
		}
		return false
	}
	for seq := range durable {
		if !have[seq] {
			return fmt.Errorf("durable record %d is lost (in a gap: %v)\nhave %v\ngaps %v", seq, inGap(seq), seqs, gaps)
		}
	}
	return nil
}
