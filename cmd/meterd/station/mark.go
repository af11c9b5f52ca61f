package station

import (
	"context"
	"fmt"
	"strings"
	"time"

	"meterd/board"
	"meterd/cmd/meterd/config"
	"meterd/store"
)

// mark stands beside the state, apart from the ring: which board the ring is at
// work on, and how far its numbers have come. It tells a copy, and a ring that
// was put back from a backup.
type mark struct {
	board string // board.HardwareID; "" where there is none
	ring  string // store.Ring.ID
	last  uint64 // the last number that was durable then
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

// readMark reads a mark, the zero one if there is none.
func readMark(file string) (m mark) {
	b, err := board.ReadFile(file, mostNote)
	if err != nil {
		return m
	}
	first, second, _ := strings.Cut(string(b), "\n")
	m.board = strings.TrimSpace(first)
	if n, _ := fmt.Sscan(second, &m.ring, &m.last); n < 2 {
		m.ring, m.last = "", 0
	}
	return m
}

// markNow gives the mark of a ring as it is.
func (st *Station) markNow(r *store.Ring) mark {
	s := r.Stats()
	return mark{st.hardware(), fmt.Sprintf("%x", r.ID()), s.Last - min(uint64(s.Waiting), s.Last)}
}

// examine has numbers go on far away where another copy of this ring may use
// those that come next, or has used them: on another board, or on this one
// before an older copy was put in the ring's place.
func (st *Station) examine(r *store.Ring, file string) {
	then, now := readMark(file), st.markNow(r)
	switch {
	case then.board != "" && now.board != "" && then.board != now.board:
		st.log.Error("the ring was at work on another board: numbers go on far from those that it may use", "board", then.board, "this", now.board, "hint", "if the card was copied, give each board ids of its own: gateway.id, and those of the uplinks")
	case then.ring == now.ring && then.last > now.last:
		st.log.Error("the ring is older than it was: readings that were in it are gone, and numbers go on far away", "last", now.last, "was", then.last, "hint", "was a backup put back? what had not been delivered since then is lost; if nobody did, replace the flash")
	default:
		return
	}
	r.Leap()
	_ = r.Flush() // the numbers are reserved; what fails is told by Failed
}

// mark writes the mark where it would be another.
func (st *Station) mark(r *store.Ring, file string) {
	m := st.markNow(r)
	if file == "" || r.Stats().LastErr != "" || m == readMark(file) {
		return
	}
	if err := board.WriteFile(file, fmt.Appendf(nil, "%s\n%s %d\n", m.board, m.ring, m.last), 0o600); err != nil {
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
