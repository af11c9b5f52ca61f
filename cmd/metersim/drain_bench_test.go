package main

import (
	"context"
	"io"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"meterd/dlt645"
	"meterd/meter"
	"meterd/store"
	"meterd/uplink"
	"meterd/uplink/tuya"
	"meterd/uplink/uplinktest"
)

// delayed passes connections on to another address, each byte after a delay,
// in both directions.
func delayed(b *testing.B, to string, delay time.Duration) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s, err := net.Dial("tcp", to)
			if err != nil {
				c.Close()
				continue
			}
			go pass(s, c, delay)
			go pass(c, s, delay)
		}
	}()
	return l.Addr().String()
}

type lump struct {
	at    time.Time
	bytes []byte
}

func pass(to, from net.Conn, delay time.Duration) {
	defer to.Close()
	lumps := make(chan lump, 4096)
	go func() {
		defer close(lumps)
		for {
			buf := make([]byte, 4096)
			n, err := from.Read(buf)
			if n > 0 {
				lumps <- lump{time.Now().Add(delay), buf[:n]}
			}
			if err != nil {
				return
			}
		}
	}()
	for l := range lumps {
		time.Sleep(time.Until(l.at))
		if _, err := to.Write(l.bytes); err != nil {
			io.Copy(io.Discard, from)
			return
		}
	}
}

// drain delivers n readings of one value each to a simulated Tuya platform,
// and gives how long it took from the first acknowledgement on.
func drain(b *testing.B, window, n int, delay time.Duration) time.Duration {
	b.Helper()
	secret := "secret"
	platform := &uplinktest.Tuya{}
	broker, err := uplinktest.NewBroker("127.0.0.1:0", secret, func(id, user, password string) bool { return password == uplinktest.Password(id, user) })
	if err != nil {
		b.Fatal(err)
	}
	defer broker.Close()
	attached, err := uplinktest.AttachEmbedded(platform, broker.Addr(), secret)
	if err != nil {
		b.Fatal(err)
	}
	defer attached.Close()
	ring, err := store.Open(filepath.Join(b.TempDir(), "ring"), store.Options{Geometry: store.Geometry{Size: 16 << 20}, Flush: time.Minute})
	if err != nil {
		b.Fatal(err)
	}
	defer ring.Close()
	a := dlt645.Address{0x20, 0x24, 0x11, 0x20, 0x01, 0x01}
	for i := range n {
		r := meter.Reading{Meter: a, Time: time.Unix(1700000000+int64(i), 0), Trusted: true, Values: []meter.PointValue{
			{Point: "frequency", Value: dlt645.Value{Kind: dlt645.Number, Dec: dlt645.Decimal{Coef: 5000, Scale: 2}}}}}
		rec, err := r.AppendBinary(nil)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := ring.Append(rec); err != nil {
			b.Fatal(err)
		}
	}
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
	u, err := uplink.New(uplink.Config{
		Name: "tuya", Endpoint: uplink.Endpoint{URL: "tcp://" + delayed(b, broker.Addr(), delay)}, Ring: ring, FromOldest: true, Window: window,
		Platform: tuya.New(tuya.Config{Gateway: "gw1", Username: "v1", Devices: []tuya.Device{{Meter: a, CID: "c1", ProductID: "p1"}}}),
		Meters:   func() []meter.MeterState { return nil },
	})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		u.Run(ctx)
	}()
	select {
	case <-done:
	case <-time.After(2 * time.Minute):
		b.Fatalf("not drained: %+v", u.State())
	}
	cancel()
	<-ended
	return last.Sub(first)
}

// BenchmarkDrain delivers a backlog at a round trip of 100 ms with the window
// of 16, and one message at a time; and without a delay.
func BenchmarkDrain(b *testing.B) {
	var one, many, near time.Duration
	for b.Loop() {
		many += drain(b, 16, 320, 50*time.Millisecond) / 319
		one += drain(b, 1, 40, 50*time.Millisecond) / 39
		near += drain(b, 16, 5000, 0) / 4999
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(one)/float64(many), "x-one-at-a-time")
	b.ReportMetric(float64(b.N)/near.Seconds(), "acks/s-loopback")
}
