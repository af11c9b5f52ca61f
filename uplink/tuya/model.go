package tuya

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
)

// kindNames are the data types in the platform's words.
var kindNames = map[kind]string{kindValue: "value", kindBool: "bool", kindString: "string", kindRaw: "raw", kindEnum: "enum", kindFault: "fault"}

// Model tells which of the standard properties the product has to have: those
// that are fed, and the one that asks for them. Range and step are those of the
// raw integer.
func (t *Tuya) ThingModel() ([]byte, error) {
	fed := map[string]bool{refresh: true}
	for _, f := range t.dir.Features() {
		fed[f.Key] = true
	}
	for _, dev := range t.dir.Devices() {
		for _, g := range dev.Meter.Groups {
			for _, p := range t.dir.Points().Yield(g.Points) {
				for _, one := range phases {
					family, isPhase := strings.CutSuffix(p.Name, one.phase)
					fed[one.dp] = fed[one.dp] || isPhase && slices.Contains(inPhase, family) && !t.dir.Renamed(p.Name)
				}
			}
		}
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "id\tidentifier\taccess\ttype\trange\tscale\tunit")
	for _, d := range dps {
		if !fed[d.id] {
			continue
		}
		access, bounds, scale := "ro", "", ""
		if d.rw {
			access = "rw"
		}
		if d.kind == kindValue {
			bounds, scale = fmt.Sprintf("%d to %d", d.min, d.max), fmt.Sprint(d.scale)
			if row, ok := t.dir.Point(d.id); ok && row.Scale >= 0 {
				scale = fmt.Sprint(row.Scale)
			}
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", d.id, d.name, access, kindNames[d.kind], bounds, scale, d.unit)
	}
	w.Flush()
	return []byte(b.String()), nil
}
