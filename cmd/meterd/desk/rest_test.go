package desk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestADeskThatRests finishes what is at work, refuses what waits and what
// comes, and sends nothing afterwards.
func TestADeskThatRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, "", nil, 2)
		b.meters[0].Quirks.Stuck = true // it is watched for 20 s
		for i := range 5 {
			b.ask(trip(b.all[0], fmt.Sprint("r", i)))
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		began := time.Now()
		soon, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := b.desk.Rest(soon); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("while one is at work: %v", err)
		}
		if err := b.desk.Rest(t.Context()); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took < 14*time.Second || took > 16*time.Second {
			t.Errorf("it rests after %v", took)
		}
		b.ask(trip(b.all[1], "late"))
		if err := b.desk.Rest(t.Context()); err != nil {
			t.Error(err)
		}
		b.answered("late")
		for id, want := range map[string]string{"r0": "not confirmed", "r1": "busy", "r4": "busy", "late": "busy"} {
			if got := b.results[id]; !slices.Equal(got, []string{want}) {
				t.Errorf("%s is told %v, want %s", id, got, want)
			}
		}
		if b.frames() != 1 || len(b.records()) != 2 {
			t.Errorf("%d frames, the record %v", b.frames(), b.records())
		}
		b.end()
	})
}
