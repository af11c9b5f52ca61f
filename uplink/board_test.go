package uplink

import (
	"encoding/json"
	"testing"
	"time"
)

// TestTheBoardIsToldOnChangeAndEveryQuarter: what moves by itself is no change.
func TestTheBoardIsToldOnChangeAndEveryQuarter(t *testing.T) {
	start := time.Unix(1700000000, 0)
	state := func(clock, uptime string) []BoardState {
		return []BoardState{{"gateway_clock", json.RawMessage(clock), false}, {"gateway_uptime", json.RawMessage(uptime), true}}
	}
	var b boardBeat
	for _, step := range []struct {
		after         time.Duration
		clock, uptime string
		looks, due    bool
	}{
		{0, `"doubted"`, "1", true, true},
		{time.Second, `"trusted"`, "2", false, false}, // not compared yet
		{boardLook, `"trusted"`, "11", true, true},
		{2 * boardLook, `"trusted"`, "21", true, false},
		{boardLook + boardEvery - time.Second, `"trusted"`, "909", true, false},
		{2*boardLook + boardEvery, `"trusted"`, "920", true, true},
	} {
		now := start.Add(step.after)
		looks := b.looks(now)
		due := looks && b.due(now, state(step.clock, step.uptime))
		if looks != step.looks || due != step.due {
			t.Errorf("after %v: looked %v, due %v", step.after, looks, due)
		}
		if due {
			b.at, b.last = now, state(step.clock, step.uptime)
		}
	}
}
