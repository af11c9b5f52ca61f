package meter

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"meterd/dlt645"
)

// Reading is one meter at one instant: some points with exact values.
type Reading struct {
	Meter dlt645.Address
	// Time is when the first answer came, by the board's clock, to the
	// millisecond; Round is the moment on the clock that the round belongs to.
	Time, Round time.Time
	// Trusted tells whether the clock was right. If not, Boot and Uptime date
	// the reading once it is.
	Trusted bool
	Boot    uint32        // names one start of the operating system
	Uptime  time.Duration // since that start, to the millisecond
	// Recalled tells that the values come from the meter's memory, and Time and
	// Round from its record: the moment was missed, and made up later.
	Recalled bool
	// Doubtful tells that nobody knows whether the values belong to that moment:
	// the meter's clock was wrong.
	Doubtful bool
	Values   []PointValue
}

// PointValue is one point of a reading.
type PointValue struct {
	Point string
	Value dlt645.Value
}

// Value gives the value of a point, false if the reading has none.
func (r *Reading) Value(point string) (dlt645.Value, bool) {
	for i := range r.Values {
		if r.Values[i].Point == point {
			return r.Values[i].Value, true
		}
	}
	return dlt645.Value{}, false
}

func (r *Reading) add(point string, v dlt645.Value) {
	if _, ok := r.Value(point); !ok {
		r.Values = append(r.Values, PointValue{point, v})
	}
}

// A reading as a record: all integers are varints, times in milliseconds.
//
//	version 1 | kind 1 | flags (1: trusted, 2: recalled, 4: doubtful) | address, 6 bytes | boot | uptime
//	| time since 1970 | round - time | n | n × (len, point | value)
//	value: kind | number: coefficient, scale; else: len, text
const (
	recordVersion = 1
	recordReading = 1
	flagTrusted   = 1
	flagRecalled  = 2
	flagDoubtful  = 4
	flagsReading  = flagTrusted | flagRecalled | flagDoubtful
)

func (r *Reading) flags() (flags byte) {
	for _, f := range []struct {
		is   bool
		flag byte
	}{{r.Trusted, flagTrusted}, {r.Recalled, flagRecalled}, {r.Doubtful, flagDoubtful}} {
		if f.is {
			flags |= f.flag
		}
	}
	return flags
}

func (r *Reading) setFlags(flags byte) {
	r.Trusted, r.Recalled, r.Doubtful = flags&flagTrusted != 0, flags&flagRecalled != 0, flags&flagDoubtful != 0
}

// Bounds of times and durations in milliseconds, so that no sum overflows:
// some 4000 years from 1970, and 280 years.
const (
	mostMillis = 1 << 47
	mostUptime = 1 << 43
)

// ErrRecord says that a record is not one of ours, or of a newer version.
var ErrRecord = errors.New("meter: not a reading")

// AppendBinary appends the reading as a record.
func (r *Reading) AppendBinary(b []byte) ([]byte, error) {
	b = append(b, recordVersion, recordReading, r.flags())
	b = append(b, r.Meter[:]...)
	b = binary.AppendUvarint(b, uint64(r.Boot))
	b = binary.AppendUvarint(b, uint64(r.Uptime.Milliseconds()))
	b = binary.AppendVarint(b, r.Time.UnixMilli())
	b = binary.AppendVarint(b, r.Round.UnixMilli()-r.Time.UnixMilli())
	b = binary.AppendUvarint(b, uint64(len(r.Values)))
	for _, v := range r.Values {
		b = appendString(b, v.Point)
		b = append(b, byte(v.Value.Kind))
		if v.Value.Kind == dlt645.Number {
			b = binary.AppendVarint(b, v.Value.Dec.Coef)
			b = append(b, v.Value.Dec.Scale)
			continue
		}
		b = appendString(b, v.Value.Text)
	}
	return b, nil
}

func appendString(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

// UnmarshalBinary reads what AppendBinary wrote. Anything else is ErrRecord.
func (r *Reading) UnmarshalBinary(b []byte) error {
	d := decoder{rest: b}
	if d.byte() != recordVersion || d.byte() != recordReading {
		return ErrRecord
	}
	var got Reading
	flags := d.byte()
	got.setFlags(flags)
	copy(got.Meter[:], d.bytes(len(got.Meter)))
	boot, uptime := d.uvarint(), d.uvarint()
	got.Boot, got.Uptime = uint32(boot), time.Duration(uptime)*time.Millisecond
	at := d.varint()
	round := at + d.varint()
	got.Time, got.Round = time.UnixMilli(at), time.UnixMilli(round)
	n := d.uvarint()
	if uptime > mostUptime || at > mostMillis || at < -mostMillis || round > mostMillis || round < -mostMillis {
		return ErrRecord
	}
	if n > uint64(len(d.rest)) || flags&^flagsReading != 0 || boot != uint64(got.Boot) {
		return ErrRecord
	}
	got.Values = make([]PointValue, 0, n)
	for range n {
		v := PointValue{Point: d.string()}
		v.Value.Kind = dlt645.Kind(d.byte())
		if v.Value.Kind == dlt645.Number {
			v.Value.Dec = dlt645.Decimal{Coef: d.varint(), Scale: d.byte()}
		} else {
			v.Value.Text = d.string()
		}
		if v.Value.Kind > dlt645.Invalid || v.Value.Dec.Scale > dlt645.MaxScale {
			return ErrRecord
		}
		got.Values = append(got.Values, v)
	}
	if d.bad || len(d.rest) != 0 {
		return ErrRecord
	}
	*r = got
	return nil
}

// decoder takes fields off the front of a record; what does not fit sets bad
// and gives zeros.
type decoder struct {
	rest []byte
	bad  bool
}

func (d *decoder) bytes(n int) []byte {
	if n < 0 || n > len(d.rest) {
		d.bad, d.rest = true, nil
		return nil
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b
}

func (d *decoder) byte() byte {
	if b := d.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.rest)
	if n <= 0 {
		d.bad, d.rest = true, nil
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.rest)
	if n <= 0 {
		d.bad, d.rest = true, nil
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

func (d *decoder) string() string {
	n := d.uvarint()
	if n > uint64(len(d.rest)) {
		d.bad, d.rest = true, nil
		return ""
	}
	return string(d.bytes(int(n)))
}

// String tells meter, time and how many values, for logs.
func (r *Reading) String() string {
	return fmt.Sprintf("%s at %s, %d values", r.Meter, r.Time.Format(time.RFC3339), len(r.Values))
}
