package cluster

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"meterd/dlt645"
	"meterd/meter"
	"meterd/store"
	"meterd/uplink"
	"meterd/uplink/broker"
	"meterd/uplink/uplinktest"
)

func TestMain(m *testing.M) {
	RunAsNode()
	os.Exit(m.Run())
}

const (
	nodes = 3
	all   = "meterd/gw0001/#"
)

var address = dlt645.Address{0x20, 0x24, 0x11, 0x20, 0x01, 0x01}

func until(t *testing.T, what string, most time.Duration, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(most); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s", most, what)
		}
	}
}

// consume connects a consumer with a session that the cluster keeps, so that
// what it has acknowledged waits for it on a quorum of disks. It connects again
// by itself, to whichever node there is.
func consume(t *testing.T, c *Cluster, p *uplinktest.Consumer) {
	t.Helper()
	o := paho.NewClientOptions().SetClientID("consumer").SetCleanSession(false).SetProtocolVersion(4).
		SetAutoReconnect(true).SetMaxReconnectInterval(time.Second).SetConnectTimeout(5 * time.Second).SetKeepAlive(5 * time.Second).SetPingTimeout(5 * time.Second).SetOrderMatters(true)
	for i := range nodes {
		o.AddBroker("tcp://" + c.Addr(nodes-1-i)) // the last first
	}
	take := func(_ paho.Client, m paho.Message) { p.Receive(m.Topic(), m.Payload(), time.Now()) }
	o.SetDefaultPublishHandler(take)
	var client paho.Client
	until(t, "a consumer is subscribed", time.Minute, func() bool {
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
	t.Cleanup(func() { client.Disconnect(100) })
}

// TestNodesAreKilled: a backlog goes through three nodes, of which one at a
// time is killed in the middle: the one that meterd is on, then that and the
// others in turn. A PUBACK counts as delivered, for the cluster gives it when a
// quorum of disks has the message. Every reading arrives.
func TestNodesAreKilled(t *testing.T) {
	c, err := New(t.TempDir(), nodes)
	if err != nil {
		t.Fatal(err)
	}
	for i := range nodes {
		if err := c.Start(i); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Kill(i) })
	}
	p := &uplinktest.Consumer{Gateway: "gw0001", Prefix: "meterd", Layout: "json"}
	consume(t, c, p)

	ring, err := store.Open(filepath.Join(t.TempDir(), "ring"), store.Options{Geometry: store.Geometry{Size: 16 << 20}, Flush: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer ring.Close()
	dir, clashes := uplink.NewDirectory(uplink.DirectoryConfig{Devices: []uplink.Device{{Meter: &meter.Handle{Name: "Unit 101", Address: address}, ID: address.String()}}})
	if len(clashes) > 0 {
		t.Fatal(clashes)
	}
	conf := uplink.Config{
		Name: "own", Ring: ring, FromOldest: true, Timeout: 2 * time.Second, Window: 4, Meters: func() []meter.MeterState { return nil },
		Platform: broker.New(broker.Config{Gateway: "gw0001", ClientID: "gw0001", Layout: broker.LayoutJSON, Prefix: "meterd", Acknowledge: broker.AcknowledgePuback, Directory: dir}),
	}
	for i := range nodes {
		if at := "tcp://" + c.Addr(i); i == 0 {
			conf.Endpoint.URL = at
		} else {
			conf.Endpoint.More = append(conf.Endpoint.More, at)
		}
	}
	u, err := uplink.New(conf)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	add := func(count int) {
		for range count {
			n++
			r := meter.Reading{Meter: address, Time: time.Unix(1700000000+int64(n), 0), Trusted: true, Values: []meter.PointValue{{Point: "voltage.a", Value: dlt645.Value{Kind: dlt645.Number, Dec: dlt645.Decimal{Coef: int64(n), Scale: 1}}}}}
			b, err := r.AppendBinary(nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := ring.Append(b); err != nil {
				t.Fatal(err)
			}
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		u.Run(ctx)
	}()
	defer func() {
		cancel()
		<-ended
	}()
	for round := range 3 {
		add(3000)
		before := u.State().Counts.Acked
		until(t, "delivering", 2*time.Minute, func() bool { return u.State().Counts.Acked > before })
		used := u.State().Broker
		at := 0
		for i := range nodes {
			if strings.HasSuffix(used, c.Addr(i)) {
				at = i
			}
		}
		if round == 1 {
			at = (at + 1) % nodes // another one than meterd's, perhaps the consumer's or a leader
		}
		c.Kill(at)
		t.Logf("round %d: n%d is killed, meterd was on %s", round+1, at+1, used)
		until(t, fmt.Sprintf("round %d is delivered", round+1), 3*time.Minute, func() bool { return u.State().Cursor == ring.Last() })
		if round != 1 && u.State().Broker == used {
			t.Errorf("meterd is still on %s", used)
		}
		if err := c.Start(at); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "all are stored", 3*time.Minute, func() bool { return len(p.Seen().Values) == n })
	seen := p.Seen()
	for _, v := range seen.Violations {
		t.Error("violation:", v)
	}
	t.Logf("%d readings, %d values came twice, %d messages under the id that they had, %d sent again", n, seen.Repeats, seen.Resent, u.State().Counts.Resent)
}
