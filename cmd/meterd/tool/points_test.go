package tool

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode"

	"meterd/meter"
	"meterd/uplink"
)

var update = flag.Bool("update", false, "write the tables of docs/points.md and its twin anew")

// TestPointsAreDocumented holds the table of docs/points.md to what the command
// prints, and that of its twin to the same with the points' Chinese names:
// nobody has to run the program to learn a point's name.
func TestPointsAreDocumented(t *testing.T) {
	r := run(Points, "")
	if r.status != 0 || r.err != "" {
		t.Fatalf("exit status %d: %s", r.status, r.err)
	}
	for page, want := range map[string]string{"../../../docs/points.md": r.out, "../../../docs/points.zh-CN.md": withNames(t, r.out)} {
		const begin, end = "```text\n", "```\n"
		b, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		before, rest, ok := strings.Cut(string(b), begin)
		table, after, closed := strings.Cut(rest, end)
		if !ok || !closed {
			t.Fatalf("%s has no table", page)
		}
		if *update {
			if err := os.WriteFile(page, []byte(before+begin+want+end+after), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if table != want {
			t.Errorf("%s has another table than the program; go test ./cmd/meterd/tool -run Documented -update writes it anew", page)
		}
	}
}

// withNames gives the table of points with a last column: what each is called
// in Chinese, to platforms too.
func withNames(t *testing.T, table string) string {
	t.Helper()
	var known meter.Points
	every := &meter.Handle{}
	for _, name := range known.Names() {
		if p, ok := known.Lookup(name); ok {
			every.Groups = append(every.Groups, meter.Group{Points: []meter.Point{p}})
		}
	}
	dir, clashes := uplink.NewDirectory(uplink.DirectoryConfig{Devices: []uplink.Device{{Meter: every, ID: "any"}}})
	if len(clashes) > 0 {
		t.Fatal(clashes)
	}
	names := map[string]string{"platforms": "名称"}
	for _, f := range dir.Features() {
		names[f.Key] = f.Name
	}
	lines := strings.Split(strings.TrimSuffix(table, "\n"), "\n")
	widest := 0
	for _, line := range lines {
		widest = max(widest, len(line))
	}
	var out strings.Builder
	for _, line := range lines {
		words := strings.Fields(line)
		name := names[words[len(words)-1]]
		if !strings.ContainsFunc(name, func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
			t.Errorf("%s is called %q in Chinese", words[0], name)
		}
		fmt.Fprintf(&out, "%-*s  %s\n", widest, line, name)
	}
	return out.String()
}

func TestPointsForScripts(t *testing.T) {
	r := run(Points, "", "-json")
	run(Points, "", "x").want(t, 2, "", "1 arguments are not what it takes")
	all := objectsOf(t, r.out)
	seen := map[string]map[string]any{}
	for _, p := range all {
		name := p["point"].(string)
		if seen[name] != nil {
			t.Errorf("%s is told twice", name)
		}
		if p["identifier"] == "" || p["di2007"] == nil && p["derived_from"] == nil {
			t.Errorf("%v comes from nowhere or goes nowhere", p)
		}
		seen[name] = p
	}
	if p := seen["energy.forward.total"]; p["di2007"] != "00010000" || p["di1997"] != "9010" || p["unit"] != "kWh" || p["identifier"] != "energy_forward_total" {
		t.Errorf("got %v", p)
	}
	if p := seen["relay"]; p["di2007"] != nil || p["derived_from"] == nil {
		t.Errorf("got %v, want a derived point", p)
	}
}
