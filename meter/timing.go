package meter

import (
	"time"

	"meterd/dlt645"
)

// Timing is how a line is used. The zero value of a field is what its
// comment says; durations below zero are not meant.
type Timing struct {
	Baud     int // bits a second; 0: 2400 (clause 5.1.4: the default rate of RS-485)
	Bits     int // bits of one byte on the wire; 0: 11 (start, 8 data, parity, stop)
	Preamble int // FE bytes before a request; 0: none
	// Timeout is the longest wait for an answer's first byte, beyond the wire
	// time of the request; 0: 1 s.
	Timeout time.Duration
	// ByteTimeout is the longest silence inside an answer, beyond the wire
	// time of a byte; 0: 500 ms (Tb, clause 5.3.3).
	ByteTimeout time.Duration
	Gap         time.Duration // quiet line before a request; 0: none
	Retries     int           // of a request that met silence or noise
	// AutoPreamble learns for each meter whether it needs the FE bytes.
	AutoPreamble bool
	// AutoTimeout learns for each meter the wait for an answer's first byte,
	// MostTimeout at most; 0: 2 s.
	AutoTimeout bool
	MostTimeout time.Duration
}

func (t Timing) withDefaults() Timing {
	if t.Baud == 0 {
		t.Baud = 2400
	}
	if t.Bits == 0 {
		t.Bits = 11
	}
	if t.Timeout == 0 {
		t.Timeout = time.Second
	}
	if t.ByteTimeout == 0 {
		t.ByteTimeout = 500 * time.Millisecond
	}
	if t.MostTimeout == 0 {
		t.MostTimeout = MostTimeout
	}
	return t
}

// Wire is how long n bytes take on the line.
func (t Timing) Wire(n int) time.Duration {
	t = t.withDefaults()
	return time.Duration(n*t.Bits) * time.Second / time.Duration(t.Baud)
}

// firstBy bounds the wait for the first byte of the answer to a request of n
// bytes that was handed to the port at sent.
func (t Timing) firstBy(sent time.Time, n int) time.Time {
	return sent.Add(t.Wire(n) + t.Timeout + t.Wire(1))
}

// nextBy bounds the wait for the byte after one that came at last.
func (t Timing) nextBy(last time.Time) time.Time { return last.Add(t.ByteTimeout + t.Wire(1)) }

// endBy bounds a transaction whatever comes: a line that babbles for ever
// must not hold the others up. The longest answer still fits.
func (t Timing) endBy(firstBy time.Time) time.Time {
	return firstBy.Add(t.Wire(dlt645.MaxFrame+longestPreamble) + mostLumps*t.ByteTimeout)
}

// mostLumps is how many pauses of nearly the byte time-out an answer may
// have: serial servers hand it over in lumps.
const mostLumps = 4

// longestPreamble is more FE bytes than any meter was seen to send (8).
const longestPreamble = 16
