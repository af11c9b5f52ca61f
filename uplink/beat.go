package uplink

import (
	"maps"
	"time"

	"meterd/dlt645"
)

// statusBeat says when the platform is told which meters are online. It reads no
// clock.
type statusBeat struct {
	at   time.Time               // when it was told last
	last map[dlt645.Address]bool // what it was told then
	look time.Time               // when the meters' states are compared again
}

// statusLook is how often the meters' states are compared.
const statusLook = time.Second

// looks reports whether the states are to be compared now: not with each message
// that comes, but at once where the platform asks.
func (b *statusBeat) looks(now time.Time, asked bool) bool {
	if now.Before(b.look) && !asked {
		return false
	}
	b.look = now.Add(statusLook)
	return true
}

// due reports whether the platform is to be told: when it asks, when a state
// changed, and every so often.
func (b *statusBeat) due(now time.Time, every time.Duration, online map[dlt645.Address]bool, asked bool) bool {
	return asked || now.Sub(b.at) >= every || !maps.Equal(online, b.last)
}

// told takes note of what the platform was told.
func (b *statusBeat) told(now time.Time, online map[dlt645.Address]bool) { b.at, b.last = now, online }

// next gives the time to look again.
func (b *statusBeat) next(every time.Duration) time.Time {
	b.look = earlier(b.look, b.at.Add(every))
	return b.look
}
