package onenet

import (
	"time"

	"meterd/uplink"
)

// MostSubdevs is how many meters may have topics of their own: the platform
// counts 15 subscriptions in all, and three are the gateway's.
const MostSubdevs = 15 - 3

// apart reports whether a meter is a sub-device with topics of its own. Those
// beyond MostSubdevs could not be acknowledged: the gateway tells them, as a
// stream each.
func (s *Suite) apart(d *uplink.Device) bool {
	return s.Streams == StreamsSubdev && d != nil && d.N < MostSubdevs
}

// Register logs a sub-device in.
func (s *Suite) Register(_ time.Time, d *uplink.Device, step int) (uplink.Message, bool) {
	if !s.apart(d) || step > 0 {
		return uplink.Message{}, false
	}
	return uplink.Message{ID: "login:" + d.ID, Topic: s.sub(d, "login"), Payload: []byte{}, Meter: d.Address()}, true
}

// Leave logs a sub-device out.
func (s *Suite) Leave(_ time.Time, d *uplink.Device) (uplink.Message, []string, bool) {
	return uplink.Message{Topic: s.sub(d, "logout"), Payload: []byte{}, Meter: d.Address()}, nil, s.apart(d)
}
