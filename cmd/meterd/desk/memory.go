package desk

import (
	"context"
	"time"

	"meterd/cmd/meterd/record"
	"meterd/meter"
	"meterd/store"
)

const (
	// knownFor is how long the id of a command is known, over restarts too.
	knownFor = 24 * time.Hour
	// mostKnown bounds the ids; the oldest that is not at work is forgotten.
	mostKnown = 16384
)

// memory is what is known of the commands of the last day, by who asked and
// the platform's id.
type memory struct {
	by    map[string]known
	order []string // of by, the oldest first
}

// known is a command that was taken.
type known struct {
	digest [8]byte
	at     time.Time // by this run's monotonic clock, whoever sets the other one
	done   bool      // else it is at work
	result meter.Result
}

func newMemory() memory { return memory{by: map[string]known{}} }

func keyOf(c meter.Command) string { return c.By + "\x00" + c.ID }

// get gives what is known of an id.
func (m *memory) get(now time.Time, key string) (known, bool) {
	k, ok := m.by[key]
	if ok && k.done && now.Sub(k.at) > knownFor {
		m.forget(key)
		return known{}, false
	}
	return k, ok
}

// begin notes that a command is at work.
func (m *memory) begin(key string, digest [8]byte, now time.Time) {
	m.set(key, known{digest: digest, at: now})
}

// put notes what became of a command.
func (m *memory) put(key string, digest [8]byte, r meter.Result, now time.Time) {
	m.set(key, known{digest: digest, at: now, done: true, result: r})
}

func (m *memory) set(key string, k known) {
	if _, there := m.by[key]; !there {
		m.order = append(m.order, key)
	}
	m.by[key] = k
	for i := 0; len(m.by) > mostKnown && i < len(m.order); i++ {
		if old, ok := m.by[m.order[i]]; ok && !old.done {
			continue
		}
		delete(m.by, m.order[i])
		m.order = append(m.order[:i], m.order[i+1:]...)
		i--
	}
}

// forget forgets an id whose command was not carried out after all.
func (m *memory) forget(key string) {
	delete(m.by, key)
	for i, k := range m.order {
		if k == key {
			m.order = append(m.order[:i], m.order[i+1:]...)
			return
		}
	}
}

// begun is a command whose outcome the ring does not hold.
type begun struct {
	key    string
	digest [8]byte
	at     time.Time
	event  meter.Event
}

// load takes the commands of the last day before the ring's newest record from
// the ring. Now is an event of this moment: by it a command is as old as it is,
// though the clock was set since. It gives those that were begun and not ended,
// none when it is called off.
func (m *memory) load(ctx context.Context, ring *store.Ring, now meter.Event) []begun {
	after := record.Recent(ctx, ring, knownFor)
	open := map[string]begun{}
	var order []string
	rd := ring.NewReader(after)
	for e, ok := rd.Next(); ok && ctx.Err() == nil; e, ok = rd.Next() {
		if e.Gap != nil || !meter.IsCommand(e.Data) {
			continue
		}
		var ev meter.Event
		if ev.UnmarshalBinary(e.Data) != nil || ev.Command == nil {
			continue
		}
		key, at := ev.By+"\x00"+ev.Command.ID, now.Time.Add(-age(ev, now))
		if !ev.Command.Done {
			if _, twice := open[key]; !twice {
				order = append(order, key)
			}
			open[key] = begun{key, ev.Command.Digest, at, ev}
			continue
		}
		delete(open, key)
		m.put(key, ev.Command.Digest, told(ev), at)
	}
	if ctx.Err() != nil { // what ended the rest of them was not read
		return nil
	}
	var out []begun
	for _, key := range order {
		if b, still := open[key]; still {
			out = append(out, b)
		}
	}
	return out
}

// age gives how long ago an event was, by the uptime where the system has not
// started anew since, else by the clock. Where nobody knows it is 0: what is
// known is not forgotten too early so.
func age(ev, now meter.Event) time.Duration {
	switch {
	case ev.Boot == now.Boot && ev.Boot != 0:
		return max(0, now.Uptime-ev.Uptime)
	case !ev.Trusted || !now.Trusted:
		return 0
	}
	return max(0, now.Time.Sub(ev.Time))
}

// told gives the outcome that a record holds. Its words are English alone.
func told(e meter.Event) meter.Result {
	r := refused(e.Command.Outcome, textOf(e.Text))
	if e.Command.Outcome == meter.Done {
		r.Err = nil
	}
	return r
}
