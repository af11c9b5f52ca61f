package das_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"meterd/uplink"
	"meterd/uplink/das"
	"meterd/uplink/uplinktest/conform"
)

func TestPlatformConforms(t *testing.T) {
	t.Parallel()
	for name, key := range map[string]string{"meters that only report": "", "meters that log in": "secret"} {
		t.Run(name, func(t *testing.T) { conform.Run(t, conforming(key)) })
	}
}

func conforming(key string) conform.Case {
	const root = "sys/pk/gw/"
	down := func(name, payload string) uplink.Inbound {
		return uplink.Inbound{Topic: root + name, Payload: []byte(payload)}
	}
	// In a body, METER is the meter's word as JSON, and PREFIX that word within
	// a string.
	form := func(name, topic, body string, addresses bool) conform.Command {
		return conform.Command{Name: name, Addresses: addresses, Message: func(word, id string) (uplink.Inbound, string) {
			quoted := conform.JSON(word)
			body := strings.NewReplacer("METER", quoted, "PREFIX", quoted[1:len(quoted)-1]).Replace(body)
			return down(topic, fmt.Sprintf(`{"id":%s,"version":"1.0",%s}`, conform.JSON(id), body)), root + topic + "/response"
		}}
	}
	return conform.Case{
		New: func(dir *uplink.Directory) uplink.Platform {
			return das.New(das.Config{Gateway: "12345", ProductID: "pk", DeviceID: "gw", DeviceSecret: "secret", SubProductID: "mp", Version: "1.0.0", Shadow: true, Directory: dir})
		},
		Key: key,
		IDs: []string{"gw", "a.a", "a.relay", "relay", "voltage_a"},
		Commands: []conform.Command{
			form("set the relay by prefix", "thing/properties/set", `"params":{"PREFIX.relay":true}`, false),
			form("set by identity", "thing/properties/set", `"identity":{"productId":"mp","deviceId":METER},"params":{"voltage_a":"220.1"}`, false),
			form("set by subDevices", "thing/properties/set", `"params":{"subDevices":[{"identity":{"deviceId":METER},"properties":{"04000403":"12"}}]}`, false),
			form("get by prefix", "thing/properties/get", `"params":["PREFIX.voltage_a","PREFIX.frequency"]`, false),
			form("get by identity", "thing/properties/get", `"identity":{"deviceId":METER},"params":["voltage_a"]`, false),
			form("service read", "thing/service/set", `"identifier":"read","params":{"meter":METER,"points":["voltage_a"],"point":"frequency"}`, true),
			form("service relay", "thing/service/set", `"identifier":"relay","params":{"meter":METER,"action":"trip"}`, true),
			form("service relay by identity", "thing/service/set", `"identifier":"relay","identity":{"deviceId":METER},"params":{"action":"close"}`, false),
			form("service set", "thing/service/set", `"identifier":"set","params":{"meter":METER,"point":"voltage.a","value":3}`, true),
			form("service freeze", "thing/service/set", `"identifier":"freeze","params":{"meter":METER}`, true),
		},
		Several: []conform.Command{
			form("set two by prefix", "thing/properties/set", `"params":{"PREFIX.relay":true,"PREFIX.voltage_a":1}`, false),
			form("set two by identity", "thing/properties/set", `"identity":{"deviceId":METER},"params":{"voltage_a":"220.1","relay":0}`, false),
			form("set two by subDevices", "thing/properties/set", `"params":{"subDevices":[{"identity":{"deviceId":METER},"properties":{"04000403":"12","relay":1}}]}`, false),
		},
		Torn: func(a, b string) []uplink.Inbound {
			set := func(body string) uplink.Inbound { return down("thing/properties/set", `{"id":"7",`+body+`}`) }
			return []uplink.Inbound{
				set(fmt.Sprintf(`"identity":{"deviceId":%q},"params":{"%s.relay":1}`, a, b)),
				set(fmt.Sprintf(`"identity":{"deviceId":%q},"params":{"subDevices":[{"identity":{"deviceId":%q},"properties":{"relay":1}}]}`, a, b)),
				set(fmt.Sprintf(`"params":{"subDevices":[{"identity":{"deviceId":%q},"properties":{"%s.relay":1}}]}`, a, b)),
				set(fmt.Sprintf(`"params":{"%s.relay":1,"%s.relay":1}`, a, b)),
				down("thing/properties/get", fmt.Sprintf(`{"id":"7","params":["%s.voltage_a","%s.voltage_a"]}`, a, b)),
				down("thing/service/set", fmt.Sprintf(`{"id":"7","identifier":"relay","identity":{"deviceId":%q},"params":{"meter":%q,"action":"trip"}}`, a, b)),
				down("thing/service/set", `{"id":"7","identifier":"relay","identity":{"deviceId":"nobody"},"params":{"action":"trip"}}`),
			}
		},
		Acknowledge: func(m uplink.Message, accepted bool) uplink.Inbound {
			_, id, _ := strings.Cut(m.ID, ":")
			code, data := 460, `{}`
			if accepted {
				code = 200
			}
			if strings.HasSuffix(m.Topic, "/login") {
				data = fmt.Sprintf(`[{"code":%d,"msg":"m"}]`, code)
			}
			return uplink.Inbound{Topic: m.Topic + "/response", Payload: fmt.Appendf(nil, `{"id":%q,"code":%d,"message":"m","data":%s}`, id, code, data)}
		},
		Notices: func(string) []uplink.Inbound {
			return []uplink.Inbound{down("thing/properties/gateway/get/all", `{"id":"7","time":1700000000000}`), down("thing/status/gateway/get/all", `{"id":"7","time":1700000000000}`),
				down("thing/ota/upgrade", `{"data":{"version":"2.0.0","upgradePackageCode":"yCPTqgr0EwH9GugsUCjo","signMethod":"MD5","files":[]}}`)}
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
	}
}
