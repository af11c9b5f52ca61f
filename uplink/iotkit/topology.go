package iotkit

import (
	"encoding/json"
	"slices"

	"meterd/dlt645"
	"meterd/uplink"
)

// topology is the asking for the gateway's sub-devices, once in a connection.
type topology struct {
	asked bool
	id    string          // of the question that has no answer yet
	of    map[string]bool // the meters that were registered then
}

// listed takes the topology that was asked for: a meter that was registered and
// is not in it is registered again. The table of codes has 0 for success, the
// example 200.
func (k *Iotkit) listed(in inbound) uplink.Receipt {
	var all []identity
	if k.topo.id == "" || in.ID == nil || *in.ID != k.topo.id || in.Code == nil {
		return uplink.Receipt{}
	}
	k.topo.id = ""
	if *in.Code != codeDone && *in.Code != 200 || json.Unmarshal(in.Data, &all) != nil || all == nil {
		return uplink.Receipt{}
	}
	return uplink.Receipt{Gone: k.let(func(dev *uplink.Device) bool {
		return k.topo.of[dev.ID] && !slices.ContainsFunc(all, func(one identity) bool { return k.is(dev, one) })
	})}
}

// is reports whether an identity is that of a meter.
func (k *Iotkit) is(dev *uplink.Device, who identity) bool {
	return who.ProductKey == k.SubProductKey && who.DeviceName == dev.ID
}

// let lets meters go that the platform does not have.
func (k *Iotkit) let(which func(*uplink.Device) bool) (gone []dlt645.Address) {
	for i := range k.devices {
		if dev := &k.dir.Devices()[i]; which(dev) {
			k.devices[i].gone = true
			gone = append(gone, dev.Address())
		}
	}
	return gone
}

// What became of the sub-devices of a change.
const (
	topoCreated  = 0
	topoDeleted  = 1
	topoEnabled  = 2
	topoDisabled = 8
)

// changed takes a change of the topology. A meter that was deleted is registered
// again as after a deregistration; one that was disabled not before it is
// enabled, or the next connection: what is posted of it would be answered as if
// it were stored.
func (k *Iotkit) changed(in inbound) uplink.Receipt {
	var params struct {
		Status  *int       `json:"status"`
		SubList []identity `json:"subList"`
	}
	if json.Unmarshal(in.Params, &params) != nil || params.Status == nil || params.SubList == nil {
		return k.answered(nil, actionTopoChange, in, codeInvalid, "want status and subList")
	}
	named := func(dev *uplink.Device) bool {
		return slices.ContainsFunc(params.SubList, func(one identity) bool { return k.is(dev, one) })
	}
	rc := k.answered(nil, actionTopoChange, in, codeDone, "")
	switch *params.Status {
	case topoCreated, topoEnabled, topoDisabled:
		for i := range k.devices {
			if named(&k.dir.Devices()[i]) {
				k.devices[i].disabled = *params.Status == topoDisabled
			}
		}
	case topoDeleted:
	default:
		return k.answered(nil, actionTopoChange, in, codeInvalid, "there is no such status")
	}
	if *params.Status == topoDeleted || *params.Status == topoDisabled {
		rc.Gone = k.let(named)
	}
	return rc
}
