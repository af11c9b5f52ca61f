// Package site sets up what the tests of a delivery need: a ring, an embedded
// broker with a simulated platform behind it, and an uplink between them.
package site

import (
	"context"
	"encoding"
	"path/filepath"
	"testing"
	"time"

	"meterd/dlt645"
	"meterd/meter"
	"meterd/store"
	"meterd/uplink"
	"meterd/uplink/uplinktest"
)

// Config says what a site is made of.
type Config struct {
	Dialect  uplink.Platform     // that is tested
	Platform uplinktest.Platform // the simulated one
	Allow    func(clientID, username, password string) bool
	// Subscribed, Unsubscribed, Published and Opens are those of uplinktest.Rules.
	Subscribed   func(clientID, filter string) bool
	Published    func(clientID, topic string, retained bool)
	Unsubscribed func(clientID, filter string)
	Opens        func(*uplinktest.Broker)
	// Reach gives another way to the broker, such as a proxy; nil: directly.
	Reach  func(addr string) string
	Size   int64       // of the ring; 0: the least
	Fill   func(*Site) // before the uplink starts; nil: nothing
	Window int         // 0: the uplink's own
	// Wait is for an answer, before a message goes out again; 0: the uplink's own.
	// A test that counts what came twice sets none that a busy machine may outlast.
	Wait time.Duration
	// Do carries commands out, one after the other; nil: none is.
	Do     func(meter.Command) meter.Result
	Meters func() []meter.MeterState // nil: none
	Adjust func(*uplink.Config)      // anything else; nil: nothing
}

// Site is what stands.
type Site struct {
	Ring     *store.Ring
	Uplink   *uplink.Uplink
	Broker   *uplinktest.Broker
	Attached *uplinktest.Attachment

	end func()
}

const secret = "the platform's own"

// New sets it up; it ends with the test.
func New(t testing.TB, c Config) *Site {
	t.Helper()
	s := &Site{}
	var err error
	if s.Broker, err = uplinktest.NewBroker("127.0.0.1:0", secret, uplinktest.Rules{Allow: c.Allow, Subscribe: c.Subscribed, Unsubscribed: c.Unsubscribed, Published: c.Published, Opens: c.Opens}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Broker.Close() })
	if s.Attached, err = uplinktest.AttachEmbedded(c.Platform, s.Broker.Addr(), secret); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Attached.Close)
	size := max(c.Size, store.MinSize)
	if s.Ring, err = store.Open(filepath.Join(t.TempDir(), "ring"), store.Options{Geometry: store.Geometry{Size: size}, Flush: time.Minute}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Ring.Close() })
	if c.Fill != nil {
		c.Fill(s)
	}
	addr := s.Broker.Addr()
	if c.Reach != nil {
		addr = c.Reach(addr)
	}
	conf := uplink.Config{
		Name: "u", Endpoint: uplink.Endpoint{URL: "tcp://" + addr}, Ring: s.Ring, FromOldest: true, Window: c.Window, Timeout: c.Wait,
		Platform: c.Dialect, Meters: c.Meters,
	}
	if c.Do != nil {
		conf.Ask = func(cmd meter.Command, done func(meter.Result)) { done(c.Do(cmd)) }
	}
	if conf.Meters == nil {
		conf.Meters = func() []meter.MeterState { return nil }
	}
	if c.Adjust != nil {
		c.Adjust(&conf)
	}
	if s.Uplink, err = uplink.New(conf); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Uplink.Run(ctx)
	}()
	s.end = func() {
		cancel()
		<-done
	}
	t.Cleanup(s.end)
	return s
}

// End ends the uplink as the end of the daemon does.
func (s *Site) End() { s.end() }

// Add puts a reading or an event into the ring, and gives its number.
func (s *Site) Add(t testing.TB, r encoding.BinaryAppender) uint64 {
	t.Helper()
	b, err := r.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	seq, err := s.Ring.Append(b)
	if err != nil {
		t.Fatal(err)
	}
	return seq
}

// mostWait is the longest that a test waits for anything.
const mostWait = time.Minute

// Drained waits until all of the ring is delivered, and the uplink's state
// shows it.
func (s *Site) Drained(t testing.TB) {
	t.Helper()
	s.Until(t, "drained", func() bool { return s.Uplink.State().Cursor == s.Ring.Last() })
}

// Until waits for anything.
func (s *Site) Until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(mostWait); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("not %s: %+v", what, s.Uplink.State())
}

// Publish sends a message as the platform.
func (s *Site) Publish(t testing.TB, o uplinktest.Out) {
	t.Helper()
	if err := s.Attached.Publish(o); err != nil {
		t.Fatal(err)
	}
}

// Directory makes a directory for a test; its clashes end the test.
func Directory(t testing.TB, c uplink.DirectoryConfig) *uplink.Directory {
	t.Helper()
	d, clashes := uplink.NewDirectory(c)
	if len(clashes) > 0 {
		t.Fatal(clashes)
	}
	return d
}

// Meter is a device of that address and id, "" for the address.
func Meter(a dlt645.Address, id string) uplink.Device {
	if id == "" {
		id = a.String()
	}
	return uplink.Device{Meter: &meter.Handle{Name: "meter " + a.String(), Address: a}, ID: id}
}
