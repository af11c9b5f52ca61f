package onenet_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"meterd/uplink"
	"meterd/uplink/onenet"
	"meterd/uplink/uplinktest/conform"
)

var conforming = onenet.Identity{ProductID: "469948", Device: "gw", AccessKey: "a2V5", Method: "sha256", Built: conform.Now()}

func TestSuiteConforms(t *testing.T) {
	t.Parallel()
	for _, streams := range []string{onenet.StreamsObject, onenet.StreamsFlat, onenet.StreamsSubdev} {
		t.Run(streams, func(t *testing.T) {
			c := suite(streams)
			if streams == onenet.StreamsSubdev {
				own := func(body string) func(word, id string) (uplink.Inbound, string) {
					return func(word, id string) (uplink.Inbound, string) {
						topic := "$subdev/469948/" + word + "/cmd/"
						return uplink.Inbound{Topic: topic + "request/" + id, Payload: []byte(strings.ReplaceAll(body, "METER", conform.JSON(word)))}, topic + "response/" + id
					}
				}
				c.Commands = append(c.Commands,
					conform.Command{Name: "relay, on the meter's own topic", Message: own(`{"op":"relay","action":"trip"}`)},
					conform.Command{Name: "relay, on the meter's own topic and by its name", Message: own(`{"meter":METER,"op":"relay","action":"trip"}`)})
				c.Torn = func(a, b string) []uplink.Inbound {
					return []uplink.Inbound{{Topic: "$subdev/469948/" + a + "/cmd/request/7", Payload: fmt.Appendf(nil, `{"meter":%q,"op":"relay","action":"trip"}`, b)}}
				}
				c.Notices = func(id string) []uplink.Inbound {
					return []uplink.Inbound{{Topic: "$subdev/469948/" + id + "/logout/notify", Payload: []byte(`{}`)}}
				}
			}
			conform.Run(t, c)
		})
	}
}

// suite is the case of the old suite, with the commands that all forms have.
func suite(streams string) conform.Case {
	const root = "$sys/469948/gw/cmd/"
	form := func(name, body string) conform.Command {
		return conform.Command{Name: name, Addresses: true, Message: func(word, id string) (uplink.Inbound, string) {
			return uplink.Inbound{Topic: root + "request/" + id, Payload: []byte(strings.ReplaceAll(body, "METER", conform.JSON(word)))}, root + "response/" + id
		}}
	}
	return conform.Case{
		New: func(dir *uplink.Directory) uplink.Platform {
			return onenet.NewSuite(onenet.SuiteConfig{Identity: conforming, Streams: streams, Directory: dir})
		},
		Key: "azE=",
		IDs: []string{"gw", "469948", "a_1"},
		Commands: []conform.Command{
			form("relay", `{"meter":METER,"op":"relay","action":"trip"}`),
			form("read", `{"meter":METER,"op":"read","points":["voltage","frequency"]}`),
			form("set", `{"meter":METER,"op":"set","point":"voltage_a","value":"220.1"}`),
			form("write", `{"meter":METER,"op":"set","point":"04000103","value":15}`),
			form("freeze", `{"meter":METER,"op":"freeze"}`),
		},
		Acknowledge: func(m uplink.Message, accepted bool) uplink.Inbound {
			id, _ := strings.CutPrefix(m.ID, "dp:")
			switch {
			case strings.HasSuffix(m.Topic, "/login"):
				return uplink.Inbound{Topic: m.Topic + "/accepted"}
			case accepted:
				return uplink.Inbound{Topic: m.Topic + "/accepted", Payload: fmt.Appendf(nil, `{"id":%s}`, id)}
			}
			return uplink.Inbound{Topic: m.Topic + "/rejected", Payload: fmt.Appendf(nil, `{"id":%s,"err_code":98,"err_msg":"no"}`, id)}
		},
		Read: func(m uplink.Message) (string, bool) {
			var in struct{ Outcome string }
			err := json.Unmarshal(m.Payload, &in)
			_, id, _ := strings.Cut(m.Topic, "/cmd/response/")
			return id, err == nil && in.Outcome == "done"
		},
		Events: true,
	}
}

func TestStudioConforms(t *testing.T) {
	t.Parallel()
	for name, wildcard := range map[string]bool{"ten topics": false, "a wildcard": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			studioConforms(t, wildcard)
		})
	}
}

func studioConforms(t *testing.T, wildcard bool) {
	const root = "$sys/469948/gw/thing/"
	form := func(name, service, params string) conform.Command {
		return conform.Command{Name: name, Message: func(word, id string) (uplink.Inbound, string) {
			payload := fmt.Appendf(nil, `{"id":%s,"version":"1.0","params":{"productID":"sub","deviceName":%s,%s}}`, conform.JSON(id), conform.JSON(word), params)
			return uplink.Inbound{Topic: root + service, Payload: payload}, root + service + "_reply"
		}}
	}
	own := func(name, service, params string) conform.Command {
		return conform.Command{Name: name, Message: func(word, id string) (uplink.Inbound, string) {
			word = strings.Trim(conform.JSON(word), `"`)
			payload := fmt.Appendf(nil, `{"id":%s,"version":"1.0","params":%s}`, conform.JSON(id), strings.ReplaceAll(params, "METER", word))
			return uplink.Inbound{Topic: root + service, Payload: payload}, root + service + "_reply"
		}}
	}
	services := []conform.Command{}
	if wildcard {
		services = append(services, conform.Command{Name: "the gateway's service relay", Addresses: true, Message: func(word, id string) (uplink.Inbound, string) {
			payload := fmt.Appendf(nil, `{"id":%s,"version":"1.0","params":{"meter":%s,"action":"trip"}}`, conform.JSON(id), conform.JSON(word))
			return uplink.Inbound{Topic: root + "service/relay/invoke", Payload: payload}, root + "service/relay/invoke_reply"
		}})
	}
	conform.Run(t, conform.Case{
		New: func(dir *uplink.Directory) uplink.Platform {
			return onenet.NewStudio(onenet.StudioConfig{Identity: conforming, SubProductID: "sub", Wildcard: wildcard, Desired: wildcard, Directory: dir})
		},
		Several: []conform.Command{
			form("set two", "sub/property/set", `"params":{"relay":"open","voltage_a":220.1}`),
			own("set two of the gateway's", "property/set", `{"METER_relay":"open","METER_voltage_a":220.1}`),
		},
		Notices: func(id string) []uplink.Inbound {
			return []uplink.Inbound{{Topic: root + "sub/topo/change", Payload: fmt.Appendf(nil, `{"id":"9","version":"1.0","params":{"subList":[{"deviceName":%q,"productID":"sub"}]}}`, id)}}
		},
		Key: "azE=",
		IDs: []string{"gw", "a:b", "b:a", "7:a"},
		Commands: append(services,
			own("set of the gateway", "property/set", `{"METER_relay":"open"}`),
			own("get of the gateway", "property/get", `["METER_voltage_a","METER_frequency"]`),
			form("set the relay", "sub/property/set", `"params":{"relay":"open"}`),
			form("set a property", "sub/property/set", `"params":{"voltage_a":220.1}`),
			form("get", "sub/property/get", `"params":["voltage_a","frequency"]`),
			form("service relay", "sub/service/invoke", `"identifier":"relay","input":{"action":"trip"}`),
			form("service read", "sub/service/invoke", `"identifier":"read","input":{"points":["voltage"]}`),
			form("service time", "sub/service/invoke", `"identifier":"time","params":{}`),
		),
		Torn: func(a, b string) []uplink.Inbound {
			invoke := func(rest string) uplink.Inbound {
				return uplink.Inbound{Topic: root + "sub/service/invoke", Payload: fmt.Appendf(nil, `{"id":"7","version":"1.0","params":{%s}}`, rest)}
			}
			return []uplink.Inbound{
				invoke(fmt.Sprintf(`"productID":"sub","deviceName":%q,"identifier":"relay","input":{"meter":%q,"action":"trip"}`, a, b)),
				invoke(fmt.Sprintf(`"productID":"sub","deviceName":%q,"identifier":"read","input":{"op":"relay","action":"trip"}`, a)),
				invoke(fmt.Sprintf(`"productID":"another","deviceName":%q,"identifier":"relay","input":{"action":"trip"}`, a)),
			}
		},
		Acknowledge: func(m uplink.Message, accepted bool) uplink.Inbound {
			_, id, _ := strings.Cut(m.ID, ":")
			code := 400
			if accepted {
				code = 200
			}
			return uplink.Inbound{Topic: m.Topic + "/reply", Payload: fmt.Appendf(nil, `{"id":%q,"code":%d,"msg":"m"}`, id, code)}
		},
		Read: func(m uplink.Message) (string, bool) {
			var in struct {
				ID   string
				Code *int
			}
			err := json.Unmarshal(m.Payload, &in)
			return in.ID, err == nil && in.Code != nil && *in.Code == 200
		},
		Events: true,
	})
}
