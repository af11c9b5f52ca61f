package dlt645

// Kind is what a Value is.
type Kind uint8

// The kinds. The zero value of Value is absent.
const (
	Absent     Kind = iota // the meter sent FF in every byte, or a date of zeros: it has no value
	Number                 // an exact decimal
	Characters             // characters, or digits that are no quantity
	Bits                   // a word of bits, as hexadecimal digits, high byte first
	Time                   // the meter's own time, without zone
	Invalid                // digits A to F where decimal ones belong, or no such time
)

// Value is what one item of an answer says.
type Value struct {
	Kind Kind
	Dec  Decimal // of a Number
	// Text is the value of the other kinds: the characters themselves, "0050"
	// for Bits, "2015-10-09 00:00", "2018-12-29", "18:53:32", "07-31" for a
	// Time, and for Invalid the digits as they came, high byte first.
	Text string
}

// String gives the value as people read it, "" if it is absent.
func (v Value) String() string {
	if v.Kind == Number {
		return v.Dec.String()
	}
	return v.Text
}

// Known reports whether there is a value: neither absent nor invalid.
func (v Value) Known() bool { return v.Kind != Absent && v.Kind != Invalid }

// Item is one member of an answer.
type Item struct {
	// DI is the member's own identifier, also where it came in a block.
	DI DI
	// Index counts the items that one identifier holds: the tariffs of a
	// frozen energy (0 is the total), the value (0) and time (1) of a demand,
	// the fields of a record. Load records count 32 to each record.
	Index uint16
	Value Value
}
