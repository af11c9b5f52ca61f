package uplink

import (
	"slices"
	"testing"
	"time"
)

// TestPaceOfAPlatform: at each time as many messages go out as may; the next one
// waits until the first of them is Per old.
func TestPaceOfAPlatform(t *testing.T) {
	start := time.Unix(1000, 0)
	for _, row := range []struct {
		name  string
		limit Pace
		at    []time.Duration
		want  []int           // messages that may go then, of 10
		next  []time.Duration // until the next one may; 0: it may now
	}{
		{"no limit", Pace{}, []time.Duration{0, 1}, []int{10, 10}, []time.Duration{0, 0}},
		{"3 in 5 s", Pace{3, 5 * time.Second}, []time.Duration{0, time.Second, 4999 * time.Millisecond, 5 * time.Second},
			[]int{3, 0, 0, 3}, []time.Duration{5 * time.Second, 4 * time.Second, time.Millisecond, 5 * time.Second}},
		{"1 in 1 s, and a clock that is set back", Pace{1, time.Second}, []time.Duration{time.Minute, 0},
			[]int{1, 0}, []time.Duration{time.Second, time.Minute + time.Second}},
	} {
		p := pacing{limit: row.limit}
		for i, at := range row.at {
			now, n := start.Add(at), 0
			for ; n < 10 && p.ready(now); n++ {
				p.spend(now)
			}
			var wait time.Duration
			if next := p.next(now); !next.IsZero() {
				wait = next.Sub(now)
			}
			if n != row.want[i] || wait != row.next[i] {
				t.Errorf("%s: after %v %d went out, the next one in %v; want %d, %v", row.name, at, n, wait, row.want[i], row.next[i])
			}
		}
	}
}

// TestWhatATimeOutMeans, by how often it happened and what was heard meanwhile.
func TestWhatATimeOutMeans(t *testing.T) {
	sent := time.Unix(1000, 0)
	for _, row := range []struct {
		name  string
		tries int // before
		heard time.Duration
		want  lapse
	}{
		{"the first, nothing heard", 0, -time.Hour, lapseAgain},
		{"the second, others heard", 1, time.Second, lapseAgain},
		{"the third, nothing heard since", 2, -time.Second, lapseSilent},
		{"the third, heard at the moment it went out", 2, 0, lapseSilent},
		{"the third, others heard", 2, time.Millisecond, lapsePassed},
		{"the tenth, others heard", 9, time.Second, lapsePassed},
	} {
		p := pacing{timeout: 10 * time.Second, heard: sent.Add(row.heard)}
		r := &request{at: sent, patience: patience{tries: row.tries}}
		if got := p.lapsed(r); got != row.want || r.tries != row.tries+1 {
			t.Errorf("%s: got %d with %d time-outs, want %d", row.name, got, r.tries, row.want)
		}
		if got := p.overdue(sent.Add(10 * time.Second)); !got.Equal(sent) {
			t.Errorf("10 s later what was sent until %v is overdue, want %v", got, sent)
		}
	}
}

func TestPausesDoubleUpToFiveMinutes(t *testing.T) {
	now := time.Unix(1000, 0)
	var p patience
	var got []time.Duration
	for range 8 {
		got = append(got, p.postpone(now).Sub(now)/time.Second)
	}
	if want := []time.Duration{5, 10, 20, 40, 80, 160, 300, 300}; !slices.Equal(got, want) {
		t.Errorf("the pauses are %v s, want %v", got, want)
	}
}

func TestEarlierTakesZeroForNone(t *testing.T) {
	one, two := time.Unix(1, 0), time.Unix(2, 0)
	for _, row := range []struct{ a, b, want time.Time }{
		{one, two, one}, {two, one, one}, {time.Time{}, one, one}, {one, time.Time{}, one}, {},
	} {
		if got := earlier(row.a, row.b); !got.Equal(row.want) {
			t.Errorf("of %v and %v got %v", row.a, row.b, got)
		}
	}
}
