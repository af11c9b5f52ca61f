package panel

import (
	"context"
	"strconv"

	"meterd/cmd/meterd/console"
	"meterd/dlt645"
)

// logLine is a line of the log for the console.
type logLine struct {
	Number uint64 `json:"number,omitempty"` // goes on by one; none for what is kept on flash
	Line   string `json:"line"`
}

// Text gives the line.
func (l logLine) Text(string) string { return l.Line + "\n" }

// logShown is how many lines are shown unless -n says otherwise: a screen.
const logShown = 20

// showLog shows the last lines of the log, and on request those that follow,
// or the errors that are kept on flash.
func (p *Panel) showLog(ctx context.Context, args []string, say func(console.Answer)) (console.Answer, error) {
	n, follow, kept := logShown, false, false
	for i := 0; i < len(args); i++ {
		switch {
		case args[i] == "-f":
			follow = true
		case args[i] == "-e":
			kept = true
		case args[i] == "-n" && i+1 < len(args):
			var err error
			if n, err = strconv.Atoi(args[i+1]); err != nil || n < 0 {
				return nil, console.Tell(dlt645.Text{EN: "-n %s is no number", ZH: "-n %s 不是数字"}, dlt645.Text{}, args[i+1])
			}
			i++
		default:
			return nil, console.Tell(dlt645.Text{EN: "%q is too much", ZH: "多余的参数 %q"}, dlt645.Text{EN: "log [-n N] [-f] [-e]", ZH: "log [-n N] [-f] [-e]"}, args[i])
		}
	}
	if kept {
		lines, err := p.Journal.Kept(n)
		for _, l := range lines {
			say(logLine{Line: l})
		}
		return nil, err
	}
	lines := p.Journal.Last(max(n, 1))
	last := uint64(0)
	if n == 0 && len(lines) > 0 { // only what comes from now on
		last, lines = lines[len(lines)-1].Number, nil
	}
	for {
		for _, l := range lines {
			say(logLine{l.Number, l.Text})
			last = l.Number
		}
		if !follow {
			return nil, nil
		}
		var more <-chan struct{}
		if lines, more = p.Journal.Since(last); len(lines) > 0 {
			continue
		}
		select {
		case <-ctx.Done():
			return nil, nil
		case <-more:
		}
	}
}
