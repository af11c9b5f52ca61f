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

// failsFor is how long nothing can be written before the ring is opened anew:
// a device that was away, or could only be read, is another file now.
const failsFor = time.Hour

// awaitDevice sees to it that a ring in memory goes over to its device when
// that is there: the configuration is run anew, which opens it.
func (st *station) awaitDevice(ctx context.Context, r *store.Ring, c config.Store) {
	t := time.NewTicker(deviceLooked)
	defer t.Stop()
	worked := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		if r.Stats().LastErr == "" {
			worked = time.Now()
			continue
		}
		d, text := st.running()
		if !inMemory(r) {
			if time.Since(worked) > failsFor && d != nil {
				st.log.Warn("the ring's device cannot be written for long: it is opened anew")
				st.reopen.Store(true)
				st.runAnew(ctx, change{config: d.config, text: text})
				return
			}
			continue
		}
		quiet := store.Options{Geometry: store.Geometry{Size: c.Size}}
		again, err := store.Open(c.Path, quiet)
		if err != nil {
			st.log.Error("the ring's device is there and cannot be used", "err", err, "hint", storeHint(err))
			continue
		}
		back := !inMemory(again)
		again.Close()
		if !back || d == nil {
			continue
		}
		st.log.Info("the ring's device is back")
		st.runAnew(ctx, change{config: d.config, text: text})
		return
	}
}

// runAnew has a configuration run in the place of the present one.
func (st *station) runAnew(ctx context.Context, c change) {
	select {
	case <-ctx.Done():
	case st.changes <- c:
	}
}

// waiting gives the records that are in memory alone and that an uplink has
// not delivered.
func waiting(r *store.Ring) (recs [][]byte) {
	after, first := r.Last(), true
	for _, pos := range r.Cursors() {
		after, first = min(after, pos), false
	}
	if first {
		after = 0
	}
	s := r.Stats()
	after = max(after, s.Last-uint64(s.Waiting)) // what is durable stays where it is
	rd := r.NewReader(after)
	for e, ok := rd.Next(); ok; e, ok = rd.Next() {
		if e.Gap == nil {
			recs = append(recs, e.Data)
		}
	}
	return recs
}
