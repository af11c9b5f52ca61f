package tuya_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"meterd/meter"
	"meterd/uplink"
	"meterd/uplink/tuya"
	"meterd/uplink/uplinktest"
	"meterd/uplink/uplinktest/site"
)

// boardState is what a board tells of itself, in the order of its identifiers.
func boardState(online int) (all []uplink.BoardState) {
	for i, js := range []string{`"1.4.0"`, "7", `"trusted"`, `"flash"`, "12", "2", `"rs485-2"`, "32", fmt.Sprint(online), `"board"`, `"ntp"`, "700", `"rs485-1 31,rs485-2 4"`, `"rs485-1 0.4,rs485-2 0.0"`, "64", "4", "47", "99"} {
		all = append(all, uplink.BoardState{Key: uplink.BoardKeys[i], JSON: json.RawMessage(js), Moves: i == 1 || i == 4 || i > 10})
	}
	return all
}

// TestTheBoardItselfIsADevice of a product of its own, over a broker: synced,
// told as online, and told what it is.
func TestTheBoardItselfIsADevice(t *testing.T) {
	t.Parallel()
	platform := &uplinktest.Tuya{GatewayProduct: "gateways"}
	dir := site.Directory(t, uplink.DirectoryConfig{Devices: []uplink.Device{site.Meter(address, "METER01")}, Default: tuya.Defaults})
	p := tuya.New(tuya.Config{Gateway: "gw0001", Username: "v", Sync: tuya.Sync{ProductID: "meters"}, GatewayProductID: "gateways", Directory: dir})
	s := site.New(t, site.Config{
		Dialect: p, Platform: platform, Allow: func(id, user, password string) bool { return password == uplinktest.Password(id, user) },
		Meters: func() []meter.MeterState { return []meter.MeterState{{Address: address, Known: true, Online: true}} },
		Adjust: func(u *uplink.Config) { u.Board = func(time.Time) []uplink.BoardState { return boardState(31) } },
	})
	s.Until(t, "told", func() bool { return len(platform.Seen().Reports) == len(uplink.BoardKeys) })
	seen := platform.Seen()
	got := map[string]string{}
	for _, r := range seen.Reports {
		got[r.DP] = r.CID + " " + r.Value
	}
	for i, want := range boardState(31) {
		if dp := fmt.Sprint(101 + i); got[dp] != "gw0001 "+string(want.JSON) {
			t.Errorf("DP %s is %q, want %s", dp, got[dp], want.JSON)
		}
	}
	if fmt.Sprint(seen.Synced) != "[METER01 gw0001]" || len(seen.Violations) > 0 {
		t.Errorf("synced %v, violations %v", seen.Synced, seen.Violations)
	}
	if s.Uplink.State().Counts.Acked != 0 || s.Uplink.State().Queued != 0 {
		t.Errorf("it counts as delivered: %+v", s.Uplink.State())
	}
	s.Publish(t, platform.Command("gw0001", "0cca0f27-0a3c-4b46-a3d4-b2a6cdd1a1a6", "gw0001", "101", "1", time.Now()))
	s.Until(t, "answered", func() bool { return len(platform.Seen().Commands) == 1 })
	if seen := platform.Seen(); !strings.Contains(seen.Commands[0], `"code":2002`) || len(seen.Violations) > 0 {
		t.Errorf("a command to the board is answered %v, violations %v", seen.Commands, seen.Violations)
	}
}

// TestABoardThatIsNoDeviceThereIsNotTold, and one whose time is doubted, or that
// the platform refuses or forgets, waits.
func TestABoardThatIsNoDeviceThereIsNotTold(t *testing.T) {
	dir := site.Directory(t, uplink.DirectoryConfig{Devices: []uplink.Device{site.Meter(address, "METER01")}, Default: tuya.Defaults})
	plain := tuya.New(tuya.Config{Gateway: "gw0001", Username: "v", Directory: dir})
	now := time.Unix(1700000000, 0)
	if all, whole := plain.Board(now, boardState(1)); len(all) != 0 || !whole {
		t.Errorf("told %v", all)
	}
	p := tuya.New(tuya.Config{Gateway: "gw0001", Username: "v", GatewayProductID: "gateways", Directory: dir})
	say := func(topic string, m uplink.Message, code int) uplink.Receipt {
		var out struct {
			RequestID string `json:"request_id"`
		}
		if err := json.Unmarshal(m.Payload, &out); err != nil {
			t.Fatal(err)
		}
		return p.Receive(now, uplink.Inbound{Topic: "gateway_id/gw0001/" + topic + "/response", Payload: fmt.Appendf(nil, `{"t":1,"request_id":%q,"param":{"cid":"gw0001","code":%d}}`, out.RequestID, code)})
	}
	tell := func(at time.Time, want int) []uplink.Message {
		t.Helper()
		all, whole := p.Board(at, boardState(1))
		if len(all) != want || whole != (want == len(uplink.BoardKeys)) {
			t.Errorf("at %v: %d messages, want %d; all told: %v", at, len(all), want, whole)
		}
		return append(all, uplink.Message{Payload: []byte("{}")})
	}
	tell(time.Time{}, 0)
	sync := tell(now, 1)[0]
	tell(now.Add(59*time.Second), 0)
	if rc := say("devices/sync", sync, 1100); rc.Verdict != uplink.Ignored {
		t.Errorf("its sync counts: %+v", rc)
	}
	again := tell(now.Add(time.Minute), 1)[0]
	say("devices/sync", sync, 0) // the answer to the first, too late
	tell(now.Add(time.Minute), 0)
	say("devices/sync", again, 0)
	one := tell(now.Add(time.Minute), len(uplink.BoardKeys))[0]
	say("properties/report", one, 2003)
	tell(now.Add(time.Minute), 1)
	p.Login(now)
	tell(now.Add(time.Minute), 1)
}
