package das

import (
	"strings"
	"testing"
	"time"
)

// TestSimulatedPlatformIsStrict sends what the document does not allow.
func TestSimulatedPlatformIsStrict(t *testing.T) {
	const good = `{"id":"1","version":"1.0","sys":{"ack":1},"params":{"properties":{},"subDevices":[{"identity":{"productId":"mp","deviceId":"meter01"},` +
		`"properties":{"p":{"value":1.5,"time":1700000000000}}}]},"method":"thing.properties.gateway.up"}`
	now := time.UnixMilli(1700000100000)
	for _, c := range []struct{ name, old, new string }{
		{"good", "", ""},
		{"unknown member", `"id"`, `"x":1,"id"`},
		{"unknown inner member", `"value":1.5`, `"value":1.5,"x":1`},
		{"member twice", `"p":{"value":1.5,"time":1700000000000}`, `"p":{"value":1.5,"time":1700000000000},"p":{"value":1.6,"time":1700000000001}`},
		{"version", `"1.0"`, `"1"`},
		{"method", "gateway.up", "up"},
		{"id of letters", `"id":"1"`, `"id":"a1"`},
		{"id with a zero", `"id":"1"`, `"id":"01"`},
		{"id too great", `"id":"1"`, `"id":"4294967296"`},
		{"no id", `"id":"1",`, ``},
		{"no ack", `"sys":{"ack":1},`, ``},
		{"ack of 2", `"ack":1`, `"ack":2`},
		{"no time", `,"time":1700000000000`, ``},
		{"time in s", `1700000000000`, `1700000000`},
		{"time of the future", `1700000000000`, `1800000000000`},
		{"no value", `"value":1.5`, `"value":null`},
		{"object", `"value":1.5`, `"value":{}`},
		{"unknown device", `meter01`, `meter09`},
		{"wrong product", `"mp"`, `"pk"`},
		{"not logged in", `"mp","deviceId":"meter01"`, `"mp2","deviceId":"meter02"`},
		{"more than one", `gateway.up"}`, `gateway.up"}{}`},
	} {
		sim := simulated()
		sim.Receive("sys/pk/device/"+topicBatch, []byte(strings.Replace(good, c.old, c.new, 1)), now)
		if seen := sim.Seen(); len(seen.Violations) == 0 != (c.name == "good") {
			t.Errorf("%s: violations %v", c.name, seen.Violations)
		}
	}
	sim := simulated()
	for range 2 {
		sim.Receive("sys/pk/device/"+topicBatch, []byte(good), now)
	}
	if seen := sim.Seen(); len(seen.Violations) > 0 || seen.Resent != 1 || seen.Repeats != 1 || len(seen.Values) != 1 {
		t.Errorf("the same again: %+v", seen)
	}
	sim.Receive("sys/pk/device/"+topicBatch, []byte(strings.Replace(good, "1.5", "1.6", 1)), now)
	if seen := sim.Seen(); len(seen.Violations) != 2 { // the id, and two values of one time
		t.Errorf("an id with two contents: %v", seen.Violations)
	}
	for _, topic := range []string{"sys/pk/other/" + topicBatch, "sys/pk/device/thing/dance"} {
		sim := simulated()
		sim.Receive(topic, []byte(good), now)
		if len(sim.Seen().Violations) == 0 {
			t.Errorf("%s is allowed", topic)
		}
	}
	p := platform(nil)
	login, _ := p.Register(now, p.dir.Of(unit2), 0)
	for _, c := range []struct{ old, new, code string }{
		{"", "", "200"}, {`"deviceId":"meter02"`, `"deviceId":"meter09"`, "40002"}, {"hmacsha1", "hmacmd5", "40001"}, {`"timestamp":"1700000100000"`, `"timestamp":"1700000100001"`, "40001"},
	} {
		sim := simulated()
		outs := sim.Receive(login.Topic, []byte(strings.Replace(string(login.Payload), c.old, c.new, 1)), now)
		if len(outs) != 1 || !strings.Contains(string(outs[0].Payload), `"code":`+c.code) {
			t.Errorf("%s → %s: %s", c.old, c.new, outs)
		}
	}
	for _, id := range []string{"", "12345", "12345|securemode=2,signmethod=hmacsha1|", "12345|securemode=3,signmethod=hmacsha1,retain=1|", "12345|securemode=3,signmethod=sha1|"} {
		if sim.Allow(id, "device&pk", sign(SignSHA1, "secret", map[string]string{"clientId": "12345", "deviceId": "device", "productId": "pk"})) {
			t.Errorf("%q is allowed", id)
		}
	}
}
