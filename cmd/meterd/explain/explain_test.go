package explain

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"meterd/board"
	"meterd/dlt645"
	"meterd/meter"
)

var unit = dlt645.Address{0x20, 0x24, 0x11, 0x20, 0x01, 0x01}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func di(t *testing.T, s string) dlt645.DI {
	t.Helper()
	d, err := dlt645.ParseDI(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestItemsOfAnAnswer: what was read, as a person and as a script get it.
func TestItemsOfAnAnswer(t *testing.T) {
	var points meter.Points
	for _, c := range []struct{ di, data, text, js string }{
		{
			"02010100", "0122", "202411200101  02010100  A-phase voltage = 220.1 V\n",
			`[{"address":"202411200101","di":"02010100","point":"voltage.a","name":"A-phase voltage","value":"220.1","unit":"V","ms":20.1}]`,
		},
		{
			"0201FF00", "0122 FFFF 0000", "202411200101  02010100  A-phase voltage = 220.1 V\n202411200101  02010200  B-phase voltage = no value\n202411200101  02010300  C-phase voltage = 0.0 V\n",
			`[{"address":"202411200101","di":"02010100","point":"voltage.a","name":"A-phase voltage","value":"220.1","unit":"V","ms":20.1},{"address":"202411200101","di":"02010200","point":"voltage.b","name":"B-phase voltage","value":null,"unit":"V","ms":20.1},{"address":"202411200101","di":"02010300","point":"voltage.c","name":"C-phase voltage","value":"0.0","unit":"V","ms":20.1}]`,
		},
		{
			"02010100", "0A22", "202411200101  02010100  A-phase voltage = invalid digits 220A\n",
			`[{"address":"202411200101","di":"02010100","point":"voltage.a","name":"A-phase voltage","value":null,"unit":"V","invalid":"220A","ms":20.1}]`,
		},
		{
			"99000001", "0102", "202411200101  99000001  unknown, bytes in the order of the wire = 0102\n",
			`[{"address":"202411200101","di":"99000001","point":null,"name":"unknown, bytes in the order of the wire","value":"0102","unit":"","ms":20.1}]`,
		},
		{
			"02010100", "012201", "202411200101  02010100  A-phase voltage in an unknown layout, bytes in the order of the wire = 012201\n",
			`[{"address":"202411200101","di":"02010100","point":null,"name":"A-phase voltage in an unknown layout, bytes in the order of the wire","value":"012201","unit":"","ms":20.1}]`,
		},
		{
			"02010100", "", "202411200101  02010100  noise: dlt645: the answer for 02010100 holds no data\n",
			`[{"address":"202411200101","di":"02010100","error":{"kind":"noise","text":"dlt645: the answer for 02010100 holds no data"}}]`,
		},
	} {
		items := ItemsOf(unit, di(t, c.di), meter.Reply{Address: unit, Data: unhex(t, c.data), Took: 20104 * time.Microsecond}, nil, &points, "en")
		text := ""
		for _, it := range items {
			text += it.Text("en")
		}
		js, err := json.Marshal(items)
		if text != c.text || string(js) != c.js || err != nil {
			t.Errorf("%s %s:\n%s%s (%v)\nwant\n%s%s", c.di, c.data, text, js, err, c.text, c.js)
		}
	}
}

// TestFailures: each way in which a reading fails, in its own words.
func TestFailures(t *testing.T) {
	var points meter.Points
	for _, c := range []struct {
		err  error
		want Failure
		zh   string // how the line ends in Chinese
	}{
		{fmt.Errorf("%w: no answer", meter.ErrSilence), Failure{"silence", "", "silence: no answer", ""}, "无应答: no answer"},
		{fmt.Errorf("%w: 3 bytes", meter.ErrNoise), Failure{"noise", "", "noise: 3 bytes", ""}, ""},
		{&dlt645.Refusal{Code: []byte{0x02}}, Failure{"refusal", "02", "no requested data", "无请求数据"}, "电表拒绝: 无请求数据"},
		{&dlt645.Refusal{Code: []byte{0x01, 0x01}}, Failure{"refusal", "0101", "other error, suspended", (&dlt645.Refusal{Code: []byte{0x01, 0x01}}).Text().ZH}, ""},
		{&dlt645.Refusal{}, Failure{"refusal", "", "no reason given", (&dlt645.Refusal{}).Text().ZH}, ""},
		{&meter.PortError{Bus: "b1", Err: errors.New("gone")}, Failure{"port", "", "meter: bus b1: gone", ""}, ""},
		{&meter.PortError{Bus: "b1", Err: board.ErrLocked}, Failure{"port", "", "meter: bus b1: board: the port is in use by another program; if that is the daemon, ask it: meterd exec meter NAME", ""}, ""},
		{errors.New("else"), Failure{"", "", "else", ""}, ""},
	} {
		if got := FailureOf(c.err); *got != c.want {
			t.Errorf("%v is told as %+v, want %+v", c.err, *got, c.want)
		}
		items := ItemsOf(unit, di(t, "02010100"), meter.Reply{}, c.err, &points, "en")
		line := fmt.Sprintf("202411200101  02010100  %s: %s\n", c.want.Kind, strings.TrimPrefix(c.want.Text, c.want.Kind+": "))
		if len(items) != 1 || items[0].Text("en") != line {
			t.Errorf("%v: %+v", c.err, items)
		}
		if got := items[0].Text("zh"); !strings.HasSuffix(got, c.zh+"\n") {
			t.Errorf("%v: %q, want %q", c.err, got, c.zh)
		}
	}
}

// TestARefusedBlockIsReadSingly, one that was asked for by its identifier is
// not.
func TestARefusedBlockIsReadSingly(t *testing.T) {
	var ps meter.Points
	points, _ := ps.Expand("voltage")
	refused := []Item{{Err: FailureOf(&dlt645.Refusal{Code: []byte{2}})}}
	silent := []Item{{Err: FailureOf(meter.ErrSilence)}}
	for _, c := range []struct {
		req   meter.Request
		items []Item
		want  bool
	}{
		{meter.Request{DI: di(t, "0201FF00"), Points: points}, refused, true},
		{meter.Request{DI: di(t, "0201FF00"), Points: points}, silent, false},
		{meter.Request{DI: di(t, "0201FF00")}, refused, false},
		{meter.Request{DI: di(t, "02010100"), Points: points[:1]}, refused, false},
		{meter.Request{DI: di(t, "0201FF00"), Points: points}, []Item{{}}, false},
	} {
		if got := RefusedBlock(c.req, c.items); got != c.want {
			t.Errorf("%+v: %v, want %v", c.req, got, c.want)
		}
	}
}

// TestSummaries: what passed on a line, in one line.
func TestSummaries(t *testing.T) {
	var points meter.Points
	frame := func(control dlt645.Control, data string) []byte {
		b, err := dlt645.Frame{Address: unit, Control: control, Data: unhex(t, data)}.AppendBinary(dlt645.AppendPreamble(nil, 4))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	both := append(frame(0x11, "00010102"), frame(0x91, "00010102 0122")...)
	for _, c := range []struct {
		wire   []byte
		en, zh string
	}{
		{frame(0x11, "00010102"), "202411200101 read 02010100", "202411200101 read 02010100"},
		{both, "202411200101 read 02010100; 202411200101 read 02010100 voltage.a=220.1V", "202411200101 read 02010100; 202411200101 read 02010100 voltage.a=220.1V"},
		{frame(0xD1, "02"), "202411200101 read no requested data", "202411200101 read 无请求数据"},
		{frame(0x91, "00FF0102 0122 0222 0322"), "voltage.a=220.1V voltage.b=220.2V voltage.c=220.3V", "voltage.c=220.3V"},
		{frame(0xB1, "00010102 01"), "202411200101 read 02010100", "202411200101 read 02010100"},
		{frame(0x91, "00010102 01"), "202411200101 read 02010100", "202411200101 read 02010100"},
		{[]byte{1, 2, 3}, "no frame: no start byte", "无有效帧："},
		{nil, "no frame: no start byte", "无有效帧："},
		{frame(0x91, "00FF0000 00000000 01000000 02000000 03000000 04000000")[4:], " …", " …"},
	} {
		for language, want := range map[string]string{"en": c.en, "zh": c.zh} {
			if got := Summary(c.wire, &points, language); !strings.Contains(got, want) {
				t.Errorf("% X in %s is %q, want %q", c.wire, language, got, want)
			}
		}
	}
}

// TestFoundMeters: what a scan prints is a part of a configuration.
func TestFoundMeters(t *testing.T) {
	f := Found{meter.Discovery{Address: unit, Protocol: dlt645.V1997, Baud: 1200, Took: 20149 * time.Microsecond}, "rs485-1"}
	if want := "[[meter]]\nname     = \"meter 200101\"\nbus      = \"rs485-1\"\naddress  = \"202411200101\"\nprotocol = \"1997\"\nprofile  = \"three-phase\"   # 1200 baud, answered in 20 ms\n\n"; f.Text("en") != want {
		t.Errorf("got %s", f.Text("en"))
	}
	if js, err := json.Marshal(f); err != nil || string(js) != `{"address":"202411200101","protocol":"1997","baud":1200,"ms":20.1}` {
		t.Errorf("got %s, %v", js, err)
	}
}

// TestHowFarAScanIs, in both languages.
func TestHowFarAScanIs(t *testing.T) {
	got := ScanText(meter.Progress{Edition: dlt645.V1997, Baud: 1200, Done: 0.456, Left: 83400 * time.Millisecond}, 3)
	want := dlt645.Text{EN: "1997, 1200 baud: 3 found, 46 % done, about 1m23s left", ZH: "1997，1200 bps：找到 3 块，已完成 46 %，约剩 1m23s"}
	if got != want {
		t.Errorf("got %+v", got)
	}
}
