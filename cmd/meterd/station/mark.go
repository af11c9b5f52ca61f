package station

import (
	"context"
	"fmt"
	"time"

	"meterd/board"
	"meterd/cmd/meterd/config"
	"meterd/store"
)

// A second mark, the witness, stands beside the console's socket, where nothing
// outlives the system: it is written when the ring was closed well, and the next
// start finds it, on the same board, in the same start of the system, at the same
// number. Then nobody can have put an older copy in the place of ring, state and mark
// together, and numbers go on without a gap. Else they go on far away: whether the board
// was off, or all of /data comes from a backup, cannot be told apart.

// witnessOf gives the file of the witness.
func witnessOf(c *config.Config) string { return c.Console.Socket + ".ring" }

// boardNow names this start of the system on this board.
func (st *Station) boardNow() string { return fmt.Sprintf("%s %d", st.hardware(), st.boot) }

// witnessNow gives the witness of a ring as it is.
func (st *Station) witnessNow(r *store.Ring) board.Mark {
	m := st.markNow(r)
	m.Board = st.boardNow()
	return m
}

// bear writes the witness of a ring that was closed well.
func (st *Station) bear(file string, m board.Mark) {
	if file == "" {
		return
	}
	if err := board.WriteMark(file, m); err != nil {
		st.log.Warn("where the ring's numbers ended cannot be noted: they go on far away at the next start", "err", err)
	}
}

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
	return board.Mark{Board: st.hardware(), Ring: fmt.Sprintf("%x", r.ID()), Last: s.Last - min(uint64(s.Waiting), s.Last), Held: s.Held}
}

// examine has numbers go on far away where another copy of this ring may use
// those that come next, or has used them: on another board, or on this one
// before an older copy was put in the ring's place.
func (st *Station) examine(r *store.Ring, file string) {
	then, now := board.ReadMark(file), st.markNow(r)
	if st.witness != "" {
		w, present := board.ReadMark(st.witness), st.witnessNow(r)
		if w != present {
			r.Far()
		}
		if w.Board == present.Board && w.Ring == now.Ring && w.Held > then.Held {
			then.Ring, then.Held = w.Ring, w.Held
		}
	}
	switch {
	case then.Board != "" && now.Board != "" && then.Board != now.Board:
		st.log.Error("the ring was at work on another board: numbers go on far from those that it may use", "board", then.Board, "this", now.Board, "hint", "if the card was copied, give each board ids of its own: gateway.id, and those of the uplinks")
	case then.Ring == now.Ring && (then.Last > now.Last || then.Held > now.Held):
		st.log.Error("the ring is older than it was: readings that were in it are gone, and numbers go on far away", "last", now.Held, "was", max(then.Held, then.Last), "hint", "was a backup put back? what had not been delivered since then is lost; if nobody did, replace the flash")
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
