package station

import (
	"context"
	"errors"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"meterd/cmd/meterd/config"
	"meterd/cmd/meterd/console"
	"meterd/cmd/meterd/takeover"
	"meterd/dlt645"
	"meterd/meter"
	"meterd/store"
)

// inMemory reports whether a ring has no device.
func inMemory(r *store.Ring) bool { return r.Stats().CapacityBytes == 0 }

func (st *Station) openRing(c config.Store) (*store.Ring, error) {
	return store.Open(c.Path, st.ringOptions(c))
}

func (st *Station) ringOptions(c config.Store) store.Options {
	return store.Options{Geometry: store.Geometry{Size: c.Size}, Flush: c.Flush, Codec: meter.Packing{}, Taken: meter.Taken, Failed: st.commitFailed}
}

// useRing puts a ring with these settings to work. The one that is there stays
// where they are those that it has, and where they name another file that is no
// ring for us: the configuration before goes on with it.
func (st *Station) useRing(c config.Store) error {
	mark := markOf(c)
	c.State = "" // belongs to the shift
	old := st.store()
	reopen := st.reopen.Swap(false)
	if old != nil && st.ringSet == c && !reopen {
		return nil
	}
	var next *store.Ring
	var left heritage
	var err error
	if old != nil && st.ringSet.Path != "" && c.Path != st.ringSet.Path && !sameFile(c.Path, st.ringSet.Path) {
		if next, left, err = st.moveRing(old, c); err != nil {
			st.reopen.Store(reopen)
		}
	} else {
		next, left, err = st.reopenRing(old, c)
	}
	if err != nil {
		return err
	}
	return st.handOver(next, left, c, mark)
}

// moveRing opens a ring in another file, and only then gives up the old one.
func (st *Station) moveRing(old *store.Ring, c config.Store) (*store.Ring, heritage, error) {
	if old.Stats().LastErr == "" {
		if err := takeover.StaysBehind(old, st.ringSet.Path); err != nil {
			return nil, heritage{}, err
		}
	}
	next, err := st.openRing(c)
	if err != nil {
		return nil, heritage{}, notOurs(err, c.Path)
	}
	left, err := st.retire(old)
	if err != nil {
		next.Close()
		return nil, heritage{}, err
	}
	return next, left, nil
}

// reopenRing gives up the old ring, if there is one, and opens its file anew. A
// file that cannot be used is no reason to stand still: meters are read all the
// same, and people can look.
func (st *Station) reopenRing(old *store.Ring, c config.Store) (*store.Ring, heritage, error) {
	var there error
	if old != nil {
		there = old.There()
	}
	left, err := st.retire(old)
	if err != nil {
		return nil, heritage{}, err
	}
	if errors.Is(there, store.ErrCut) { // it is ours, and no ring any more
		if err := os.Rename(c.Path, c.Path+".cut"); err != nil {
			st.log.Error("the rest of the ring cannot be moved away", "err", err)
		}
	}
	next, err := st.openRing(c)
	switch {
	case errors.Is(err, store.ErrLocked): // another daemon has it
		st.dropped.Add(int64(len(left.records)))
		st.mu.Lock()
		st.ring, st.ringSet = nil, config.Store{}
		st.mu.Unlock()
		return nil, heritage{}, notOurs(err, c.Path)
	case err != nil:
		st.log.Error("the ring cannot be used: readings are in memory only", "err", err, "hint", takeover.StoreHint(err, c.Path))
		next = store.InMemory(st.ringOptions(c), err)
	}
	return next, left, nil
}

func notOurs(err error, path string) error {
	return console.Tell(dlt645.Text{EN: "%v", ZH: "%v"}, takeover.StoreHint(err, path), err)
}

// heritage is what a ring leaves to the next one.
type heritage struct {
	records [][]byte // that were in memory alone
	cursors map[string]uint64
}

// retire ends the work on a ring, if there is one. One that could not write leaves
// what it had in memory.
func (st *Station) retire(ring *store.Ring) (heritage, error) {
	if ring == nil {
		return heritage{}, st.tasks.end(taskRing)
	}
	gone := ring.There() != nil
	if !gone && ring.Stats().LastErr == "" {
		return heritage{}, st.tasks.end(taskRing)
	}
	left := heritage{st.waiting(ring, gone), ring.Cursors()}
	_ = st.tasks.end(taskRing) // that nothing became durable is known
	return left, nil
}

// handOver gives the opened ring what the last one left, and sets it to work.
func (st *Station) handOver(ring *store.Ring, left heritage, c config.Store, mark string) error {
	for name := range left.cursors { // of another ring: what is carried over is still to be delivered
		if _, ok := ring.Cursor(name); !ok {
			if err := ring.SetCursor(name, ring.Last()); err != nil {
				st.log.Error("cursor", "uplink", name, "err", err)
			}
		}
	}
	if ring.Stats().LastErr == "" {
		st.examine(ring, mark)
		st.mark(ring, mark)
	}
	if ring.Stats().Emptied {
		st.log.Error("the ring was made before and holds nothing: it was cleared, and what was not delivered is gone", "path", c.Path, "hint", "numbers go on far from those that were used; if nobody cleared it, replace the flash")
	}
	for _, rec := range left.records {
		if _, err := ring.Append(rec); err != nil {
			st.dropped.Add(1)
		}
	}
	st.mu.Lock()
	st.ring = ring
	st.mu.Unlock()
	st.ringSet = c
	if inMemory(ring) {
		st.ringSet = config.Store{} // it is opened again with the next configuration
	}
	if have := ring.Stats().CapacityBytes; have > 0 && !isDevice(c.Path) && (have+c.Size/8 < c.Size || have > c.Size) {
		st.log.Warn("the ring keeps the size that it was made with", "bytes", have, "size", c.Size, "hint", "deliver all, then remove the file to have it made anew")
	}
	witness := st.witness
	return st.tasks.begin(taskRing, ring, func(ctx context.Context) error { return st.runRing(ctx, ring, c, mark, witness) })
}

// sameFile reports whether two paths are one file.
func sameFile(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}

// runRing keeps the ring at work until the context ends, and closes it. Mark and
// witness are the files of those.
func (st *Station) runRing(ctx context.Context, ring *store.Ring, c config.Store, mark, witness string) error {
	var g errgroup.Group
	g.Go(func() error { return durable(ring.Run(ctx)) })
	g.Go(func() error { st.watchRing(ctx, ring, c.Flush); return nil })
	g.Go(func() error { st.awaitDevice(ctx, ring, c); return nil })
	g.Go(func() error { st.keepMark(ctx, ring, mark); return nil })
	err := g.Wait()
	st.mark(ring, mark)
	end := st.witnessNow(ring)
	if closeErr := ring.Close(); err == nil {
		err = closeErr
	}
	if err == nil && !inMemory(ring) && !ring.Stats().Far { // else the next start is to go on far away as well
		st.bear(witness, end)
	}
	return err
}

// isDevice reports whether the store is a whole device, which has the size
// that it has.
func isDevice(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode()&os.ModeDevice != 0
}

// watchRing gives the ring's beat: nothing waits, or a commit was tried.
func (st *Station) watchRing(ctx context.Context, ring *store.Ring, flush time.Duration) {
	beat := st.beats.Add("ring", flush+longestCommit)
	defer st.beats.Remove(beat)
	t := time.NewTicker(ringLooked)
	defer t.Stop()
	tried := 0
	for {
		s := ring.Stats()
		if s.Waiting == 0 || s.Commits+s.Failures != tried {
			beat.Alive()
		}
		tried = s.Commits + s.Failures
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// ringLooked is how often the ring is looked at.
const ringLooked = 5 * time.Second

// deviceLooked is how often it is seen whether a device that was gone is back,
// or a file is gone that was there.
const deviceLooked = 30 * time.Second

// failsFor is how long nothing can be written before the ring is opened anew:
// a device that was away, or could only be read, is another file now.
const failsFor = time.Hour

// awaitDevice sees to it that a ring in memory goes over to its device when
// that is there: the configuration is run anew, which opens it.
func (st *Station) awaitDevice(ctx context.Context, r *store.Ring, c config.Store) {
	t := time.NewTicker(deviceLooked)
	defer t.Stop()
	worked, told := time.Now(), r.Stats().LastErr
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		if err := r.There(); err != nil {
			st.log.Error("the ring is no longer in its file: what was not delivered goes into a new one", "err", err, "hint", "do not move or delete the ring of a daemon that runs; flash that loses files is to be replaced")
			st.reopen.Store(true)
			st.takeover.Again(ctx)
			return
		}
		if r.Writable() {
			st.log.Info("the ring's device can be written now")
			st.reopen.Store(true)
			st.takeover.Again(ctx)
			return
		}
		if r.Stats().LastErr == "" {
			worked = time.Now()
			continue
		}
		if !inMemory(r) {
			if time.Since(worked) > failsFor {
				st.log.Warn("the ring's device cannot be written for long: it is opened anew")
				st.reopen.Store(true)
				st.takeover.Again(ctx)
				return
			}
			continue
		}
		quiet := store.Options{Geometry: store.Geometry{Size: c.Size}}
		again, err := store.Open(c.Path, quiet)
		if err != nil {
			if err.Error() != told {
				st.log.Error("the ring's device is there and cannot be used", "err", err, "hint", takeover.StoreHint(err, c.Path))
			}
			told = err.Error()
			continue
		}
		back := !inMemory(again)
		again.Close()
		if !back {
			continue
		}
		st.log.Info("the ring's device is back")
		st.takeover.Again(ctx)
		return
	}
}

// mostCarried bounds in bytes what goes over in memory to another ring.
const mostCarried = 4 << 20

// waiting gives the records that an uplink has not delivered and that are in
// memory alone, or all of them where the file is gone: the newest, as many as
// may be carried.
func (st *Station) waiting(r *store.Ring, gone bool) (recs [][]byte) {
	after, first := r.Last(), true
	for _, pos := range r.Cursors() {
		after, first = min(after, pos), false
	}
	if first {
		after = 0
	}
	if s := r.Stats(); !gone {
		after = max(after, s.Last-uint64(s.Waiting)) // what is durable stays where it is
	}
	bytes := 0
	rd := r.NewReader(after)
	for e, ok := rd.Next(); ok; e, ok = rd.Next() {
		if e.Gap != nil {
			continue
		}
		recs = append(recs, e.Data)
		for bytes += len(e.Data); bytes > mostCarried; recs = recs[1:] {
			bytes -= len(recs[0])
			st.dropped.Add(1)
		}
	}
	return recs
}
