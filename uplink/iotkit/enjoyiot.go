package iotkit

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"meterd/dlt645"
	"meterd/meter"
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

// topology is the asking for the gateway's sub-devices, once in a connection.
type topology struct {
	asked bool
	id    string          // of the question that has no answer yet
	of    map[string]bool // the meters that were registered then
}

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

// shadow is what is known of a meter's shadow in this connection.
type shadow struct {
	asked   bool
	open    bool // the question has no answer yet
	at      time.Time
	version int64
}

const (
	// shadowEvery is the least pause between two questions for one shadow.
	shadowEvery = time.Minute
	// wishService stands for a service in the ids of wishes; none has such a name.
	wishService = "shadow/desired"
	// mostVersion bounds the version of a shadow.
	mostVersion = 1 << 53
)

func (k *Iotkit) shadowTopic(direction string, dev *uplink.Device) string {
	return direction + k.SubProductKey + "/" + dev.ID
}

// shadowed gives the meter whose shadow speaks on a topic; nil: none does.
func (k *Iotkit) shadowed(topic string) *uplink.Device {
	rest, ok := strings.CutPrefix(topic, shadowDown+k.SubProductKey+"/")
	if dev := k.dir.Named(rest); ok && k.Shadow && dev != nil && dev.ID == rest {
		return dev
	}
	return nil
}

// wished takes what a shadow says, as the commands that it means: what is
// desired and not what was reported. A wish is carried out once, under its name
// and time, and never when it is older than any other command may be. So one of
// no time is passed over; where the platform tells of it at once and leaves the
// time out, the shadow is asked for it.
func (k *Iotkit) wished(now time.Time, dev *uplink.Device, m uplink.Inbound) uplink.Receipt {
	var in struct {
		Method  string `json:"method"`
		Payload struct {
			Status string `json:"status"`
			State  struct {
				Desired  map[string]json.RawMessage `json:"desired"`
				Reported map[string]json.RawMessage `json:"reported"`
			} `json:"state"`
			Metadata struct {
				Desired map[string]struct {
					Timestamp int64 `json:"timestamp"`
				} `json:"desired"`
			} `json:"metadata"`
		} `json:"payload"`
		Version int64 `json:"version"`
	}
	d := &k.devices[dev.N]
	if m.Retained || !m.Sound() || !m.Decode(&in) || d.gone || !d.finished || k.Trusted != nil && !k.Trusted() {
		return uplink.Receipt{}
	}
	switch {
	case in.Method == "control":
	case in.Method == "reply" && d.shadow.open && in.Payload.Status == "success":
		d.shadow.open = false
	default:
		return uplink.Receipt{}
	}
	if in.Version > 0 && in.Version < mostVersion {
		d.shadow.version = in.Version
	}
	var all []meter.Command
	for _, key := range slices.Sorted(maps.Keys(in.Payload.State.Desired)) {
		said := stampOf(in.Payload.Metadata.Desired[key].Timestamp)
		wish := uplink.Word(in.Payload.State.Desired[key])
		if said.IsZero() && in.Method == "control" {
			d.shadow.asked = false
		}
		if said.IsZero() || len(key) > mostID || uplink.Fulfilled(wish, uplink.Word(in.Payload.State.Reported[key])) || len(all) == uplink.MostSettings {
			continue
		}
		c, no := k.dir.Setting(key, wish)
		if no != nil {
			continue
		}
		c.Meter, c.Said = dev.Meter, said
		c.ID = commandID(dev, wishService, strconv.FormatInt(said.UnixMilli(), 10)+":"+key)
		all = append(all, c)
	}
	if len(all) == 0 {
		return uplink.Receipt{}
	}
	return uplink.Receipt{Command: &all[0], More: all[1:]}
}

// stampOf reads a time in s or in ms: what would be a year after 5000 in seconds
// is in ms. Zero if it is none.
func stampOf(n int64) time.Time {
	switch {
	case n <= 0:
		return time.Time{}
	case n > 1e11:
		return time.UnixMilli(n)
	}
	return time.Unix(n, 0)
}

// granted tells the shadow what is so now. What did not become so has no form
// there: it stays desired.
func (k *Iotkit) granted(dev *uplink.Device, id string, c meter.Command, r meter.Result) (uplink.Message, bool) {
	_, key, ok := strings.Cut(id, ":")
	if !ok || r.Outcome != meter.Done {
		return uplink.Message{}, false
	}
	value := encode(c.Value)
	if n, err := dlt645.ParseDecimal(c.Value); err == nil {
		value = []byte(n.String())
	}
	if c.Op == meter.OpRelay {
		value = encode(map[bool]string{true: "closed", false: "open"}[c.Relay == dlt645.CommandClose])
	}
	s := &k.devices[dev.N].shadow
	s.version++
	b := encode(struct {
		Method string `json:"method"`
		State  struct {
			Reported map[string]json.RawMessage `json:"reported"`
		} `json:"state"`
		Version int64 `json:"version"`
	}{"update", struct {
		Reported map[string]json.RawMessage `json:"reported"`
	}{map[string]json.RawMessage{key: value}}, s.version})
	return uplink.Message{Topic: k.shadowTopic(shadowUp, dev), Payload: b, Meter: dev.Address()}, true
}
