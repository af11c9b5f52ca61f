package uplinktest

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestTuyaFindsWhatTheDocumentDoesNotAllow: each of these is a violation.
func TestTuyaFindsWhatTheDocumentDoesNotAllow(t *testing.T) {
	const id = "6f9619ff-8b86-4d11-b42d-00c04fc90001"
	now := time.Unix(1700000000, 0)
	report := func(dp, value string) string {
		return fmt.Sprintf(`{"t":1700000000,"request_id":"%s","param":{"cid":"c1","id":"%s","value":%s}}`, id, dp, value)
	}
	answer := func(cid, param string) string {
		return fmt.Sprintf(`{"t":1700000000,"cid":"%s","request_id":"%s","param":%s}`, cid, id, param)
	}
	for _, c := range []struct{ topic, payload, want string }{
		{"properties/report", report("58", `"2023-11-14 00:00"`), "1101"},
		{"properties/report", report("59", `"0114"`), "1101"},
		{"properties/report", report("30", `"{\"voltage\":\"220 V\"}"`), "1103"},
		{"properties/report", report("30", `"{\"voltage\":\"2e2\"}"`), "1103"},
		{"properties/report", report("48", "1.5"), "1103"},
		{"properties/report", report("4", "1"), "2002"},
		{"commands/response", answer("c1", `{"msg":"success"}`), "answer to command"},
		{"commands/response", answer("c1", `{"code":0}`), "answer to command"},
		{"commands/response", answer("c1", `{"msg":"ok","code":7}`), "not in the document"},
		{"commands/response", answer("c1", `{"msg":"ok","code":0,"more":1}`), "unknown field"},
		{"commands/response", answer("c2", `{"msg":"ok","code":0}`), `not for "c2"`},
	} {
		p := &Tuya{}
		p.Receive("gateway_id/g/devices/sync", []byte(`{"t":1700000000,"request_id":"6f9619ff-8b86-4d11-b42d-00c04fc90002","param":{"cid":"c1","product_id":"p"}}`), now)
		p.Command("g", id, "c1", "1", "true", now)
		p.Receive("gateway_id/g/"+c.topic, []byte(c.payload), now)
		if got := p.Seen().Violations; len(got) != 1 || !strings.Contains(got[0], c.want) {
			t.Errorf("%s: got %q, want one with %q", c.payload, got, c.want)
		}
	}
	p := &Tuya{}
	p.Command("g", id, "c1", "1", "true", now)
	for _, msg := range []string{"success", "success", "once more"} { // the same may come twice
		p.Receive("gateway_id/g/commands/response", []byte(answer("c1", fmt.Sprintf(`{"msg":%q,"code":0}`, msg))), now)
	}
	if got := p.Seen().Violations; len(got) != 1 || !strings.Contains(got[0], "answered twice") {
		t.Errorf("two answers: %q", got)
	}
}
