package meter

import (
	"encoding/binary"
	"slices"
	"strings"
	"time"

	"meterd/dlt645"
)

// Event is something that happened, to be told to the platforms and kept for
// the record.
type Event struct {
	Meter   dlt645.Address // zero: the board itself
	Time    time.Time
	Trusted bool
	Boot    uint32
	Uptime  time.Duration
	Kind    string // what happened, see below
	// By tells who asked for it: an uplink's name, "console", "" for nobody.
	By   string
	Text string // more, for people and the record
	// Recalled tells that the meter remembers it, and Time is its record's.
	Recalled bool

	// Command is what a command leaves in the record; nil: it is no command's.
	Command *CommandRecord
}

// CommandRecord is what the ring keeps of a command: its intent before the
// frame leaves, and its outcome, so that an id is known over a restart.
type CommandRecord struct {
	ID      string  // the platform's, or the board's own
	Digest  [8]byte // of what was asked
	Done    bool    // the outcome is known; else this is the intent
	Outcome Outcome // where Done
}

// Kinds of events.
const (
	EventOnline  = "meter-online"
	EventOffline = "meter-offline"
	EventTime    = "time" // the board has told the meters the time by itself
	// EventReplaced says that another meter answers at the address.
	EventReplaced = "meter-replaced"
	// What the meter's own values show between two readings.
	EventFaultOn  = "fault-on"
	EventFaultOff = "fault-off"
	EventSwitched = "relay-changed"
	EventCover    = "cover-opened"
	EventPowerOff = "power-off"
	// Of the board: the clock is trusted from now on, which dates what was
	// taken before; records were lost before an uplink had delivered them;
	// another configuration runs.
	EventClock  = "clock-trusted"
	EventGap    = "gap"
	EventConfig = "config-applied"
	// EventOfMeter is one that the meter has counted and remembers.
	EventOfMeter = "meter-event"
	// EventMissing says that values of a meter are missing for good.
	EventMissing = "values-missing"
)

// EventKinds are those that are told of a meter, besides the operations.
var EventKinds = []string{EventOnline, EventOffline, EventReplaced, EventFaultOn, EventFaultOff, EventSwitched, EventCover, EventPowerOff, EventOfMeter, EventMissing}

// changes compares a reading with the one before and tells what happened. The
// first reading after a start is compared with nothing.
func (p *Poller) changes(m *polled, r *Reading) {
	for _, point := range []string{"fault", "count.cover", "relay", "count.outage"} {
		v, ok := r.Value(point)
		if !ok {
			continue
		}
		now := v.String()
		before, known := m.seen[point]
		if m.seen == nil {
			m.seen = map[string]string{}
		}
		m.seen[point] = now
		if !known || now == before {
			continue
		}
		switch point {
		case "fault":
			p.faults(m, before, now)
		case "count.cover", "count.outage":
			if !m.tellsOf(point) {
				p.tell(m, eventOf(point), now)
			}
		case "relay":
			p.tell(m, EventSwitched, now)
		}
	}
}

// faults tells each fault that came or went.
func (p *Poller) faults(m *polled, before, now string) {
	was, is := strings.Split(before, ","), strings.Split(now, ",")
	for _, f := range is {
		if f != "" && !slices.Contains(was, f) {
			p.tell(m, EventFaultOn, f)
		}
	}
	for _, f := range was {
		if f != "" && !slices.Contains(is, f) {
			p.tell(m, EventFaultOff, f)
		}
	}
}

// recordEvent is the kind of an event's record; its fields are those of a
// reading up to the time, then kind, by and text. recordCommand is that of a
// command, with id, digest, done and outcome at the end.
const (
	recordEvent   = 2
	recordCommand = 3
)

// AppendBinary appends the event as a record.
func (e *Event) AppendBinary(b []byte) ([]byte, error) {
	flags := byte(0)
	if e.Trusted {
		flags |= flagTrusted
	}
	if e.Recalled {
		flags |= flagRecalled
	}
	kind := byte(recordEvent)
	if e.Command != nil {
		kind = recordCommand
	}
	b = append(b, recordVersion, kind, flags)
	b = append(b, e.Meter[:]...)
	b = binary.AppendUvarint(b, uint64(e.Boot))
	b = binary.AppendUvarint(b, uint64(e.Uptime.Milliseconds()))
	b = binary.AppendVarint(b, e.Time.UnixMilli())
	b = appendString(b, e.Kind)
	b = appendString(b, e.By)
	b = appendString(b, e.Text)
	if c := e.Command; c != nil {
		b = appendString(b, c.ID)
		b = append(b, c.Digest[:]...)
		b = append(b, asByte(c.Done), byte(c.Outcome))
	}
	return b, nil
}

func asByte(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// UnmarshalBinary reads what AppendBinary wrote. Anything else is ErrRecord.
func (e *Event) UnmarshalBinary(b []byte) error {
	d := decoder{rest: b}
	version, kind := d.byte(), d.byte()
	if version != recordVersion || kind != recordEvent && kind != recordCommand {
		return ErrRecord
	}
	flags := d.byte()
	got := Event{Trusted: flags&flagTrusted != 0, Recalled: flags&flagRecalled != 0}
	copy(got.Meter[:], d.bytes(len(got.Meter)))
	boot, uptime, at := d.uvarint(), d.uvarint(), d.varint()
	got.Boot, got.Uptime, got.Time = uint32(boot), time.Duration(uptime)*time.Millisecond, time.UnixMilli(at)
	got.Kind, got.By, got.Text = d.string(), d.string(), d.string()
	if kind == recordCommand {
		c := CommandRecord{ID: d.string()}
		copy(c.Digest[:], d.bytes(len(c.Digest)))
		done, outcome := d.byte(), d.byte()
		c.Done, c.Outcome = done == 1, Outcome(outcome)
		if done > 1 || int(outcome) >= len(outcomeNames) {
			return ErrRecord
		}
		got.Command = &c
	}
	if d.bad || len(d.rest) != 0 || flags&^(flagTrusted|flagRecalled) != 0 || boot != uint64(got.Boot) || uptime > mostUptime || at > mostMillis || at < -mostMillis {
		return ErrRecord
	}
	*e = got
	return nil
}

// IsEvent reports whether a record is an event of a version that is known.
func IsEvent(record []byte) bool {
	return len(record) > 2 && record[0] == recordVersion && (record[1] == recordEvent || record[1] == recordCommand)
}

// IsCommand reports whether a record is of a command.
func IsCommand(record []byte) bool { return IsEvent(record) && record[1] == recordCommand }
