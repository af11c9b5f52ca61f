package main

import (
	"context"
	"encoding"
	"errors"
	"fmt"
	"log/slog"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	_ "time/tzdata" // a board's root file system has no time zones

	"meterd/board"
	"meterd/cmd/meterd/config"
	"meterd/cmd/meterd/console"
	"meterd/dlt645"
	"meterd/meter"
	"meterd/store"
	"meterd/uplink"
)

func runDaemon(args []string, s streams) error {
	f := flags("run", s)
	file := f.String("config", "/etc/meterd/meterd.toml", "the configuration")
	verbose := f.Bool("debug", false, "log every detail")
	if err := parse(f, args, 0, 0); err != nil {
		return err
	}
	level := slog.LevelInfo
	if *verbose {
		level = slog.LevelDebug
	}
	board.LimitMemory()
	st, err := newStation(newConfFile(*file), newJournal(s.err, level))
	if err != nil {
		return err
	}
	first, problems, err := st.firstChange()
	for _, p := range problems {
		fmt.Fprintln(s.err, p)
	}
	if err != nil {
		return err
	}
	st.journal.use(first.config, first.text)
	st.noteReset(first.config)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	return st.run(ctx, first)
}

// daemon is everything that one configuration runs, wired together.
type daemon struct {
	*station
	config  *config.Config
	pollers []*meter.Poller
	uplinks []*uplink.Uplink
	learned []meter.Learned
	ends    []*board.Beat // of the loops that end with this configuration
}

func newDaemon(st *station, c *config.Config) *daemon {
	d := &daemon{station: st, config: c, learned: loadState(c.Store.State, st.log)}
	if before, _ := st.running(); d.learned == nil && before != nil { // the file is another one now
		d.learned = loadState(before.config.Store.State, st.log)
	}
	for _, b := range c.Buses {
		d.pollers = append(d.pollers, d.poller(b))
	}
	d.forgetCursors()
	for _, u := range c.Uplinks {
		if u.Skip {
			continue
		}
		up, err := d.uplink(u)
		if err != nil { // the meters are read all the same
			d.log.Error("an uplink does not start", "uplink", u.Name, "err", err)
			continue
		}
		d.uplinks = append(d.uplinks, up)
	}
	return d
}

// forgetCursors makes room in the ring for the uplinks of the configuration:
// when there are too many, those that it no longer has are forgotten.
func (d *daemon) forgetCursors() {
	old := d.ring.Cursors()
	for _, u := range d.config.Uplinks {
		delete(old, u.Name)
	}
	if len(old)+len(d.config.Uplinks) <= store.MaxCursors {
		return
	}
	for name := range old {
		d.ring.Forget(name)
	}
}

// beat gives a loop of this configuration its sign of life.
func (d *daemon) beat(name string, longest time.Duration) func() {
	b := d.beats.Add(name, longest)
	d.ends = append(d.ends, b)
	return b.Alive
}

func (d *daemon) poller(b config.Bus) *meter.Poller {
	var meters []meter.Config
	for _, m := range d.config.Meters {
		if m.Bus == b.Name {
			meters = append(meters, meter.Config{
				Name: m.Name, Address: m.Address, Protocol: m.Protocol, Auto: m.Auto, Groups: groupsOf(d.config, m), CT: m.CT, PT: m.PT,
				Access: m.Access, Codes: m.Codes,
			})
		}
	}
	return meter.NewPoller(meter.PollerConfig{
		Bus:    meter.NewBus(b.Name, b.Timing, func() (meter.Port, error) { return openPort(b) }, d.frames()),
		Meters: meters, Stamp: d.stamp, Sink: d.sink, Event: d.event, Trusted: d.clock.Trusted, SyncClocks: b.SyncClocks, Daily: true,
		Learned: d.learned, Zone: d.config.Gateway.Zone, Probe: b.Probe, Log: d.log, Alive: d.beat("bus "+b.Name, longestLine),
		Clock: func(a dlt645.Address, t time.Time) { d.clock.OfferMeter(a.String(), t) },
	})
}

// frames gives what dumps each frame into the log, when every detail is asked
// for.
func (d *daemon) frames() func(meter.Trace) {
	if !d.log.Enabled(context.Background(), slog.LevelDebug) {
		return nil
	}
	return func(t meter.Trace) {
		d.log.Debug("frame", "bus", t.Bus, "sent", t.Sent, "wire", fmt.Sprintf("%X", t.Wire))
	}
}

// offer gives the door for the time that a platform knows.
func (d *daemon) offer(platform string) func(time.Time) {
	return func(t time.Time) { d.clock.Offer(platform, t) }
}

// openPort opens a bus's serial port, or connects to its serial server.
func openPort(b config.Bus) (meter.Port, error) {
	if board.IsTCP(b.Port) {
		return board.OpenTCP(b.Port)
	}
	return board.OpenSerial(board.SerialConfig{Path: b.Port, Baud: b.Timing.Baud, Parity: b.Parity, RS485: b.RS485})
}

func (d *daemon) uplink(u config.Uplink) (*uplink.Uplink, error) {
	return uplink.New(uplink.Config{
		Name: u.Name, Kind: u.Kind, Endpoint: u.Endpoint, Platform: u.Make(config.Env{Built: d.clock.NotBefore, Trusted: d.clock.Trusted, Offer: d.offer(u.Name)}), Ring: d.ring, FromOldest: u.FromOldest,
		Window: u.Window, Timeout: u.Timeout, Meters: d.meters, Clock: d.bootClock, Do: d.carrier(u.Name), Log: d.log,
		Alive: d.beat("uplink "+u.Name, longestUplink), Lost: d.noteLost(u.Name),
	})
}

func (d *daemon) bootClock(now time.Time) (trusted bool, boot uint32, uptime time.Duration) {
	return d.clock.Trusted(now), d.boot, board.Uptime()
}

// stamp notes what dates a reading when the clock is doubted.
func (d *daemon) stamp(r *meter.Reading) {
	r.Trusted, r.Boot = d.clock.Trusted(r.Time), d.boot
	r.Uptime = board.Uptime() - time.Since(r.Time)
}

// sink puts a reading into the ring.
func (d *daemon) sink(r meter.Reading) { d.keep(&r, "a reading is lost", r.Meter) }

// event puts what happened into the ring.
func (d *daemon) event(e meter.Event) {
	e.Trusted, e.Boot = d.clock.Trusted(e.Time), d.boot
	e.Uptime = board.Uptime() - time.Since(e.Time)
	d.keep(&e, "an event is lost", e.Meter)
}

func (d *daemon) keep(r encoding.BinaryAppender, lost string, of dlt645.Address) {
	rec, err := r.AppendBinary(nil)
	if err == nil {
		_, err = d.ring.Append(rec)
	}
	if err != nil {
		d.dropped.Add(1)
		d.log.Error(lost, "meter", of.String(), "err", err)
	}
}

func (d *daemon) meters() []meter.MeterState {
	var all []meter.MeterState
	for _, p := range d.pollers {
		all = append(all, p.Meters()...)
	}
	return all
}

// run runs everything until the context ends.
func (d *daemon) run(ctx context.Context) error {
	defer func() {
		for _, b := range d.ends {
			d.beats.Remove(b)
		}
	}()
	g, ctx := errgroup.WithContext(ctx)
	for _, p := range d.pollers {
		g.Go(func() error {
			defer p.Bus().Close()
			return p.Run(ctx)
		})
	}
	for _, u := range d.uplinks {
		g.Go(func() error { return u.Run(ctx) })
	}
	g.Go(func() error { return d.keepState(ctx) })
	g.Go(func() error { d.prove(ctx); return nil })
	g.Go(func() error { d.noteTrust(ctx); return nil })
	g.Go(func() error { d.watchPowerPin(ctx); return nil })
	g.Go(func() error {
		if err := console.Serve(ctx, d.config.Console.Socket, d.commands()); err != nil {
			d.log.Error("no console", "err", err) // the meters are read all the same
		}
		return nil
	})
	d.log.Info("meterd runs", "version", version, "gateway", d.config.Gateway.ID, "buses", len(d.pollers), "meters", len(d.meters()), "uplinks", len(d.uplinks))
	return d.wait(ctx, g)
}

// longestEnd is how long the lines and uplinks may take to end. Whatever
// hangs then, the readings in memory become durable.
const longestEnd = 3 * time.Second

// errLeftBehind says that a loop did not end. Nothing new can run beside it:
// it may hold a port.
var errLeftBehind = errors.New("something hangs and is left behind")

// wait waits for all loops, for some time only once the context has ended.
func (d *daemon) wait(ctx context.Context, g *errgroup.Group) error {
	done := make(chan error, 1)
	go func() { done <- g.Wait() }()
	var late <-chan time.Time
	for {
		select {
		case err := <-done:
			for _, u := range d.uplinks {
				u.Settle()
			}
			return err
		case <-ctx.Done():
			ctx = context.Background()
			late = time.After(longestEnd)
		case <-late:
			d.log.Warn("something hangs and is left behind")
			return errLeftBehind
		}
	}
}
