package das

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"meterd/dlt645"
	"meterd/meter"
	"meterd/uplink"
	"meterd/uplink/uplinktest"
)

// brief writes a command, or the code and words that it is refused with.
func brief(t *testing.T, sim *uplinktest.DAS, rc uplink.Receipt) string {
	t.Helper()
	var all []string
	for _, c := range rc.Commands() {
		all = append(all, strings.TrimSpace(fmt.Sprintf("%s %s %s %s=%s %v", c.Meter.Address, c.Op, c.Relay.Text().EN, c.Point, c.Value, c.Points)))
	}
	if len(all) > 0 {
		return strings.Join(all, "; ")
	}
	if rc.Reply == nil {
		return ""
	}
	sim.Receive(rc.Reply.Topic, rc.Reply.Payload, time.Now())
	_, code, _ := strings.Cut(string(rc.Reply.Payload), `"code":`)
	code, _, _ = strings.Cut(code, ",")
	return code
}

func TestCommands(t *testing.T) {
	const none = "unknown command"
	for _, c := range []struct{ name, topic, payload, want string }{
		{"relay by prefix", topicSet, `"params":{"meter01.relay":true}`, "202411200101 relay close = []"},
		{"relay as a word", topicSet, `"params":{"meter01.relay":"closed"}`, "202411200101 relay close = []"},
		{"relay as text of a number", topicSet, `"params":{"meter01.relay":"1"}`, "202411200101 relay close = []"},
		{"relay as a number", topicSet, `"params":{"meter01.relay":0}`, "202411200101 relay trip = []"},
		{"relay open", topicSet, `"params":{"meter01.relay":"OPEN"}`, "202411200101 relay trip = []"},
		{"relay false", topicSet, `"params":{"meter01.relay":false}`, "202411200101 relay trip = []"},
		{"relay of no state", topicSet, `"params":{"meter01.relay":2}`, "460"},
		{"relay by identity", topicSet, `"identity":{"productId":"mp2","deviceId":"meter02"},"params":{"relay":1}`, "202411200102 relay close = []"},
		{"identity without product", topicSet, `"identity":{"deviceId":"meter02"},"params":{"relay":1}`, "202411200102 relay close = []"},
		{"identity of another product", topicSet, `"identity":{"productId":"mp","deviceId":"meter02"},"params":{"relay":1}`, "100002"},
		{"identity against prefix", topicSet, `"identity":{"deviceId":"meter02"},"params":{"meter01.relay":1}`, "460"},
		{"subDevices", topicSet, `"params":{"subDevices":[{"identity":{"productId":"mp","deviceId":"meter01"},"properties":{"relay":1}}]}`, "202411200101 relay close = []"},
		{"subDevices, two", topicSet, `"params":{"subDevices":[{},{}]}`, "460"},
		{"subDevices, empty", topicSet, `"params":{"subDevices":[{}]}`, "460"},
		{"which meter", topicSet, `"params":{"relay":1}`, "460"},
		{"two at once", topicSet, `"params":{"meter01.voltage_a":1,"meter01.relay":1}`, "202411200101 relay close = []; 202411200101 set " + none + " voltage.a=1 []"},
		{"two of two meters", topicSet, `"params":{"meter01.voltage_a":1,"meter02.relay":1}`, "460"},
		{"two, of which one is unknown", topicSet, `"params":{"meter01.relay":1,"meter01.nonsense":1}`, "100002"},
		{"two, of which one has no value", topicSet, `"params":{"meter01.relay":1,"meter01.voltage_a":null}`, "460"},
		{"two that are the same", topicSet, `"params":{"meter01.voltage_a":1,"meter01.voltage.a":2}`, "460"},
		{"no property", topicSet, `"params":{}`, "460"},
		{"no params", topicSet, `"x":1`, "460"},
		{"a list", topicSet, `"params":["relay"]`, "460"},
		{"unknown property", topicSet, `"params":{"meter01.nonsense":1}`, "100002"},
		{"a point", topicSet, `"params":{"meter01.voltage_a":"220.5"}`, "202411200101 set " + none + " voltage.a=220.5 []"},
		{"a data identifier", topicSet, `"params":{"meter01.04000403":"12"}`, "202411200101 write " + none + " 04000403=12 []"},
		{"a scaled point", topicSet, `"params":{"meter01.i_ma":1500}`, "202411200101 set " + none + " current.a=1.5 []"},
		{"a scaled point of no number", topicSet, `"params":{"meter01.i_ma":"x"}`, "460"},
		{"a scaled point of too many places", topicSet, `"params":{"meter01.i_ma":"0.0000000000000001"}`, "460"},
		{"no value", topicSet, `"params":{"meter01.voltage_a":null}`, "460"},
		{"an object", topicSet, `"params":{"meter01.voltage_a":{}}`, "460"},
		{"left out", topicSet, `"params":{"meter01.fault":"1"}`, "100002"},

		{"read", topicGet, `"params":["meter01.voltage_a","meter01.i_ma"]`, "202411200101 read " + none + " = [voltage.a current.a]"},
		{"read a point twice", topicGet, `"identity":{"deviceId":"meter02"},"params":["voltage_a","voltage_a"]`, "202411200102 read " + none + " = [voltage.a]"},
		{"read of two", topicGet, `"params":["meter01.voltage_a","meter02.voltage_a"]`, "460"},
		{"read of a module", topicGet, `"identity":{"deviceId":"meter02"},"params":["test:Power"]`, "100002"},
		{"read nothing", topicGet, `"params":[]`, "460"},
		{"read an object", topicGet, `"params":{}`, "460"},

		{"service read", topicService, `"identifier":"read","params":{"meter":"meter02","points":["voltage.a","frequency"]}`, "202411200102 read " + none + " = [voltage.a frequency]"},
		{"service read of one", topicService, `"identifier":"read","params":{"meter":"202411200102","point":"voltage_a"}`, "202411200102 read " + none + " = [voltage.a]"},
		{"service read of none", topicService, `"identifier":"read","params":{"meter":"meter02"}`, "460"},
		{"service read of nonsense", topicService, `"identifier":"read","params":{"meter":"meter02","point":"x"}`, "100002"},
		{"service relay", topicService, `"identifier":"relay","params":{"meter":"meter02","action":"trip"}`, "202411200102 relay trip = []"},
		{"service set", topicService, `"identifier":"set","params":{"meter":"meter02","point":"04000403","value":3}`, "202411200102 write " + none + " 04000403=3 []"},
		{"service time", topicService, `"identifier":"time","params":{"meter":"meter02"}`, "202411200102 clock " + none + " = []"},
		{"service freeze", topicService, `"identifier":"freeze","params":{"meter":"meter02"}`, "202411200102 freeze " + none + " = []"},
		{"service demand", topicService, `"identifier":"demand_reset","params":{"meter":"meter02"}`, "202411200102 demand-reset " + none + " = []"},
		{"service of no name", topicService, `"identifier":"dance","params":{"meter":"meter02"}`, "100002"},
		{"service of which meter", topicService, `"identifier":"time"`, "460"},
		{"service of no meter", topicService, `"identifier":"time","params":{"meter":"x"}`, "100002"},
		{"service with a list", topicService, `"identifier":"time","params":[]`, "460"},
	} {
		p := platform(nil, uplink.Row{Point: "current.a", To: "i_ma", Scale: 3}, uplink.Row{Point: "fault", To: "", Scale: -1})
		sim := simulated()
		out := sim.Down(c.topic, `{"id":"77","version":"1.0",`+c.payload+`}`)
		if got := brief(t, sim, p.Receive(time.Now(), uplink.Inbound{Topic: out.Topic, Payload: out.Payload})); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
		if seen := sim.Seen(); len(seen.Violations) > 0 {
			t.Errorf("%s: %v", c.name, seen.Violations)
		}
	}
}

func TestCommandToTheOnlyMeter(t *testing.T) {
	p := platform(func(c *Config) { c.Directory = directory(theMeters[:1]) })
	rc := p.Receive(time.Now(), uplink.Inbound{Topic: "sys/pk/device/" + topicSet, Payload: []byte(`{"id":"1","params":{"relay":"0"}}`)})
	if rc.Command == nil || rc.Command.Meter.Address != unit1 || rc.Command.Relay != dlt645.CommandTrip || rc.Command.ID != topicSet+":1:meter01" {
		t.Errorf("got %+v", rc.Command)
	}
}

func TestOutcomesHaveTheirCodes(t *testing.T) {
	for outcome, code := range map[meter.Outcome]int{
		meter.Done: 200, meter.Denied: 100001, meter.NotKnown: 100002, meter.Invalid: 460, meter.NoAnswer: 100003, meter.NotTaken: 100004,
		meter.Unconfirmed: 100005, meter.Failed: 100006, meter.Busy: 429, meter.Expired: 100007, meter.Nameless: 460, 99: 100006,
	} {
		p, sim := platform(nil), simulated()
		out := sim.Down(topicService, `{"id":"77","identifier":"time","params":{"meter":"meter01"}}`)
		rc := p.Receive(time.Now(), uplink.Inbound{Topic: out.Topic, Payload: out.Payload})
		m, ok := p.Answer(time.Now(), *rc.Command, meter.Result{Outcome: outcome, Text: dlt645.Text{EN: "so it is"}})
		want := fmt.Sprintf(`{"code":%d,"data":{"params":{}},"id":"77","identifier":"time","message":"so it is","method":"thing.service.set","version":"1.0"}`, code)
		if !ok || m.ID != "" || m.Topic != out.Topic+"/response" || string(m.Payload) != want {
			t.Errorf("%d: got %s %s", outcome, m.Topic, m.Payload)
		}
		sim.Receive(m.Topic, m.Payload, time.Now())
		if seen := sim.Seen(); len(seen.Violations) > 0 || len(seen.Replies) != 1 {
			t.Errorf("%d: %+v", outcome, seen)
		}
	}
}

func TestAnswerToAReadHasTheIdentifiersThatWereAsked(t *testing.T) {
	rows := []uplink.Row{{Point: "voltage.a", To: "ua", Scale: -1}, {Point: "voltage.a", To: "ua_mv", Scale: 3}}
	values := []meter.PointValue{{Point: "voltage.a", Value: number("220.1")}, {Point: "frequency", Value: number("50.00")}, {Point: "current.a", Value: dlt645.Value{Kind: dlt645.Absent}}}
	for _, c := range []struct{ topic, payload, want string }{
		{topicGet, `{"id":"1","params":["meter01.ua_mv","meter01.frequency"]}`, `{"code":200,"data":{"params":{"meter01.frequency":50.00,"meter01.ua_mv":220100}},"id":"1","message":"success","method":"thing.properties.get","version":"1.0"}`},
		{topicGet, `{"id":"1","identity":{"deviceId":"meter01"},"params":["ua","frequency"]}`, `{"code":200,"data":{"params":{"frequency":50.00,"ua":220.1}},"id":"1","message":"success","method":"thing.properties.get","version":"1.0"}`},
		{topicService, `{"id":"1","identifier":"read","params":{"meter":"meter01","points":["voltage.a","frequency"]}}`, `{"code":200,"data":{"params":{"frequency":50.00,"ua":220.1,"ua_mv":220100}},"id":"1","identifier":"read","message":"success","method":"thing.service.set","version":"1.0"}`},
	} {
		p := platform(nil, rows...)
		var rc uplink.Receipt
		for range 2 { // it comes again before it is answered
			rc = p.Receive(time.Now(), uplink.Inbound{Topic: "sys/pk/device/" + c.topic, Payload: []byte(c.payload)})
		}
		if rc.Command == nil {
			t.Errorf("%s: got %+v", c.payload, rc)
			continue
		}
		for range 2 {
			if m, _ := p.Answer(time.Now(), *rc.Command, meter.Result{Values: values}); string(m.Payload) != c.want {
				t.Errorf("got  %s\nwant %s", m.Payload, c.want)
			}
		}
		if len(p.asked) != 0 {
			t.Errorf("%d requests are still remembered", len(p.asked))
		}
	}
}

func TestCommandsOfOneIDOnTwoTopicsAreTwo(t *testing.T) {
	p := platform(nil)
	read := p.Receive(time.Now(), uplink.Inbound{Topic: "sys/pk/device/" + topicGet, Payload: []byte(`{"id":"1","params":["meter01.voltage_a"]}`)})
	relay := p.Receive(time.Now(), uplink.Inbound{Topic: "sys/pk/device/" + topicService, Payload: []byte(`{"id":"1","identifier":"relay","params":{"meter":"meter01","action":"close"}}`)})
	if read.Command.ID == relay.Command.ID {
		t.Errorf("both are %s", read.Command.ID)
	}
}

// TestCommandsOfOneIDForTwoMetersAreTwo: each has its own outcome, under the id
// that both came with.
func TestCommandsOfOneIDForTwoMetersAreTwo(t *testing.T) {
	p, sim := platform(nil), simulated()
	var all []meter.Command
	for _, id := range []string{"meter01", "meter02"} {
		out := sim.Down(topicSet, `{"id":"7","version":"1.0","params":{"`+id+`.relay":0}}`)
		all = append(all, *p.Receive(time.Now(), uplink.Inbound{Topic: out.Topic, Payload: out.Payload}).Command)
	}
	if all[0].ID == all[1].ID {
		t.Errorf("both are %s", all[0].ID)
	}
	for i, r := range []meter.Result{{}, {Outcome: meter.NoAnswer}} {
		m, ok := p.Answer(time.Now(), all[i], r)
		if want := fmt.Sprintf(`"code":%d,`, answers[r.Outcome]); !ok || !strings.Contains(string(m.Payload), want) || !strings.Contains(string(m.Payload), `"id":"7"`) {
			t.Errorf("answered %s, want %s", m.Payload, want)
		}
	}
}

func TestFewRequestsAreRemembered(t *testing.T) {
	p := platform(nil)
	var first *meter.Command
	for i := range 2 * mostAsked {
		rc := p.Receive(time.Now(), uplink.Inbound{Topic: "sys/pk/device/" + topicGet, Payload: fmt.Appendf(nil, `{"id":"%d","params":["meter01.voltage_a"]}`, i)})
		if first == nil {
			first = rc.Command
		}
	}
	if len(p.asked) != mostAsked {
		t.Errorf("%d are remembered", len(p.asked))
	}
	if m, ok := p.Answer(time.Now(), *first, meter.Result{Outcome: meter.NoAnswer}); !ok || !strings.Contains(string(m.Payload), `"id":"0"`) {
		t.Errorf("a forgotten one is answered %s", m.Payload)
	}
	if _, ok := p.Answer(time.Now(), meter.Command{}, meter.Result{}); ok {
		t.Error("a command that came from nowhere is answered")
	}
}

// TestARequestRemembersEachIdentifierOnce: however often it is asked for.
func TestARequestRemembersEachIdentifierOnce(t *testing.T) {
	p := platform(nil)
	again := strings.Repeat(`"meter01.frequency","meter01.voltage_a",`, 1000)
	rc := p.Receive(time.Now(), uplink.Inbound{Topic: "sys/pk/device/" + topicGet, Payload: fmt.Appendf(nil, `{"id":"1","params":[%s"meter01.frequency"]}`, again)})
	if rc.Command == nil || fmt.Sprint(rc.Command.Points) != "[frequency voltage.a]" {
		t.Fatalf("got %+v", rc.Command)
	}
	if got := p.asked[0].keys; fmt.Sprint(got) != "[frequency voltage_a]" || cap(got) > 100 {
		t.Errorf("remembered are %s", got)
	}
}
