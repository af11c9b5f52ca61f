package tuya_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"meterd/meter"
	"meterd/uplink"
	"meterd/uplink/tuya"
	"meterd/uplink/uplinktest"
	"meterd/uplink/uplinktest/site"
)

// TestEachOutcomeReachesThePlatform: of what it may ask, a meter has the switch
// and five parameters.
func TestEachOutcomeReachesThePlatform(t *testing.T) {
	t.Parallel()
	desk(t).Outcomes(t)
}

// TestAnAnswerThatFallsIntoADisconnectIsSentAgain: the command is carried out
// once, and its sender gets the answer.
func TestAnAnswerThatFallsIntoADisconnectIsSentAgain(t *testing.T) {
	t.Parallel()
	desk(t).Answered(t, func(topic string) bool { return strings.HasSuffix(topic, "/commands/response") })
}

// desk is the platform with what it may ask, and how it reads the answers.
func desk(t *testing.T) site.Desk {
	t.Helper()
	var line site.Line
	line.Set(address, true)
	platform := &uplinktest.Tuya{}
	order := func(op meter.Operation, dp, value string) site.Order {
		return site.Order{Op: op, Send: func(id string) uplinktest.Out {
			return platform.Command("gw1", id, "c1", dp, value, time.Now())
		}}
	}
	return site.Desk{
		Faults: func() []string { return platform.Seen().Violations },
		Config: site.Config{
			Dialect: tuya.New(tuya.Config{
				Gateway: "gw1", Username: "v1", Sync: tuya.Sync{ProductID: "p1"},
				Directory: site.Directory(t, uplink.DirectoryConfig{Default: slices.Concat(tuya.Defaults, tuya.Parameters), Devices: []uplink.Device{site.Meter(address, "c1")}}),
			}),
			Platform: platform, Allow: func(id, user, password string) bool { return password == uplinktest.Password(id, user) }, Meters: line.Meters,
		},
		Orders: []site.Order{
			order(meter.OpRelay, "1", "true"), order(meter.OpRelay, "1", "false"), order(meter.OpRelay, "57", "false"), order(meter.OpSet, "11", "2200000"),
			order(meter.OpSet, "12", "2600000"), order(meter.OpSet, "18", "500"), order(meter.OpSet, "48", "60000000"), order(meter.OpSet, "49", "120000"),
		},
		Answer: func(topic string, payload []byte) (id, code string, ok bool) {
			var in struct {
				ID    string `json:"request_id"`
				Param struct{ Code json.Number }
			}
			ok = strings.HasSuffix(topic, "/commands/response") && json.Unmarshal(payload, &in) == nil
			return in.ID, in.Param.Code.String(), ok
		},
		Column: "Tuya",
		Codes: map[meter.Outcome]string{
			meter.Done: "0", meter.Denied: "2002", meter.NotKnown: "2002", meter.Invalid: "1103", meter.NoAnswer: "2001", meter.NotTaken: "400",
			meter.Unconfirmed: "400", meter.Failed: "400", meter.Busy: "400", meter.Expired: "1103", meter.Nameless: "1103",
		},
	}
}
