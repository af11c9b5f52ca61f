package desk

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"meterd/dlt645"
	"meterd/meter"
)

// mostHeld is how many commands may come before the ring has been read.
const mostHeld = 256

func (d *Desk) take(j job) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.resting:
		d.refuse(j, refused(meter.Busy, resting))
	case d.read:
		d.takeLocked(j)
	case len(d.held) < mostHeld:
		d.held = append(d.held, j)
	default:
		j.done(refused(meter.Busy, busy))
	}
}

// takeLocked passes a command through the gates and puts it into its meter's
// queue.
func (d *Desk) takeLocked(j job) {
	now := time.Now()
	if r, passes := d.admitLocked(now, j); !passes {
		switch {
		case r == nil: // at work already
		case r.again:
			d.Log.Info("a command that was answered before comes again", "uplink", j.By, "meter", j.Meter.Name, "op", string(j.Op), "outcome", r.Outcome.String())
			j.done(r.Result)
		default:
			d.refuseLocked(now, j, r.Result)
		}
		return
	}
	if j.Op.Changes() {
		d.memory.begin(keyOf(j.Command), j.Digest(), now)
	}
	if s, sets := d.settingOf(j.Command); sets {
		if len(d.written) >= mostSettings {
			maps.DeleteFunc(d.written, func(_ setting, at time.Time) bool { return now.Sub(at).Abs() >= writeEvery })
		}
		d.written[s] = now
	}
	select {
	case d.queues[j.Meter] <- j:
	default:
		d.unsetLocked(j.Command)
		d.refuseLocked(now, j, refused(meter.Busy, busy))
	}
}

// refuseLocked refuses a command. One for which it is too much at present stays
// so under its id: its sender was told that it is not carried out later.
func (d *Desk) refuseLocked(now time.Time, j job, r meter.Result) {
	if r.Outcome == meter.Busy && j.Op.Changes() {
		d.memory.put(keyOf(j.Command), j.Digest(), r, now)
	}
	d.refuse(j, r)
}

// stopped is what a command is told that does not pass the gates.
type stopped struct {
	meter.Result
	again bool // it was answered so before
}

// old reports whether a command was said too long ago, as far as anybody knows.
func (d *Desk) old(now time.Time, c meter.Command) bool {
	return !c.Said.IsZero() && d.Trusted(now) && now.Sub(c.Said) > d.Age
}

// admitLocked holds a command against the gates, in their order. Where it does
// not pass, nil says that it is at work already.
func (d *Desk) admitLocked(now time.Time, j job) (*stopped, bool) {
	no := func(o meter.Outcome, why dlt645.Text) (*stopped, bool) {
		return &stopped{Result: refused(o, why)}, false
	}
	if j.Retained {
		return no(meter.Expired, retained)
	}
	if d.queues[j.Meter] == nil {
		return no(meter.NotKnown, noMeter)
	}
	if j.Op.Changes() {
		switch {
		case j.ID == "":
			return no(meter.Nameless, nameless)
		case len(j.ID) > meter.MostCommandID:
			return no(meter.Nameless, longID)
		}
		if !j.Said.IsZero() && d.Trusted(now) {
			if d.old(now, j.Command) {
				return no(meter.Expired, tooOld)
			}
			if j.Said.Sub(now) > knownFor-d.Age { // its id would be forgotten before it is too old
				return no(meter.Expired, tooEarly)
			}
		}
		if k, known := d.memory.get(now, keyOf(j.Command)); known {
			switch {
			case k.digest != j.Digest():
				return no(meter.Nameless, otherID)
			case !k.done:
				return nil, false
			case j.Counted && now.Sub(k.at) > d.Age: // it is neither carried out again nor told as done
				return no(meter.Nameless, usedID)
			}
			return &stopped{k.result, true}, false
		}
	}
	if why, err := d.permitted(j.Command); err != nil {
		return &stopped{Result: meter.Result{Outcome: meter.Denied, Text: why, Err: err}}, false
	}
	if s, sets := d.settingOf(j.Command); sets {
		if at, set := d.written[s]; set && now.Sub(at).Abs() < writeEvery {
			return no(meter.Busy, tooSoon)
		}
	}
	return nil, true
}

// permitted is the one permission check: reading is free; a platform needs the
// meter's allow, for a time that of each meter on the line, since all of them
// hear it, and not everything that can be written is a setting; and what carries
// a password needs one.
func (d *Desk) permitted(c meter.Command) (why dlt645.Text, err error) {
	if !c.Op.Changes() {
		return why, nil
	}
	needed := c.Op.Permission()
	if c.By != meter.ByConsole {
		if !slices.Contains(c.Meter.Allow, needed) {
			return dlt645.Text{EN: fmt.Sprintf("the configuration does not allow %s for this meter", needed), ZH: fmt.Sprintf("配置不允许对该电表执行 %s", needed)}, errNotAllowed
		}
		for _, o := range d.Meters {
			if c.Op == meter.OpTime && o.Bus == c.Meter.Bus && !slices.Contains(o.Allow, needed) {
				return dlt645.Text{
					EN: fmt.Sprintf("a time is heard by all meters of the line, and the configuration does not allow it for %s", o.Name),
					ZH: fmt.Sprintf("校时为全线广播，而配置不允许对 %s 执行", o.Name)}, errNotAllowed
			}
		}
	}
	if s, sets := d.settingOf(c); sets {
		if why, is := guarded(s); is {
			return why, errGuarded
		}
	}
	if c.Op.Secret() && !c.Meter.HasPassword {
		return NoPassword, errNoPassword
	}
	return why, nil
}

// What the record says of a refusal.
var (
	errNotAllowed = errors.New("not in allow")
	errNoPassword = errors.New("no password")
	errGuarded    = errors.New("at the console only")
)

func refused(o meter.Outcome, why dlt645.Text) meter.Result {
	return meter.Result{Outcome: o, Text: why, Err: errors.New(why.EN)}
}

// Why a command is refused.
var (
	retained = dlt645.Text{EN: "the broker had kept this command; it is never carried out", ZH: "该命令为 broker 保留消息，不予执行"}
	nameless = dlt645.Text{EN: "a command without an id is not carried out", ZH: "没有标识的命令不予执行"}
	longID   = dlt645.Text{EN: "the command's id is too long", ZH: "命令标识过长"}
	tooOld   = meter.ResultOf(meter.ErrLate).Text
	tooEarly = dlt645.Text{EN: "the command is of another day to come", ZH: "命令时间在未来"}
	otherID  = dlt645.Text{EN: "this id was that of another command", ZH: "该标识已用于其他命令"}
	usedID   = dlt645.Text{EN: "this id was that of the same command some time ago, and may be that one: it is not carried out; send it again under another id", ZH: "该标识此前已用于相同命令，无法区分是否重复，不予执行；请换用新标识重发"}
	busy     = dlt645.Text{EN: "too many commands at once; it is not carried out later", ZH: "命令过多，不会延后执行"}
	resting  = dlt645.Text{EN: "the program is about to start anew; it is not carried out later", ZH: "程序即将重启，不会延后执行"}
	tooSoon  = dlt645.Text{EN: "it was set less than a minute ago; set it again after that, under another id", ZH: "该项一分钟内已设置过，请稍后用新标识再设"}
	reaches  = dlt645.Text{EN: "the board reaches the meter by this: only a person at the console may write it", ZH: "本板依靠该参数访问电表，只能在控制台写入"}
	byClock  = dlt645.Text{EN: "a clock is set by the operations time and clock, with their permission", ZH: "时钟须用 time 或 clock 操作设置，并需相应权限"}
	noMeter  = dlt645.Text{EN: "there is no such meter", ZH: "没有该电表"}
	noRecord = dlt645.Text{EN: "its record cannot be made durable, so it is not sent", ZH: "无法持久保存命令记录，未发送"}
	// NoPassword is told where the configuration has none for a meter.
	NoPassword = dlt645.Text{EN: "the configuration has no password for this meter", ZH: "配置中没有该电表的密码"}
)

// mostDenied is how many refusals the ring keeps a minute: who floods the
// board with commands shall not fill it.
const mostDenied = 10

// refuse tells that a command is not carried out. A refusal for lack of
// permission is kept for the record.
func (d *Desk) refuse(j job, r meter.Result) {
	name := ""
	if j.Meter != nil {
		name = j.Meter.Name
	}
	d.Log.Warn("a command is not carried out", "uplink", j.By, "meter", name, "op", string(j.Op), "outcome", r.Outcome.String(), "why", r.Text)
	if r.Outcome == meter.Denied {
		if minute := time.Now().Truncate(time.Minute); !minute.Equal(d.deniedIn) {
			d.deniedIn, d.denied = minute, 0
		}
		if d.denied < mostDenied {
			d.denied++
			e := meter.Event{Meter: j.Meter.Address, Time: time.Now(), Kind: string(j.Op), By: j.By, Text: "denied: " + r.Err.Error()}
			d.put(&e)
		}
	}
	j.done(r)
}
