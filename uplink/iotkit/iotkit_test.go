package iotkit

import (
	"crypto/hmac"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"meterd/dlt645"
	"meterd/meter"
	"meterd/uplink"
	"meterd/uplink/uplinktest"
)

// published is the block "iotkit" of the vectors.
type published struct {
	Password []struct {
		ProductSecret string `json:"product_secret"`
		ProductKey    string `json:"product_key"`
		DeviceName    string `json:"device_name"`
		Model         string
		ClientID      string `json:"client_id"`
		Username      string
		Password      string
	}
	Negative []struct {
		Name     string
		ClientID string `json:"client_id"`
		MD5      string
	} `json:"password_negative"`
	ClientIDs []struct {
		ClientID string `json:"client_id"`
		Parts    []string
		OK       any
	} `json:"client_id_cases"`
	Messages []struct {
		Name, Dir, Topic string
		Topics           []string
		Payload          json.RawMessage
	}
}

func vectors(t *testing.T) published {
	t.Helper()
	b, err := os.ReadFile("testdata/iotkit.json")
	if err != nil {
		t.Fatal(err)
	}
	var v published
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

var (
	testMeter = dlt645.Address{0x20, 0x24, 0x11, 0x20, 0x01, 0x01}
	second    = dlt645.Address{0x20, 0x24, 0x11, 0x20, 0x01, 0x02}
	testNow   = time.Unix(1700000000, 0)
)

func number(s string) dlt645.Value {
	d, err := dlt645.ParseDecimal(s)
	if err != nil {
		panic(err)
	}
	return dlt645.Value{Kind: dlt645.Number, Dec: d}
}

func words(s string) dlt645.Value { return dlt645.Value{Kind: dlt645.Characters, Text: s} }

func reading(age time.Duration, values ...any) *meter.Reading {
	r := &meter.Reading{Meter: testMeter, Time: testNow.Add(-age)}
	for i := 0; i < len(values); i += 2 {
		r.Values = append(r.Values, meter.PointValue{Point: values[i].(string), Value: values[i+1].(dlt645.Value)})
	}
	return r
}

func directory(first, other string, rows ...uplink.Row) *uplink.Directory {
	d, clashes := uplink.NewDirectory(uplink.DirectoryConfig{Rows: rows, Devices: []uplink.Device{
		{Meter: &meter.Handle{Name: "one", Address: testMeter}, ID: first}, {Meter: &meter.Handle{Name: "two", Address: second}, ID: other},
	}})
	if len(clashes) > 0 {
		panic(clashes)
	}
	return d
}

// platform has two meters, and names as the vectors have them.
func platform(c Config, rows ...uplink.Row) *Iotkit {
	c.ProductKey, c.ProductSecret, c.DeviceName, c.Model = "gwpk", "secret", "gwdn", "GW01"
	c.SubProductKey, c.SubModel = "subpk", "M1"
	c.Directory = directory("AA0001", "202411200102", rows...)
	c.Now = func() time.Time { return testNow }
	k := New(c)
	k.firstID, k.lastID = 0, 0 // so that a test can name ids
	return k
}

func encodeOne(k *Iotkit, u uplink.Unit) uplink.Encoded {
	return k.Encode([16]byte{1}, []uplink.Unit{u})
}

// same reports whether two JSON texts mean the same.
func same(a, b []byte) bool {
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && fmt.Sprintf("%#v", x) == fmt.Sprintf("%#v", y)
}

func TestLoginIsThePublishedOne(t *testing.T) {
	cases := vectors(t).Password
	if len(cases) != 2 {
		t.Fatalf("%d cases", len(cases))
	}
	for _, v := range cases {
		c := Config{ProductKey: v.ProductKey, ProductSecret: v.ProductSecret, DeviceName: v.DeviceName, Model: v.Model, SubProductKey: "x"}
		got := New(c).Login(time.Time{})
		if got.ClientID != v.ClientID || got.Username != v.Username || got.Password != v.Password {
			t.Errorf("got %+v, want %+v", got, v)
		}
		if err := Check(c); err != nil {
			t.Errorf("Check: %v", err)
		}
		p := &uplinktest.Iotkit{Products: map[string]string{v.ProductKey: v.ProductSecret}}
		if !p.Allow(got.ClientID, got.Username, strings.ToUpper(got.Password)) {
			t.Errorf("the simulated platform does not let %+v in", got)
		}
	}
}

func TestWrongLoginsAreRefused(t *testing.T) {
	v := vectors(t)
	good := v.Password[0]
	p := &uplinktest.Iotkit{Products: map[string]string{good.ProductKey: good.ProductSecret}}
	mac := hmac.New(md5.New, []byte(good.ProductSecret))
	mac.Write([]byte(good.ClientID))
	sum := func(s string) string {
		b := md5.Sum([]byte(s))
		return hex.EncodeToString(b[:])
	}
	how := map[string]string{
		"comma_between":               sum(good.ProductSecret + "," + good.ClientID),
		"md5_of_clientid_then_secret": sum(good.ClientID + good.ProductSecret),
		"hmac_md5":                    hex.EncodeToString(mac.Sum(nil)),
	}
	for _, n := range v.Negative {
		if n.ClientID != "" {
			if p.Allow(n.ClientID, good.Username, sum(good.ProductSecret+n.ClientID)) {
				t.Errorf("%s: client id %s is let in", n.Name, n.ClientID)
			}
			continue
		}
		if how[n.Name] != n.MD5 || n.MD5 == good.Password || p.Allow(good.ClientID, good.Username, n.MD5) {
			t.Errorf("%s: %s, published %s", n.Name, how[n.Name], n.MD5)
		}
	}
}

// TestClientIDs holds Check and the simulated platform to the published ones;
// of those that only one version takes, neither takes any.
func TestClientIDs(t *testing.T) {
	for _, v := range vectors(t).ClientIDs {
		ok := v.OK == true
		parts := strings.Split(v.ClientID, "_")
		c := Config{ProductKey: parts[0], DeviceName: strings.Join(parts[1:len(parts)-1], "_"), Model: parts[len(parts)-1], ProductSecret: "s", SubProductKey: "sub"}
		if len(v.Parts) == 4 && v.OK != false { // pk_dn_a_b: the model is a_b
			c.DeviceName, c.Model = parts[1], "a_b"
		}
		l := New(c).Login(time.Time{})
		if l.ClientID != v.ClientID {
			t.Errorf("client id %s, want %s", l.ClientID, v.ClientID)
		}
		if err := Check(c); (err == nil) != ok {
			t.Errorf("%s: Check gives %v, want ok %v", v.ClientID, err, ok)
		}
		p := &uplinktest.Iotkit{Products: map[string]string{"pk": "s"}}
		if p.Allow(l.ClientID, l.Username, l.Password) != ok {
			t.Errorf("%s is let in: %v, want %v", v.ClientID, !ok, ok)
		}
	}
}

func TestCheckTellsEachMistake(t *testing.T) {
	good := Config{ProductKey: "p", ProductSecret: "s", DeviceName: "d", Model: "m", SubProductKey: "q", Directory: directory("a_b", "x_202411200102")}
	if err := Check(good); err != nil {
		t.Fatal(err)
	}
	for want, spoil := range map[string]func(*Config){
		"product_key is empty":    func(c *Config) { c.ProductKey = "" },
		"underscore":              func(c *Config) { c.DeviceName = "a_b" },
		"model is empty":          func(c *Config) { c.Model = "" },
		"product_secret":          func(c *Config) { c.ProductSecret = "" },
		"sub_product_key":         func(c *Config) { c.SubProductKey = "" },
		"meaning in topics":       func(c *Config) { c.Directory = directory("a/b", "c") },
		"that of the gateway and": func(c *Config) { c.Directory = directory("a_b", "d") },
		`backfill "some"`:         func(c *Config) { c.Backfill = "some" },
		"the time of old readings": func(c *Config) {
			c.Backfill, c.Directory = BackfillEvent, directory("a", "b", uplink.Row{Point: "frequency", To: "time"})
		},
	} {
		c := good
		spoil(&c)
		if err := Check(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// message gives the payload and topics of a published message.
func message(t *testing.T, name string, replace ...string) (topics []string, payload json.RawMessage) {
	t.Helper()
	for _, m := range vectors(t).Messages {
		if m.Name == name {
			for _, topic := range append(m.Topics, m.Topic) {
				if topic != "" {
					topics = append(topics, strings.NewReplacer(append(replace, "{gwpk}", "gwpk", "{gwdn}", "gwdn", "{pk}", "subpk", "{dn}", "AA0001")...).Replace(topic))
				}
			}
			return topics, m.Payload
		}
	}
	t.Fatalf("no message %s", name)
	return nil, nil
}

// TestMessagesArePublishedOnes drives every message of the vectors.
func TestMessagesArePublishedOnes(t *testing.T) {
	if n := len(vectors(t).Messages); n != 9 {
		t.Fatalf("%d messages, the test knows 9", n)
	}
	for form := range 2 { // of the replies: /c/ and /s/
		k := platform(Config{}, uplink.Row{Point: "voltage.a", To: "voltage", Scale: -1}, uplink.Row{Point: "current.a", To: "current", Scale: -1}, uplink.Row{Point: "relay", To: "switch", Scale: -1})
		k.Login(testNow)

		topics, want := message(t, "register")
		m, ok := k.Register(testNow, k.dir.Of(testMeter), 0)
		if !ok || m.Topic != topics[0] || !same(m.Payload, want) || m.Meter != testMeter || m.ID == "" {
			t.Errorf("register: %s %s, want %s %s", m.Topic, m.Payload, topics[0], want)
		}
		topics, want = message(t, "register_failed_reply_as_coded")
		if rc := k.Receive(testNow, uplink.Inbound{Topic: topics[0], Payload: want}); rc.Verdict != uplink.Refused || rc.ID != m.ID || rc.Code != "500" || rc.Subscribe != nil {
			t.Errorf("a failed registration is %+v", rc)
		}
		topics, want = message(t, "register_reply")
		rc := k.Receive(testNow, uplink.Inbound{Topic: topics[form], Payload: want})
		if rc.Verdict != uplink.Accepted || rc.ID != m.ID || !slices.Equal(rc.Subscribe, []string{"/sys/subpk/AA0001/c/#"}) {
			t.Errorf("an accepted registration is %+v", rc)
		}
		if _, more := k.Register(testNow, k.dir.Of(testMeter), 1); more {
			t.Error("an accepted registration has a second step")
		}

		topics, want = message(t, "property_post")
		enc := encodeOne(k, uplink.Unit{Seq: 1, Reading: reading(0, "voltage.a", number("220.1"))})
		if len(enc.Messages) != 1 || enc.Messages[0].Topic != topics[0] || !same(enc.Messages[0].Payload, want) || enc.Messages[0].ID != "2" {
			t.Errorf("a post is %+v %s, want %s", enc.Messages, enc.Messages[0].Payload, want)
		}
		topics, want = message(t, "property_post_reply")
		if rc := k.Receive(testNow, uplink.Inbound{Topic: topics[form], Payload: want}); rc.Verdict != uplink.Accepted || rc.ID != "2" || rc.Code != "0" {
			t.Errorf("its reply is %+v", rc)
		}

		topics, want = message(t, "property_set")
		rc = k.Receive(testNow, uplink.Inbound{Topic: topics[0], Payload: want})
		if rc.Command == nil || rc.Command.Op != meter.OpRelay || rc.Command.Relay != dlt645.CommandClose || rc.Command.Meter.Address != testMeter {
			t.Fatalf("a property/set is %+v", rc)
		}
		topics, want = message(t, "property_set_reply")
		m, ok = k.Answer(testNow, *rc.Command, meter.Result{Outcome: meter.Done})
		both := strings.Replace(string(want), `"data": {}`, `"data": {}, "params": {}`, 1)
		if !ok || m.Topic != topics[0] || !same(m.Payload, []byte(both)) {
			t.Errorf("its answer is %s %s, want %s", m.Topic, m.Payload, both)
		}

		topics, want = message(t, "property_get")
		rc = k.Receive(testNow, uplink.Inbound{Topic: topics[0], Payload: want})
		if rc.Command == nil || rc.Command.Op != meter.OpRead || !slices.Equal(rc.Command.Points, []string{"voltage.a", "current.a"}) {
			t.Fatalf("a property/get is %+v", rc)
		}
		topics, want = message(t, "property_get_reply")
		m, _ = k.Answer(testNow, *rc.Command, meter.Result{Values: reading(0, "voltage.a", number("220.1"), "current.a", number("1.2")).Values})
		if m.Topic != topics[0] || !same(m.Payload, want) {
			t.Errorf("its answer is %s %s, want %s", m.Topic, m.Payload, want)
		}
	}
}

func TestWhatIsSaidOfItself(t *testing.T) {
	k := platform(Config{})
	if got := k.Login(testNow).Topics; !slices.Equal(got, []string{"/sys/gwpk/gwdn/c/#"}) {
		t.Errorf("topics %v", got)
	}
	if l := k.Limits(); l != (uplink.Limits{Registers: 1, Batch: 1, Gateway: true}) {
		t.Errorf("limits %+v", l)
	}
	if m, _ := k.Register(testNow, k.dir.Of(second), 0); !strings.Contains(string(m.Payload), `"deviceName":"202411200102"`) {
		t.Errorf("the default name: %s", m.Payload)
	}
}

// accept gives the reply to a registration.
func accept(m uplink.Message) []byte {
	var f frame
	if err := json.Unmarshal(m.Payload, &f); err != nil {
		panic(err)
	}
	return fmt.Appendf(nil, `{"id":%q,"method":"thing.lifetime.register_reply","code":0,"data":%s}`, f.ID, f.Params)
}

const registerReply = "/sys/gwpk/gwdn/c/register_reply"

// TestLateReplyToARegistration: the first meter's reply comes when the second
// one's registration is under way. Neither may be taken for the other.
func TestLateReplyToARegistration(t *testing.T) {
	k := platform(Config{})
	k.Login(testNow)
	m1, _ := k.Register(testNow, k.dir.Of(testMeter), 0)
	m2, _ := k.Register(testNow, k.dir.Of(second), 0)
	rc := k.Receive(testNow, uplink.Inbound{Topic: registerReply, Payload: accept(m1)}) // and the delivery holds the second for accepted
	if rc.ID != m2.ID || rc.Verdict != uplink.Accepted || rc.Subscribe[0] != "/sys/subpk/AA0001/c/#" {
		t.Fatalf("%+v", rc)
	}
	again, more := k.Register(testNow, k.dir.Of(second), 1)
	if !more || string(again.Payload) != string(m2.Payload) {
		t.Fatalf("the second meter counts as registered: %v %s", more, again.Payload)
	}
	if rc := k.Receive(testNow, uplink.Inbound{Topic: registerReply, Payload: accept(m2)}); rc.Subscribe[0] != "/sys/subpk/202411200102/c/#" {
		t.Errorf("%+v", rc)
	}
	if _, more := k.Register(testNow, k.dir.Of(second), 2); more {
		t.Error("the second meter is not registered")
	}
	if rc := k.Receive(testNow, uplink.Inbound{Topic: registerReply, Payload: accept(m2)}); rc.Verdict != uplink.Ignored {
		t.Errorf("the reply to the repeat is taken for another's: %+v", rc)
	}
	// The first one's repeat fails: which of the unfinished it was is not told.
	k.Receive(testNow, uplink.Inbound{Topic: registerReply, Payload: []byte(`{"id":null,"method":"null_reply","code":500,"data":null}`)})
	if m, more := k.Register(testNow, k.dir.Of(testMeter), 1); !more || len(m.Payload) == 0 {
		t.Error("a failed registration counts as accepted")
	}
	wrong := strings.Replace(string(accept(m1)), "AA0001", "BB0001", 1)
	if rc := k.Receive(testNow, uplink.Inbound{Topic: registerReply, Payload: []byte(wrong)}); rc.Verdict != uplink.Ignored {
		t.Errorf("another device's reply is taken: %+v", rc)
	}
}

func TestRegistrationIsRepeatedUnderAnIDOfItsOwn(t *testing.T) {
	k := platform(Config{})
	seen := map[string]bool{}
	for range 20 {
		m, ok := k.Register(testNow, k.dir.Of(testMeter), 0)
		if !ok || seen[string(m.Payload)] {
			t.Fatalf("%s", m.Payload)
		}
		seen[string(m.Payload)] = true
	}
	if n := len(k.devices[0].asked); n > idsKept {
		t.Errorf("%d ids are kept", n)
	}
}

// posts gives the parameters of messages, merged, and holds all of them to
// their form.
func posts(t *testing.T, enc uplink.Encoded, action string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, m := range enc.Messages {
		var f struct {
			ID, Method string
			Params     map[string]json.RawMessage
		}
		if err := json.Unmarshal(m.Payload, &f); err != nil {
			t.Fatalf("%s: %v", m.Payload, err)
		}
		if _, err := strconv.ParseUint(m.ID, 10, 64); err != nil || f.ID != m.ID || m.Item != "" || !slices.Equal(m.Covers, []int{0}) || len(m.Payload) > mostPayload ||
			m.Topic != "/sys/subpk/AA0001/s/"+action || f.Method != "thing."+strings.ReplaceAll(action, "/", ".") || m.Meter != testMeter {
			t.Errorf("message %+v %s", m, m.Payload)
		}
		for key, v := range f.Params {
			out[key] = string(v)
		}
	}
	return out
}

func TestReadingBecomesOnePost(t *testing.T) {
	k := platform(Config{}, uplink.Row{Point: "power.active.total", To: "P", Scale: 3}, uplink.Row{Point: "frequency", To: ""})
	enc := encodeOne(k, uplink.Unit{Seq: 1, Reading: reading(0, "voltage.a", number("220.10"), "power.active.total", number("-1.1276"), "frequency", number("50.00"),
		"relay", words("closed"), "current.a", dlt645.Value{Kind: dlt645.Invalid, Text: "FF"})})
	want := map[string]string{"voltage_a": "220.10", "P": "-1128", "relay": `"closed"`}
	if got := posts(t, enc, "event/property/post"); !maps.Equal(got, want) || len(enc.Messages) != 1 || enc.Withheld != 0 {
		t.Errorf("got %v in %d, want %v", got, len(enc.Messages), want)
	}
	if enc := encodeOne(k, uplink.Unit{Seq: 1, Reading: reading(0)}); len(enc.Messages) != 0 {
		t.Errorf("an empty reading is posted: %s", enc.Messages[0].Payload)
	}
}

func TestOldReadings(t *testing.T) {
	values := []any{"voltage.a", number("220.1"), "frequency", number("50.00")}
	for backfill, action := range map[string]string{"": "", BackfillLatest: "", BackfillAll: "event/property/post", BackfillEvent: "event/history"} {
		k := platform(Config{Backfill: backfill})
		live := encodeOne(k, uplink.Unit{Seq: 1, Reading: reading(2*time.Minute, values...)})
		want := map[string]string{"voltage_a": "220.1", "frequency": "50.00"}
		if got := posts(t, live, "event/property/post"); !maps.Equal(got, want) || live.Withheld != 0 {
			t.Errorf("%q: a live reading: %v", backfill, got)
		}
		old := encodeOne(k, uplink.Unit{Seq: 1, Reading: reading(2*time.Minute+time.Millisecond, values...)})
		if action == "" {
			if len(old.Messages) != 0 || old.Withheld != 2 {
				t.Errorf("%q: an old reading: %+v", backfill, old)
			}
			continue
		}
		if action == "event/history" {
			want["time"] = "1699999879999"
		}
		if got := posts(t, old, action); !maps.Equal(got, want) || old.Withheld != 0 {
			t.Errorf("%q: an old reading: %v, want %v", backfill, got, want)
		}
	}
}

func TestLargeReadingIsSplit(t *testing.T) {
	for _, c := range []struct {
		backfill, action string
		age              time.Duration
	}{{BackfillAll, "event/property/post", 0}, {BackfillEvent, "event/history", time.Hour}} {
		k := platform(Config{Backfill: c.backfill})
		r := reading(c.age)
		for i := range 900 {
			r.Values = append(r.Values, meter.PointValue{Point: fmt.Sprintf("custom.point.%d", i), Value: number("123456.78")})
		}
		r.Values = append(r.Values, meter.PointValue{Point: "long", Value: words(strings.Repeat("x", 9000))})
		enc := encodeOne(k, uplink.Unit{Seq: 1, Reading: r})
		got := posts(t, enc, c.action)
		delete(got, "time")
		if len(got) != 900 || len(enc.Messages) < 4 || len(enc.Messages) > 5 || enc.Withheld != 1 {
			t.Errorf("%s: %d values in %d messages, %d withheld", c.action, len(got), len(enc.Messages), enc.Withheld)
		}
		for _, m := range enc.Messages {
			if c.backfill == BackfillEvent && !strings.Contains(string(m.Payload), `{"time":1699996400000,`) {
				t.Errorf("a part without its time: %.120s", m.Payload)
			}
		}
	}
}

func TestEvents(t *testing.T) {
	k := platform(Config{})
	for _, c := range []struct {
		meter dlt645.Address
		topic string
	}{{testMeter, "/sys/subpk/AA0001/s/event/demand_reset"}, {dlt645.Address{}, "/sys/gwpk/gwdn/s/event/demand_reset"}} {
		enc := encodeOne(k, uplink.Unit{Seq: 1, Event: &meter.Event{Meter: c.meter, Time: testNow.Add(-time.Hour), Kind: string(meter.OpDemandReset), By: "console", Text: `do"ne`}})
		m := enc.Messages[0]
		want := fmt.Sprintf(`{"id":%q,"method":"thing.event.demand_reset","params":{"time":1699996400000,"by":"console","text":"do\"ne"}}`, m.ID)
		if len(enc.Messages) != 1 || m.Topic != c.topic || string(m.Payload) != want || m.Meter != c.meter || !slices.Equal(m.Covers, []int{0}) {
			t.Errorf("got %+v %s, want %s", m, m.Payload, want)
		}
	}
	enc := encodeOne(k, uplink.Unit{Event: &meter.Event{Kind: "set", Text: strings.Repeat("\x01", 20000)}})
	if len(enc.Messages[0].Payload) > mostPayload {
		t.Errorf("an event of %d bytes", len(enc.Messages[0].Payload))
	}
}

func TestRefusedPosts(t *testing.T) {
	k := platform(Config{})
	k.lastID = 7
	for _, c := range []struct {
		topic string
		want  []uplink.Verdict
	}{
		{"/sys/subpk/AA0001/c/event/property/post_reply", []uplink.Verdict{uplink.Unknown, uplink.TryLater, uplink.Refused, uplink.Unknown}},
		{"/sys/gwpk/gwdn/s/event/time_reply", []uplink.Verdict{uplink.TryLater, uplink.TryLater, uplink.Refused, uplink.TryLater}},
	} {
		k.Login(testNow)
		for i, want := range c.want {
			rc := k.Receive(testNow, uplink.Inbound{Topic: c.topic, Payload: []byte(`{"id":"7","method":"x","code":1,"message":"no"}`)})
			if rc.Verdict != want || rc.ID != "7" || rc.Code != "1" || rc.Text != "no" {
				t.Errorf("%s, refusal %d: %+v, want %d", c.topic, i+1, rc, want)
			}
		}
	}
	if k.Receive(testNow, uplink.Inbound{Topic: "/sys/subpk/AA0001/c/event/property/post_reply", Payload: []byte(`{"id":"7","code":0}`)}); len(k.refused) != 0 {
		t.Errorf("refusals are kept: %v", k.refused)
	}
}

func TestWhatAcknowledgesNothing(t *testing.T) {
	k := platform(Config{})
	k.Login(testNow)
	k.Register(testNow, k.dir.Of(testMeter), 0)
	good := `{"id":"1","code":0}`
	for _, c := range [][2]string{
		{registerReply, ""}, {registerReply, "null"}, {registerReply, "[]"}, {registerReply, `{"id":"1"}`}, {registerReply, `{"id":null,"code":0}`}, {registerReply, `{"id":"9","code":0}`},
		{"/sys/gwpk/other/c/register_reply", good}, {"/sys/subpk/AA0001/c/register_reply", good}, {"/sys/subpk/nobody/c/event/property/post_reply", good},
		{"/sys/gwpk/AA0001/c/event/property/post_reply", good}, {"/sys/subpk/AA0001/x/event/property/post_reply", good}, {"sys/subpk/AA0001/c/event/property/post_reply", good},
		{"/sys/subpk/AA0001/c/event/property/post_reply", `{"id":null,"code":0}`}, {"/sys/subpk/AA0001/c/event/property/post_reply", `{"id":"1"}`},
		{"/sys/subpk/AA0001/c/event/property/post_reply", `{"id":"","code":0}`}, {"/sys/subpk/AA0001/c/event/property/post_reply", `{"id":"1000","code":1}`},
		{"/sys/subpk/AA0001/c/event/property/post", good},
		{"/sys/subpk/AA0001/s/service/property/set", `{"id":"1","params":{"relay":1}}`}, {"/sys/gwpk/gwdn/c/config/get", `{"id":"1","params":{}}`}, {"/sys/gwpk/gwdn/c/topo/change", `{"id":"1","params":{"status":1,"subList":[{"productKey":"subpk","deviceName":"AA0001"}]}}`},
	} {
		if rc := k.Receive(testNow, uplink.Inbound{Topic: c[0], Payload: []byte(c[1])}); rc.Verdict != uplink.Ignored || rc.Command != nil || rc.Reply != nil || rc.Subscribe != nil {
			t.Errorf("%s %s: %+v", c[0], c[1], rc)
		}
	}
}

// TestACommandWithoutAnIDIsHandedOnAsThat: whoever carries commands out
// refuses it, and there is nothing to answer to.
func TestACommandWithoutAnIDIsHandedOnAsThat(t *testing.T) {
	k := platform(Config{})
	rc := k.Receive(testNow, uplink.Inbound{Topic: "/sys/subpk/AA0001/c/service/property/set", Payload: []byte(`{"params":{"relay":1}}`)})
	if rc.Command == nil || rc.Command.ID != "" || rc.Reply != nil {
		t.Fatalf("%+v", rc)
	}
	if _, ok := k.Answer(testNow, *rc.Command, meter.Result{Outcome: meter.Nameless}); ok {
		t.Error("it is answered")
	}
}

func TestDeregisteredMeterIsRegisteredAgain(t *testing.T) {
	k := platform(Config{})
	k.Login(testNow)
	k.lastID = 9
	down := func(id, name string) *uplink.Message {
		return k.Receive(testNow, uplink.Inbound{Topic: "/sys/gwpk/gwdn/c/deregister", Payload: fmt.Appendf(nil, `{"id":%q,"method":"thing.lifetime.deregister","params":{"productKey":"subpk","deviceName":%q}}`, id, name)}).Reply
	}
	if m := down("5", "AA0001"); m == nil || m.Topic != "/sys/gwpk/gwdn/s/deregister_reply" || string(m.Payload) != `{"id":"5","method":"thing.lifetime.deregister_reply","code":0}` {
		t.Fatalf("%+v", m)
	}
	if m := down("6", "nobody"); m == nil || !strings.Contains(string(m.Payload), `"code":404`) {
		t.Errorf("a device that is not ours: %+v", m)
	}
	const reply = "/sys/subpk/AA0001/c/event/property/post_reply"
	if rc := k.Receive(testNow, uplink.Inbound{Topic: reply, Payload: []byte(`{"id":"9","code":0}`)}); rc.Verdict != uplink.Unknown {
		t.Errorf("the next post: %+v", rc)
	}
	m, _ := k.Register(testNow, k.dir.Of(testMeter), 0)
	k.Receive(testNow, uplink.Inbound{Topic: registerReply, Payload: accept(m)})
	if rc := k.Receive(testNow, uplink.Inbound{Topic: reply, Payload: []byte(`{"id":"9","code":0}`)}); rc.Verdict != uplink.Accepted {
		t.Errorf("the same after the registration: %+v", rc)
	}
}

func TestCommands(t *testing.T) {
	k := platform(Config{}, uplink.Row{Point: "voltage.a", To: "Ua", Scale: 2}, uplink.Row{Point: "frequency", To: ""})
	for in, want := range map[string]string{
		`property/set {"relay":"closed"}`:          "relay close",
		`property/set {"relay":true}`:              "relay close",
		`property/set {"relay":1}`:                 "relay close",
		`property/set {"relay":"open"}`:            "relay trip",
		`property/set {"relay":false}`:             "relay trip",
		`property/set {"relay":"0"}`:               "relay trip",
		`property/set {"relay":2}`:                 "400",
		`property/set {"Ua":22010}`:                "set voltage.a=220.1",
		`property/set {"Ua":"x"}`:                  "400",
		`property/set {"voltage_b":220.1}`:         "set voltage.b=220.1",
		`property/set {"voltage_b":null}`:          "400",
		`property/set {"voltage_a":1}`:             "404",
		`property/set {"frequency":1}`:             "404",
		`property/set {"relay":1,"Ua":2}`:          "400",
		`property/set {}`:                          "400",
		`property/set [1]`:                         "400",
		`property/get ["Ua","relay"]`:              "read [voltage.a relay]",
		`property/get ["Ua","nothing"]`:            "404",
		`property/get []`:                          "400",
		`property/get {"a":1}`:                     "400",
		`read {"points":["Ua"]}`:                   "read [voltage.a]",
		`read {}`:                                  "400",
		`relay {"value":"trip"}`:                   "relay trip",
		`relay {"value":"close"}`:                  "relay close",
		`relay {}`:                                 "400",
		`set {"point":"Ua","value":"22000"}`:       "set voltage.a=220",
		`set {"point":"04000108","value":"0102"}`:  "write 04000108=0102",
		`set {"point":"04-00-01-08","value":"01"}`: "404",
		`set {"value":1}`:                          "400",
		`set {"point":"Ua","value":{}}`:            "400",
		`set []`:                                   "400",
		`time {}`:                                  "time",
		`freeze {}`:                                "freeze",
		`demand_reset {}`:                          "demand-reset",
		`explode {}`:                               "404",
		`property/delete {}`:                       "404",
	} {
		service, params, _ := strings.Cut(in, " ")
		rc := k.Receive(testNow, uplink.Inbound{Topic: "/sys/subpk/AA0001/c/service/" + service, Payload: fmt.Appendf(nil, `{"id":"3","method":"m","params":%s}`, params)})
		got := "nothing"
		if c := rc.Command; c != nil {
			got = string(c.Op)
			switch c.Op {
			case meter.OpRelay:
				got += map[dlt645.Command]string{dlt645.CommandClose: " close", dlt645.CommandTrip: " trip"}[c.Relay]
			case meter.OpSet, meter.OpWrite:
				got += " " + c.Point + "=" + c.Value
			case meter.OpRead:
				got += fmt.Sprintf(" %v", c.Points)
			}
			if c.Meter.Address != testMeter || c.ID == "" || rc.Reply != nil {
				t.Errorf("%s: %+v", in, rc)
			}
		} else if rc.Reply != nil {
			var a answerFrame
			if err := json.Unmarshal(rc.Reply.Payload, &a); err != nil || a.ID != "3" || a.Message == "" || string(a.Data) != "{}" || string(a.Params) != "{}" ||
				rc.Reply.Topic != "/sys/subpk/AA0001/s/service/"+service+"_reply" || a.Method != "thing.service."+strings.ReplaceAll(service, "/", ".")+"_reply" {
				t.Errorf("%s: %s %s", in, rc.Reply.Topic, rc.Reply.Payload)
			}
			got = strconv.Itoa(a.Code)
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
	rc := k.Receive(testNow, uplink.Inbound{Topic: "/sys/gwpk/gwdn/c/service/time", Payload: []byte(`{"id":"3","method":"m","params":{}}`)})
	if rc.Reply == nil || rc.Reply.Topic != "/sys/gwpk/gwdn/s/service/time_reply" || !strings.Contains(string(rc.Reply.Payload), `"code":404`) {
		t.Errorf("a service of the gateway: %+v", rc)
	}
}

func TestCommandsOfSeveralMetersAreNotTheSame(t *testing.T) {
	k := platform(Config{})
	ids := map[string]bool{}
	for _, topic := range []string{"/sys/subpk/AA0001/c/service/time", "/sys/subpk/202411200102/c/service/time", "/sys/subpk/AA0001/c/service/freeze"} {
		ids[k.Receive(testNow, uplink.Inbound{Topic: topic, Payload: []byte(`{"id":"3","params":{}}`)}).Command.ID] = true
	}
	if len(ids) != 3 {
		t.Errorf("ids %v", ids)
	}
}

func TestAnswersTellTheOutcome(t *testing.T) {
	k := platform(Config{})
	c := k.Receive(testNow, uplink.Inbound{Topic: "/sys/subpk/AA0001/c/service/relay", Payload: []byte(`{"id":"a b","params":{"value":1}}`)}).Command
	seen := map[int]bool{}
	for _, o := range meter.Outcomes() {
		m, ok := k.Answer(testNow, *c, meter.Result{Outcome: o, Text: dlt645.Text{EN: "because"}})
		var a answerFrame
		if err := json.Unmarshal(m.Payload, &a); err != nil || !ok || a.ID != "a b" || m.Topic != "/sys/subpk/AA0001/s/service/relay_reply" {
			t.Fatalf("%s %s", m.Topic, m.Payload)
		}
		if (a.Code == 0) != (o == meter.Done) || (a.Message == "because") != (o != meter.Done) || seen[a.Code] || string(a.Data) != string(a.Params) {
			t.Errorf("outcome %d is told as %s", o, m.Payload)
		}
		seen[a.Code] = true
	}
	if _, ok := k.Answer(testNow, meter.Command{ID: "3", Meter: k.dir.Devices()[0].Meter}, meter.Result{}); ok {
		t.Error("a command of somebody else is answered")
	}
	many := meter.Result{}
	for i := range 300 {
		many.Values = append(many.Values, meter.PointValue{Point: fmt.Sprintf("custom.point.%d", i), Value: number("1.5")})
	}
	if m, _ := k.Answer(testNow, *c, many); len(m.Payload) > mostPayload || !strings.Contains(string(m.Payload), `"code":413`) {
		t.Errorf("many values: %.200s", m.Payload)
	}
}

func FuzzReceive(f *testing.F) {
	f.Add("/sys/gwpk/gwdn/c/register_reply", []byte(`{"id":"1","code":0,"data":{"deviceName":"AA0001"}}`))
	f.Add("/sys/gwpk/gwdn/s/register_reply", []byte(`{"id":null,"method":"null_reply","code":500,"data":null}`))
	f.Add("/sys/subpk/AA0001/c/event/property/post_reply", []byte(`{"id":"2","code":0,"data":{}}`))
	f.Add("/sys/subpk/AA0001/c/service/property/set", []byte(`{"id":"3","params":{"relay":1}}`))
	f.Add("/sys/subpk/AA0001/c/service/set", []byte(`{"id":"3","params":{"point":"relay","value":"1"}}`))
	f.Add("/sys/gwpk/gwdn/c/deregister", []byte(`{"id":"3","params":{"productKey":"subpk","deviceName":"AA0001"}}`))
	k := platform(Config{})
	k.Login(testNow)
	k.Register(testNow, k.dir.Of(testMeter), 0)
	k.lastID = 9
	f.Fuzz(func(t *testing.T, topic string, payload []byte) {
		rc := k.Receive(testNow, uplink.Inbound{Topic: topic, Payload: payload})
		if rc.Verdict != uplink.Ignored && rc.ID == "" {
			t.Errorf("an answer without an id: %+v", rc)
		}
		if rc.Command != nil {
			m, ok := k.Answer(testNow, *rc.Command, meter.Result{})
			if ok != (rc.Command.ID != "") {
				t.Errorf("no answer to %+v", rc.Command)
			}
			if ok {
				rc.Reply = &m
			}
		}
		if rc.Reply != nil && (!json.Valid(rc.Reply.Payload) || rc.Reply.Payload[0] != '{') {
			t.Errorf("the reply is no JSON object: %s", rc.Reply.Payload)
		}
	})
}
