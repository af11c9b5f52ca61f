package das

import (
	"encoding/json"

	"meterd/uplink"
)

// The platform can push a package of software. This version takes none: a
// digest from the same channel proves nothing, and what is installed here must
// be signed by who made it. So the version is told at each connect, and a push
// is refused in the one way that the document has, step "-1".

// softwarePackage is the kind of package that this program is.
const softwarePackage = 2

type deviceInfo struct {
	ProductID string `json:"productId"`
	DeviceID  string `json:"deviceId"`
}

// upgrade is the frame of these messages. They have no id, and no answer.
type upgrade struct {
	DeviceInfo deviceInfo `json:"deviceInfo"`
	Data       any        `json:"data"`
}

func (d *DAS) upgrade(name string, data any) uplink.Message {
	m := d.message(name, "", upgrade{deviceInfo{d.ProductID, d.DeviceID}, data})
	m.ID = ""
	return m
}

// tellVersion is the report of what runs.
func (d *DAS) tellVersion() uplink.Message {
	return d.upgrade(topicInform, struct {
		Version     string `json:"version"`
		PackageType int    `json:"packageType"`
	}{d.Version, softwarePackage})
}

// noUpgrade is why a package is refused.
const noUpgrade = "this board takes no package from the platform; it is upgraded by its own signed package"

// pushed refuses a package.
func (d *DAS) pushed(data json.RawMessage) uplink.Receipt {
	var in struct {
		Code string `json:"upgradePackageCode"`
	}
	if json.Unmarshal(data, &in) != nil || in.Code == "" || len(in.Code) > mostID {
		return uplink.Receipt{}
	}
	m := d.upgrade(topicProgress, struct {
		Step string `json:"step"`
		Code string `json:"upgradePackageCode"`
		Desc string `json:"desc"`
	}{"-1", in.Code, noUpgrade})
	return uplink.Receipt{Reply: &m}
}
