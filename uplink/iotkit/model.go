package iotkit

import "meterd/uplink"

// ThingModel tells what the product of the sub-devices has to define. The console
// imports no file that is documented.
func (k *Iotkit) ThingModel() ([]byte, error) { return uplink.Table(k.dir.Features()), nil }
