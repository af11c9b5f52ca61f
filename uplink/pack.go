package uplink

import (
	"slices"
	"time"

	"meterd/meter"
)

// pack gives the messages of some records; points are those that are left of a
// divided record, nil for all.
func (in *intake) pack(units []Unit, recs []*record, points []string) (out []*request) {
	enc := in.platform.Encode(in.storeID, units)
	in.count.Withheld += enc.Withheld
	for point, n := range enc.Of {
		in.count.WithheldOf[point] += n
	}
	for _, m := range enc.Messages {
		if !in.supports(m) {
			in.count.Unsupported++
			continue
		}
		r := &request{Message: m, points: points}
		for _, i := range m.Covers {
			recs[i].left++
			r.recs = append(r.recs, recs[i])
		}
		if len(m.Covers) > 0 {
			r.of = units[m.Covers[0]].meter()
		}
		out = append(out, r)
	}
	for _, rec := range recs {
		if rec.left <= 0 {
			in.settle(rec)
		}
	}
	return out
}

// content is what a message carries, as it stands in the ring.
type content struct {
	units []Unit
	recs  []*record // of the units
	gone  []*record // that the ring does not have any more
}

// contentOf reads again what a message carries; false if that cannot be had at
// present: the clock that it was sent with is not trusted any more, or the flash
// does not let itself be read. Then nothing of it is lost.
func (in *intake) contentOf(now time.Time, r *request) (c content, ok bool) {
	for _, rec := range r.recs {
		data, is := in.source.Again(rec.seq)
		u, known := unitOf(rec.seq, data)
		how := datedNever
		if is == againThere && known {
			how = in.dated(&u, now)
		}
		switch {
		case is == againLater, how == datedLater:
			return content{}, false
		case how == datedNever:
			c.gone = append(c.gone, rec)
		default:
			c.units, c.recs = append(c.units, u), append(c.recs, rec)
		}
	}
	return c, true
}

// divide gives the halves of a message, so that what is good of it arrives and
// what is bad is found; false if it carries one thing.
func (in *intake) divide(r *request, c content) (parts []*request, ok bool) {
	if r.Item != "" {
		return nil, false
	}
	for _, rec := range c.gone {
		in.count.Lost++
		in.settleOne(rec)
	}
	units, recs := c.units, c.recs
	missing := len(recs) < len(r.recs)
	r.recs = recs
	if len(recs) == 0 {
		return nil, true
	}
	switch {
	case len(units) > 1:
		half := len(units) / 2
		parts = append(in.pack(units[:half], recs[:half], nil), in.pack(units[half:], recs[half:], nil)...)
	case missing: // what was refused may be what is gone
		parts = in.pack(units, recs, r.points)
	case units[0].Event != nil:
		return nil, false
	default:
		points := r.points
		if points == nil {
			for _, v := range units[0].Reading.Values {
				points = append(points, v.Point)
			}
		}
		if len(points) < 2 {
			return nil, false
		}
		half := len(points) / 2
		for _, some := range [][]string{points[:half], points[half:]} {
			part := *units[0].Reading
			part.Values = slices.DeleteFunc(slices.Clone(part.Values), func(v meter.PointValue) bool { return !slices.Contains(some, v.Point) })
			parts = append(parts, in.pack([]Unit{{Seq: units[0].Seq, Reading: &part}}, recs, some)...)
		}
	}
	in.settleAll(recs)
	return parts, true
}
