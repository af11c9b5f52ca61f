package das_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"meterd/meter"
	"meterd/uplink"
	"meterd/uplink/das"
	"meterd/uplink/uplinktest"
	"meterd/uplink/uplinktest/site"
)

func TestEachOutcomeOfEachOperationReachesThePlatform(t *testing.T) {
	t.Parallel()
	desk(t).Outcomes(t)
}

// TestAnAnswerThatFallsIntoADisconnectIsSentAgain: the command is carried out
// once, and its sender gets the answer.
func TestAnAnswerThatFallsIntoADisconnectIsSentAgain(t *testing.T) {
	t.Parallel()
	desk(t).Answered(t, func(topic string) bool { return strings.HasSuffix(topic, "/thing/properties/set/response") })
}

// desk is the platform with what it may ask, and how it reads the answers.
func desk(t *testing.T) site.Desk {
	t.Helper()
	platform := &uplinktest.DAS{ProductID: "pk", DeviceID: "gw", DeviceSecret: "secret", SubDevices: []uplinktest.DASDevice{{ProductID: "mp", DeviceID: "m1"}}}
	order := func(op meter.Operation, topic, body string) site.Order {
		return site.Order{Op: op, Send: func(id string) uplinktest.Out {
			return platform.Down(topic, fmt.Sprintf(`{"id":%q,"version":"1.0",%s}`, id, body))
		}}
	}
	service := func(op meter.Operation, name, params string) site.Order {
		return order(op, "thing/service/set", fmt.Sprintf(`"identifier":%q,"params":{"meter":"m1"%s}`, name, params))
	}
	return site.Desk{
		Faults: func() []string { return platform.Seen().Violations },
		Config: site.Config{
			Dialect: das.New(das.Config{
				Gateway: "gw1", ProductID: "pk", DeviceID: "gw", DeviceSecret: "secret", SignMethod: das.SignSHA256, SubProductID: "mp",
				Directory: site.Directory(t, uplink.DirectoryConfig{Devices: []uplink.Device{site.Meter(meters[0], "m1")}}),
			}),
			Platform: platform, Allow: platform.Allow, Subscribed: platform.AllowSubscribe,
		},
		Orders: []site.Order{
			order(meter.OpRelay, "thing/properties/set", `"params":{"m1.relay":"open"}`),
			order(meter.OpSet, "thing/properties/set", `"params":{"m1.voltage_a":"220.1"}`),
			order(meter.OpWrite, "thing/properties/set", `"params":{"m1.04000403":"12"}`),
			order(meter.OpRead, "thing/properties/get", `"params":["m1.voltage_a"]`),
			service(meter.OpRead, "read", `,"points":["voltage"]`),
			service(meter.OpRelay, "relay", `,"action":"permit"`),
			service(meter.OpAlarm, "alarm", `,"action":"on"`),
			service(meter.OpProtection, "protection", `,"action":"off"`),
			service(meter.OpSet, "set", `,"point":"voltage_a","value":3`),
			service(meter.OpWrite, "write", `,"point":"04000403","value":3`),
			service(meter.OpClock, "time", ""), service(meter.OpFreeze, "freeze", ""), service(meter.OpDemandReset, "demand_reset", ""),
		},
		Answer: func(topic string, payload []byte) (id, code string, ok bool) {
			var in struct {
				ID   string
				Code json.Number
			}
			ok = (strings.HasSuffix(topic, "et/response") && strings.Contains(topic, "/thing/")) && json.Unmarshal(payload, &in) == nil && in.Code != ""
			return in.ID, in.Code.String(), ok
		},
		Column: "DAS",
		Codes: map[meter.Outcome]string{
			meter.Done: "200", meter.Denied: "100001", meter.NotKnown: "100002", meter.Invalid: "460", meter.NoAnswer: "100003", meter.NotTaken: "100004",
			meter.Unconfirmed: "100005", meter.Failed: "100006", meter.Busy: "429", meter.Expired: "100007", meter.Nameless: "460",
		},
	}
}
