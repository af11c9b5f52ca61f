package das

import (
	"cmp"
	"fmt"

	"meterd/uplink"
)

// model is the platform's file of a thing model (TSL), by its page.
var model = uplink.ModelForm{
	Property: `{"identifier":%[1]q,"name":%[2]q,"accessMode":"%[3]s","required":false,"dataType":%[4]s}`,
	Event:    `{"identifier":%[1]q,"name":%[2]q,"desc":"","type":"info","required":false,"outputData":%[3]s}`,
	Service:  `{"identifier":%[1]q,"name":%[2]q,"desc":"","required":false,"inputData":%[3]s,"outputData":[]}`,
	Tail:     "}",
	Members:  []string{"meter", "by", "text"},
	Inputs:   []string{"meter"},
	List:     `{"type":"jsonObject","specs":{}}`,
}

// ThingModel gives the thing model of the sub-devices' product. Events and
// services are those of the gateway, whose product needs them too.
func (d *DAS) ThingModel() ([]byte, error) {
	m := model
	m.Head = fmt.Sprintf("{\"profile\":{\"productKey\":%q},\n", cmp.Or(d.SubProductID, d.ProductID))
	text, _ := m.Write(d.dir)
	return text, nil
}
