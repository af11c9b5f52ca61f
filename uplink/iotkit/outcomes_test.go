package iotkit_test

import (
	"encoding/json"
	"strings"
	"testing"

	"meterd/meter"
	"meterd/uplink"
	"meterd/uplink/iotkit"
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
	desk(t).Answered(t, func(topic string) bool { return strings.Contains(topic, "/s/service/") })
}

// desk is the platform with what it may ask, and how it reads the answers.
func desk(t *testing.T) site.Desk {
	t.Helper()
	var line site.Line
	line.Set(addresses[0], true)
	platform := &uplinktest.Iotkit{Products: map[string]string{"hbtgIA0SuVw9lxjB": "secret", subProduct: "other"}}
	order := func(op meter.Operation, service, params string) site.Order {
		return site.Order{Op: op, Send: func(id string) uplinktest.Out { return platform.Command(subProduct, name(0), service, id, params) }}
	}
	return site.Desk{
		Faults: func() []string { return platform.Seen().Violations },
		Config: site.Config{
			Dialect: iotkit.New(iotkit.Config{
				ProductKey: "hbtgIA0SuVw9lxjB", ProductSecret: "secret", DeviceName: gatewayName, Model: "MD1", SubProductKey: subProduct, SubModel: "MD1",
				Directory: site.Directory(t, uplink.DirectoryConfig{Devices: []uplink.Device{site.Meter(addresses[0], name(0))}}),
			}),
			Platform: platform, Allow: platform.Allow, Subscribed: platform.Subscribed, Unsubscribed: platform.Unsubscribed, Opens: platform.On, Meters: line.Meters,
		},
		Ready: func() bool { return len(platform.Seen().Online) == 1 },
		Orders: []site.Order{
			order(meter.OpRelay, "property/set", `{"relay":"open"}`),
			order(meter.OpSet, "property/set", `{"voltage_a":"220.1"}`),
			order(meter.OpRead, "property/get", `["voltage_a"]`),
			order(meter.OpRead, "read", `{"points":["voltage"]}`),
			order(meter.OpRelay, "relay", `{"value":"trip"}`), order(meter.OpRelay, "relay", `{"action":"permit"}`),
			order(meter.OpAlarm, "alarm", `{"action":"on"}`), order(meter.OpProtection, "protection", `{"action":"off"}`),
			order(meter.OpSet, "set", `{"point":"voltage_a","value":3}`), order(meter.OpWrite, "write", `{"point":"04000403","value":"3"}`),
			order(meter.OpTime, "time", `{}`), order(meter.OpFreeze, "freeze", `{}`), order(meter.OpDemandReset, "demand_reset", `{}`),
		},
		Answer: func(topic string, payload []byte) (id, code string, ok bool) {
			var in struct {
				ID   string
				Code json.Number
			}
			ok = strings.Contains(topic, "/s/service/") && json.Unmarshal(payload, &in) == nil
			return in.ID, in.Code.String(), ok
		},
		Column: "iotkit",
		Codes: map[meter.Outcome]string{
			meter.Done: "0", meter.Denied: "403", meter.NotKnown: "404", meter.Invalid: "400", meter.NoAnswer: "504", meter.NotTaken: "409",
			meter.Unconfirmed: "502", meter.Failed: "500", meter.Busy: "503", meter.Expired: "410", meter.Nameless: "406",
		},
	}
}
