package meter

import "slices"

// Yield gives the points that a meter's readings may hold which is read for
// some: these, what they are derived from, what is derived from what is read,
// and what is read of each meter once a day.
func (ps *Points) Yield(points []Point) []Point {
	have := map[string]bool{}
	var out []Point
	add := func(p Point) {
		if !have[p.Name] {
			have[p.Name] = true
			out = append(out, p)
		}
	}
	for _, p := range sources(append(slices.Clone(points), dailyGroup().Points...)) {
		add(p)
	}
	for i := range families {
		for _, p := range families[i].points() {
			if p.From != nil && derivable(p, have) {
				add(p)
			}
		}
	}
	return out
}

// derivable reports whether a point may be derived from what is read. Faults
// are told from the words of a phase and of what is common to three, and by the
// others where they are read.
func derivable(p Point, have map[string]bool) bool {
	if p.Name == "fault" {
		return have["status.7"] && (have["status.4"] || have["status.5"] || have["status.6"])
	}
	return !slices.ContainsFunc(p.From, func(source string) bool { return !have[source] })
}
