package uplink_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"meterd/dlt645"
	"meterd/meter"
	"meterd/uplink"
)

// TestOrders: each operation in each of its words, and what is none of them.
func TestOrders(t *testing.T) {
	var points meter.Points
	h := &meter.Handle{Name: "m", Address: dlt645.Address{1}}
	dir, clashes := uplink.NewDirectory(uplink.DirectoryConfig{
		Points: &points, Devices: []uplink.Device{{Meter: h, ID: "one"}},
		Rows: []uplink.Row{{Point: "voltage.a", To: "U", Scale: 1}},
	})
	if len(clashes) > 0 {
		t.Fatal(clashes)
	}
	for order, want := range map[string]string{
		`{"op":"read","points":["U"]}`:                                        "read voltage.a",
		`{"op":"read","points":["voltage.a","U","current"]}`:                  "read voltage.a, current",
		`{"op":"read","points":["colour"]}`:                                   `unknown: there is no point "colour"`,
		`{"op":"read"}`:                                                       "invalid: which points",
		`{"op":"relay","action":"trip"}`:                                      "relay trip",
		`{"op":"relay","action":"permit"}`:                                    "relay permit closing",
		`{"op":"relay","action":"Close"}`:                                     "relay close",
		`{"op":"relay","action":"open"}`:                                      "relay trip",
		`{"op":"relay","action":true}`:                                        "relay close",
		`{"op":"relay","action":0}`:                                           "relay trip",
		`{"op":"relay","action":"alarm"}`:                                     "invalid: relay takes",
		`{"op":"relay","action":"on"}`:                                        "invalid: relay takes",
		`{"op":"relay"}`:                                                      "invalid: relay takes",
		`{"op":"alarm","action":"on"}`:                                        "alarm alarm",
		`{"op":"alarm","action":"alarm-off"}`:                                 "alarm alarm off",
		`{"op":"alarm","action":false}`:                                       "alarm alarm off",
		`{"op":"alarm","action":"trip"}`:                                      "invalid: alarm takes on or off",
		`{"op":"alarm","action":"open"}`:                                      "invalid: alarm takes on or off",
		`{"op":"protection","action":"on"}`:                                   "protection power protection",
		`{"op":"protection","action":"protect-off"}`:                          "protection power protection off",
		`{"op":"protection","action":"alarm"}`:                                "invalid: protection takes on or off",
		`{"op":"set","point":"U","value":"22"}`:                               "set voltage.a = 2.2",
		`{"op":"set","point":"voltage.a","value":22}`:                         "set voltage.a = 22",
		`{"op":"set","point":"relay","value":"open"}`:                         "relay trip",
		`{"op":"set","point":"relay","value":"ajar"}`:                         "invalid: the relay can be",
		`{"op":"set","point":"04000103","value":"15"}`:                        "write 04000103 = 15",
		`{"op":"write","point":"04000103","value":"15"}`:                      "write 04000103 = 15",
		`{"op":"write","point":"U","value":"15"}`:                             "invalid: write takes a data identifier",
		`{"op":"set","point":"colour","value":"15"}`:                          "unknown: there is no point",
		`{"op":"set","point":"U"}`:                                            "invalid: there is no value",
		`{"op":"set","point":"U","value":{"a":1}}`:                            "invalid: there is no value",
		`{"op":"set","value":"1"}`:                                            "invalid: what is to be set",
		`{"op":"set","point":"U","value":"high"}`:                             "invalid: the value of",
		`{"op":"set","point":"U","value":"` + strings.Repeat("9", 401) + `"}`: "invalid: the value has 401",
		`{"op":"relay","action":"trip","value":"close"}`:                      "invalid: action and value say two things",
		`{"op":"relay","action":"trip","value":"trip"}`:                       "relay trip",
		`{"op":"relay","action":"trip","value":null}`:                         "relay trip",
		`{"op":"alarm","action":"on","value":0}`:                              "invalid: action and value say two things",
		`{"op":"set","point":"relay","value":"open","action":"close"}`:        "invalid: set takes point and value",
		`{"op":"write","point":"04000e01","value":"1"}`:                       "write 04000E01 = 1",
		`{"op":"set","point":"04000e0g","value":"1"}`:                         "unknown: there is no point",
		`{"op":"set","point":"limit.power","value":"\uff16"}`:                 "set limit.power = \uff16", // the register refuses it
		`{"op":"relay","action":"\uff54rip"}`:                                 "invalid: relay takes",
		`{"op":"relay","action":["trip"]}`:                                    "invalid: relay takes",
		`{"op":"relay","action":" trip "}`:                                    "relay trip",
		`{"op":"RELAY","action":"trip"}`:                                      `unknown: there is no operation "RELAY"`,
		`{"op":"time"}`:                                                       "time time",
		`{"op":"freeze"}`:                                                     "freeze freeze",
		`{"op":"demand_reset"}`:                                               "demand-reset demand-reset",
		`{"op":"demand-reset"}`:                                               "demand-reset demand-reset",
		`{"op":"explode"}`:                                                    `unknown: there is no operation "explode"`,
		`{}`:                                                                  `unknown: there is no operation ""`,
	} {
		var o uplink.Order
		if err := json.Unmarshal([]byte(order), &o); err != nil {
			t.Fatal(err)
		}
		c, wrong := dir.Order(h, o)
		got := fmt.Sprintf("%s %s", c.Op, c)
		if wrong != nil {
			got = fmt.Sprintf("%s: %s", wrong.Outcome, wrong.Text)
		}
		if wrong == nil && got != want || wrong != nil && !strings.HasPrefix(got, want) || c.Meter != h {
			t.Errorf("%s is %q for %v, want %q", order, got, c.Meter, want)
		}
	}
}
