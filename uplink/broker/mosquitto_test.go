package broker_test

import (
	"context"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"meterd/store"
	"meterd/uplink"
	"meterd/uplink/broker"
	"meterd/uplink/uplinktest"
	"meterd/uplink/uplinktest/site"
)

const secret = "the consumer's own"

// real is a site with a real broker.
type real struct {
	site.Site
	mosquitto *uplinktest.Mosquitto
	consumer  *uplinktest.Consumer
}

// through delivers a ring through mosquitto.
func through(t *testing.T, conf broker.Config) *real {
	t.Helper()
	conf.Username, conf.Password = "gw0001", "secret"
	r := &real{consumer: &uplinktest.Consumer{Gateway: conf.Gateway, Prefix: conf.Prefix, Layout: conf.Layout, Reply: conf.Acknowledge == broker.AcknowledgeReply}}
	var err error
	if r.mosquitto, err = uplinktest.NewMosquitto(t.TempDir(), map[string]string{"gw0001": "secret", "consumer": secret}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.mosquitto.Stop)
	if r.Attached, err = uplinktest.Attach(r.consumer, r.mosquitto.Addr(), "consumer", secret); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Attached.Close)
	if r.Ring, err = store.Open(filepath.Join(t.TempDir(), "ring"), store.Options{Geometry: store.Geometry{Size: store.MinSize}, Flush: time.Minute}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Ring.Close() })
	line := &site.Line{}
	u := uplink.Config{
		Name: "own", Endpoint: uplink.Endpoint{URL: "tcp://" + r.mosquitto.Addr()}, Ring: r.Ring, FromOldest: true, Timeout: time.Second,
		Platform: broker.New(conf), Meters: line.Meters,
	}
	if r.Uplink, err = uplink.New(u); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.Uplink.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return r
}

// stored waits until the consumer has n values, and wants no more, and nothing
// that is wrong.
func (r *real) stored(t *testing.T, n int) uplinktest.ConsumerSeen {
	t.Helper()
	r.Drained(t)
	r.Until(t, "stored", func() bool { return len(r.consumer.Seen().Values) >= n })
	seen := r.consumer.Seen()
	for _, v := range seen.Violations {
		t.Error("violation:", v)
	}
	if len(seen.Values) != n {
		t.Errorf("%d values, want %d", len(seen.Values), n)
	}
	return seen
}

// client is another one of the same broker.
func (r *real) client(t *testing.T, id string, set func(*paho.ClientOptions)) paho.Client {
	t.Helper()
	o := paho.NewClientOptions().AddBroker("tcp://" + r.mosquitto.Addr()).SetClientID(id).SetUsername("consumer").SetPassword(secret).SetAutoReconnect(false).SetWriteTimeout(10 * time.Second)
	if set != nil {
		set(o)
	}
	c := paho.NewClient(o)
	if tok := c.Connect(); !tok.WaitTimeout(10*time.Second) || tok.Error() != nil {
		t.Fatal(tok.Error())
	}
	t.Cleanup(func() { c.Disconnect(0) })
	return c
}

// TestMosquittoKeepsTheStatesAlone: its PUBACKs acknowledge a backlog, and who
// comes later finds what was meant to be kept, and nothing else.
func TestMosquittoKeepsTheStatesAlone(t *testing.T) {
	t.Parallel()
	r := through(t, plain(broker.LayoutJSON, broker.AcknowledgePuback, directory(t, 3)))
	backlog(t, 100)(&r.Site)
	r.stored(t, 3*3*100)
	r.Until(t, "announced", func() bool { return r.consumer.Seen().Announced == 4 })
	came := make(chan paho.Message, 1000)
	late := r.client(t, "late", nil)
	if tok := late.Subscribe("#", 1, func(_ paho.Client, m paho.Message) { came <- m }); !tok.WaitTimeout(10*time.Second) || tok.Error() != nil {
		t.Fatal(tok.Error())
	}
	// What was kept comes before what is published from now on.
	if tok := late.Publish("end", 1, false, "end"); !tok.WaitTimeout(10*time.Second) || tok.Error() != nil {
		t.Fatal(tok.Error())
	}
	var kept []string
	for m := range came {
		if m.Topic() == "end" {
			break
		}
		if m.Retained() {
			kept = append(kept, m.Topic())
		}
	}
	slices.Sort(kept)
	want := []string{"homeassistant/device/meterd_gw0001/config"}
	for i := range 3 {
		want = append(want, "homeassistant/device/meterd_gw0001_"+address(i).String()+"/config")
	}
	want = append(want, base+"/info", base+"/status")
	slices.Sort(want)
	if !slices.Equal(kept, want) {
		t.Errorf("kept are %v, want %v", kept, want)
	}
}

// TestMosquittoIsKilledWhileAConsumerAnswers: its memory is lost, and with it
// what it has acknowledged. Nothing that the consumer did not answer counts, so
// nothing is lost, and what comes twice is the same.
func TestMosquittoIsKilledWhileAConsumerAnswers(t *testing.T) {
	t.Parallel()
	r := through(t, plain(broker.LayoutJSON, broker.AcknowledgeReply, directory(t, 3)))
	want := 0
	for range 2 {
		before := len(r.consumer.Seen().Values)
		backlog(t, 200)(&r.Site)
		want = 3 * 3 * 200 // the same readings again: known by meter, time and name
		r.Until(t, "delivering", func() bool { return len(r.consumer.Seen().Values)+r.consumer.Seen().Repeats > before })
		time.Sleep(rand.N(20 * time.Millisecond))
		r.mosquitto.Stop()
		if err := r.mosquitto.Start(); err != nil {
			t.Fatal(err)
		}
	}
	seen := r.stored(t, want)
	t.Logf("%d values, %d came again, %d messages under the id that they had", len(seen.Values), seen.Repeats, seen.Resent)
}

// TestConsumerThatIsGoneIsToldByItsWill: then nothing is delivered, and all is
// when it is back.
func TestConsumerThatIsGoneIsToldByItsWill(t *testing.T) {
	t.Parallel()
	const topic = "meterd/consumer/status"
	r := through(t, plain(broker.LayoutJSON, broker.AcknowledgeOnline, directory(t, 3)))
	arrive := func() paho.Client {
		c := r.client(t, "stores", func(o *paho.ClientOptions) { o.SetWill(topic, "offline", 1, true) })
		if tok := c.Publish(topic, 1, true, "online"); !tok.WaitTimeout(10*time.Second) || tok.Error() != nil {
			t.Fatal(tok.Error())
		}
		return c
	}
	arrive()
	backlog(t, 10)(&r.Site)
	r.stored(t, 3*3*10)
	// Another client of the name ends it without a good-bye, and says nothing.
	r.client(t, "stores", func(o *paho.ClientOptions) { o.SetWill(topic, "offline", 1, true) })
	r.Publish(t, r.consumer.Command("1", "nobody", `"op":"freeze"`))
	r.Until(t, "answered", func() bool { return len(r.consumer.Seen().Answers) == 1 })
	r.Add(t, reading(0, time.Unix(1800000000, 0), 2300))
	r.Publish(t, r.consumer.Command("2", "nobody", `"op":"freeze"`))
	r.Until(t, "answered", func() bool { return len(r.consumer.Seen().Answers) == 2 })
	r.Until(t, "the state shows what waits", func() bool { return r.Uplink.State().Queued == 1 }) // an answer goes out before the state is told
	if seen, s := r.consumer.Seen(), r.Uplink.State(); len(seen.Values) != 3*3*10 || s.Queued != 1 || s.Outstanding != 0 || !s.Connected || !s.Held {
		t.Errorf("nobody stores, and %d values came; %+v", len(seen.Values), s)
	}
	arrive()
	seen := r.stored(t, 3*3*10+3)
	if last := seen.Values[len(seen.Values)-1]; !strings.HasPrefix(last.Meter, "2024") || last.Millis != 1800000000000 {
		t.Errorf("the last is %+v", last)
	}
}
