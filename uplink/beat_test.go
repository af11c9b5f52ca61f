package uplink

import (
	"testing"
	"time"

	"meterd/dlt645"
)

// TestWhenStatesAreTold: the platform is to be told every 10 s, when a state
// changed, and when it asks; states are compared once a second.
func TestWhenStatesAreTold(t *testing.T) {
	const every = 10 * time.Second
	start := time.Unix(1000, 0)
	on, off := map[dlt645.Address]bool{meter1: true}, map[dlt645.Address]bool{meter1: false}
	var b statusBeat
	for _, row := range []struct {
		name   string
		at     time.Duration
		online map[dlt645.Address]bool
		asked  bool
		full   bool // the message finds no room
		looks  bool
		told   bool
		next   time.Duration
	}{
		{name: "at the beginning", online: on, looks: true, told: true, next: time.Second},
		{name: "nothing changed", at: time.Second, online: on, looks: true, next: 2 * time.Second},
		{name: "too soon to look", at: 1500 * time.Millisecond, online: off, next: 2 * time.Second},
		{name: "a change", at: 2 * time.Second, online: off, looks: true, told: true, next: 3 * time.Second},
		{name: "asked before the next look", at: 2500 * time.Millisecond, online: off, asked: true, looks: true, told: true, next: 3500 * time.Millisecond},
		{name: "a meter more", at: 4 * time.Second, online: map[dlt645.Address]bool{meter1: false, meter2: false}, looks: true, told: true, next: 5 * time.Second},
		{name: "shortly before the beat", at: 13500 * time.Millisecond, online: map[dlt645.Address]bool{meter1: false, meter2: false}, looks: true, next: 14 * time.Second},
		{name: "the beat, without room", at: 14 * time.Second, online: map[dlt645.Address]bool{meter1: false, meter2: false}, full: true, looks: true, told: true, next: 15 * time.Second},
		{name: "the beat, a second later", at: 15 * time.Second, online: map[dlt645.Address]bool{meter1: false, meter2: false}, looks: true, told: true, next: 16 * time.Second},
	} {
		now := start.Add(row.at)
		looks, told := b.looks(now, row.asked), false
		if looks {
			if told = b.due(now, every, row.online, row.asked); told && !row.full {
				b.told(now, row.online)
			}
			if !row.full {
				b.next(every)
			}
		}
		if next := b.look.Sub(start); looks != row.looks || told != row.told || next != row.next {
			t.Errorf("%s: looks %v, told %v, looks again after %v; want %v, %v, %v", row.name, looks, told, next, row.looks, row.told, row.next)
		}
	}
}
