package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

// TestEachFaultOfEachCloudIsListedAndTaken: what -fault help lists is what
// -fault takes, for every kind of platform.
func TestEachFaultOfEachCloudIsListedAndTaken(t *testing.T) {
	kinds := []string{"tuya"}
	for kind := range otherClouds {
		kinds = append(kinds, kind)
	}
	for _, kind := range kinds {
		help := cloudFaults{kind: kind}
		if err := help.set("help"); err != nil || !help.help {
			t.Errorf("%s: help: %v", kind, err)
		}
		var out bytes.Buffer
		help.list(&out)
		var names []string
		for line := range strings.Lines(out.String()) {
			name, does, _ := strings.Cut(strings.TrimSpace(line), " ")
			if names = append(names, name); strings.TrimSpace(does) == "" {
				t.Errorf("%s: what does %s do?", kind, name)
			}
		}
		if !slices.Equal(names, cloudFaultNames(kind)) || len(names) < 2 {
			t.Errorf("%s: lists %v", kind, names)
		}
		for _, name := range names {
			c := cloudFaults{kind: kind}
			if err := c.set(name); err != nil || !c.on(name) || !c.now(name) {
				t.Errorf("%s: %s is not taken: %v", kind, name, err)
			}
			if err := c.set(name + "=0"); err != nil || c.on(name) || c.now(name) {
				t.Errorf("%s: %s=0 is on: %v", kind, name, err)
			}
			for _, wrong := range []string{name + "=2", name + "=-1", name + "=x", name + "=NaN"} {
				if c.set(wrong) == nil {
					t.Errorf("%s: %s is taken", kind, wrong)
				}
			}
		}
		if err := help.set("explode"); err == nil || !strings.Contains(err.Error(), names[0]) {
			t.Errorf("%s: an unknown fault: %v", kind, err)
		}
	}
	if err := runCloud(t.Context(), []string{"das", "-fault", "help"}); err != nil {
		t.Errorf("help wants more: %v", err)
	}
	silent := cloudFaults{kind: "das"}
	if err := silent.set("silent"); err != nil {
		t.Fatal(err)
	}
	if _, drops := silent.answer(nil); !drops {
		t.Error("a silent platform answers")
	}
}
