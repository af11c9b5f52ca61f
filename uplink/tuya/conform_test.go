package tuya_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"meterd/uplink"
	"meterd/uplink/tuya"
	"meterd/uplink/uplinktest/conform"
)

func TestPlatformConforms(t *testing.T) {
	t.Parallel()
	const root = "gateway_id/gw1/"
	form := func(name, dp, value string) conform.Command {
		return conform.Command{Name: name, Addresses: true, Message: func(word, id string) (uplink.Inbound, string) {
			payload := fmt.Appendf(nil, `{"t":%d,"cid":%s,"request_id":%s,"param":{"id":%q,"value":%s}}`, conform.Now().Unix(), conform.JSON(word), conform.JSON(id), dp, value)
			return uplink.Inbound{Topic: root + "commands", Payload: payload}, root + "commands/response"
		}}
	}
	conform.Run(t, conform.Case{
		New: func(dir *uplink.Directory) uplink.Platform {
			return tuya.New(tuya.Config{Gateway: "gw1", Username: "v1", Sync: tuya.Sync{ProductID: "p1"}, Directory: dir})
		},
		Default:  slices.Concat(tuya.Defaults, tuya.Parameters),
		IDs:      []string{"0", "1", "gw1"},
		Commands: []conform.Command{form("switch", "1", "true"), form("set", "48", "60000000")},
		Torn: func(a, b string) []uplink.Inbound {
			payload := fmt.Appendf(nil, `{"t":%d,"cid":%q,"request_id":"7","param":{"cid":%q,"id":"1","value":false}}`, conform.Now().Unix(), a, b)
			return []uplink.Inbound{{Topic: root + "commands", Payload: payload}}
		},
		Acknowledge: func(m uplink.Message, accepted bool) uplink.Inbound {
			code := 1102
			if accepted {
				code = 0
			}
			return uplink.Inbound{Topic: m.Topic + "/response", Payload: fmt.Appendf(nil, `{"t":1,"request_id":%q,"param":{"cid":"c","msg":"m","code":%d}}`, m.ID, code)}
		},
		Read: func(m uplink.Message) (string, bool) {
			var in struct {
				RequestID string `json:"request_id"`
				Param     struct{ Code *int }
			}
			err := json.Unmarshal(m.Payload, &in)
			return in.RequestID, err == nil && in.Param.Code != nil && *in.Param.Code == 0
		},
		Repeats: true,
	})
}
