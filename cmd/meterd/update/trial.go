package update

import (
	"time"

	"meterd/dlt645"
)

const (
	// TrialFor is how long a program has to prove itself after each of its starts.
	TrialFor = 10 * time.Minute
	// provedAfter is how long all that it needs must have been up without a break: a
	// program that ends soon has proved nothing.
	provedAfter = 20 * time.Second
)

// Came tells what works.
type Came struct {
	Store   bool `json:"store"`   // the ring is open, on flash
	Meter   bool `json:"meter"`   // a meter answers
	Uplink  bool `json:"uplink"`  // an uplink is connected
	Console bool `json:"console"` // the console answers
}

// needed is what has to come up of a new program where before did: nothing is
// blamed on it that did not work before. The console always is needed.
func (before Came) needed() Came {
	before.Console = true
	return before
}

// lacks gives what a program lacks of what is needed.
func (need Came) lacks(c Came) Came {
	return Came{Store: need.Store && !c.Store, Meter: need.Meter && !c.Meter, Uplink: need.Uplink && !c.Uplink, Console: need.Console && !c.Console}
}

// trial is a program that has to prove itself, as a value:
//
//	on trial ─► all is up ─► proved      20 s later, without a break
//	    ▲────────────┘ │
//	    └──────────────┴───► given up    10 minutes after its start
type trial struct {
	Need  Came
	Until time.Time
	since time.Time // all that is needed has been up; zero: it is not
}

func newTrial(now time.Time, before Came) trial {
	return trial{Need: before.needed(), Until: now.Add(TrialFor)}
}

// verdict is what is to be done about what is on trial.
type verdict uint8

const (
	wait verdict = iota
	confirm
	giveUp
)

// look sees what has come up.
func (t trial) look(now time.Time, c Came) (trial, verdict) {
	switch {
	case t.Need.lacks(c) != Came{}:
		t.since = time.Time{}
	case t.since.IsZero():
		t.since = now
	}
	switch {
	case !t.since.IsZero() && now.Sub(t.since) >= provedAfter:
		return t, confirm
	case !now.Before(t.Until):
		return t, giveUp
	}
	return t, wait
}

// failed tells what did not come up.
func failed(lacks Came) dlt645.Text {
	text := dlt645.Text{EN: "within 10 minutes", ZH: "10 分钟内"}
	add := func(is bool, en, zh string) {
		if is {
			text.EN += ", " + en
			text.ZH += "，" + zh
		}
	}
	add(lacks.Store, "the ring on flash did not open", "闪存上的存储未能打开")
	add(lacks.Meter, "no meter answered, as one did before", "没有电表应答，而升级前有")
	add(lacks.Uplink, "no uplink connected, as one did before", "没有上行连接，而升级前有")
	add(lacks.Console, "the console did not answer", "控制台没有应答")
	if lacks == (Came{}) {
		add(true, "it was not up for 20 s without a break", "未能连续正常运行 20 秒")
	}
	return text
}
