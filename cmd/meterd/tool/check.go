package tool

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"

	"meterd/cmd/meterd/cli"
	"meterd/cmd/meterd/config"
)

// Check is the command "check".
func Check(f *flag.FlagSet, args []string, s cli.Streams) error {
	asJSON := f.Bool("json", false, "problems and plan as one JSON object")
	if err := cli.Parse(f, args, 1, 1); err != nil {
		return err
	}
	c, problems := config.Load(f.Arg(0))
	plan, crowding := c.Plan(problems)
	problems = append(problems, crowding...)
	failed := config.Failed(problems)
	withheld := []config.Withheld{}
	if !failed {
		withheld = c.Withholds()
	}
	if *asJSON {
		if problems == nil {
			problems = []config.Problem{}
		}
		if err := json.NewEncoder(s.Out).Encode(map[string]any{"ok": !failed, "problems": problems, "plan": plan, "withheld": withheld}); err != nil {
			return err
		}
	} else {
		for _, p := range problems {
			fmt.Fprintln(s.Out, p)
		}
		printPlan(s.Out, plan)
		for _, w := range withheld {
			fmt.Fprintf(s.Out, "uplink %s: %s of %s are withheld: the platform's %s cannot hold them\n", w.Uplink, w.What, w.Point, w.To)
		}
	}
	if failed {
		n := 0
		for _, p := range problems {
			if !p.Warning {
				n++
			}
		}
		return fmt.Errorf("%s: %d mistakes", f.Arg(0), n)
	}
	return nil
}

func printPlan(w io.Writer, plans []config.BusPlan) {
	for _, p := range plans {
		fmt.Fprintf(w, "bus %s: %d baud, %.1f %% of the line's time\n", p.Bus, p.Baud, 100*p.Load)
		for _, r := range p.Rounds {
			fmt.Fprintf(w, "  %s every %s: %d requests, %d bytes, %.2f s\n", r.Meter, r.Every, r.Frames, r.Bytes, r.Seconds)
		}
		for _, h := range p.History {
			fmt.Fprintf(w, "  %s from its memory, %s, %s back: %d requests, %d bytes, %.2f s bring %d\n", h.Meter, h.Of, h.Back, h.Requests, h.Bytes, h.Seconds, h.Records)
		}
		if p.HistoryShare > 0 {
			fmt.Fprintf(w, "  what is fetched from the meters' memory takes at most %d %% of the line's time\n", p.HistoryShare)
		}
	}
}
