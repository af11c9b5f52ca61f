package meter

import (
	"fmt"

	"meterd/dlt645"
)

// decode gives the values of the points that an answer holds, with the
// transformer ratios in them. Absent values are left out, invalid ones
// counted, and what a block leaves out is told. The error tells of points that
// could not be read at all.
func decode(req Request, data []byte, ct, pt int64) (values []PointValue, left []Point, invalid int, err error) {
	items, tableErr := dlt645.Decode(nil, req.DI, data)
	for _, p := range req.Points {
		v, there, perr := valueOf(p, items, data)
		if p.Custom == nil && tableErr != nil {
			perr = tableErr
		}
		if perr != nil {
			err = perr
			invalid++
			left = append(left, p)
			continue
		}
		if !there {
			left = append(left, p)
			continue
		}
		v, ok := apply(p, v, ct, pt)
		switch {
		case !ok || v.Kind == dlt645.Invalid:
			invalid++
		case v.Known():
			values = append(values, PointValue{p.Name, v})
		}
	}
	return values, left, invalid, err
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
