// Package desk is where people and platforms ask something of meters. Whoever
// asks, each command passes the same gates in the same order:
//
//	retained? ► no id? ► too old? ► id known? ► not allowed? ► set just now? ► no room?
//	► its turn at the meter ► intent durable ► line ► read-back
//	► outcome durable ► answer
//
// A Desk owns the queue of each meter, with one goroutine that carries its
// commands out in the order in which they came, and the memory of the ids of a
// day, which a mutex guards. It never carries a command out twice, late or
// after a restart, never sends what switches or sets a second time, and never
// tells that something is done before the meter shows it.
package desk

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"meterd/dlt645"
	"meterd/meter"
	"meterd/store"
)

const (
	// mostQueued is how many commands may wait for a meter. One more is refused.
	mostQueued = 32
	// writeEvery is how often a platform may set one thing: meters keep it in a
	// memory that wears out.
	writeEvery = time.Minute
	// longest bounds one command: a relay is watched for 20 s.
	longest = time.Minute
	// mostHeld is how many commands may come before the ring has been read.
	mostHeld = 256
)

// Config is what a desk works with.
type Config struct {
	Meters []*meter.Handle
	Lines  []*meter.Poller
	Points *meter.Points
	Ring   *store.Ring
	// Age is how old a platform's command may be.
	Age time.Duration
	// Stamp notes boot, uptime and whether the clock is trusted in an event.
	Stamp func(*meter.Event)
	// Trusted tells whether the clock is.
	Trusted func(time.Time) bool
	Log     *slog.Logger
}

// Desk carries out what is asked of the meters of one configuration. Run must
// run.
type Desk struct {
	Config
	queues map[*meter.Handle]chan job

	mu       sync.Mutex
	memory   memory        // guarded by mu
	read     bool          // the ring has been read: memory is whole; guarded by mu
	held     []job         // that came before that; guarded by mu
	denied   int           // refusals that the ring got in the minute below; guarded by mu
	deniedIn time.Time     // guarded by mu
	resting  bool          // no command is carried out any more; guarded by mu
	atWork   int           // commands; guarded by mu
	rested   chan struct{} // closed when resting and none is at work; guarded by mu
	// written tells when a platform last had something set, by meter and what it
	// is. Guarded by mu.
	written map[setting]time.Time
}

// setting is what a command sets in a meter.
type setting struct {
	meter *meter.Handle
	point string // its data identifier
}

// settingOf gives what a platform's command sets, by its data identifier,
// whichever name it goes by; false if it sets nothing.
func (d *Desk) settingOf(c meter.Command) (setting, bool) {
	s := setting{c.Meter, c.Point}
	switch c.Op {
	case meter.OpSet:
		if p, ok := d.Points.Lookup(c.Point); ok && p.From == nil {
			s.point = p.DI.String()
		}
	case meter.OpWrite:
		s.point = strings.ToUpper(c.Point)
	default:
		return s, false
	}
	return s, c.By != meter.ByConsole
}

// mostSettings bounds written: what is older than writeEvery is forgotten then.
const mostSettings = 256

// job is a command on its way.
type job struct {
	meter.Command
	came time.Time
	ctx  context.Context // of who waits for it; nil: nobody does
	done func(meter.Result)
}

// New gives a desk.
func New(c Config) *Desk {
	d := &Desk{Config: c, queues: map[*meter.Handle]chan job{}, memory: newMemory(), written: map[setting]time.Time{}}
	for _, h := range c.Meters {
		d.queues[h] = make(chan job, mostQueued)
	}
	return d
}

// Find gives the meter of a name or an address; false if there is none. A name
// that is another meter's address is a mistake of the configuration.
func (d *Desk) Find(who string) (*meter.Handle, bool) {
	for _, is := range []func(*meter.Handle) bool{
		func(h *meter.Handle) bool { return h.Name == who },
		func(h *meter.Handle) bool { return h.Address.String() == who },
	} {
		if i := slices.IndexFunc(d.Meters, is); i >= 0 {
			return d.Meters[i], true
		}
	}
	return nil, false
}

// Line gives the poller of a meter's line.
func (d *Desk) Line(h *meter.Handle) *meter.Poller {
	for _, p := range d.Lines {
		if p.Bus().Name() == h.Bus {
			return p
		}
	}
	return nil
}

// Run reads the ids of the last day from the ring and carries commands out
// until the context ends.
func (d *Desk) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, queue := range d.queues {
		g.Go(func() error {
			d.serve(ctx, queue)
			return nil
		})
	}
	g.Go(func() error {
		d.remember(ctx)
		return nil
	})
	return g.Wait()
}

// serve carries the commands to one meter out, one after the other.
func (d *Desk) serve(ctx context.Context, queue chan job) {
	for {
		select {
		case <-ctx.Done():
			return
		case j := <-queue:
			if !d.begins() {
				d.finish(j, refused(meter.Busy, resting))
				continue
			}
			d.carryOut(ctx, j)
			d.ends()
		}
	}
}

// remember reads the ring, and takes up what came meanwhile.
func (d *Desk) remember(ctx context.Context) {
	known := newMemory()
	open := known.load(ctx, d.Ring)
	for _, r := range open {
		known.put(r.key, r.digest, meter.Result{Outcome: meter.Unconfirmed, Text: restarted}, r.at)
		r.event.Command.Done, r.event.Command.Outcome = true, meter.Unconfirmed
		r.event.Text += ": " + meter.Unconfirmed.String() + ": " + restarted.EN
		d.put(&r.event)
	}
	if ctx.Err() != nil {
		return
	}
	d.mu.Lock()
	d.memory, d.read = known, true
	held := d.held
	d.held = nil
	for _, j := range held {
		d.takeLocked(j)
	}
	d.mu.Unlock()
}

var restarted = dlt645.Text{EN: "the board restarted meanwhile", ZH: "期间本板重启"}

// Ask takes a platform's command without waiting. Done is called once, from
// another goroutine or at once, and must not wait; for a command that is at
// work under the same id already it is not called.
func (d *Desk) Ask(c meter.Command, done func(meter.Result)) {
	d.take(job{Command: c, came: time.Now(), done: done})
}

// Do carries a person's command out, in turn with all others to its meter.
func (d *Desk) Do(ctx context.Context, c meter.Command) meter.Result {
	var id [8]byte
	rand.Read(id[:])
	c.By, c.ID = meter.ByConsole, hex.EncodeToString(id[:])
	done := make(chan meter.Result, 1)
	d.take(job{Command: c, came: time.Now(), ctx: ctx, done: func(r meter.Result) { done <- r }})
	select {
	case r := <-done:
		return r
	case <-ctx.Done(): // it may have been sent; the ring keeps what became of it
		return meter.ResultOf(&meter.UnprovenError{Err: ctx.Err()})
	}
}

// Rest has no more commands carried out, of those that wait neither: they are
// refused. It waits until those at work are finished and told, or the context
// ends.
func (d *Desk) Rest(ctx context.Context) error {
	d.mu.Lock()
	d.resting = true
	rested := d.restedLocked()
	d.mu.Unlock()
	select {
	case <-rested:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// restedLocked gives what is closed when none is at work any more.
func (d *Desk) restedLocked() chan struct{} {
	if d.rested == nil {
		d.rested = make(chan struct{})
	}
	if d.resting && d.atWork == 0 {
		select {
		case <-d.rested:
		default:
			close(d.rested)
		}
	}
	return d.rested
}

// begins notes a command at work. It reports false once the desk rests.
func (d *Desk) begins() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.resting {
		d.atWork++
	}
	return !d.resting
}

func (d *Desk) ends() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.atWork--
	d.restedLocked()
}

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
			d.refuse(j, r.Result)
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
		d.memory.forget(keyOf(j.Command))
		d.unsetLocked(j.Command)
		d.refuse(j, refused(meter.Busy, busy))
	}
}

func refused(o meter.Outcome, why dlt645.Text) meter.Result {
	return meter.Result{Outcome: o, Text: why, Err: errors.New(why.EN)}
}

// Why a command is refused.
var (
	retained = dlt645.Text{EN: "the broker had kept this command; it is never carried out", ZH: "该命令为 broker 保留消息，不予执行"}
	nameless = dlt645.Text{EN: "a command without an id is not carried out", ZH: "没有标识的命令不予执行"}
	longID   = dlt645.Text{EN: "the command's id is too long", ZH: "命令标识过长"}
	tooOld   = dlt645.Text{EN: "the command is older than command_age", ZH: "命令早于 command_age，已过期"}
	tooEarly = dlt645.Text{EN: "the command is of another day to come", ZH: "命令时间在未来"}
	otherID  = dlt645.Text{EN: "this id was that of another command", ZH: "该标识已用于其他命令"}
	usedID   = dlt645.Text{EN: "this id was that of the same command some time ago, and may be that one: it is not carried out; send it again under another id", ZH: "该标识此前已用于相同命令，无法区分是否重复，不予执行；请换用新标识重发"}
	busy     = dlt645.Text{EN: "too many commands at once; it is not carried out later", ZH: "命令过多，不会延后执行"}
	resting  = dlt645.Text{EN: "the program is about to start anew; it is not carried out later", ZH: "程序即将重启，不会延后执行"}
	tooSoon  = dlt645.Text{EN: "it was set less than a minute ago; set it again after that", ZH: "该项一分钟内已设置过，请稍后再设"}
	noMeter  = dlt645.Text{EN: "there is no such meter", ZH: "没有该电表"}
	noRecord = dlt645.Text{EN: "its record cannot be made durable, so it is not sent", ZH: "无法持久保存命令记录，未发送"}
	// NoPassword is told where the configuration has none for a meter.
	NoPassword = dlt645.Text{EN: "the configuration has no password for this meter", ZH: "配置中没有该电表的密码"}
)

// stopped is what a command is told that does not pass the gates.
type stopped struct {
	meter.Result
	again bool // it was answered so before
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
			if now.Sub(j.Said) > d.Age {
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

// unsetLocked forgets a setting that did not go to the meter.
func (d *Desk) unsetLocked(c meter.Command) {
	if s, sets := d.settingOf(c); sets {
		delete(d.written, s)
	}
}

// permitted is the one permission check: reading is free; a platform needs the
// meter's allow, for a time that of each meter on the line, since all of them
// hear it; and what carries a password needs one.
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
	if c.Op.Secret() && !c.Meter.HasPassword {
		return NoPassword, errNoPassword
	}
	return why, nil
}

// What the record says of a refusal.
var (
	errNotAllowed = errors.New("not in allow")
	errNoPassword = errors.New("no password")
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

// carryOut carries a command out whose turn it is.
func (d *Desk) carryOut(ctx context.Context, j job) {
	if j.By != meter.ByConsole && time.Since(j.came) > d.Age {
		d.finish(j, refused(meter.Expired, tooOld))
		return
	}
	if j.ctx != nil && j.ctx.Err() != nil { // who asked is gone
		d.finish(j, meter.ResultOf(&meter.UnsentError{Err: j.ctx.Err()}))
		return
	}
	if !j.Op.Changes() {
		d.finish(j, d.perform(ctx, j.Command))
		return
	}
	e := meter.Event{
		Meter: j.Meter.Address, Time: time.Now(), Kind: string(j.Op), By: j.By, Text: j.String(),
		Command: &meter.CommandRecord{ID: j.ID, Digest: j.Digest()},
	}
	if err := d.durable(&e); err != nil {
		d.Log.Error("the record of a command cannot be made durable", "uplink", j.By, "meter", j.Meter.Name, "err", err)
		if j.By != meter.ByConsole { // a person does not repeat what was done
			d.finish(j, meter.Result{Outcome: meter.Failed, Text: noRecord, Err: err})
			return
		}
	}
	d.Log.Info("command", "uplink", j.By, "meter", j.Meter.Name, "op", string(j.Op), "what", j.String())
	r := d.perform(ctx, j.Command)
	e.Time = time.Now()
	e.Command.Done, e.Command.Outcome = true, r.Outcome
	e.Text += ": " + r.Outcome.String()
	if r.Text.EN != "" {
		e.Text += ": " + r.Text.EN
	}
	if err := d.durable(&e); err != nil {
		d.Log.Error("the record of a command cannot be made durable", "uplink", j.By, "meter", j.Meter.Name, "err", err)
	}
	d.finish(j, r)
	if r.Outcome != meter.Done {
		return
	}
	switch j.Op {
	case meter.OpRelay:
		d.tell(ctx, j.Meter, "relay")
	case meter.OpSet:
		d.tell(ctx, j.Meter, j.Point)
	}
}

// tell has the platforms told what became of a point as a reading, too.
func (d *Desk) tell(ctx context.Context, h *meter.Handle, point string) {
	p, ok := d.Points.Lookup(point)
	if !ok { // set by its identifier
		return
	}
	if err := d.Line(h).ReadExtra(ctx, h, []meter.Point{p}); err != nil {
		d.Log.Warn("what was changed is told with the next round", "meter", h.Name, "point", point, "err", err)
	}
}

// sent are the outcomes of a command that may have changed the meter.
var sent = []meter.Outcome{meter.Done, meter.NotTaken, meter.Unconfirmed}

// finish remembers what became of a command, and tells it.
func (d *Desk) finish(j job, r meter.Result) {
	if j.Op.Changes() {
		d.mu.Lock()
		if !slices.Contains(sent, r.Outcome) {
			d.unsetLocked(j.Command)
		}
		d.memory.put(keyOf(j.Command), j.Digest(), meter.Result{Outcome: r.Outcome, Text: r.Text, Err: r.Err}, time.Now())
		d.mu.Unlock()
	}
	j.done(r)
}

// put puts an event into the ring.
func (d *Desk) put(e *meter.Event) error {
	d.Stamp(e)
	rec, err := e.AppendBinary(nil)
	if err == nil {
		_, err = d.Ring.Append(rec)
	}
	return err
}

// errInMemory says that there is no flash at present.
var errInMemory = errors.New("the ring is in memory alone")

// durable puts an event into the ring and makes it durable.
func (d *Desk) durable(e *meter.Event) error {
	err := d.put(e)
	if err == nil {
		err = d.Ring.Flush()
	}
	if err == nil && d.Ring.Stats().CapacityBytes == 0 {
		err = errInMemory
	}
	return err
}
