package panel

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"meterd/cmd/meterd/console"
	"meterd/cmd/meterd/explain"
	"meterd/dlt645"
	"meterd/meter"
)

// traceAsked is what a trace is to show.
type traceAsked struct {
	bus    string // "": all
	n      int    // of the last frames
	follow bool
}

var traceUsage = dlt645.Text{EN: "trace [BUS] [-n N] [-f]; in the console also -o FILE", ZH: "trace [总线] [-n N] [-f]；控制台中还可用 -o 文件"}

func parseTrace(args []string) (traceAsked, error) {
	a := traceAsked{n: 20}
	for i := 0; i < len(args); i++ {
		switch {
		case args[i] == "-f":
			a.follow = true
		case args[i] == "-n" && i+1 < len(args):
			i++
			n, err := strconv.Atoi(args[i])
			if err != nil || n < 0 {
				return a, console.Tell(dlt645.Text{EN: "-n %s is no number", ZH: "-n %s 不是数字"}, traceUsage, args[i])
			}
			a.n = n
		case a.bus == "" && !strings.HasPrefix(args[i], "-"):
			a.bus = args[i]
		default:
			return a, console.Tell(dlt645.Text{EN: "%q is too much", ZH: "多余的参数 %q"}, traceUsage, args[i])
		}
	}
	return a, nil
}

// traceBus shows the last frames of a line, or of all, in the order of time,
// and on request those that follow.
func (p *Panel) traceBus(ctx context.Context, args []string, say func(console.Answer)) (console.Answer, error) {
	asked, err := parseTrace(args)
	if err != nil {
		return nil, err
	}
	lines := p.Lines
	if asked.bus != "" {
		line, err := p.lineOf(asked.bus)
		if err != nil {
			return nil, err
		}
		lines = []*meter.Poller{line}
	}
	var recent []meter.Trace
	fresh := make(chan meter.Trace)
	for _, line := range lines {
		watch, stop := line.Bus().Watch()
		defer stop()
		recent = append(recent, line.Bus().Recent()...)
		if asked.follow {
			go hand(ctx, watch, fresh)
		}
	}
	slices.SortStableFunc(recent, func(a, b meter.Trace) int { return a.At.Compare(b.At) })
	last := map[string]time.Time{}
	for i, t := range recent {
		if i >= len(recent)-asked.n {
			say(p.traced(t, last[t.Bus]))
		}
		last[t.Bus] = t.At
	}
	for asked.follow {
		select {
		case <-ctx.Done():
			return nil, nil
		case t := <-fresh:
			if t.At.After(last[t.Bus]) { // it may stand among the last ones already
				say(p.traced(t, last[t.Bus]))
				last[t.Bus] = t.At
			}
		}
	}
	return nil, nil
}

// hand hands traces on until the context ends.
func hand(ctx context.Context, from <-chan meter.Trace, to chan<- meter.Trace) {
	for {
		select {
		case <-ctx.Done():
			return
		case t := <-from:
			select {
			case to <- t:
			case <-ctx.Done():
				return
			}
		}
	}
}

// tracedFrame is what passed on a line.
type tracedFrame struct {
	Bus    string `json:"bus"`
	Time   string `json:"time"`
	Micros int64  `json:"us"` // since the one before
	Sent   bool   `json:"sent"`
	Hex    string `json:"hex"`
	Says   string `json:"says"`
	Missed int    `json:"missed,omitempty"` // that were left out before it: the console is slower than the line
}

// traced tells one frame; last is when the one before it passed on its line.
func (p *Panel) traced(t meter.Trace, last time.Time) tracedFrame {
	f := tracedFrame{Bus: t.Bus, Time: t.At.In(p.Config.Gateway.Zone).Format("15:04:05.000000"), Sent: t.Sent, Missed: t.Missed, Hex: fmt.Sprintf("% X", t.Wire)}
	if !last.IsZero() {
		f.Micros = t.At.Sub(last).Microseconds()
	}
	f.Says = explain.Summary(t.Wire, p.Config.Points, p.Config.Gateway.Language)
	return f
}

// Text tells it in two lines. The second is what `meterd decode` reads.
func (f tracedFrame) Text(language string) string {
	missed := ""
	if f.Missed > 0 {
		missed = fmt.Sprintf(dlt645.Text{EN: "(%d frames left out: the console is slower than the line)\n", ZH: "（略去 %d 帧：控制台比线路慢）\n"}.In(language), f.Missed)
	}
	arrow := "<"
	if f.Sent {
		arrow = ">"
	}
	return missed + fmt.Sprintf("%s %s %+9dus %s %s\n    %s\n", f.Time, f.Bus, f.Micros, arrow, f.Says, f.Hex)
}
