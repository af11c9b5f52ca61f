package meter

import (
	"fmt"

	"meterd/dlt645"
)

// answer is what a meter said of the points of a request.
type answer struct {
	values  []PointValue // with the transformer ratios in them
	blank   []string     // points of which it said that it has none
	left    []Point      // points that a block left out
	invalid int
}

// decode reads an answer. The error names points that could not be read at
// all.
func decode(req Request, data []byte, ct, pt int64) (a answer, err error) {
	items, tableErr := dlt645.Decode(nil, req.DI, data)
	for _, p := range req.Points {
		v, there, perr := valueOf(p, items, data)
		if p.Custom == nil && tableErr != nil {
			perr = tableErr
		}
		if perr != nil {
			err = perr
			a.invalid++
			a.left = append(a.left, p)
			continue
		}
		if !there {
			a.left = append(a.left, p)
			continue
		}
		v, ok := apply(p, v, ct, pt)
		switch {
		case !ok || v.Kind == dlt645.Invalid:
			a.invalid++
		case v.Known():
			a.values = append(a.values, PointValue{p.Name, v})
		default:
			a.blank = append(a.blank, p.Name)
		}
	}
	return a, err
}

// valueOf finds a point among the items of an answer, or reads a custom one
// from its data; false if the answer does not hold it.
func valueOf(p Point, items []dlt645.Item, data []byte) (dlt645.Value, bool, error) {
	if c := p.Custom; c != nil {
		if len(data) != c.Bytes {
			return dlt645.Value{}, false, fmt.Errorf("meter: point %s: the answer for %s holds %d bytes, the configuration says %d", p.Name, p.DI, len(data), c.Bytes)
		}
		return dlt645.NumberValue(data, c.Decimals, c.Signed), true, nil
	}
	for _, it := range items {
		if it.DI == p.DI && it.Index == p.Index {
			return it.Value, true, nil
		}
	}
	return dlt645.Value{}, false, nil
}

// apply multiplies a number by its transformer ratio; false if it overflows.
func apply(p Point, v dlt645.Value, ct, pt int64) (dlt645.Value, bool) {
	if v.Kind != dlt645.Number {
		return v, true
	}
	var ok bool
	v.Dec, ok = v.Dec.Mul(ratio(p, max(ct, 1), max(pt, 1)))
	return v, ok
}
