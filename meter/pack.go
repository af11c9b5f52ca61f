package meter

import (
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"time"

	"meterd/dlt645"
)

// Packing packs the records of one commit of the ring: readings as columns,
// one for each point over all meters that have the same points, so that a
// value costs the bits in which it differs from its neighbours. It is the
// ring's block codec.
//
//	n | shapes | others | kind of each record: a column
//	shapes × (records | flags | boot | values | values × (name | kind and scale))
//	others × (len | record as it is)
//	for each shape, columns: address, time, round - time, uptime, numbers from
//	the last to the first; then texts × (len | text)
//
// Counts and lengths are varints. A name is the place in packedNames plus
// one, or 0 and the name itself. The kind of a record is 0 for one that is no
// reading, else its shape plus one.
type Packing struct{}

const packVersion = 1

// mostPacked bounds what a block may unpack to: values of all readings.
const mostPacked = 1 << 18

// errBlock says that a block is none of ours.
var errBlock = errors.New("meter: not a block of records")

// Version tells the packing of Pack.
func (Packing) Version() byte { return packVersion }

// shape is what readings of one column set have in common.
type shape struct {
	flags  byte // of the reading
	boot   uint32
	points []shapePoint
	size   int // records
}

type shapePoint struct {
	name  string
	kind  dlt645.Kind
	scale uint8
}

// number reports whether values of it stand in a column.
func (p *shapePoint) number() bool { return p.kind == dlt645.Number }

func shapeOf(r *Reading) shape {
	s := shape{flags: r.flags(), boot: r.Boot}
	for _, v := range r.Values {
		p := shapePoint{name: v.Point, kind: v.Value.Kind}
		if p.number() {
			p.scale = v.Value.Dec.Scale
		}
		s.points = append(s.points, p)
	}
	return s
}

func (s *shape) same(o *shape) bool {
	return s.flags == o.flags && s.boot == o.boot && slices.Equal(s.points, o.points)
}

// Pack appends the block of some records to b.
func (Packing) Pack(b []byte, records [][]byte) []byte {
	var shapes []shape
	var others [][]byte
	kinds := make([]int64, len(records))
	readings := make([]Reading, 0, len(records))
	of := make([]int, 0, len(records)) // shape of each reading
	values := 0
	for i, rec := range records {
		var r Reading
		if r.UnmarshalBinary(rec) != nil {
			others = append(others, rec)
			continue
		}
		s := shapeOf(&r)
		at := slices.IndexFunc(shapes, func(o shape) bool { return o.same(&s) })
		if at < 0 {
			at = len(shapes)
			shapes = append(shapes, s)
		}
		shapes[at].size++
		kinds[i] = int64(at) + 1
		readings, of = append(readings, r), append(of, at)
		values += len(r.Values) + columnsOfReading
	}
	if values > mostPacked {
		return b // what no reader would take
	}
	b = binary.AppendUvarint(b, uint64(len(records)))
	b = binary.AppendUvarint(b, uint64(len(shapes)))
	b = binary.AppendUvarint(b, uint64(len(others)))
	b = appendColumn(b, kinds, nil)
	for i := range shapes {
		b = shapes[i].append(b)
	}
	for _, rec := range others {
		b = appendString(b, string(rec))
	}
	for i := range shapes {
		var rows []*Reading
		for j := range readings {
			if of[j] == i {
				rows = append(rows, &readings[j])
			}
		}
		b = appendColumns(b, &shapes[i], rows)
	}
	return b
}

func (s *shape) append(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(s.size))
	b = append(b, s.flags)
	b = binary.AppendUvarint(b, uint64(s.boot))
	b = binary.AppendUvarint(b, uint64(len(s.points)))
	for _, p := range s.points {
		at := slices.Index(packedNames, p.name) + 1
		b = binary.AppendUvarint(b, uint64(at))
		if at == 0 {
			b = appendString(b, p.name)
		}
		b = append(b, byte(p.kind)<<5|p.scale)
	}
	return b
}

// columnsOfReading are those that each reading has besides its values:
// address, time, round and uptime.
const columnsOfReading = 4

func appendColumns(b []byte, s *shape, rows []*Reading) []byte {
	heads := [columnsOfReading]func(r *Reading) int64{
		func(r *Reading) int64 { return addressNumber(r.Meter) },
		func(r *Reading) int64 { return r.Time.UnixMilli() },
		func(r *Reading) int64 { return r.Round.UnixMilli() - r.Time.UnixMilli() },
		func(r *Reading) int64 { return r.Uptime.Milliseconds() },
	}
	for _, of := range heads {
		column := make([]int64, len(rows))
		for i, r := range rows {
			column[i] = of(r)
		}
		b = appendColumn(b, column, nil)
	}
	var next [][]int64
	for j := len(s.points) - 1; j >= 0; j-- {
		if !s.points[j].number() {
			continue
		}
		column := make([]int64, len(rows))
		for i, r := range rows {
			column[i] = r.Values[j].Value.Dec.Coef
		}
		b = appendColumn(b, column, next)
		next = pushColumn(next, column)
	}
	for j := range s.points {
		if s.points[j].number() {
			continue
		}
		for _, r := range rows {
			b = appendString(b, r.Values[j].Value.Text)
		}
	}
	return b
}

// pushColumn puts a column before those that stand after the next one.
func pushColumn(next [][]int64, column []int64) [][]int64 {
	next = append([][]int64{column}, next...)
	return next[:min(len(next), columnsSummed)]
}

// addressNumber gives an address as a number, in the order of its digits as
// they are printed.
func addressNumber(a dlt645.Address) int64 {
	var n int64
	for _, b := range a {
		n = n<<8 | int64(b)
	}
	return n
}

func numberAddress(n int64) (a dlt645.Address) {
	for i := range a {
		a[len(a)-1-i] = byte(n >> (8 * i))
	}
	return a
}

// Unpack gives the records of a block.
func (Packing) Unpack(block []byte, version byte) ([][]byte, error) {
	if version != packVersion {
		return nil, errBlock
	}
	d := decoder{rest: block}
	n, shapes, others := d.count(1<<16), d.count(1<<16), d.count(1<<16)
	if d.bad || shapes > n || others > n || n > 0 && len(d.rest) == 0 {
		return nil, errBlock
	}
	kinds := d.column(n, nil)
	all := make([]shape, 0, min(shapes, len(d.rest)))
	values, readings := 0, 0
	for range shapes {
		s := d.shape()
		readings += s.size
		values += s.size * (len(s.points) + columnsOfReading)
		if d.bad || values > mostPacked {
			return nil, errBlock
		}
		all = append(all, s)
	}
	if readings+others != n {
		return nil, errBlock
	}
	queues := make([][][]byte, shapes+1) // the records of each kind
	for range others {
		k := d.count(len(d.rest))
		queues[0] = append(queues[0], d.bytes(k))
	}
	for i := range all {
		queues[i+1] = d.readings(&all[i])
	}
	if d.bad || len(d.rest) != 0 {
		return nil, errBlock
	}
	records := make([][]byte, n)
	for i, kind := range kinds {
		if kind < 0 || kind > int64(shapes) || len(queues[kind]) == 0 {
			return nil, errBlock
		}
		records[i], queues[kind] = queues[kind][0], queues[kind][1:]
	}
	return records, nil
}

// count reads a varint that is at most some number.
func (d *decoder) count(most int) int {
	v := d.uvarint()
	if v > uint64(most) {
		d.bad, d.rest = true, nil
		return 0
	}
	return int(v)
}

func (d *decoder) shape() shape {
	s := shape{size: d.count(1 << 16), flags: d.byte()}
	s.boot = uint32(d.uvarint())
	for range d.count(len(d.rest)) {
		var p shapePoint
		if at := d.count(len(packedNames)); at > 0 {
			p.name = packedNames[at-1]
		} else {
			p.name = d.string()
		}
		ks := d.byte()
		p.kind, p.scale = dlt645.Kind(ks>>5), ks&0x1F
		s.points = append(s.points, p)
	}
	d.bad = d.bad || s.flags&^flagsReading != 0
	return s
}

// readings reads the columns of a shape and gives its records.
func (d *decoder) readings(s *shape) [][]byte {
	var heads [columnsOfReading][]int64
	for i := range heads {
		heads[i] = d.column(s.size, nil)
	}
	rows := make([]Reading, s.size)
	flat := make([]PointValue, s.size*len(s.points))
	for i := range rows {
		at := heads[1][i]
		rows[i] = Reading{
			Meter: numberAddress(heads[0][i]), Time: time.UnixMilli(at), Round: time.UnixMilli(at + heads[2][i]),
			Boot: s.boot, Uptime: time.Duration(heads[3][i]) * time.Millisecond, Values: flat[i*len(s.points) : (i+1)*len(s.points)],
		}
		rows[i].setFlags(s.flags)
	}
	var next [][]int64
	for j := len(s.points) - 1; j >= 0; j-- {
		p := &s.points[j]
		if !p.number() {
			continue
		}
		column := d.column(s.size, next)
		next = pushColumn(next, column)
		for i := range rows {
			rows[i].Values[j] = PointValue{p.name, dlt645.Value{Kind: p.kind, Dec: dlt645.Decimal{Coef: column[i], Scale: p.scale}}}
		}
	}
	for j := range s.points {
		if p := &s.points[j]; !p.number() {
			for i := range rows {
				rows[i].Values[j] = PointValue{p.name, dlt645.Value{Kind: p.kind, Text: d.string()}}
			}
		}
	}
	records := make([][]byte, s.size)
	if d.bad {
		return records
	}
	for i := range rows {
		records[i], _ = rows[i].AppendBinary(make([]byte, 0, 32+len(s.points)*24)) // gives no error
	}
	return records
}

// packedNames are the points that a block names by number. A name keeps its
// place for ever: new ones come after.
var packedNames = strings.Fields(`
energy.forward.total energy.forward.t1 energy.forward.t2 energy.forward.t3 energy.forward.t4
energy.forward.day energy.forward.month energy.reverse.total energy.reverse.t1 energy.reverse.t2
energy.reverse.t3 energy.reverse.t4 energy.combined.total energy.combined.t1 energy.combined.t2
energy.combined.t3 energy.combined.t4 energy.reactive1.total energy.reactive1.t1 energy.reactive1.t2
energy.reactive1.t3 energy.reactive1.t4 energy.reactive2.total energy.reactive2.t1 energy.reactive2.t2
energy.reactive2.t3 energy.reactive2.t4 energy.q1 energy.q2 energy.q3 energy.q4 energy.apparent.forward
energy.apparent.reverse energy.phase.a energy.phase.b energy.phase.c demand.forward.time demand.reverse.time
voltage.a voltage.b voltage.c current.a current.b current.c power.active.total power.active.a power.active.b
power.active.c power.reactive.total power.reactive.a power.reactive.b power.reactive.c power.apparent.total
power.apparent.a power.apparent.b power.apparent.c power.factor.total power.factor.a power.factor.b
power.factor.c phase.angle.a phase.angle.b phase.angle.c thd.voltage.a thd.voltage.b thd.voltage.c
thd.current.a thd.current.b thd.current.c current.neutral frequency temperature battery.clock battery.reading
credit.energy.overdraft credit.money.overdraft status.1 status.2 status.3 status.4 status.5 status.6 status.7
relay fault clock clock.offset clock.date clock.time freeze.daily.time freeze.daily.forward.total
freeze.daily.forward.t1 freeze.daily.forward.t2 freeze.daily.forward.t3 freeze.daily.forward.t4
settlement.forward.total count.outage count.cover count.trip meter.number meter.version meter.rated.voltage
meter.rated.current meter.constant demand.forward demand.reverse credit.energy credit.money
energy.forward.yesterday energy.forward.lastmonth meter.rated.most
settlement.day settlement.time limit.voltage.min limit.voltage.max limit.power limit.credit
trigger.voltage.min trigger.voltage.max trigger.power delay.current
settlement.day2 settlement.day3
`)
