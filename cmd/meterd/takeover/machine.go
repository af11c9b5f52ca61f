package takeover

import (
	"time"

	"meterd/dlt645"
)

// Phase is how far the configuration that runs has proved itself.
type Phase uint8

// The phases. WentBack and Proved rest; the other two end by themselves.
const (
	Proved   Phase = iota // nothing is on trial
	OnTrial               // nothing has come up yet
	Partly                // a meter or an uplink has come up, the other is awaited
	WentBack              // the one before runs again
)

// String names the phase for scripts.
func (p Phase) String() string { return [...]string{"proved", "trial", "partly", "back"}[p] }

// Step is how far a configuration is that somebody brought.
type Step uint8

// The steps, in their order. At Written and Returning it is on flash and runs
// in a moment.
const (
	None      Step = iota
	Brought        // a candidate: nobody has looked at it
	Examined       // it has no mistakes
	Tried          // and this board has what it needs
	Written        // it runs next, on trial
	Returning      // the one before runs next
)

// Came tells what has come up of what a configuration names, or what it names.
type Came struct{ Meter, Uplink bool }

// Kind is what happened.
type Kind uint8

// The kinds of events.
const (
	Started   Kind = iota // the program starts: Event.File
	Bring                 // somebody brings a text; OK: it is another than the one that runs
	Examine               // it was examined; OK: it has no mistakes
	Try                   // the dry run; OK: this board has what it needs
	Write                 // it was written; OK: it is durable
	Begin                 // something begins to run; OK: it is what was to run next
	Look                  // what has come up: Event.Came, of Event.Names
	CannotRun             // what was to run next cannot: Event.Why
	Back                  // the one before was put back; OK: it is there. Event.Why, Event.Hash of the one given up
)

// File is what a start finds on flash.
type File struct {
	Usable bool // it has no mistakes
	Trial  bool // it has not proved itself yet
	Spent  bool // and has been started often enough
	// PrevUsable tells that the one before could take its place and could do
	// better: it has no mistakes, and names a meter or an uplink. PrevParses
	// tells the first alone.
	PrevUsable, PrevParses bool
}

// Event is what happened, and when it matters how well. Why is what is told of
// it, where that depends on more than the machine knows.
type Event struct {
	Kind        Kind
	OK          bool
	File        File
	Came, Names Came
	// Network tells that it changes the board's network, which an uplink alone
	// proves: meters answer in any.
	Network bool
	Why     dlt645.Text
	Hash    string
}

// Action is what is to be done next.
type Action uint8

// The actions.
const (
	Nothing   Action = iota
	LeaveIt          // it runs already
	Busy             // another is on its way
	Refuse           // and what runs goes on
	DoExamine        // examine it
	DoTry            // try it dry
	DoWrite          // write it
	Run              // run it
	RunPrev          // run the one before in its place, and leave the file alone
	Confirm          // note that it has proved itself
	Settle           // say that it stays although not all came up
	GoBack           // put the one before back
	Fail             // nothing can run
)

// TrialFor is how long a configuration has to prove itself.
const TrialFor = 10 * time.Minute

// Machine is the take-over of a configuration, as a value:
//
//	candidate ─► examined ─► dry run ─► written ─► on trial ─► partly ─► proved
//	    └───────────┴───────────┴─► refused            └─► gone back
//
// The upper row up to written is Step, of what somebody brought; the rest is
// Phase, of what runs. Both go on side by side: a second configuration may be
// brought while the first is on trial. Nothing goes back while another is on
// its way, and nothing is brought while one goes back.
type Machine struct {
	Phase   Phase
	Step    Step
	At      time.Time   // of the last change of phase
	Until   time.Time   // OnTrial, Partly: when it ends
	Says    dlt645.Text // what came of the last change, for people
	Refused string      // hash of the configuration that was gone back from
}

// On gives what the machine is after an event, and what is to be done. An
// event that has no place where the machine stands changes nothing.
func (m Machine) On(now time.Time, e Event) (Machine, Action) {
	switch e.Kind {
	case Started:
		return m.started(now, e)
	case Bring:
		switch {
		case m.Step != None:
			return m, Busy
		case !e.OK:
			return m, LeaveIt
		}
		m.Step = Brought
		return m, DoExamine
	case Examine:
		return m.step(Brought, Examined, e.OK, DoTry)
	case Try:
		return m.step(Examined, Tried, e.OK, DoWrite)
	case Write:
		return m.step(Tried, Written, e.OK, Run)
	case Begin:
		if !e.OK {
			return m, Nothing
		}
		if m.Step == Written {
			m.Until = now.Add(TrialFor)
			m = m.phase(now, OnTrial, Taken)
		}
		if m.Step == Written || m.Step == Returning {
			m.Step = None
		}
	case Look:
		return m.look(now, e)
	case CannotRun:
		if m.Step == Written {
			m.Step = Returning
			return m, GoBack
		}
		return m, Fail
	case Back:
		return m.back(now, e)
	}
	return m, Nothing
}

// step goes from one step to the next, or gives the candidate up.
func (m Machine) step(from, to Step, ok bool, then Action) (Machine, Action) {
	switch {
	case m.Step != from:
		return m, Nothing
	case !ok:
		m.Step = None
		return m, Refuse
	}
	m.Step = to
	return m, then
}

func (m Machine) phase(now time.Time, p Phase, says dlt645.Text) Machine {
	m.Phase, m.At, m.Says = p, now, says
	return m
}

// started decides what runs first. Nobody is there to mend a file that is not
// usable, so the one before serves.
func (m Machine) started(now time.Time, e Event) (Machine, Action) {
	switch f := e.File; {
	case f.Trial && (f.Spent || !f.Usable) && f.PrevUsable:
		m.Step = Returning
		return m, GoBack
	case !f.Usable && f.PrevParses:
		return m.phase(now, WentBack, e.Why), RunPrev
	case !f.Usable:
		return m, Fail
	case f.Trial:
		m.Step = Written
	}
	return m, Run
}

// look sees what has come up.
func (m Machine) look(now time.Time, e Event) (Machine, Action) {
	if m.Phase != OnTrial && m.Phase != Partly {
		return m, Nothing
	}
	first := m.Phase == OnTrial
	over := !now.Before(m.Until)
	c := e.Came
	if e.Network && e.Names.Uplink && !c.Uplink && first {
		c.Meter = false
	}
	switch {
	case (c.Meter || !e.Names.Meter) && (c.Uplink || !e.Names.Uplink):
		return m.phase(now, Proved, works), Confirm
	case over && c.Meter:
		return m.phase(now, Proved, noUplink), Settle
	case over && c.Uplink:
		return m.phase(now, Proved, noMeter), Settle
	case over && !first:
		return m.phase(now, Proved, awayAgain), Settle
	case over && m.Step == None: // else another takes its place already
		m.Step = Returning
		return m, GoBack
	case first && (c.Meter || c.Uplink):
		return m.phase(now, Partly, stays), Confirm
	}
	return m, Nothing
}

// back tells what came of putting the one before back. Where there is none,
// the new one stays: it is all there is.
func (m Machine) back(now time.Time, e Event) (Machine, Action) {
	if m.Step != Returning {
		return m, Nothing
	}
	if e.OK {
		m = m.phase(now, WentBack, dlt645.Text{EN: wentBack.EN + e.Why.EN, ZH: wentBack.ZH + e.Why.ZH})
		m.Refused = e.Hash
		return m, Run
	}
	m.Step = None
	return m.phase(now, Proved, e.Why), Confirm
}

// What is told of each change.
var (
	// Taken is told of a configuration that is on trial.
	Taken = dlt645.Text{
		EN: "taken over; it goes back by itself unless a meter answers or an uplink connects within 10 minutes",
		ZH: "已采用；若 10 分钟内既无电表应答也无上行连接，将自动恢复原配置"}
	stays       = dlt645.Text{EN: "it stays; the rest is awaited", ZH: "保留新配置；等待其余部分就绪"}
	works       = dlt645.Text{EN: "it works: what it names has come up", ZH: "工作正常：电表和上行均已就绪"}
	noUplink    = dlt645.Text{EN: "it stays: meters answer, but no uplink has connected within 10 minutes", ZH: "保留新配置：电表有应答，但 10 分钟内没有上行连接"}
	noMeter     = dlt645.Text{EN: "it stays: an uplink has connected, but no meter has answered within 10 minutes", ZH: "保留新配置：上行已连接，但 10 分钟内没有电表应答"}
	awayAgain   = dlt645.Text{EN: "it stays: something had come up, but is away again", ZH: "保留新配置：曾有部分就绪，但又中断"}
	wentBack    = dlt645.Text{EN: "taken back, the configuration before runs again: ", ZH: "已恢复原配置："}
	nothingCame = dlt645.Text{EN: "no meter has answered and no uplink has connected within 10 minutes", ZH: "10 分钟内既无电表应答也无上行连接"}
	noNetwork   = dlt645.Text{EN: "no uplink has connected within 10 minutes in the network that its [network] tells", ZH: "按新的 [network] 设置，10 分钟内没有上行连接"}
	spent       = dlt645.Text{EN: "it was started twice without proving itself", ZH: "已启动两次仍未证明可用"}
	broken      = dlt645.Text{EN: "it is not usable", ZH: "配置不可用"}
)
