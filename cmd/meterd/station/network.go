package station

import (
	"context"
	"time"

	"meterd/board"
)

// useNetwork has the network of a card's board brought to what the
// configuration says. Where nothing changes, nothing is touched; on another
// board the system sets it.
func (sh *shift) useNetwork() {
	n := sh.config.Network
	if !board.OnCard() {
		if n.Given {
			sh.log.Warn("[network] is left alone: this board's own system sets its network")
		}
		return
	}
	if err := n.Wanted().Set(); err != nil {
		sh.log.Error("the network cannot be set", "err", err)
	}
}

const (
	// timeAgain is how often a server is asked for the time, timeSoon how soon
	// after none has answered.
	timeAgain = time.Hour
	timeSoon  = time.Minute
)

// askTime asks the servers of [network] for the time, one after the other
// until one tells it.
func (sh *shift) askTime(ctx context.Context) {
	servers := sh.config.Network.NTP
	if len(servers) == 0 || !board.OnCard() {
		return
	}
	for silent := false; ; {
		again := timeSoon
		var err error
		for _, s := range servers {
			var t time.Time
			if t, err = board.AskTime(ctx, s); err == nil {
				sh.clock.OfferServer(s, t)
				again = timeAgain
				break
			}
		}
		if err != nil && !silent && ctx.Err() == nil {
			sh.log.Warn("no NTP server tells the time", "err", err)
		}
		silent = err != nil
		select {
		case <-ctx.Done():
			return
		case <-time.After(again):
		}
	}
}
