package main

import (
	"time"

	"meterd/cmd/meterd/console"
)

// clockStatus tells the clock, and what those say of it who know the time.
func (d *daemon) clockStatus(now time.Time) console.ClockStatus {
	out := []console.ClockOpinion{}
	for _, o := range d.clock.Opinions() {
		out = append(out, console.ClockOpinion{Source: o.Source, Offset: o.Offset.Round(10 * time.Millisecond).Seconds(), Age: int64(o.Age.Seconds()), Meters: o.Meters})
	}
	return console.ClockStatus{Trusted: d.clock.Trusted(now), Source: d.clock.Source(now), Time: now.In(d.config.Gateway.Zone), Opinions: out}
}

// timeDetail tells the clock.
func (d *daemon) timeDetail() console.TimeDetail {
	return console.TimeDetail{ClockStatus: d.clockStatus(time.Now()), Zone: d.config.Gateway.Zone.String()}
}
