package iotkit

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"meterd/uplink"
)

// inbound is what comes down. A failed registration is answered with null as
// id.
type inbound struct {
	ID      *string         `json:"id"`
	Method  string          `json:"method"`
	Code    *int            `json:"code"`    // of a reply
	Data    json.RawMessage `json:"data"`    // of a reply
	Params  json.RawMessage `json:"params"`  // of a request
	Message string          `json:"message"` // not in the document; shown if it comes
}

// Receive understands replies and commands. Replies come on /c/ by the
// document, and on /s/ by one version of the platform's code.
func (k *Iotkit) Receive(now time.Time, m uplink.Inbound) uplink.Receipt {
	if dev := k.shadowed(m.Topic); dev != nil {
		return k.wished(now, dev, m)
	}
	dev, action, down, ok := k.locate(m.Topic)
	own := dev == nil
	var in inbound
	if !ok || !m.Sound() || !m.Decode(&in) || in.ID != nil && len(*in.ID) > uplink.MostID {
		return uplink.Receipt{}
	}
	request, reply := strings.CutSuffix(action, replySuffix)
	if !reply && !own && dev.Former {
		return uplink.Receipt{} // it can be asked for nothing
	}
	if m.Retained && (reply || !strings.HasPrefix(action, actionService)) {
		return uplink.Receipt{}
	}
	switch {
	case reply && request == actionRegister && own:
		return k.registered(in)
	case reply && strings.HasPrefix(request, actionEvent):
		return k.posted(dev, in)
	case reply && request == actionTopoGet && own && down:
		return k.listed(in)
	case reply || !down:
		return uplink.Receipt{}
	case action == actionTopoChange && own && k.Enjoyiot:
		return k.changed(in)
	case action == actionConfigSet:
		return k.answered(dev, action, in, codeDenied, "this board is configured by its own file")
	case action == actionDeregister && own:
		return k.deregister(in)
	case strings.HasPrefix(action, actionService):
		return k.command(dev, strings.TrimPrefix(action, actionService), in)
	}
	return uplink.Receipt{}
}

// locate tells which device a topic is of: a meter, or the gateway itself,
// nil.
func (k *Iotkit) locate(at string) (dev *uplink.Device, action string, down, ok bool) {
	parts := strings.SplitN(at, "/", 6)
	if len(parts) != 6 || parts[0] != "" || parts[1] != "sys" || parts[4] != "c" && parts[4] != "s" {
		return nil, "", false, false
	}
	product, name := parts[2], parts[3]
	action, down = parts[5], parts[4] == "c"
	if product == k.ProductKey && name == k.DeviceName {
		return nil, action, down, true
	}
	if dev = k.dir.Told(name); product != k.SubProductKey || dev == nil {
		return nil, "", false, false
	}
	return dev, action, down, true
}

// receipt says that the platform took a message, or that it did not; the
// document has no table of codes.
func receipt(id string, in inbound, v uplink.Verdict) uplink.Receipt {
	return uplink.Receipt{ID: id, Verdict: v, Code: strconv.Itoa(*in.Code), Text: in.Message}
}

// isOurs reports whether an id was given out.
func (k *Iotkit) isOurs(id string) bool {
	n, err := strconv.ParseUint(id, 10, 64)
	return err == nil && n > k.firstID && n <= k.lastID
}

// posted takes the reply to a post. No code is documented, and the code that
// was read answers 0 whatever comes. So this is our choice: who refuses
// may not know the meter, which is registered again; then it may be in
// trouble; at the third time the message is taken for wrong. The meter is
// registered anew as well if it was deregistered while it is configured.
func (k *Iotkit) posted(dev *uplink.Device, in inbound) uplink.Receipt {
	if in.ID == nil || in.Code == nil || !k.isOurs(*in.ID) {
		return uplink.Receipt{}
	}
	own := dev == nil
	if !own && k.devices[dev.N].gone {
		return receipt(*in.ID, in, uplink.Unknown)
	}
	if *in.Code == 0 {
		delete(k.refused, *in.ID)
		return receipt(*in.ID, in, uplink.Accepted)
	}
	if len(k.refused) >= mostRefused {
		clear(k.refused) // each is refused a few times more
	}
	k.refused[*in.ID]++
	switch n := k.refused[*in.ID]; {
	case n >= trials:
		delete(k.refused, *in.ID)
		return receipt(*in.ID, in, uplink.Refused)
	case n == 1 && !own:
		return receipt(*in.ID, in, uplink.Unknown)
	}
	return receipt(*in.ID, in, uplink.TryLater)
}
