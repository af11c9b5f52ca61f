package uplinktest

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// The rules that Home Assistant holds its discovery by device to, as its
// integration has them: which keys there are, which are required, and which
// classes and units stand together. Of classes those that a meter has a use for.

// Entity is a component that was announced.
type Entity struct {
	Device, Platform, Name                   string
	DeviceClass, StateClass, Unit, Category  string
	StateTopic, ValueTemplate                string
	PayloadOn, PayloadOff, StateOn, StateOff string
	CommandTopic, CommandTemplate            string
	ExpireAfter                              int
	Availability                             []string // topics, all of which must say online
}

// home is a simulated Home Assistant as far as discovery goes.
type home struct {
	entities  map[string]Entity // by unique id
	owner     map[string]string // the topic of a unique id
	devices   map[string]bool   // identifiers
	announced int
}

// haTopic is what its discovery takes for devices.
var haTopic = regexp.MustCompile(`^homeassistant/device/(?:([a-zA-Z0-9_-]+)/)?([a-zA-Z0-9_-]+)/config$`)

// haUnits are the units that go with a class of a sensor; "" stands for none.
var haUnits = map[string][]string{
	"apparent_power": {"VA"},
	"current":        {"A", "mA"},
	"duration":       {"d", "h", "min", "s", "ms"},
	"energy":         {"J", "kJ", "MJ", "GJ", "mWh", "Wh", "kWh", "MWh", "GWh", "TWh", "cal", "kcal", "Mcal", "Gcal"},
	"frequency":      {"Hz", "kHz", "MHz", "GHz"},
	"monetary":       {"CNY", "EUR", "USD"},
	"power":          {"W", "kW", "MW", "GW", "TW"},
	"power_factor":   {"%", ""},
	"reactive_power": {"var"},
	"temperature":    {"°C", "°F", "K"},
	"voltage":        {"V", "mV"},
}

// haStates are the classes of states that go with a class of a sensor; "" is
// allowed with each.
var haStates = map[string][]string{
	"duration": {"measurement", "total", "total_increasing"},
	"energy":   {"total", "total_increasing"},
	"monetary": {"total"},
}

// haKeys are those of a component, by its platform, besides what all have.
var haKeys = map[string][]string{
	"sensor":        {"device_class", "state_class", "unit_of_measurement", "expire_after", "suggested_display_precision", "force_update", "options"},
	"binary_sensor": {"device_class", "payload_on", "payload_off", "expire_after", "off_delay", "force_update"},
	"switch":        {"device_class", "payload_on", "payload_off", "state_on", "state_off", "command_topic", "command_template", "optimistic", "retain"},
}

// haCommon are the keys of every component.
var haCommon = []string{"platform", "name", "unique_id", "object_id", "entity_category", "icon", "qos", "state_topic", "value_template", "availability", "availability_mode", "enabled_by_default"}

// haClasses are those of platforms without units.
var haClasses = map[string][]string{
	"binary_sensor": {"", "power", "connectivity", "problem", "plug", "running", "safety", "tamper"},
	"switch":        {"", "outlet", "switch"},
}

type haAnnouncement struct {
	Device struct {
		Identifiers  []string   `json:"identifiers"`
		Connections  [][]string `json:"connections"`
		Manufacturer string     `json:"manufacturer"`
		Model        string     `json:"model"`
		Name         string     `json:"name"`
		SerialNumber string     `json:"serial_number"`
		SWVersion    string     `json:"sw_version"`
		HWVersion    string     `json:"hw_version"`
		ViaDevice    string     `json:"via_device"`
	} `json:"device"`
	Origin struct {
		Name       string `json:"name"`
		SWVersion  string `json:"sw_version"`
		SupportURL string `json:"support_url"`
	} `json:"origin"`
	Availability []struct {
		Topic string `json:"topic"`
	} `json:"availability"`
	AvailabilityMode string                                `json:"availability_mode"`
	StateTopic       string                                `json:"state_topic"`
	CommandTopic     string                                `json:"command_topic"`
	QoS              *int                                  `json:"qos"`
	Components       map[string]map[string]json.RawMessage `json:"components"`
}

// announce takes an announcement and gives what is wrong with it.
func (h *home) announce(topic string, payload []byte) (wrong []string) {
	if h.entities == nil {
		h.entities, h.owner, h.devices = map[string]Entity{}, map[string]string{}, map[string]bool{}
	}
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	h.announced++
	if !haTopic.MatchString(topic) {
		say("no topic of discovery")
	}
	var a haAnnouncement
	if err := strict(payload, &a); err != nil { // unknown keys of the root are refused there
		say("%v", err)
		return wrong
	}
	if len(a.Device.Identifiers)+len(a.Device.Connections) == 0 {
		say("the device has neither identifiers nor connections")
		return wrong
	}
	if a.Device.Name == "" || a.Origin.Name == "" || len(a.Components) == 0 {
		say("device.name %q, origin.name %q, %d components", a.Device.Name, a.Origin.Name, len(a.Components))
	}
	if via := a.Device.ViaDevice; via != "" && !h.devices[via] {
		say("via_device %q was not announced before", via)
	}
	if a.QoS != nil && (*a.QoS < 0 || *a.QoS > 2) {
		say("qos %d", *a.QoS)
	}
	if !slices.Contains([]string{"", "all", "any", "latest"}, a.AvailabilityMode) {
		say("availability_mode %q", a.AvailabilityMode)
	}
	var available []string
	for _, one := range a.Availability {
		if one.Topic == "" {
			say("an availability without a topic")
		}
		available = append(available, one.Topic)
	}
	for _, one := range a.Device.Identifiers {
		h.devices[one] = true
	}
	for id, component := range a.Components {
		e, unique, why := haEntity(component, a.StateTopic)
		e.Device, e.Availability = a.Device.Name, available
		for _, w := range why {
			say("component %s: %s", id, w)
		}
		if other, taken := h.owner[unique]; taken && other != topic {
			say("component %s: unique_id %q is that of one on %s", id, unique, other)
		}
		h.entities[unique], h.owner[unique] = e, topic
	}
	return wrong
}

// haEntity reads a component, which may have the device's state topic.
func haEntity(c map[string]json.RawMessage, stateTopic string) (e Entity, unique string, wrong []string) {
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	text := func(key string) (s string) {
		if b, ok := c[key]; ok && json.Unmarshal(b, &s) != nil {
			say("%s is no text: %s", key, b)
		}
		return s
	}
	e = Entity{
		Platform: text("platform"), Name: text("name"), DeviceClass: text("device_class"), StateClass: text("state_class"), Unit: text("unit_of_measurement"), Category: text("entity_category"),
		StateTopic: text("state_topic"), ValueTemplate: text("value_template"), PayloadOn: text("payload_on"), PayloadOff: text("payload_off"), StateOn: text("state_on"), StateOff: text("state_off"),
		CommandTopic: text("command_topic"), CommandTemplate: text("command_template"),
	}
	unique = text("unique_id")
	if e.StateTopic == "" {
		e.StateTopic = stateTopic
	}
	keys, known := haKeys[e.Platform]
	if !known || unique == "" || e.Name == "" || e.StateTopic == "" {
		say("platform %q, unique_id %q, name %q, state_topic %q", e.Platform, unique, e.Name, e.StateTopic)
		return e, unique, wrong
	}
	for key := range c {
		if !slices.Contains(keys, key) && !slices.Contains(haCommon, key) {
			say("a %s has no %s", e.Platform, key)
		}
	}
	if b, ok := c["expire_after"]; ok && (json.Unmarshal(b, &e.ExpireAfter) != nil || e.ExpireAfter < 1) {
		say("expire_after is %s", b)
	}
	if e.Category != "" && e.Category != "diagnostic" && !(e.Category == "config" && e.Platform == "switch") {
		say("entity_category %q of a %s", e.Category, e.Platform)
	}
	if strings.Count(e.ValueTemplate, "{{") != strings.Count(e.ValueTemplate, "}}") {
		say("value_template %q", e.ValueTemplate)
	}
	switch e.Platform {
	case "sensor":
		wrong = append(wrong, haSensor(e)...)
	default:
		if !slices.Contains(haClasses[e.Platform], e.DeviceClass) {
			say("device_class %q of a %s", e.DeviceClass, e.Platform)
		}
		if e.Platform == "switch" && e.CommandTopic == "" {
			say("a switch without a command_topic")
		}
	}
	return e, unique, wrong
}

// haSensor tells which class, state and unit do not go together.
func haSensor(e Entity) (wrong []string) {
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if !slices.Contains([]string{"", "measurement", "total", "total_increasing"}, e.StateClass) {
		say("state_class %q", e.StateClass)
	}
	if e.DeviceClass == "" {
		return wrong
	}
	units, known := haUnits[e.DeviceClass]
	switch {
	case !known:
		say("device_class %q", e.DeviceClass)
	case !slices.Contains(units, e.Unit):
		say("the unit %q is not valid together with device class %s", e.Unit, e.DeviceClass)
	}
	states, special := haStates[e.DeviceClass]
	if !special {
		states = []string{"measurement"}
	}
	if e.StateClass != "" && !slices.Contains(states, e.StateClass) {
		say("state_class %q with device class %s", e.StateClass, e.DeviceClass)
	}
	if e.DeviceClass == "energy" && e.StateClass == "total_increasing" && e.ExpireAfter > 0 {
		say("a total that expires")
	}
	return wrong
}
