package store

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// aMinute is the record of a minute, long enough to fill a ring soon.
func aMinute(n int) []byte { return fmt.Appendf(nil, "%08d%s", n, strings.Repeat(" ", 1000)) }

func minuteOf(rec []byte) (at time.Time, ok bool) {
	var n int
	if _, err := fmt.Sscanf(string(rec[:8]), "%d", &n); err != nil || n%1000 == 0 { // such an hour had no clock
		return time.Time{}, false
	}
	return time.Unix(int64(n)*60, 0), true
}

// TestAGapTellsOfWhichTimeItIs, from the first record that is overwritten to the
// first that is not, over restarts and kills, and as closely as it can be known where a
// reader was overtaken.
func TestAGapTellsOfWhichTimeItIs(t *testing.T) {
	for _, c := range []struct {
		what     string
		from     int // the minute of the first record that is lost
		restarts int
		kill     bool
		idle     bool // there is one more restart before anything is lost
		along    bool // the reader was at work when the outage began
		since    int  // 0: not known
	}{
		{"the board runs on", 101, 0, false, false, false, 101},
		{"it is started anew", 101, 3, false, false, false, 101},
		{"it is killed", 101, 3, true, false, false, 101},
		{"it is started anew when all is delivered", 101, 0, false, true, false, 101},
		{"it is killed when all is delivered", 101, 0, true, true, false, 101},
		{"the first had no clock", 1000, 1, false, false, false, 0},
		{"a reader was overtaken", 101, 0, false, false, true, 101},
		{"a reader was overtaken at one without a clock", 1000, 0, false, false, true, 999},
	} {
		t.Run(c.what, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "ring")
			opt := Options{Geometry: Geometry{Size: MinSize}, Flush: time.Hour, Taken: minuteOf}
			r, err := Open(path, opt)
			if err != nil {
				t.Fatal(err)
			}
			add := func(from, n int) {
				t.Helper()
				for i := range n {
					if _, err := r.Append(aMinute(from + i)); err != nil {
						t.Fatal(err)
					}
					if i%20 == 19 {
						if err := r.Flush(); err != nil {
							t.Fatal(err)
						}
					}
				}
			}
			add(c.from-10, 10)
			pos := r.Last()
			if err := r.SetCursor("u", pos); err != nil {
				t.Fatal(err)
			}
			rd := r.NewReader(pos - 1).Of("u")
			if e, ok := rd.Next(); !ok || string(e.Data) != string(aMinute(c.from-1)) {
				t.Fatalf("before the outage stands %.8s", e.Data)
			}
			again := func() {
				t.Helper()
				if err := r.commit(!c.kill); err != nil {
					t.Fatal(err)
				}
				r.Close()
				if r, err = Open(path, opt); err != nil {
					t.Fatal(err)
				}
			}
			if c.idle {
				again()
			}
			for i := range c.restarts + 1 {
				if i > 0 {
					again()
				}
				add(c.from+1000*i, 1000)
			}
			defer func() { r.Close() }()
			if !c.along {
				rd = r.NewReader(pos).Of("u")
			}
			e, ok := rd.Next()
			for ; ok && e.Gap != nil && e.Gap.Cause != Overwritten; e, ok = rd.Next() {
			}
			if !ok || e.Gap == nil {
				t.Fatalf("no gap, but %.8s", e.Data)
			}
			after, ok := rd.Next()
			if !ok || after.Gap != nil {
				t.Fatalf("after the gap stands %+v", after.Gap)
			}
			until, _ := minuteOf(after.Data)
			since := time.Unix(int64(c.since)*60, 0)
			if c.since == 0 {
				since = time.Time{}
			}
			if !e.Gap.Since.Equal(since) || !e.Gap.Until.Equal(until) {
				t.Errorf("the gap is of %v to %v, want %v to %v", e.Gap.Since, e.Gap.Until, since, until)
			}
			at := r.Stats().UnseenSince["u"]
			if want := map[bool]time.Time{true: since}[c.since == c.from]; !at.Equal(want) {
				t.Errorf("it is told of %v, want %v", at, want)
			}
			if err := r.SetCursor("u", after.Seq); err != nil {
				t.Fatal(err)
			}
			if s := r.Stats(); len(s.UnseenSince)+len(s.Unseen) != 0 {
				t.Errorf("when all is delivered it tells %v, %v", s.UnseenSince, s.Unseen)
			}
		})
	}
}
