package main

import (
	"context"
	"time"

	"meterd/cmd/meterd/config"
	"meterd/meter"
	"meterd/store"
)

// inMemory reports whether a ring has no device.
func inMemory(r *store.Ring) bool { return r.Stats().CapacityBytes == 0 }

func (st *station) openRing(c config.Store) (*store.Ring, error) {
	return store.Open(c.Path, store.Options{Geometry: store.Geometry{Size: c.Size}, Flush: c.Flush, Codec: meter.Packing{}, Failed: st.commitFailed})
}

// deviceLooked is how often it is seen whether a device that was gone is back.
const deviceLooked = time.Minute

// awaitDevice sees to it that a ring in memory goes over to its device when
// that is there: the configuration is run anew, which opens it.
func (st *station) awaitDevice(ctx context.Context, r *store.Ring, c config.Store) {
	t := time.NewTicker(deviceLooked)
	defer t.Stop()
	for inMemory(r) {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		quiet := store.Options{Geometry: store.Geometry{Size: c.Size}}
		again, err := store.Open(c.Path, quiet)
		if err != nil {
			st.log.Error("the ring's device is there and cannot be used", "err", err, "hint", storeHint(err))
			continue
		}
		back := !inMemory(again)
		again.Close()
		d, text := st.running()
		if !back || d == nil {
			continue
		}
		st.log.Info("the ring's device is back")
		select {
		case <-ctx.Done():
		case st.changes <- change{config: d.config, text: text}:
		}
		return
	}
}

// waiting gives the records of a ring in memory that an uplink has not
// delivered.
func waiting(r *store.Ring) (recs [][]byte) {
	after, first := r.Last(), true
	for _, pos := range r.Cursors() {
		after, first = min(after, pos), false
	}
	if first {
		after = 0
	}
	rd := r.NewReader(after)
	for e, ok := rd.Next(); ok; e, ok = rd.Next() {
		if e.Gap == nil {
			recs = append(recs, e.Data)
		}
	}
	return recs
}
