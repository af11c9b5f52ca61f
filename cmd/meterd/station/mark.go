package station

import (
	"context"
	"fmt"
	"time"

	"meterd/board"
	"meterd/cmd/meterd/config"
	"meterd/store"
)

// markEvery is how old a mark may be: what is put back within that time and
// after a power cut goes unnoticed.
const markEvery = time.Hour

// mostNote bounds the small files beside the state.
const mostNote = 64 << 10

// markOf gives the file; "" without a state.
func markOf(c config.Store) string {
	if c.State == "" {
		return ""
	}
	return c.State + ".board"
}

// markNow gives the mark of a ring as it is.
func (st *Station) markNow(r *store.Ring) board.Mark {
	s := r.Stats()
	return board.Mark{Board: st.hardware(), Ring: fmt.Sprintf("%x", r.ID()), Last: s.Last - min(uint64(s.Waiting), s.Last)}
}

// examine has numbers go on far away where another copy of this ring may use
// those that come next, or has used them: on another board, or on this one
// before an older copy was put in the ring's place.
func (st *Station) examine(r *store.Ring, file string) {
	then, now := board.ReadMark(file), st.markNow(r)
	switch {
	case then.Board != "" && now.Board != "" && then.Board != now.Board:
		st.log.Error("the ring was at work on another board: numbers go on far from those that it may use", "board", then.Board, "this", now.Board, "hint", "if the card was copied, give each board ids of its own: gateway.id, and those of the uplinks")
	case then.Ring == now.Ring && then.Last > now.Last:
		st.log.Error("the ring is older than it was: readings that were in it are gone, and numbers go on far away", "last", now.Last, "was", then.Last, "hint", "was a backup put back? what had not been delivered since then is lost; if nobody did, replace the flash")
	default:
		return
	}
	r.Leap()
	_ = r.Flush() // the numbers are reserved; what fails is told by Failed
}

// mark writes the mark where it would be another.
func (st *Station) mark(r *store.Ring, file string) {
	m := st.markNow(r)
	if file == "" || r.Stats().LastErr != "" || m == board.ReadMark(file) {
		return
	}
	if err := board.WriteMark(file, m); err != nil {
		st.log.Error("how far the ring is cannot be noted", "err", err)
	}
}

// keepMark writes it again and again until the context ends.
func (st *Station) keepMark(ctx context.Context, r *store.Ring, file string) {
	t := time.NewTicker(markEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			st.mark(r, file)
		}
	}
}
