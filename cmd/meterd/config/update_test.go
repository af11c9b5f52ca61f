package config

import (
	"strings"
	"testing"
)

// TestKeysOfPrograms: that of sticks unless there is another, and none that a
// stick could change without a signature.
func TestKeysOfPrograms(t *testing.T) {
	const usb, own = "RWSCsIYS2OxQDYUx1AXZJ5CL9BNMFlKmYrAj3BCJFhwMHZHxBpCLaIQO", "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3"
	usbKey, ownKey := "[usb]\npublic_key = \""+usb+"\"\n", "[update]\npublic_key = \""+own+"\"\n"
	for _, tc := range []struct {
		name, text, want, wrong string
	}{
		{"none", "", "", ""},
		{"that of sticks", usbKey, usb, ""},
		{"another", usbKey + ownKey, own, ""},
		{"switched off", usbKey + "[update]\npublic_key = \"\"\n", "", ""},
		{"one that any stick could change", ownKey, own, "any stick could change it"},
		{"none that is one", usbKey + "[update]\npublic_key = \"x\"\n", "x", "[update]: public_key:"},
	} {
		c, problems := Parse("x.toml", "[gateway]\nid = \"x\"\n[store]\npath = \"/x\"\n"+tc.text)
		var told string
		for _, p := range problems {
			if !p.Warning {
				told += p.String() + "\n"
			}
		}
		if c.Update.PublicKey != tc.want || !strings.Contains(told, tc.wrong) || tc.wrong == "" && strings.Contains(told, "[update]") {
			t.Errorf("%s: key %q, told %q", tc.name, c.Update.PublicKey, told)
		}
	}
}
