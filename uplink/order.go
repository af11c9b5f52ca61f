package uplink

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"meterd/dlt645"
	"meterd/meter"
)

// Order is what a platform asks of a meter where its document leaves the words
// to the user: the call of a service, or the body of a command. They are the
// same on all platforms, and those of the console:
//
//	{"op":"read","points":["voltage"]}
//	{"op":"relay","action":"trip"}                    or permit, close
//	{"op":"alarm","action":"on"}                      or off; protection too
//	{"op":"set","point":"price.1","value":"0.58"}     or a data identifier
//	{"op":"time"}                                     or clock, freeze, demand-reset
//
// In op, _ may stand for -.
type Order struct {
	Op     string          `json:"op"`
	Action json.RawMessage `json:"action"`
	Points []string        `json:"points"`
	Point  json.RawMessage `json:"point"`
	Value  json.RawMessage `json:"value"`
}

// Mistake is why an order is no command. Outcome is meter.Invalid, or
// meter.NotKnown where something is named that is not there.
type Mistake struct {
	Outcome meter.Outcome
	Text    string
}

// Invalid is a mistake in what an order says.
func Invalid(format string, args ...any) *Mistake {
	return &Mistake{meter.Invalid, fmt.Sprintf(format, args...)}
}

// NotKnown is one about what is named and not there.
func NotKnown(format string, args ...any) *Mistake {
	return &Mistake{meter.NotKnown, fmt.Sprintf(format, args...)}
}

// Order gives the command for a meter that an order means.
func (d *Directory) Order(m *meter.Handle, o Order) (meter.Command, *Mistake) {
	var (
		c  meter.Command
		no *Mistake
	)
	switch op := meter.Operation(strings.ReplaceAll(o.Op, "_", "-")); op {
	case meter.OpRead:
		c, no = d.Reading(o.Points)
	case meter.OpRelay, meter.OpAlarm, meter.OpProtection:
		if c, no = switching(op, Word(o.Action)); no == nil && Word(o.Value) != "" && string(o.Value) != string(o.Action) {
			no = Invalid("action and value say two things")
		}
	case meter.OpSet, meter.OpWrite:
		if Word(o.Action) != "" {
			no = Invalid("%s takes point and value, no action", op)
			break
		}
		if c, no = d.Setting(Word(o.Point), Word(o.Value)); no == nil && op == meter.OpWrite && c.Op != op {
			no = Invalid("write takes a data identifier; %.64q is a point, which set takes", Word(o.Point))
		}
	case meter.OpTime, meter.OpClock, meter.OpFreeze, meter.OpDemandReset:
		c.Op = op
	default:
		no = NotKnown("there is no operation %.64q: want read, relay, alarm, protection, set, time, clock, freeze or demand-reset", o.Op)
	}
	c.Meter = m
	return c, no
}

// switching gives a command of 1CH: an action is one of the console's words, or
// the state that is to be.
func switching(op meter.Operation, action string) (meter.Command, *Mistake) {
	word := strings.ToLower(action)
	on := slices.Contains([]string{"on", "true", "1"}, word)
	off := slices.Contains([]string{"off", "false", "0"}, word)
	var (
		c  dlt645.Command
		ok = on || off
	)
	switch {
	case op == meter.OpAlarm && ok:
		c = map[bool]dlt645.Command{true: dlt645.CommandAlarm, false: dlt645.CommandAlarmOff}[on]
	case op == meter.OpProtection && ok:
		c = map[bool]dlt645.Command{true: dlt645.CommandProtect, false: dlt645.CommandProtectOff}[on]
	default:
		if c, ok = dlt645.ParseCommand(word); !ok {
			c, ok = RelayCommand(word)
		}
		ok = ok && meter.RelayOp(c) == op
	}
	switch {
	case ok:
		return meter.Command{Op: op, Relay: c}, nil
	case op == meter.OpRelay:
		return meter.Command{}, Invalid("relay takes trip, permit or close, not %.64q", action)
	}
	return meter.Command{}, Invalid("%s takes on or off, not %.64q", op, action)
}

// Reading gives the command that reads points, each by its identifier, or by
// its own name or its family's. One that is not known refuses all.
func (d *Directory) Reading(words []string) (meter.Command, *Mistake) {
	c := meter.Command{Op: meter.OpRead}
	if len(words) == 0 {
		return c, Invalid("which points are to be read?")
	}
	for _, word := range words {
		row, ok := d.Asked(word)
		if !ok {
			return c, NotKnown("there is no point %.64q", word)
		}
		if !slices.Contains(c.Points, row.Point) {
			c.Points = append(c.Points, row.Point)
		}
	}
	return c, nil
}

// Setting gives the command that sets a point, named by its identifier or
// itself, that writes a data identifier, or that switches the relay.
func (d *Directory) Setting(key, value string) (meter.Command, *Mistake) {
	var c meter.Command
	switch {
	case key == "":
		return c, Invalid("what is to be set?")
	case value == "" || value == "null":
		return c, Invalid("there is no value for %.64q", key)
	case len(value) > MostValue:
		return c, Invalid("the value has %d characters, at most %d are allowed", len(value), MostValue)
	}
	row, ok := d.Asked(key)
	switch {
	case !ok:
		di, err := dlt645.ParseDI(key)
		if err != nil {
			return c, NotKnown("there is no point %.64q", key)
		}
		return meter.Command{Op: meter.OpWrite, Point: di.String(), Value: value}, nil
	case row.Point == "relay":
		to, ok := RelayCommand(value)
		if !ok {
			return c, Invalid("the relay can be closed or open, not %.64q", value)
		}
		return meter.Command{Op: meter.OpRelay, Relay: to}, nil
	}
	if value, ok = row.Unscaled(value); !ok {
		return c, Invalid("the value of %.64q is no number that fits", key)
	}
	return meter.Command{Op: meter.OpSet, Point: row.Point, Value: value}, nil
}
