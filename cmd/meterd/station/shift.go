package station

import (
	"context"
	"encoding"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"meterd/board"
	"meterd/cmd/meterd/config"
	"meterd/cmd/meterd/console"
	"meterd/cmd/meterd/desk"
	"meterd/cmd/meterd/panel"
	"meterd/cmd/meterd/takeover"
	"meterd/cmd/meterd/update"
	"meterd/dlt645"
	"meterd/meter"
	"meterd/store"
	"meterd/uplink"
)

// shift is everything that one configuration runs, wired together.
type shift struct {
	*Station
	config  *config.Config
	ring    *store.Ring
	lines   []*meter.Poller
	uplinks []*uplink.Uplink
	desk    *desk.Desk
	panel   *panel.Panel
	// upgrades are the packages of a platform, nil: none is taken; pull asks it for
	// them, nil: it pushes them.
	upgrades *upgrades
	pull     func(context.Context)
	learned  []meter.Learned
	former   map[string][]known     // by uplink; never changes
	unkept   atomic.Pointer[string] // why the state could not be kept last; nil: it was
	ends     []*board.Beat          // of the loops that end with this configuration
	settle   chan struct{}          // something was made up
	slow     slowState
}

func newShift(st *Station, c *config.Config) *shift {
	kept := loadState(c.Store.State, st.log)
	if before, _ := st.takeover.Running(); kept.Meters == nil && before != nil { // the file is another one now
		kept = loadState(before.Store.State, st.log)
	}
	sh := &shift{Station: st, config: c, ring: st.store(), learned: kept.Meters, former: map[string][]known{}, settle: make(chan struct{}, 1)}
	for _, b := range c.Buses {
		sh.lines = append(sh.lines, sh.poller(b))
	}
	sh.remember(kept)
	sh.tellTakenOut(kept)
	sh.desk = desk.New(desk.Config{
		Meters: handles(c), Lines: sh.lines, Points: c.Points, Ring: sh.ring, Age: c.Gateway.CommandAge, Answer: sh.answer, Stamp: sh.date, Trusted: st.clock.Trusted, Log: st.log,
	})
	sh.forgetCursors()
	for _, u := range c.Uplinks {
		if u.Skip {
			continue
		}
		sh.former[u.Name] = sh.leftWith(u, kept)
		up, err := sh.uplink(u)
		if err != nil { // the meters are read all the same
			sh.log.Error("an uplink does not start", "uplink", u.Name, "err", err)
			continue
		}
		sh.uplinks = append(sh.uplinks, up)
	}
	sh.panel = &panel.Panel{
		Version: st.Version, Started: st.started, Config: c, Lines: sh.lines, Uplinks: sh.uplinks, Desk: sh.desk, Ring: sh.ring,
		Dropped: func() int { return int(st.dropped.Load()) }, Clock: st.clock, Journal: st.Journal, Takeover: st.takeover,
		Watchdog: st.watchdogStatus, Save: sh.saveState, Unkept: sh.unkept.Load, Restart: func() error { sh.noteOrder(); return board.Reboot() }, Doctor: &st.doctor, Why: st.why, Log: st.log,
		Update: st.Update.View, TakeUpdate: sh.takeUpdateFile,
	}
	return sh
}

// handles are the meters of a configuration.
func handles(c *config.Config) []*meter.Handle {
	var all []*meter.Handle
	for _, m := range c.Meters {
		all = append(all, m.Handle)
	}
	return all
}

// forgetCursors makes room in the ring for the uplinks of the configuration:
// when there are too many, those that it no longer has are forgotten.
func (sh *shift) forgetCursors() {
	old := sh.ring.Cursors()
	for _, u := range sh.config.Uplinks {
		delete(old, u.Name)
	}
	if len(old)+len(sh.config.Uplinks) <= store.MaxCursors {
		return
	}
	for name := range old {
		sh.ring.Forget(name)
	}
}

// beat gives a loop of this configuration its sign of life.
func (sh *shift) beat(name string, longest time.Duration) func() {
	b := sh.beats.Add(name, longest)
	sh.ends = append(sh.ends, b)
	return b.Alive
}

func (sh *shift) poller(b config.Bus) *meter.Poller {
	var meters []*meter.Handle
	for _, m := range sh.config.Meters {
		if m.Bus == b.Name {
			meters = append(meters, m.Handle)
		}
	}
	return meter.NewPoller(meter.PollerConfig{
		Bus:    meter.NewBus(b.Name, b.Timing, func() (meter.Port, error) { return sh.open(b) }, sh.frames()),
		Meters: meters, Stamp: sh.stamp, Sink: sh.sink, Event: sh.event, Trusted: sh.clock.Trusted, SyncClocks: b.SyncClocks, Daily: true, Books: true, HistoryShare: b.HistoryShare,
		Learned: sh.learned, Zone: sh.config.Gateway.Zone, Probe: b.Probe, Log: sh.log, Alive: sh.beat("bus "+b.Name, longestLine),
		Clock: func(a dlt645.Address, t time.Time) { sh.clock.OfferMeter(a.String(), t) },
	})
}

// frames gives what dumps each frame into the log, when every detail is asked
// for.
func (sh *shift) frames() func(meter.Trace) {
	if !sh.log.Enabled(context.Background(), slog.LevelDebug) {
		return nil
	}
	return func(t meter.Trace) {
		sh.log.Debug("frame", "bus", t.Bus, "sent", t.Sent, "wire", fmt.Sprintf("%X", t.Wire))
	}
}

// offer gives the door for the time that a platform knows.
func (sh *shift) offer(platform string) func(time.Time) {
	return func(t time.Time) { sh.clock.Offer(platform, t) }
}

func (sh *shift) uplink(u config.Uplink) (*uplink.Uplink, error) {
	var state func(time.Time) []uplink.BoardState
	if u.Board {
		state = sh.boardState
	}
	env := config.Env{Version: sh.Version, Built: sh.clock.NotBefore, Trusted: sh.clock.Trusted, Offer: sh.offer(u.Name), Former: sh.formerDevices(u.Name)}
	if u.Name == sh.config.Update.From {
		sh.upgrades = sh.newUpgrades(u.Name)
		env.Upgrades, env.Do = sh.upgrades, sh.upgrades.do
	}
	platform := u.Make(env)
	up, err := uplink.New(uplink.Config{
		Name: u.Name, Kind: u.Kind, Endpoint: u.Endpoint, Platform: platform, Ring: sh.ring, FromOldest: u.FromOldest,
		Window: u.Window, Timeout: u.Timeout, Spread: u.Spread, Meters: func() []meter.MeterState { return sh.gone(u, sh.meters()) }, Clock: sh.bootClock, Ask: sh.desk.Ask, Board: state, Log: sh.log,
		Alive: sh.beat("uplink "+u.Name, longestUplink), Lost: sh.noteLost(u.Name),
	})
	if p, ok := platform.(uplink.Puller); ok && err == nil && env.Upgrades != nil {
		sh.pull = func(ctx context.Context) {
			sh.upgrades.pull(ctx, p, func() bool { return up.State().Connected })
		}
	}
	return up, err
}

// answer has an uplink tell its platform what became of a command.
func (sh *shift) answer(c meter.Command, r meter.Result) {
	for _, u := range sh.uplinks {
		if u.Name == c.By {
			u.Tell(c, r)
		}
	}
}

func (sh *shift) bootClock(now time.Time) (trusted bool, boot uint32, uptime time.Duration) {
	return sh.clock.Trusted(now), sh.boot, sh.uptime()
}

// stamp notes what dates a reading when the clock is doubted.
func (sh *shift) stamp(r *meter.Reading) {
	r.Trusted = sh.clock.Trusted(r.Time)
	r.Boot, r.Uptime = sh.since(r.Time)
}

// since tells in which start of the system something was, and how long after it;
// zeros if that was before this one.
func (sh *shift) since(at time.Time) (boot uint32, uptime time.Duration) {
	if uptime = sh.uptime() - time.Since(at); uptime < 0 {
		return 0, 0
	}
	return sh.boot, uptime
}

// sink puts a reading into the ring. What was made up goes out when it is
// durable, so that is soon.
func (sh *shift) sink(r meter.Reading) {
	sh.keep(&r, "a reading is lost", r.Meter)
	if r.Recalled {
		sh.settleSoon()
	}
}

// settleSoon has the ring made durable within settleWithin.
func (sh *shift) settleSoon() {
	select {
	case sh.settle <- struct{}{}:
	default:
	}
}

// settleWithin is a time in which as much is made up as a page of the flash holds.
// A commit takes a page at least: weeks that are made up would fill the ring with
// them, and push out what is not delivered.
const settleWithin = 10 * time.Second

// settles makes the ring durable soon after something was made up.
func (sh *shift) settles(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-sh.settle:
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(settleWithin):
		}
		sh.ring.Flush() // the ring tells what fails
	}
}

// date notes what dates an event when the clock is doubted.
func (sh *shift) date(e *meter.Event) {
	if e.Recalled { // the meter's clock says when it was
		e.Trusted = true
		return
	}
	e.Trusted = sh.clock.Trusted(e.Time)
	e.Boot, e.Uptime = sh.since(e.Time)
}

// event puts what happened into the ring.
func (sh *shift) event(e meter.Event) {
	sh.date(&e)
	sh.keep(&e, "an event is lost", e.Meter)
	if e.Recalled {
		sh.settleSoon()
	}
}

func (sh *shift) keep(r encoding.BinaryAppender, lost string, of dlt645.Address) {
	rec, err := r.AppendBinary(nil)
	if err == nil {
		_, err = sh.ring.Append(rec)
	}
	if err != nil {
		sh.dropped.Add(1)
		sh.log.Error(lost, "meter", of.String(), "err", err)
	}
}

func (sh *shift) meters() []meter.MeterState {
	var all []meter.MeterState
	for _, p := range sh.lines {
		all = append(all, p.Meters()...)
	}
	return all
}

// run runs everything until the context ends.
func (sh *shift) run(ctx context.Context) error {
	defer func() {
		for _, b := range sh.ends {
			sh.beats.Remove(b)
		}
	}()
	g, ctx := errgroup.WithContext(ctx)
	sh.begin(ctx, g)
	g.Go(func() error {
		if err := console.Serve(ctx, sh.config.Console.Socket, sh.panel.Commands()); err != nil {
			sh.log.Error("no console", "err", err) // the meters are read all the same
		}
		return nil
	})
	sh.log.Info("meterd runs", "version", sh.Version, "gateway", sh.config.Gateway.ID, "buses", len(sh.lines), "meters", len(sh.meters()), "uplinks", len(sh.uplinks))
	if sh.config.Blank {
		sh.log.Warn("no configuration yet: plug in a stick with meterd.toml", "gateway", sh.config.Gateway.ID)
	}
	return sh.wait(g)
}

// begin begins all that a configuration runs but for the console.
func (sh *shift) begin(ctx context.Context, g *errgroup.Group) {
	for _, p := range sh.lines {
		g.Go(func() error {
			defer p.Bus().Close()
			return p.Run(ctx)
		})
	}
	for _, u := range sh.uplinks {
		g.Go(func() error { return u.Run(ctx) })
	}
	g.Go(func() error { return sh.desk.Run(ctx) })
	g.Go(func() error { return sh.keepState(ctx) })
	g.Go(func() error { sh.settles(ctx); return nil })
	g.Go(func() error { sh.takeover.Prove(ctx, sh.whatCame); return nil })
	g.Go(func() error { sh.Update.Prove(ctx, func() update.Came { return sh.works(ctx) }); return nil })
	if sh.upgrades != nil {
		g.Go(func() error { sh.upgrades.run(ctx); return nil })
	}
	if sh.pull != nil {
		g.Go(func() error { sh.pull(ctx); return nil })
	}
	g.Go(func() error { sh.noteTrust(ctx); return nil })
	g.Go(func() error { sh.askTime(ctx); return nil })
	g.Go(func() error { sh.watchPowerPin(ctx); return nil })
}

// wait waits for all loops. What the uplinks know at the end goes to their
// cursors.
func (sh *shift) wait(g *errgroup.Group) error {
	err := g.Wait()
	for _, u := range sh.uplinks {
		u.Settle()
	}
	return err
}

// whatCame tells what has come up of what the configuration names.
func (sh *shift) whatCame() (came, names takeover.Came) {
	for _, m := range sh.meters() {
		names.Meter = true
		came.Meter = came.Meter || m.Online
	}
	for _, u := range sh.uplinks {
		names.Uplink = true
		came.Uplink = came.Uplink || u.State().Connected
	}
	return came, names
}
