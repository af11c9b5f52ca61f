package main

import (
	"fmt"
	"time"

	"meterd/cmd/meterd/console"
	"meterd/cmd/metersim/screen"
)

const framesShown = 8

// lines draws the demo.
func (d *demo) lines(elapsed time.Duration) []string {
	out := []string{
		fmt.Sprintf("meterd demo  %4.0fs of %.0fs   %s", elapsed.Seconds(), d.length.Seconds(), d.phase),
		"",
		fmt.Sprintf("LINE  %s  2400 baud 8E1  %d meters  load %.0f %%  requests %d  answers %d  noise %d  silence %d",
			d.pty.path, demoMeters, 100*d.busStatus().Load, d.busStatus().Requests, d.busStatus().Answers, d.busStatus().Noise, d.busStatus().Silence),
	}
	d.mu.Lock()
	frames := append([]string(nil), d.frames...)
	d.mu.Unlock()
	for i := range framesShown {
		line := ""
		if i < len(frames) {
			line = screen.Clip("  "+frames[i], 98)
		}
		out = append(out, line)
	}
	out = append(out, "", fmt.Sprintf("%-10s%9s%9s%9s%10s%9s%8s%8s%13s", "METER", "Ua V", "Ub V", "Uc V", "Ia A", "P kW", "PF", "Hz", "kWh"))
	for _, m := range d.meters {
		v := func(point string) string { return valueOf(m, point) }
		out = append(out, fmt.Sprintf("  %-8s%9s%9s%9s%10s%9s%8s%8s%13s", m.Name, v("voltage.a"), v("voltage.b"), v("voltage.c"), v("current.a"),
			v("power.active.total"), v("power.factor.total"), v("frequency"), v("energy.forward.total")))
	}
	r, u := d.status.Ring, d.uplink()
	link := "connected"
	if !u.Connected {
		link = "NOT CONNECTED"
	}
	repeats, violations := d.stage.tally()
	return append(out, "",
		fmt.Sprintf("RING  records %d to %d  waiting for flash %d  written %d KiB", r.First, r.Last, r.Waiting, r.Written>>10),
		fmt.Sprintf("UPLINK  %s %s  backlog %s", d.stage.kind, link, screen.Bar(u.Queued, d.most)),
		fmt.Sprintf("CLOUD  stored %d  repeats %d  violations %d", len(d.stage.seen()), repeats, len(violations)),
		fmt.Sprintf("TOTAL  backlog %d readings, outstanding %d, acknowledged %d messages, sent again %d", u.Queued, u.Outstanding, u.Acked, u.Resent),
	)
}

func valueOf(m console.MeterDetail, point string) string {
	for _, v := range m.Values {
		if v.Point == point {
			return v.Value
		}
	}
	return "–"
}
