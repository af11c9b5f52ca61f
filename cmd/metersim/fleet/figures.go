package fleet

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Rate is what passes in a second.
type Rate struct {
	Messages float64 // of any kind, both ways
	Acked    float64 // messages with readings that were acknowledged
	Up, Down float64 // bytes of MQTT from the boards and to them
}

// Storm is how a fleet came back after all its boards had lost their power.
type Storm struct {
	Spread            time.Duration
	First, Half, Most time.Duration // until the first board was connected and subscribed, 50 % and 99 % of them
	All, Delivered    time.Duration // until all were connected, and until what had waited was delivered
	Peak              int           // connections that the brokers admitted within one second, at most
	Attempts, Failed  int           // connections that were tried, and those that TCP did not make
	Gone              int           // readings that were not durable when the power failed
	BrokerCPU         time.Duration // until all were connected; 0: not known
}

// Figures are what a run has shown.
type Figures struct {
	Config      Config
	Connections int
	Steady      Rate
	Trips       []time.Duration // from a message to its acknowledgement
	BrokerCPU   float64         // processors that the brokers kept busy; 0: not known
	Storms      []Storm

	Taken     int // readings of the whole run
	Stored    int // readings that the consumer has
	Missing   int // durable readings that it has not
	PowerLost int // readings that a power failure took before they were durable or delivered
	Repeats   int // readings that came again
	Resent    int // messages that were sent again
	Wrong     []string
}

// Percentile gives the time that a share of the acknowledgements took at most.
func (f *Figures) Percentile(share float64) time.Duration {
	if len(f.Trips) == 0 {
		return 0
	}
	slices.Sort(f.Trips)
	return f.Trips[min(len(f.Trips)-1, int(share*float64(len(f.Trips))))]
}

// String tells the figures, a line each.
func (f *Figures) String() string {
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	c := f.Config
	say("fleet            %d boards, %d meters each, a round every %v, acknowledge %s, brokers %d", c.Boards, c.Meters, c.Every, c.Acknowledge, len(c.Brokers))
	say("connections      %d", f.Connections)
	say("messages         %.0f a second, among them %.0f readings of 29 points; the rest are states of meters, and answers", f.Steady.Messages, f.Steady.Acked)
	say("bytes            %.0f kB a second up, %.0f kB down, %.0f bytes a message", f.Steady.Up/1000, f.Steady.Down/1000, (f.Steady.Up+f.Steady.Down)/max(f.Steady.Messages, 1))
	say("acknowledgement  p50 %s, p99 %s", millis(f.Percentile(0.5)), millis(f.Percentile(0.99)))
	if f.BrokerCPU > 0 {
		say("broker CPU       %.2f of a processor, %.0f µs a message", f.BrokerCPU, 1e6*f.BrokerCPU/max(f.Steady.Messages, 1))
	}
	for _, s := range f.Storms {
		say("storm            spread %v: first after %s, 50 %% after %s, 99 %% after %s, all after %s; at most %d a second; %d attempts, %d failed",
			s.Spread, millis(s.First), millis(s.Half), millis(s.Most), millis(s.All), s.Peak, s.Attempts, s.Failed)
		say("                 what had waited was delivered after %s; broker CPU until all were back %s, %s a board", millis(s.Delivered), millis(s.BrokerCPU), millis(s.BrokerCPU/time.Duration(c.Boards)))
	}
	say("readings         %d taken, %d stored, %d came again; messages sent again %d", f.Taken, f.Stored, f.Repeats, f.Resent)
	say("lost             %d that were durable, %d that a power failure took before they were durable or delivered", f.Missing, f.PowerLost)
	for _, w := range f.Wrong {
		say("wrong: %s", w)
	}
	return b.String()
}

func millis(d time.Duration) string {
	if d >= 10*time.Second {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
}
