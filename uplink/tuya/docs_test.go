package tuya

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"meterd/meter"
	"meterd/uplink"
)

var update = flag.Bool("update", false, "write the table of docs/platforms.md anew")

// source tells what feeds a data point, and by which configuration.
func source(d dp) string {
	var from []string
	for _, row := range Defaults {
		if row.To == d.id {
			from = append(from, "`"+row.Point+"`")
		}
	}
	for _, row := range Parameters {
		if row.To == d.id {
			from = append(from, "`"+row.Point+"`, where `parameters = true`")
		}
	}
	for _, p := range phases {
		if p.dp == d.id {
			for _, family := range inPhase {
				from = append(from, "`"+family+p.phase+"`")
			}
		}
	}
	switch {
	case d.id == refresh:
		return "none: it asks for the others"
	case len(from) == 0:
		return "none: " + d.why
	}
	return strings.Join(from, ", ")
}

// commandTo tells what a command to a data point does.
func commandTo(d dp) string {
	switch {
	case d.id == refresh:
		return "has all points read, once a minute"
	case slices.Contains(settings, d.id):
		return "set (14H) and read back, once a minute, where `allow` has `set`"
	case d.kind == kindBool && d.why == "":
		return "trips and closes (1CH), where `allow` has `relay`"
	case d.rw && d.why == "":
		return "2002: measured"
	case d.rw:
		return "2002"
	}
	return "2002: read only"
}

// TestDataPointsAreDocumented holds the table of docs/platforms.md to the
// program: each of the 50 has a source, or says why it has none.
func TestDataPointsAreDocumented(t *testing.T) {
	const page, begin, end = "../../docs/platforms.md", "| DP | name | fed from | a command to it |\n|---|---|---|---|\n", "\n"
	var table strings.Builder
	for _, d := range dps {
		access := ""
		if d.rw {
			access = ", rw"
		}
		from := source(d)
		if from == "none: " {
			t.Errorf("data point %s has neither a source nor a reason", d.id)
		}
		fmt.Fprintf(&table, "| %s | `%s`%s | %s | %s |\n", d.id, d.name, access, from, commandTo(d))
	}
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(b), begin)
	if !ok {
		t.Fatalf("%s has no table of data points", page)
	}
	was := ""
	for strings.HasPrefix(rest, "|") {
		line, after, _ := strings.Cut(rest, end)
		was, rest = was+line+end, after
	}
	if *update {
		if err := os.WriteFile(page, []byte(before+begin+table.String()+rest), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if was != table.String() {
		t.Errorf("%s has another table than the program; go test ./uplink/tuya -run Documented -update writes it anew", page)
	}
}

// TestEachRowNamesAPointOfTheMeter in the unit of its data point.
func TestEachRowNamesAPointOfTheMeter(t *testing.T) {
	var known meter.Points
	for _, row := range slices.Concat(Defaults, Parameters) {
		p, ok := known.Lookup(row.Point)
		if !ok || !Fits(p.Unit, row.To) && row.Point != "meter.rated.most" || Takes(row.Point, row.To) != "" {
			t.Errorf("data point %s takes nothing of %s", row.To, row.Point)
		}
	}
	if _, clashes := uplink.NewDirectory(uplink.DirectoryConfig{Default: slices.Concat(Defaults, Parameters)}); len(clashes) > 0 {
		t.Error(clashes)
	}
}
