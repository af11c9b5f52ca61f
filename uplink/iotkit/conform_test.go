package iotkit_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"meterd/uplink"
	"meterd/uplink/iotkit"
	"meterd/uplink/uplinktest/conform"
)

func TestPlatformConforms(t *testing.T) {
	t.Parallel()
	conforms(t, false)
}

// TestTheForkConforms, with topology and shadow.
func TestTheForkConforms(t *testing.T) {
	t.Parallel()
	conforms(t, true)
}

func conforms(t *testing.T, fork bool) {
	form := func(service, params string) conform.Command {
		return conform.Command{Name: service, Message: func(word, id string) (uplink.Inbound, string) {
			root := "/sys/subpk/" + word
			return uplink.Inbound{Topic: root + "/c/service/" + service, Payload: fmt.Appendf(nil, `{"id":%s,"method":"m","params":%s}`, conform.JSON(id), params)}, root + "/s/service/" + service + "_reply"
		}}
	}
	conform.Run(t, conform.Case{
		New: func(dir *uplink.Directory) uplink.Platform {
			return iotkit.New(iotkit.Config{
				ProductKey: "gwpk", ProductSecret: "secret", DeviceName: "gwdn", Model: "GW01", SubProductKey: "subpk", SubModel: "M1", Directory: dir, Now: conform.Now, Enjoyiot: fork, Shadow: fork,
			})
		},
		IDs: []string{"a b", "a relay", "relay", "c", "s"},
		Commands: []conform.Command{
			form("property/set", `{"relay":"open"}`), form("property/get", `["voltage_a","frequency"]`), form("read", `{"points":["voltage.a"]}`),
			form("relay", `{"value":"trip"}`), form("set", `{"point":"voltage_a","value":"220.1"}`), form("set", `{"point":"04000108","value":"0102"}`), form("freeze", `{}`),
		},
		Acknowledge: func(m uplink.Message, accepted bool) uplink.Inbound {
			var out struct {
				ID     json.RawMessage
				Params struct{ ProductKey, DeviceName string }
			}
			if err := json.Unmarshal(m.Payload, &out); err != nil {
				t.Fatal(err)
			}
			code, data := 500, "{}"
			if accepted {
				code = 0
			}
			if out.Params.DeviceName != "" {
				data = fmt.Sprintf(`{"productKey":%q,"deviceName":%q}`, out.Params.ProductKey, out.Params.DeviceName)
			}
			levels := strings.Split(m.Topic, "/")
			levels[4] = "c" // for s
			return uplink.Inbound{Topic: strings.Join(levels, "/") + "_reply", Payload: fmt.Appendf(nil, `{"id":%s,"code":%d,"data":%s}`, out.ID, code, data)}
		},
		Notices: func(id string) []uplink.Inbound {
			all := []uplink.Inbound{{Topic: "/sys/gwpk/gwdn/c/deregister", Payload: fmt.Appendf(nil, `{"id":"5","method":"thing.lifetime.deregister","params":{"productKey":"subpk","deviceName":%q}}`, id)}}
			if fork {
				all = append(all, uplink.Inbound{Topic: "/sys/gwpk/gwdn/c/topo/change", Payload: fmt.Appendf(nil, `{"id":"6","method":"thing.topo.change","params":{"status":8,"subList":[{"productKey":"subpk","deviceName":%q}]}}`, id)},
					uplink.Inbound{Topic: "/sys/gwpk/gwdn/c/topo/get_reply", Payload: []byte(`{"id":"1","code":200,"data":[]}`)},
					uplink.Inbound{Topic: "/shadow/get/subpk/" + id, Payload: []byte(`{"method":"reply","payload":{"status":"success","state":{"desired":{}}},"version":1,"timestamp":1}`)})
			}
			return all
		},
		Read: func(m uplink.Message) (string, bool) {
			var in struct {
				ID   string
				Code *int
			}
			err := json.Unmarshal(m.Payload, &in)
			return in.ID, err == nil && in.Code != nil && *in.Code == 0
		},
		Events: true,
	})
}
