package tuya

import (
	"cmp"
	"time"

	"meterd/uplink"
)

// DeviceFields are the fields of devices/sync that a meter may have of its own.
// Those of Sync are else the shared ones, the other two the meter's name.
var DeviceFields = []string{"vendor_code", "comm_type", "device_ip", "mac_address", "device_name", "device_desc", "install_location", "device_server_id", "product_sub_type"}

// syncParam has all fields of the document's table.
type syncParam struct {
	CID             string `json:"cid"`
	ProductID       string `json:"product_id"`
	VendorCode      string `json:"vendor_code"`
	CommType        string `json:"comm_type"`
	DeviceIP        string `json:"device_ip"`
	MACAddress      string `json:"mac_address"`
	DeviceName      string `json:"device_name"` // in the example alone, not in the table
	DeviceDesc      string `json:"device_desc"`
	InstallLocation string `json:"install_location"`
	DeviceServerID  string `json:"device_server_id"`
	ProductSubType  string `json:"product_sub_type"`
}

// Register activates a meter. The platform takes it for an addition or an
// update, so it may be repeated.
func (t *Tuya) Register(now time.Time, d *uplink.Device, step int) (uplink.Message, bool) {
	if step > 0 {
		return uplink.Message{}, false
	}
	own := func(field, shared string) string { return cmp.Or(d.Fields[field], shared) }
	m := t.message(topicSync, randomID(), now, "", syncParam{
		CID: d.ID, ProductID: cmp.Or(d.ProductID, t.Sync.ProductID), VendorCode: own("vendor_code", t.Sync.VendorCode), CommType: own("comm_type", t.Sync.CommType),
		DeviceIP: own("device_ip", t.Sync.DeviceIP), MACAddress: own("mac_address", t.Sync.MACAddress), DeviceName: own("device_name", d.Meter.Name), DeviceDesc: own("device_desc", d.Meter.Name),
		InstallLocation: own("install_location", t.Sync.InstallLocation), DeviceServerID: own("device_server_id", t.Sync.DeviceServerID), ProductSubType: own("product_sub_type", t.Sync.ProductSubType),
	})
	m.Meter = d.Address()
	return m, true
}
