package uplink

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"meterd/dlt645"
)

// doors is a platform whose registration has some steps.
type doors struct {
	twoItems
	steps int
}

func (p *doors) Register(_ time.Time, d *Device, step int) (Message, bool) {
	return Message{ID: fmt.Sprint(step), Meter: d.Address()}, step < p.steps
}

// TestHowAMeterBecomesKnown: each row gives the steps that a platform wants, and
// what it answers, one after the other; Ignored is no answer in time.
func TestHowAMeterBecomesKnown(t *testing.T) {
	for _, row := range []struct {
		name    string
		steps   int
		answers []Verdict
		asked   []string // the steps that went out
		known   bool
		greets  int // registrations without an answer at the end
		refused bool
		err     string
	}{
		{name: "no registration is needed", known: true},
		{name: "nothing has come yet", steps: 1, asked: []string{"0"}, greets: 1},
		{name: "one step", steps: 1, answers: []Verdict{Accepted}, asked: []string{"0"}, known: true},
		{name: "two steps, one accepted", steps: 2, answers: []Verdict{Accepted}, asked: []string{"0", "1"}},
		{name: "two steps", steps: 2, answers: []Verdict{Accepted, Accepted}, asked: []string{"0", "1"}, known: true},
		{name: "refused", steps: 1, answers: []Verdict{Refused}, asked: []string{"0", "0"}, refused: true, err: "no (7)"},
		{name: "in trouble", steps: 1, answers: []Verdict{TryLater}, asked: []string{"0", "0"}, err: "no (7)"},
		{name: "the second step is refused", steps: 2, answers: []Verdict{Accepted, Unsupported}, asked: []string{"0", "1", "1"}, refused: true, err: "no (7)"},
		{name: "refused, then accepted", steps: 1, answers: []Verdict{Refused, Accepted}, asked: []string{"0", "0"}, known: true},
		{name: "no answer", steps: 1, answers: []Verdict{Ignored}, asked: []string{"0", "0"}, err: "no answer to the registration"},
		{name: "no answer, then accepted", steps: 1, answers: []Verdict{Ignored, Accepted}, asked: []string{"0", "0"}, known: true},
	} {
		now := time.Unix(1000, 0)
		l := newRoll(&doors{twoItems{meters: []dlt645.Address{meter1}}, row.steps})
		var asked []string
		out := func(r *request) *request {
			if r != nil {
				asked = append(asked, r.ID)
			}
			return r
		}
		r := out(l.register(now, meter1))
		if again := l.register(now, meter1); again != nil {
			t.Errorf("%s: a second registration went out beside the first", row.name)
		}
		for _, verdict := range row.answers {
			if verdict == Ignored {
				l.lapsed(r.reg)
				out(r)
				continue
			}
			r = out(l.answered(now, r, Receipt{ID: r.ID, Verdict: verdict, Code: "7", Text: "no"}))
		}
		reg := l.registrations[meter1]
		if !slices.Equal(asked, row.asked) || l.knows(meter1) != row.known || l.takes(meter1) != row.known || l.greets != row.greets || reg.refused != row.refused || reg.err != row.err {
			t.Errorf("%s: steps %v, known %v, %d without an answer, %+v", row.name, asked, l.knows(meter1), l.greets, *reg)
		}
		if why := l.unregistered()[meter1]; why != row.err {
			t.Errorf("%s: the reason is told as %q, want %q", row.name, why, row.err)
		}
		l.reopen()
		if l.knows(meter1) || l.greets != 0 {
			t.Errorf("%s: a new connection begins with the old state", row.name)
		}
	}
}

// TestProbe: a registration of a meter that is known asks whether anybody is
// there, one at a time, where the platform knows registrations.
func TestProbe(t *testing.T) {
	now := time.Unix(1000, 0)
	for _, row := range []struct {
		name  string
		steps int
		known bool
		out   []bool // probes that go out
		can   bool
	}{
		{"no meter is known", 1, false, []bool{false, false}, false},
		{"the second would only repeat the first", 1, true, []bool{true, false}, true},
		{"without registrations", 0, true, []bool{false, false}, false},
	} {
		l := newRoll(&doors{twoItems{meters: []dlt645.Address{meter1}}, row.steps})
		l.registrations[meter1].known = row.known
		for i, want := range row.out {
			if r, can := l.probe(now); can != row.can || (r != nil) != want || r != nil && !r.probe {
				t.Errorf("%s: try %d gives %+v, %v", row.name, i, r, can)
			}
		}
	}
}

// TestMessagesOfNobodyInParticularWaitForNoMeter: only those of our meters do.
func TestMessagesOfNobodyInParticularWaitForNoMeter(t *testing.T) {
	l := newRoll(&twoItems{meters: []dlt645.Address{meter1}})
	for a, want := range map[dlt645.Address]bool{meter1: false, meter2: true, {}: true} {
		if got := l.takes(a); got != want || l.ours(a) == want {
			t.Errorf("messages of %s may go: %v, want %v", a, got, want)
		}
	}
}

// TestAMeterThatIsTakenForOfflineIsVouchedFor until what there is of it is
// delivered.
func TestAMeterThatIsTakenForOfflineIsVouchedFor(t *testing.T) {
	s := newStage(t, 16, meter1, meter2)
	s.src.add(meter1)
	s.answer(Accepted, s.sends()...)
	s.want("1/a", "1/b")
	s.answer(Accepted, "1/b")
	s.answer(Offline, "1/a")
	if !s.d.vouches(meter1) || s.d.vouches(meter2) || !s.d.roll.vouching {
		t.Errorf("meter 1 is told as online: %v, meter 2: %v, at once: %v", s.d.vouches(meter1), s.d.vouches(meter2), s.d.roll.vouching)
	}
	s.later(firstPostpone)
	s.want("1/a")
	s.answer(Accepted, "1/a")
	if s.d.vouches(meter1) {
		t.Error("it is told as online although all is delivered")
	}
}
