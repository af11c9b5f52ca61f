package station

import (
	"context"

	"meterd/board"
)

// powerFails makes all durable at once. A pin that bounces does not wear the
// flash: what is durable already is not written again.
func (st *Station) powerFails() {
	ring := st.store()
	if ring == nil {
		return
	}
	n := ring.Stats().Waiting
	if n == 0 {
		return
	}
	if err := ring.Flush(); err == nil { // else the log has been told
		st.log.Warn("the power fails, all readings are durable", "records", n)
	}
}

// watchPowerPin flushes at each falling edge of the configured pin.
func (sh *shift) watchPowerPin(ctx context.Context) {
	if sh.config.Board.PowerFail == "" {
		return
	}
	if err := board.OnFallingEdge(ctx, sh.config.Board.PowerFail, sh.powerFails); err != nil {
		sh.log.Error("the pin of the power supply is not watched", "err", err)
	}
}
