package onenet

import (
	"time"

	"meterd/uplink"
)

// Register brings a sub-device with a key of its own into the topology, and
// then logs it in. One without a key is expected to be in the topology. One that
// the platform has taken out of it is only logged in, which works once it is
// there again: who took it out meant it.
func (s *Studio) Register(now time.Time, d *uplink.Device, step int) (uplink.Message, bool) {
	who := map[string]string{"productID": s.SubProductID, "deviceName": d.ID}
	var m uplink.Message
	if s.missing[d.Address()] && step == 0 {
		m = s.message(subLogin, who)
		m.Meter = d.Address()
		return m, true
	}
	if s.missing[d.Address()] { // it is logged in, so it is there
		delete(s.missing, d.Address())
		return uplink.Message{}, false
	}
	if d.Key == "" {
		return uplink.Message{}, false
	}
	switch step {
	case 0:
		sub := Identity{ProductID: s.SubProductID, Method: s.Method, Built: s.Built}
		who["sasToken"] = sub.token(now, d.ID, d.Key)
		m = s.message(topoAdd, who)
	case 1:
		m = s.message(subLogin, who)
	default:
		return uplink.Message{}, false
	}
	m.Meter = d.Address()
	return m, true
}

// Leave logs a sub-device out that was logged in.
func (s *Studio) Leave(_ time.Time, d *uplink.Device) (uplink.Message, []string, bool) {
	if d.Key == "" {
		return uplink.Message{}, nil, false
	}
	return s.message(subLogout, map[string]string{"productID": s.SubProductID, "deviceName": d.ID}), nil, true
}
