package takeover

import (
	"testing"
	"time"

	"meterd/dlt645"
)

// TestEveryEdge holds the machine to its picture: each event at each place
// where it means something, and what is done then.
func TestEveryEdge(t *testing.T) {
	began := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	end := began.Add(TrialFor)
	at := func(p Phase, s Step) Machine { return Machine{Phase: p, Step: s, Until: end} }
	both, none := Came{true, true}, Came{}
	aMeter, anUplink := Came{Meter: true}, Came{Uplink: true}
	why := dlt645.Text{EN: "why", ZH: "原因"}
	for _, c := range []struct {
		what  string
		from  Machine
		now   time.Time
		event Event
		phase Phase
		step  Step
		then  Action
	}{
		{"a candidate is brought", at(Proved, None), began, Event{Kind: Bring, OK: true}, Proved, Brought, DoExamine},
		{"what runs is brought", at(Proved, None), began, Event{Kind: Bring}, Proved, None, LeaveIt},
		{"a candidate while one is on trial", at(OnTrial, None), began, Event{Kind: Bring, OK: true}, OnTrial, Brought, DoExamine},
		{"a candidate while another is examined", at(Proved, Examined), began, Event{Kind: Bring, OK: true}, Proved, Examined, Busy},
		{"what runs, while another is to run", at(Proved, Written), began, Event{Kind: Bring}, Proved, Written, Busy},
		{"a candidate while one goes back", at(WentBack, Returning), began, Event{Kind: Bring, OK: true}, WentBack, Returning, Busy},
		{"it has no mistakes", at(Proved, Brought), began, Event{Kind: Examine, OK: true}, Proved, Examined, DoTry},
		{"it has mistakes", at(Proved, Brought), began, Event{Kind: Examine}, Proved, None, Refuse},
		{"the board has what it needs", at(Proved, Examined), began, Event{Kind: Try, OK: true}, Proved, Tried, DoWrite},
		{"the board lacks something", at(Proved, Examined), began, Event{Kind: Try}, Proved, None, Refuse},
		{"it is written", at(Proved, Tried), began, Event{Kind: Write, OK: true}, Proved, Written, Run},
		{"it cannot be written", at(Proved, Tried), began, Event{Kind: Write}, Proved, None, Refuse},
		{"it begins", at(Proved, Written), began, Event{Kind: Begin, OK: true}, OnTrial, None, Nothing},
		{"the one before begins", at(WentBack, Returning), began, Event{Kind: Begin, OK: true}, WentBack, None, Nothing},
		{"the same begins again while one is examined", at(Partly, Examined), began, Event{Kind: Begin}, Partly, Examined, Nothing},
		{"the same begins again while one is written", at(Proved, Written), began, Event{Kind: Begin}, Proved, Written, Nothing},
		{"the first of a start begins", at(Proved, None), began, Event{Kind: Begin, OK: true}, Proved, None, Nothing},

		{"nothing has come up yet", at(OnTrial, None), began, Event{Kind: Look, Came: none, Names: both}, OnTrial, None, Nothing},
		{"a meter answers", at(OnTrial, None), began, Event{Kind: Look, Came: aMeter, Names: both}, Partly, None, Confirm},
		{"an uplink connects", at(OnTrial, None), began, Event{Kind: Look, Came: anUplink, Names: both}, Partly, None, Confirm},
		{"all comes up at once", at(OnTrial, None), began, Event{Kind: Look, Came: both, Names: both}, Proved, None, Confirm},
		{"all that it names comes up", at(OnTrial, None), began, Event{Kind: Look, Came: aMeter, Names: aMeter}, Proved, None, Confirm},
		{"it names nothing", at(OnTrial, None), began, Event{Kind: Look}, Proved, None, Confirm},
		{"the rest comes up", at(Partly, None), began, Event{Kind: Look, Came: both, Names: both}, Proved, None, Confirm},
		{"all is away again", at(Partly, None), began, Event{Kind: Look, Came: none, Names: both}, Partly, None, Nothing},
		{"a moment before the end", at(OnTrial, None), end.Add(-time.Nanosecond), Event{Kind: Look, Names: both}, OnTrial, None, Nothing},
		{"at the end nothing has come up", at(OnTrial, None), end, Event{Kind: Look, Names: both}, OnTrial, Returning, GoBack},
		{"the same, while another is on its way", at(OnTrial, Written), end, Event{Kind: Look, Names: both}, OnTrial, Written, Nothing},
		{"at the end a meter answers", at(Partly, None), end, Event{Kind: Look, Came: aMeter, Names: both}, Proved, None, Settle},
		{"at the end an uplink is connected", at(Partly, None), end, Event{Kind: Look, Came: anUplink, Names: both}, Proved, None, Settle},
		{"at the end all is away again", at(Partly, None), end, Event{Kind: Look, Names: both}, Proved, None, Settle},
		{"a meter answers in a new network", at(OnTrial, None), began, Event{Kind: Look, Came: aMeter, Names: both, Network: true}, OnTrial, None, Nothing},
		{"an uplink connects in a new network", at(OnTrial, None), began, Event{Kind: Look, Came: anUplink, Names: both, Network: true}, Partly, None, Confirm},
		{"all comes up in a new network", at(OnTrial, None), began, Event{Kind: Look, Came: both, Names: both, Network: true}, Proved, None, Confirm},
		{"at the end a meter answers in a new network", at(OnTrial, None), end, Event{Kind: Look, Came: aMeter, Names: both, Network: true}, OnTrial, Returning, GoBack},
		{"no uplink is named in a new network", at(OnTrial, None), began, Event{Kind: Look, Came: aMeter, Names: aMeter, Network: true}, Proved, None, Confirm},
		{"at the end a meter answers, and the uplink had connected in a new network", at(Partly, None), end, Event{Kind: Look, Came: aMeter, Names: both, Network: true}, Proved, None, Settle},
		{"nothing is on trial", at(Proved, None), end, Event{Kind: Look, Names: both}, Proved, None, Nothing},
		{"it went back, and nothing comes up", at(WentBack, None), end, Event{Kind: Look, Names: both}, WentBack, None, Nothing},

		{"the one before is put back", at(OnTrial, Returning), end, Event{Kind: Back, OK: true, Why: why}, WentBack, Returning, Run},
		{"there is none to go back to", at(OnTrial, Returning), end, Event{Kind: Back, Why: why}, Proved, None, Confirm},
		{"put back, although nobody went", at(OnTrial, None), end, Event{Kind: Back, OK: true, Why: why}, OnTrial, None, Nothing},
		{"the new one cannot run", at(Proved, Written), began, Event{Kind: CannotRun}, Proved, Returning, GoBack},
		{"the one before cannot run either", at(WentBack, Returning), began, Event{Kind: CannotRun}, WentBack, Returning, Fail},
		{"what runs cannot any more", at(Proved, None), began, Event{Kind: CannotRun}, Proved, None, Fail},

		{"a start", Machine{}, began, Event{File: File{Usable: true}}, Proved, None, Run},
		{"a start on trial", Machine{}, began, Event{File: File{Usable: true, Trial: true}}, Proved, Written, Run},
		{"a start on trial with its chances spent", Machine{}, began, Event{File: File{Usable: true, Trial: true, Spent: true, PrevUsable: true, PrevParses: true}}, Proved, Returning, GoBack},
		{"the same, with nothing to go back to", Machine{}, began, Event{File: File{Usable: true, Trial: true, Spent: true}}, Proved, Written, Run},
		{"a start on trial, not usable", Machine{}, began, Event{File: File{Trial: true, PrevUsable: true, PrevParses: true}}, Proved, Returning, GoBack},
		{"a start, not usable", Machine{}, began, Event{File: File{PrevUsable: true, PrevParses: true}, Why: why}, WentBack, None, RunPrev},
		{"a start, not usable, the one before names nothing", Machine{}, began, Event{File: File{PrevParses: true}, Why: why}, WentBack, None, RunPrev},
		{"a start with nothing at all", Machine{}, began, Event{File: File{}}, Proved, None, Fail},
	} {
		got, then := c.from.On(c.now, c.event)
		if got.Phase != c.phase || got.Step != c.step || then != c.then {
			t.Errorf("%s: got phase %v, step %v, action %v, want %v, %v, %v", c.what, got.Phase, got.Step, then, c.phase, c.step, c.then)
		}
		if got.Phase != c.from.Phase && (got.At != c.now || got.Says.EN == "" || got.Says.ZH == "") {
			t.Errorf("%s: it tells %+v", c.what, got)
		}
		if got.Phase == OnTrial && c.from.Phase != OnTrial && got.Until != c.now.Add(10*time.Minute) {
			t.Errorf("%s: on trial until %v", c.what, got.Until)
		}
	}
}

// TestNoEventSkipsAStep: from any place, no event but the next one's moves a
// candidate on, and none makes it run that was not written.
func TestNoEventSkipsAStep(t *testing.T) {
	next := map[Step]Kind{None: Bring, Brought: Examine, Examined: Try, Tried: Write}
	for step := None; step <= Tried; step++ {
		for kind := Bring; kind <= Back; kind++ {
			m, then := Machine{Step: step}.On(time.Time{}, Event{Kind: kind, OK: true})
			if (m.Step != step) != (kind == next[step]) {
				t.Errorf("at step %v event %v leads to %v", step, kind, m.Step)
			}
			if then == Run && step != Tried {
				t.Errorf("at step %v event %v has it run", step, kind)
			}
		}
	}
}
