package uplink

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"meterd/dlt645"
	"meterd/meter"
	"meterd/store"
)

// Config is what an Uplink works with.
type Config struct {
	Name, Kind string
	Endpoint   Endpoint
	Platform   Platform
	Ring       *store.Ring
	FromOldest bool                      // where a new uplink starts: at the oldest record, or after the newest
	Window     int                       // requests outstanding; 0: 16
	Timeout    time.Duration             // until a request is sent again; 0: 10 s
	Spread     time.Duration             // the first connect comes at a random time within it; 0: at once
	Meters     func() []meter.MeterState // of all buses
	// Clock tells whether the clock is trusted, which start of the operating
	// system this is, and how long it is ago.
	Clock func(now time.Time) (trusted bool, boot uint32, uptime time.Duration)
	// Ask hands a platform's command to whoever carries it out, without waiting;
	// done is called once. nil: no command is carried out.
	Ask func(c meter.Command, done func(meter.Result))
	// Board gives what a Host is told of the board itself; nil: nothing is.
	Board func(now time.Time) []BoardState
	// Lost is told when records are gone before they were delivered; nil:
	// nobody wants to know.
	Lost func(gap store.Gap, records int)
	// Alive is called whenever the delivery goes on, once a second while nothing
	// is to be connected; nil: nobody wants to know.
	Alive func()
	Log   *slog.Logger // nil: none

	least time.Duration // pause before each attempt to connect; 0: leastPause
}

// Uplink delivers to one platform. Run must run.
type Uplink struct {
	Config
	d       *delivery            // owned by Run
	nodes   *nodes               // owned by Run
	feed    *feed                // owned by Run
	flooded int                  // owned by Run
	alone   bool                 // the last login was exclusive; owned by Run
	replies []Message            // to commands, not sent yet; owned by Run
	open    map[string]bool      // ids of commands that are at work; owned by Run
	anchors map[uint32]time.Time // when earlier starts of the system began, zero: nobody knows; owned by Run

	finished chan finished // commands whose results are not told yet

	mu    sync.Mutex
	state State // guarded by mu
}

// State is what the console shows of an uplink.
type State struct {
	Name, Kind   string
	Broker       string // the one that is used, of several the one whose turn it is
	Brokers      int    // that there are
	Connected    bool
	Held         bool        // connected, and nothing goes out: nobody is there who stores it
	Twin         bool        // connected, and another client may use our id
	Since        time.Time   // of the connection, or of its loss
	LastErr      string      // why there is no connection
	Hint         dlt645.Text // what to look at
	Queued       int         // records that are not settled
	Outstanding  int         // messages that wait for the platform's answer
	Flooded      int         // inbound messages that were dropped because too many came at once
	Cursor       uint64      // all records up to it are settled
	Counts       Counts
	Unregistered map[dlt645.Address]string // meters that the platform does not take, with its reason
}

// New gives an uplink and makes its cursor in the ring.
func New(c Config) (*Uplink, error) {
	if c.Window == 0 {
		c.Window = 16
	}
	if c.Timeout == 0 {
		c.Timeout = 10 * time.Second
	}
	if c.least == 0 {
		c.least = leastPause
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Alive == nil {
		c.Alive = func() {}
	}
	pos, ok := c.Ring.Cursor(c.Name)
	if !ok {
		if !c.FromOldest {
			pos = c.Ring.Last()
		}
		if err := c.Ring.SetCursor(c.Name, pos); err != nil {
			return nil, fmt.Errorf("uplink %s: %w", c.Name, err)
		}
	}
	pos = min(pos, c.Ring.Last())
	u := &Uplink{Config: c, open: map[string]bool{}, finished: make(chan finished, mostFinished), nodes: newNodes(c.Endpoint)}
	u.state = State{Name: c.Name, Kind: c.Kind, Since: time.Now(), Cursor: pos, Broker: u.nodes.current(), Brokers: len(u.nodes.urls)}
	u.feed = newFeed(c.Ring, c.Name, pos)
	u.d = newDelivery(c.Platform, u.feed, c.Window, c.Timeout, c.Ring.ID())
	u.d.date, u.d.lost = u.date, c.Lost
	u.d.alarmed = func(msg string, args ...any) { c.Log.Error(msg, append([]any{"uplink", c.Name}, args...)...) }
	u.d.told = func(msg string, args ...any) { c.Log.Warn(msg, append([]any{"uplink", c.Name}, args...)...) }
	return u, nil
}

// State tells how the uplink fares.
func (u *Uplink) State() State {
	u.mu.Lock()
	defer u.mu.Unlock()
	s := u.state
	s.Counts.Codes, s.Counts.WithheldOf = maps.Clone(s.Counts.Codes), maps.Clone(s.Counts.WithheldOf)
	return s
}

// Run connects, delivers and connects again until the context ends.
func (u *Uplink) Run(ctx context.Context) error {
	again := redial{least: u.least, spread: u.least}
	if u.Spread > 0 { // boards that one power failure has ended start as one
		u.pause(ctx, rand.N(u.Spread))
	}
	for ctx.Err() == nil {
		began := time.Now()
		err := u.session(ctx)
		if ctx.Err() != nil {
			break
		}
		now := time.Now()
		err = explain(err, now, u.trusted(now))
		broker := u.nodes.current()
		pause := again.pause(err, now.Sub(began) > stableAfter || u.d.verdicts.suspects.tellsSizes(), rand.N)
		if !errors.Is(err, errNoClock) { // which is no broker's doing
			c, ok := errors.AsType[*cause](err)
			pause = u.nodes.failed(now, pause, ok && (c.Credentials || u.alone && c.refused()))
		}
		u.down(now, err, broker, pause)
		u.pause(ctx, pause)
	}
	return nil
}

// pause waits, and keeps the console's account up to date.
func (u *Uplink) pause(ctx context.Context, d time.Duration) {
	end := time.NewTimer(d)
	defer end.Stop()
	look := time.NewTicker(time.Second)
	defer look.Stop()
	for {
		u.account()
		select {
		case <-ctx.Done():
			return
		case <-end.C:
			return
		case <-look.C:
		}
	}
}

// down notes why there is no connection to a broker, and which one is asked next.
func (u *Uplink) down(now time.Time, err error, broker string, pause time.Duration) {
	hint := anyNetwork
	if c, ok := errors.AsType[*cause](err); ok {
		hint = c.Hint
	}
	if errors.Is(err, errNoClock) {
		hint = dlt645.Text{EN: "check NTP or the battery of the clock", ZH: "请检查 NTP 或时钟电池"}
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.state.LastErr != err.Error() || pause >= leastPause {
		u.Log.Warn("not connected", "uplink", u.Name, "broker", broker, "err", err, "again_in", pause.Round(time.Second))
	}
	if u.state.Connected || u.state.LastErr == "" {
		u.state.Since = now
	}
	u.state.Connected, u.state.LastErr, u.state.Hint, u.state.Broker = false, err.Error(), hint, u.nodes.current()
}

// errDeaf ends a connection on which the platform answers nothing.
var errDeaf = errors.New("the broker takes messages, but the platform answers none of them")

// errLost is a connection that ended by itself.
var errLost = errors.New("connection lost")

// errNoClock keeps an uplink from connecting whose messages need the time.
var errNoClock = errors.New("the clock is not trusted yet")

// session is one connection.
func (u *Uplink) session(ctx context.Context) error {
	now := time.Now()
	if u.d.limits.NeedsClock && !u.trusted(now) {
		return errNoClock
	}
	login := u.Platform.Login(now)
	u.alone = login.Exclusive
	at := u.Endpoint
	at.URL = u.nodes.current()
	c, err := dial(ctx, at, login, u.Window+u.d.limits.Registers+8)
	if err != nil {
		if !refusal(err) {
			u.d.verdicts.suspects.away()
		}
		return err
	}
	defer func() {
		c.close()
		u.replies = append(c.left(), u.replies...)
		u.flooded += int(c.dropped.Load())
	}()
	u.Log.Info("connected", "uplink", u.Name, "broker", at.URL)
	u.feed.renew()
	now = time.Now()
	u.replies = slices.DeleteFunc(u.replies, func(m Message) bool { return !now.Before(m.until) })
	u.d.connected(now)
	u.up(now)
	if err = u.deliver(ctx, c); !errors.Is(err, errLost) {
		return err
	}
	return u.d.cut(time.Now(), err, login.ClientID)
}

// trusted reports whether the board's clock can be believed.
func (u *Uplink) trusted(now time.Time) bool {
	if u.Clock == nil {
		return true
	}
	trusted, _, _ := u.Clock(now)
	return trusted
}

// deliver is the loop of one connection.
func (u *Uplink) deliver(ctx context.Context, c *conn) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	beat, looked, board := statusBeat{}, time.Time{}, boardBeat{}
	for {
		changed := u.Ring.Changed() // before the ring is read, so that nothing is missed
		now := time.Now()
		wake, deaf := u.d.expire(now)
		if deaf {
			return errDeaf
		}
		wake = earlier(wake, u.tellStatus(c, &beat, now))
		u.attend(c, &looked, now)
		wake = earlier(wake, u.inquire(c, now))
		u.sendReplies(c, now)
		wake = earlier(wake, u.tellBoard(c, &board, now))
		if err := u.send(c, now); err != nil {
			return err
		}
		if u.d.more {
			wake = now
		}
		u.account()
		timer.Reset(max(0, time.Until(wake)))
		select {
		case <-ctx.Done():
			u.lastAnswers(c)
			c.leave()
			return ctx.Err()
		case err := <-c.lost:
			return fmt.Errorf("%w: %w", errLost, err)
		case m := <-c.in:
			if err := u.receive(ctx, time.Now(), c, m); err != nil {
				return err
			}
		case id := <-c.taken:
			u.d.puback(time.Now(), id)
		case f := <-u.finished:
			u.answer(time.Now(), f)
		case <-changed:
		case <-timer.C:
		}
	}
}

// send hands over what the window allows.
func (u *Uplink) send(c *conn, now time.Time) error {
	for {
		m, ok := u.d.next(now)
		if !ok {
			return nil
		}
		if !c.publish(m) {
			return errors.New("the connection takes no more messages")
		}
	}
}

func (u *Uplink) receive(ctx context.Context, now time.Time, c *conn, m Inbound) error {
	rc := u.Platform.Receive(now, m)
	for _, cmd := range rc.Commands() {
		cmd.By, cmd.Retained = u.Name, m.Retained
		u.ask(cmd)
	}
	if m.Retained { // it is of another time: it acknowledges nothing, and nobody waits for a reply
		if !rc.State {
			u.d.count.Retained++
		}
		return nil
	}
	if rc.Reply != nil {
		rc.Reply.until = now.Add(answerFor)
		u.reply(*rc.Reply)
	}
	for _, topic := range rc.Subscribe {
		err := c.subscribe(ctx, topic)
		if errors.Is(err, errNotGranted) { // of this meter: the others go on
			rc.Verdict, rc.Code, rc.Text = Refused, "subscription", err.Error()
			break
		}
		if err != nil {
			return err
		}
		if !slices.Contains(c.joined, topic) {
			c.joined = append(c.joined, topic)
		}
	}
	u.d.receive(now, rc)
	for _, id := range rc.Also {
		u.d.receive(now, Receipt{ID: id, Verdict: rc.Verdict, Code: rc.Code, Text: rc.Text})
	}
	return nil
}

// mostReplies is how many answers to commands wait for their turn.
const mostReplies = 64

// reply takes a message that goes ahead of the readings, such as the answer to
// a command. What finds no room is counted: who asks
// again gets it.
func (u *Uplink) reply(m Message) {
	if len(u.replies) >= mostReplies {
		u.d.count.Unanswered++
		return
	}
	u.replies = append(u.replies, m)
}

// sendReplies sends the answers to commands, ahead of all reports, but no
// faster than the platform takes messages: who floods a board with commands
// shall not get it banned.
func (u *Uplink) sendReplies(c *conn, now time.Time) {
	for len(u.replies) > 0 && u.d.pacing.ready(now) && c.reply(u.replies[0]) {
		u.d.pacing.spend(now)
		u.replies = u.replies[1:]
	}
}

// inquire sends what the platform asks for, if it asks for anything, and tells
// when it may ask again.
func (u *Uplink) inquire(c *conn, now time.Time) time.Time {
	a, ok := u.Platform.(Asker)
	if !ok || u.d.roll.greets > 0 || !u.d.pacing.ready(now) {
		return time.Time{}
	}
	if !c.hasRoom() {
		return now.Add(statusLook)
	}
	m, ok, again := a.Ask(now)
	if ok && c.reply(m) {
		u.d.pacing.spend(now)
	}
	return again
}

// tellStatus tells which meters are online, when that changed, when the
// platform asked, and every so often. It gives the time to look again.
func (u *Uplink) tellStatus(c *conn, beat *statusBeat, now time.Time) time.Time {
	p, ok := u.Platform.(Reporter)
	if !ok || u.d.roll.greets > 0 {
		return now.Add(statusLook)
	}
	asked := u.d.roll.vouching
	if !beat.looks(now, asked) {
		return beat.look
	}
	var meters []meter.MeterState
	online := map[dlt645.Address]bool{}
	for _, m := range u.Meters() {
		if !m.Known || !u.d.roll.knows(m.Address) {
			continue
		}
		m.Online = m.Online || u.d.vouches(m.Address)
		online[m.Address] = m.Online
		meters = append(meters, m)
	}
	every := p.StatusEvery()
	if beat.due(now, every, online, asked) {
		if next := u.d.pacing.next(now); !next.IsZero() {
			return earlier(beat.look, next) // at the platform's pace, as all messages
		}
		if m, ok := p.Status(now, meters); ok {
			if !c.publish(m) {
				return beat.look // no room: the next look tells it
			}
			u.d.pacing.spend(now)
		}
		u.d.roll.vouching = false
		beat.told(now, online)
	}
	return beat.next(every)
}

// attend has meters come and go on the platform, as they do on their lines.
func (u *Uplink) attend(c *conn, looked *time.Time, now time.Time) {
	if _, ok := u.Platform.(Leaver); !ok || now.Sub(*looked) < statusLook || len(u.replies) > 0 {
		return
	}
	*looked = now
	for _, l := range u.d.attend(now, u.Meters()) {
		if l.message.Topic != "" {
			u.reply(l.message) // at the platform's pace
		}
		c.unsubscribe(l.topics)
	}
}

// account takes the delivery's account over for the console, and moves the
// cursor in the ring.
func (u *Uplink) account() {
	u.Alive()
	cursor, queued := u.d.cursor(), u.d.queued()
	if err := u.Ring.SetCursor(u.Name, cursor); err != nil {
		u.Log.Error("cursor", "uplink", u.Name, "err", err)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	s := &u.state
	s.Flooded = u.flooded
	s.Held, s.Twin = s.Connected && u.d.held(), s.Connected && u.d.verdicts.suspects.twin(time.Now())
	s.Queued, s.Outstanding, s.Cursor, s.Counts = queued, len(u.d.window.sent), cursor, u.d.count
	s.Counts.Codes, s.Counts.WithheldOf = maps.Clone(u.d.count.Codes), maps.Clone(u.d.count.WithheldOf)
	s.Unregistered = u.d.roll.unregistered()
}

// Settle moves the cursor to where the delivery ended, after Run.
func (u *Uplink) Settle() { u.account() }

func (u *Uplink) up(now time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.state.Connected, u.state.Since, u.state.LastErr, u.state.Hint = true, now, "", dlt645.Text{}
}

// date gives a reading its time. One that was taken while the clock was
// doubted is dated by the time since the start of the system, or by a record
// of an earlier start that was made when the clock was trusted.
func (u *Uplink) date(r *meter.Reading, now time.Time, seq uint64) dated {
	if r.Trusted || u.Clock == nil {
		return datedNow
	}
	trusted, boot, uptime := u.Clock(now)
	switch {
	case r.Boot == 0:
		return datedNever
	case boot != r.Boot:
		began, ok := u.anchor(r.Boot, seq)
		if !ok {
			return datedNever
		}
		r.Date(began)
		return datedNow
	case !trusted:
		return datedLater
	}
	r.Date(now.Add(-uptime))
	return datedNow
}
