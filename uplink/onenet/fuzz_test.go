package onenet

import (
	"testing"
	"time"

	"meterd/dlt645"
	"meterd/meter"
	"meterd/uplink"
)

// FuzzReceive: no message of a platform may break anything, and what it is
// taken for must hold together.
func FuzzReceive(f *testing.F) {
	for _, topic := range []string{
		"$sys/469948/gw/dp/post/json/accepted", "$sys/469948/gw/dp/post/json/rejected", "$sys/469948/gw/cmd/request/1", "$subdev/469948/m1/login/accepted",
		"$subdev/469948/m1/login/rejected", "$subdev/469948/m1/logout/notify", "$sys/469948/gw/thing/pack/post/reply", "$sys/469948/gw/thing/history/post/reply",
		"$sys/469948/gw/thing/sub/property/set", "$sys/469948/gw/thing/sub/property/get", "$sys/469948/gw/thing/sub/service/invoke", "$sys/469948/gw",
	} {
		for _, payload := range []string{
			``, `{}`, `[]`, `{"id":1}`, `{"id":-1,"err_code":98,"err_msg":"Illegal Data"}`, `{"id":"1","code":200,"msg":"ok"}`, `{"id":"1","code":2400}`,
			`{"meter":"m1","op":"relay","action":"trip"}`, `{"meter":"m1","op":"read","points":["voltage"]}`,
			`{"id":"7","params":{"productID":"p","deviceName":"m1","params":{"relay":"open"}}}`,
			`{"id":"7","params":{"productID":"p","deviceName":"m1","params":["voltage_a"]}}`,
			`{"id":"7","params":{"deviceName":"m1","identifier":"relay","input":{"action":"close"}}}`,
		} {
			f.Add(topic, []byte(payload))
		}
	}
	identity := Identity{ProductID: "469948", Device: "gw", AccessKey: "a2V5", Method: "sha256"}
	dir, _ := uplink.NewDirectory(uplink.DirectoryConfig{Devices: []uplink.Device{{Meter: h1, ID: "m1", Key: "azE="}}})
	platforms := []uplink.Platform{
		NewSuite(SuiteConfig{Identity: identity, Streams: StreamsSubdev, Directory: dir}),
		NewSuite(SuiteConfig{Identity: identity, Streams: StreamsObject, Directory: dir}),
		NewStudio(StudioConfig{Identity: identity, Directory: dir}),
	}
	f.Fuzz(func(t *testing.T, topic string, payload []byte) {
		now := time.Unix(1700000000, 0)
		for _, p := range platforms {
			rc := p.Receive(now, uplink.Inbound{Topic: topic, Payload: payload})
			if rc.Verdict != uplink.Ignored && rc.ID == "" {
				t.Errorf("%T: a verdict without an id: %+v", p, rc)
			}
			if rc.Reply != nil && rc.Command != nil {
				t.Errorf("%T: answered and carried out: %+v", p, rc)
			}
			if rc.Command == nil {
				continue
			}
			if rc.Command.Meter != h1 || len(rc.Command.ID) > meter.MostCommandID {
				t.Errorf("%T: a command of no meter, or with a long id: %+v", p, rc.Command)
			}
			for _, o := range meter.Outcomes() {
				m, ok := p.Answer(now, *rc.Command, meter.Result{Outcome: o, Text: dlt645.Text{EN: topic}})
				if rc.Command.ID == "" { // it is refused, and there is nothing to answer to
					if ok {
						t.Errorf("%T: an answer to a command without an id: %s", p, m.Payload)
					}
					continue
				}
				if !ok || m.Topic == "" {
					t.Errorf("%T: no answer to %+v", p, rc.Command)
				} else if _, suite := p.(*Suite); suite && len(m.Payload) >= 1024 {
					t.Errorf("an answer of %d bytes", len(m.Payload))
				}
			}
		}
	})
}
