package config

import (
	"slices"
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

// TestWhoMayBringPrograms is an uplink that there is, whose platform has any.
func TestWhoMayBringPrograms(t *testing.T) {
	const rest = "[[uplink]]\nname = \"own\"\nkind = \"mqtt\"\nbroker = \"tcp://x:1\"\n[[uplink]]\nname = \"d\"\nkind = \"das\"\nbroker = \"tcp://x:1\"\n[uplink.das]\nproduct_id = \"p\"\ndevice_id = \"d\"\ndevice_secret = \"s\"\n"
	for text, want := range map[string]string{
		"from = \"d\"":                             "",
		"from = \"own\"":                           "a platform of kind mqtt brings no programs",
		"from = \"nobody\"":                        "there is no such uplink",
		"server = \"ftp://x\"":                     "no address of http or https",
		"server = \"https://\"":                    "no address of http or https",
		"from = \"d\"\nserver = \"http://x:80/y\"": "",
	} {
		_, problems := Parse("x.toml", "[gateway]\nid = \"x\"\n[store]\npath = \"/x\"\n[update]\n"+text+"\n"+rest)
		var told string
		for _, p := range problems {
			if !p.Warning && strings.Contains(p.String(), "[update]") {
				told += p.String()
			}
		}
		if !strings.Contains(told, want) || want == "" && told != "" {
			t.Errorf("%s: told %q, want %q", text, told, want)
		}
	}
	for text, want := range map[string]string{"from = \"d\"": "from without a key", "ca = \"/no/such/file\"": "[update]: ca: "} {
		_, problems := Parse("x.toml", "[gateway]\nid = \"x\"\n[store]\npath = \"/x\"\n[update]\n"+text+"\n"+rest)
		if !slices.ContainsFunc(problems, func(p Problem) bool { return p.Warning && strings.Contains(p.String(), want) }) {
			t.Errorf("%s: no warning of %q in %v", text, want, problems)
		}
	}
}
