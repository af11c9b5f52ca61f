package onenet

import (
	"fmt"

	"meterd/uplink"
)

// mostFeatures is how many properties, events and services a thing model may
// have in all.
const mostFeatures = 100

// own is what all parts have that are the user's.
const own = `{"identifier":%[1]q,"name":%[2]q,"functionType":"u","desc":"","required":false,`

// model is the file that the console imports. Source: exports of the console.
var model = uplink.ModelForm{
	Property: own + `"functionMode":"property","accessMode":"%[3]s","dataType":%[4]s}`,
	Event:    own + `"functionMode":"event","eventType":"info","outputData":%[3]s}`,
	Service:  own + `"functionMode":"service","callType":"a","input":%[3]s,"output":[]}`, // asynchronous: nobody waits five seconds for it
	Tail:     ",\n\"combs\":[]}",
	Members:  []string{"by", "text"},
	List:     `{"type":"array","specs":{"length":100,"type":"string","specs":{"length":255}}}`,
}

// ThingModel gives the thing model of the sub-devices' product, as the console
// of OneNET Studio imports it. Its profile names the categories of an example:
// where the product has others, those of its own export belong there.
func (s *Studio) ThingModel() ([]byte, error) {
	m := model
	m.Head = fmt.Sprintf(`{"version":"1.0","profile":{"industryId":"1","sceneId":"18","categoryId":"93","productId":%q},`+"\n", s.SubProductID)
	text, n := m.Write(s.dir)
	if n > mostFeatures {
		return nil, fmt.Errorf("a thing model holds %d properties, events and services at most, this one has %d: leave points out by [[uplink.map]] with to = \"\", or read fewer", mostFeatures, n)
	}
	return text, nil
}
