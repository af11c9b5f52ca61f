package uplinktest

import (
	"strings"
	"testing"
)

// announced is what Home Assistant takes.
const announced = `{"device":{"identifiers":["m1"],"name":"Unit 101","via_device":"gw"},"origin":{"name":"meterd"},"availability":[{"topic":"a/status"}],"availability_mode":"all","state_topic":"a/state","qos":1,
"components":{"e":{"platform":"sensor","name":"Energy","unique_id":"m1_e","device_class":"energy","state_class":"total_increasing","unit_of_measurement":"kWh","value_template":"{{ value_json.e }}"},
"r":{"platform":"switch","name":"Relay","unique_id":"m1_r","command_topic":"a/cmd","value_template":"{{ value_json.r }}"}}}`

// TestHomeAssistantRefuses what breaks one of its rules, and nothing else.
func TestHomeAssistantRefuses(t *testing.T) {
	const topic = "homeassistant/device/meterd_gw_1/config"
	for name, c := range map[string]struct{ topic, old, new, want string }{
		"nothing that is right":            {topic, "", "", ""},
		"a topic that is none":             {"homeassistant/device/meterd.gw/config", "", "", "no topic of discovery"},
		"no JSON":                          {topic, `"qos":1`, `"qos":`, "invalid character"},
		"a key of the root that is none":   {topic, `"qos":1`, `"quality":1`, "unknown field"},
		"a device of nobody":               {topic, `"identifiers":["m1"],`, ``, "neither identifiers"},
		"no origin":                        {topic, `"origin":{"name":"meterd"},`, ``, "origin.name"},
		"a gateway that is not there":      {topic, `"via_device":"gw"`, `"via_device":"other"`, "not announced before"},
		"an availability of no topic":      {topic, `{"topic":"a/status"}`, `{}`, "without a topic"},
		"a mode of availability":           {topic, `"all"`, `"most"`, "availability_mode"},
		"an entity without a unique id":    {topic, `"unique_id":"m1_e",`, ``, "unique_id"},
		"the unique id of another one":     {topic, `m1_e`, `gw_c`, "is that of one on"},
		"a platform that is none":          {topic, `"platform":"sensor"`, `"platform":"meter"`, "platform"},
		"a class that is none":             {topic, `"device_class":"energy"`, `"device_class":"work"`, "device_class"},
		"a unit of another class":          {topic, `"kWh"`, `"kW"`, "is not valid together"},
		"a state of another class":         {topic, `total_increasing`, `measurement`, "state_class"},
		"a state that is none":             {topic, `total_increasing`, `growing`, "state_class"},
		"a switch that switches nothing":   {topic, `"command_topic":"a/cmd",`, ``, "without a command_topic"},
		"a key of another platform":        {topic, `"state_class":`, `"command_topic":"x","state_class":`, "a sensor has no command_topic"},
		"a template that does not end":     {topic, `value_json.e }}`, `value_json.e`, "value_template"},
		"a total that expires":             {topic, `"kWh",`, `"kWh","expire_after":60,`, "expires"},
		"an expiry that is none":           {topic, `"kWh",`, `"kWh","expire_after":"60",`, "expire_after"},
		"a category that a sensor has not": {topic, `"kWh",`, `"kWh","entity_category":"config",`, "entity_category"},
	} {
		t.Run(name, func(t *testing.T) {
			var h home
			gateway := `{"device":{"identifiers":["gw"],"name":"gw"},"origin":{"name":"meterd"},"state_topic":"s","components":{"c":{"platform":"binary_sensor","name":"C","unique_id":"gw_c","device_class":"connectivity"}}}`
			if wrong := h.announce("homeassistant/device/meterd_gw/config", []byte(gateway)); len(wrong) > 0 {
				t.Fatal(wrong)
			}
			wrong := strings.Join(h.announce(c.topic, []byte(strings.Replace(announced, c.old, c.new, 1))), "; ")
			if c.want == "" && wrong != "" || !strings.Contains(wrong, c.want) {
				t.Errorf("got %q, want %q", wrong, c.want)
			}
		})
	}
}
