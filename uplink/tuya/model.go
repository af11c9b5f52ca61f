package tuya

import (
	"fmt"
	"strconv"

	"meterd/uplink"
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
	rows := []string{"id\tidentifier\taccess\trange\tscale\tunit"}
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
		rows = append(rows, fmt.Sprintf("%s\t%s\t%s\t%s\t%s", d.id, d.name, access, bounds, d.unit))
	}
	text := uplink.Table(rows)
	if t.GatewayProductID != "" {
		text += "\n" + uplink.BoardTable(t.GatewayProductID, "id\t", func(i int) string { return strconv.Itoa(firstOwn+i) + "\t" })
	}
	return []byte(text), nil
}
