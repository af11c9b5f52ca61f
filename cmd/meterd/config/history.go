package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"meterd/dlt645"
	"meterd/meter"
)

// usualBack is how far back a meter's record is made up.
const usualBack = 3 * 24 * time.Hour

// history reads what of a meter's record is made up from its memory.
func (c *Config) history(p *Profile, profile *table) {
	for _, t := range profile.list("history", "[[profile.history]]") {
		t.title = fmt.Sprintf("%s, [[profile.history]]", profile.title)
		var words []string
		for _, m := range meter.Memories {
			words = append(words, string(m))
		}
		h := meter.History{Of: meter.Memory(t.oneOf("of", words...))}
		if !t.has("of") {
			t.problem("", `add of = "daily"`, "%s lacks of, which is required", t.title)
		}
		if slices.ContainsFunc(p.History, func(o meter.History) bool { return o.Of == h.Of }) {
			t.problem("of", "put their points together", "%s: a second one of %q", t.title, h.Of)
		}
		c.remembered(t, &h)
		h.Back = t.back("back", min(usualBack, h.Of.Depth()), h.Of.Depth())
		if h.Of == meter.Month && !t.has("back") {
			h.Back = monthBack
		}
		t.finish()
		if h.Of == meter.Events {
			for _, point := range h.Points {
				if !slices.ContainsFunc(p.Groups, func(g meter.Group) bool {
					return slices.ContainsFunc(g.Points, func(o meter.Point) bool { return o.Name == point.Name })
				}) {
					t.problem("points", "add it to a [[profile.poll]], each hour, say", "%s: nothing polls %s, whose change tells that there are new events", t.title, point.Name)
				}
			}
		}
		if len(h.Points) > 0 {
			p.History = append(p.History, h)
		}
	}
}

// monthBack reaches the settlement of the month before the last.
const monthBack = 62 * 24 * time.Hour

// remembered reads the points of a history: those of a family that the meter's
// memory holds.
func (c *Config) remembered(t *table, h *meter.History) {
	names := t.strings("points")
	if list, ok := t.values["points"].([]any); len(list) == 0 && (ok || !t.has("points")) && !t.leftOut("points") {
		t.problem("points", `add points = ["energy.forward"]`, "%s names no points", t.title)
	}
	for _, name := range names {
		found, ok := c.Points.Expand(name)
		if !ok {
			hint := "meterd points prints all names"
			if near := nearest(name, c.Points.Names()); near != "" {
				hint = fmt.Sprintf("do you mean %q?", near)
			}
			t.problem("points", hint, "%s: there is no point %q", t.title, name)
			continue
		}
		held := 0
		for _, p := range found {
			if !h.Of.Holds(p) {
				continue
			}
			held++
			if !slices.ContainsFunc(h.Points, func(o meter.Point) bool { return o.Name == p.Name }) {
				h.Points = append(h.Points, p)
			}
		}
		if held == 0 {
			t.problem("points", holds[h.Of], "%s: a meter's memory of %q does not hold %q", t.title, h.Of, name)
		}
	}
}

// holds tells what each kind of memory holds.
var holds = map[meter.Memory]string{
	meter.Daily: "it holds energies, maximum demands and powers", meter.Hourly: "it holds energy.forward.total and energy.reverse.total",
	meter.Load:  "it holds voltages, currents, frequency, powers, power factors and the totals of energies",
	meter.Month: "it holds energies and maximum demands", meter.Events: "it holds what counts: count.outage, count.cover",
}

// back is a duration that may be in days: "3d".
func (t *table) back(key string, def, high time.Duration) time.Duration {
	s, ok := lookup[string](t, key, `a duration in quotes, like "3d"`)
	if !ok {
		return def
	}
	d, err := time.ParseDuration(s)
	if days, isDays := strings.CutSuffix(s, "d"); isDays {
		var n int
		n, err = strconv.Atoi(days)
		d = time.Duration(min(max(n, 0), 10000)) * 24 * time.Hour
	}
	switch {
	case err != nil:
		t.problem(key, `write a number and a unit: "12h", "3d"`, "%s: %s = %q is no duration", t.title, key, s)
		return def
	case d < time.Hour || d > high:
		t.problem(key, fmt.Sprintf("a meter remembers %d days of it at most", int(high/(24*time.Hour))), "%s: %s = %q is not between 1h and %dd", t.title, key, s, int(high/(24*time.Hour)))
		return def
	}
	return d
}

// power is a text like "26.4kW".
func (t *table) power(key string) dlt645.Decimal {
	s, ok := lookup[string](t, key, `a power in quotes, like "26.4kW"`)
	if !ok {
		return dlt645.Decimal{}
	}
	number, unit := strings.CutSuffix(s, "kW")
	d, err := dlt645.ParseDecimal(strings.TrimSpace(number))
	if !unit || err != nil || d.Coef <= 0 {
		t.problem(key, `write it like "26.4kW"`, "%s: %s = %q is no power", t.title, key, s)
		return dlt645.Decimal{}
	}
	return d
}

// HistoryPlan is what it costs to fetch one part of a meter's record.
type HistoryPlan struct {
	Meter    string  `json:"meter"`
	Of       string  `json:"of"`
	Requests int     `json:"requests"` // for one record, or some load records
	Bytes    int     `json:"bytes"`
	Seconds  float64 `json:"seconds"`
	Records  int     `json:"records"` // that they bring
	Back     string  `json:"back"`
}

func planHistory(m Meter, h meter.History, t meter.Timing) HistoryPlan {
	p := HistoryPlan{Meter: m.Name, Of: string(h.Of), Back: days(h.Back)}
	requests, records := h.Requests()
	p.Records = records
	var took time.Duration
	for _, req := range requests {
		cost := req.Cost(t.Preamble)
		p.Requests++
		p.Bytes += cost.Sent + cost.Received
		took += req.Duration(t)
	}
	p.Seconds = took.Round(time.Millisecond).Seconds()
	return p
}

func days(d time.Duration) string {
	if d%(24*time.Hour) == 0 {
		return strconv.Itoa(int(d/(24*time.Hour))) + "d"
	}
	return Short(d)
}
