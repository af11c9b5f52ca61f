package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"meterd/dlt645"
	"meterd/meter"
	"meterd/store"
	"meterd/uplink"
	"meterd/uplink/broker"
	"meterd/uplink/uplinktest"
)

const (
	size    = 3 // nodes
	rounds  = 3
	round   = 3000 // readings
	gateway = "gw0001"
	all     = "meterd/" + gateway + "/#"
	look    = 20 * time.Millisecond
)

var address = dlt645.Address{0x20, 0x24, 0x11, 0x20, 0x01, 0x01}

// Picture is what a play looks like at a moment.
type Picture struct {
	Phase    string
	Elapsed  time.Duration
	Nodes    []string // where each speaks MQTT
	Up       []bool
	Taken    int // readings that the board has
	State    uplink.State
	Stored   int // readings that the consumer has
	Repeats  int // of them that came again
	Resent   int // messages that came again under their id
	Happened []string
}

// Verdict is what a play has shown.
type Verdict struct {
	Readings, Stored, Repeats, Resent, Sent int // Sent: messages that meterd sent again
	Violations                              []string
	Stayed                                  []string // nodes that were killed under meterd, which stayed with them
}

// Err tells what is wrong.
func (v Verdict) Err() error {
	if v.Stored != v.Readings || len(v.Violations)+len(v.Stayed) > 0 {
		return fmt.Errorf("%d of %d readings are stored; meterd stayed on %v; violations: %v", v.Stored, v.Readings, v.Stayed, v.Violations)
	}
	return nil
}

// String tells it.
func (v Verdict) String() string {
	return fmt.Sprintf("%d of %d readings are stored, %d came again, %d messages came again under the id that they had, %d were sent again", v.Stored, v.Readings, v.Repeats, v.Resent, v.Sent)
}

// play is one run.
type play struct {
	cluster  *Cluster
	up       []bool
	consumer *uplinktest.Consumer
	ring     *store.Ring
	uplink   *uplink.Uplink
	taken    int
	began    time.Time
	phase    string
	happened []string
	show     func(Picture)
}

// Play has meterd deliver a backlog through three nodes, of which one at a time
// is killed in the middle: the one that meterd is on, another one, and again the
// one that it is on. A PUBACK counts as delivered, for the cluster gives it when
// a quorum of disks has the message. Every reading arrives. Show is called all
// the time; files lie in dir.
func Play(ctx context.Context, dir string, show func(Picture)) (Verdict, error) {
	c, err := New(dir, size)
	if err != nil {
		return Verdict{}, err
	}
	p := &play{cluster: c, up: make([]bool, size), consumer: &uplinktest.Consumer{Gateway: gateway, Prefix: "meterd", Layout: "json"}, began: time.Now(), phase: "the nodes start", show: show}
	for i := range size {
		defer c.Kill(i)
		if err := p.start(i); err != nil {
			return Verdict{}, err
		}
	}
	client, err := p.consume(ctx)
	if err != nil {
		return Verdict{}, err
	}
	defer client.Disconnect(100)
	end, err := p.deliver(filepath.Join(dir, "ring"))
	if err != nil {
		return Verdict{}, err
	}
	defer end()
	return p.run(ctx)
}

func (p *play) start(i int) error {
	p.up[i] = true
	return p.cluster.Start(i)
}

// until waits for something, and shows how it goes.
func (p *play) until(ctx context.Context, most time.Duration, what string, ok func() bool) error {
	for end := time.Now().Add(most); !ok(); {
		if time.Now().After(end) {
			return fmt.Errorf("not within %v: %s", most, what)
		}
		p.show(p.picture())
		t := time.NewTimer(look)
		select {
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		case <-t.C:
		}
	}
	return nil
}

func (p *play) picture() Picture {
	seen := p.consumer.Seen()
	pic := Picture{Phase: p.phase, Elapsed: time.Since(p.began), Up: p.up, Taken: p.taken, Stored: len(seen.Values), Repeats: seen.Repeats, Resent: seen.Resent, Happened: p.happened}
	for i := range size {
		pic.Nodes = append(pic.Nodes, p.cluster.Addr(i))
	}
	if p.uplink != nil {
		pic.State = p.uplink.State()
	}
	return pic
}

// consume connects a consumer with a session that the cluster keeps, so that
// what it has acknowledged waits for it on a quorum of disks. It connects again
// by itself, to whichever node there is.
func (p *play) consume(ctx context.Context) (paho.Client, error) {
	o := paho.NewClientOptions().SetClientID("consumer").SetCleanSession(false).SetProtocolVersion(4).
		SetAutoReconnect(true).SetMaxReconnectInterval(time.Second).SetConnectTimeout(5 * time.Second).SetKeepAlive(5 * time.Second).SetPingTimeout(5 * time.Second).SetOrderMatters(true)
	for i := range size {
		o.AddBroker("tcp://" + p.cluster.Addr(size-1-i)) // the last first
	}
	take := func(_ paho.Client, m paho.Message) { p.consumer.Receive(m.Topic(), m.Payload(), time.Now()) }
	o.SetDefaultPublishHandler(take)
	var client paho.Client
	err := p.until(ctx, time.Minute, "a consumer is subscribed", func() bool {
		client = paho.NewClient(o)
		if tok := client.Connect(); !tok.WaitTimeout(5*time.Second) || tok.Error() != nil {
			client.Disconnect(0)
			return false
		}
		tok := client.Subscribe(all, 1, take)
		if tok.WaitTimeout(10*time.Second) && tok.Error() == nil && tok.(*paho.SubscribeToken).Result()[all] == 1 {
			return true
		}
		client.Disconnect(0)
		return false
	})
	return client, err
}

// deliver runs an uplink of the product to the list of nodes; end ends it.
func (p *play) deliver(path string) (end func(), err error) {
	if p.ring, err = store.Open(path, store.Options{Geometry: store.Geometry{Size: 16 << 20}, Flush: time.Minute}); err != nil {
		return nil, err
	}
	dir, clashes := uplink.NewDirectory(uplink.DirectoryConfig{Devices: []uplink.Device{{Meter: &meter.Handle{Name: "Unit 101", Address: address}, ID: address.String()}}})
	if len(clashes) > 0 {
		return nil, fmt.Errorf("clashes: %v", clashes)
	}
	conf := uplink.Config{
		Name: "own", Ring: p.ring, FromOldest: true, Timeout: 2 * time.Second, Window: 4, Meters: func() []meter.MeterState { return nil },
		Platform: broker.New(broker.Config{Gateway: gateway, ClientID: gateway, Layout: broker.LayoutJSON, Prefix: "meterd", Acknowledge: broker.AcknowledgePuback, Directory: dir}),
	}
	for i := range size {
		if at := "tcp://" + p.cluster.Addr(i); i == 0 {
			conf.Endpoint.URL = at
		} else {
			conf.Endpoint.More = append(conf.Endpoint.More, at)
		}
	}
	if p.uplink, err = uplink.New(conf); err != nil {
		return nil, errors.Join(err, p.ring.Close())
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.uplink.Run(ctx)
	}()
	return func() {
		cancel()
		<-ended
		p.ring.Close()
	}, nil
}

// add has the board take readings.
func (p *play) add(n int) error {
	for range n {
		p.taken++
		r := meter.Reading{Meter: address, Time: time.Unix(1700000000+int64(p.taken), 0), Trusted: true, Values: []meter.PointValue{{Point: "voltage.a", Value: dlt645.Value{Kind: dlt645.Number, Dec: dlt645.Decimal{Coef: int64(p.taken), Scale: 1}}}}}
		b, err := r.AppendBinary(nil)
		if err == nil {
			_, err = p.ring.Append(b)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// used is the node that meterd is on.
func (p *play) used() int {
	for i := range size {
		if strings.HasSuffix(p.uplink.State().Broker, p.cluster.Addr(i)) {
			return i
		}
	}
	return 0
}

func (p *play) run(ctx context.Context) (v Verdict, err error) {
	for n := range rounds {
		p.phase = fmt.Sprintf("round %d of %d: delivering", n+1, rounds)
		before := p.uplink.State().Counts.Acked // some may be acknowledged before all are added
		if err := p.add(round); err != nil {
			return v, err
		}
		if err := p.until(ctx, 2*time.Minute, "delivering", func() bool { return p.uplink.State().Counts.Acked > before }); err != nil {
			return v, err
		}
		used := p.used()
		at := used
		if n == 1 {
			at = (at + 1) % size // another one than meterd's, perhaps the consumer's or a leader
		}
		p.up[at] = false
		p.cluster.Kill(at)
		p.phase = fmt.Sprintf("round %d of %d: n%d is KILLED, meterd was on n%d", n+1, rounds, at+1, used+1)
		if err := p.until(ctx, 3*time.Minute, fmt.Sprintf("round %d is delivered", n+1), func() bool { return p.uplink.State().Cursor == p.ring.Last() }); err != nil {
			return v, err
		}
		// Where all was delivered before the node died, its death is still to be noticed.
		left := func() bool { return at != used || p.used() != used }
		if err := p.until(ctx, time.Minute, "meterd leaves the node", left); err != nil {
			if ctx.Err() != nil {
				return v, err
			}
			v.Stayed = append(v.Stayed, fmt.Sprintf("n%d", used+1))
		}
		p.happened = append(p.happened, fmt.Sprintf("n%d was killed while meterd was on n%d; all was delivered, at the end to n%d", at+1, used+1, p.used()+1))
		if err := p.start(at); err != nil {
			return v, err
		}
	}
	p.phase = "the consumer gets the rest"
	err = p.until(ctx, 3*time.Minute, "all are stored", func() bool { return len(p.consumer.Seen().Values) == p.taken })
	p.phase = "all are stored"
	p.show(p.picture())
	seen := p.consumer.Seen()
	v.Readings, v.Stored, v.Repeats, v.Resent, v.Sent, v.Violations = p.taken, len(seen.Values), seen.Repeats, seen.Resent, p.uplink.State().Counts.Resent, seen.Violations
	return v, err
}

// Serve runs a cluster in dir until the context ends; ready is told where its
// nodes speak MQTT when all of them do.
func Serve(ctx context.Context, dir string, ready func(addrs []string)) error {
	c, err := New(dir, size)
	if err != nil {
		return err
	}
	var addrs []string
	for i := range size {
		defer c.Kill(i)
		if err := c.Start(i); err != nil {
			return err
		}
		addrs = append(addrs, c.Addr(i))
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		if takes(addrs) {
			break
		}
		if ctx.Err() != nil {
			return nil
		}
		if time.Now().After(end) {
			return errors.New("the cluster does not take messages within a minute")
		}
	}
	ready(addrs)
	<-ctx.Done()
	return nil
}

// takes reports whether each node admits a client and acknowledges a message.
func takes(addrs []string) bool {
	for _, addr := range addrs {
		c := paho.NewClient(paho.NewClientOptions().AddBroker("tcp://" + addr).SetClientID(fmt.Sprint("probe-", os.Getpid())).SetConnectTimeout(5 * time.Second))
		if tok := c.Connect(); !tok.WaitTimeout(5*time.Second) || tok.Error() != nil {
			return false
		}
		tok := c.Publish("probe", 1, false, "probe")
		ok := tok.WaitTimeout(5*time.Second) && tok.Error() == nil
		c.Disconnect(0)
		if !ok {
			return false
		}
	}
	return true
}
