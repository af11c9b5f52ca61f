package iotkit

import "meterd/uplink"

// eventMembers are those of each event.
var eventMembers = []string{timeKey, "by", "text"}

// ThingModel tells what the product of the sub-devices, and that of the gateway,
// have to define. The console imports no file that is documented.
func (k *Iotkit) ThingModel() ([]byte, error) {
	text := k.dir.Tables(k.SubProductKey, eventMembers)
	if k.Backfill == BackfillEvent {
		text += "\nevents of " + k.SubProductKey + ":\n" + uplink.Table([]string{"identifier\tmembers", "history\t" + timeKey + " and each property"})
	}
	text += "\n" + k.dir.EventTable(k.ProductKey, eventMembers)
	if k.TellsBoard {
		text += "\n" + uplink.BoardTable(k.ProductKey, "", func(int) string { return "" })
	}
	return []byte(text), nil
}
