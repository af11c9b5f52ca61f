package meter

import (
	"testing"
	"time"

	"meterd/dlt645"
)

// When a meter that has stopped answering is asked again: 10 s after it died,
// then twice as long each time, never more often than its share of the line
// allows, and soon when another one is back.
func TestWhenADeadMeterIsAskedAgain(t *testing.T) {
	const s = time.Second
	for _, c := range []struct {
		name          string
		rest, longest time.Duration
		want          []time.Duration // pauses, one question after the other
	}{
		{"the pause doubles up to the longest", 0, 5 * time.Minute, []time.Duration{10 * s, 20 * s, 40 * s, 80 * s, 160 * s, 300 * s, 300 * s}},
		{"many dead ones rest longer", 30 * s, 5 * time.Minute, []time.Duration{30 * s, 30 * s, 40 * s, 80 * s}},
		{"even than the longest", 400 * s, 5 * time.Minute, []time.Duration{400 * s, 400 * s}},
		{"a short longest", 0, 4 * s, []time.Duration{4 * s, 4 * s}},
	} {
		var h health
		up := 7 * time.Hour
		if h.lost(up, c.rest, c.longest) || h.dead() {
			t.Fatalf("%s: dead after one lost round", c.name)
		}
		if !h.lost(up, c.rest, c.longest) || !h.dead() {
			t.Fatalf("%s: alive after two lost rounds", c.name)
		}
		for i, want := range c.want {
			if got := h.askAt - up; got != want {
				t.Errorf("%s: question %d comes after %v, want %v", c.name, i, got, want)
			}
			up = h.askAt
			h.askedInVain(up, c.rest, c.longest)
		}
		if h.lost(up, c.rest, c.longest) {
			t.Errorf("%s: it died twice", c.name)
		}
		h.hurry(up+5*s, c.longest)
		if got := h.askAt - up; got != min(5*s, got) {
			t.Errorf("%s: when another is back it is asked after %v", c.name, got)
		}
		h.alive()
		if h.dead() {
			t.Errorf("%s: dead although it answers", c.name)
		}
	}
}

// All dead meters of a line together take 5 % of it.
func TestShareOfTheDead(t *testing.T) {
	for _, dead := range []int{1, 3, 30} {
		cost := 620 * time.Millisecond
		rest := restFor(dead, cost)
		if share := float64(dead) * float64(cost) / float64(rest); share < 0.0499 || share > 0.0501 {
			t.Errorf("%d dead meters take %.3f of the line", dead, share)
		}
	}
}

func TestWhatIsLeftAlone(t *testing.T) {
	now := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	di := dlt645.DI{Code: 0x02800007}
	var h health
	for i := range silentOften {
		if h.learned.lacks(di, now) {
			t.Fatalf("left alone after %d silences", i)
		}
		h.gaveNothing(di, now)
	}
	if !h.learned.lacks(di, now.Add(silentFor-1)) || h.learned.lacks(di, now.Add(silentFor)) {
		t.Errorf("after %d silences it is left alone for something else than %v", silentOften, silentFor)
	}
	h.gaveNothing(di, now)
	h.gaveNothing(di, now)
	h.gave(di, 2)
	if h.gaveNothing(di, now) {
		t.Error("silences before an answer count")
	}
	for _, want := range []time.Duration{10 * time.Minute, 20 * time.Minute, 40 * time.Minute, 80 * time.Minute, 160 * time.Minute, 320 * time.Minute, 640 * time.Minute, 1280 * time.Minute, refusedFor, refusedFor} {
		if got := h.overran(di, now); got != want {
			t.Errorf("an identifier without end is left alone for %v, want %v", got, want)
		}
	}
	h.gave(di, 2)
	if got := h.overran(di, now); got != firstOverrun {
		t.Errorf("after an answer that had an end it is left alone for %v, want %v", got, firstOverrun)
	}
}

// A meter whose edition is to be found is asked in each way once, and what
// answered is remembered until it dies.
func TestGuessesOfTheEdition(t *testing.T) {
	for line, want := range map[int][]guess{
		2400: {{dlt645.DI{Code: 0x00010000}, 0}, {dlt645.DI{Protocol: dlt645.V1997, Code: 0x9010}, 0}, {dlt645.DI{Protocol: dlt645.V1997, Code: 0x9010}, 1200}},
		9600: {{dlt645.DI{Code: 0x00010000}, 0}, {dlt645.DI{Protocol: dlt645.V1997, Code: 0x9010}, 0}, {dlt645.DI{Protocol: dlt645.V1997, Code: 0x9010}, 1200}, {dlt645.DI{Protocol: dlt645.V1997, Code: 0x9010}, 2400}},
	} {
		var h health
		for i, w := range want {
			if g := h.next(line); g != w {
				t.Errorf("at %d the guess %d is %v, want %v", line, i, g, w)
			}
			if more := h.wrong(line); more != (i < len(want)-1) {
				t.Errorf("at %d after guess %d there is more: %v", line, i, more)
			}
		}
		h.right(want[2])
		auto := &Handle{Auto: true}
		if h.edition(auto) != dlt645.V1997 || h.manner(Manner{}, Timing{}, true).Baud != 1200 {
			t.Errorf("at %d it is spoken to in %v at %d", line, h.edition(auto), h.manner(Manner{}, Timing{}, true).Baud)
		}
		h.forget()
		if h.edition(auto) != dlt645.V2007 || h.next(line) != want[0] {
			t.Errorf("at %d it is not asked anew", line)
		}
	}
}
