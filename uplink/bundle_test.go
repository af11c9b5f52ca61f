package uplink

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"meterd/dlt645"
	"meterd/meter"
)

func set(text string) map[string]json.RawMessage {
	var out map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		panic(err)
	}
	return out
}

// TestSettingsAreAllOrNone: a mistake in one of them refuses all.
func TestSettingsAreAllOrNone(t *testing.T) {
	h := &meter.Handle{Name: "m", Address: meter1}
	dir, _ := NewDirectory(DirectoryConfig{Devices: []Device{{Meter: h, ID: "a"}}})
	var many []string
	for i := range MostSettings + 1 {
		many = append(many, fmt.Sprintf(`"0001%02X00":1`, i))
	}
	for text, want := range map[string]string{
		`{"voltage_a":1,"relay":"open"}`:             "[relay voltage_a] relay trip; set voltage.a",
		`{"relay":true}`:                             "[relay] relay close",
		`{}`:                                         "invalid",
		`{"relay":"open","colour":1}`:                "unknown there is no point \"colour\"; none of the others is set",
		`{"relay":"ajar","voltage_a":1}`:             "invalid the relay can be closed or open, not \"ajar\"; none of the others is set",
		`{"voltage_a":1,"voltage.a":2}`:              "invalid \"voltage.a\" and \"voltage_a\" are the same; none is set",
		`{"limit_power":1,"04000E01":"2"}`:           "invalid \"04000E01\" and \"limit_power\" are the same; none is set",
		`{"04000e01":1,"04000E01":2}`:                "invalid \"04000E01\" and \"04000e01\" are the same; none is set",
		`{"04000e01":1}`:                             "[04000e01] write 04000E01",
		`{` + strings.Join(many, ",") + `}`:          "invalid 17 properties at once, at most 16 are set",
		`{` + strings.Join(many[1:], ",") + `}`:      "[0001",
		`{"relay":"open","04000103":{"a":"object"}}`: "invalid there is no value",
	} {
		keys, all, no := dir.Settings(h, set(text))
		got := ""
		if no != nil {
			got = no.Outcome.String() + " " + no.Text
		} else {
			var said []string
			for _, c := range all {
				if c.Meter != h {
					t.Errorf("%s: for %v", text, c.Meter)
				}
				said = append(said, strings.TrimSpace(fmt.Sprintf("%s %s", c.Op, map[bool]string{true: c.Point, false: c.Relay.Text().EN}[c.Point != ""])))
			}
			got = fmt.Sprintf("%v %s", keys, strings.Join(said, "; "))
		}
		if want == "" || !strings.HasPrefix(got, want) {
			t.Errorf("%.60s: got %s, want %s", text, got, want)
		}
	}
}

// TestAMessageOfSeveralIsAnsweredOnce: when the last outcome is known, with the
// truth of each.
func TestAMessageOfSeveralIsAnsweredOnce(t *testing.T) {
	var b Bundles
	three := []meter.Command{{}, {}, {}}
	rc := b.Receipt("set:7", []string{"a", "b", "c"}, three, false)
	all := rc.Commands()
	if len(all) != 3 || all[0].ID != "set:7" || all[1].ID != "1+set:7" || all[2].ID != "2+set:7" {
		t.Fatalf("got %+v", all)
	}
	refused := meter.Result{Outcome: meter.NotTaken, Text: dlt645.Text{EN: "refused by the meter", ZH: "电表拒绝"}}
	for _, step := range []struct {
		id   string
		r    meter.Result
		want string
	}{
		{"2+set:7", meter.Result{}, ""},
		{"set:7", meter.Result{}, ""},
		{"set:7", meter.Result{}, ""}, // once more: its sender has repeated it
		{"1+set:7", refused, "set:7 refused a: done; b: refused, refused by the meter; c: done"},
		{"1+set:7", refused, ""}, // nobody waits any more
		{"9+set:7", meter.Result{}, ""},
		{"set:8", refused, "set:8 refused refused by the meter"}, // alone in its message
		{"x+set:8", meter.Result{}, "x+set:8 done"},              // an id that only looks like it
	} {
		first, r, ok := b.Told(step.id, step.r)
		got := ""
		if ok {
			got = strings.TrimSpace(fmt.Sprintf("%s %s %s", first, r.Outcome, r.Text.EN))
		}
		if got != step.want {
			t.Errorf("%s: got %q, want %q", step.id, got, step.want)
		}
	}
	if rc := b.Receipt("set:9", []string{"a", "b"}, make([]meter.Command, 2), true); len(rc.More) != 1 || len(b.open) != 0 {
		t.Errorf("what the broker had kept leaves a trace: %d open", len(b.open))
	}
	for i := range 2 * mostBundles {
		b.Receipt(fmt.Sprint("set:", i), []string{"a", "b"}, make([]meter.Command, 2), false)
	}
	if len(b.open) != mostBundles {
		t.Errorf("%d wait", len(b.open))
	}
}
