package uplink

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"meterd/dlt645"
	"meterd/meter"
)

// Device is a meter as one platform knows it.
type Device struct {
	Meter     *meter.Handle
	ID        string // what the platform calls it
	ProductID string // "": that of the uplink
	Key       string // a secret of its own; "": none
	// Fields are what the platform is told of it alone, by the platform's names.
	Fields map[string]string
	N      int // its place in the directory
	// Former tells that the configuration no longer names the meter: what was
	// read of it before is delivered, and it can be asked for nothing.
	Former bool
}

// Address is that of the device's meter.
func (d *Device) Address() dlt645.Address { return d.Meter.Address }

// Row is what a point is called on a platform.
type Row struct {
	Point string
	To    string // its identifier there; "" leaves the point out
	Scale int    // decimal places by which the value is multiplied; -1: as it is
}

// Directory says who is who on one platform: meter and id, point and
// identifier, both ways, each with one hit or none. It is made when the
// configuration is read and never changes.
type Directory struct {
	devices []Device
	meters  map[dlt645.Address]int
	ids     map[string]int
	former  map[string]int // ids of former meters alone
	points  *meter.Points
	plain   bool             // a point that no row names goes by Identifier
	rows    map[string][]Row // by point; none: it is left out, or goes by Identifier
	keys    map[string]Row   // by identifier
	named   map[string]bool  // points that rows of the configuration name
}

// DirectoryConfig is what a directory is made of.
type DirectoryConfig struct {
	Devices []Device
	Rows    []Row // of the configuration: those that name a point replace its default
	// Default are the rows of the points that no other row names; nil: each
	// point goes by Identifier.
	Default []Row
	Points  *meter.Points // nil: the standard's
}

// Clash is two of something in what a directory is made of, of which one could
// not be told from the other.
type Clash struct {
	What   string // "id", "address" or "identifier"
	Text   string // that both have
	Of     [2]string
	Places [2]int // in Devices, or for identifiers in Rows; -1: a default
}

// Identifier is a point's default identifier.
func Identifier(point string) string { return strings.ReplaceAll(point, ".", "_") }

// NewDirectory makes a directory. Where there are clashes it is not to be
// used.
func NewDirectory(c DirectoryConfig) (*Directory, []Clash) {
	d := &Directory{
		devices: slices.Clone(c.Devices), meters: map[dlt645.Address]int{}, ids: map[string]int{},
		points: c.Points, plain: c.Default == nil, rows: map[string][]Row{}, keys: map[string]Row{}, named: map[string]bool{},
	}
	if d.points == nil {
		d.points = &meter.Points{}
	}
	return d, append(d.addDevices(), d.addRows(c)...)
}

// With gives a directory that knows meters beside its own, which the
// configuration named before: their readings have their place, but nobody finds
// them by a name. One whose id another meter has now delivers under that.
func (d *Directory) With(former []Device) *Directory {
	if len(former) == 0 {
		return d
	}
	more := *d
	more.devices, more.meters, more.former = slices.Clone(d.devices), maps.Clone(d.meters), map[string]int{}
	for _, dev := range former {
		if _, present := more.meters[dev.Address()]; present {
			continue
		}
		dev.N, dev.Former = len(more.devices), true
		more.meters[dev.Address()] = dev.N
		more.devices = append(more.devices, dev)
		if i, taken := more.ids[dev.ID]; !taken || more.devices[i].ID != dev.ID {
			more.former[dev.ID] = dev.N
		}
	}
	return &more
}

func (d *Directory) addDevices() (clashes []Clash) {
	clash := func(what, text string, i, k int) {
		clashes = append(clashes, Clash{what, text, [2]string{d.devices[i].Meter.Name, d.devices[k].Meter.Name}, [2]int{i, k}})
	}
	for k := range d.devices {
		dev := &d.devices[k]
		dev.N = k
		if i, twice := d.meters[dev.Address()]; twice {
			clash("address", dev.Address().String(), i, k)
		} else {
			d.meters[dev.Address()] = k
		}
		if i, twice := d.ids[dev.ID]; twice {
			clash("id", dev.ID, i, k)
		} else {
			d.ids[dev.ID] = k
		}
	}
	// A meter goes by its address, too: nobody else may go by that.
	for k := range d.devices {
		address := d.devices[k].Address().String()
		if i, taken := d.ids[address]; taken && d.devices[i].Address() != d.devices[k].Address() {
			clash("id", address, i, k)
		} else if !taken {
			d.ids[address] = k
		}
	}
	return clashes
}

func (d *Directory) addRows(c DirectoryConfig) (clashes []Clash) {
	place := map[string]int{} // of an identifier's row
	add := func(r Row, at int) {
		if r.To == "" {
			return
		}
		if o, twice := d.keys[r.To]; twice {
			clashes = append(clashes, Clash{"identifier", r.To, [2]string{o.Point, r.Point}, [2]int{place[r.To], at}})
			return
		}
		d.keys[r.To], place[r.To] = r, at
		d.rows[r.Point] = append(d.rows[r.Point], r)
	}
	for i, r := range c.Rows {
		d.named[r.Point] = true
		add(r, i)
	}
	defaults := slices.Clone(c.Default)
	if d.plain {
		for _, name := range d.points.Names() {
			if row := (Row{name, Identifier(name), -1}); !slices.Contains(defaults, row) { // a family may have its first member's name
				defaults = append(defaults, row)
			}
		}
	}
	for _, r := range defaults {
		if _, taken := d.keys[r.To]; taken && d.family(r.Point) {
			continue // a family gives way: "voltage" may be what a single-phase meter's voltage.a is called
		}
		if !d.named[r.Point] {
			add(r, -1)
		}
	}
	return clashes
}

// family reports whether a name is that of a family alone, which is only asked
// for and never told.
func (d *Directory) family(name string) bool {
	_, single := d.points.Lookup(name)
	return !single
}

// Renamed reports whether rows of the configuration name a point.
func (d *Directory) Renamed(point string) bool { return d.named[point] }

// Devices are the meters that the platform is told of, in the order of the
// configuration, and after them former ones.
func (d *Directory) Devices() []Device {
	if d == nil { // of no meters
		return nil
	}
	return d.devices
}

// Of gives the device of a meter's address, nil if the platform is not told of
// it.
func (d *Directory) Of(a dlt645.Address) *Device {
	if d == nil {
		return nil
	}
	i, ok := d.meters[a]
	if !ok {
		return nil
	}
	return &d.devices[i]
}

// Named gives the device that goes by an id, or by its meter's address; nil
// if none does.
func (d *Directory) Named(id string) *Device {
	i, ok := d.ids[id]
	if !ok {
		return nil
	}
	return &d.devices[i]
}

// Told gives the device that the platform knows by an id, be it a former one: of
// what a message says that is no command. Nil if there is none.
func (d *Directory) Told(id string) *Device {
	if dev := d.Named(id); dev != nil && dev.ID == id {
		return dev
	}
	if i, ok := d.former[id]; ok {
		return &d.devices[i]
	}
	return nil
}

// Rows gives what a point is called; none if it is left out.
func (d *Directory) Rows(point string) []Row {
	if rows, ok := d.rows[point]; ok || d.named[point] || !d.plain {
		return rows
	}
	return []Row{{point, Identifier(point), -1}} // a tariff above those that are listed
}

// Point gives the row of an identifier; false if it is none.
func (d *Directory) Point(key string) (Row, bool) {
	r, ok := d.keys[key]
	if ok || !d.plain {
		return r, ok
	}
	name := strings.ReplaceAll(key, "_", ".") // a tariff above those that are listed
	if d.named[name] || Identifier(name) != key {
		return Row{}, false
	}
	_, ok = d.points.Lookup(name)
	return Row{name, key, -1}, ok
}

// Asked gives the row of an identifier, or of a point or family by its own
// name where that is not left out; false if the word is neither.
func (d *Directory) Asked(word string) (Row, bool) {
	if r, ok := d.Point(word); ok {
		return r, true
	}
	if _, ok := d.points.Expand(word); !ok {
		return Row{}, false
	}
	if rows := d.Rows(word); len(rows) > 0 {
		r := rows[0]
		r.Scale = -1 // the point's own unit
		return r, true
	}
	return Row{}, false
}

// Points are those that the configuration knows.
func (d *Directory) Points() *meter.Points { return d.points }

// Named is a value under its identifier, as JSON: a number with the meter's
// digits, or a string.
type Named struct {
	Point, Key string
	JSON       json.RawMessage
}

// Values gives the known values of a reading under their identifiers.
func (d *Directory) Values(values []meter.PointValue) []Named {
	var out []Named
	for _, v := range values {
		for _, r := range d.Rows(v.Point) {
			if js, ok := jsonOf(v.Value, r.Scale); ok {
				out = append(out, Named{v.Point, r.To, js})
			}
		}
	}
	return out
}

// Unscaled gives a value that the platform sets as the meter has it: without
// the scale of its row. False if it is none, or too long for any meter.
func (r Row) Unscaled(text string) (string, bool) {
	if text == "" || text == "null" || len(text) > MostValue {
		return "", false
	}
	if r.Scale <= 0 {
		return text, true
	}
	n, err := dlt645.ParseDecimal(text)
	if err != nil || int(n.Scale)+r.Scale > dlt645.MaxScale {
		return "", false
	}
	n.Scale += uint8(r.Scale)
	for n.Scale > 0 && n.Coef%10 == 0 { // a meter may refuse more places than it has
		n.Coef, n.Scale = n.Coef/10, n.Scale-1
	}
	return n.String(), true
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

// String tells a clash to people.
func (c Clash) String() string {
	return fmt.Sprintf("%s %q is that of %q and of %q", c.What, c.Text, c.Of[0], c.Of[1])
}
