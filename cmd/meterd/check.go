package main

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"meterd/cmd/meterd/config"
	"meterd/meter"
)

func runCheck(args []string, s streams) error {
	f := flags("check", s)
	asJSON := f.Bool("json", false, "problems and plan as one JSON object")
	if err := parse(f, args, 1, 1); err != nil {
		return err
	}
	c, problems := config.Load(f.Arg(0))
	plan, crowding := planned(c, problems)
	problems = append(problems, crowding...)
	failed := config.Failed(problems)
	if *asJSON {
		if problems == nil {
			problems = []config.Problem{}
		}
		if err := json.NewEncoder(s.out).Encode(map[string]any{"ok": !failed, "problems": problems, "plan": plan}); err != nil {
			return err
		}
	} else {
		for _, p := range problems {
			fmt.Fprintln(s.out, p)
		}
		printPlan(s.out, plan)
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

// planned gives the plan of a configuration that has no mistakes, and warns of
// lines that are too full.
func planned(c *config.Config, problems []config.Problem) (plan []busPlan, crowding []config.Problem) {
	if config.Failed(problems) {
		return nil, nil
	}
	plan = planOf(c)
	for _, p := range plan {
		if p.Load > crowded {
			crowding = append(crowding, config.Problem{
				File: c.File, Line: c.BusLine(p.Bus), Warning: true, Text: fmt.Sprintf("[[bus]] %q: the plan needs %.0f %% of the line's time", p.Bus, 100*p.Load),
				Hint: "read less often, fewer points, or on another bus",
			})
		}
	}
	return plan, crowding
}

// busPlan is what a line has to carry.
type busPlan struct {
	Bus    string      `json:"bus"`
	Baud   int         `json:"baud"`
	Load   float64     `json:"load"` // share of the line's time
	Rounds []roundPlan `json:"rounds"`
}

// roundPlan is one poll of one group of a meter's points.
type roundPlan struct {
	Meter    string   `json:"meter"`
	Every    string   `json:"every"`
	Frames   int      `json:"frames"` // requests; each has an answer
	Bytes    int      `json:"bytes"`  // requests and answers
	Seconds  float64  `json:"seconds"`
	Requests []string `json:"requests"`
}

func planOf(c *config.Config) []busPlan {
	var plans []busPlan
	for _, b := range c.Buses {
		p := busPlan{Bus: b.Name, Baud: b.Timing.Baud}
		for _, m := range c.Meters {
			if m.Bus != b.Name {
				continue
			}
			for _, g := range groupsOf(c, m) {
				r, took := planRound(m, g, b.Timing)
				p.Load += took.Seconds() / g.Every.Seconds()
				p.Rounds = append(p.Rounds, r)
			}
		}
		plans = append(plans, p)
	}
	return plans
}

func planRound(m config.Meter, g meter.Group, t meter.Timing) (roundPlan, time.Duration) {
	r := roundPlan{Meter: m.Name, Every: shortDuration(g.Every)}
	var took time.Duration
	for _, req := range meter.Plan(g.Points, m.Protocol) {
		cost := req.Cost(t.Preamble)
		r.Frames++
		r.Bytes += cost.Sent + cost.Received
		r.Requests = append(r.Requests, req.DI.String())
		took += req.Duration(t)
	}
	r.Seconds = took.Round(time.Millisecond).Seconds()
	return r, took
}

func groupsOf(c *config.Config, m config.Meter) []meter.Group {
	for _, p := range c.Profiles {
		if p.Name == m.Profile {
			return p.Groups
		}
	}
	return nil
}

// crowded is the share of a line's time above which check warns.
const crowded = 0.8

func printPlan(w io.Writer, plans []busPlan) {
	for _, p := range plans {
		fmt.Fprintf(w, "bus %s: %d baud, %.1f %% of the line's time\n", p.Bus, p.Baud, 100*p.Load)
		for _, r := range p.Rounds {
			fmt.Fprintf(w, "  %s every %s: %d requests, %d bytes, %.2f s\n", r.Meter, r.Every, r.Frames, r.Bytes, r.Seconds)
		}
	}
}

// shortDuration writes 15m0s as 15m.
func shortDuration(d time.Duration) string {
	s := d.String()
	if d%time.Hour == 0 {
		return s[:len(s)-4]
	}
	if d%time.Minute == 0 {
		return s[:len(s)-2]
	}
	return s
}
