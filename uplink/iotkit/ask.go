package iotkit

import (
	"encoding/json"
	"time"

	"meterd/dlt645"
	"meterd/uplink"
)

// The topology and the shadow stand in the document of the fork EnjoyIot alone,
// so both are off unless the configuration names that platform. That devices
// have a configuration is known to the platform's code, too; ours is a file of
// the board's.

const (
	actionTopoGet    = "topo/get"
	actionTopoChange = "topo/change"
	actionConfigSet  = "config/set"
	shadowUp         = "/shadow/update/"
	shadowDown       = "/shadow/get/"
)

// Ask asks for the topology once all meters were registered, and for the shadow
// of each.
func (k *Iotkit) Ask(now time.Time) (m uplink.Message, ok bool, again time.Time) {
	switch {
	case !k.Enjoyiot:
		return m, false, time.Time{}
	case !k.topo.asked:
		k.topo = topology{asked: true, of: map[string]bool{}}
		for i := range k.devices {
			if d := &k.devices[i]; d.finished && !d.gone {
				k.topo.of[k.dir.Devices()[i].ID] = true
			}
		}
		m = k.post(dlt645.Address{}, actionTopoGet, json.RawMessage("{}"))
		k.topo.id, m.ID = m.ID, "" // not among what is delivered
		return m, true, now
	}
	for i := range k.devices {
		d := &k.devices[i]
		if !k.Shadow || !d.finished || d.gone || d.shadow.asked || k.dir.Devices()[i].Former {
			continue
		}
		if wait := d.shadow.at.Add(shadowEvery); now.Before(wait) {
			again = wait
			continue
		}
		d.shadow.asked, d.shadow.open, d.shadow.at = true, true, now
		return uplink.Message{Topic: k.shadowTopic(shadowUp, &k.dir.Devices()[i]), Payload: []byte(`{"method":"get"}`)}, true, now
	}
	return m, false, again
}
