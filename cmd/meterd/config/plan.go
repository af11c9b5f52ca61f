package config

import (
	"slices"
	"time"

	"meterd/dlt645"
	"meterd/meter"
)

// Plan gives what each line has to carry by a configuration that has no
// mistakes, and warns of lines that are too full.
func (c *Config) Plan(problems []Problem) (plan []BusPlan, crowding []Problem) {
	if Failed(problems) {
		return nil, nil
	}
	plan = c.plans()
	for _, p := range plan {
		if p.Load > crowded {
			full := newProblem(c.File, c.BusLine(p.Bus), "read less often, fewer points, or on another bus", "[[bus]] %q: the plan needs %.0f %% of the line's time", p.Bus, 100*p.Load)
			full.Warning = p.Load <= impossible
			crowding = append(crowding, full)
		}
	}
	return plan, c.Place(crowding)
}

// BusPlan is what a line has to carry.
type BusPlan struct {
	Bus    string      `json:"bus"`
	Baud   int         `json:"baud"`
	Load   float64     `json:"load"` // share of the line's time
	Rounds []RoundPlan `json:"rounds"`
	// History is what is fetched from the meters' memory, in HistoryShare
	// percent of the line's time at most.
	History      []HistoryPlan `json:"history,omitempty"`
	HistoryShare int           `json:"history_share,omitempty"`
}

// RoundPlan is one poll of one group of a meter's points.
type RoundPlan struct {
	Meter    string   `json:"meter"`
	Every    string   `json:"every"`
	Frames   int      `json:"frames"` // requests; each has an answer
	Bytes    int      `json:"bytes"`  // requests and answers
	Seconds  float64  `json:"seconds"`
	Requests []string `json:"requests"`
}

func (c *Config) plans() []BusPlan {
	var plans []BusPlan
	for _, b := range c.Buses {
		p := BusPlan{Bus: b.Name, Baud: b.Timing.Baud}
		for _, m := range c.Meters {
			if m.Bus != b.Name {
				continue
			}
			for _, g := range m.Groups {
				r, took := planRound(m, g, b.Timing)
				p.Load += took.Seconds() / g.Every.Seconds()
				p.Rounds = append(p.Rounds, r)
			}
			for _, h := range m.History {
				p.History, p.HistoryShare = append(p.History, planHistory(m, h, b.Timing)), b.HistoryShare
			}
		}
		plans = append(plans, p)
	}
	return plans
}

func planRound(m Meter, g meter.Group, t meter.Timing) (RoundPlan, time.Duration) {
	r := RoundPlan{Meter: m.Name, Every: Short(g.Every)}
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

// impossible is the share above which it is a mistake: most rounds would be
// missed, whatever the line is like.
const impossible = 1.5

// crowded is the share of a line's time above which check warns.
const crowded = 0.8

// Withheld is what an uplink's platform cannot hold of a point that is read.
type Withheld struct {
	Uplink string `json:"uplink"`
	Point  string `json:"point"`
	To     string `json:"to"` // its identifier there
	What   string `json:"what"`

	Says dlt645.Text `json:"-"` // what, for people
}

// Withholds gives what the platforms cannot hold of the points that are read:
// such values are not sent, and counted.
func (c *Config) Withholds() []Withheld {
	out := []Withheld{}
	for _, u := range c.Uplinks {
		i := slices.IndexFunc(kinds, func(k kind) bool { return k.name == u.Kind })
		if i < 0 || kinds[i].cannot == nil || u.Directory == nil {
			continue
		}
		seen := map[string]bool{}
		for _, m := range c.Meters {
			for _, g := range m.Groups {
				for _, p := range g.Points {
					if seen[p.Name] {
						continue
					}
					seen[p.Name] = true
					for _, row := range u.Directory.Rows(p.Name) {
						if what := kinds[i].cannot(row, p); what != (dlt645.Text{}) {
							out = append(out, Withheld{u.Name, p.Name, row.To, what.EN, what})
						}
					}
				}
			}
		}
	}
	return out
}
