package station

import (
	"context"
	"fmt"
	"time"

	"meterd/meter"
	"meterd/store"
)

// noteTrust puts an event into the ring when the clock, that was doubted, is
// trusted: it dates what was taken before, also for who reads the ring after
// the next start.
func (sh *shift) noteTrust(ctx context.Context) {
	doubted := !sh.clock.Trusted(time.Now())
	t := time.NewTicker(time.Second)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-t.C:
			trusted := sh.clock.Trusted(now)
			if doubted && trusted {
				sh.event(meter.Event{Kind: meter.EventClock, Time: now, Text: sh.clock.Source(now)})
			}
			doubted = !trusted
		}
	}
}

// noteLost gives what tells of records that an uplink has not delivered and
// never will.
func (sh *shift) noteLost(uplink string) func(store.Gap, int) {
	return func(g store.Gap, records int) {
		sh.event(meter.Event{Kind: meter.EventGap, Time: time.Now(), Text: fmt.Sprintf("%s: %d records, %d to %d, %s%s", uplink, records, g.From, g.To, g.Cause, gapTimes(g))})
	}
}

// gapTimes tells when what is lost was taken, as far as that is known.
func gapTimes(g store.Gap) string {
	since, until := g.Since.UTC().Format(time.RFC3339), g.Until.UTC().Format(time.RFC3339)
	switch {
	case g.Since.IsZero() && g.Until.IsZero():
		return ""
	case g.Since.IsZero():
		return ", before " + until
	case g.Until.IsZero():
		return ", since " + since
	}
	return ", " + since + " to before " + until
}
