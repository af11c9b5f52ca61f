package meter

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"meterd/dlt645"
)

// What a round asks for, one question after the other, by what came of each:
// "ok" all that is asked for, "short" the first member of a block, "none" an
// answer 02, "other" an answer 01, "silent", "noise", "endless" or "port". A
// question that only shows whether the meter is there has a "?".
func TestWhatARoundAsksFor(t *testing.T) {
	const voltages, a, b, c = "0201FF00", "02010100", "02010200", "02010300"
	const freq = "02800002"
	for _, row := range []struct {
		name  string
		came  map[string]string // what comes of an identifier; else "ok"
		asked string
		got   int // values
		lost  bool
	}{
		{"all is well", nil, voltages + " " + freq, 4, false},
		{"the block is lacking", map[string]string{voltages: "none"}, strings.Join([]string{voltages, a, b, c, freq}, " "), 4, false},
		{"the block is refused with another code", map[string]string{voltages: "other"}, strings.Join([]string{voltages, a, b, c, freq}, " "), 4, false},
		{"the block ends early", map[string]string{voltages: "short"}, strings.Join([]string{voltages, b, c, freq}, " "), 4, false},
		{"silent to the block", map[string]string{voltages: "silent"}, strings.Join([]string{voltages, voltages, a + "?", a, b, c, freq}, " "), 4, false},
		{"the block never ends", map[string]string{voltages: "endless"}, strings.Join([]string{voltages, a, b, c, freq}, " "), 4, false},
		{"dead", map[string]string{voltages: "silent", a: "silent", freq: "silent"}, strings.Join([]string{voltages, voltages, a + "?"}, " "), 0, true},
		{"noise alone", map[string]string{voltages: "noise", a: "noise", freq: "noise"}, strings.Join([]string{voltages, voltages, a + "?"}, " "), 0, true},
		{"one is silent", map[string]string{freq: "silent"}, strings.Join([]string{voltages, freq, freq}, " "), 3, true},
		{"one is lacking", map[string]string{freq: "none"}, voltages + " " + freq, 3, false},
		{"the port is lost", map[string]string{voltages: "port"}, voltages, 0, true},
		{"the port is lost later", map[string]string{freq: "port"}, voltages + " " + freq, 3, true},
	} {
		now := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
		h := &Handle{Name: "a", Address: unit1}
		r := newRound(&slot{Group: Group{Every: time.Minute, Points: pointsOf(t, "voltage", "frequency")}}, h, &health{}, moment{wall: now}, 1)
		var asked []string
		for q, more := r.next(); more; q, more = r.next() {
			if len(asked) > 20 {
				t.Fatalf("%s: it goes on for ever: %v", row.name, asked)
			}
			id := q.di.String()
			mark := id
			if q.probe {
				mark += "?"
			}
			asked = append(asked, mark)
			res, err := comes(row.came[id], q.di, now)
			r.took(res, err, now)
		}
		if got := strings.Join(asked, " "); got != row.asked {
			t.Errorf("%s: asked for %s, want %s", row.name, got, row.asked)
		}
		if len(r.out.reading.Values) != row.got || (r.out.lost != nil) != row.lost {
			t.Errorf("%s: %d values and %v, want %d", row.name, len(r.out.reading.Values), r.out.lost, row.got)
		}
	}
}

// comes gives the outcome of a read by its name.
func comes(what string, di dlt645.DI, now time.Time) (Reply, error) {
	data := make([]byte, dlt645.AnswerWidth(di))
	if dlt645.IsBlock(di) {
		data = slices.Repeat([]byte{0, 0x22}, 3)
	}
	switch what {
	case "short":
		data = data[:2]
	case "none":
		return Reply{}, &dlt645.Refusal{Code: []byte{2}}
	case "other":
		return Reply{}, &dlt645.Refusal{Code: []byte{1}}
	case "silent":
		return Reply{}, fmt.Errorf("%w: a test", ErrSilence)
	case "noise":
		return Reply{}, fmt.Errorf("%w: a test", ErrNoise)
	case "endless":
		return Reply{}, fmt.Errorf("%w: a test", ErrOverrun)
	case "port":
		return Reply{}, &PortError{Bus: "a", Err: fmt.Errorf("a test")}
	}
	return Reply{Data: data, At: now}, nil
}
