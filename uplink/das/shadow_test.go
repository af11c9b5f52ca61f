package das

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"meterd/meter"
	"meterd/uplink"
	"meterd/uplink/uplinktest"
)

// asks lets a platform ask for all that it asks for after a connect, and gives
// what it says to the answers.
func asks(t *testing.T, p *DAS, sim *uplinktest.DAS, now time.Time) (all []uplink.Receipt) {
	t.Helper()
	p.Login(now)
	for range 10 {
		m, ok, _ := p.Ask(now)
		if !ok {
			break
		}
		for _, out := range sim.Receive(m.Topic, m.Payload, now) {
			if !sim.AllowSubscribe("", out.Topic) {
				t.Errorf("the answer comes on %s", out.Topic)
			}
			all = append(all, p.Receive(now, uplink.Inbound{Topic: out.Topic, Payload: out.Payload}))
		}
	}
	if v := sim.Seen().Violations; len(v) > 0 {
		t.Errorf("violations: %v", v)
	}
	return all
}

// TestWishesOfTheShadowAreCommandsOfTheirTime: what differs from what was
// reported, each under an id that its time gives. What tells no time is none.
func TestWishesOfTheShadowAreCommandsOfTheirTime(t *testing.T) {
	now := time.UnixMilli(1700000600000)
	wishes := map[string]uplinktest.DASWish{
		"meter01.relay":     {Value: "0", Reported: "closed", Millis: 1700000500000},
		"meter02.voltage_a": {Value: "220", Reported: "219.5", Millis: 1600000000000},
		"meter02.relay":     {Value: "0", Reported: "open", Millis: 1700000500000}, // as it is
		"meter01.voltage_a": {Value: "220", Millis: 0},                             // of no time
		"meter01.nonsense":  {Value: "1", Millis: 1700000500000},
		"relay":             {Value: "0", Millis: 1700000500000}, // of which meter?
	}
	const want = "[202411200101 relay 1700000500 thing/shadow/get:1700000500000:meter01.relay 202411200102 set 1600000000 thing/shadow/get:1600000000000:meter02.voltage_a]"
	for _, info := range []bool{false, true} {
		p, sim := platform(func(c *Config) { c.Shadow = true }), simulated()
		sim.Desired, sim.InfoTopic = wishes, info
		for range 2 { // a later connection asks again: the ids are the same
			var got []string
			for _, rc := range asks(t, p, sim, now) {
				for _, c := range rc.Commands() {
					got = append(got, fmt.Sprintf("%s %s %d %s", c.Meter.Address, c.Op, c.Said.Unix(), c.ID))
					if m, ok := p.Answer(now, c, meter.Result{}); ok {
						t.Errorf("a wish is answered: %s", m.Payload)
					}
				}
			}
			if fmt.Sprint(got) != want {
				t.Errorf("answered on the page's own topic %v: got %v", info, got)
			}
		}
	}
	doubted := platform(func(c *Config) { c.Shadow, c.Trusted = true, func() bool { return false } })
	sim := simulated()
	sim.Desired = wishes
	for _, rc := range asks(t, doubted, sim, now) {
		if len(rc.Commands()) > 0 {
			t.Errorf("while the clock is doubted: %+v", rc.Command)
		}
	}
	off := platform(nil)
	off.Login(now)
	if rc := off.Receive(now, uplink.Inbound{Topic: "sys/pk/device/" + topicShadow + "/response", Payload: []byte(`{"id":"","state":{"desired":{"meter01.relay":"0"}},"metadata":{"desired":{"meter01.relay":{"timestamp":1700000500000}}}}`)}); rc.Command != nil {
		t.Errorf("nobody asked for it: %+v", rc.Command)
	}
}

// TestTheVersionIsToldAtEachConnectAndNoPackageTaken.
func TestTheVersionIsToldAtEachConnectAndNoPackageTaken(t *testing.T) {
	p, sim, now := platform(func(c *Config) { c.Version = "1.4.0" }), simulated(), time.UnixMilli(1700000600000)
	for range 2 {
		asks(t, p, sim, now)
	}
	out := sim.Push("yCPTqgr0EwH9GugsUCjo", "2.0.0")
	rc := p.Receive(now, uplink.Inbound{Topic: out.Topic, Payload: out.Payload})
	if rc.Reply == nil {
		t.Fatalf("got %+v", rc)
	}
	sim.Receive(rc.Reply.Topic, rc.Reply.Payload, now)
	seen := sim.Seen()
	if got := fmt.Sprint(seen.Versions, seen.Refused, seen.Violations); got != "[1.4.0 1.4.0] [yCPTqgr0EwH9GugsUCjo] []" {
		t.Errorf("got %s", got)
	}
	if rc := p.Receive(now, uplink.Inbound{Topic: out.Topic, Payload: out.Payload, Retained: true}); rc.Reply != nil {
		t.Errorf("what the broker had kept is answered: %s", rc.Reply.Payload)
	}
}

// TestAnUnboundSubDeviceIsToldWithWhatToDo.
func TestAnUnboundSubDeviceIsToldWithWhatToDo(t *testing.T) {
	p, sim, now := platform(nil), simulated(), time.UnixMilli(1700000600000)
	for i := range sim.SubDevices {
		sim.SubDevices[i].Unbound = true
	}
	for i := range p.dir.Devices() {
		m, ok := p.Register(now, &p.dir.Devices()[i], 0)
		if !ok {
			continue
		}
		for _, out := range sim.Receive(m.Topic, m.Payload, now) {
			rc := p.Receive(now, uplink.Inbound{Topic: out.Topic, Payload: out.Payload})
			if rc.ID != m.ID || rc.Verdict != uplink.Refused || rc.Code != "40004" || !strings.HasPrefix(rc.Text, "bind the sub-device in the console first") {
				t.Errorf("got %+v", rc)
			}
			return
		}
	}
	t.Error("no sub-device logs in")
}

// TestLogoutIsAnsweredForItsDevice: each answer is the receipt of its message.
func TestLogoutIsAnsweredForItsDevice(t *testing.T) {
	now := time.UnixMilli(1700000600000)
	for code, want := range map[int]uplink.Verdict{0: uplink.Accepted, 40000: uplink.Refused} {
		p, sim := platform(nil), simulated()
		sim.SetFaults(func(string) (int, bool) { return code, false }, nil)
		m, _, ok := p.Leave(now, &p.dir.Devices()[1])
		if !ok {
			t.Fatal("it cannot leave")
		}
		outs := sim.Receive(m.Topic, m.Payload, now)
		if len(outs) != 1 || !sim.AllowSubscribe("", outs[0].Topic) {
			t.Fatalf("answered %v", outs)
		}
		if rc := p.Receive(now, uplink.Inbound{Topic: outs[0].Topic, Payload: outs[0].Payload}); rc.ID != m.ID || rc.Verdict != want {
			t.Errorf("%d: got %+v", code, rc)
		}
		if v := sim.Seen().Violations; len(v) > 0 {
			t.Errorf("violations: %v", v)
		}
	}
}

// TestExclusiveStandsInTheClientIDAndIsNotSigned.
func TestExclusiveStandsInTheClientIDAndIsNotSigned(t *testing.T) {
	now := time.UnixMilli(1700000600000)
	with, without := platform(func(c *Config) { c.Exclusive = true }).Login(now), platform(nil).Login(now)
	if !strings.HasSuffix(with.ClientID, ",exclusive=true|") || with.Password != without.Password || !with.Exclusive || without.Exclusive || strings.Contains(without.ClientID, "exclusive") {
		t.Errorf("got %+v and %+v", with, without)
	}
	sim := simulated()
	if !sim.Allow(with.ClientID, with.Username, with.Password) {
		t.Error("the platform does not let it in")
	}
}

// TestTheBoardItselfIsToldWithTheTimeIfThereIsOne.
func TestTheBoardItselfIsToldWithTheTimeIfThereIsOne(t *testing.T) {
	p, sim, now := platform(nil), simulated(), time.UnixMilli(1700000600000)
	state := []uplink.BoardState{{Key: "gateway_version", JSON: []byte(`"1.4.0"`)}, {Key: "gateway_meters", JSON: []byte("3")}}
	all, _ := p.Board(now, state)
	m := all[0]
	if outs := sim.Receive(m.Topic, m.Payload, now); len(outs) != 0 {
		t.Errorf("answered %s", outs[0].Payload)
	}
	seen := sim.Seen()
	if len(seen.Values) != 2 || len(seen.Violations) > 0 || seen.Values[0].Device != "device" || seen.Values[0].Time != now.UnixMilli() {
		t.Errorf("stored %+v, violations %v", seen.Values, seen.Violations)
	}
	if all, whole := p.Board(time.Time{}, state); !whole || !strings.Contains(string(all[0].Payload), `"params":{"gateway_meters":3,"gateway_version":"1.4.0"}`) {
		t.Errorf("without a time: %s", all[0].Payload)
	}
}

// TestAnEmptyNameIsNoMeter: what is there and names no meter is never taken for
// the only one.
func TestAnEmptyNameIsNoMeter(t *testing.T) {
	for _, name := range []string{`""`, `" "`, `null`} {
		p := platform(func(c *Config) { c.Directory = directory(theMeters[:1]) })
		rc := p.Receive(time.Now(), uplink.Inbound{Topic: "sys/pk/device/" + topicService, Payload: []byte(`{"id":"1","identifier":"relay","params":{"meter":` + name + `,"action":"trip"}}`)})
		if rc.Command != nil {
			t.Errorf("meter %s: %s of %s", name, rc.Command, rc.Command.Meter.Name)
		}
	}
}
