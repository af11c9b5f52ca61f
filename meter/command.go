package meter

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"meterd/dlt645"
)

// Operation is what is asked of a meter, by the names that a meter's allow
// uses.
type Operation string

// The operations. Reading is always allowed.
const (
	OpRead        Operation = "read"
	OpRelay       Operation = "relay"      // trip, permit, close
	OpAlarm       Operation = "alarm"      // on or off
	OpProtection  Operation = "protection" // against a trip, on or off
	OpSet         Operation = "set"        // a point, by its name
	OpWrite       Operation = "write"      // a data identifier
	OpTime        Operation = "time"       // broadcast on the meter's line
	OpClock       Operation = "clock"      // the time, written to this meter alone
	OpFreeze      Operation = "freeze"
	OpDemandReset Operation = "demand-reset"
)

// Operations are those that a meter's allow may name.
var Operations = []Operation{OpRelay, OpAlarm, OpProtection, OpSet, OpTime, OpFreeze, OpDemandReset}

// Permission is what a meter's allow must name for an operation: a write is a
// set by another name, and a clock is the time of one meter.
func (o Operation) Permission() Operation {
	switch o {
	case OpWrite:
		return OpSet
	case OpClock:
		return OpTime
	}
	return o
}

// Changes reports whether the operation changes something.
func (o Operation) Changes() bool { return o != OpRead }

// Secret reports whether its frame carries the meter's password.
func (o Operation) Secret() bool {
	return slices.Contains([]Operation{OpRelay, OpAlarm, OpProtection, OpSet, OpWrite, OpClock, OpDemandReset}, o)
}

// Command is one thing that somebody asks of a meter: the one grammar of the
// console, of exec and of all platforms.
type Command struct {
	Op    Operation
	Meter *Handle
	Relay dlt645.Command // of OpRelay, OpAlarm and OpProtection
	// Points are of OpRead: names of points or families.
	Points []string
	// Told is of OpRead: what is read is a reading that goes into the ring and to
	// all platforms, and is not the answer.
	Told bool
	// Point and Value are of OpSet and OpWrite: a point's name or a data
	// identifier, and what a person would write.
	Point, Value string

	By string // who asks: ByConsole, or an uplink's name
	// ID is the platform's: the same one again is the same command. Without one
	// nothing is changed for a platform.
	ID string
	// Counted tells that the sender counts its ids, and begins anew when it starts:
	// one that comes again much later may be another command.
	Counted  bool
	Said     time.Time // when it was said; zero: the platform tells no time
	Retained bool      // the broker had kept it: nobody says it now
}

// ByConsole is who asks on the console, a person who is let in there.
const ByConsole = "console"

// MostCommandID bounds the ids that are kept and echoed, in bytes.
const MostCommandID = 256

// RelayOp gives the operation that a command of 1CH belongs to.
func RelayOp(c dlt645.Command) Operation {
	switch c {
	case dlt645.CommandAlarm, dlt645.CommandAlarmOff:
		return OpAlarm
	case dlt645.CommandProtect, dlt645.CommandProtectOff:
		return OpProtection
	}
	return OpRelay
}

// Digest names what a command asks, whoever asks it and under which id.
func (c Command) Digest() [8]byte {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%s\x00%d\x00%s\x00%s\x00%s", c.Op, c.Meter.Bus, c.Meter.Address, c.Relay, strings.Join(c.Points, ","), c.Point, c.Value))
	return [8]byte(sum[:])
}

// String tells the command to people, in the record of what was done.
func (c Command) String() string {
	switch c.Op {
	case OpRelay, OpAlarm, OpProtection:
		return c.Relay.Text().EN
	case OpSet, OpWrite:
		if di, err := dlt645.ParseDI(c.Point); err == nil && secret(di) {
			return c.Point + " = (a password)"
		}
		return fmt.Sprintf("%s = %s", c.Point, c.Value)
	case OpRead:
		return strings.Join(c.Points, ", ")
	}
	return string(c.Op)
}

// Reaches reports whether a data identifier holds what a meter is reached by: its
// address, the rates of its ports (2007 alone has them), its passwords.
func Reaches(di dlt645.DI) bool {
	return di == dlt645.DI{Code: 0x04000401} || di.Protocol == dlt645.V2007 && di.Code>>8 == 0x040007 || secret(di)
}

// secret reports whether a data identifier holds a password.
func secret(di dlt645.DI) bool {
	return di.Protocol == dlt645.V2007 && di.Code>>8 == 0x04000C || di == dlt645.DI{Protocol: dlt645.V1997, Code: 0xC212}
}

// Outcome is what became of a command.
type Outcome uint8

// The outcomes.
const (
	Done        Outcome = iota // and the meter shows it
	Denied                     // the configuration does not allow it
	NotKnown                   // no such operation, meter or point
	Invalid                    // the value is none
	NoAnswer                   // the meter is silent, and was not told anything
	NotTaken                   // the meter refused
	Unconfirmed                // sent, but the meter does not show it
	Failed                     // it was not sent
	Busy                       // too many at once
	Expired                    // it is too old to be carried out, or was kept by the broker
	Nameless                   // it has no id, or one that was another command's
)

var outcomeNames = [...]string{"done", "denied", "unknown", "invalid", "no answer", "refused", "not confirmed", "failed", "busy", "expired", "nameless"}

// Outcomes are all of them.
func Outcomes() []Outcome {
	var all []Outcome
	for o := range outcomeNames {
		all = append(all, Outcome(o))
	}
	return all
}

// String names the outcome, for the record and for platforms that take words.
func (o Outcome) String() string {
	if int(o) < len(outcomeNames) {
		return outcomeNames[o]
	}
	return fmt.Sprintf("outcome %d", uint8(o))
}

// Result is what became of a command, with what was read.
type Result struct {
	Outcome Outcome
	Text    dlt645.Text // why, "" where all is said
	Err     error       // the same for the log; nil where it is Done
	Values  []PointValue
}

// UnsentError says that a command never left the board: the meter was told
// nothing.
type UnsentError struct{ Err error }

func (e *UnsentError) Error() string { return e.Err.Error() }
func (e *UnsentError) Unwrap() error { return e.Err }

// ErrLate is the UnsentError of a command that was too old when it could leave.
var ErrLate = errors.New("meter: the command is older than command_age")

type leaveBy struct{}

// LeaveBy gives a context in which a command leaves by a moment or not at all.
// What is read before and after it may take as long as the context lasts.
func LeaveBy(ctx context.Context, by time.Time) context.Context {
	return context.WithValue(ctx, leaveBy{}, by)
}

// leavesBy gives that moment, zero if there is none.
func leavesBy(ctx context.Context) time.Time {
	by, _ := ctx.Value(leaveBy{}).(time.Time)
	return by
}

// UnprovenError says that a command was sent once, and that the meter does not
// show that it took it. It is never sent again.
type UnprovenError struct{ Err error }

func (e *UnprovenError) Error() string { return e.Err.Error() }
func (e *UnprovenError) Unwrap() error { return e.Err }

// ResultOf tells what an error of a command means.
func ResultOf(err error) Result {
	if err == nil {
		return Result{Outcome: Done}
	}
	r := Result{Outcome: Failed, Err: err, Text: dlt645.Text{EN: plain(err), ZH: plain(err)}}
	if refusal, ok := errors.AsType[*dlt645.Refusal](err); ok {
		t := refusal.Text()
		r.Outcome, r.Text = NotTaken, dlt645.Text{EN: "refused by the meter: " + t.EN, ZH: "电表拒绝：" + t.ZH}
		return r
	}
	if _, ok := errors.AsType[*UnprovenError](err); ok {
		r.Outcome, r.Text = Unconfirmed, dlt645.Text{EN: "sent once, not confirmed: " + plain(err), ZH: "已发送一次，未确认：" + plain(err)}
		return r
	}
	if errors.Is(err, ErrLate) {
		r.Outcome, r.Text = Expired, dlt645.Text{EN: "the command is older than command_age", ZH: "命令早于 command_age，已过期"}
		return r
	}
	if isLost(err) {
		r.Outcome, r.Text = NoAnswer, dlt645.Text{EN: "the meter does not answer", ZH: "电表无应答"}
		return r
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		r.Text = dlt645.Text{EN: "not sent: its time was up, or the board ends", ZH: "未发送：超时或程序结束"}
	}
	return r
}

// plain tells an error without the name of this package.
func plain(err error) string { return strings.ReplaceAll(err.Error(), "meter: ", "") }
