package main

import (
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"meterd/dlt645"
	"meterd/meter"
	"meterd/uplink"
	own "meterd/uplink/broker"
	"meterd/uplink/das"
	"meterd/uplink/iotkit"
	"meterd/uplink/onenet"
	"meterd/uplink/tuya"
	"meterd/uplink/uplinktest"
	"meterd/uplink/uplinktest/site"
)

// counted passes connections on and counts the bytes of both directions.
func counted(b testing.TB, to string, bytes *atomic.Int64) string {
	b.Helper()
	return between(b, to, func(to, from net.Conn) {
		defer to.Close()
		io.Copy(to, io.TeeReader(from, counter{bytes}))
	})
}

type counter struct{ n *atomic.Int64 }

func (c counter) Write(b []byte) (int, error) {
	c.n.Add(int64(len(b)))
	return len(b), nil
}

// roundOf is a reading of the standard 29 points of a three-phase meter.
func roundOf(a dlt645.Address, at time.Time) *meter.Reading {
	r := &meter.Reading{Meter: a, Time: at, Round: at, Trusted: true}
	add := func(coef int64, scale uint8, names ...string) {
		for i, n := range names {
			r.Values = append(r.Values, meter.PointValue{Point: n, Value: dlt645.Value{Kind: dlt645.Number, Dec: dlt645.Decimal{Coef: coef + int64(i), Scale: scale}}})
		}
	}
	add(2201, 1, "voltage.a", "voltage.b", "voltage.c")
	add(12345, 3, "current.a", "current.b", "current.c")
	for _, kind := range []string{"active", "reactive", "apparent"} {
		add(81234, 4, "power."+kind+".total", "power."+kind+".a", "power."+kind+".b", "power."+kind+".c")
	}
	add(987, 3, "power.factor.total", "power.factor.a", "power.factor.b", "power.factor.c")
	add(5001, 2, "frequency")
	add(1234567, 2, "energy.forward.total", "energy.forward.t1", "energy.forward.t2", "energy.forward.t3", "energy.forward.t4", "energy.reverse.total")
	return r
}

// directoryOf has the meters under their addresses.
func directoryOf(b testing.TB, rows []uplink.Row, meters ...dlt645.Address) *uplink.Directory {
	var devices []uplink.Device
	for _, a := range meters {
		devices = append(devices, site.Meter(a, ""))
	}
	return site.Directory(b, uplink.DirectoryConfig{Devices: devices, Default: rows})
}

// unpaced is Studio without its pace of a message a second, at which the meters'
// logins alone would take a minute.
type unpaced struct{ *onenet.Studio }

func (u unpaced) Limits() uplink.Limits {
	l := u.Studio.Limits()
	l.Pace = uplink.Pace{}
	return l
}

// dialects are the platforms with n meters each.
func dialects(b testing.TB, meters []dlt645.Address) map[string]site.Config {
	key := base64.StdEncoding.EncodeToString([]byte("key"))
	identity := onenet.Identity{ProductID: "469948", Device: "gw", AccessKey: key, Method: "sha256"}
	var subs []uplinktest.DASDevice
	var keyed []uplink.Device // Studio has meters log in, each with its own key
	keys := map[string]string{}
	for _, a := range meters {
		d := site.Meter(a, "")
		d.Key, keys[d.ID] = key, key
		keyed = append(keyed, d)
		subs = append(subs, uplinktest.DASDevice{ProductID: "pk", DeviceID: a.String()})
	}
	simTuya := &uplinktest.Tuya{}
	suite := &uplinktest.Onenet{ProductID: "469948", Device: "gw", AccessKey: key}
	studio := &uplinktest.Onenet{ProductID: "469948", Device: "gw", AccessKey: key, Studio: true, Keys: keys}
	simDAS := &uplinktest.DAS{ProductID: "pk", DeviceID: "gw", DeviceSecret: "s", SubDevices: subs}
	kit := &uplinktest.Iotkit{Products: map[string]string{iotkitProduct: stageSecret, iotkitSub: "x"}}
	consumer := &uplinktest.Consumer{Gateway: "gw", Prefix: "meterd", Layout: "json", Reply: true}
	return map[string]site.Config{
		"mqtt": {
			Platform: consumer, Allow: func(string, string, string) bool { return true },
			Dialect: own.New(own.Config{Gateway: "gw", ClientID: "gw", Layout: own.LayoutJSON, Prefix: "meterd", Acknowledge: own.AcknowledgeReply, Directory: directoryOf(b, nil, meters...)}),
		},
		"tuya": {
			Platform: simTuya, Dialect: tuya.New(tuya.Config{Gateway: "gw", Username: "v1", Sync: tuya.Sync{ProductID: "p"}, Directory: directoryOf(b, tuya.Defaults, meters...)}),
			Allow: func(id, user, password string) bool { return password == uplinktest.Password(id, user) },
		},
		"onenet":        {Platform: suite, Allow: suite.Allow, Dialect: onenet.NewSuite(onenet.SuiteConfig{Identity: identity, Streams: onenet.StreamsObject, Directory: directoryOf(b, nil, meters...)})},
		"onenet-studio": {Platform: studio, Allow: studio.Allow, Dialect: unpaced{onenet.NewStudio(onenet.StudioConfig{Identity: identity, Directory: site.Directory(b, uplink.DirectoryConfig{Devices: keyed})})}},
		"das": {
			Platform: simDAS, Allow: simDAS.Allow, Subscribed: simDAS.AllowSubscribe,
			Dialect: das.New(das.Config{Gateway: "gw", ProductID: "pk", DeviceID: "gw", DeviceSecret: "s", Directory: directoryOf(b, nil, meters...)}),
		},
		"iotkit": {
			Platform: kit, Allow: kit.Allow, Subscribed: kit.Subscribed,
			Dialect: iotkit.New(iotkit.Config{
				ProductKey: iotkitProduct, ProductSecret: stageSecret, DeviceName: "GW01", Model: "MD1", SubProductKey: iotkitSub, SubModel: "MD1", Directory: directoryOf(b, nil, meters...),
			}),
		},
	}
}

// BenchmarkDrainAir counts the bytes of MQTT, both ways, that one round of 32
// meters takes on each platform, and what it takes one reading at a time.
func BenchmarkDrainAir(b *testing.B) {
	var meters []dlt645.Address
	for i := range 32 {
		a, err := dlt645.ParseAddress(fmt.Sprintf("2024112001%02d", i))
		if err != nil {
			b.Fatal(err)
		}
		meters = append(meters, a)
	}
	var names []string
	for name := range dialects(b, nil) {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		b.Run(name, func(b *testing.B) {
			var together, alone int64
			for b.Loop() {
				var n atomic.Int64
				c := dialects(b, meters)[name]
				c.Size, c.Wait = 1<<20, 30*time.Second
				c.Reach = func(addr string) string { return counted(b, addr, &n) }
				c.Adjust = func(u *uplink.Config) { u.FromOldest = true }
				s := site.New(b, c)
				at := time.Now().Truncate(time.Second)
				round := func(each bool) int64 {
					at = at.Add(-time.Second) // a second of its own
					before := n.Load()
					for _, a := range meters {
						s.Add(b, roundOf(a, at))
						if each {
							s.Drained(b)
						}
					}
					s.Drained(b)
					return n.Load() - before
				}
				round(false) // and the registrations
				together += round(false)
				alone += round(true)
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(together)/float64(b.N), "bytes/round")
			b.ReportMetric(float64(alone)/float64(together), "x-bytes-one-by-one")
		})
	}
}
