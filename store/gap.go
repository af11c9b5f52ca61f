package store

import "time"

// Entry is what a Reader gives: a record, or a gap in the numbers.
type Entry struct {
	Seq  uint64 // of the record
	Data []byte // may be kept, not changed
	Gap  *Gap   // nil for a record
	// Missing is how many records a gap has taken, where Counted: numbers are
	// missing also because no record ever had them.
	Missing int
	Counted bool
}

// Gap is a run of numbers that no record has.
type Gap struct {
	From, To uint64
	Cause    Cause
	// What was in it was taken between these two, as far as Options.Taken tells:
	// not before Since, and before Until. Zero: not known.
	Since, Until time.Time
}

// Cause tells why numbers are missing.
type Cause string

// The causes.
const (
	Overwritten Cause = "overwritten" // the ring was full
	Corrupt     Cause = "corrupt"     // damage on the medium
	Torn        Cause = "torn"        // power was cut while they were written: never durable
	Reserved    Cause = "reserved"    // never used, or in memory alone when the power was cut
	Dropped     Cause = "dropped"     // given up in memory because no commit worked
	Newer       Cause = "newer"       // packed by a newer version: this one cannot read them
)
