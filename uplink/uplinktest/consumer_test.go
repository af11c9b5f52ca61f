package uplinktest

import (
	"strings"
	"testing"
	"time"
)

// TestConsumerSeesWhatIsWrong: one message that is right, then one that is not.
func TestConsumerSeesWhatIsWrong(t *testing.T) {
	const (
		readings = "meterd/gw/meter/m1/readings"
		right    = `{"id":"7f3c0a52-1-00000001","meter":"m1","name":"Unit 101","rows":[{"ts":1764201600000,"values":{"voltage_a":230.1}}]}`
	)
	for name, c := range map[string]struct{ layout, topic, payload, want string }{
		"the same again":               {"json", readings, right, ""},
		"another gateway's topic":      {"json", "meterd/other/status", "online", "topic"},
		"a topic of another layout":    {"json", "meterd/gw/m1/voltage_a", "1", "not one of the layout's"},
		"another meter than its topic": {"json", readings, strings.Replace(right, `"m1"`, `"m2"`, 1), "readings"},
		"an id of no form":             {"json", readings, strings.Replace(right, "7f3c0a52-1-00000001", "1", 1), "id"},
		"something else under its id":  {"json", readings, strings.Replace(right, "230.1", "230.2", 1), "comes again with something else"},
		"another value at its time":    {"json", readings, strings.NewReplacer("230.1", "230.2", "-00000001", "-00000002").Replace(right), "was 230.1 and is 230.2"},
		"a time in seconds":            {"json", readings, strings.NewReplacer("000000,", "000,", "-00000001", "-00000002").Replace(strings.Replace(right, "1764201600000", "1764201600", 1)), "a row of"},
		"an exponent":                  {"json", readings, strings.NewReplacer("230.1", "2.3e2", "1764201600000", "1764201600001", "-00000001", "-00000002").Replace(right), "is 2.3e2"},
		"a member that is none":        {"json", readings, strings.Replace(right, `"rows"`, `"more":1,"rows"`, 1), "readings"},
		"a member twice":               {"json", readings, strings.Replace(right, `"name"`, `"meter":"m1","name"`, 1), "stands twice"},
		"a status of other words":      {"json", "meterd/gw/status", "ONLINE", "ONLINE"},
		"a state without a time":       {"json", "meterd/gw/meter/m1/state", `{"voltage_a":1,"b":2}`, ""}, // the clock is not known yet
		"a state of no time":           {"json", "meterd/gw/meter/m1/state", `{"ts":1764201600,"voltage_a":1}`, "no time"},
		"a state of nothing":           {"json", "meterd/gw/meter/m1/state", `{"ts":1764201600000}`, "of nothing"},
		"an answer without an outcome": {"json", "meterd/gw/cmd/response", `{"id":"1","ok":true}`, "response"},
		"an event without a time":      {"json", "meterd/gw/meter/m1/event", `{"id":"7f3c0a52-1-00000009","meter":"m1","event":"x"}`, "event"},
		"JSON where text is meant":     {"flat", "meterd/gw/m1/voltage_a", `"230.1"`, "no plain text"},
		"a device not connected":       {"thingsboard", "v1/gateway/telemetry", `{"m1":[{"ts":1764201600000,"values":{"a":1}}]}`, "connected false"},
		"two devices in one":           {"thingsboard", "v1/gateway/telemetry", `{"a":[],"b":[]}`, "2 devices"},
	} {
		t.Run(name, func(t *testing.T) {
			p := &Consumer{Gateway: "gw", Prefix: "meterd", Layout: c.layout}
			if c.layout == "json" {
				p.Receive(readings, []byte(right), time.Now())
			}
			if v := p.Seen().Violations; len(v) > 0 {
				t.Fatal(v)
			}
			p.Receive(c.topic, []byte(c.payload), time.Now())
			if v := strings.Join(p.Seen().Violations, "; "); c.want == "" && v != "" || !strings.Contains(v, c.want) {
				t.Errorf("got %q, want %q", v, c.want)
			}
		})
	}
	p := &Consumer{Gateway: "gw", Prefix: "meterd", Layout: "json"}
	for _, ms := range []string{"1764201600000", "1764201600001", "1764201600000"} {
		p.Receive("meterd/gw/meter/m1/state", []byte(`{"ts":`+ms+`,"voltage_a":1}`), time.Now())
	}
	if v := p.Seen().Violations; len(v) != 1 || !strings.Contains(v[0], "a state of 1764201600000 after one of 1764201600001") {
		t.Errorf("an older state: %v", v)
	}
	for topic, retained := range map[string]bool{readings: true, "meterd/gw/status": false, "meterd/gw/cmd/response": true, "homeassistant/device/x/config": false} {
		before := len(p.Seen().Violations)
		p.Published("gw", topic, retained)
		if len(p.Seen().Violations) == before {
			t.Errorf("%s with retain %v passes", topic, retained)
		}
	}
}
