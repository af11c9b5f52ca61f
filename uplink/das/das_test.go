package das

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"meterd/dlt645"
	"meterd/meter"
	"meterd/uplink"
	"meterd/uplink/uplinktest"
)

// published is the block "das" of the vectors.
type published struct {
	Password []struct {
		Name, Content, SignMethod string
		DeviceSecret              string `json:"device_secret"`
		Params                    map[string]string
		PasswordHex               string `json:"password_hex"`
	}
	Negative []struct{ Name, HMACSHA1 string } `json:"password_negative"`
	Connect  []struct {
		Name, MQTTClientID, MQTTUsername, MQTTPassword string
		TLS                                            bool
	}
	Messages []struct {
		Name, Dir, Topic string
		Payload          json.RawMessage
	}
	NTP []struct{ DeviceSendTime, ServerRecvTime, ServerSendTime, DeviceRecvTime, Exact int64 }
}

func vectors(t *testing.T) published {
	t.Helper()
	b, err := os.ReadFile("testdata/das.json")
	if err != nil {
		t.Fatal(err)
	}
	var all published
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	if len(all.Password) != 7 || len(all.Negative) != 2 || len(all.Connect) != 2 || len(all.Messages) != 11 || len(all.NTP) != 1 {
		t.Fatalf("the vectors are not the ones that are tested: %+v", all)
	}
	return all
}

func TestSignatures(t *testing.T) {
	all := vectors(t)
	for _, v := range all.Password {
		got := sign(v.SignMethod, v.DeviceSecret, v.Params)
		if got != v.PasswordHex {
			t.Errorf("%s: got %s, want %s", v.Name, got, v.PasswordHex)
		}
		for _, n := range all.Negative {
			if got == n.HMACSHA1 {
				t.Errorf("%s: got %s, which is wrong: %s", v.Name, got, n.Name)
			}
		}
	}
}

func docConfig() Config {
	return Config{Gateway: "12345", ProductID: "pk", DeviceID: "device", DeviceSecret: "secret", SignMethod: SignSHA1}
}

func TestLogin(t *testing.T) {
	for _, v := range vectors(t).Connect {
		c := docConfig()
		c.TLS = v.TLS
		if strings.Contains(v.MQTTClientID, SignSHA256) {
			c.SignMethod = SignSHA256
		}
		sim := &uplinktest.DAS{ProductID: "pk", DeviceID: "device", DeviceSecret: "secret", TLS: v.TLS}
		if !sim.Allow(v.MQTTClientID, v.MQTTUsername, v.MQTTPassword) || sim.Allow(v.MQTTClientID, v.MQTTUsername, v.MQTTPassword+"0") {
			t.Errorf("%s: the simulated platform does not tell right from wrong", v.Name)
		}
		got := New(c).Login(time.UnixMilli(789))
		got.Topics = nil
		want := uplink.Login{ClientID: strings.Replace(v.MQTTClientID, ",exclusive=true", "", 1), Username: v.MQTTUsername, Password: v.MQTTPassword}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, want %+v", v.Name, got, want)
		}
	}
}

func TestLoginWithoutClock(t *testing.T) {
	for _, v := range vectors(t).Password {
		if v.Name != "no_timestamp_hmacsha256" {
			continue
		}
		c := docConfig()
		c.SignMethod, c.Trusted = SignSHA256, func() bool { return false }
		got := New(c).Login(time.UnixMilli(789))
		got.Topics = nil
		if want := (uplink.Login{ClientID: "12345|securemode=3,signmethod=hmacsha256|", Username: "device&pk", Password: v.PasswordHex}); !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
		sim := &uplinktest.DAS{ProductID: "pk", DeviceID: "device", DeviceSecret: "secret"}
		if !sim.Allow(got.ClientID, got.Username, got.Password) {
			t.Error("the simulated platform refuses it")
		}
		return
	}
	t.Fatal("no such vector")
}

func TestUnknownSignMethodIsTheDefault(t *testing.T) {
	c := docConfig()
	c.SignMethod = ""
	if got := New(c).Login(time.UnixMilli(789)); got.ClientID != "12345|securemode=3,signmethod=hmacmd5,timestamp=789|" || got.Password != "5dad123ad9b620069d9a2a20f4d0be2f" {
		t.Errorf("got %+v", got)
	}
}

func TestSubDeviceLogin(t *testing.T) {
	var want loginMessage
	for _, v := range vectors(t).Messages {
		if v.Name == "sub_login" {
			if err := json.Unmarshal(v.Payload, &want); err != nil {
				t.Fatal(err)
			}
		}
	}
	c := docConfig()
	c.SignMethod = SignMD5
	at := time.UnixMilli(1581417203000)
	got := New(c).credentials(at, &uplink.Device{ID: "device", ProductID: "pk", Key: "secret"}, "12345")
	got["sign"] = strings.ToUpper(got["sign"]) // the page prints upper case
	if len(want.Params) != 1 || !reflect.DeepEqual(got, want.Params[0]) {
		t.Errorf("got %v, want %v", got, want.Params)
	}
}

var (
	unit1 = dlt645.Address{0x20, 0x24, 0x11, 0x20, 0x01, 0x01}
	unit2 = dlt645.Address{0x20, 0x24, 0x11, 0x20, 0x01, 0x02}
	unit3 = dlt645.Address{0x20, 0x24, 0x11, 0x20, 0x01, 0x03}
)

func number(s string) dlt645.Value {
	d, err := dlt645.ParseDecimal(s)
	if err != nil {
		panic(err)
	}
	return dlt645.Value{Kind: dlt645.Number, Dec: d}
}

func words(s string) dlt645.Value { return dlt645.Value{Kind: dlt645.Characters, Text: s} }

func reading(a dlt645.Address, ms int64, values ...any) *meter.Reading {
	r := &meter.Reading{Meter: a, Time: time.UnixMilli(ms), Trusted: true}
	for i := 0; i < len(values); i += 2 {
		r.Values = append(r.Values, meter.PointValue{Point: values[i].(string), Value: values[i+1].(dlt645.Value)})
	}
	return r
}

func device(a dlt645.Address, id string) uplink.Device {
	return uplink.Device{Meter: &meter.Handle{Name: id, Address: a}, ID: id}
}

var theMeters = []uplink.Device{
	device(unit1, "meter01"), {Meter: &meter.Handle{Name: "two", Address: unit2}, ID: "meter02", ProductID: "mp2", Key: "s2"}, device(unit3, "202411200103"),
}

func directory(devices []uplink.Device, rows ...uplink.Row) *uplink.Directory {
	d, clashes := uplink.NewDirectory(uplink.DirectoryConfig{Devices: devices, Rows: rows})
	if len(clashes) > 0 {
		panic(clashes)
	}
	return d
}

// platform has a meter with an id, one with its own product that logs in, and
// one with no more than its address.
func platform(change func(*Config), rows ...uplink.Row) *DAS {
	c := docConfig()
	c.SubProductID = "mp"
	c.Directory = directory(theMeters, rows...)
	if change != nil {
		change(&c)
	}
	p := New(c)
	p.id = 0
	return p
}

func simulated() *uplinktest.DAS {
	return &uplinktest.DAS{ProductID: "pk", DeviceID: "device", DeviceSecret: "secret", SubDevices: []uplinktest.DASDevice{
		{ProductID: "mp", DeviceID: "meter01"}, {ProductID: "mp2", DeviceID: "meter02", Secret: "s2"}, {ProductID: "mp", DeviceID: "202411200103"},
	}}
}

func TestTopicsAreTheDocuments(t *testing.T) {
	p, sim := platform(nil), simulated()
	for _, topic := range p.Login(time.Now()).Topics {
		if !sim.AllowSubscribe("", topic) {
			t.Errorf("%s is none of the document's", topic)
		}
	}
	for _, topic := range []string{"sys/pk/device/thing/gateway/login/response", "sys/pk/device/thing/properties/set"} {
		if !slices.Contains(p.Login(time.Now()).Topics, topic) {
			t.Errorf("%s is missing", topic)
		}
	}
}

func TestConstants(t *testing.T) {
	p := platform(nil)
	if l := p.Limits(); l != (uplink.Limits{Registers: 4, Batch: 50}) || p.StatusEvery() <= 0 {
		t.Errorf("not as agreed: %+v", l)
	}
}

// TestPublishedMessages sends what the pages show through both sides.
func TestPublishedMessages(t *testing.T) {
	type understood struct {
		receipt uplink.Receipt
		command string
	}
	want := map[string]understood{
		"property_up_ok":   {uplink.Receipt{ID: "thing/properties/up:123", Verdict: uplink.Accepted, Code: "200", Text: "success"}, ""},
		"property_up_fail": {uplink.Receipt{ID: "thing/properties/up:123", Verdict: uplink.Refused, Code: "460", Text: "request parameter error!"}, ""},
		"sub_login_resp":   {uplink.Receipt{ID: "thing/gateway/login:125", Verdict: uplink.Accepted, Code: "200", Text: "success"}, ""},
		"property_get":     {uplink.Receipt{}, `{"code":100002,"data":{},"id":"123","message":"there is no point \"test:Power\"","method":"thing.properties.get","version":"1.0"}`},
		"property_set":     {uplink.Receipt{}, "set temperature=30.5"},
	}
	sim := &uplinktest.DAS{ProductID: "pk", DeviceID: "device", DeviceSecret: "secret", SubDevices: []uplinktest.DASDevice{
		{ProductID: "mp", DeviceID: "meter01"}, {ProductID: "pk", DeviceID: "device", Secret: "secret"},
	}}
	p := New(Config{
		Gateway: "12345", ProductID: "pk", DeviceID: "device",
		Directory: directory([]uplink.Device{{Meter: &meter.Handle{Address: unit1}, ID: "meter01", ProductID: "mp"}}, uplink.Row{Point: "temperature", To: "temperature", Scale: -1}),
	})
	now := time.UnixMilli(1700000000000)
	for _, v := range vectors(t).Messages {
		name, _ := strings.CutPrefix(v.Topic, "sys/pk/device/")
		if v.Dir == "up" {
			if strings.Contains(v.Name, "_resp") {
				sim.Down(strings.TrimSuffix(name, "/response"), `{"id":"123"}`)
			}
			outs := sim.Receive(v.Topic, v.Payload, now)
			if (len(outs) == 1) == strings.Contains(v.Name, "_resp") {
				t.Errorf("%s: answers %v", v.Name, outs)
			}
			continue
		}
		w, ok := want[v.Name]
		if !ok {
			t.Errorf("%s: no expectation", v.Name)
			continue
		}
		got := p.Receive(now, uplink.Inbound{Topic: v.Topic, Payload: v.Payload})
		switch {
		case got.Command != nil:
			if s := fmt.Sprintf("%s %s=%s", got.Command.Op, got.Command.Point, got.Command.Value); s != w.command || got.Command.Meter.Address != unit1 {
				t.Errorf("%s: got %+v", v.Name, got.Command)
			}
		case got.Reply != nil:
			if string(got.Reply.Payload) != w.command || got.Reply.Topic != v.Topic+"/response" {
				t.Errorf("%s: got %s", v.Name, got.Reply.Payload)
			}
		case !reflect.DeepEqual(got, w.receipt):
			t.Errorf("%s: got %+v, want %+v", v.Name, got, w.receipt)
		}
	}
	seen := sim.Seen()
	if len(seen.Violations) > 0 || len(seen.Values) != 3 || len(seen.LoggedIn) != 1 || seen.Heartbeats != 1 || len(seen.Replies) != 2 {
		t.Errorf("the simulated platform saw %+v", seen)
	}
}

// TestOurMessagesHaveThePublishedForm compares ours with the vectors, member
// for member.
func TestOurMessagesHaveThePublishedForm(t *testing.T) {
	p := platform(nil, uplink.Row{Point: "power.active.total", To: "Power", Scale: -1})
	p.id = 123
	enc := p.Encode([16]byte{}, []uplink.Unit{{Reading: reading(unit1, 1524448722000, "power.active.total", number("1.5"))}})
	answer, _ := p.Answer(time.Now(), meter.Command{ID: internal(topicSet, "123") + ":meter01", Op: meter.OpSet, Meter: p.dir.Of(unit1).Meter}, meter.Result{})
	got := map[string]uplink.Message{"gateway_up": enc.Messages[0], "property_set_resp": answer}
	for _, v := range vectors(t).Messages {
		m, ok := got[v.Name]
		if !ok {
			continue
		}
		delete(got, v.Name)
		if m.Topic != v.Topic || !same(t, m.Payload, v.Payload) {
			t.Errorf("%s: got %s %s, want %s", v.Name, m.Topic, m.Payload, v.Payload)
		}
	}
	if len(got) > 0 {
		t.Errorf("not compared: %v", got)
	}
}

func same(t *testing.T, a, b []byte) bool {
	t.Helper()
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		t.Fatalf("no JSON: %s, %s", a, b)
	}
	return reflect.DeepEqual(x, y)
}

func TestClock(t *testing.T) {
	for _, v := range vectors(t).NTP {
		if got := exact(v.ServerRecvTime, v.ServerSendTime, v.DeviceRecvTime, v.DeviceSendTime); got != v.Exact {
			t.Errorf("got %d, want %d", got, v.Exact)
		}
		payload := fmt.Appendf(nil, `{"id":"1","deviceSendTime":%d,"serverRecvTime":%d,"serverSendTime":"%d"}`, v.DeviceSendTime, v.ServerRecvTime, v.ServerSendTime)
		got, ok := ClockOffset(payload, time.UnixMilli(v.DeviceRecvTime))
		if want := time.Duration(v.Exact-v.DeviceRecvTime) * time.Millisecond; !ok || got != want {
			t.Errorf("got %v %v, want %v", got, ok, want)
		}
	}
	for _, bad := range []string{``, `{}`, `[]`, `{"deviceSendTime":1,"serverRecvTime":2}`, `{"deviceSendTime":1,"serverRecvTime":2,"serverSendTime":9e99}`, `{"deviceSendTime":-1,"serverRecvTime":2,"serverSendTime":3}`} {
		if _, ok := ClockOffset([]byte(bad), time.Now()); ok {
			t.Errorf("%s is taken", bad)
		}
	}
	sim := simulated()
	now := time.UnixMilli(1700000000000)
	slow := now.Add(-time.Hour)
	m := platform(nil).ntp(slow)
	outs := sim.Receive(m.Topic, m.Payload, now)
	if len(outs) != 1 || outs[0].Topic != m.Topic+"/response" || len(sim.Seen().Violations) > 0 {
		t.Fatalf("%v %+v", outs, sim.Seen())
	}
	if got, ok := ClockOffset(outs[0].Payload, slow); !ok || got != time.Hour {
		t.Errorf("got %v", got)
	}
}

func TestRegistration(t *testing.T) {
	now := time.UnixMilli(1700000000000)
	for _, trusted := range []bool{true, false} {
		p, sim := platform(func(c *Config) { c.Trusted = func() bool { return trusted } }), simulated()
		for _, a := range []dlt645.Address{unit1, unit3} {
			if _, needed := p.Register(now, p.dir.Of(a), 0); needed {
				t.Errorf("%s has no secret, but logs in", a)
			}
		}
		m, needed := p.Register(now, p.dir.Of(unit2), 0)
		if _, more := p.Register(now, p.dir.Of(unit2), 1); !needed || more || m.Meter != unit2 {
			t.Fatalf("got %+v", m)
		}
		if strings.Contains(string(m.Payload), "timestamp") != trusted {
			t.Errorf("trusted %v: %s", trusted, m.Payload)
		}
		outs := sim.Receive(m.Topic, m.Payload, now)
		if seen := sim.Seen(); len(outs) != 1 || len(seen.Violations) > 0 || !slices.Equal(seen.LoggedIn, []string{"meter02"}) {
			t.Fatalf("%v %+v", outs, seen)
		}
		if got := p.Receive(now, uplink.Inbound{Topic: outs[0].Topic, Payload: outs[0].Payload}); got.ID != m.ID || got.Verdict != uplink.Accepted {
			t.Errorf("got %+v for %s", got, m.ID)
		}
	}
}

func TestEncodeGroupsByDevice(t *testing.T) {
	p, sim := platform(nil), simulated()
	now := time.UnixMilli(1700000100000)
	login, _ := p.Register(now, p.dir.Of(unit2), 0)
	sim.Receive(login.Topic, login.Payload, now)
	enc := p.Encode([16]byte{}, []uplink.Unit{
		{Reading: reading(unit1, 1700000000001, "voltage.a", number("220.10"), "relay", words(`clo"<sed`))},
		{Reading: reading(unit2, 1700000000002, "voltage.a", number("220.2"))},
		{Reading: reading(unit3, 1700000000003, "voltage.a", number("220.3"), "frequency", dlt645.Value{Kind: dlt645.Absent})},
		{Reading: reading(unit1, 1700000000004, "frequency", number("50.00"))},
		{Reading: reading(unit1, 1700000000005, "voltage.a", number("220.5"))},
		{Reading: reading(unit1, 1700000000006)},
		{Reading: reading(dlt645.Address{9}, 1700000000006, "voltage.a", number("1"))},
		{Event: &meter.Event{Meter: unit2, Time: time.UnixMilli(1700000000007), Kind: meter.EventOffline, By: "", Text: "silence"}},
	})
	if len(enc.Messages) != 3 {
		t.Fatalf("%d messages", len(enc.Messages))
	}
	event, shared, own := enc.Messages[0], enc.Messages[1], enc.Messages[2]
	if event.Meter != unit2 || !slices.Equal(event.Covers, []int{7}) || shared.Meter != (dlt645.Address{}) || !slices.Equal(shared.Covers, []int{0, 2, 3, 4}) ||
		own.Meter != unit2 || !slices.Equal(own.Covers, []int{1}) {
		t.Errorf("got %+v", enc.Messages)
	}
	const want = `{"id":"3","version":"1.0","sys":{"ack":1},"params":{"properties":{},"subDevices":[` +
		`{"identity":{"productId":"mp","deviceId":"meter01"},"properties":{"frequency":{"value":50.00,"time":1700000000004},` +
		`"relay":{"value":"clo\"\u003csed","time":1700000000001},"voltage_a":{"value":220.10,"time":1700000000001}}},` +
		`{"identity":{"productId":"mp","deviceId":"202411200103"},"properties":{"voltage_a":{"value":220.3,"time":1700000000003}}},` +
		`{"identity":{"productId":"mp","deviceId":"meter01"},"properties":{"voltage_a":{"value":220.5,"time":1700000000005}}}` +
		`]},"method":"thing.properties.gateway.up"}`
	if string(shared.Payload) != want {
		t.Errorf("got  %s\nwant %s", shared.Payload, want)
	}
	const wantEvent = `{"id":"2","version":"1.0","sys":{"ack":1},"identifier":"meter_offline","params":{"value":{"meter":"meter02","by":"","text":"silence"},"time":1700000000007},"method":"thing.event.up"}`
	if string(event.Payload) != wantEvent || event.Topic != "sys/pk/device/thing/event/up" {
		t.Errorf("got %s %s", event.Topic, event.Payload)
	}
	for _, m := range enc.Messages {
		outs := sim.Receive(m.Topic, m.Payload, now)
		if len(outs) != 1 {
			t.Fatalf("%d answers to %s", len(outs), m.Payload)
		}
		if got := p.Receive(now, uplink.Inbound{Topic: outs[0].Topic, Payload: outs[0].Payload}); got.Verdict != uplink.Accepted || got.ID != m.ID {
			t.Errorf("got %+v for %s", got, m.ID)
		}
	}
	if seen := sim.Seen(); len(seen.Violations) > 0 || len(seen.Values) != 6 || len(seen.Events) != 1 {
		t.Errorf("saw %+v", seen)
	}
}

func TestMessagesKeepBelowTheirBound(t *testing.T) {
	p := platform(nil)
	var units []uplink.Unit
	for i := range 50 {
		r := reading(unit1, 1700000000000+int64(i))
		n := 90
		if i == 7 {
			n = 3000 // alone more than a message
		}
		for k := range n {
			r.Values = append(r.Values, meter.PointValue{Point: fmt.Sprintf("some.point.%d", k), Value: words(strings.Repeat("<", k%12))})
		}
		units = append(units, uplink.Unit{Reading: r})
	}
	enc := p.Encode([16]byte{}, units)
	covered, values, ids := map[int]bool{}, 0, map[string]bool{}
	for _, m := range enc.Messages {
		if len(m.Payload) > 60<<10 || ids[m.ID] {
			t.Errorf("%s has %d bytes", m.ID, len(m.Payload))
		}
		ids[m.ID] = true
		values += strings.Count(string(m.Payload), `"time":`)
		for _, i := range m.Covers {
			covered[i] = true
		}
	}
	if len(covered) != 50 || values != 49*90+3000 || len(enc.Messages) > 16 {
		t.Errorf("%d covered, %d values, %d messages", len(covered), values, len(enc.Messages))
	}
}

func TestIDsAreNumbersOf32Bits(t *testing.T) {
	p := platform(nil)
	p.id = 1<<32 - 2
	for _, want := range []string{"4294967295", "0", "1"} {
		if got := p.nextID(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestAnswersAreUnderstood(t *testing.T) {
	p := platform(nil)
	const root = "sys/pk/device/"
	for _, c := range []struct {
		topic, payload string
		want           uplink.Receipt
	}{
		{topicBatch, `{"id":"1","code":200,"message":"success"}`, uplink.Receipt{ID: topicBatch + ":1", Verdict: uplink.Accepted, Code: "200", Text: "success"}},
		{topicBatch, `{"id":1,"code":460,"message":"no"}`, uplink.Receipt{ID: topicBatch + ":1", Verdict: uplink.Refused, Code: "460", Text: "no"}},
		{topicEvent, `{"id":"1","code":429}`, uplink.Receipt{ID: topicEvent + ":1", Verdict: uplink.TryLater, Code: "429"}},
		{topicEvent, `{"id":"1","code":100001}`, uplink.Receipt{ID: topicEvent + ":1", Verdict: uplink.Refused, Code: "100001"}},
		{topicBatch, `{"id":"1"}`, uplink.Receipt{}},
		{topicBatch, `{"code":200}`, uplink.Receipt{}},
		{topicBatch, `[]`, uplink.Receipt{}},
		{topicLogin, `{"id":"1","data":[{"deviceId":"a","code":200,"msg":"ok"},{"deviceId":"b","code":40001,"msg":"bad sign"},{"code":200}]}`, uplink.Receipt{ID: topicLogin + ":1", Verdict: uplink.Refused, Code: "40001", Text: "bad sign"}},
		{topicLogin, `{"id":"1","data":[{"deviceId":"a"}]}`, uplink.Receipt{}},
		{topicLogin, `{"id":"1","data":[]}`, uplink.Receipt{}},
		{topicLogin, `{"id":"1","code":200}`, uplink.Receipt{}},
		{topicLogin, `{"id":"1","code":429,"data":{}}`, uplink.Receipt{ID: topicLogin + ":1", Verdict: uplink.TryLater, Code: "429"}},
		{"thing/heart", `{"id":"1","code":200}`, uplink.Receipt{}},
	} {
		if got := p.Receive(time.Now(), uplink.Inbound{Topic: root + c.topic + "/response", Payload: []byte(c.payload)}); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s %s: got %+v, want %+v", c.topic, c.payload, got, c.want)
		}
	}
	for _, topic := range []string{"sys/pk/other/" + topicBatch + "/response", "", root} {
		if got := p.Receive(time.Now(), uplink.Inbound{Topic: topic, Payload: []byte(`{"id":"1","code":200}`)}); !reflect.DeepEqual(got, uplink.Receipt{}) {
			t.Errorf("%s: got %+v", topic, got)
		}
	}
}

// states are told to Status: unit2 is online, unit3 was never read.
func states() []meter.MeterState {
	return []meter.MeterState{
		{Address: unit1, Known: true, ReadAt: time.UnixMilli(1700000000123), Values: []meter.PointValue{{Point: "voltage.a", Value: number("220.1")}}},
		{Address: unit2, Known: true, Online: true, ReadAt: time.UnixMilli(1700000000456), Values: []meter.PointValue{{Point: "voltage.a", Value: number("220.2")}}},
		{Address: unit3, Known: true, Online: true},
	}
}

func TestQueriesOfAll(t *testing.T) {
	p, sim := platform(nil), simulated()
	now := time.UnixMilli(1700000100000)
	ask := func(name string) *uplink.Message {
		out := sim.Down(name, `{"id":"7","time":1700000000000}`)
		rc := p.Receive(now, uplink.Inbound{Topic: out.Topic, Payload: out.Payload})
		if rc.Command != nil || rc.Verdict != uplink.Ignored {
			t.Errorf("%s: got %+v", name, rc)
		}
		return rc.Reply
	}
	if ask(topicAllStates) != nil || ask(topicAllValues) != nil {
		t.Error("something is told that is not known")
	}
	if _, ok := p.Status(now, states()); ok {
		t.Error("there is no such message")
	}
	login, values := ask(topicAllStates), ask(topicAllValues)
	if login == nil || values == nil {
		t.Fatal("no reply")
	}
	if ask(topicAllStates) != nil || ask(topicAllValues) != nil {
		t.Error("who asks all the time is told all the time")
	}
	now = now.Add(10 * time.Second)
	if ask(topicAllStates) == nil || ask(topicAllValues) == nil {
		t.Error("who asks again after a while is not told")
	}
	for _, m := range []*uplink.Message{login, values} {
		sim.Receive(m.Topic, m.Payload, now)
	}
	seen := sim.Seen()
	if len(seen.Violations) > 0 || !slices.Equal(seen.LoggedIn, []string{"meter02"}) || len(seen.Values) != 2 || seen.Answers != 1 {
		t.Errorf("saw %+v", seen)
	}
	if !slices.Contains(seen.Values, uplinktest.DASValue{Device: "meter02", Identifier: "voltage_a", Value: "220.2", Time: 1700000000456}) {
		t.Errorf("values %+v", seen.Values)
	}
}

// TestValuesOfAQueryHaveTheirOwnTimes: each that of its reading, not that of the
// last one. While the clock is doubted nobody knows any of them.
func TestValuesOfAQueryHaveTheirOwnTimes(t *testing.T) {
	trusted := false
	p, sim := platform(func(c *Config) { c.Trusted = func() bool { return trusted } }), simulated()
	now := time.UnixMilli(1700000100000)
	p.Status(now, []meter.MeterState{{
		Address: unit2, Known: true, Online: true, ReadAt: time.UnixMilli(1700000060000),
		Values: []meter.PointValue{{Point: "energy.forward.total", Value: number("1234.56")}, {Point: "voltage.a", Value: number("220.2")}},
		Times:  []time.Time{time.UnixMilli(1699999200000), time.UnixMilli(1700000060000)},
	}})
	login, _ := p.Register(now, p.dir.Of(unit2), 0)
	sim.Receive(login.Topic, login.Payload, now)
	ask := func() *uplink.Message {
		out := sim.Down(topicAllValues, `{"id":"7","time":1700000000000}`)
		return p.Receive(now, uplink.Inbound{Topic: out.Topic, Payload: out.Payload}).Reply
	}
	if m := ask(); m != nil {
		t.Fatalf("told while the clock is doubted: %s", m.Payload)
	}
	trusted = true
	m := ask()
	if m == nil {
		t.Fatal("no reply")
	}
	sim.Receive(m.Topic, m.Payload, now)
	want := []uplinktest.DASValue{{Device: "meter02", Identifier: "energy_forward_total", Value: "1234.56", Time: 1699999200000}, {Device: "meter02", Identifier: "voltage_a", Value: "220.2", Time: 1700000060000}}
	got := sim.Seen().Values
	slices.SortFunc(got, func(a, b uplinktest.DASValue) int { return strings.Compare(a.Identifier, b.Identifier) })
	if !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v, violations %v", got, want, sim.Seen().Violations)
	}
}

func FuzzReceive(f *testing.F) {
	p := platform(nil)
	p.Status(time.Now(), states())
	for _, topic := range append(p.Login(time.Now()).Topics, "x") {
		f.Add(topic, []byte(`{"id":"1","code":200,"data":[{"code":1}],"identifier":"set","identity":{"deviceId":"meter01"},"params":{"meter":"meter01","relay":1}}`))
		f.Add(topic, []byte(`{"id":1,"params":["meter01.voltage_a"]}`))
	}
	f.Fuzz(func(t *testing.T, topic string, payload []byte) {
		rc := p.Receive(time.Now(), uplink.Inbound{Topic: topic, Payload: payload})
		if rc.Command != nil {
			if p.dir.Of(rc.Command.Meter.Address) == nil || len(rc.Command.ID) > meter.MostCommandID || rc.Command.Op == "" {
				t.Errorf("command %+v", rc.Command)
			}
			if m, ok := p.Answer(time.Now(), *rc.Command, meter.Result{}); ok != (rc.Command.ID != "") || ok && !json.Valid(m.Payload) {
				t.Errorf("answer %+v", m)
			}
		}
		if len(p.asked) > mostAsked {
			t.Errorf("%d requests are remembered", len(p.asked))
		}
	})
}

// TestTimeIsAskedForAndOffered: at once after a connect, each minute while the
// clock is doubted, each hour when it is not. An answer that was long under way
// does not count, nor one to another question.
func TestTimeIsAskedForAndOffered(t *testing.T) {
	now := time.UnixMilli(1700000000000)
	var offered []time.Time
	trusted := false
	p, sim := platform(func(c *Config) {
		c.Trusted = func() bool { return trusted }
		c.Offer = func(at time.Time) { offered, trusted = append(offered, at), true }
	}), simulated()
	if !slices.Contains(p.Login(time.Now()).Topics, p.root()+"thing/ntp/response") {
		t.Error("the answer's topic is not subscribed to")
	}
	p.Login(now)
	const slow = 90 * time.Minute // by so much our clock is behind
	ask := func(trip time.Duration) {
		t.Helper()
		m, ok, again := p.Ask(now)
		if !ok || again.Sub(now) != time.Minute || m.ID != "" {
			t.Fatalf("asked %v, again after %v, message %+v", ok, again.Sub(now), m)
		}
		outs := sim.Receive(m.Topic, m.Payload, now.Add(slow+trip/2))
		p.Receive(now.Add(trip), uplink.Inbound{Topic: outs[0].Topic, Payload: []byte(strings.Replace(string(outs[0].Payload), `"id":"`, `"id":"9`, 1))})
		p.Receive(now.Add(trip), uplink.Inbound{Topic: outs[0].Topic, Payload: outs[0].Payload})
	}
	ask(5 * time.Second)
	if len(offered) != 0 {
		t.Fatalf("offered %v, although it took 5 s", offered)
	}
	if _, ok, _ := p.Ask(now.Add(59 * time.Second)); ok {
		t.Error("asked again within a minute")
	}
	now = now.Add(time.Minute)
	ask(200 * time.Millisecond)
	if want := now.Add(slow + 200*time.Millisecond); len(offered) != 1 || !offered[0].Equal(want) {
		t.Fatalf("offered %v, want %v", offered, want)
	}
	if _, ok, again := p.Ask(now.Add(time.Minute)); ok || again.Sub(now) < time.Hour {
		t.Errorf("asked %v, again after %v", ok, again.Sub(now))
	}
	if v := sim.Seen().Violations; len(v) > 0 {
		t.Error(v)
	}
	if _, ok, _ := platform(nil).Ask(now); ok {
		t.Error("asked for nobody")
	}
}
