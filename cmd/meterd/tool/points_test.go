package tool

import (
	"flag"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the table of docs/points.md anew")

// TestPointsAreDocumented holds the table of docs/points.md to what the command
// prints: nobody has to run the program to learn a point's name.
func TestPointsAreDocumented(t *testing.T) {
	const page, begin, end = "../../../docs/points.md", "```text\n", "```\n"
	r := run(Points, "")
	if r.status != 0 || r.err != "" {
		t.Fatalf("exit status %d: %s", r.status, r.err)
	}
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
		if err := os.WriteFile(page, []byte(before+begin+r.out+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if table != r.out {
		t.Errorf("%s has another table than the program; go test ./cmd/meterd/tool -run Documented -update writes it anew", page)
	}
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
