package iotkit

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"meterd/dlt645"
	"meterd/meter"
	"meterd/uplink"
)

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
			uplink.Shadow
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
	wishes := in.Payload.Wishes(uplink.Stamp)
	if in.Method == "control" && slices.ContainsFunc(wishes, func(w uplink.Wish) bool { return w.Said.IsZero() }) {
		d.shadow.asked = false
	}
	all := k.dir.Wished(wishes, func(wish uplink.Wish) (*meter.Handle, string, string, bool) {
		return dev.Meter, wish.Key, commandID(dev, wishService, strconv.FormatInt(wish.Said.UnixMilli(), 10)+":"+wish.Key), true
	})
	if len(all) == 0 {
		return uplink.Receipt{}
	}
	return uplink.Receipt{Command: &all[0], More: all[1:]}
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
