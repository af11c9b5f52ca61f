package iotkit_test

import (
	"encoding/json"
	"testing"
	"time"

	"meterd/uplink"
	"meterd/uplink/iotkit"
	"meterd/uplink/uplinktest"
	"meterd/uplink/uplinktest/site"
)

// TestTheBoardItselfIsPosted in the gateway's name, over a broker.
func TestTheBoardItselfIsPosted(t *testing.T) {
	t.Parallel()
	s := newWorldOf(t, &uplinktest.Iotkit{}, func(_ *iotkit.Config, c *site.Config) {
		c.Adjust = func(u *uplink.Config) {
			u.Board = func(time.Time) []uplink.BoardState {
				return []uplink.BoardState{{Key: "gateway_version", JSON: json.RawMessage(`"1.4.0"`)}, {Key: "gateway_uptime", JSON: json.RawMessage("7"), Moves: true}}
			}
		}
	})
	s.Until(t, "told", func() bool { return len(s.platform.Seen().Posts) == 1 })
	seen := s.platform.Seen()
	if p := seen.Posts[0]; p.Device != gatewayName || p.Event != "" || p.Params["gateway_version"] != `"1.4.0"` || p.Params["gateway_uptime"] != "7" || len(seen.Violations) > 0 {
		t.Errorf("stored %+v, violations %v", p, seen.Violations)
	}
	if st := s.Uplink.State(); st.Counts.Acked != 0 || st.Queued != 0 {
		t.Errorf("it counts as delivered: %+v", st)
	}
}
