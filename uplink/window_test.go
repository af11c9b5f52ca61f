package uplink

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"meterd/dlt645"
)

// TestWhatGoesNext plays each story on a window and wants the messages that go
// out, in their order. Its words, of a message named by a letter:
//
//	a b:k c!   a becomes ready; b has the key k; c is a suspect
//	/a         a is a part of a divided message
//	+a         an answer to a: its keys are free
//	=a         a is answered with trouble: its keys stay taken, it is due in 5 s
//	<a         a is answered: its meter is not known; it is held
//	-M +M      the meter is not known to the platform, or known again
//	R          a registration is due
//	5s         so much time passes
//	1          one at a time, since a refusal had no name
//	.          all that may go goes
func TestWhatGoesNext(t *testing.T) {
	for _, row := range []struct {
		story string
		size  int
		fresh bool // something new comes next
		want  string
	}{
		{story: "a b c .", size: 2, want: "a b"},
		{story: "a b c . +b .", size: 2, want: "a b c"},
		{story: "a:k b:k c .", size: 9, want: "a c"},
		{story: "a:k b:k c . +a .", size: 9, want: "a c b"},
		{story: "a:k b:k . =a . 4s .", size: 9, want: "a"},
		{story: "a:k b:k . =a 5s .", size: 9, want: "a a"},
		{story: "a:k b:l . =a +b 5s . +a .", size: 9, want: "a b a"},
		{story: "a b . =a . =b 5s .", size: 1, want: "a b a"},
		{story: "a b . =a 5s .", size: 1, want: "a a"},
		{story: "-M a b .", size: 9, want: ""},
		{story: "-M a b . +M .", size: 9, want: "a b"},
		{story: "a b . -M <a c . +M .", size: 9, want: "a b a c"},
		{story: "a . =a -M 5s . +M .", size: 9, want: "a a"},
		{story: "/a b .", size: 9, want: "b a"},
		{story: "/a b .", size: 9, fresh: true, want: "b"},
		{story: "/a /b .", size: 9, want: "b a"},
		{story: "a b! c .", size: 9, want: "a"},
		{story: "a b! c . +a .", size: 9, want: "a b"},
		{story: "a b! c . +a . +b .", size: 9, want: "a b c"},
		{story: "a! . =a b 5s .", size: 9, want: "a a"},
		{story: "a b c 1 .", size: 9, want: "a b c"},
		{story: "a b . 1 c d .", size: 9, want: "a b"},
		{story: "a b . 1 c d +a +b .", size: 9, want: "a b c d"},
		{story: "a b . 1 =a =b c 5s . +a .", size: 9, want: "a b a b"},
		{story: "a R .", size: 1, want: "R"}, // it takes a place, but waits for none
		{story: "a R .", size: 2, want: "R a"},
		{story: "a . R R R .", size: 1, want: "a R R"},
	} {
		now := time.Unix(1000, 0)
		known, all := true, map[string]*request{}
		w := newWindow(row.size, 2, func(a dlt645.Address) bool { return a != meter1 || known })
		var got []string
		goes := func(r *request) {
			w.send(now, r)
			got = append(got, r.ID[:1])
		}
		registrations := 0
		for _, word := range strings.Fields(row.story) {
			pause, err := time.ParseDuration(word)
			name, keys, _ := strings.Cut(strings.Trim(word, "+=</!"), ":")
			switch {
			case word == ".":
				for r := w.due(now); r != nil; r = w.due(now) {
					goes(r)
				}
				for w.open(now) && !w.dry(row.fresh) {
					r, ok := w.first()
					if !ok {
						break
					}
					if w.mayGo(r) {
						goes(r)
					}
				}
			case word == "1":
				w.single = true
			case word == "-M":
				known = false
			case word == "+M":
				known = true
				w.welcome(meter1)
			case word == "R":
				registrations++
				w.delay(&request{Message: Message{ID: fmt.Sprint("R", registrations)}, reg: &registration{}}, now)
			case err == nil:
				now = now.Add(pause)
			case strings.ContainsAny(word[:1], "+=<"):
				r, ok := w.answered(name)
				if !ok {
					t.Fatalf("%q: %s is not outstanding", row.story, name)
				}
				switch word[0] {
				case '=':
					w.delay(r, now.Add(5*time.Second))
				case '<':
					w.release(r)
					w.hold(r)
				default:
					w.release(r)
				}
			default:
				r := &request{Message: Message{ID: name, Meter: meter1}, recs: []*record{{seq: 1}}}
				if keys != "" {
					r.Keys = []string{keys}
				}
				r.suspected = strings.HasSuffix(word, "!")
				if all[name] = r; word[0] == '/' {
					w.split([]*request{r})
				} else {
					w.put(r)
				}
			}
		}
		if want := strings.Fields(row.want); !slices.Equal(got, want) {
			t.Errorf("%q, %d outstanding at most: %v went out, want %v", row.story, row.size, got, want)
		}
	}
}

// TestANewConnectionBeginsWithTheOldestRecord: wherever a message stood, it goes
// out again in the order of the records; what was given up before waits for its
// time, unless it is all there is; registrations are forgotten.
func TestANewConnectionBeginsWithTheOldestRecord(t *testing.T) {
	now := time.Unix(1000, 0)
	at := func(seq uint64, pause time.Duration) *request {
		return &request{Message: Message{ID: fmt.Sprint(seq), Meter: meter1}, recs: []*record{{seq: seq}}, patience: patience{2, pause}}
	}
	for _, row := range []struct {
		name         string
		fill         func(w *window)
		ready, later []string
	}{
		{"in each place", func(w *window) {
			w.put(at(6, 0))
			w.split([]*request{at(2, 0)})
			w.hold(at(5, 0))
			w.blocked = append(w.blocked, at(1, 0))
			w.delay(at(4, 0), now)
			w.send(now, at(3, 0))
		}, []string{"1", "2", "3", "4", "5", "6"}, nil},
		{"given up before", func(w *window) { w.put(at(2, 0)); w.send(now, at(1, time.Second)) }, []string{"2"}, []string{"1"}},
		{"given up, and nothing else", func(w *window) { w.send(now, at(1, time.Second)) }, []string{"1"}, nil},
		{"given up, alone and suspected", func(w *window) {
			r := at(1, time.Second)
			r.suspected = true
			w.send(now, r)
		}, nil, []string{"1"}},
		{"a registration", func(w *window) {
			w.send(now, &request{reg: &registration{}})
			w.delay(&request{reg: &registration{}}, now)
		}, nil, nil},
	} {
		w := newWindow(9, 1, func(dlt645.Address) bool { return true })
		row.fill(&w)
		w.reopen(now)
		var ready, later []string
		for _, r := range w.ready {
			ready = append(ready, r.ID)
		}
		for _, r := range w.later {
			later = append(later, r.ID)
		}
		if !slices.Equal(ready, row.ready) || !slices.Equal(later, row.later) || len(w.all()) != len(ready)+len(later) {
			t.Errorf("%s: ready %v, later %v, want %v and %v; %d in all", row.name, ready, later, row.ready, row.later, len(w.all()))
		}
		for _, r := range w.all() {
			if r.tries != 0 {
				t.Errorf("%s: %s keeps %d time-outs of the connection before", row.name, r.ID, r.tries)
			}
		}
		if got, want := w.delayed[meter1], len(later); got != want {
			t.Errorf("%s: %d are counted as delayed, want %d", row.name, got, want)
		}
	}
}

// TestTimesOfAWindow: what is overdue, and when the next message will be.
func TestTimesOfAWindow(t *testing.T) {
	start := time.Unix(1000, 0)
	w := newWindow(9, 1, func(dlt645.Address) bool { return true })
	if next := w.next(start, 10*time.Second); !next.IsZero() {
		t.Errorf("an empty window waits for %v", next)
	}
	for i := range 3 {
		w.send(start.Add(time.Duration(i)*time.Second), &request{Message: Message{ID: fmt.Sprint(i)}})
	}
	w.delay(&request{}, start.Add(11500*time.Millisecond))
	for _, row := range []struct {
		now, next time.Duration
		overdue   []string
	}{
		{9999 * time.Millisecond, 10 * time.Second, nil},
		{11 * time.Second, 11500 * time.Millisecond, []string{"0", "1"}},
		{11500 * time.Millisecond, 12 * time.Second, nil}, // what is due waits for a place, not for a time
	} {
		now := start.Add(row.now)
		var overdue []string
		for _, r := range w.overdue(now.Add(-10 * time.Second)) {
			overdue = append(overdue, r.ID)
		}
		if next := w.next(now, 10*time.Second); !slices.Equal(overdue, row.overdue) || !next.Equal(start.Add(row.next)) {
			t.Errorf("after %v: overdue %v, the next after %v; want %v, %v", row.now, overdue, next.Sub(start), row.overdue, row.next)
		}
	}
}
