package broker

import (
	"testing"
	"time"

	"meterd/dlt645"
	"meterd/meter"
	"meterd/uplink"
)

// FuzzReceive: no message may break anything, and what it is taken for must
// hold together.
func FuzzReceive(f *testing.F) {
	const base = "meterd/gw"
	for _, topic := range []string{base + topicRequest, base + topicAck, "meterd/consumer/status", birth, tbRPC, base} {
		for _, payload := range []string{
			``, `{}`, `[]`, `online`, `{"online":true}`, `{"id":"7f3c0a52-18234-5d1f00aa"}`, `{"ids":["a","b"],"error":"no"}`, `{"id":1}`,
			`{"id":"7","meter":"m1","op":"relay","value":"trip"}`, `{"id":7,"meter":"m1","op":"read","points":["voltage"],"ts":1764201600000}`,
			`{"device":"m1","data":{"id":7,"method":"relay","params":true}}`, `{"device":"m1","data":{"id":"7","method":"read","params":["voltage"]}}`, `{"device":"m1","id":7,"data":{"ok":true}}`,
		} {
			f.Add(topic, []byte(payload))
		}
	}
	h := &meter.Handle{Name: "one", Address: dlt645.Address{0, 0, 0, 0, 0, 1}}
	dir, _ := uplink.NewDirectory(uplink.DirectoryConfig{Devices: []uplink.Device{{Meter: h, ID: "m1"}}})
	var platforms []uplink.Platform
	for layout, acknowledge := range map[string]string{LayoutJSON: AcknowledgeReply, LayoutFlat: AcknowledgeOnline, LayoutThingsBoard: AcknowledgePuback} {
		platforms = append(platforms, New(Config{Gateway: "gw", ClientID: "gw", Prefix: "meterd", Layout: layout, Acknowledge: acknowledge, Consumer: "meterd/consumer/status", Directory: dir}))
	}
	f.Fuzz(func(t *testing.T, topic string, payload []byte) {
		now := time.Unix(1700000000, 0)
		for _, p := range platforms {
			rc := p.Receive(now, uplink.Inbound{Topic: topic, Payload: payload})
			if rc.Verdict != uplink.Ignored && rc.ID == "" || len(rc.Also) > mostIDs {
				t.Errorf("%T: a verdict without an id, or on too many: %+v", p, rc)
			}
			if rc.Reply != nil && rc.Command != nil {
				t.Errorf("%T: answered and carried out: %+v", p, rc)
			}
			if rc.Command == nil {
				continue
			}
			if rc.Command.Meter != h || len(rc.Command.ID) > meter.MostCommandID {
				t.Errorf("%T: a command of no meter, or with a long id: %+v", p, rc.Command)
			}
			for _, o := range meter.Outcomes() {
				m, ok := p.Answer(now, *rc.Command, meter.Result{Outcome: o, Text: dlt645.Text{EN: topic}})
				if ok != (rc.Command.ID != "") || ok && m.Topic == "" {
					t.Errorf("%T: the answer to %+v is %v %s", p, rc.Command, ok, m.Payload)
				}
			}
		}
	})
}
