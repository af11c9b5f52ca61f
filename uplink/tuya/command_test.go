package tuya

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"meterd/dlt645"
	"meterd/meter"
	"meterd/uplink"
)

// order sends a command to a data point, with JSON for its id, cid and value.
func order(p *Tuya, now time.Time, request, cid, id, value string) uplink.Receipt {
	return p.Receive(now, uplink.Inbound{Topic: "gateway_id/gw0001/commands", Payload: fmt.Appendf(nil, `{"t":%d,"cid":%s,"request_id":%s,"param":{"id":%s,"value":%s}}`, now.Unix(), cid, request, id, value)})
}

// told reads an answer.
func told(t *testing.T, m *uplink.Message) (code int, text string) {
	t.Helper()
	if m == nil {
		return -1, ""
	}
	var in struct {
		CID   string
		Param struct {
			Msg  string
			Code int
		}
	}
	if err := json.Unmarshal(m.Payload, &in); err != nil {
		t.Fatal(err)
	}
	return in.Param.Code, in.Param.Msg
}

// withParameters is a platform with a meter that has a ratio of 20 and 3.
func withParameters(rows ...uplink.Row) (*Tuya, *meter.Handle) {
	h := &meter.Handle{Name: "Unit 101", Address: testMeter, CT: 20, PT: 3}
	dir, clashes := uplink.NewDirectory(uplink.DirectoryConfig{
		Devices: []uplink.Device{{Meter: h, ID: "METER01"}}, Rows: rows, Default: slices.Concat(Defaults, Parameters),
	})
	if len(clashes) > 0 {
		panic(clashes)
	}
	return New(Config{Gateway: "gw0001", Username: "vendor01", Directory: dir}), h
}

// TestEachDataPointAnswersACommand: 1 and 57 switch, five set, 9 refreshes, and
// each of the others says why it does nothing.
func TestEachDataPointAnswersACommand(t *testing.T) {
	now := time.Unix(1700000000, 0)
	for _, d := range dps {
		p, _ := withParameters()
		rc := order(p, now, `"r1"`, `"METER01"`, `"`+d.id+`"`, "0")
		code, text := told(t, rc.Reply)
		switch {
		case d.id == "1" || d.id == "57":
			if rc.Reply != nil || rc.Command == nil || rc.Command.Op != meter.OpRelay {
				t.Errorf("DP %s: %+v", d.id, rc)
			}
		case slices.Contains(settings, d.id):
			if rc.Reply != nil || rc.Command == nil || rc.Command.Op != meter.OpSet || rc.Command.Value != "0" {
				t.Errorf("DP %s: %+v", d.id, rc)
			}
		case d.id == "9":
			if code != 0 || rc.Command != nil { // the meter is read for nothing
				t.Errorf("DP 9: %+v", rc)
			}
		case rc.Command != nil || code != 2002 || !strings.HasPrefix(text, "command or value not support: data point "+d.id+" ("+d.name+") ") || strings.HasSuffix(text, ") "):
			t.Errorf("DP %s: %d %q", d.id, code, text)
		}
	}
	// Without their rows the settings are off, and say so.
	for _, id := range append(settings, "1") {
		p := platform(Config{}, uplink.Row{Point: "relay", To: ""})
		if code, text := told(t, order(p, now, `"r1"`, `"METER01"`, `"`+id+`"`, "0").Reply); code != 2002 || !strings.Contains(text, "turned off in the gateway's configuration") {
			t.Errorf("DP %s: %d %q", id, code, text)
		}
	}
	p := platform(Config{})
	for _, id := range []string{`"4"`, `"60"`, `""`, "null", `{}`} {
		if code, text := told(t, order(p, now, `"r1"`, `"METER01"`, id, "0").Reply); code != 2002 || !strings.Contains(text, "no such data point") {
			t.Errorf("DP %s: %d %q", id, code, text)
		}
	}
}

// TestSettingsHaveTheMetersSteps: what the platform counts becomes what the
// point is in, or is refused with what it takes.
func TestSettingsHaveTheMetersSteps(t *testing.T) {
	now := time.Unix(1700000000, 0)
	for _, c := range []struct {
		id, value string
		want      string // the command, or the code
	}{
		{"48", "60060000", "limit.power = 6.006"}, // 6006 W
		{"48", `"60060000"`, "limit.power = 6.006"},
		{"48", "60", "1101"},         // 0.006 W: 60 times no step of the register
		{"48", "1000000001", "1101"}, // out of the document's range
		{"48", "-60000", "1101"},
		{"11", "6000000", "limit.voltage.min = 600"}, // V, with the ratio of 3
		{"11", "6001000", "1101"},                    // 200.03 V
		{"12", "29970000", "limit.voltage.max = 2997"},
		{"12", "30000000", "1101"}, // 1000 V on the meter's side
		{"18", "500", "delay.current = 5"},
		{"18", "550", "1101"},
		{"18", "10000", "1101"},
		{"49", "120000", "limit.credit = 12"},
		{"49", "1.5", "1103"}, {"49", `"x"`, "1103"}, {"49", "null", "1103"}, {"49", "true", "1103"}, {"49", "[]", "1103"}, {"49", "1e3", "1103"},
	} {
		p, h := withParameters()
		rc := order(p, now, `"r1"`, `"METER01"`, `"`+c.id+`"`, c.value)
		got := ""
		if rc.Command != nil {
			got = rc.Command.String()
			if rc.Command.Meter != h || rc.Command.ID != "METER01 r1" || rc.Command.Said != now || rc.Command.Op != meter.OpSet {
				t.Errorf("DP %s = %s: %+v", c.id, c.value, rc.Command)
			}
		}
		if code, text := told(t, rc.Reply); code > 0 {
			got = fmt.Sprint(code)
			if code == 1101 && !strings.Contains(text, "takes ") {
				t.Errorf("DP %s = %s is refused with %q", c.id, c.value, text)
			}
		}
		if got != c.want {
			t.Errorf("DP %s = %s: got %s, want %s", c.id, c.value, got, c.want)
		}
	}
	// Another identifier, by the configuration; what is measured is never set.
	p, _ := withParameters(uplink.Row{Point: "limit.voltage.min", To: ""}, uplink.Row{Point: "trigger.voltage.min", To: "11", Scale: 2},
		uplink.Row{Point: "limit.voltage.max", To: ""}, uplink.Row{Point: "voltage.b", To: "12", Scale: -1})
	if rc := order(p, now, `"r1"`, `"METER01"`, `"11"`, "60000"); rc.Command == nil || rc.Command.String() != "trigger.voltage.min = 600" {
		t.Errorf("got %+v", rc)
	}
	if code, text := told(t, order(p, now, `"r2"`, `"METER01"`, `"12"`, "60000").Reply); code != 2002 || !strings.Contains(text, "measured") {
		t.Errorf("a measured point at DP 12: %d %q", code, text)
	}
}

// TestARefreshReadsWhatHasADataPoint once a minute, and of no dead meter.
func TestARefreshReadsWhatHasADataPoint(t *testing.T) {
	p, h := withParameters()
	var known meter.Points
	for _, name := range []string{"voltage", "thd.voltage", "status", "limit.power", "energy.forward", "power.active", "settlement.day", "frequency"} {
		found, _ := known.Expand(name)
		h.Groups = append(h.Groups, meter.Group{Every: time.Minute, Points: found})
	}
	now := time.Unix(1700000000, 0)
	want := "voltage.a voltage.b voltage.c status.1 status.3 status.4 status.5 status.6 status.7 limit.power energy.forward.total power.active.total power.active.a power.active.b power.active.c settlement.day frequency"
	retained := p.Receive(now, uplink.Inbound{Topic: "gateway_id/gw0001/commands", Retained: true, Payload: []byte(`{"t":1,"cid":"METER01","request_id":"h","param":{"id":"9","value":1}}`)})
	if retained.Command == nil { // the uplink refuses it
		t.Errorf("got %+v", retained)
	}
	rc := order(p, now, `"r1"`, `"METER01"`, `"9"`, `"anything"`)
	code, _ := told(t, rc.Reply)
	if code != 0 || rc.Command == nil || rc.Command.Op != meter.OpRead || !rc.Command.Told || strings.Join(rc.Command.Points, " ") != want {
		t.Fatalf("got %d, %+v", code, rc.Command)
	}
	if m, ok := p.Answer(now, *rc.Command, meter.Result{}); ok {
		t.Errorf("it is answered twice: %s", m.Payload)
	}
	again := order(p, now.Add(59*time.Second), `"r2"`, `"METER01"`, "9", `null`)
	if code, _ := told(t, again.Reply); code != 0 || again.Command != nil {
		t.Errorf("within the minute: %d, %+v", code, again.Command)
	}
	if rc := order(p, now.Add(time.Minute), `"r3"`, `"METER01"`, "9", `{}`); rc.Command == nil {
		t.Error("nothing is read after the minute")
	}
	p.Status(now, []meter.MeterState{{Address: testMeter, Known: true}})
	dead := order(p, now.Add(time.Hour), `"r4"`, `"METER01"`, "9", `0`)
	if code, _ := told(t, dead.Reply); code != 2001 || dead.Command != nil {
		t.Errorf("a dead meter: %d, %+v", code, dead.Command)
	}
	p.Status(now, []meter.MeterState{{Address: testMeter, Known: true, Online: true}})
	if rc := order(p, now.Add(time.Hour), `"r5"`, `"METER01"`, "9", `0`); rc.Command == nil {
		t.Error("nothing is read of a meter that is back")
	}
}

// TestNumbersAreTakenForTheirDigits, in all that names something.
func TestNumbersAreTakenForTheirDigits(t *testing.T) {
	dir, _ := uplink.NewDirectory(uplink.DirectoryConfig{Devices: []uplink.Device{{Meter: unit101, ID: "202411200101"}}, Default: Defaults})
	p := New(Config{Gateway: "gw0001", Username: "v", Directory: dir})
	now := time.Unix(1700000000, 0)
	rc := order(p, now, "17", "202411200101", "57", "0")
	if rc.Command == nil || rc.Command.ID != "202411200101 17" || rc.Command.Relay != dlt645.CommandTrip || rc.Command.Meter != unit101 {
		t.Fatalf("got %+v", rc)
	}
	m, ok := p.Answer(now, *rc.Command, meter.Result{})
	if !ok || !strings.Contains(string(m.Payload), `"cid":"202411200101","request_id":"17"`) {
		t.Errorf("answered %s", m.Payload)
	}
	for _, none := range []string{"true", "{}", "[1]", "null"} {
		if rc := order(p, now, "17", none, "57", "0"); rc.Command != nil {
			t.Errorf("cid %s names a meter", none)
		} else if code, _ := told(t, rc.Reply); code != 2003 {
			t.Errorf("cid %s is answered %d", none, code)
		}
		if rc := order(p, now, none, "202411200101", "5", "0"); rc.Reply != nil {
			t.Errorf("request_id %s is answered", none)
		}
	}
	ack := p.Receive(now, uplink.Inbound{Topic: "gateway_id/gw0001/properties/report/response", Payload: []byte(`{"t":1,"request_id":17,"param":{"cid":1,"code":0}}`)})
	if ack.Verdict != uplink.Accepted || ack.ID != "17" {
		t.Errorf("got %+v", ack)
	}
}

func TestSyncTellsWhatAMeterHasOfItsOwn(t *testing.T) {
	fields := map[string]string{"device_name": "Shop", "install_location": "2F", "device_ip": "10.0.0.7"}
	dir, _ := uplink.NewDirectory(uplink.DirectoryConfig{Devices: []uplink.Device{{Meter: unit101, ID: "c1", Fields: fields}}, Default: Defaults})
	p := New(Config{Gateway: "gw0001", Username: "v", Directory: dir, Sync: Sync{ProductID: "p1", VendorCode: "v1", InstallLocation: "1F"}})
	m, _ := p.Register(time.Unix(1700000000, 0), dir.Of(testMeter), 0)
	var got struct{ Param map[string]string }
	if err := json.Unmarshal(m.Payload, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"cid": "c1", "product_id": "p1", "vendor_code": "v1", "comm_type": "mqtt", "device_ip": "10.0.0.7", "mac_address": "", "device_name": "Shop",
		"device_desc": "Unit 101", "install_location": "2F", "device_server_id": "", "product_sub_type": "",
	}
	if fmt.Sprint(got.Param) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got.Param, want)
	}
	for _, f := range DeviceFields {
		if _, ok := want[f]; !ok {
			t.Errorf("%s is no field of devices/sync", f)
		}
	}
}

func TestNameplateAndSettlementAreTold(t *testing.T) {
	p, _ := withParameters()
	got, enc := reports(t, p, reading("meter.rated.most", words("5(60)A"), "settlement.time", dlt645.Value{Kind: dlt645.Time, Text: "2023-11-01 00:00"},
		"limit.power", number("6.0060"), "limit.voltage.min", number("600.3"), "delay.current", number("5"), "limit.credit", number("12.00")))
	for id, want := range map[string]string{"6": "600000", "59": `"1698796800"`, "48": "60060000", "11": "6003000", "18": "500", "49": "120000"} {
		if got[id] != want+" @1700000000" {
			t.Errorf("DP %s: got %s, want %s", id, got[id], want)
		}
	}
	if len(got) != 6 || enc.Withheld != 0 {
		t.Errorf("got %v, %d withheld", got, enc.Withheld)
	}
	if got, _ := reports(t, p, reading("meter.rated.most", words("?"))); len(got) != 0 {
		t.Errorf("of no number: %v", got)
	}
}

// TestWhatSwitchesTellsItsTime: the document requires t, and what does not tell
// it may be of any day. A read may.
func TestWhatSwitchesTellsItsTime(t *testing.T) {
	now := time.Unix(1700000000, 0)
	send := func(p *Tuya, said, dp, value string) uplink.Receipt {
		return p.Receive(now, uplink.Inbound{Topic: "gateway_id/gw0001/commands", Payload: fmt.Appendf(nil, `{%s"cid":"METER01","request_id":"r1","param":{"id":%q,"value":%s}}`, said, dp, value)})
	}
	for _, said := range []string{"", `"t":null,`, `"t":"",`, `"t":"now",`, `"t":0,`, `"t":-1700000000,`, `"t":1700000000.5,`, `"t":1.7e9,`, `"t":[1700000000],`, `"t":true,`, `"t":99999999999999999999,`} {
		for dp, value := range map[string]string{"1": "false", "57": `"0"`, "48": "60060000"} {
			p, _ := withParameters()
			rc := send(p, said, dp, value)
			if code, text := told(t, rc.Reply); rc.Command != nil || code != 1001 || !strings.HasPrefix(text, "request time is invalid") {
				t.Errorf("%s DP %s: %+v, answered %d %q", said, dp, rc.Command, code, text)
			}
		}
		p, _ := withParameters()
		if code, _ := told(t, send(p, said, "9", "1").Reply); code != 0 {
			t.Errorf("%s DP 9: %d", said, code)
		}
	}
	for _, said := range []string{`"t":1700000000,`, `"t":"1700000000",`, `"t":1700000000000,`, `"t":" 1700000000 ",`} {
		p, _ := withParameters()
		if rc := send(p, said, "1", "false"); rc.Command == nil || !rc.Command.Said.Equal(now) {
			t.Errorf("%s: %+v", said, rc.Command)
		}
	}
}

// TestOneRequestForTwoMetersIsTwo: each has its own outcome, under the id that
// both came with.
func TestOneRequestForTwoMetersIsTwo(t *testing.T) {
	other := &meter.Handle{Name: "Unit 102", Address: dlt645.Address{0x20, 0x24, 0x11, 0x20, 0x01, 0x02}}
	dir, _ := uplink.NewDirectory(uplink.DirectoryConfig{Devices: []uplink.Device{{Meter: unit101, ID: "METER 1"}, {Meter: other, ID: "METER"}}, Default: Defaults})
	p := New(Config{Gateway: "gw0001", Username: "v", Directory: dir})
	now := time.Unix(1700000000, 0)
	one, two := order(p, now, `"r1"`, `"METER 1"`, `"1"`, "0").Command, order(p, now, `"1 r1"`, `"METER"`, `"1"`, "0").Command
	again := order(p, now, `"r1"`, `"METER"`, `"1"`, "0").Command
	if one == nil || two == nil || again == nil || one.ID == again.ID {
		t.Fatalf("got %+v, %+v and %+v", one, two, again)
	}
	for _, c := range []struct {
		of   *meter.Command
		want string
	}{{one, `"cid":"METER 1","request_id":"r1"`}, {two, `"cid":"METER","request_id":"1 r1"`}, {again, `"cid":"METER","request_id":"r1"`}} {
		if m, ok := p.Answer(now, *c.of, meter.Result{}); !ok || !strings.Contains(string(m.Payload), c.want) {
			t.Errorf("answered %s, want %s", m.Payload, c.want)
		}
	}
}
