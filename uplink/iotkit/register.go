package iotkit

import (
	"encoding/json"
	"slices"
	"time"

	"meterd/uplink"
)

// The action of a registration, and its method, which has a name of its own.
const (
	actionRegister   = "register"
	methodRegister   = "thing.lifetime.register"
	actionDeregister = "deregister"
	methodDeregister = "thing.lifetime.deregister"
	replySuffix      = "_reply"
)

// identity is a sub-device in the parameters of its registration.
type identity struct {
	ProductKey string `json:"productKey"`
	DeviceName string `json:"deviceName"`
	Model      string `json:"model"`
}

// Register registers a meter with the gateway. A failed registration has no
// id, so all bear one ID here, and only one is outstanding. An accepted one
// has its own id on the wire, and the delivery may have another meter's under
// way than the one that the reply names, after a time-out: a step above 0
// then sends that meter's registration once more. Registering twice harms
// nothing.
func (k *Iotkit) Register(_ time.Time, dev *uplink.Device, step int) (uplink.Message, bool) {
	d := &k.devices[dev.N]
	if step > 0 && d.answered {
		d.finished = true
		return uplink.Message{}, false
	}
	if step == 0 {
		if d.finished {
			d.asked = nil
		}
		d.asked = append(d.asked, k.nextID())
		d.asked = d.asked[max(0, len(d.asked)-idsKept):]
		d.answered, d.finished = false, false
		d.shadow.asked = false // what was said while it was away was said to nobody
	}
	if len(d.asked) == 0 {
		d.asked = append(d.asked, k.nextID())
	}
	params := encode(identity{k.SubProductKey, dev.ID, k.SubModel})
	return uplink.Message{
		ID: registerID, Topic: topic(k.ProductKey, k.DeviceName, toServer, actionRegister), Meter: dev.Address(),
		Payload: encode(frame{d.asked[len(d.asked)-1], methodRegister, params}),
	}, true
}

// Leave gives the topic of a sub-device whose subscription keeps it online.
func (k *Iotkit) Leave(_ time.Time, dev *uplink.Device) (uplink.Message, []string, bool) {
	return uplink.Message{}, k.topicsOf(dev), true
}

// topicsOf are those that a sub-device has subscribed to for it.
func (k *Iotkit) topicsOf(dev *uplink.Device) []string {
	all := []string{k.topicOf(dev.Address(), toClient, "#")}
	if k.Shadow && !dev.Former {
		all = append(all, k.shadowTopic(shadowDown, dev))
	}
	return all
}

// registered takes the reply to a registration. One that failed is that of
// the only one outstanding.
func (k *Iotkit) registered(in inbound) uplink.Receipt {
	if in.Code == nil {
		return uplink.Receipt{}
	}
	if *in.Code != 0 {
		for i := range k.devices {
			if d := &k.devices[i]; !d.finished { // which of them failed is not known: none counts as accepted
				d.answered = false
			}
		}
		return receipt(registerID, in, uplink.Refused)
	}
	if in.ID == nil {
		return uplink.Receipt{}
	}
	for i := range k.devices {
		d, dev := &k.devices[i], &k.dir.Devices()[i]
		if !slices.Contains(d.asked, *in.ID) {
			continue
		}
		var who identity
		if json.Unmarshal(in.Data, &who) == nil && who.DeviceName != "" && who.DeviceName != dev.ID {
			return uplink.Receipt{} // of another device than ours of that id
		}
		if d.finished {
			return uplink.Receipt{} // a second answer to a registration that was sent twice
		}
		if d.disabled {
			in.Message = "the platform has disabled the device"
			return receipt(registerID, in, uplink.TryLater)
		}
		d.answered, d.gone = true, false
		rc := receipt(registerID, in, uplink.Accepted)
		rc.Subscribe = k.topicsOf(dev)
		return rc
	}
	return uplink.Receipt{}
}
