package onenet

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"meterd/dlt645"
	"meterd/meter"
	"meterd/uplink"
)

// published is testdata/onenet.json: what the documents and official examples
// show.
type published struct {
	Token []struct {
		Name, Method, Res, Token string
		AccessKey                string `json:"access_key"`
		ET                       int64
	}
	URLEncode [][2]string
	StreamID  struct{ Valid, Invalid []string } `json:"stream_id"`
	Messages  []struct {
		Name, Dir, Topic string
		Payload          json.RawMessage
	}
}

func vectors(t *testing.T) published {
	t.Helper()
	b, err := os.ReadFile("testdata/onenet.json")
	if err != nil {
		t.Fatal(err)
	}
	var p published
	if err := json.Unmarshal(b, &p); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPublishedTokens(t *testing.T) {
	v := vectors(t)
	if len(v.Token) < 7 {
		t.Fatalf("%d tokens", len(v.Token))
	}
	for _, c := range v.Token {
		if got, err := Token(c.AccessKey, c.Method, c.Res, c.ET); err != nil || got != c.Token {
			t.Errorf("%s: got %s (%v), want %s", c.Name, got, err, c.Token)
		}
	}
	for _, c := range v.URLEncode {
		if got := escape(c[0]); got != c[1] {
			t.Errorf("%q is escaped as %s, want %s", c[0], got, c[1])
		}
	}
	if _, err := Token("not base64!", "sha1", "", 0); err == nil {
		t.Error("a key that is not Base64 is taken")
	}
	if _, err := Token("", "hmacsha1", "", 0); err == nil {
		t.Error("a method that is none is taken")
	}
}

func TestTokenOfADeadClock(t *testing.T) {
	built := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	i := Identity{ProductID: "1", Device: "d", AccessKey: "a2V5", Method: "sha256", Built: built}
	for now, want := range map[time.Time]time.Time{
		time.Unix(0, 0):                 built.Add(deadClock),
		built.Add(time.Hour):            built.Add(time.Hour + tokenLife),
		built.Add(-time.Second):         built.Add(deadClock),
		built.Add(50 * 365 * time.Hour): built.Add(50*365*time.Hour + tokenLife),
	} {
		if got := i.Login(now).Password; !strings.Contains(got, fmt.Sprintf("&et=%d&", want.Unix())) {
			t.Errorf("at %v: %s, want the end %d", now, got, want.Unix())
		}
	}
}

func TestStreamNames(t *testing.T) {
	v := vectors(t)
	for _, s := range v.StreamID.Valid {
		if !StreamName(s) {
			t.Errorf("%q is refused", s)
		}
	}
	for _, s := range v.StreamID.Invalid {
		if StreamName(s) {
			t.Errorf("%q is taken", s)
		}
	}
}

var (
	m1 = dlt645.Address{0x20, 0x24, 0x11, 0x20, 0x01, 0x01}
	m2 = dlt645.Address{0x20, 0x24, 0x11, 0x20, 0x01, 0x02}
)

var h1, h2 = &meter.Handle{Name: "m1", Address: m1}, &meter.Handle{Name: "m2", Address: m2}

func directory() *uplink.Directory {
	d, clashes := uplink.NewDirectory(uplink.DirectoryConfig{Devices: []uplink.Device{{Meter: h1, ID: "202411200101", Key: "a2V5MQ=="}, {Meter: h2, ID: "202411200102", Key: "a2V5Mg=="}}})
	if len(clashes) > 0 {
		panic(clashes)
	}
	return d
}

func unit(seq uint64, a dlt645.Address, at int64, values ...string) uplink.Unit {
	r := &meter.Reading{Meter: a, Time: time.Unix(at, 0), Trusted: true}
	for _, v := range values {
		point, text, _ := strings.Cut(v, "=")
		d, err := dlt645.ParseDecimal(text)
		if err != nil {
			panic(err)
		}
		r.Values = append(r.Values, meter.PointValue{Point: point, Value: dlt645.Value{Kind: dlt645.Number, Dec: d}})
	}
	return uplink.Unit{Seq: seq, Reading: r}
}

func TestStreamsOfTheSuite(t *testing.T) {
	units := []uplink.Unit{
		unit(1, m1, 1700000000, "voltage.a=220.1", "frequency=50.00"), unit(2, m1, 1700000060, "voltage.a=221.0"),
		unit(3, m2, 1700000000, "energy.forward.total=12.50"), unit(4, m1, 1700000000, "energy.forward.total=7.00"),
		{Seq: 5, Event: &meter.Event{Meter: m1, Time: time.Unix(1700000001, 0), Kind: meter.EventOffline, Text: "silence"}},
	}
	for streams, want := range map[string][]string{
		StreamsObject: {`$sys/469948/Chic_D/dp/post/json {"id":1,"dp":{"202411200101":[{"v":{"energy_forward_total":7.00,"frequency":50.00,"voltage_a":220.1},"t":1700000000},{"v":{"voltage_a":221.0},"t":1700000060}],"202411200101_event":[{"v":{"meter_offline":{"by":"","text":"silence"}},"t":1700000001}],"202411200102":[{"v":{"energy_forward_total":12.50},"t":1700000000}]}} [0 1 2 3 4]`},
		StreamsFlat:   {`$sys/469948/Chic_D/dp/post/json {"id":1,"dp":{"202411200101_event":[{"v":{"meter_offline":{"by":"","text":"silence"}},"t":1700000001}],"202411200101_frequency":[{"v":50.00,"t":1700000000}],"202411200101_voltage_a":[{"v":220.1,"t":1700000000},{"v":221.0,"t":1700000060}]}} [0 1 4]`},
		StreamsSubdev: {
			`$subdev/469948/202411200101/dp/post/json {"id":1,"dp":{"energy_forward_total":[{"v":7.00,"t":1700000000}],"event":[{"v":{"meter_offline":{"by":"","text":"silence"}},"t":1700000001}],"frequency":[{"v":50.00,"t":1700000000}],"voltage_a":[{"v":220.1,"t":1700000000},{"v":221.0,"t":1700000060}]}} [0 1 3 4]`,
			`$subdev/469948/202411200102/dp/post/json {"id":2,"dp":{"energy_forward_total":[{"v":12.50,"t":1700000000}]}} [2]`,
		},
	} {
		s := NewSuite(SuiteConfig{Identity: Identity{ProductID: "469948", Device: "Chic_D"}, Streams: streams, Directory: directory()})
		s.last = 0
		enc := s.Encode([16]byte{}, units)
		if len(enc.Messages) != len(want) {
			t.Fatalf("%s: %d messages", streams, len(enc.Messages))
		}
		for i, m := range enc.Messages {
			if got := fmt.Sprintf("%s %s %v", m.Topic, m.Payload, m.Covers); got != want[i] {
				t.Errorf("%s: got\n%s, want\n%s", streams, got, want[i])
			}
		}
		// A flat name over 30 characters is withheld: {12 digits}_energy_forward_total.
		if wantHeld := map[string]int{StreamsFlat: 2}[streams]; enc.Withheld != wantHeld {
			t.Errorf("%s: %d withheld, want %d", streams, enc.Withheld, wantHeld)
		}
	}
}

func TestMessagesStayWithinTheirSize(t *testing.T) {
	s := NewSuite(SuiteConfig{Identity: Identity{ProductID: "1", Device: "d"}, Streams: StreamsObject, Directory: directory()})
	var units []uplink.Unit
	var many []string
	var ps meter.Points
	for _, n := range ps.Names() {
		if p, ok := ps.Lookup(n); ok && p.From == nil && len(n) <= 30 {
			many = append(many, n+"=123456.78")
		}
	}
	for i := range 200 {
		units = append(units, unit(uint64(i+1), m1, 1700000000+int64(i)*60, many...))
	}
	covered := 0
	for _, m := range s.Encode([16]byte{}, units).Messages {
		covered += len(m.Covers)
		if len(m.Payload) > 100<<10 {
			t.Errorf("a message of %d bytes", len(m.Payload))
		}
	}
	if covered != 200 {
		t.Errorf("%d of 200 readings are in a message", covered)
	}
}

func TestReceiptsOfTheSuite(t *testing.T) {
	s := NewSuite(SuiteConfig{Identity: Identity{ProductID: "469948", Device: "Chic_D"}, Streams: StreamsObject, Directory: directory()})
	want := map[string]string{
		"dp_accepted": "dp:123 1 false ", "dp_rejected": "dp:123 3 false 98", "dp_rejected_bad_id": " 0 true 98",
	}
	for _, v := range vectors(t).Messages {
		if w, ok := want[v.Name]; ok {
			rc := s.Receive(time.Now(), uplink.Inbound{Topic: v.Topic, Payload: v.Payload})
			if got := fmt.Sprintf("%s %d %v %s", rc.ID, rc.Verdict, rc.Nameless, rc.Code); got != w {
				t.Errorf("%s: got %q, want %q", v.Name, got, w)
			}
			delete(want, v.Name)
		}
	}
	if len(want) > 0 {
		t.Errorf("not among the vectors: %v", want)
	}
}

func TestCommandsOfTheSuite(t *testing.T) {
	s := NewSuite(SuiteConfig{Identity: Identity{ProductID: "1", Device: "d"}, Streams: StreamsObject, Directory: directory()})
	topic := "$sys/1/d/cmd/request/0cca0f27"
	for body, want := range map[string]string{
		`{"meter":"202411200101","op":"read","points":["voltage"]}`:         "read [voltage]",
		`{"meter":"202411200101","op":"relay","action":"trip"}`:             "relay trip",
		`{"meter":"202411200101","op":"set","point":"04000103","value":15}`: "write 04000103=15",
		`{"meter":"202411200101","op":"demand-reset"}`:                      "demand-reset",
		`{"meter":"nobody","op":"read","points":["voltage"]}`:               `refused there is no meter \"nobody\"`,
		`{"meter":"202411200101","op":"explode"}`:                           `refused there is no operation`,
		`{"meter":"202411200101","op":"relay"}`:                             "refused relay takes",
		`hello`:                                                             "refused want JSON",
	} {
		rc := s.Receive(time.Now(), uplink.Inbound{Topic: topic, Payload: []byte(body)})
		got := ""
		switch c := rc.Command; {
		case c == nil && rc.Reply != nil && rc.Reply.Topic == "$sys/1/d/cmd/response/0cca0f27":
			got = "refused " + string(rc.Reply.Payload)
			if !strings.Contains(got, strings.TrimPrefix(want, "refused ")) {
				t.Errorf("%s: got %s, want %s", body, got, want)
			}
			continue
		case c == nil:
			t.Fatalf("%s: %+v", body, rc)
		case c.Op == meter.OpRead:
			got = fmt.Sprintf("read %v", c.Points)
		case c.Op == meter.OpRelay:
			got = "relay " + c.Relay.Text().EN
		case c.Op == meter.OpSet, c.Op == meter.OpWrite:
			got = fmt.Sprintf("%s %s=%s", c.Op, c.Point, c.Value)
		default:
			got = string(c.Op)
		}
		if got != want || rc.Command.Meter != h1 {
			t.Errorf("%s: got %s, want %s", body, got, want)
		}
	}
	// Many values must fit into less than a kilobyte.
	var values []meter.PointValue
	var ps meter.Points
	for _, n := range ps.Names() {
		values = append(values, meter.PointValue{Point: n, Value: dlt645.Value{Kind: dlt645.Number, Dec: dlt645.Decimal{Coef: 123456, Scale: 2}}})
	}
	m, ok := s.Answer(time.Now(), meter.Command{ID: topic}, meter.Result{Outcome: meter.Done, Values: values})
	if !ok || len(m.Payload) >= 1024 || !json.Valid(m.Payload) || !strings.Contains(string(m.Payload), `"more":true`) || !strings.Contains(string(m.Payload), `"outcome":"done"`) {
		t.Errorf("an answer of %d bytes: %s", len(m.Payload), m.Payload)
	}
	if m, _ := s.Answer(time.Now(), meter.Command{ID: topic}, meter.Result{Outcome: meter.Denied, Text: dlt645.Text{EN: "not allowed"}}); string(m.Payload) != `{"outcome":"denied","text":"not allowed"}` {
		t.Errorf("denied is told as %s", m.Payload)
	}
}

func TestPacksOfStudio(t *testing.T) {
	s := NewStudio(StudioConfig{Identity: Identity{ProductID: "p1", Device: "gw", Method: "sha256"}, Directory: directory()})
	s.last = 0
	live := s.Encode([16]byte{}, []uplink.Unit{unit(1, m1, 1700000000, "voltage.a=220.1"), unit(2, m2, 1700000001, "voltage.a=221.0"), unit(3, m1, 1700000002, "frequency=50.00")})
	want := `$sys/p1/gw/thing/pack/post {"id":"1","version":"1.0","params":[{"identity":{"productID":"p1","deviceName":"202411200101"},"properties":{"frequency":{"value":50.00,"time":1700000002000},"voltage_a":{"value":220.1,"time":1700000000000}},"events":{}},{"identity":{"productID":"p1","deviceName":"202411200102"},"properties":{"voltage_a":{"value":221.0,"time":1700000001000}},"events":{}}]} [0 1 2]`
	if len(live.Messages) != 1 || fmt.Sprintf("%s %s %v", live.Messages[0].Topic, live.Messages[0].Payload, live.Messages[0].Covers) != want {
		t.Errorf("got %s %s", live.Messages[0].Topic, live.Messages[0].Payload)
	}
	var units []uplink.Unit
	for i := range 90 {
		units = append(units, unit(uint64(i), m1, 1700000000+int64(i), "voltage.a=220.1", "frequency=50.00"))
	}
	messages := s.Encode([16]byte{}, units).Messages
	if len(messages) != 2 || !strings.HasSuffix(messages[0].Topic, "history/post") || len(messages[0].Covers) != 50 || len(messages[1].Covers) != 40 {
		t.Errorf("180 values of one device come in %d messages", len(messages))
	}
}

func TestCommandsOfStudio(t *testing.T) {
	s := NewStudio(StudioConfig{Identity: Identity{ProductID: "p1", Device: "gw"}, Directory: directory()})
	for call, want := range map[string]string{
		`sub/property/get {"productID":"p1","deviceName":"202411200101","params":["voltage_a","frequency"]}`:               "read [voltage.a frequency]",
		`sub/property/set {"productID":"p1","deviceName":"202411200101","params":{"relay":"open"}}`:                        "relay trip",
		`sub/property/set {"productID":"p1","deviceName":"202411200101","params":{"relay":true}}`:                          "relay close",
		`sub/service/invoke {"productID":"p1","deviceName":"202411200101","identifier":"relay","input":{"action":"trip"}}`: "relay trip",
		`sub/service/invoke {"productID":"p1","deviceName":"202411200101","identifier":"demand_reset","params":{}}`:        "demand-reset",
		`sub/property/set {"productID":"p1","deviceName":"202411200101","params":{"relay":"ajar"}}`:                        "400",
		`sub/property/get {"productID":"p1","deviceName":"nobody","params":["voltage_a"]}`:                                 "404",
		`sub/property/get {"productID":"p1","deviceName":"202411200101","params":["colour"]}`:                              "404",
	} {
		name, params, _ := strings.Cut(call, " ")
		rc := s.Receive(time.Now(), uplink.Inbound{Topic: "$sys/p1/gw/thing/" + name, Payload: fmt.Appendf(nil, `{"id":"7","version":"1.0","params":%s}`, params)})
		got := ""
		switch c := rc.Command; {
		case c == nil && rc.Reply != nil:
			got = want
			if !strings.Contains(string(rc.Reply.Payload), `"id":"7","code":`+want) || rc.Reply.Topic != "$sys/p1/gw/thing/"+name+"_reply" {
				t.Errorf("%s: %s", call, rc.Reply.Payload)
			}
		case c == nil:
			t.Fatalf("%s: %+v", call, rc)
		case c.Op == meter.OpRead:
			got = fmt.Sprintf("read %v", c.Points)
		case c.Op == meter.OpRelay:
			got = "relay " + c.Relay.Text().EN
		default:
			got = string(c.Op)
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", call, got, want)
		}
		if rc.Command != nil {
			m, ok := s.Answer(time.Now(), *rc.Command, meter.Result{Outcome: meter.Done, Values: []meter.PointValue{{Point: "voltage.a", Value: dlt645.Value{Kind: dlt645.Number, Dec: dlt645.Decimal{Coef: 2201, Scale: 1}}}}})
			told := `{"id":"7","code":200,"msg":"done"}`
			switch name {
			case "sub/property/get":
				told = `{"id":"7","code":200,"msg":"done","data":{"voltage_a":220.1}}`
			case "sub/service/invoke":
				told = fmt.Sprintf(`{"id":"7","code":200,"msg":"done","data":{"deviceName":"202411200101","productID":"p1","identifier":%q,"output":{"voltage_a":220.1}}}`, strings.ReplaceAll(string(rc.Command.Op), "-", "_"))
			}
			if !ok || m.Topic != "$sys/p1/gw/thing/"+name+"_reply" || string(m.Payload) != told {
				t.Errorf("%s: answered %s on %s", call, m.Payload, m.Topic)
			}
		}
	}
}

// TestAGatewayNamedLikeAMeterIsNotThatMeter: a command on the gateway's own
// topic names its meter in its body, or none.
func TestAGatewayNamedLikeAMeterIsNotThatMeter(t *testing.T) {
	s := NewSuite(SuiteConfig{Identity: Identity{ProductID: "1", Device: "202411200101"}, Streams: StreamsSubdev, Directory: directory()})
	for _, c := range []struct {
		name, topic, body string
		want              *meter.Handle
	}{
		{"on the gateway's topic, of no meter", "$sys/1/202411200101/cmd/request/7", `{"op":"relay","action":"trip"}`, nil},
		{"on the gateway's topic, of another meter", "$sys/1/202411200101/cmd/request/7", `{"meter":"202411200102","op":"relay","action":"trip"}`, h2},
		{"on the meter's topic", "$subdev/1/202411200101/cmd/request/7", `{"op":"relay","action":"trip"}`, h1},
	} {
		rc := s.Receive(time.Now(), uplink.Inbound{Topic: c.topic, Payload: []byte(c.body)})
		var got *meter.Handle
		if rc.Command != nil {
			got = rc.Command.Meter
		}
		if got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
	}
}
