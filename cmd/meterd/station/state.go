package station

import (
	"encoding/json"
	"strings"
	"time"

	"meterd/uplink"
)

// boardState tells how the board itself fares, as docs/platforms.md lists it.
func (sh *shift) boardState(now time.Time) (all []uplink.BoardState) {
	add := func(key string, value any, moves bool) {
		b, _ := json.Marshal(value) // a text or a whole number
		all = append(all, uplink.BoardState{Key: key, JSON: b, Moves: moves})
	}
	clock := "doubted"
	if sh.clock.Trusted(now) {
		clock = "trusted"
	}
	ring, used := "memory", int64(0)
	if s := sh.ring.Stats(); s.CapacityBytes > 0 {
		ring, used = "flash", s.UsedBytes*100/s.CapacityBytes
	}
	var down []string
	for _, line := range sh.lines {
		if line.Bus().Counts().PortErr != "" {
			down = append(down, line.Bus().Name())
		}
	}
	online, meters := 0, sh.meters()
	for _, m := range meters {
		if m.Online {
			online++
		}
	}
	add("gateway_version", sh.Version, false)
	add("gateway_uptime", int64(now.Sub(sh.started).Seconds()), true)
	add("gateway_clock", clock, false)
	add("gateway_ring", ring, false)
	add("gateway_ring_used", used, true)
	add("gateway_lines", len(sh.lines), false)
	add("gateway_lines_down", strings.Join(down, ","), false)
	add("gateway_meters", len(meters), false)
	add("gateway_meters_online", online, false)
	return all
}
