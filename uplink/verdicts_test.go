package uplink

import (
	"io"
	"strings"
	"testing"
	"time"
	"unicode"
)

// TestAConnectionThatEndsForNoMessageBlamesNone, wherever they stand, also those
// that wait for their meter.
func TestAConnectionThatEndsForNoMessageBlamesNone(t *testing.T) {
	s := newStage(t, 4, meter1)
	suspect := func() *request {
		r := &request{Message: Message{ID: "x", Meter: meter1}, recs: []*record{{seq: 1}}}
		r.suspected, r.blamed, r.unheard = true, 3, 2
		return r
	}
	places := map[string]func(r *request){
		"ready":   func(r *request) { s.d.window.put(r) },
		"a part":  func(r *request) { s.d.window.split([]*request{r}) },
		"later":   func(r *request) { s.d.window.delay(r, s.now) },
		"held":    func(r *request) { s.d.window.hold(r) },
		"blocked": func(r *request) { s.d.window.blocked = append(s.d.window.blocked, r) },
		"sent":    func(r *request) { s.d.window.send(s.now.Add(-time.Hour), r) },
	}
	all := map[string]*request{}
	for place, put := range places {
		all[place] = suspect()
		put(all[place])
	}
	s.d.cut(s.now, io.EOF, "gw1")
	for place, r := range all {
		if r.suspected || r.blamed != 0 || r.unheard != 2 {
			t.Errorf("%s: it is still suspected: %+v", place, r.suspicion)
		}
	}
}

// asked is a message of 100 bytes that went out at a time.
func asked(id string, at time.Time, before judged) *request {
	return &request{Message: Message{ID: id, Meter: meter1, Item: "a", Payload: make([]byte, 100)}, recs: []*record{{seq: 1}}, at: at, judged: before}
}

// TestWhatAnAnswerMeans for the message that it is to.
func TestWhatAnAnswerMeans(t *testing.T) {
	now := time.Unix(1000, 0)
	for _, row := range []struct {
		name    string
		verdict Verdict
		before  judged
		foreign bool // of no meter of ours
		want    outcome
		after   judged
	}{
		{name: "accepted", verdict: Accepted, want: outcome{fate: fateSettled, frees: true}},
		{name: "the platform is in trouble", verdict: TryLater, want: outcome{fate: fatePostpone}},
		{name: "its meter is offline there", verdict: Offline, want: outcome{fate: fateVouch}},
		{name: "refused", verdict: Refused, want: outcome{halves: true, fate: fateRefused, frees: true}},
		{name: "its item is not known", verdict: Unsupported, want: outcome{fate: fateRefused, frees: true}},
		{name: "its meter is not known", verdict: Unknown, want: outcome{fate: fateHold, frees: true}, after: judged{unknown: true}},
		{name: "its meter is not known although it was registered", verdict: Unknown, before: judged{unknown: true},
			want: outcome{fate: fatePostpone, frees: true}, after: judged{unknown: true}},
		{name: "a meter is not known that is none of ours", verdict: Unknown, foreign: true, want: outcome{fate: fatePostpone, frees: true}},
		{name: "too old", verdict: Untimely, want: outcome{fate: fateRestamp}, after: judged{restamps: 1}},
		{name: "too old although it got another time three times", verdict: Untimely, before: judged{restamps: 3},
			want: outcome{fate: fateRefused, frees: true}, after: judged{restamps: 3}},
	} {
		count := Counts{Codes: map[string]int{}}
		v := newVerdicts(&count)
		r := asked("1", now.Add(-time.Second), row.before)
		row.want.code, row.want.text = "7", "said so"
		if got := v.answered(now, r, Receipt{ID: "1", Verdict: row.verdict, Code: "7", Text: "said so"}, !row.foreign); got != row.want || r.judged != row.after {
			t.Errorf("%s: got %+v with %+v, want %+v with %+v", row.name, got, r.judged, row.want, row.after)
		}
		accepted := row.verdict == Accepted
		if (count.Acked == 1) != accepted || (count.Codes["7"] == 1) == accepted || v.accepted[meter1].Equal(now) != accepted {
			t.Errorf("%s: counted %d, %v, accepted at %v", row.name, count.Acked, count.Codes, v.accepted)
		}
		if v.supports(r.Message) == (row.verdict == Unsupported) {
			t.Errorf("%s: that item is supported is told as %v", row.name, v.supports(r.Message))
		}
	}
}

// TestWhatNoAnswerMeans for a message that gives its place up.
func TestWhatNoAnswerMeans(t *testing.T) {
	sent := time.Unix(1000, 0)
	for _, row := range []struct {
		name     string
		why      lapse
		before   judged
		accepted time.Duration // after it went out others of its meter were
		bound    int           // of the size of messages
		register bool
		want     outcome
		after    judged
	}{
		{name: "nobody answers anything", why: lapseSilent,
			want: outcome{large: true, fate: fatePostpone}, after: judged{suspicion: suspicion{mute: 1}}},
		{name: "nobody answers anything, for the fifth time", why: lapseSilent, before: judged{suspicion: suspicion{mute: 4}},
			want: outcome{halves: true, large: true, fate: fatePostpone}, after: judged{suspicion: suspicion{mute: 5}}},
		{name: "nobody answers anything, and it is the largest so far", why: lapseSilent, bound: 200,
			want: outcome{halves: true, large: true, fate: fatePostpone}, after: judged{suspicion: suspicion{mute: 1}}},
		{name: "others are answered", why: lapsePassed, accepted: -time.Second,
			want: outcome{large: true, fate: fatePostpone}, after: judged{passed: 1}},
		{name: "others of its meter are answered", why: lapsePassed, accepted: time.Second,
			want: outcome{large: true, fate: fatePostpone}, after: judged{passed: 1, unheard: 1}},
		{name: "others of its meter were answered just when it went out", why: lapsePassed,
			want: outcome{large: true, fate: fatePostpone}, after: judged{passed: 1}},
		{name: "others are answered, for the third time", why: lapsePassed, before: judged{passed: 2}, accepted: -time.Second,
			want: outcome{halves: true, large: true, fate: fatePostpone}, after: judged{passed: 3}},
		{name: "others are answered, and it is the largest so far", why: lapsePassed, accepted: -time.Second, bound: 200,
			want: outcome{halves: true, large: true, fate: fatePostpone}, after: judged{passed: 1}},
		{name: "others of its meter are answered, for the eleventh time", why: lapsePassed, before: judged{passed: 10, unheard: 10}, accepted: time.Second,
			want: outcome{halves: true, large: true, fate: fatePostpone}, after: judged{passed: 11, unheard: 11}},
		{name: "others of its meter are answered, for the twelfth time", why: lapsePassed, before: judged{passed: 11, unheard: 11}, accepted: time.Second,
			want: outcome{halves: true, large: true, fate: fateAside, frees: true, text: ignoredWhy}, after: judged{passed: 12, unheard: 12}},
		{name: "a registration", why: lapsePassed, accepted: time.Second, bound: 200, register: true, want: outcome{fate: fatePostpone}},
	} {
		v := newVerdicts(&Counts{})
		v.accepted[meter1] = sent.Add(row.accepted)
		v.size.most = row.bound
		r := asked("1", sent, row.before)
		if row.register {
			r.recs = nil
		}
		if got := v.unanswered(r, row.why); got != row.want || r.judged != row.after {
			t.Errorf("%s: got %+v with %+v, want %+v with %+v", row.name, got, r.judged, row.want, row.after)
		}
	}
}

// TestWhomAConnectionEndsOver plays ends of connections. Each word is one: the
// letters are the messages that went out a second before it, capital ones an
// hour before; a digit before them tells how many were accepted since the last
// end, ~ that the connection had lasted for long.
func TestWhomAConnectionEndsOver(t *testing.T) {
	for _, row := range []struct {
		name      string
		ends      string
		suspected string
		proven    string // who is set aside at the last end
		sizes     bool   // the next connection may show that messages were too large
	}{
		{name: "once, over two", ends: "1ab", sizes: true},
		{name: "twice, over two", ends: "1ab 1ab", suspected: "ab", sizes: true},
		{name: "twice, in peace between", ends: "1ab ~1ab", sizes: true},
		{name: "twice, over nothing between", ends: "1ab 1A 1ab", sizes: true},
		{name: "over one alone", ends: "1a", suspected: "a", sizes: true},
		{name: "five times over one alone", ends: "1a 1a 1a 1a 1a", suspected: "a", proven: "a", sizes: true},
		{name: "four times over one alone", ends: "1a 1a 1a 1a", suspected: "a", sizes: true},
		{name: "five times, and nothing else got through", ends: "1a 0a 0a 0a 0a", suspected: "a", sizes: true},
		{name: "five times, one of them in vain", ends: "1a 1a 0a 1a 1a", suspected: "a", sizes: true},
		{name: "too often in vain to be for the size", ends: "1a 0a 0a 0a 0a 0a 0a 0a 0a 0a 0a 0a 0a 0a", suspected: "a"},
		{name: "over nothing that just went out", ends: "1A 1A 1AB"},
		{name: "five times, but another client has our id", ends: "1A 1A 1A 1a 1a 1a 1a 1a", suspected: "a", sizes: true},
	} {
		var s suspects
		now, acked, proven := time.Unix(1e6, 0), 0, ""
		all := map[rune]*request{}
		for _, word := range strings.Fields(row.ends) {
			s.began = now
			now = now.Add(time.Minute)
			if rest, long := strings.CutPrefix(word, "~"); long {
				word, now = rest, now.Add(time.Hour)
			}
			var out []*request
			for _, c := range word {
				if unicode.IsDigit(c) {
					acked += int(c - '0')
					continue
				}
				name := unicode.ToLower(c)
				if all[name] == nil {
					all[name] = asked(string(name), now, judged{})
				}
				if all[name].at = now.Add(-time.Second); c != name {
					all[name].at = now.Add(-time.Hour)
				}
				out = append(out, all[name])
			}
			proven = ""
			if over := s.ended(now, out, acked); len(over) > 0 {
				if o, ok := s.blame(now, over); ok {
					if proven = over[0].ID; o != (outcome{halves: true, large: true, fate: fateAside, frees: true, text: cutWhy}) {
						t.Errorf("%s: the outcome is %+v", row.name, o)
					}
				}
			}
		}
		suspected := ""
		for _, c := range "ab" {
			if all[c] != nil && all[c].suspected {
				suspected += string(c)
			}
		}
		if suspected != row.suspected || proven != row.proven || s.tellsSizes() != row.sizes {
			t.Errorf("%s: suspected %q, set aside %q, sizes %v; want %q, %q, %v", row.name, suspected, proven, s.tellsSizes(), row.suspected, row.proven, row.sizes)
		}
	}
}

// TestNameOfARefusalWithoutOne: it is of the only message that is outstanding.
func TestNameOfARefusalWithoutOne(t *testing.T) {
	a, b := asked("a", time.Time{}, judged{}), asked("b", time.Time{}, judged{})
	for _, row := range []struct {
		out     []*request
		id      string
		verdict Verdict
	}{
		{nil, "", Ignored},
		{[]*request{a}, "a", Refused},
		{[]*request{a, b}, "", Ignored},
	} {
		if rc := named(Receipt{Nameless: true}, row.out); rc.ID != row.id || rc.Verdict != row.verdict {
			t.Errorf("with %d outstanding it is of %q (%d), want %q (%d)", len(row.out), rc.ID, rc.Verdict, row.id, row.verdict)
		}
	}
}
