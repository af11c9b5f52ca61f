package panel

import (
	"time"

	"meterd/cmd/meterd/console"
)

// clockStatus tells the clock, and what those say of it who know the time.
func (p *Panel) clockStatus(now time.Time) console.ClockStatus {
	out := []console.ClockOpinion{}
	for _, o := range p.Clock.Opinions() {
		out = append(out, console.ClockOpinion{Source: o.Source, Offset: o.Offset.Round(10 * time.Millisecond).Seconds(), Age: int64(o.Age.Seconds()), Meters: o.Meters})
	}
	return console.ClockStatus{Trusted: p.Clock.Trusted(now), Source: p.Clock.Source(now), Time: now.In(p.Config.Gateway.Zone), Opinions: out}
}

// timeDetail tells the clock.
func (p *Panel) timeDetail() console.TimeDetail {
	return console.TimeDetail{ClockStatus: p.clockStatus(time.Now()), Zone: p.Config.Gateway.Zone.String()}
}
