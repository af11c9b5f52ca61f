package uplink

import (
	"encoding/json"
	"strconv"
	"strings"

	"meterd/dlt645"
	"meterd/meter"
)

// Row is what the configuration says of one point on a platform that has no
// table of its own for meters.
type Row struct {
	Point string
	To    string // its identifier there; "" leaves the point out
	Scale int    // decimal places by which the value is multiplied; -1: as it is
}

// Naming gives the points their identifiers on such a platform: the point's
// name with "_" for ".", unless rows name the point.
type Naming struct{ rows map[string][]Row }

// NewNaming takes the rows of the configuration. Those that name a point
// replace its default.
func NewNaming(rows []Row) *Naming {
	n := &Naming{rows: map[string][]Row{}}
	for _, r := range rows {
		n.rows[r.Point] = append(n.rows[r.Point], r)
	}
	return n
}

// Identifier is a point's default identifier.
func Identifier(point string) string { return strings.ReplaceAll(point, ".", "_") }

// Named is a value under its identifier, as JSON: a number with the meter's
// digits, or a string.
type Named struct {
	Point, Key string
	JSON       json.RawMessage
}

// Values gives the known values of a reading under their identifiers. Each
// identifier stands once.
func (n *Naming) Values(values []meter.PointValue) []Named {
	var out []Named
	seen := map[string]bool{}
	for _, v := range values {
		rows, ok := n.rows[v.Point]
		if !ok {
			rows = []Row{{v.Point, Identifier(v.Point), -1}}
		}
		for _, r := range rows {
			js, ok := jsonOf(v.Value, r.Scale)
			if r.To == "" || !ok || seen[r.To] {
				continue
			}
			seen[r.To] = true
			out = append(out, Named{v.Point, r.To, js})
		}
	}
	return out
}

// Keys gives the identifiers of a point.
func (n *Naming) Keys(point string) []string {
	rows, ok := n.rows[point]
	if !ok {
		return []string{Identifier(point)}
	}
	var keys []string
	for _, r := range rows {
		if r.To != "" {
			keys = append(keys, r.To)
		}
	}
	return keys
}

// Point gives the point behind an identifier, "" if the configuration leaves
// it out. What is no identifier of a row is taken for a default one.
func (n *Naming) Point(key string, points *meter.Points) (string, bool) {
	for _, rows := range n.rows {
		for _, r := range rows {
			if r.To == key {
				return r.Point, true
			}
		}
	}
	for _, name := range points.Names() {
		if _, renamed := n.rows[name]; !renamed && Identifier(name) == key {
			return name, true
		}
	}
	return "", false
}

// Unscaled gives a value that the platform sets as the meter has it: without
// the scale of its row. False if it is none.
func (n *Naming) Unscaled(point, key, text string) (string, bool) {
	if text == "" || text == "null" {
		return "", false
	}
	for _, r := range n.rows[point] {
		if r.To != key || r.Scale <= 0 {
			continue
		}
		d, err := dlt645.ParseDecimal(text)
		if err != nil || int(d.Scale)+r.Scale > dlt645.MaxScale {
			return "", false
		}
		d.Scale += uint8(r.Scale)
		for d.Scale > 0 && d.Coef%10 == 0 {
			d.Coef, d.Scale = d.Coef/10, d.Scale-1
		}
		return d.String(), true
	}
	return text, true
}

func jsonOf(v dlt645.Value, scale int) (json.RawMessage, bool) {
	if !v.Known() {
		return nil, false
	}
	if v.Kind != dlt645.Number {
		b, err := json.Marshal(v.Text)
		return b, err == nil
	}
	if scale < 0 {
		return json.RawMessage(v.Dec.String()), true
	}
	n, ok := v.Dec.Scaled(scale)
	return json.RawMessage(strconv.FormatInt(n, 10)), ok
}
