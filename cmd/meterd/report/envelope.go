package report

import (
	"math"
	"slices"
	"strconv"
	"time"

	"meterd/dlt645"
)

// A series is drawn twice, finely over the last days and coarsely over all of
// them. Of each bin of time the least and the greatest value are kept, so that
// no peak is lost.
const (
	fine   = 15 * time.Minute
	coarse = time.Hour
)

// bins are the bins of a window.
type bins struct {
	base  int64 // when the first begins, in seconds since 1970
	width int64 // seconds
	n     int
}

// binsOf gives bins that hold all from one time to another.
func binsOf(from, to time.Time, width time.Duration) bins {
	b := bins{width: int64(width / time.Second)}
	b.base = from.Unix() - from.Unix()%b.width
	b.n = int((to.Unix()-b.base)/b.width) + 1
	return b
}

// at gives the bin of a time.
func (b bins) at(t int64) (int, bool) {
	i := (t - b.base) / b.width
	return int(i), t >= b.base && i < int64(b.n)
}

// envelope is the least and the greatest value of a point in each bin, as
// integers with so many decimals. A bin whose least is above its greatest is
// empty.
type envelope struct {
	bins
	low, high []int32
}

func newEnvelope(b bins) envelope {
	e := envelope{bins: b, low: make([]int32, b.n), high: make([]int32, b.n)}
	for i := range e.low {
		e.low[i], e.high[i] = math.MaxInt32, math.MinInt32
	}
	return e
}

// take counts a value of a time. What does not fit is not drawn.
func (e *envelope) take(t int64, d dlt645.Decimal, decimals int) {
	i, ok := e.at(t)
	v, fits := d.Scaled(decimals)
	if !ok || !fits || v > math.MaxInt32 || v < math.MinInt32 {
		return
	}
	e.low[i], e.high[i] = min(e.low[i], int32(v)), max(e.high[i], int32(v))
}

func (e *envelope) filled(i int) bool { return e.low[i] <= e.high[i] }

// appendJSON writes the bins that hold something: which they are, as pairs of a
// beginning and how many follow each other, and of each the step of its least
// value from that of the one before, and how far the greatest lies above it.
//
//	{"runs":[0,3,7,1],"values":[2201,0,-3,4,…]}
func (e *envelope) appendJSON(b []byte) []byte {
	b = append(b, `{"runs":[`...)
	b = appendRuns(b, e.n, func(i int) int { return asInt(e.filled(i)) }, false)
	b = append(b, `],"values":[`...)
	last, comma := int64(0), false
	for i := range e.n {
		if !e.filled(i) {
			continue
		}
		if comma {
			b = append(b, ',')
		}
		comma = true
		low := int64(e.low[i])
		b = strconv.AppendInt(b, low-last, 10)
		b = append(b, ',')
		b = strconv.AppendInt(b, int64(e.high[i])-low, 10)
		last = low
	}
	return append(b, "]}"...)
}

// appendRuns writes where kind is not 0: a beginning and a length each, and the
// kind where it is asked for.
func appendRuns(b []byte, n int, kind func(int) int, named bool) []byte {
	comma := false
	for i := 0; i < n; {
		k, from := kind(i), i
		for i++; i < n && kind(i) == k; i++ {
		}
		if k == 0 {
			continue
		}
		if comma {
			b = append(b, ',')
		}
		comma = true
		b = strconv.AppendInt(b, int64(from), 10)
		b = append(b, ',')
		b = strconv.AppendInt(b, int64(i-from), 10)
		if named {
			b = append(b, ',')
			b = strconv.AppendInt(b, int64(k), 10)
		}
	}
	return b
}

func asInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// usual gives how many bins usually lie from one that is filled to the next: nine
// of ten are no further apart. 0: there are no two.
func usual(n int, filled func(int) bool) int {
	var apart []int
	last := -1
	for i := range n {
		if !filled(i) {
			continue
		}
		if last >= 0 {
			apart = append(apart, i-last)
		}
		last = i
	}
	if len(apart) == 0 {
		return 0
	}
	slices.Sort(apart)
	return apart[(len(apart)*9-1)/10]
}
