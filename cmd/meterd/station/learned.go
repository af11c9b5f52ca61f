package station

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"time"

	"meterd/board"
	"meterd/dlt645"
	"meterd/meter"
)

// state is the file of what was learned of the meters. It may be lost: then
// it is learned again, and the day and month in progress count from now.
type state struct {
	Version int             `json:"version"`
	Meters  []meter.Learned `json:"meters"`
	// Ring and Seq are the ring, and how far it had come: what was read after
	// that is not in Meters.
	Ring string `json:"ring,omitempty"`
	Seq  uint64 `json:"seq,omitempty"`
	// Known are the meters as the platforms know them, by uplink.
	Known map[string][]known `json:"known,omitempty"`
}

const (
	stateVersion = 1
	// mostState is more than a thousand meters need.
	mostState = 16 << 20
	// stateLooked is how often it is seen whether something was learned.
	stateLooked = 10 * time.Second
)

// loadState reads the file. One that is damaged is told of and left out.
func loadState(path string, log *slog.Logger) state {
	var s state
	b, err := board.ReadFile(path, mostState)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return state{}
	case err == nil:
		if err = leftAlone(b); err == nil {
			err = json.Unmarshal(b, &s)
		}
	}
	if err == nil && s.Version != stateVersion {
		err = fmt.Errorf("it is of version %d", s.Version)
	}
	if err != nil {
		log.Warn("what was learned of the meters is not usable, and is learned again", "file", path, "err", err)
		return state{}
	}
	return s
}

// remember gives the lines what was read after the state was kept, so that
// nothing is made up that is there. Without a state, where its ring is another one,
// and where it knows nothing of what is to be made up from now on, that is all that
// the ring holds of the time in question.
func (sh *shift) remember(s state) {
	back := time.Duration(0)
	for _, m := range sh.config.Meters {
		for _, h := range m.History {
			back = max(back, h.Back)
		}
	}
	if back == 0 {
		return
	}
	kept := s.Seq
	if s.Ring != fmt.Sprintf("%x", sh.ring.ID()) {
		kept = 0
	}
	from := kept
	if slices.ContainsFunc(sh.lines, (*meter.Poller).Fresh) {
		from = 0
	}
	byAddress := map[dlt645.Address]*meter.Poller{}
	for _, p := range sh.lines {
		for _, m := range p.Meters() {
			byAddress[m.Address] = p
		}
	}
	newest := sh.newest()
	rd := sh.ring.NewReader(from)
	for e, ok := rd.Next(); ok; e, ok = rd.Next() {
		var r meter.Reading
		var happened meter.Event
		switch {
		case e.Gap != nil:
		case r.UnmarshalBinary(e.Data) == nil:
			// Of a ring that is read from its beginning the newest are enough. The
			// clock may not be right yet: it is as late as what was read last.
			if p := byAddress[r.Meter]; p != nil && (kept > 0 && e.Seq > kept || newest.Sub(r.Time) <= back+48*time.Hour) {
				p.Remember(r)
			}
		case happened.UnmarshalBinary(e.Data) == nil:
			if p := byAddress[happened.Meter]; p != nil {
				p.RememberEvent(happened)
			}
		}
	}
}

// newest gives when the last of the readings in the ring was taken, of those
// whose time is known.
func (sh *shift) newest() (at time.Time) {
	const enough = 1000
	rd := sh.ring.NewReader(max(sh.ring.Last(), enough) - enough)
	for e, ok := rd.Next(); ok; e, ok = rd.Next() {
		var r meter.Reading
		if e.Gap == nil && r.UnmarshalBinary(e.Data) == nil && r.Trusted && r.Time.After(at) {
			at = r.Time
		}
	}
	return at
}

// keepState writes the file when something worth it was learned, and at the
// end.
func (sh *shift) keepState(ctx context.Context) error {
	t := time.NewTicker(stateLooked)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			sh.saveState()
			return nil
		case <-t.C:
			changed := false
			for _, p := range sh.lines {
				changed = p.Changed() || changed
			}
			if changed {
				sh.saveState()
			}
		}
	}
}

// errForeignState says that the file is somebody else's.
var errForeignState = errors.New("it holds something else, and is left alone: name another file in [store] state")

// leftAlone gives why a file is not to be written over, nil if it may be: it was
// never a state, or it is that of a newer program. A state begins in one way;
// where the power went while it was made it has nothing or zeros.
func leftAlone(b []byte) error {
	if len(bytes.Trim(b, "\x00")) == 0 {
		return nil
	}
	rest, ok := bytes.CutPrefix(b, []byte(`{"version":`))
	if !ok {
		return errForeignState
	}
	if version := 0; json.Unmarshal(rest[:max(0, bytes.IndexAny(rest, ",}"))], &version) == nil && version > stateVersion {
		return fmt.Errorf("it is of version %d, of a newer program, and is left alone", version)
	}
	return nil
}

func (sh *shift) saveState() {
	// What comes meanwhile is remembered twice rather than not at all; and what
	// counts as read must not be lost with the power.
	s := state{Version: stateVersion, Ring: fmt.Sprintf("%x", sh.ring.ID()), Seq: sh.ring.Last(), Known: sh.knownNow()}
	for _, p := range sh.lines {
		s.Meters = append(s.Meters, p.Learned()...)
	}
	if err := sh.ring.Flush(); err != nil { // what counts as read must not be lost with the power
		s.Seq = 0
	}
	s.Meters = append(s.Meters, sh.learnedBefore(s.Meters)...)
	err := writeState(sh.config.Store.State, s)
	if err == nil {
		sh.unkept.Store(nil)
		return
	}
	why := err.Error()
	if before := sh.unkept.Swap(&why); before == nil || *before != why {
		sh.log.Error("what was learned of the meters cannot be kept", "file", sh.config.Store.State, "err", err)
	}
}

// mostKept bounds the meters of which something is kept although no
// configuration names them at present.
const mostKept = 4096

// learnedBefore gives what was learned of meters that the configuration does
// not name, but may again: when it is taken back, say.
func (sh *shift) learnedBefore(known []meter.Learned) []meter.Learned {
	named := map[string]bool{}
	for _, l := range known {
		named[l.Address] = true
	}
	var out []meter.Learned
	for _, l := range sh.learned {
		if !named[l.Address] && len(out) < mostKept {
			out = append(out, l)
		}
	}
	return out
}

// writeState writes a new file, makes it durable and puts it in the old one's
// place, where that is a state.
func writeState(path string, s state) error {
	b, err := json.Marshal(s)
	if err != nil {
		return err
	}
	switch old, err := board.ReadFile(path, mostState); {
	case err == nil:
		if err := leftAlone(old); err != nil {
			return err
		}
	case !errors.Is(err, fs.ErrNotExist):
		if info, statErr := os.Stat(path); statErr != nil || !info.Mode().IsRegular() {
			return err // no file of ours
		}
	}
	return board.WriteFile(path, append(b, '\n'), 0o600)
}
