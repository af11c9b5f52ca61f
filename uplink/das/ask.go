package das

import (
	"time"

	"meterd/uplink"
)

// Ask tells the version and asks for the shadow and the platform's time, at
// once after a connect.
func (d *DAS) Ask(now time.Time) (m uplink.Message, ok bool, again time.Time) {
	switch {
	case d.Version != "" && !d.informed:
		d.informed = true
		return d.tellVersion(), true, now
	case d.Shadow && !d.shadow.asked:
		return d.askShadow(), true, now
	}
	m, ok, again = d.askUpgrade(now)
	if ok {
		return m, ok, again
	}
	m, ok, next := d.askTime(now)
	if !again.IsZero() && (next.IsZero() || again.Before(next)) {
		next = again
	}
	return m, ok, next
}
