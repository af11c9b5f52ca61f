package broker_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"meterd/uplink"
	"meterd/uplink/broker"
	"meterd/uplink/uplinktest/conform"
)

// plain is a configuration of that layout.
func plain(layout, acknowledge string, dir *uplink.Directory) broker.Config {
	c := broker.Config{Gateway: "gw0001", ClientID: "gw0001", Layout: layout, Prefix: "meterd", Acknowledge: acknowledge, Consumer: "meterd/consumer/status", Directory: dir}
	if layout == broker.LayoutJSON {
		c.Discovery = broker.HomeAssistant
	}
	return c
}

// commands are those of our own topics.
func commands() []conform.Command {
	form := func(name, rest string) conform.Command {
		return conform.Command{Name: name, Addresses: true, Message: func(word, id string) (uplink.Inbound, string) {
			payload := fmt.Appendf(nil, `{"id":%s,"meter":%s,%s}`, conform.JSON(id), conform.JSON(word), rest)
			return uplink.Inbound{Topic: "meterd/gw0001/cmd/request", Payload: payload}, "meterd/gw0001/cmd/response"
		}}
	}
	return []conform.Command{
		form("relay, as in the example", `"op":"relay","value":"trip"`), form("relay", `"op":"relay","action":"close"`), form("read", `"op":"read","points":["voltage","frequency"]`),
		form("set", `"op":"set","point":"voltage_a","value":"220.1"`), form("write", `"op":"set","point":"04000103","value":15`), form("time", `"op":"time","ts":1782907200000`),
	}
}

// torn are commands that say two things.
func torn(a, b string) []uplink.Inbound {
	var all []uplink.Inbound
	for _, rest := range []string{`"op":"relay","action":"trip","value":"close"`, `"op":"alarm","action":"on","value":"off"`} {
		all = append(all, uplink.Inbound{Topic: "meterd/gw0001/cmd/request", Payload: fmt.Appendf(nil, `{"id":"7","meter":%q,%s}`, a, rest)})
	}
	return append(all, uplink.Inbound{Topic: "meterd/gw0001/cmd/request", Payload: fmt.Appendf(nil, `{"id":"7","meter":%q,"meter":%q,"op":"relay","action":"trip"}`, a, b)})
}

func read(m uplink.Message) (string, bool) {
	var in struct {
		ID      string
		OK      bool
		Outcome string
	}
	err := json.Unmarshal(m.Payload, &in)
	return in.ID, err == nil && in.OK && in.Outcome == "done"
}

func TestJSONConforms(t *testing.T) {
	t.Parallel()
	acknowledges := map[string]func(m uplink.Message, accepted bool) uplink.Inbound{
		broker.AcknowledgePuback: nil, broker.AcknowledgeOnline: nil,
		broker.AcknowledgeReply: func(m uplink.Message, accepted bool) uplink.Inbound {
			if accepted {
				return uplink.Inbound{Topic: "meterd/gw0001/ack", Payload: fmt.Appendf(nil, `{"id":%q}`, m.ID)}
			}
			return uplink.Inbound{Topic: "meterd/gw0001/ack", Payload: fmt.Appendf(nil, `{"ids":[%q],"error":"no such column"}`, m.ID)}
		},
	}
	for acknowledge, said := range acknowledges {
		t.Run(acknowledge, func(t *testing.T) {
			conform.Run(t, conform.Case{
				New: func(dir *uplink.Directory) uplink.Platform {
					return broker.New(plain(broker.LayoutJSON, acknowledge, dir))
				},
				IDs:      []string{"gw0001", "meter", "cmd", "ack"},
				Commands: commands(), Torn: torn, Acknowledge: said, Read: read, Events: true, Repeats: true,
			})
		})
	}
}

func TestFlatConforms(t *testing.T) {
	t.Parallel()
	conform.Run(t, conform.Case{
		New: func(dir *uplink.Directory) uplink.Platform {
			return broker.New(plain(broker.LayoutFlat, broker.AcknowledgePuback, dir))
		},
		IDs:      []string{"gw0001", "meter", "cmd", "status"},
		Commands: commands(), Torn: torn, Read: read, Newest: true,
	})
}

func TestThingsBoardConforms(t *testing.T) {
	t.Parallel()
	const topic = "v1/gateway/rpc"
	form := func(method, params string) conform.Command {
		return conform.Command{Name: method, Message: func(word, id string) (uplink.Inbound, string) {
			return uplink.Inbound{Topic: topic, Payload: fmt.Appendf(nil, `{"device":%s,"data":{"id":%s,"method":%q,"params":%s}}`, conform.JSON(word), conform.JSON(id), method, params)}, topic
		}}
	}
	conform.Run(t, conform.Case{
		New: func(dir *uplink.Directory) uplink.Platform {
			return broker.New(plain(broker.LayoutThingsBoard, broker.AcknowledgePuback, dir))
		},
		IDs: []string{"gw0001", `q"u`, "v1", "a,b"},
		Commands: []conform.Command{
			form("relay", `{"action":"trip"}`), form("relay", `"close"`), form("relay", `true`), form("read", `["voltage"]`), form("read", `{"points":["voltage"]}`),
			form("set", `{"point":"voltage_a","value":220.1}`), form("freeze", `null`), form("demand_reset", `{}`),
		},
		Torn: func(a, b string) []uplink.Inbound {
			call := func(rest string) uplink.Inbound {
				return uplink.Inbound{Topic: topic, Payload: fmt.Appendf(nil, `{"device":%q,"data":{"id":7,%s}}`, a, rest)}
			}
			return []uplink.Inbound{
				call(fmt.Sprintf(`"method":"relay","params":{"meter":%q,"action":"trip"}`, b)), call(`"method":"read","params":{"op":"relay","action":"trip"}`),
				call(`"method":"relay","params":{"action":"trip","value":"close"}`),
			}
		},
		Read: func(m uplink.Message) (string, bool) {
			var in struct {
				ID   string
				Data struct{ OK bool }
			}
			err := json.Unmarshal(m.Payload, &in)
			return in.ID, err == nil && in.Data.OK
		},
		Events: true, Repeats: true,
	})
}
