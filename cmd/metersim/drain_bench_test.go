package main

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"meterd/dlt645"
	"meterd/meter"
	"meterd/store"
	"meterd/uplink"
	"meterd/uplink/das"
	"meterd/uplink/tuya"
	"meterd/uplink/uplinktest"
	"meterd/uplink/uplinktest/site"
)

var drainMeter = dlt645.Address{0x20, 0x24, 0x11, 0x20, 0x01, 0x01}

// filled is a ring with n readings of one value each.
func filled(b *testing.B, size int64, n int) *store.Ring {
	b.Helper()
	ring, err := store.Open(filepath.Join(b.TempDir(), "ring"), store.Options{Geometry: store.Geometry{Size: size}, Flush: time.Minute})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { ring.Close() })
	for i := range n {
		put(b, ring, time.Unix(1700000000+int64(i), 0))
		if i%4096 == 4095 || i == n-1 {
			if err := ring.Flush(); err != nil {
				b.Fatal(err)
			}
		}
	}
	return ring
}

func put(b *testing.B, ring *store.Ring, at time.Time) {
	b.Helper()
	r := meter.Reading{Meter: drainMeter, Time: at, Round: at, Trusted: true, Values: []meter.PointValue{
		{Point: "frequency", Value: dlt645.Value{Kind: dlt645.Number, Dec: dlt645.Decimal{Coef: 5000, Scale: 2}}}}}
	rec, err := r.AppendBinary(nil)
	if err == nil {
		_, err = ring.Append(rec)
	}
	if err != nil {
		b.Fatal(err)
	}
}

// runUplink runs an uplink; the returned function ends it.
func runUplink(b *testing.B, addr string, ring *store.Ring, window int, p uplink.Platform) (*uplink.Uplink, func()) {
	b.Helper()
	u, err := uplink.New(uplink.Config{
		Name: "u", Endpoint: uplink.Endpoint{URL: "tcp://" + addr}, Ring: ring, FromOldest: true, Window: window,
		Platform: p, Meters: func() []meter.MeterState { return nil },
	})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		u.Run(ctx)
	}()
	return u, func() {
		cancel()
		<-ended
	}
}

func benchTuya(b *testing.B) uplink.Platform {
	return tuya.New(tuya.Config{Gateway: "gw1", Username: "v1", Sync: tuya.Sync{ProductID: "p1"}, Directory: site.Directory(b, uplink.DirectoryConfig{Default: tuya.Defaults, Devices: []uplink.Device{site.Meter(drainMeter, "c1")}})})
}

const benchSecret = "the platform's own"

func benchMosquitto(b *testing.B) *uplinktest.Mosquitto {
	b.Helper()
	m, err := uplinktest.NewMosquitto(b.TempDir(), map[string]string{
		"v1": uplinktest.Password("gw1", "v1"), "platform": benchSecret, "device&pk": "any",
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(m.Stop)
	return m
}

func attach(b *testing.B, m *uplinktest.Mosquitto, p uplinktest.Platform) {
	b.Helper()
	attached, err := uplinktest.Attach(p, m.Addr(), "platform", benchSecret)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(attached.Close)
}

// drain delivers n readings of one value each to a simulated Tuya platform
// through mosquitto, and gives how long one took, from the first on.
func drain(b *testing.B, m *uplinktest.Mosquitto, window, n int, delay time.Duration) time.Duration {
	b.Helper()
	platform := &uplinktest.Tuya{}
	attached, err := uplinktest.Attach(platform, m.Addr(), "platform", benchSecret)
	if err != nil {
		b.Fatal(err)
	}
	defer attached.Close()
	var mu sync.Mutex
	stored := 0
	var first, last time.Time
	done := make(chan struct{})
	platform.Stored = func(uplinktest.Report) {
		mu.Lock()
		defer mu.Unlock()
		last = time.Now()
		if stored == 0 {
			first = last
		}
		if stored++; stored == n {
			close(done)
		}
	}
	addr := m.Addr()
	if delay > 0 {
		addr = delayed(b, addr, delay)
	}
	u, end := runUplink(b, addr, filled(b, 16<<20, n), window, benchTuya(b))
	defer end()
	select {
	case <-done:
	case <-time.After(2 * time.Minute):
		b.Fatalf("not drained: %+v", u.State())
	}
	return last.Sub(first) / time.Duration(n-1)
}

// pahoLoop publishes to the same broker as a gateway would that waits for the
// broker's acknowledgement of each message, and gives how long one took. Where
// answers is true it waits for the platform's answer as well, as we do.
func pahoLoop(b *testing.B, m *uplinktest.Mosquitto, n int, answers bool) time.Duration {
	b.Helper()
	c, came, end := pahoClient(b, m)
	defer end()
	began := time.Now()
	for range n {
		c.Publish(drainTopic, 1, false, drainPayload).Wait()
		if answers {
			<-came
		} else {
			select {
			case <-came:
			default:
			}
		}
	}
	return time.Since(began) / time.Duration(n)
}

// pahoFlood publishes the same bytes again and again, a window of them at once,
// and gives how long one took until the platform answered it: what the broker,
// the platform and the library let through on this machine.
func pahoFlood(b *testing.B, m *uplinktest.Mosquitto, window, n int) time.Duration {
	b.Helper()
	c, came, end := pahoClient(b, m)
	defer end()
	began := time.Now()
	for i := range n {
		if i >= window {
			<-came
		}
		c.Publish(drainTopic, 1, false, drainPayload)
	}
	for range min(window, n) {
		<-came
	}
	return time.Since(began) / time.Duration(n)
}

const drainTopic = "gateway_id/gw1/properties/report"

var drainPayload = []byte(`{"t":1700000000,"request_id":"6f9619ff-8b86-4d11-b42d-00c04fc964ff","param":{"cid":"c1","id":"41","value":500000}}`)

// pahoClient is a plain client of the simulated Tuya platform; came tells of its
// answers, end leaves both.
func pahoClient(b *testing.B, m *uplinktest.Mosquitto) (c paho.Client, came <-chan struct{}, end func()) {
	b.Helper()
	attached, err := uplinktest.Attach(&uplinktest.Tuya{}, m.Addr(), "platform", benchSecret)
	if err != nil {
		b.Fatal(err)
	}
	c = paho.NewClient(paho.NewClientOptions().AddBroker("tcp://" + m.Addr()).SetClientID("gw1").SetUsername("v1").SetPassword(uplinktest.Password("gw1", "v1")))
	if t := c.Connect(); t.Wait() && t.Error() != nil {
		b.Fatal(t.Error())
	}
	answers := make(chan struct{}, 64)
	if t := c.Subscribe(drainTopic+"/response", 1, func(paho.Client, paho.Message) { answers <- struct{}{} }); t.Wait() && t.Error() != nil {
		b.Fatal(t.Error())
	}
	return c, answers, func() {
		c.Disconnect(100)
		attached.Close()
	}
}

// BenchmarkDrain delivers a backlog through mosquitto at a round trip of 100 ms
// with the window of 16, and one message at a time; and on loopback, beside
// plain loops of the MQTT library.
func BenchmarkDrain(b *testing.B) {
	m := benchMosquitto(b)
	var one, many, near, token, answer, flood time.Duration
	for b.Loop() {
		many += drain(b, m, 16, 480, 50*time.Millisecond)
		one += drain(b, m, 1, 40, 50*time.Millisecond)
		near += drain(b, m, 16, 10000, 0)
		token += pahoLoop(b, m, 3000, false)
		answer += pahoLoop(b, m, 1000, true)
		flood += pahoFlood(b, m, 16, 10000)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(one)/float64(many), "x-one-at-a-time(goal:12)")
	b.ReportMetric(float64(b.N)/near.Seconds(), "acks/s-loopback")
	b.ReportMetric(float64(token)/float64(near), "x-plain-loop-of-tokens(goal:5)")
	b.ReportMetric(float64(answer)/float64(near), "x-plain-loop-of-answers")
	b.ReportMetric(float64(flood)/float64(near), "x-a-window-of-bare-publishes")
}

// thin is a platform that answers and keeps nothing, so that the memory that
// is measured is ours.
type thin struct {
	mu   sync.Mutex
	live time.Time // when a message with a time of today came
	from int64     // ms: what is today
}

func (*thin) Topics() []string { return []string{"sys/#"} }

func (p *thin) Receive(topic string, payload []byte, now time.Time) []uplinktest.Out {
	if strings.HasSuffix(topic, "/response") {
		return nil
	}
	var in struct {
		ID     string `json:"id"`
		Params struct {
			SubDevices []struct {
				Properties map[string]struct{ Time int64 } `json:"properties"`
			} `json:"subDevices"`
		} `json:"params"`
	}
	if json.Unmarshal(payload, &in) != nil {
		return nil
	}
	for _, d := range in.Params.SubDevices {
		for _, v := range d.Properties {
			p.mu.Lock()
			if v.Time >= p.from && p.live.IsZero() {
				p.live = now
			}
			p.mu.Unlock()
		}
	}
	return []uplinktest.Out{{Topic: topic + "/response", Payload: fmt.Appendf(nil, `{"id":%q,"code":200,"message":"success"}`, in.ID)}}
}

func (p *thin) came() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.live
}

// anyLogin is a dialect with credentials that mosquitto's password file has.
type anyLogin struct{ *das.DAS }

func (a anyLogin) Login(now time.Time) uplink.Login {
	l := a.DAS.Login(now)
	l.Password = "any"
	return l
}

func liveHeap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkDrainOfAMillion drains a backlog of a million records to DAS, whose
// messages carry fifty, beside a plain loop that sends one after the other. A
// reading that is taken in the middle of it comes at once; the memory stays
// what it was.
func BenchmarkDrainOfAMillion(b *testing.B) {
	const million = 1000000
	var live time.Duration
	var above int64
	var rate, plain float64
	for b.Loop() {
		m := benchMosquitto(b)
		plain += 1 / pahoLoop(b, m, 3000, false).Seconds()
		p := &thin{from: time.Now().UnixMilli()}
		attach(b, m, p)
		ring := filled(b, 192<<20, million)
		if n := ring.Last() - ring.Stats().First + 1; n < million {
			b.Fatalf("the ring holds but %d", n)
		}
		idle := liveHeap()
		began := time.Now()
		u, end := runUplink(b, m.Addr(), ring, 16, anyLogin{das.New(das.Config{Gateway: "gw1", ProductID: "pk", DeviceID: "device", DeviceSecret: "s", Directory: directoryOf(b, nil, drainMeter)})})
		var said time.Time
		for u.State().Cursor < ring.Last() {
			if done := u.State().Cursor; done > million/4 && said.IsZero() {
				said = time.Now()
				put(b, ring, said)
			}
			above = max(above, int64(liveHeap())-int64(idle))
			time.Sleep(100 * time.Millisecond)
			if time.Since(began) > 10*time.Minute {
				b.Fatalf("not drained: %+v", u.State())
			}
		}
		rate += million / time.Since(began).Seconds()
		live += p.came().Sub(said)
		end()
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(rate/float64(b.N), "records/s")
	b.ReportMetric(rate/plain, "x-plain-loop-of-tokens(goal:5)")
	b.ReportMetric(live.Seconds()*1000/float64(b.N), "ms-to-a-live-reading(goal:3000)")
	b.ReportMetric(float64(above)/(1<<20), "MiB-above-idle(goal:4)")
}
