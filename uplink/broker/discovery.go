package broker

import (
	"encoding/json"
	"fmt"
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
	Platform        string `json:"platform"`
	Name            string `json:"name"`
	UniqueID        string `json:"unique_id"`
	DeviceClass     string `json:"device_class,omitempty"`
	StateClass      string `json:"state_class,omitempty"`
	Unit            string `json:"unit_of_measurement,omitempty"`
	Category        string `json:"entity_category,omitempty"`
	Template        string `json:"value_template,omitempty"`
	ExpireAfter     int    `json:"expire_after,omitempty"` // s
	PayloadOn       string `json:"payload_on,omitempty"`
	PayloadOff      string `json:"payload_off,omitempty"`
	StateOn         string `json:"state_on,omitempty"`
	StateOff        string `json:"state_off,omitempty"`
	CommandTopic    string `json:"command_topic,omitempty"`
	CommandTemplate string `json:"command_template,omitempty"`
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
	every := map[string]time.Duration{}
	for _, g := range dev.Meter.Groups {
		for _, p := range g.Points {
			if old, there := every[p.Name]; !there || g.Every < old {
				every[p.Name] = g.Every
			}
		}
	}
	for p, r := range rows(o.Config.Directory, dev) {
		c, ok := entity(p)
		to := r.To
		if !ok || r.Scale > 0 || !isObjectID(to) || strings.Contains(to, "-") || to[0] >= '0' && to[0] <= '9' {
			continue // a template could not name it
		}
		c.Name, c.UniqueID = label(to), "meterd_"+address+"_"+to
		c.Template = "{{ value_json." + to + " | default('') }}"
		if c.StateClass == measurement {
			c.ExpireAfter = int(3 * every[p.Name] / time.Second)
		}
		if p.Name == "relay" && slices.Contains(dev.Meter.Allow, meter.OpRelay) {
			c.Platform, c.DeviceClass = "switch", ""
			c.StateOn, c.StateOff, c.PayloadOn, c.PayloadOff = c.PayloadOn, c.PayloadOff, "close", "trip"
			c.CommandTopic = o.base + topicRequest
			c.CommandTemplate = fmt.Sprintf(`{"id":"ha-{{ now().timestamp() }}","ts":{{ (now().timestamp() * 1000) | int }},"op":"relay","meter":%s,"action":"{{ value }}"}`, quote(address))
		}
		a.Components[to] = c
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

// entity tells what a point is in Home Assistant; false for what has no use
// there. A class and a unit stand together only where all its versions since
// 2024.11 take the two.
func entity(p meter.Point) (component, bool) {
	sensor := func(class, state, unit string) (component, bool) {
		return component{Platform: "sensor", DeviceClass: class, StateClass: state, Unit: unit}, true
	}
	starts := func(prefixes ...string) bool {
		for _, s := range prefixes {
			if strings.HasPrefix(p.Name, s) {
				return true
			}
		}
		return false
	}
	switch {
	case p.Name == "relay":
		return component{Platform: "binary_sensor", DeviceClass: "power", PayloadOn: "closed", PayloadOff: "open"}, true
	case p.Name == "fault", starts("status."):
		return component{Platform: "sensor", Category: diagnostic}, true
	case p.Name == "clock.offset":
		return component{Platform: "sensor", DeviceClass: "duration", StateClass: measurement, Unit: "s", Category: diagnostic}, true
	case starts("count."):
		return component{Platform: "sensor", StateClass: increasing, Category: diagnostic}, true
	case starts("power.factor."):
		return sensor("power_factor", measurement, "")
	case starts("credit.energy"), starts("energy.combined."):
		return sensor("energy", total, p.Unit) // it may fall
	case starts("freeze.", "settlement.") && p.Unit == "kWh":
		return sensor("energy", "", p.Unit) // of a day gone by: no statistics of its own
	}
	switch p.Unit {
	case "kWh":
		return sensor("energy", increasing, p.Unit)
	case "kvarh", "kVAh":
		return sensor("", increasing, p.Unit)
	case "kW":
		return sensor("power", measurement, p.Unit)
	case "kvar", "kVA", "%":
		return sensor("", measurement, p.Unit)
	case "V":
		return sensor("voltage", measurement, p.Unit)
	case "A":
		return sensor("current", measurement, p.Unit)
	case "Hz":
		return sensor("frequency", measurement, p.Unit)
	case "degC":
		return sensor("temperature", measurement, "°C")
	case "deg":
		return sensor("", measurement, "°")
	case "yuan":
		return sensor("monetary", total, "CNY")
	}
	return component{}, false
}
