package onenet

import (
	"encoding/json"

	"meterd/dlt645"
	"meterd/uplink"
)

// A meter that is not in the gateway's topology is none of its sub-devices: the
// platform takes nothing of it. Its readings wait, and it is logged in time and
// again, which works once it is there.

// listing is the topology, as the platform tells it: complete.
type listing []struct {
	ProductID  string `json:"productID"`
	DeviceName string `json:"deviceName"`
}

func (l listing) has(d *uplink.Device, product string) bool {
	for _, one := range l {
		if one.DeviceName == d.ID && one.ProductID == product {
			return true
		}
	}
	return false
}

// askTopology asks for it.
func (s *Studio) askTopology() uplink.Message {
	s.topology = s.nextID()
	b, _ := json.Marshal(struct {
		ID      string `json:"id"`
		Version string `json:"version"`
	}{s.topology, "1.0"})
	return uplink.Message{Topic: s.topic(topoGet), Payload: b}
}

// listed takes the topology that was asked for, and says that it was. A meter
// with a key is brought into it by its registration, so only those without one
// are looked for.
func (s *Studio) listed(in inbound) uplink.Receipt {
	s.topology = "-"
	var all listing
	if json.Unmarshal(in.Data, &all) != nil || all == nil { // null is no list
		return uplink.Receipt{}
	}
	rc := uplink.Receipt{Gone: s.lacking(all, func(d *uplink.Device) bool { return d.Key == "" })}
	b, _ := json.Marshal(outcome{in.ID, codeOK, "success"})
	rc.Reply = &uplink.Message{Topic: s.topic(topoResult), Payload: b}
	return rc
}

// changed takes the topology that somebody has changed. One that is not the
// gateway's own doing is meant, also for meters with a key.
func (s *Studio) changed(in inbound) uplink.Receipt {
	var params struct {
		SubList *listing `json:"subList"`
	}
	if in.ID == "" {
		return uplink.Receipt{}
	}
	if json.Unmarshal(in.Params, &params) != nil || params.SubList == nil {
		m := s.reply(topoChange, in.ID, codeInvalid, "params have no subList", nil)
		return uplink.Receipt{Reply: &m}
	}
	m := s.reply(topoChange, in.ID, codeOK, "success", nil)
	return uplink.Receipt{Reply: &m, Gone: s.lacking(*params.SubList, func(*uplink.Device) bool { return true })}
}

// lacking gives the meters that are looked for and not there, and notes it.
func (s *Studio) lacking(all listing, wanted func(*uplink.Device) bool) (gone []dlt645.Address) {
	for i := range s.dir.Devices() {
		d := &s.dir.Devices()[i]
		switch there := all.has(d, s.SubProductID); {
		case there:
			delete(s.missing, d.Address())
		case wanted(d):
			s.missing[d.Address()] = true
			gone = append(gone, d.Address())
		}
	}
	return gone
}

// outcome is an answer without data.
type outcome struct {
	ID   string `json:"id"`
	Code int    `json:"code"`
	Msg  string `json:"msg"`
}

// upgradeTopic is where the platform rings when there is a package. It is then
// asked for by HTTP.
func (s *Studio) upgradeTopic() string { return "$sys/" + s.ProductID + "/" + s.Device + "/ota/inform" }

// upgrade answers the bell: with a refusal, where no package is taken.
func (s *Studio) upgrade(id string) uplink.Receipt {
	if id == "" {
		return uplink.Receipt{}
	}
	if s.rung != nil {
		s.rung()
		b, _ := json.Marshal(outcome{id, codeOK, "success"})
		return uplink.Receipt{Reply: &uplink.Message{Topic: s.upgradeTopic() + "_reply", Payload: b}}
	}
	b, _ := json.Marshal(outcome{id, codeDenied, "this board takes no package from the platform; it is upgraded by its own signed package"})
	return uplink.Receipt{Reply: &uplink.Message{Topic: s.upgradeTopic() + "_reply", Payload: b}}
}
