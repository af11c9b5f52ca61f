package onenet_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"meterd/meter"
	"meterd/uplink/onenet"
	"meterd/uplink/uplinktest"
	"meterd/uplink/uplinktest/site"
)

func TestEachOutcomeOfEachOperationReachesTheSuite(t *testing.T) {
	t.Parallel()
	suiteDesk(t).Outcomes(t)
}

// TestAnAnswerToTheSuiteThatFallsIntoADisconnectIsSentAgain: the command is
// carried out once, and its sender gets the answer.
func TestAnAnswerToTheSuiteThatFallsIntoADisconnectIsSentAgain(t *testing.T) {
	t.Parallel()
	suiteDesk(t).Answered(t, func(topic string) bool { return strings.Contains(topic, "/cmd/response/") })
}

// suiteDesk is the platform with what it may ask, and how it reads the answers.
func suiteDesk(t *testing.T) site.Desk {
	t.Helper()
	platform := known(&uplinktest.Onenet{})
	order := func(op meter.Operation, rest string) site.Order {
		return site.Order{Op: op, Send: func(id string) uplinktest.Out {
			return uplinktest.Out{Topic: "$sys/469948/gw/cmd/request/" + id, Payload: fmt.Appendf(nil, `{"meter":"202411200101",%s}`, rest)}
		}}
	}
	codes := map[meter.Outcome]string{}
	for _, o := range meter.Outcomes() {
		codes[o] = o.String()
	}
	return site.Desk{
		Faults: func() []string { return platform.Seen().Violations },
		Config: site.Config{
			Dialect:  onenet.NewSuite(onenet.SuiteConfig{Identity: identity, Streams: onenet.StreamsFlat, Directory: directory(t, false)}),
			Platform: platform, Allow: platform.Allow,
		},
		Orders: []site.Order{
			order(meter.OpRead, `"op":"read","points":["voltage"]`),
			order(meter.OpRelay, `"op":"relay","action":"permit"`),
			order(meter.OpAlarm, `"op":"alarm","action":"on"`),
			order(meter.OpProtection, `"op":"protection","action":"off"`),
			order(meter.OpSet, `"op":"set","point":"voltage.a","value":"220.1"`),
			order(meter.OpWrite, `"op":"write","point":"04000103","value":15`),
			order(meter.OpTime, `"op":"time"`), order(meter.OpFreeze, `"op":"freeze"`), order(meter.OpDemandReset, `"op":"demand-reset"`),
		},
		Answer: func(topic string, payload []byte) (id, code string, ok bool) {
			var in struct{ Outcome string }
			_, id, ok = strings.Cut(topic, "/cmd/response/")
			return id, in.Outcome, ok && json.Unmarshal(payload, &in) == nil && in.Outcome != "" && strings.TrimSpace(id) != ""
		},
		Codes: codes,
	}
}

func TestEachOutcomeOfEachOperationReachesStudio(t *testing.T) {
	t.Parallel()
	studioDesk(t).Outcomes(t)
}

// TestAnAnswerToStudioThatFallsIntoADisconnectIsSentAgain: the command is
// carried out once, and its sender gets the answer.
func TestAnAnswerToStudioThatFallsIntoADisconnectIsSentAgain(t *testing.T) {
	t.Parallel()
	studioDesk(t).Answered(t, func(topic string) bool { return strings.HasSuffix(topic, "/property/set_reply") })
}

// studioDesk is the platform with what it may ask, and how it reads the answers.
func studioDesk(t *testing.T) site.Desk {
	t.Helper()
	platform := known(&uplinktest.Onenet{Studio: true})
	order := func(op meter.Operation, topic, rest string) site.Order {
		return site.Order{Op: op, Send: func(id string) uplinktest.Out {
			return uplinktest.Out{
				Topic:   "$sys/469948/gw/thing/sub/" + topic,
				Payload: fmt.Appendf(nil, `{"id":%q,"version":"1.0","params":{"productID":"469948","deviceName":"202411200101",%s}}`, id, rest),
			}
		}}
	}
	service := func(op meter.Operation, name, input string) site.Order {
		return order(op, "service/invoke", fmt.Sprintf(`"identifier":%q,"input":{%s}`, name, input))
	}
	return site.Desk{
		Faults: func() []string { return platform.Seen().Violations },
		Config: site.Config{
			Dialect:  onenet.NewStudio(onenet.StudioConfig{Identity: identity, Directory: directory(t, false)}),
			Platform: platform, Allow: platform.Allow,
		},
		Slow: true,
		Orders: []site.Order{
			order(meter.OpRelay, "property/set", `"params":{"relay":"open"}`),
			order(meter.OpSet, "property/set", `"params":{"voltage_a":220.1}`),
			order(meter.OpRead, "property/get", `"params":["voltage_a"]`),
			service(meter.OpRead, "read", `"points":["voltage"]`),
			service(meter.OpRelay, "relay", `"action":"permit"`),
			service(meter.OpAlarm, "alarm", `"action":"on"`), service(meter.OpProtection, "protection", `"action":"off"`),
			service(meter.OpSet, "set", `"point":"voltage_a","value":3`), service(meter.OpWrite, "write", `"point":"04000103","value":3`),
			service(meter.OpTime, "time", ""), service(meter.OpFreeze, "freeze", ""), service(meter.OpDemandReset, "demand_reset", ""),
		},
		Answer: func(topic string, payload []byte) (id, code string, ok bool) {
			var in struct {
				ID   string
				Code json.Number
			}
			ok = strings.HasSuffix(topic, "_reply") && json.Unmarshal(payload, &in) == nil
			return in.ID, in.Code.String(), ok
		},
		Column: "OneNET Studio",
		Codes: map[meter.Outcome]string{
			meter.Done: "200", meter.Denied: "403", meter.NotKnown: "404", meter.Invalid: "400", meter.NoAnswer: "504", meter.NotTaken: "500",
			meter.Unconfirmed: "500", meter.Failed: "500", meter.Busy: "500", meter.Expired: "410", meter.Nameless: "400",
		},
	}
}
