package uplink

import (
	"time"

	"meterd/dlt645"
)

// verdicts says what becomes of a message: after the platform's answer, after
// none came in time, and after the connection ended over it. It sends nothing,
// settles nothing and reads no clock; the delivery carries out what it says.
type verdicts struct {
	size        sizing
	suspects    suspects
	unsupported map[string]bool              // items of a meter that the platform does not know
	accepted    map[dlt645.Address]time.Time // when the platform last accepted a message of each of our meters
	count       *Counts                      // Acked and Codes are counted here
}

// fate is what becomes of a message.
type fate uint8

const (
	fateSettled  fate = iota // the platform has it
	fateRefused              // set aside: the platform will never take it
	fateAside                // set aside: it never gets through
	fatePostpone             // the same goes out again after a pause
	fateVouch                // the same, once the platform was told that the meter is online
	fateRestamp              // it goes out again with another time; refused where the platform has no form for that
	fateHold                 // it goes out again once its meter is registered anew
)

// outcome is what is to be done with a message.
type outcome struct {
	halves bool // its halves go out instead, if it carries more than one thing
	large  bool // its size may be why: what comes after it is sent smaller, too
	fate   fate // else
	frees  bool // what waits for its keys may go
	code   string
	text   string // why, in the platform's words or in ours
}

// judged is what was seen of a message so far.
type judged struct {
	restamps int  // how often it got another time
	passed   int  // rounds of attempts without an answer, while others were answered
	unheard  int  // of these, others of its own meter
	unknown  bool // the platform did not know its meter before
	suspicion
}

const (
	// givenUp is how often a message of many values gives up its place, while
	// others are answered, before it is divided: the platform may not be able to
	// read it, and say so to nobody.
	givenUp = 3
	// mostRestamps bounds how often a message gets another time.
	mostRestamps = 3
	// mostUnheard is how many rounds of attempts a message gets that the platform
	// does not answer, in each of which it accepts others of the same meter.
	mostUnheard = 12
)

const ignoredWhy = "it is never answered, others of its meter are"

func newVerdicts(count *Counts) verdicts {
	return verdicts{unsupported: map[string]bool{}, accepted: map[dlt645.Address]time.Time{}, count: count}
}

func itemKey(m Message) string { return m.Meter.String() + "/" + m.Item }

// supports reports whether the platform may know the item of a message.
func (v *verdicts) supports(m Message) bool { return m.Item == "" || !v.unsupported[itemKey(m)] }

// named gives a refusal that does not say of what the name of the message that
// it is of, if one alone is outstanding. Where several are, they are to go out
// again one at a time, so that the next refusal has a name.
func named(rc Receipt, outstanding []*request) Receipt {
	if len(outstanding) == 1 {
		rc.ID, rc.Verdict = outstanding[0].ID, Refused
	}
	return rc
}

// answered judges a message by the platform's answer; ours tells that it is of
// one of our meters, which can be registered.
func (v *verdicts) answered(now time.Time, r *request, rc Receipt, ours bool) outcome {
	if rc.Verdict != Accepted {
		v.count.Codes[rc.Code]++
	}
	o := outcome{fate: fateRefused, frees: true, code: rc.Code, text: rc.Text}
	switch rc.Verdict {
	case Accepted:
		o.fate = fateSettled
		v.count.Acked++
		v.size.accepted(len(r.Payload))
		if ours {
			v.accepted[r.Meter] = now
		}
	case Unknown:
		o.fate = fatePostpone // although it was registered in between
		if ours && !r.unknown {
			r.unknown, o.fate = true, fateHold
		}
	case Offline:
		o.fate, o.frees = fateVouch, false
	case TryLater:
		o.fate, o.frees = fatePostpone, false
	case Untimely:
		if r.restamps < mostRestamps {
			r.restamps++
			o.fate, o.frees = fateRestamp, false
		}
	case Unsupported:
		v.unsupported[itemKey(r.Message)] = true
	case Refused:
		o.halves = true
	}
	return o
}

// unanswered judges a message that gives its place up, since it was not answered
// time and again.
func (v *verdicts) unanswered(r *request, why lapse) outcome {
	o := outcome{fate: fatePostpone}
	if len(r.recs) == 0 { // a registration
		return o
	}
	o.large = true
	switch tries := v.size.tries(len(r.Payload)); why {
	case lapseSilent:
		r.mute++
		o.halves = r.mute >= convicted || tries
	case lapsePassed:
		r.passed++
		o.halves = r.passed >= givenUp || tries
		if r.at.Before(v.accepted[r.Meter]) {
			r.unheard++
		}
		if r.unheard >= mostUnheard {
			o.fate, o.text, o.frees = fateAside, ignoredWhy, true
		}
	}
	return o
}

// cut judges a message that was out when the connection ended over one: it is
// halved where all that goes out may be too large.
func (v *verdicts) cut(r *request) outcome {
	return outcome{halves: v.suspects.vain > convicted || v.size.tries(len(r.Payload)), large: true}
}
