package desk

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"meterd/dlt645"
	"meterd/dlt645/dlt645test"
	"meterd/meter"
	"meterd/store"
)

// bench is a desk over simulated lines, in a bubble of fake time.
type bench struct {
	t      *testing.T
	path   string // of the ring
	ring   *store.Ring
	desk   *Desk
	meters []*dlt645test.Meter
	all    []*meter.Handle
	lines  []*dlt645test.Line
	ends   []*dlt645test.End
	stop   context.CancelFunc
	done   chan struct{}

	trusted bool
	mu      sync.Mutex
	sent    []dlt645.Frame      // 1CH, 14H, 16H, 19H and 08H, as they came to the meters
	tap     func(dlt645.Frame)  // told of them, with mu held
	results map[string][]string // outcomes by id
	late    []string            // answers to commands of before the start; guarded by mu
	told    []meter.PointValue  // in readings out of turn; guarded by mu
}

func (b *bench) take(r meter.Reading) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.told = append(b.told, r.Values...)
}

// allowed are all operations.
var allowed = meter.Operations

// newBench has that many meters on each line; change, if not nil, changes the
// first one's handle. The ring is at path, "" for a new one.
func newBench(t *testing.T, path string, change func(*meter.Handle), perLine ...int) *bench {
	return newBenchOf(t, path, func(e *meter.Event) { e.Trusted = true }, change, perLine...)
}

// stampOf dates events as the station does, in a start of the system that began
// at a moment of the clock that there is now.
func stampOf(boot uint32, began time.Time) func(*meter.Event) {
	return func(e *meter.Event) { e.Trusted, e.Boot, e.Uptime = true, boot, e.Time.Sub(began) }
}

func newBenchOf(t *testing.T, path string, stamp func(*meter.Event), change func(*meter.Handle), perLine ...int) *bench {
	t.Helper()
	b := &bench{t: t, path: path, trusted: true, results: map[string][]string{}}
	if path == "" {
		b.path = filepath.Join(t.TempDir(), "ring")
	}
	var err error
	if b.ring, err = store.Open(b.path, store.Options{Geometry: store.Geometry{Size: store.MinSize}, Flush: time.Hour, Codec: meter.Packing{}}); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	b.stop = stop
	var pollers []*meter.Poller
	n := byte(0)
	for i, count := range perLine {
		ours, theirs := dlt645test.Pipe()
		line := &dlt645test.Line{Baud: 9600}
		var handles []*meter.Handle
		for range count {
			n++
			m := dlt645test.NewMeter(dlt645.Address{0x20, 0x24, 0x11, 0x20, 0x01, n}, 3)
			h := &meter.Handle{
				Name: fmt.Sprintf("m%d", n), Address: m.Address, Bus: fmt.Sprintf("b%d", i+1), Access: dlt645.Access{Password: dlt645test.DefaultPassword},
				HasPassword: true, Allow: allowed,
			}
			if n == 1 && change != nil {
				change(h)
			}
			line.Meters, handles = append(line.Meters, m), append(handles, h)
		}
		line.Tap = b.hear
		b.meters, b.all, b.lines, b.ends = append(b.meters, line.Meters...), append(b.all, handles...), append(b.lines, line), append(b.ends, theirs)
		bus := meter.NewBus(fmt.Sprintf("b%d", i+1), meter.Timing{Baud: 9600, Preamble: 4, Timeout: 500 * time.Millisecond}, func() (meter.Port, error) { return ours, nil }, nil)
		pollers = append(pollers, meter.NewPoller(meter.PollerConfig{Bus: bus, Meters: handles, Sink: b.take}))
		go line.Serve(ctx, theirs)
	}
	b.desk = New(Config{
		Meters: b.all, Lines: pollers, Points: &meter.Points{}, Ring: b.ring, Age: 2 * time.Minute,
		Answer: func(c meter.Command, r meter.Result) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.late = append(b.late, fmt.Sprintf("%s %s of %s by %s: %s", c.ID, c.Op, c.Meter.Name, c.By, r.Outcome))
		},
		Stamp: stamp, Trusted: func(time.Time) bool { return b.trusted }, Log: slog.New(slog.DiscardHandler),
	})
	b.done = make(chan struct{})
	go func() {
		defer close(b.done)
		b.desk.Run(ctx)
	}()
	synctest.Wait()
	return b
}

// end ends all of it; the ring's file stays.
func (b *bench) end() {
	b.stop()
	<-b.done
	for _, e := range b.ends {
		e.Close()
	}
	synctest.Wait()
	if err := b.ring.Close(); err != nil {
		b.t.Error(err)
	}
}

// hear notes what changes something.
func (b *bench) hear(e dlt645test.Event) {
	switch e.Frame.Control {
	case dlt645.Control(dlt645.FuncControl), dlt645.Control(dlt645.FuncWrite), dlt645.Control(dlt645.FuncFreeze), dlt645.Control(dlt645.FuncDemandReset), dlt645.Control(dlt645.FuncBroadcastTime):
		b.mu.Lock()
		defer b.mu.Unlock()
		b.sent = append(b.sent, e.Frame)
		if b.tap != nil {
			b.tap(e.Frame)
		}
	}
}

// frames is how many frames changed something, or were to.
func (b *bench) frames() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.sent)
}

// ask asks as the platform "u" does.
func (b *bench) ask(c meter.Command) {
	if c.By == "" {
		c.By = "u"
	}
	b.desk.Ask(c, func(r meter.Result) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.results[c.ID] = append(b.results[c.ID], r.Outcome.String())
	})
}

// answered gives the outcomes of an id, once nothing happens any more.
func (b *bench) answered(id string) []string {
	b.t.Helper()
	time.Sleep(2 * time.Minute)
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.results[id]
}

// records gives the commands in the ring, the oldest first.
func (b *bench) records() (out []string) {
	rd := b.ring.NewReader(0)
	for e, ok := rd.Next(); ok; e, ok = rd.Next() {
		var ev meter.Event
		if e.Gap != nil || ev.UnmarshalBinary(e.Data) != nil {
			continue
		}
		stage := "refused"
		if ev.Command != nil {
			stage = ev.Command.ID
			if !ev.Command.Done {
				stage += " intent"
			}
		}
		out = append(out, fmt.Sprintf("%s %s %s: %s", stage, ev.By, ev.Kind, ev.Text))
	}
	return out
}

func trip(h *meter.Handle, id string) meter.Command {
	return meter.Command{Op: meter.OpRelay, Meter: h, Relay: dlt645.CommandTrip, ID: id}
}

func closing(h *meter.Handle, id string) meter.Command {
	return meter.Command{Op: meter.OpRelay, Meter: h, Relay: dlt645.CommandClose, ID: id}
}

// copyRing copies a ring as it is on flash at this moment: what a kill leaves.
func copyRing(t *testing.T, from string) string {
	t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), "ring")
	if err := os.WriteFile(to, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return to
}
