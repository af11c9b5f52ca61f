package meter

import (
	"fmt"
	"testing"
)

func TestSlowWatcherIsToldWhatItMissed(t *testing.T) {
	b := &Bus{}
	watch, stop := b.Watch()
	defer stop()
	for i := range recentTraces + 7 {
		b.recent.add(Trace{Bus: fmt.Sprint(i)})
	}
	for i := range recentTraces {
		if got := <-watch; got.Bus != fmt.Sprint(i) || got.Missed != 0 {
			t.Fatalf("trace %d: got %+v", i, got)
		}
	}
	b.recent.add(Trace{Bus: "next"})
	b.recent.add(Trace{Bus: "after"})
	if got := <-watch; got.Bus != "next" || got.Missed != 7 {
		t.Errorf("got %+v, want 7 missed", got)
	}
	if got := <-watch; got.Bus != "after" || got.Missed != 0 {
		t.Errorf("got %+v, want none missed", got)
	}
	if got := b.Recent(); len(got) != recentTraces || got[len(got)-1].Missed != 0 {
		t.Errorf("what is kept has %d traces, the last missed %d", len(got), got[len(got)-1].Missed)
	}
}
