package explain

import (
	"meterd/dlt645"
	"meterd/meter"
)

// Names remembers what items are called, for who tells millions of them. The
// zero value knows the points of the standard and speaks English.
type Names struct {
	Language string // as of MeaningOf
	points   meter.Points
	known    map[uint64]Named // by identifier and index
}

// Named is what Meaning holds of an item but for its value.
type Named struct {
	Point string // "" if it is none
	Name  string
	Unit  string // "" where the value is no number
}

// mostNames bounds what is remembered: a capture names some hundreds.
const mostNames = 4096

// Of names an item.
func (n *Names) Of(it dlt645.Item) Named {
	numeric := it.Value.Kind == dlt645.Number || it.Value.Kind == dlt645.Absent || it.Value.Kind == dlt645.Invalid
	key := uint64(it.DI.Code)<<32 | uint64(it.Index)<<8 | uint64(it.DI.Protocol)
	v, ok := n.known[key]
	if !ok {
		it.Value = dlt645.Value{} // absent: the unit is told whatever this one is
		v.Unit = it.Unit()
		v.Name, _ = dlt645.LanguageOf(n.Language).Name(it)
		p, _ := n.points.Of(it)
		v.Point = p.Name
		if len(n.known) >= mostNames || n.known == nil {
			n.known = map[uint64]Named{}
		}
		n.known[key] = v
	}
	if !numeric {
		v.Unit = ""
	}
	return v
}
