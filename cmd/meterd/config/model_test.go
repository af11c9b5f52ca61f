package config

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"meterd/dlt645"
	"meterd/meter"
	"meterd/uplink"
	"meterd/uplink/uplinktest"
)

// modelled are the platforms that are told what to define: how to import that,
// and what they say to what they do not define.
var modelled = []modelling{
	{
		"onenet-studio", "[uplink.onenet]\nproduct_id = \"469948\"\ndevice = \"D\"\naccess_key = \"rs2FaE5BuygJZkWKDA5okKt1RFpwOx53hbu6hwyCS4U=\"\n",
		func() uplinktest.Platform {
			return &uplinktest.Onenet{Studio: true, ProductID: "469948", Device: "D", Console: []string{"202411200101"}}
		},
		func(p uplinktest.Platform, b []byte) error { return p.(*uplinktest.Onenet).Import(b) }, `"code":200`, `"code":2400`, nil,
	}, {
		"das", "[uplink.das]\nproduct_id = \"pk\"\ndevice_id = \"d\"\ndevice_secret = \"s\"\n",
		func() uplinktest.Platform {
			return &uplinktest.DAS{ProductID: "pk", DeviceID: "d", DeviceSecret: "s", SubDevices: []uplinktest.DASDevice{{ProductID: "pk", DeviceID: "202411200101"}}}
		},
		func(p uplinktest.Platform, b []byte) error { return p.(*uplinktest.DAS).Import(b) }, `"code":200`, `"code":460`, nil,
	}, {
		"tuya", "gateway_state = true\n[uplink.tuya]\nproduct_id = \"p\"\nparameters = true\ngateway_product_id = \"g\"\n",
		func() uplinktest.Platform { return &uplinktest.Tuya{GatewayProduct: "g"} },
		func(p uplinktest.Platform, b []byte) error { return p.(*uplinktest.Tuya).Define(string(b)) }, `"code":0`, `"code":2002`,
		func(_ *testing.T, _ uplinktest.Platform, p uplink.Platform, send func(uplink.Message) string) {
			m, _ := p.(uplink.Registrar).Register(time.Unix(1700000000, 0), &p.Directory().Devices()[0], 0)
			send(m)
		},
	},
	iotkitModelled("all"), iotkitModelled("event"),
}

// modelling is an entry of modelled.
type modelling struct {
	kind, table string
	platform    func() uplinktest.Platform
	importing   func(uplinktest.Platform, []byte) error
	taken, not  string
	// online has the platform know gateway and meter; nil: it does so by itself.
	online func(*testing.T, uplinktest.Platform, uplink.Platform, func(uplink.Message) string)
}

// dropping tells by an answer what iotkit tells by none: that it has dropped
// what its products do not define.
type dropping struct{ *uplinktest.Iotkit }

func (d dropping) Receive(topic string, payload []byte, now time.Time) []uplinktest.Out {
	before := len(d.Seen().Dropped)
	outs := d.Iotkit.Receive(topic, payload, now)
	if dropped := d.Seen().Dropped[before:]; len(dropped) > 0 {
		return append(outs, uplinktest.Out{Payload: fmt.Appendf(nil, "dropped %q", dropped)})
	}
	return append(outs, uplinktest.Out{Payload: []byte("all taken")})
}

func iotkitModelled(backfill string) modelling {
	return modelling{
		"iotkit", "gateway_state = true\n[uplink.iotkit]\nproduct_key = \"gk\"\nproduct_secret = \"s\"\ndevice_name = \"GW01\"\nmodel = \"M\"\nsub_product_key = \"mk\"\nsub_model = \"M\"\nbackfill = \"" + backfill + "\"\n",
		func() uplinktest.Platform {
			return dropping{&uplinktest.Iotkit{Products: map[string]string{"gk": "s", "mk": "x"}}}
		},
		func(p uplinktest.Platform, b []byte) error { return p.(dropping).Define(string(b)) }, `"code":0`, `dropped`,
		func(t *testing.T, sim uplinktest.Platform, p uplink.Platform, send func(uplink.Message) string) {
			kit, l := sim.(dropping), p.Login(time.Unix(1700000000, 0))
			ok := kit.Allow(l.ClientID, l.Username, l.Password) && kit.Subscribed(l.ClientID, l.Topics[0])
			m, _ := p.(uplink.Registrar).Register(time.Unix(1700000000, 0), &p.Directory().Devices()[0], 0)
			send(m)
			if !ok || !kit.Subscribed(l.ClientID, "/sys/mk/202411200101/c/#") {
				t.Fatal("not online")
			}
		},
	}
}

// TestAThingModelDefinesWhatIsTold and nothing else: a platform that has
// imported it takes all that a day brings, and refuses what it does not hold.
func TestAThingModelDefinesWhatIsTold(t *testing.T) {
	for _, m := range modelled {
		for phases, profile := range map[int]string{1: "single-phase", 3: "three-phase"} {
			t.Run(m.kind+" "+profile, func(t *testing.T) {
				text := strings.ReplaceAll(minimal, "three-phase\"\n", profile+"\"\nallow = [\"relay\", \"set\"]\npassword = \"02123456\"\n")
				conf, problems := Parse("x.toml", text+"[[uplink]]\nname = \"t\"\nkind = \""+m.kind+"\"\nbroker = \"tcp://x:1\"\nusername = \"u\"\n"+m.table)
				if Failed(problems) {
					t.Fatal(problems)
				}
				h := conf.Meters[0].Handle
				p := conf.Uplinks[0].Make(Env{Trusted: func(time.Time) bool { return true }})
				file, err := p.(uplink.Modeler).ThingModel()
				if err != nil {
					t.Fatal(err)
				}
				sim := m.platform()
				if err := m.importing(sim, file); err != nil {
					t.Fatalf("%v\n%s", err, file)
				}
				now := time.Unix(1700000000, 0)
				send := func(msg uplink.Message) string {
					now = now.Add(time.Second)
					out := ""
					for _, o := range sim.Receive(msg.Topic, msg.Payload, now) {
						out += string(o.Payload)
					}
					return out
				}
				if m.online != nil {
					m.online(t, sim, p, send)
				}
				sent, names := 0, map[string]bool{}
				tell := func(want string, u uplink.Unit) {
					t.Helper()
					for _, msg := range p.Encode([16]byte{1}, []uplink.Unit{u}).Messages {
						sent++
						if got := send(msg); !strings.Contains(got, want) || want == m.taken && strings.Contains(got, "dropped") {
							t.Errorf("%s is answered %q, want %s", msg.Payload, got, want)
						}
					}
				}
				day := dayOf(t, h, phases)
				for i := range day {
					r := &day[i]
					news := slices.DeleteFunc(slices.Clone(r.Values), func(v meter.PointValue) bool { return names[v.Point] })
					for _, v := range news {
						names[v.Point] = true
					}
					if len(news) > 0 {
						r.Time = r.Time.AddDate(23, 0, 0) // the bubble's clock is older than any platform
						for i, v := range r.Values {
							if v.Value.Kind == dlt645.Time && strings.HasPrefix(v.Value.Text, "2000-") {
								r.Values[i].Value.Text = "2023-" + v.Value.Text[5:]
							}
							if v.Value.Kind == dlt645.Time && strings.HasPrefix(v.Value.Text, "1999-") {
								r.Values[i].Value.Text = "2022-" + v.Value.Text[5:]
							}
						}
						tell(m.taken, uplink.Unit{Seq: uint64(i), Reading: r})
					}
				}
				for _, kind := range conf.Uplinks[0].Directory.Events() {
					sent++
					tell(m.taken, uplink.Unit{Seq: 1e6, Event: &meter.Event{Meter: h.Address, Time: now, Kind: kind, By: "u", Text: "x"}})
				}
				if host, ok := p.(uplink.Host); ok && (m.kind == "tuya" || m.kind == "iotkit") {
					state := []uplink.BoardState{}
					for _, key := range uplink.BoardKeys {
						js := "7"
						if slices.Contains(uplink.BoardTexts, key) {
							js = `"x"`
						}
						state = append(state, uplink.BoardState{Key: key, JSON: []byte(js)})
					}
					tellBoard(t, m, host, p, sim, now, state)
				}
				if sent < 20 {
					t.Fatalf("only %d messages: nothing was tried", sent)
				}
				sent = 0
				number := dlt645.Value{Kind: dlt645.Number, Dec: dlt645.Decimal{Coef: 100, Scale: 2}}
				foreign := "energy.q1" // no profile reads it
				if m.kind == "tuya" {
					foreign = "power.apparent.total"
				}
				if phases == 1 || m.kind != "tuya" {
					tell(m.not, uplink.Unit{Seq: 2e6, Reading: &meter.Reading{Meter: h.Address, Time: now, Values: []meter.PointValue{{Point: foreign, Value: number}}}})
					if sent == 0 {
						t.Error("nothing foreign was sent")
					}
				}
				if m.kind != "tuya" {
					tell(m.not, uplink.Unit{Seq: 3e6, Event: &meter.Event{Meter: h.Address, Time: now, Kind: "freeze", By: "u", Text: "x"}})
					huge := dlt645.Value{Kind: dlt645.Number, Dec: dlt645.Decimal{Coef: 1e17, Scale: 1}}
					tell(m.not, uplink.Unit{Seq: 4e6, Reading: &meter.Reading{Meter: h.Address, Time: now, Values: []meter.PointValue{{Point: "voltage.a", Value: huge}}}})
					tell(m.not, uplink.Unit{Seq: 5e6, Reading: &meter.Reading{Meter: h.Address, Time: now, Values: []meter.PointValue{{Point: "relay", Value: number}}}})
				}
			})
		}
	}
}

// tellBoard has the platform take all that the board tells of itself, and refuse
// what it does not.
func tellBoard(t *testing.T, m modelling, host uplink.Host, p uplink.Platform, sim uplinktest.Platform, now time.Time, state []uplink.BoardState) {
	t.Helper()
	for range 2 {
		all, whole := host.Board(now, state)
		for _, msg := range all {
			outs := sim.Receive(msg.Topic, msg.Payload, now)
			got := ""
			for _, o := range outs {
				got += string(o.Payload)
				p.Receive(now, uplink.Inbound{Topic: o.Topic, Payload: o.Payload})
			}
			if !strings.Contains(got, m.taken) || strings.Contains(got, "dropped") {
				t.Errorf("%s is answered %q", msg.Payload, got)
			}
		}
		if whole && len(all) > 0 {
			return
		}
	}
	t.Error("the board is not told")
}

// TestAThingModelFollowsTheMap: a point under another name, with a scale, and
// one that is left out.
func TestAThingModelFollowsTheMap(t *testing.T) {
	conf, problems := Parse("x.toml", minimal+"[[uplink]]\nname = \"t\"\nkind = \"das\"\nbroker = \"tcp://x:1\"\n"+modelled[1].table+
		"[[uplink.map]]\npoint = \"voltage.a\"\nto = \"ua\"\nscale = 3\n[[uplink.map]]\npoint = \"frequency\"\nto = \"\"\n")
	if Failed(problems) {
		t.Fatal(problems)
	}
	features := map[string]uplink.Feature{}
	for _, f := range conf.Uplinks[0].Directory.Features() {
		features[f.Key] = f
	}
	ua := features["ua"]
	if got := fmt.Sprintln(ua.Number, ua.Least(), ua.Most, ua.Step(), ua.Unit, ua.Write); got != "true 0 99990000 1 V false\n" {
		t.Errorf("ua is %s", got)
	}
	_, was := features["voltage_a"]
	_, left := features["frequency"]
	if was || left || len(features) < 50 {
		t.Errorf("%d features, voltage_a among them: %v, frequency: %v", len(features), was, left)
	}
	if features["relay"].Write || features["limit_power"].Write {
		t.Error("what nobody allows can be written")
	}
}
