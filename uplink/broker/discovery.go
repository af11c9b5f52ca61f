package broker

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"meterd/meter"
	"meterd/uplink"
)

// Home Assistant's discovery, in the form for devices that it has since
// 2024.11: a message for the gateway and one for each meter, kept by the
// broker, with a component for each point.

type announcement struct {
	Device       device               `json:"device"`
	Origin       origin               `json:"origin"`
	Availability []availability       `json:"availability,omitempty"`
	Mode         string               `json:"availability_mode,omitempty"`
	StateTopic   string               `json:"state_topic"`
	QoS          int                  `json:"qos"`
	Components   map[string]component `json:"components"`
}

type device struct {
	IDs    []string `json:"identifiers"`
	Name   string   `json:"name"`
	Model  string   `json:"model,omitempty"`
	Serial string   `json:"serial_number,omitempty"`
	Via    string   `json:"via_device,omitempty"`
}

type origin struct {
	Name    string `json:"name"`
	Version string `json:"sw_version,omitempty"`
}

type availability struct {
	Topic string `json:"topic"`
}

// component is an entity. What is empty is left out.
type component struct {
	_               [0]func() // none is compared with another, which would cost room on flash
	Platform        string    `json:"platform"`
	Name            string    `json:"name"`
	UniqueID        string    `json:"unique_id"`
	DeviceClass     string    `json:"device_class,omitempty"`
	StateClass      string    `json:"state_class,omitempty"`
	Unit            string    `json:"unit_of_measurement,omitempty"`
	Category        string    `json:"entity_category,omitempty"`
	Template        string    `json:"value_template,omitempty"`
	ExpireAfter     int       `json:"expire_after,omitempty"` // s
	PayloadOn       string    `json:"payload_on,omitempty"`
	PayloadOff      string    `json:"payload_off,omitempty"`
	StateOn         string    `json:"state_on,omitempty"`
	StateOff        string    `json:"state_off,omitempty"`
	CommandTopic    string    `json:"command_topic,omitempty"`
	CommandTemplate string    `json:"command_template,omitempty"`
}

// discover gives the next announcement.
func (o *own) discover(now time.Time) (uplink.Message, bool) {
	if o.Discovery == "" {
		return uplink.Message{}, false
	}
	if o.wanted && !now.Before(o.again) {
		o.discovery, o.wanted = 0, false
	}
	devices := o.Config.Directory.Devices()
	for n := o.discovery; n <= len(devices); n++ {
		o.discovery = n + 1
		node, a := "meterd_"+o.Gateway, o.gateway()
		if n > 0 {
			node, a = node+"_"+devices[n-1].ID, o.meter(&devices[n-1])
		} else {
			o.again = now.Add(leastDiscovery)
		}
		if len(a.Components) == 0 {
			continue
		}
		b, err := json.Marshal(a)
		if err != nil {
			panic(err) // our own types always marshal
		}
		return o.state(HomeAssistant+"/device/"+node+"/config", b), true
	}
	return uplink.Message{}, false
}

// gateway announces the board itself, which the meters are behind.
func (o *own) gateway() announcement {
	name := "meterd_" + o.Gateway
	return announcement{
		Device: device{IDs: []string{name}, Name: o.Gateway, Model: "meterd"}, Origin: origin{"meterd", o.Version}, StateTopic: o.base + topicStatus, QoS: 1,
		Components: map[string]component{"connection": {
			Platform: "binary_sensor", Name: "Connection", UniqueID: name + "_connection", DeviceClass: "connectivity", Category: "diagnostic", PayloadOn: online, PayloadOff: offline,
		}},
	}
}

// meter announces a meter with what it is read for. Its entities go by the
// address, which is the same whatever board reads it.
func (o *own) meter(dev *uplink.Device) announcement {
	address := dev.Address().String()
	a := announcement{
		Device: device{IDs: []string{"meterd_" + address}, Name: dev.Meter.Name, Model: "DL/T 645", Serial: address, Via: "meterd_" + o.Gateway}, Origin: origin{"meterd", o.Version},
		Availability: []availability{{o.base + topicStatus}, {o.of(dev, topicStatus)}}, Mode: "all",
		StateTopic: o.of(dev, "/state"), QoS: 1, Components: map[string]component{},
	}
	for _, n := range namesOf(o.Config.Directory, dev) {
		c, ok := entity(n.Point)
		if !ok || n.Scale > 0 || !isObjectID(n.To) || strings.Contains(n.To, "-") || n.To[0] <= '9' {
			continue // a template could not name it
		}
		c.Name, c.UniqueID = label(n.To), "meterd_"+address+"_"+n.To
		c.Template = "{{ value_json." + n.To + " | default('') }}"
		if c.StateClass == measurement {
			c.ExpireAfter = int(3 * n.every / time.Second)
			if old, there := a.Components[n.To]; there { // in two groups: the one that is read more often counts
				c.ExpireAfter = min(c.ExpireAfter, old.ExpireAfter)
			}
		}
		if n.Name == "relay" && slices.Contains(dev.Meter.Allow, meter.OpRelay) {
			c.Platform, c.DeviceClass = "switch", ""
			c.StateOn, c.StateOff, c.PayloadOn, c.PayloadOff = c.PayloadOn, c.PayloadOff, "close", "trip"
			c.CommandTopic = o.base + topicRequest
			c.CommandTemplate = `{"id":"ha-{{ now().timestamp() }}","ts":{{ (now().timestamp() * 1000) | int }},"op":"relay","meter":"` + address + `","action":"{{ value }}"}`
		}
		a.Components[n.To] = c
	}
	return a
}

// label is an identifier for people: "Energy forward total".
func label(to string) string {
	s := strings.ReplaceAll(to, "_", " ")
	return strings.ToUpper(s[:1]) + s[1:]
}

const (
	measurement = "measurement"
	total       = "total"
	increasing  = "total_increasing"
	diagnostic  = "diagnostic"
)

// entities are what points are in Home Assistant, by what their names begin
// with and by their units, the first that fits. "" fits any name, "*" any unit.
// A class and a unit stand together only where all its versions since 2024.11
// take the two.
var entities = []struct {
	name, unit string
	component
}{
	{"relay", "*", component{Platform: "binary_sensor", DeviceClass: "power", PayloadOn: "closed", PayloadOff: "open"}},
	{"fault", "*", component{Category: diagnostic}},
	{"status.", "*", component{Category: diagnostic}},
	{"clock.offset", "*", component{DeviceClass: "duration", StateClass: measurement, Unit: "s", Category: diagnostic}},
	{"count.", "*", component{StateClass: increasing, Category: diagnostic}},
	{"power.factor.", "*", component{DeviceClass: "power_factor", StateClass: measurement}},
	{"credit.energy", "kWh", component{DeviceClass: "energy", StateClass: total, Unit: "kWh"}}, // it may fall
	{"energy.combined.", "kWh", component{DeviceClass: "energy", StateClass: total, Unit: "kWh"}},
	{"freeze.", "kWh", component{DeviceClass: "energy", Unit: "kWh"}}, // of a day gone by: no statistics of its own
	{"settlement.", "kWh", component{DeviceClass: "energy", Unit: "kWh"}},
	{"", "kWh", component{DeviceClass: "energy", StateClass: increasing, Unit: "kWh"}},
	{"", "kvarh", component{StateClass: increasing, Unit: "kvarh"}},
	{"", "kVAh", component{StateClass: increasing, Unit: "kVAh"}},
	{"", "kW", component{DeviceClass: "power", StateClass: measurement, Unit: "kW"}},
	{"", "kvar", component{StateClass: measurement, Unit: "kvar"}},
	{"", "kVA", component{StateClass: measurement, Unit: "kVA"}},
	{"", "%", component{StateClass: measurement, Unit: "%"}},
	{"", "V", component{DeviceClass: "voltage", StateClass: measurement, Unit: "V"}},
	{"", "A", component{DeviceClass: "current", StateClass: measurement, Unit: "A"}},
	{"", "Hz", component{DeviceClass: "frequency", StateClass: measurement, Unit: "Hz"}},
	{"", "degC", component{DeviceClass: "temperature", StateClass: measurement, Unit: "°C"}},
	{"", "deg", component{StateClass: measurement, Unit: "°"}},
	{"", "yuan", component{DeviceClass: "monetary", StateClass: total, Unit: "CNY"}},
}

// entity tells what a point is in Home Assistant; false for what has no use
// there.
func entity(p meter.Point) (component, bool) {
	for i := range entities {
		if e := &entities[i]; strings.HasPrefix(p.Name, e.name) && (e.unit == "*" || e.unit == p.Unit) {
			c := e.component
			c.Platform = cmp.Or(c.Platform, "sensor")
			return c, true
		}
	}
	return component{}, false
}
