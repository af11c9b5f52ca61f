package tuya

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"meterd/dlt645"
	"meterd/meter"
	"meterd/uplink"
)

// published is the block "tuya" of the vectors.
type published struct {
	Password []struct{ ClientID, Username, Password string }
	Scaling  []struct {
		DP             int
		Physical, Unit string
		Scale          int
		Raw            int64
		InRange        bool `json:"in_range"`
	}
	Messages []struct {
		Name, Topic string
		Payload     json.RawMessage
	}
	PhaseVariants []struct {
		Name  string
		Value json.RawMessage
	} `json:"phase_json_variants"`
	DPTable []struct {
		ID, Type string
		Min      int64 `json:"raw_min"`
		Max      int64 `json:"raw_max"`
		Scale    int
	} `json:"dp_table"`
	ErrorCodes map[string]string `json:"error_codes"`
}

func vectors(t *testing.T) published {
	t.Helper()
	b, err := os.ReadFile("../testdata/uplinks.json")
	if err != nil {
		t.Fatal(err)
	}
	var all struct{ Tuya published }
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	return all.Tuya
}

func TestPasswords(t *testing.T) {
	for _, v := range vectors(t).Password {
		got := New(Config{Gateway: v.ClientID, Username: v.Username}).Login(time.Time{})
		if got.Password != v.Password || got.ClientID != v.ClientID || got.Username != v.Username {
			t.Errorf("%q, %q: got %+v, want %s", v.ClientID, v.Username, got, v.Password)
		}
	}
}

func TestTableOfDataPoints(t *testing.T) {
	table := vectors(t).DPTable
	if len(table) != 50 || len(dps) != 50 {
		t.Fatalf("%d published, %d ours, want 50", len(table), len(dps))
	}
	kinds := map[string]kind{"value": kindValue, "bool": kindBool, "string": kindString, "raw": kindRaw, "enum": kindEnum, "fault": kindFault}
	for i, v := range table {
		d := dps[i]
		if d.id != v.ID || d.kind != kinds[v.Type] || d.min != v.Min || d.max != v.Max || d.scale != v.Scale {
			t.Errorf("DP %s: got %+v, want %+v", v.ID, d, v)
		}
	}
}

// TestScaling covers every case whose range is told, in the platform's own
// unit.
func TestScaling(t *testing.T) {
	cases := vectors(t).Scaling
	if len(cases) < 20 {
		t.Fatalf("only %d cases", len(cases))
	}
	for _, v := range cases {
		d, ok := findDP(strconv.Itoa(v.DP))
		if !ok {
			t.Fatalf("no DP %d", v.DP)
		}
		n, err := dlt645.ParseDecimal(v.Physical)
		if err != nil {
			t.Fatal(err)
		}
		raw, fits := d.scaled(n, d.unit, v.Scale)
		if raw != v.Raw || fits != v.InRange {
			t.Errorf("DP %d: %s × 10^%d: got %d, %v, want %d, %v", v.DP, v.Physical, v.Scale, raw, fits, v.Raw, v.InRange)
		}
	}
}

var testMeter = dlt645.Address{0x20, 0x24, 0x11, 0x20, 0x01, 0x01}

func number(s string) dlt645.Value {
	d, err := dlt645.ParseDecimal(s)
	if err != nil {
		panic(err)
	}
	return dlt645.Value{Kind: dlt645.Number, Dec: d}
}

func words(s string) dlt645.Value { return dlt645.Value{Kind: dlt645.Characters, Text: s} }

func reading(values ...any) *meter.Reading {
	r := &meter.Reading{Meter: testMeter, Time: time.Unix(1700000000, 900e6)}
	for i := 0; i < len(values); i += 2 {
		r.Values = append(r.Values, meter.PointValue{Point: values[i].(string), Value: values[i+1].(dlt645.Value)})
	}
	return r
}

var unit101 = &meter.Handle{Name: "Unit 101", Address: testMeter}

func platform(c Config, rows ...uplink.Row) *Tuya { return platformWith(nil, c, rows...) }

func platformWith(points *meter.Points, c Config, rows ...uplink.Row) *Tuya {
	c.Gateway, c.Username, c.Sync.ProductID = "gw0001", "vendor01", "pid01"
	dir, clashes := uplink.NewDirectory(uplink.DirectoryConfig{
		Devices: []uplink.Device{{Meter: unit101, ID: "METER01"}}, Rows: rows, Default: Defaults, Points: points,
	})
	if len(clashes) > 0 {
		panic(clashes)
	}
	c.Directory = dir
	return New(c)
}

// reports gives what is sent, by data point.
func reports(t *testing.T, p *Tuya, r *meter.Reading) (map[string]string, uplink.Encoded) {
	t.Helper()
	enc := p.Encode([16]byte{1}, []uplink.Unit{{Seq: 17, Reading: r}})
	out := map[string]string{}
	for _, m := range enc.Messages {
		var e struct {
			T     int64
			ID    string `json:"request_id"`
			Param struct {
				CID, ID string
				Value   json.RawMessage
			}
		}
		if err := json.Unmarshal(m.Payload, &e); err != nil {
			t.Fatalf("%s: %v", m.Payload, err)
		}
		if e.Param.CID != "METER01" || m.Topic != "gateway_id/gw0001/properties/report" || e.ID != m.ID || e.Param.ID != m.Item {
			t.Errorf("message %+v %s", m, m.Payload)
		}
		out[e.Param.ID] = fmt.Sprintf("%s @%d", e.Param.Value, e.T)
	}
	return out, enc
}

func TestPointsBecomeDataPoints(t *testing.T) {
	p := platform(Config{})
	got, enc := reports(t, p, reading(
		"voltage.a", number("220.1"), "current.a", number("5.123"), "power.active.total", number("1.1276"), "power.reactive.total", number("-0.0003"),
		"power.factor.total", number("0.987"), "frequency", number("50.02"), "energy.forward.total", number("12345.67"), "power.active.a", number("1.1276"),
		"relay", words("closed"), "fault", words("over-voltage.b,phase-loss.c"), "count.trip", number("17"), "temperature", number("25.3"),
		"meter.number", words("202411200101"),
		"freeze.daily.time", dlt645.Value{Kind: dlt645.Time, Text: "2023-11-14 00:00"}))
	const at = " @1700000000"
	want := map[string]string{
		"1": "true", "57": "true", "2": `"202411200101"`, "3": "11276000", "5": "2201000", "7": "51230000", "10": "2530", "19": strconv.Itoa(1<<3 | 1<<11),
		"20": `"urgent"`, "21": `"over-voltage.b,phase-loss.c"`, "40": "9870", "41": "500200", "42": "17", "44": "123456700", "50": "123456700",
		"30": `"{\"voltage\":\"220.1\",\"current\":\"5.123\",\"power\":\"1127.6\"}"`, "58": `"1699920000"`,
	}
	for dp, v := range want {
		if got[dp] != v+at {
			t.Errorf("DP %s: got %s, want %s", dp, got[dp], v+at)
		}
		delete(got, dp)
	}
	if len(got) != 0 {
		t.Errorf("also sent: %v", got)
	}
	if enc.Withheld != 1 || enc.Of["power.reactive.total"] != 1 {
		t.Errorf("%d values are withheld, want the negative reactive power alone", enc.Withheld)
	}
}

func TestTimeInMilliseconds(t *testing.T) {
	got, _ := reports(t, platform(Config{Millis: true}), reading("frequency", number("50.00")))
	if got["41"] != "500000 @1700000000900" {
		t.Errorf("got %v", got)
	}
}

func TestMapRowsReplaceTheDefaultsOfTheirPoint(t *testing.T) {
	p := platform(Config{}, uplink.Row{Point: "power.active.total", To: "37", Scale: 3}, uplink.Row{Point: "energy.forward.total", To: "", Scale: -1}, uplink.Row{Point: "current.a", To: "6", Scale: -1}, uplink.Row{Point: "current.a", To: "7", Scale: -1})
	got, _ := reports(t, p, reading("power.active.total", number("1.1276"), "energy.forward.total", number("1.00"), "current.a", number("5.123")))
	for dp, want := range map[string]string{"3": "", "37": "1127600 @1700000000", "44": "", "50": "", "6": "51230 @1700000000", "7": "51230000 @1700000000"} {
		if got[dp] != want {
			t.Errorf("DP %s: got %q, want %q", dp, got[dp], want)
		}
	}
}

func TestPhaseForms(t *testing.T) {
	r := reading("voltage.a", number("220.1"), "current.a", number("5.123"), "power.active.a", number("1.1276"), "energy.phase.a", number("123.45"))
	for i, form := range []string{PhaseJSON, PhaseObject, PhaseBase64} {
		v := vectors(t).PhaseVariants[i]
		got, ok := platform(Config{Phase: form}).phase(r, "a")
		var a, b any
		if !ok || json.Unmarshal(got, &a) != nil || json.Unmarshal(v.Value, &b) != nil || fmt.Sprint(a) != fmt.Sprint(b) {
			t.Errorf("%s: got %s, want %s", v.Name, got, v.Value)
		}
	}
}

func TestMapRowWithoutDataPointLeavesThePhaseToo(t *testing.T) {
	got, _ := reports(t, platform(Config{}, uplink.Row{Point: "voltage.a", To: "", Scale: -1}), reading("voltage.a", number("220.1"), "current.a", number("5.123")))
	if got["30"] != `"{\"current\":\"5.123\"}" @1700000000` || got["5"] != "" {
		t.Errorf("got %v", got)
	}
}

func TestUnitsOfCustomPoints(t *testing.T) {
	var points meter.Points
	for name, unit := range map[string]string{"leak": "mA", "export": "Wh", "heat": "degC"} {
		if err := points.Add(meter.Point{Name: name, Unit: unit, Custom: &meter.Layout{Bytes: 3}}); err != nil {
			t.Fatal(err)
		}
	}
	p := platformWith(&points, Config{}, uplink.Row{Point: "leak", To: "6", Scale: -1}, uplink.Row{Point: "export", To: "44", Scale: -1}, uplink.Row{Point: "heat", To: "3", Scale: -1},
		uplink.Row{Point: "energy.forward.total", To: "", Scale: -1}, uplink.Row{Point: "power.active.total", To: "", Scale: -1})
	got, enc := reports(t, p, reading("leak", number("1500"), "export", number("5000"), "heat", number("20")))
	if got["6"] != "15000 @1700000000" || got["44"] != "50000 @1700000000" || got["3"] != "" || enc.Withheld != 1 {
		t.Errorf("1500 mA, 5000 Wh, 20 °C as W: got %v, %d withheld", got, enc.Withheld)
	}
}

func TestFaultForms(t *testing.T) {
	r := reading("fault", words("under-voltage.a,credit-low"))
	for form, want := range map[string]string{FaultBitmap: strconv.Itoa(1<<4 | 1<<13), FaultLabel: `"undervoltage_alarm"`} {
		if got, _ := reports(t, platform(Config{Fault: form}), r); got["19"] != want+" @1700000000" {
			t.Errorf("%s: got %s, want %s", form, got["19"], want)
		}
	}
	got, _ := reports(t, platform(Config{}), reading("fault", words("")))
	if got["19"] != "0 @1700000000" || got["21"] != `"" @1700000000` || got["20"] != "" {
		t.Errorf("without a fault: %v", got)
	}
	// The level goes down when faults end, to the lowest that there is.
	if got, _ := reports(t, platform(Config{NoFault: "general"}), reading("fault", words(""))); got["20"] != `"general" @1700000000` {
		t.Errorf("without a fault the level is %s", got["20"])
	}
}

func TestRequestIDsAreStableAndDistinct(t *testing.T) {
	pattern := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	seen := map[string]bool{}
	for store := range byte(3) {
		for seq := range uint64(50) {
			for _, item := range []string{"1", "11"} {
				for _, gateway := range []string{"gw1", "gw2"} { // its card may be a copy
					id := requestID(gateway, [16]byte{store}, seq, item)
					if !pattern.MatchString(id) || seen[id] || id != requestID(gateway, [16]byte{store}, seq, item) {
						t.Fatalf("%s/%d/%d/%s: %s", gateway, store, seq, item, id)
					}
					seen[id] = true
				}
			}
		}
	}
}

func TestSyncAndStatusHaveTheDocumentsForm(t *testing.T) {
	p := platform(Config{})
	now := time.Unix(1700000000, 0)
	sync, _ := p.Register(now, p.dir.Of(testMeter), 0)
	status, ok := p.Status(now, []meter.MeterState{
		{Address: testMeter, Known: true, Online: true}, {Address: dlt645.Address{9}, Known: true},
	})
	if !ok {
		t.Fatal("no status")
	}
	for _, v := range vectors(t).Messages {
		var want map[string]any
		switch v.Name {
		case "sync":
			if err := json.Unmarshal(v.Payload, &want); err != nil {
				t.Fatal(err)
			}
			var got map[string]any
			if err := json.Unmarshal(sync.Payload, &got); err != nil || sync.Topic != v.Topic {
				t.Fatal(sync.Topic, err)
			}
			fields := func(m map[string]any) (out []string) {
				for k := range m["param"].(map[string]any) {
					if k != "device_name" { // stands in the example alone, not in the table
						out = append(out, k)
					}
				}
				slices.Sort(out)
				return out
			}
			if !slices.Equal(fields(got), fields(want)) {
				t.Errorf("sync has %v, want %v", fields(got), fields(want))
			}
		case "status":
			if status.Topic != v.Topic || !regexp.MustCompile(`"param":\[\{"cid":"METER01","status":true\}\]`).Match(status.Payload) {
				t.Errorf("status %s %s", status.Topic, status.Payload)
			}
		}
	}
}

func TestAnswersAreUnderstood(t *testing.T) {
	p := platform(Config{})
	want := map[string]uplink.Verdict{
		"0": uplink.Accepted, "400": uplink.TryLater, "500": uplink.TryLater, "1001": uplink.Untimely, "1100": uplink.Refused, "1101": uplink.Refused,
		"1102": uplink.Refused, "1103": uplink.Refused, "2001": uplink.Offline, "2002": uplink.Unsupported, "2003": uplink.Unknown,
	}
	for code := range vectors(t).ErrorCodes {
		payload := fmt.Sprintf(`{"t":1,"request_id":"r1","param":{"cid":"other","msg":"m","code":%s}}`, code)
		rc := p.Receive(time.Now(), uplink.Inbound{Topic: "gateway_id/gw0001/properties/report/response", Payload: []byte(payload)})
		if rc.Verdict != want[code] || rc.ID != "r1" || rc.Code != code {
			t.Errorf("code %s: got %+v", code, rc)
		}
	}
	for _, v := range vectors(t).Messages {
		rc := p.Receive(time.Now(), uplink.Inbound{Topic: v.Topic, Payload: v.Payload})
		switch v.Name {
		case "sync_response", "report_response_ok":
			if rc.Verdict != uplink.Accepted {
				t.Errorf("%s: %+v", v.Name, rc)
			}
		case "report_response_not_synced":
			if rc.Verdict != uplink.Unknown {
				t.Errorf("%s: %+v", v.Name, rc)
			}
		case "command":
			c := rc.Command
			if c == nil || c.Op != meter.OpRelay || c.Relay != dlt645.CommandClose || c.ID == "" {
				t.Fatalf("a command is understood as %+v", rc)
			}
			m, ok := p.Answer(time.Now(), *c, meter.Result{})
			if !ok || m.Topic != "gateway_id/gw0001/commands/response" || !regexp.MustCompile(`"cid":"METER01".*"code":0`).Match(m.Payload) {
				t.Errorf("a command is answered %s", m.Payload)
			}
		}
	}
	for _, bad := range []string{"", "null", "[]", `{"request_id":"r1","param":{"msg":"no code"}}`, `{"request_id":5}`, `{"param":{"code":0}}`} {
		if rc := p.Receive(time.Now(), uplink.Inbound{Topic: "gateway_id/gw0001/properties/report/response", Payload: []byte(bad)}); rc.Verdict != uplink.Ignored {
			t.Errorf("%q acknowledges something: %+v", bad, rc)
		}
	}
	good := []byte(`{"t":1,"request_id":"r1","param":{"cid":"c","msg":"m","code":0}}`)
	if rc := p.Receive(time.Now(), uplink.Inbound{Topic: "gateway_id/another/properties/report/response", Payload: good}); rc.Verdict != uplink.Ignored {
		t.Errorf("another gateway's answer is taken: %+v", rc)
	}
}

func TestRestampKeepsTheItemUnderAnIDOfItsOwn(t *testing.T) {
	enc := platform(Config{}).Encode([16]byte{}, []uplink.Unit{{Seq: 1, Reading: reading("frequency", number("50.00"))}})
	old := enc.Messages[0]
	if _, ok := platform(Config{}).Restamp(time.Unix(1800000000, 0), old); ok {
		t.Error("an old item is restamped although the configuration drops it")
	}
	m, ok := platform(Config{RestampOld: true}).Restamp(time.Unix(1800000000, 0), old)
	if !ok || m.ID == old.ID || m.Item != "41" || !regexp.MustCompile(`"t":1800000000,.*"value":500000`).Match(m.Payload) {
		t.Errorf("got %+v %s", m, m.Payload)
	}
}

func FuzzReceive(f *testing.F) {
	f.Add("gateway_id/gw0001/properties/report/response", []byte(`{"t":1,"request_id":"r1","param":{"cid":"c","msg":"m","code":0}}`))
	f.Add("gateway_id/gw0001/commands", []byte(`{"t":1,"cid":"c","request_id":"r1","param":{"id":"1","value":"1"}}`))
	p := platform(Config{})
	f.Fuzz(func(t *testing.T, topic string, payload []byte) {
		rc := p.Receive(time.Unix(1, 0), uplink.Inbound{Topic: topic, Payload: payload})
		if rc.Verdict != uplink.Ignored && rc.ID == "" {
			t.Errorf("an answer without an id: %+v", rc)
		}
		if rc.Reply != nil && !json.Valid(rc.Reply.Payload) {
			t.Errorf("the reply is not JSON: %s", rc.Reply.Payload)
		}
	})
}

// TestCommandsToTheSwitch holds commands to the vectors' forms of a boolean
// and each outcome to its code.
func TestCommandsToTheSwitch(t *testing.T) {
	p := platform(Config{})
	cid := "METER01"
	command := func(id, value string) uplink.Receipt {
		return p.Receive(time.Now(), uplink.Inbound{Topic: "gateway_id/gw0001/commands", Payload: fmt.Appendf(nil, `{"t":1,"cid":%q,"request_id":"r1","param":{"id":%s,"value":%s}}`, cid+" ", id, value)})
	}
	for value, want := range map[string]dlt645.Command{
		"true": dlt645.CommandClose, "1": dlt645.CommandClose, `"1"`: dlt645.CommandClose, `"true"`: dlt645.CommandClose,
		"false": dlt645.CommandTrip, "0": dlt645.CommandTrip, `"0"`: dlt645.CommandTrip, `"false"`: dlt645.CommandTrip,
	} {
		for _, id := range []string{`"1"`, `"57"`, "1"} {
			if rc := command(id, value); rc.Command == nil || rc.Command.Relay != want || rc.Command.Meter != unit101 || rc.Command.ID != "METER01 r1" {
				t.Errorf("DP %s = %s is understood as %+v", id, value, rc)
			}
		}
	}
	for text, want := range map[string]string{`"1" "run"`: `"code":1103`, `"44" 1`: `"code":2002`, `"99" 1`: `"code":2002`, `"1" null`: `"code":1103`, `"17" true`: `"code":2002`} {
		id, value, _ := strings.Cut(text, " ")
		if rc := command(id, value); rc.Command != nil || rc.Reply == nil || !strings.Contains(string(rc.Reply.Payload), want) {
			t.Errorf("DP %s = %s: %+v, want %s", id, value, rc, want)
		}
	}
	if rc := p.Receive(time.Now(), uplink.Inbound{Topic: "gateway_id/gw0001/commands", Payload: []byte(`{"t":1,"cid":"nobody","request_id":"r1","param":{"id":"1","value":true}}`)}); rc.Reply == nil || !strings.Contains(string(rc.Reply.Payload), `"code":2003`) {
		t.Errorf("a meter that is not ours: %+v", rc)
	}
	for outcome, want := range map[meter.Outcome]int{
		meter.Done: 0, meter.Denied: 2002, meter.NotKnown: 2002, meter.Invalid: 1103, meter.NoAnswer: 2001, meter.NotTaken: 400,
		meter.Unconfirmed: 400, meter.Failed: 400, meter.Busy: 400, meter.Expired: 1103, meter.Nameless: 1103,
	} {
		m, ok := p.Answer(time.Now(), meter.Command{ID: "METER01 r1", Meter: unit101}, meter.Result{Outcome: outcome, Text: dlt645.Text{EN: "because"}})
		if !ok || !strings.Contains(string(m.Payload), fmt.Sprintf(`"code":%d`, want)) || !strings.Contains(string(m.Payload), `"request_id":"r1"`) {
			t.Errorf("outcome %d is told as %s, want code %d", outcome, m.Payload, want)
		}
	}
}

// TestCannotTellsWhatIsWithheld: what check tells of a data point is what
// becomes of the least and the greatest value that a meter can tell.
func TestCannotTellsWhatIsWithheld(t *testing.T) {
	var known meter.Points
	want := map[string]string{
		"3": "negative values", "38": "negative values", "40": "negative values", "10": "values below -1 degC",
		"44": "values above 100000 kWh", "50": "values above 99999.9999 kWh", "47": "values above 100000 kWh",
	}
	for _, row := range Defaults {
		p, ok := known.Lookup(row.Point)
		if !ok {
			t.Fatal(row.Point)
		}
		got := Cannot(row, p)
		if w, told := want[row.To]; told && got.EN != w {
			t.Errorf("DP %s of %s: got %q, want %q", row.To, row.Point, got, w)
		}
		least, most, number := p.Extent()
		d, _ := findDP(row.To)
		if !number || d.kind != kindValue {
			if got.EN != "" {
				t.Errorf("DP %s of %s is no number: %q", row.To, row.Point, got)
			}
			continue
		}
		_, low := d.scaled(least, p.Unit, row.Scale)
		_, high := d.scaled(most, p.Unit, row.Scale)
		if (low && high) != (got.EN == "" && got.ZH == "") {
			t.Errorf("DP %s of %s: the least fits %v, the greatest %v, told is %q", row.To, row.Point, low, high, got)
		}
	}
}
