// Package meterd_test holds the import arrows.
package meterd_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// arrows are the packages of ours that each may import; "cmd" stands for all
// below it. Tests may import more.
var arrows = map[string][]string{
	"dlt645":            {},
	"dlt645/dlt645test": {"dlt645"},
	"store":             {},
	"board":             {},
	"board/image":       {},
	"board/image/size":  {},
	"board/image/slots": {"cmd/meterd/update"},
	"board/image/sign":  {"cmd/meterd/update"},
	"meter":             {"dlt645"},
	"uplink":            {"dlt645", "meter", "store"},
	"uplink/tuya":       {"dlt645", "meter", "uplink"},
	"uplink/broker":     {"dlt645", "meter", "uplink"},
	"uplink/das":        {"dlt645", "meter", "uplink"},
	"uplink/iotkit":     {"dlt645", "meter", "uplink"},
	"uplink/onenet":     {"dlt645", "meter", "uplink"},
	"uplink/uplinktest": {},

	"uplink/uplinktest/conform": {"dlt645", "meter", "uplink"},
	"uplink/uplinktest/shown":   {"uplink/uplinktest"},
	"uplink/uplinktest/site":    {"dlt645", "meter", "store", "uplink", "uplink/uplinktest"},

	"bench":                       {},
	"cmd/meterd":                  {"board", "cmd/meterd/cli", "cmd/meterd/config", "cmd/meterd/console", "cmd/meterd/journal", "cmd/meterd/station", "cmd/meterd/takeover", "cmd/meterd/tool", "cmd/meterd/update"},
	"cmd/meterd/cli":              {"cmd/meterd/console"},
	"cmd/meterd/explain":          {"board", "dlt645", "meter"},
	"cmd/meterd/tool":             {"board", "dlt645", "meter", "store", "uplink", "uplink/tuya", "cmd/meterd/cli", "cmd/meterd/config", "cmd/meterd/explain", "cmd/meterd/report"},
	"cmd/meterd/journal":          {"board", "dlt645", "cmd/meterd/config"},
	"cmd/meterd/takeover":         {"board", "dlt645", "store", "cmd/meterd/config", "cmd/meterd/console"},
	"cmd/meterd/update":           {"board", "dlt645", "cmd/meterd/console"},
	"cmd/meterd/fetch":            {},
	"cmd/meterd/record":           {"meter", "store"},
	"cmd/meterd/export":           {"dlt645", "meter", "store"},
	"cmd/meterd/report":           {"dlt645", "meter", "store", "cmd/meterd/console", "cmd/meterd/record"},
	"cmd/meterd/report/scene":     {"dlt645", "meter", "store", "cmd/meterd/console"},
	"cmd/meterd/desk":             {"dlt645", "meter", "store", "cmd/meterd/record"},
	"cmd/meterd/panel":            {"board", "dlt645", "meter", "store", "uplink", "cmd/meterd/config", "cmd/meterd/console", "cmd/meterd/desk", "cmd/meterd/explain", "cmd/meterd/journal", "cmd/meterd/record", "cmd/meterd/takeover", "cmd/meterd/update"},
	"cmd/meterd/station":          {"board", "dlt645", "meter", "store", "uplink", "cmd/meterd/config", "cmd/meterd/console", "cmd/meterd/desk", "cmd/meterd/export", "cmd/meterd/fetch", "cmd/meterd/journal", "cmd/meterd/panel", "cmd/meterd/takeover", "cmd/meterd/update", "cmd/meterd/record", "cmd/meterd/report"},
	"cmd/meterd/config":           {"board", "dlt645", "meter", "store", "uplink", "uplink/broker", "uplink/das", "uplink/iotkit", "uplink/onenet", "uplink/tuya"},
	"cmd/meterd/console":          {"dlt645", "cmd/meterd/console/lineedit"},
	"cmd/meterd/console/lineedit": {},
	"cmd/meterd/console/vttest":   {},
	"cmd/meterd/linetest":         {"dlt645", "dlt645/dlt645test"},
	"cmd/metersim":                {"dlt645", "dlt645/dlt645test", "uplink/uplinktest", "cmd/meterd/console", "cmd/metersim/fleet", "cmd/metersim/screen"},
	"cmd/metersim/screen":         {},
	"cmd/metersim/fleet":          {"dlt645", "meter", "store", "uplink", "uplink/broker", "uplink/uplinktest"},
}

// libraries are kept to one room each in what is flashed.
var libraries = map[string][]string{
	"github.com/eclipse/paho.mqtt.golang":         {"uplink", "uplink/uplinktest"},
	"github.com/eclipse/paho.mqtt.golang/packets": {"uplink", "uplink/uplinktest"},
	"github.com/BurntSushi/toml":                  {"cmd/meterd/config"},
	"github.com/guptarohit/asciigraph":            {"cmd/meterd/console"},
	"go.bug.st/serial":                            {"board"},
	"github.com/warthog618/go-gpiocdev":           {"board"},
	"aead.dev/minisign":                           {"board", "board/image/sign"},
	"github.com/mochi-mqtt/server/v2":             {"uplink/uplinktest"},
	"github.com/creack/pty":                       {"cmd/metersim", "cmd/meterd/linetest"},
}

// pure may import nothing that does I/O, reads a clock by itself or starts
// goroutines.
var pure = []string{"os", "net", "io/fs", "sync", "context", "log", "log/slog"}

func TestImportArrows(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}}{{range .Imports}} {{.}}{{end}}`, "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		pkg := strings.TrimPrefix(fields[0], "meterd/")
		if fields[0] == "meterd" {
			continue // this test alone
		}
		allowed, known := arrows[pkg]
		if !known {
			t.Errorf("package %s has no place in the picture of the arrows", pkg)
		}
		seen[pkg] = true
		for _, imp := range fields[1:] {
			if ours, ok := strings.CutPrefix(imp, "meterd/"); ok && !slices.Contains(allowed, ours) {
				t.Errorf("%s imports %s; it may import %v", pkg, ours, allowed)
			}
			if rooms, ok := libraries[imp]; ok && !slices.Contains(rooms, pkg) {
				t.Errorf("%s imports %s, which belongs to %v", pkg, imp, rooms)
			}
			if pkg == "dlt645" && slices.Contains(pure, imp) {
				t.Errorf("dlt645 is to be pure, but imports %s", imp)
			}
		}
	}
	for pkg := range arrows {
		if !seen[pkg] {
			t.Errorf("the picture shows %s, which does not exist", pkg)
		}
	}
}
