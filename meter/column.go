package meter

import (
	"encoding/binary"
	"math/bits"
)

// A column holds one quantity of several records as integers. Each is written
// as what is left of it once a predictor is taken away; what is left differs
// little from record to record, so it is written as its smallest value and
// the few bits that each lies above it.
//
//	predictor u8 | smallest, varint | width u8 | values × width bits, padded to bytes
type predictor byte

const (
	predictNothing predictor = iota
	predictLast              // the record before
	predictSumOf3            // the sum of the next three columns: a total of its phases
	predictSumOf4            // of the next four: a total of its tariffs
	mostPredictor  = predictSumOf4
	columnsSummed  = 4
)

// predicted gives what is taken away from value i of a column. Sums wrap
// around, and back when they are read.
func (g predictor) predicted(column []int64, i int, next [][]int64) int64 {
	switch g {
	case predictLast:
		if i > 0 {
			return column[i-1]
		}
	case predictSumOf3, predictSumOf4:
		var sum int64
		for _, c := range next[:g.needs()] {
			sum += c[i]
		}
		return sum
	}
	return 0
}

// needs is how many columns after it a predictor looks at.
func (g predictor) needs() int {
	switch g {
	case predictSumOf3:
		return 3
	case predictSumOf4:
		return 4
	}
	return 0
}

// appendColumn writes a column with the predictor that leaves the least. Next
// are the columns after it.
func appendColumn(b []byte, column []int64, next [][]int64) []byte {
	best := -1
	var of predictor
	for g := range mostPredictor + 1 {
		if g.needs() > len(next) {
			continue
		}
		if least, width := spread(column, g, next); best < 0 || columnSize(least, width, len(column)) < best {
			best, of = columnSize(least, width, len(column)), g
		}
	}
	least, width := spread(column, of, next)
	b = append(b, byte(of))
	b = binary.AppendVarint(b, least)
	b = append(b, byte(width))
	w := bitWriter{b: b}
	for i, v := range column {
		w.put(uint64(v-of.predicted(column, i, next)-least), width)
	}
	return w.close()
}

func columnSize(least int64, width, n int) int {
	return len(binary.AppendVarint(nil, least)) + (n*width+7)/8
}

// spread gives the smallest of what a predictor leaves, and how many bits the
// others lie above it at most.
func spread(column []int64, g predictor, next [][]int64) (least int64, width int) {
	var most int64
	for i, v := range column {
		left := v - g.predicted(column, i, next)
		if i == 0 || left < least {
			least = left
		}
		if i == 0 || left > most {
			most = left
		}
	}
	return least, bits.Len64(uint64(most - least))
}

// column reads what appendColumn wrote, n values.
func (d *decoder) column(n int, next [][]int64) []int64 {
	g, least, width := predictor(d.byte()), d.varint(), int(d.byte())
	if g > mostPredictor || g.needs() > len(next) || width > 64 {
		d.bad = true
		return make([]int64, n)
	}
	r := bitReader{b: d.bytes((n*width + 7) / 8)}
	column := make([]int64, n)
	for i := range column {
		column[i] = int64(r.get(width)) + least + g.predicted(column, i, next)
	}
	if r.rest() != 0 {
		d.bad = true // a block is written in one way only
	}
	return column
}

// bitWriter appends numbers of some bits each, low bits first.
type bitWriter struct {
	b    []byte
	last uint64
	n    int // bits in last
}

func (w *bitWriter) put(v uint64, width int) {
	for width > 0 {
		k := min(width, 8-w.n)
		w.last |= v & (1<<k - 1) << w.n
		w.n += k
		v >>= k
		width -= k
		if w.n == 8 {
			w.b = append(w.b, byte(w.last))
			w.last, w.n = 0, 0
		}
	}
}

// close fills up the last byte.
func (w *bitWriter) close() []byte {
	if w.n > 0 {
		w.b = append(w.b, byte(w.last))
	}
	return w.b
}

// bitReader reads what a bitWriter wrote; zeros after the end.
type bitReader struct {
	b []byte
	n int // bits read of b[0]
}

func (r *bitReader) get(width int) uint64 {
	var v uint64
	for at := 0; at < width && len(r.b) > 0; {
		k := min(width-at, 8-r.n)
		v |= uint64(r.b[0]>>r.n) & (1<<k - 1) << at
		at += k
		if r.n += k; r.n == 8 {
			r.b, r.n = r.b[1:], 0
		}
	}
	return v
}

// rest gives the bits that fill up the last byte.
func (r *bitReader) rest() byte {
	if len(r.b) == 0 {
		return 0
	}
	return r.b[0] >> r.n
}
