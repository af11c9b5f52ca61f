package tool

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const modelConfig = `[gateway]
id = "gw1"
[store]
path = "/tmp/x.ring"
[[bus]]
name = "b1"
port = "/dev/ttyS1"
[[meter]]
name = "m1"
bus = "b1"
address = "202411200101"
profile = "single-phase"
`

func TestThingModel(t *testing.T) {
	write := func(text string) string {
		path := filepath.Join(t.TempDir(), "m.toml")
		if err := os.WriteFile(path, []byte(modelConfig+text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	tuya := func(name string) string {
		return "[[uplink]]\nname = \"" + name + "\"\nkind = \"tuya\"\nbroker = \"tcp://x:1\"\nusername = \"u\"\n[uplink.tuya]\nproduct_id = \"p\"\n"
	}
	das := "[[uplink]]\nname = \"d\"\nkind = \"das\"\nbroker = \"tcp://x:1\"\n[uplink.das]\nproduct_id = \"pk\"\ndevice_id = \"d\"\ndevice_secret = \"s\"\n"
	run(ThingModel, "", write("")).want(t, 2, "", "-kind is one of onenet-studio, das, iotkit, tuya")
	run(ThingModel, "", "-kind", "mqtt", write("")).want(t, 2, "", "-kind is one of")
	run(ThingModel, "", "-kind", "tuya").want(t, 2, "", "0 arguments are not what it takes")
	run(ThingModel, "", "-kind", "tuya", write("")).want(t, 1, "", `has 0 uplinks of kind "tuya"`)
	run(ThingModel, "", "-kind", "tuya", write("x = 1\n")).want(t, 1, "", "hint: meterd check ")
	run(ThingModel, "", "-kind", "tuya", write(tuya("a")+tuya("b"))).want(t, 1, "", "has 2 uplinks of kind \"tuya\"")
	run(ThingModel, "", "-kind", "tuya", "-uplink", "c", write(tuya("a"))).want(t, 1, "", `has 0 uplinks of kind "tuya" c`)
	r := run(ThingModel, "", "-kind", "tuya", "-uplink", "b", write(tuya("a")+tuya("b")+das))
	if r.status != 0 || r.err != "" || !strings.HasPrefix(r.out, "id ") || !strings.Contains(r.out, "\n41  supply_frequency ") || strings.Contains(r.out, "\n48 ") {
		t.Errorf("got %+v", r)
	}
	r = run(ThingModel, "", "-kind", "das", write(tuya("a")+das))
	if r.status != 0 || !json.Valid([]byte(r.out)) || !strings.Contains(r.out, `"voltage_a"`) || strings.Contains(r.out, `"voltage_b"`) {
		t.Errorf("got %+v", r)
	}
}
