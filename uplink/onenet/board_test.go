package onenet_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"meterd/uplink"
	"meterd/uplink/onenet"
	"meterd/uplink/uplinktest"
	"meterd/uplink/uplinktest/site"
)

// TestTheBoardItselfIsTold in each form of both dialects, over a broker.
func TestTheBoardItselfIsTold(t *testing.T) {
	t.Parallel()
	dir := directory(t, false)
	for name, c := range map[string]struct {
		p       uplink.Platform
		device  string // that the value is stored under
		doubted bool   // nobody knows the time: the platform takes that of the arrival
	}{
		"object, in doubt": {onenet.NewSuite(onenet.SuiteConfig{Identity: identity, Streams: onenet.StreamsObject, Directory: dir}), "gateway", true},
		"flat, in doubt":   {onenet.NewSuite(onenet.SuiteConfig{Identity: identity, Streams: onenet.StreamsFlat, Directory: dir}), "", true},
		"studio":           {onenet.NewStudio(onenet.StudioConfig{Identity: identity, Directory: dir}), "", false},
		"object":           {onenet.NewSuite(onenet.SuiteConfig{Identity: identity, Streams: onenet.StreamsObject, Directory: dir}), "gateway", false},
		"flat":             {onenet.NewSuite(onenet.SuiteConfig{Identity: identity, Streams: onenet.StreamsFlat, Directory: dir}), "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			platform := known(&uplinktest.Onenet{Studio: name == "studio"})
			s := site.New(t, site.Config{Dialect: c.p, Platform: platform, Allow: platform.Allow, Subscribed: platform.AllowSubscribe, Adjust: func(u *uplink.Config) {
				u.Clock = func(time.Time) (bool, uint32, time.Duration) { return !c.doubted, 1, time.Hour }
				u.Board = func(time.Time) []uplink.BoardState {
					return []uplink.BoardState{{Key: "gateway_version", JSON: json.RawMessage(`"1.4.0"`)}, {Key: "gateway_uptime", JSON: json.RawMessage("7"), Moves: true}}
				}
			}})
			s.Until(t, "told", func() bool { return len(platform.Seen().Points) == 2 })
			seen := platform.Seen()
			slices.SortFunc(seen.Points, func(a, b uplinktest.OnenetPoint) int { return len(a.Key) - len(b.Key) })
			if v := seen.Points[1]; v.Device != c.device || v.Key != "gateway_version" || v.Value != `"1.4.0"` || len(seen.Violations) > 0 {
				t.Errorf("stored %+v, violations %v", seen.Points, seen.Violations)
			}
		})
	}
}
