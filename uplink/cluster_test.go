package uplink_test

import (
	"context"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"meterd/meter"
	"meterd/store"
	"meterd/uplink"
	"meterd/uplink/broker"
	"meterd/uplink/das"
	"meterd/uplink/uplinktest"
	"meterd/uplink/uplinktest/site"
)

// silent is a platform that takes everything and answers nothing.
type silent struct{}

func (silent) Topics() []string                                   { return nil }
func (silent) Receive(string, []byte, time.Time) []uplinktest.Out { return nil }

// nodesOf are the brokers of a list, by the host in their addresses; a host that
// is none of them refuses the connection.
type nodesOf map[string]*uplinktest.Pipes

func (n nodesOf) reach(ctx context.Context, network, addr string) (net.Conn, error) {
	host, _, _ := net.SplitHostPort(addr)
	if b := n[host]; b != nil {
		return b.Reach(ctx, network, addr)
	}
	return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
}

// cluster runs an uplink to brokers in the order of their hosts while test runs,
// in a bubble.
func cluster(t *testing.T, p func(t *testing.T) uplink.Platform, nodes nodesOf, hosts []string, test func(t *testing.T, ring *store.Ring, u *uplink.Uplink)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC))) // a bubble begins in 2000
		for _, b := range nodes {
			b.Over = make(chan struct{})
		}
		ring, err := store.Open(filepath.Join(dir, "ring"), store.Options{Geometry: store.Geometry{Size: store.MinSize}, Flush: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		defer ring.Close()
		conf := uplink.Config{Name: "u", Ring: ring, FromOldest: true, Platform: p(t), Meters: func() []meter.MeterState { return nil }}
		for i, host := range hosts {
			if url := "tcp://" + host + ":1883"; i == 0 {
				conf.Endpoint.URL = url
			} else {
				conf.Endpoint.More = append(conf.Endpoint.More, url)
			}
		}
		conf.Endpoint.Dial = nodes.reach
		u, err := uplink.New(conf)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			u.Run(ctx)
		}()
		test(t, ring, u)
		cancel()
		<-done
		for _, b := range nodes {
			close(b.Over)
		}
		time.Sleep(time.Minute) // a publish that found no way ends by itself; the bubble finds what does not
	})
}

// ownBroker is a platform that goes by the broker's PUBACK.
func ownBroker(t *testing.T) uplink.Platform {
	return broker.New(broker.Config{
		Gateway: "gw1", ClientID: "gw1", Layout: broker.LayoutJSON, Prefix: "meterd", Acknowledge: broker.AcknowledgePuback,
		Directory: site.Directory(t, uplink.DirectoryConfig{Devices: []uplink.Device{site.Meter(address, "c1")}}),
	})
}

// TestBadNodesArePassedOver: of the brokers in the list only the last is any
// good. Each of the others is left within a bounded time, and all arrives.
func TestBadNodesArePassedOver(t *testing.T) {
	for name, c := range map[string]struct {
		bad  func() *uplinktest.Pipes // nil: nobody listens there
		most time.Duration
	}{
		"dead: nobody listens":                        {nil, 15 * time.Second},
		"slow: it takes the connection and is silent": {func() *uplinktest.Pipes { return &uplinktest.Pipes{Mute: true} }, 35 * time.Second},
		"it refuses the credentials":                  {func() *uplinktest.Pipes { return &uplinktest.Pipes{Refuse: 4} }, 15 * time.Second},
		"it closes at once":                           {func() *uplinktest.Pipes { return &uplinktest.Pipes{Lasts: func() int { return 1 }} }, 15 * time.Second},
	} {
		for kind, p := range map[string]func(t *testing.T) uplink.Platform{"tuya": func(t *testing.T) uplink.Platform { return newTuya(t) }, "mqtt": ownBroker} {
			t.Run(name+", "+kind, func(t *testing.T) {
				good, stored, wrong := goodOf(kind)
				nodes := nodesOf{"good": good}
				if c.bad != nil {
					nodes["bad"] = c.bad()
				}
				cluster(t, p, nodes, []string{"bad", "good"}, func(t *testing.T, ring *store.Ring, u *uplink.Uplink) {
					addEach(t, ring, 20)
					took := until(t, "drained", c.most, func() bool { return u.State().Cursor == ring.Last() })
					if s := u.State(); stored() != 20 || len(wrong()) > 0 || s.Broker != "tcp://good:1883" || s.Brokers != 2 || !s.Connected {
						t.Errorf("%d are stored; on %s, one of %d; violations %v", stored(), s.Broker, s.Brokers, wrong())
					}
					t.Logf("delivered after %v", took)
				})
			})
		}
	}
}

// addEach puts n readings into the ring, each of a time of its own.
func addEach(t *testing.T, ring *store.Ring, n int) {
	t.Helper()
	for range n {
		add(t, ring, 1)
		time.Sleep(time.Millisecond)
	}
}

// goodOf is a node that works, how many readings it has stored, and what was
// wrong with them.
func goodOf(kind string) (good *uplinktest.Pipes, stored func() int, wrong func() []string) {
	if kind == "tuya" {
		p := &uplinktest.Tuya{}
		return &uplinktest.Pipes{Platform: p}, func() int { return len(p.Seen().Reports) }, func() []string { return p.Seen().Violations }
	}
	p := &uplinktest.Consumer{Gateway: "gw1", Prefix: "meterd", Layout: "json"}
	return &uplinktest.Pipes{Platform: p}, func() int { return len(p.Seen().Values) }, func() []string { return p.Seen().Violations }
}

// TestLyingNodeIsLeft: it takes what comes, and never acknowledges. The
// delivery's own judgement of that leads to the next one, with the same ids.
func TestLyingNodeIsLeft(t *testing.T) {
	for kind, p := range map[string]func(t *testing.T) uplink.Platform{"tuya": func(t *testing.T) uplink.Platform { return newTuya(t) }, "mqtt": ownBroker} {
		t.Run(kind, func(t *testing.T) {
			good, stored, wrong := goodOf(kind)
			liar := &uplinktest.Pipes{Platform: silent{}, Unacked: kind == "mqtt"}
			cluster(t, p, nodesOf{"liar": liar, "good": good}, []string{"liar", "good"}, func(t *testing.T, ring *store.Ring, u *uplink.Uplink) {
				addEach(t, ring, 20)
				took := until(t, "drained", 2*time.Minute, func() bool { return u.State().Cursor == ring.Last() })
				if s := u.State(); stored() != 20 || len(wrong()) > 0 || s.Broker != "tcp://good:1883" || liar.Connects() != 1 {
					t.Errorf("%d are stored; on %s; %d connections to the liar; violations %v", stored(), s.Broker, liar.Connects(), wrong())
				}
				t.Logf("delivered after %v", took)
			})
		})
	}
}

// TestANodeThatFailsLaterIsLeft: the connection ends in the middle, and the
// next node takes what was not acknowledged. When that fails too, it goes on.
func TestANodeThatFailsLaterIsLeft(t *testing.T) {
	for kind, p := range map[string]func(t *testing.T) uplink.Platform{"tuya": func(t *testing.T) uplink.Platform { return newTuya(t) }, "mqtt": ownBroker} {
		t.Run(kind, func(t *testing.T) {
			good, stored, wrong := goodOf(kind)
			nodes, hosts := nodesOf{}, []string{"a", "b", "c"}
			for i, host := range hosts { // one cluster: what one has all have
				nodes[host] = &uplinktest.Pipes{Platform: good.Platform, Lasts: uplinktest.Randomly(uint64(i+1), 40)}
			}
			cluster(t, p, nodes, hosts, func(t *testing.T, ring *store.Ring, u *uplink.Uplink) {
				for nodes["a"].Connects()+nodes["b"].Connects()+nodes["c"].Connects() < 60 {
					if u.State().Queued < 100 {
						addEach(t, ring, 20)
					}
					time.Sleep(time.Second)
				}
				until(t, "drained", 24*time.Hour, func() bool { return u.State().Cursor == ring.Last() })
				if uint64(stored()) != ring.Last() || len(wrong()) > 0 {
					t.Errorf("%d of %d readings are stored; violations %v", stored(), ring.Last(), wrong())
				}
				for host, b := range nodes {
					if b.Connects() < 15 {
						t.Errorf("only %d connections to %s", b.Connects(), host)
					}
				}
			})
		})
	}
}

// TestAWorkingNodeIsFoundAmongBadOnes: one list has a dead node, a slow one, one
// that refuses our credentials, one that never acknowledges, and one that is
// good. Wherever that stands, all arrives, and each of the others costs its
// bounded time once.
func TestAWorkingNodeIsFoundAmongBadOnes(t *testing.T) {
	for _, hosts := range [][]string{{"dead", "slow", "strict", "liar", "good"}, {"liar", "strict", "good", "slow", "dead"}, {"good", "liar", "dead", "slow", "strict"}} {
		for kind, p := range map[string]func(t *testing.T) uplink.Platform{"tuya": func(t *testing.T) uplink.Platform { return newTuya(t) }, "mqtt": ownBroker} {
			t.Run(strings.Join(hosts, " ")+", "+kind, func(t *testing.T) {
				good, stored, wrong := goodOf(kind)
				nodes := nodesOf{"slow": {Mute: true}, "strict": {Refuse: 4}, "liar": {Platform: silent{}, Unacked: kind == "mqtt"}, "good": good}
				cluster(t, p, nodes, hosts, func(t *testing.T, ring *store.Ring, u *uplink.Uplink) {
					addEach(t, ring, 20)
					took := until(t, "drained", 3*time.Minute, func() bool { return u.State().Cursor == ring.Last() })
					if s := u.State(); stored() != 20 || len(wrong()) > 0 || s.Broker != "tcp://good:1883" || s.Brokers != len(hosts) || good.Connects() != 1 {
						t.Errorf("%d are stored; on %s, one of %d, %d connections to it; violations %v", stored(), s.Broker, s.Brokers, good.Connects(), wrong())
					}
					for host, n := range nodes {
						if before := slices.Index(hosts, host) < slices.Index(hosts, "good"); host != "good" && (n.Connects() == 1) != before {
							t.Errorf("%d connections to %s", n.Connects(), host)
						}
					}
					t.Logf("delivered after %v", took)
				})
			})
		}
	}
}

// shifted is a node whose clock is off: what it is told comes to it at another
// time, and what it tells has its time.
type shifted struct {
	uplinktest.Platform
	by time.Duration
}

func (s shifted) Receive(topic string, payload []byte, now time.Time) []uplinktest.Out {
	return s.Platform.Receive(topic, payload, now.Add(s.by))
}

// TestClocksOfNodesMayDiffer: the nodes of one platform have clocks that are hours
// apart, and break again and again. Each reading arrives with the time at which
// it was taken, none because of that twice, and whoever takes the platform's
// time is told that of the node which was asked.
func TestClocksOfNodesMayDiffer(t *testing.T) {
	platform := &uplinktest.DAS{ProductID: "pk", DeviceID: "device", DeviceSecret: "s", SubDevices: []uplinktest.DASDevice{{ProductID: "pk", DeviceID: "c1"}}}
	offsets := map[string]time.Duration{"a": 0, "b": -50 * time.Minute, "c": 3 * time.Hour}
	nodes, hosts := nodesOf{}, []string{"a", "b", "c"}
	for i, host := range hosts {
		nodes[host] = &uplinktest.Pipes{Platform: shifted{platform, offsets[host]}, Lasts: uplinktest.Randomly(uint64(i+1), 60)}
	}
	var mu sync.Mutex
	told := map[time.Duration]int{} // how far from ours
	make := func(t *testing.T) uplink.Platform {
		return das.New(das.Config{
			Gateway: "gw1", ProductID: "pk", DeviceID: "device", DeviceSecret: "s",
			Directory: site.Directory(t, uplink.DirectoryConfig{Devices: []uplink.Device{site.Meter(address, "c1")}}),
			Offer: func(at time.Time) {
				mu.Lock()
				defer mu.Unlock()
				told[time.Until(at).Round(time.Minute)]++
			},
		})
	}
	cluster(t, make, nodes, hosts, func(t *testing.T, ring *store.Ring, u *uplink.Uplink) {
		taken := map[int64]bool{}
		for nodes["a"].Connects()+nodes["b"].Connects()+nodes["c"].Connects() < 60 {
			if u.State().Queued < 100 {
				for range 20 {
					taken[time.Now().UnixMilli()] = true
					add(t, ring, 1)
					time.Sleep(time.Millisecond)
				}
			}
			time.Sleep(time.Second)
		}
		until(t, "drained", 24*time.Hour, func() bool { return u.State().Cursor == ring.Last() })
		seen := platform.Seen()
		for _, v := range seen.Values {
			if !taken[v.Time] {
				t.Errorf("a value of %v was never taken", time.UnixMilli(v.Time))
			}
		}
		if len(seen.Values) != len(taken) || len(seen.Violations) > 0 {
			t.Errorf("%d of %d are stored; %d violations: %v", len(seen.Values), len(taken), len(seen.Violations), seen.Violations[:min(3, len(seen.Violations))])
		}
		mu.Lock()
		defer mu.Unlock()
		for _, by := range offsets {
			if told[by] == 0 {
				t.Errorf("nobody was told of a clock that is off by %v: %v", by, told)
			}
		}
		if len(told) != len(offsets) {
			t.Errorf("the platform's time is off by %v, want %v", told, offsets)
		}
		t.Logf("%d readings, %d came again, times told by how far they were off: %v", len(taken), seen.Repeats, told)
	})
}
