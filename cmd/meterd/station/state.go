package station

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"meterd/cmd/meterd/record"
	"meterd/dlt645"
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
	var down, loads, lost []string
	for _, line := range sh.lines {
		b := line.Bus()
		c := b.Counts()
		if c.PortErr != "" {
			down = append(down, b.Name())
		}
		loads = append(loads, fmt.Sprintf("%s %d", b.Name(), int(100*b.Load(now)+.5)))
		lost = append(lost, b.Name()+" "+share(c.Silence+c.Noise, c.Requests))
	}
	h := sh.panel.Health(now)
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
	if h.Started != "" {
		add("gateway_started", h.Started, false)
	}
	add("gateway_clock_source", sh.clock.Source(now), false)
	sh.slow.look(sh, now)
	if hours := sh.slow.ringHours.Load(); hours > 0 {
		add("gateway_ring_hours", hours-1, true)
	}
	add("gateway_lines_load", strings.Join(loads, ","), true)
	add("gateway_lines_lost", strings.Join(lost, ","), true)
	if h.MemoryTotal > 0 {
		add("gateway_memory_free", h.MemoryAvailable*100/h.MemoryTotal, true)
	}
	if h.CPU != nil {
		add("gateway_cpu", *h.CPU, true)
	}
	if d, err := dlt645.ParseDecimal(h.Temperature); err == nil {
		whole, _ := d.Scaled(0)
		add("gateway_temperature", whole, true)
	}
	if there := sh.slow.record.Load(); there > 0 {
		add("gateway_record", there-1, true)
	}
	return all
}

// slowState is what takes a look into the ring or at every meter's record: it is
// found out now and then. What is not known is 0, else there is one too much.
type slowState struct {
	at                atomic.Int64 // when it was found out, in seconds since 1970
	ringHours, record atomic.Int64
}

const slowEvery = 5 * time.Minute

func (s *slowState) look(sh *shift, now time.Time) {
	last := s.at.Load()
	if last != 0 && now.Unix()-last < int64(slowEvery/time.Second) && now.Unix() >= last || !s.at.CompareAndSwap(last, now.Unix()) {
		return
	}
	hours, there := int64(0), int64(0)
	if oldest, ok := record.After(sh.ring, 0); ok && now.After(oldest) {
		hours = 1 + int64(now.Sub(oldest).Hours())
	}
	if r := sh.panel.RecordStatus(now); r != nil && r.Values+r.Missing+r.Open > 0 {
		there = 1 + int64(r.Values*100/(r.Values+r.Missing+r.Open))
	}
	s.ringHours.Store(hours)
	s.record.Store(there)
}

// share gives a part of a whole in percent, with one decimal.
func share(part, whole int) string {
	if whole == 0 {
		return "0.0"
	}
	return dlt645.Decimal{Coef: int64(part) * 1000 / int64(whole), Scale: 1}.String()
}
