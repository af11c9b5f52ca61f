package tuya

import (
	"fmt"
	"strings"
	"text/tabwriter"
)

// ThingModel tells which of the standard properties the product has to have:
// those that are fed, and the one that asks for them. The range is that of the
// raw integer.
func (t *Tuya) ThingModel() ([]byte, error) {
	fed := map[string]bool{refresh: true}
	for _, p := range t.dir.Read() {
		fed[t.phaseOf(p.Name)] = true
		for _, row := range t.dir.Rows(p.Name) {
			fed[row.To] = true
		}
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "id\tidentifier\taccess\trange\tscale\tunit")
	for _, d := range dps {
		if !fed[d.id] {
			continue
		}
		access, bounds := "ro", ""
		if d.rw {
			access = "rw"
		}
		if d.kind == kindValue {
			if row, ok := t.dir.Point(d.id); ok && row.Scale >= 0 {
				d.scale = row.Scale
			}
			bounds = fmt.Sprintf("%d to %d\t%d", d.min, d.max, d.scale)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", d.id, d.name, access, bounds, d.unit)
	}
	w.Flush()
	return []byte(b.String()), nil
}
