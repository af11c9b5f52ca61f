package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"meterd/dlt645/dlt645test"
)

// The scene of the record: a board comes to meters, or back to them, that
// remember the hours in which nobody read them.

const (
	sceneHours   = 8
	sceneQuarter = 15 * time.Minute
)

const sceneConfig = `
[[profile]]
name = "record"
[[profile.poll]]
every  = "10s"
points = ["voltage", "current", "power.active"]
[[profile.poll]]
every  = "15m"
points = ["energy.forward.total"]
[[profile.history]]
of     = "load"
points = ["energy.forward.total"]
back   = "%dh"
`

// recordScene plays it, until each quarter-hour that the meters kept is at the
// platform, and compares them.
func (d *demo) recordScene(ctx context.Context) error {
	for i, m := range d.line.Meters {
		m.Change(func(m *dlt645test.Meter) {
			m.Consume = func(at time.Time) dlt645test.Power { return dlt645test.Power{Active: int64(700*(i+1) + 25*at.Hour())} }
		})
	}
	serving, stopServing := context.WithCancel(ctx)
	defer stopServing()
	go d.pty.serve(serving, d.line)
	d.scene = true
	if err := d.start(); err != nil {
		return err
	}
	d.began = time.Now()
	first := d.began.Add(-sceneHours * time.Hour).Truncate(sceneQuarter).Add(sceneQuarter)
	var moments []time.Time
	for at := first; at.Before(d.began.Add(-5 * time.Minute)); at = at.Add(sceneQuarter) {
		moments = append(moments, at)
	}
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return d.end()
		case err := <-d.done:
			d.done <- err
			return fmt.Errorf("meterd has ended: %v\n%s", err, d.output.String())
		case <-tick.C:
		}
		d.look()
		there, all := d.recordLines(moments)
		d.screen.Show(there)
		switch elapsed := time.Since(d.began); {
		case all:
			if err := d.end(); err != nil {
				return err
			}
			return d.recordSummary(moments)
		case elapsed > 5*time.Minute:
			return fmt.Errorf("the record does not fill\n%s", d.output.String())
		}
	}
}

// at tells what the platform has of a meter's register, by the moment.
func (d *demo) at(meter string) map[int64][]string {
	out := map[int64][]string{}
	for _, v := range d.stage.seen() {
		if v.meter == meter && v.t.Before(d.began) {
			out[v.t.Unix()] = append(out[v.t.Unix()], v.value)
		}
	}
	return out
}

// recordLines draws the record: a mark for each quarter-hour that is at the
// platform.
func (d *demo) recordLines(moments []time.Time) (lines []string, all bool) {
	lines = []string{
		fmt.Sprintf("meterd demo  %4.0fs   the record: nobody read the meters for %d hours, and they remember", time.Since(d.began).Seconds(), sceneHours), "",
	}
	all = true
	total := 0
	for i, m := range d.line.Meters {
		there := d.at(m.Address.String())
		var row strings.Builder
		n := 0
		for _, at := range moments {
			if len(there[at.Unix()]) == 0 {
				row.WriteString("·")
				all = false
				continue
			}
			row.WriteString("█")
			n++
		}
		total += n
		lines = append(lines, fmt.Sprintf("  %-10s %s %s %s  %d of %d", meterName(i), moments[0].In(china).Format("15:04"), row.String(), moments[len(moments)-1].In(china).Format("15:04"), n, len(moments)))
	}
	b := d.busStatus()
	return append(lines, "",
		fmt.Sprintf("LINE  2400 baud  load %.0f %%  requests %d", 100*b.Load, b.Requests),
		fmt.Sprintf("TOTAL  %d of %d quarter-hours made up from the meters' memory, at the platform with their own times", total, len(moments)*len(d.line.Meters))), all
}

// recordSummary compares what the platform has with the meters' own books.
func (d *demo) recordSummary(moments []time.Time) error {
	right, wrong, doubled := 0, 0, 0
	for _, m := range d.line.Meters {
		there := d.at(m.Address.String())
		for _, at := range moments {
			register, _ := m.RegisterAt(0x00010000, at)
			whole, frac, _ := strings.Cut(register.String(), ".")
			items := d.stage.wants(answer{point: "energy_forward_total", digits: whole + frac, decimals: len(frac)})
			got := there[at.Unix()]
			if len(got) > len(items) {
				doubled++
			}
			ok := len(got) > 0
			for _, value := range got {
				found := false
				for _, w := range items {
					found = found || w.value == value
				}
				ok = ok && found
			}
			if ok {
				right++
			} else {
				wrong++
			}
		}
	}
	fmt.Printf("%d quarter-hours of %d meters: %d right, %d wrong, %d twice\n", len(moments), len(d.line.Meters), right, wrong, doubled)
	if wrong+doubled > 0 {
		return errors.New("the platform does not hold what the meters kept")
	}
	return nil
}
