package station

import (
	"fmt"
	"time"

	"meterd/cmd/meterd/config"
	"meterd/dlt645"
	"meterd/meter"
	"meterd/uplink"
)

// A meter that the configuration no longer names may have readings in the ring
// that an uplink has not delivered, the last of a meter that was replaced before
// all. Who it is to the platform is kept with the state until they are.

// known is a meter as an uplink's platform knows it.
type known struct {
	Address   string `json:"address"`
	Name      string `json:"name"`
	ID        string `json:"id"`
	ProductID string `json:"product_id,omitempty"`
	// Until is the last record that may be of it; 0: the configuration names it.
	Until uint64 `json:"until,omitempty"`
}

// knownNow lists who is who on each platform.
func (sh *shift) knownNow() map[string][]known {
	all := map[string][]known{}
	for _, u := range sh.config.Uplinks {
		for _, d := range u.Directory.Devices() {
			all[u.Name] = append(all[u.Name], known{Address: d.Address().String(), Name: d.Meter.Name, ID: d.ID, ProductID: d.ProductID})
		}
		all[u.Name] = append(all[u.Name], sh.former[u.Name]...)
	}
	return all
}

// leftWith finds the former meters of an uplink of which something is still to
// be delivered.
func (sh *shift) leftWith(u config.Uplink, kept state) (former []known) {
	cursor, begun := sh.ring.Cursor(u.Name)
	if !begun {
		return nil
	}
	for _, k := range kept.Known[u.Name] {
		a, err := dlt645.ParseAddress(k.Address)
		if err != nil || u.Directory.Of(a) != nil {
			continue
		}
		if k.Until == 0 || kept.Ring != fmt.Sprintf("%x", sh.ring.ID()) {
			k.Until = sh.ring.Last()
		}
		if k.Until > cursor && len(former) < mostKept {
			former = append(former, k)
		}
	}
	if len(former) > 0 {
		sh.log.Info("meters that the configuration no longer names have readings to deliver", "uplink", u.Name, "meters", len(former))
	}
	return former
}

// tellTakenOut tells, once, of the meters that the configuration no longer names
// before all that had been missed of them was made up: now nobody can.
func (sh *shift) tellTakenOut(kept state) {
	named, before := map[string]bool{}, map[string]bool{}
	for _, m := range sh.config.Meters {
		named[m.Address.String()] = true
	}
	var out []*meter.Learned
	for i := range sh.learned {
		if l := &sh.learned[i]; !named[l.Address] && !l.TakenOut {
			out = append(out, l)
		}
	}
	if len(out) == 0 {
		return
	}
	for _, all := range kept.Known {
		for _, k := range all {
			before[k.Address] = before[k.Address] || k.Until == 0
		}
	}
	now := time.Now()
	if !sh.clock.Trusted(now) {
		now = sh.newest()
	}
	now = now.In(sh.config.Gateway.Zone)
	for _, l := range out {
		l.TakenOut = true // what comes from now on is nobody's
		a, err := dlt645.ParseAddress(l.Address)
		n := l.Lacks(now)
		if err != nil || n == 0 || len(before) > 0 && !before[l.Address] { // that one left long ago
			continue
		}
		sh.log.Warn("a meter was taken out before all that it had missed was made up", "meter", l.Address, "values", n)
		sh.event(meter.Event{Meter: a, Kind: meter.EventMissing, Time: time.Now(), Text: fmt.Sprintf("the configuration no longer names the meter; values that are not made up: %d", n)})
	}
}

// formerDevices gives the former meters of an uplink as devices.
func (sh *shift) formerDevices(name string) (all []uplink.Device) {
	for _, k := range sh.former[name] {
		a, _ := dlt645.ParseAddress(k.Address)
		all = append(all, uplink.Device{Meter: &meter.Handle{Name: k.Name, Address: a}, ID: k.ID, ProductID: k.ProductID})
	}
	return all
}

// gone adds to the meters the former ones of an uplink, which do not answer.
func (sh *shift) gone(u config.Uplink, meters []meter.MeterState) []meter.MeterState {
	present := map[string]bool{}
	for _, d := range u.Directory.Devices() {
		present[d.ID] = true
	}
	for _, d := range sh.formerDevices(u.Name) {
		if !present[d.ID] { // else the platform's device is there still
			meters = append(meters, meter.MeterState{Name: d.Meter.Name, Address: d.Address(), Known: true})
		}
	}
	return meters
}
