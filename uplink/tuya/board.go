package tuya

import (
	"slices"
	"strconv"
	"time"

	"meterd/uplink"
)

// The document knows no gateway beyond its client id, and its 50 data points are
// a meter's. So the board is a device beside its meters, of a product of its own:
// synced under the gateway's id, told as online, with a data point for each of
// the board's properties. Own choice, and off without such a product.

// firstOwn is the data point of the first property; what a product has beyond
// the platform's standard functions is numbered from there.
const firstOwn = 101

// syncAgain is the pause before the board is synced again that got no answer, or
// a refusal.
const syncAgain = time.Minute

// own is how far the board is known as a device in this connection.
type own struct {
	request string // that syncs it
	sent    time.Time
	synced  bool
}

// answered takes what the platform says of the board; false if it is of
// something else.
func (o *own) answered(name, gateway string, in inbound) bool {
	switch code := *in.Param.Code; {
	case o.request == "":
	case name == topicSync+responseLevel && string(in.RequestID) == o.request:
		o.synced = code == codeDone
		return true
	case string(in.Param.CID) == gateway && code == codeNoDevice: // it has forgotten it
		o.synced, o.sent = false, time.Time{}
	}
	return false
}

// Board syncs the board as a device, and once the platform has it tells each of
// its properties.
func (t *Tuya) Board(at time.Time, state []uplink.BoardState) (all []uplink.Message, whole bool) {
	switch {
	case t.GatewayProductID == "":
		return nil, true
	case at.IsZero(): // each message carries the time
		return nil, false
	case !t.own.synced && at.Sub(t.own.sent).Abs() < syncAgain:
		return nil, false
	case !t.own.synced:
		t.own.request, t.own.sent = randomID(), at
		return []uplink.Message{t.message(topicSync, t.own.request, at, "", syncParam{
			CID: t.Gateway, ProductID: t.GatewayProductID, VendorCode: t.Sync.VendorCode, CommType: t.Sync.CommType, DeviceIP: t.Sync.DeviceIP, MACAddress: t.Sync.MACAddress,
			DeviceName: t.Gateway, DeviceDesc: t.Gateway, InstallLocation: t.Sync.InstallLocation, DeviceServerID: t.Sync.DeviceServerID, ProductSubType: t.Sync.ProductSubType,
		})}, false
	}
	for _, v := range state {
		if id := ownDP(v.Key); id != "" {
			all = append(all, t.message(topicReport, randomID(), at, "", reportParam{t.Gateway, id, v.JSON}))
		}
	}
	return all, true
}

// ownDP gives the data point of a property of the board; "" if it is none.
func ownDP(key string) string {
	i := slices.Index(uplink.BoardKeys, key)
	if i < 0 {
		return ""
	}
	return strconv.Itoa(firstOwn + i)
}
