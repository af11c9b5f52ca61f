package console

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/guptarohit/asciigraph"

	"meterd/dlt645"
)

// Plot is the answer to `plot`: a point of a meter over some hours.
type Plot struct {
	Meter   string    `json:"meter"`
	Point   string    `json:"point"`
	Unit    string    `json:"unit"`
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
	Samples []Sample  `json:"samples"`
}

// Sample is a value at a time, with the meter's digits.
type Sample struct {
	At    time.Time `json:"time"`
	Value string    `json:"value"`
}

const (
	plotColumns = 60
	plotLines   = 14
)

// Text draws it: a column is the mean of what fell into it, a gap is where
// there was nothing.
func (p Plot) Text(lang string) string {
	out := page{lang: lang}
	columns, least, most := p.columns()
	out.add(dlt645.Text{EN: "%s  %s  %s to %s", ZH: "%s  %s  %s 至 %s"}, p.Meter, p.Point, p.From.Format("01-02 15:04"), p.To.Format("01-02 15:04"))
	out.add(dlt645.Text{EN: "%d readings, least %s, most %s %s", ZH: "%d 个读数，最小 %s，最大 %s %s"}, len(p.Samples), least, most, p.Unit)
	graph := asciigraph.Plot(columns, asciigraph.Height(plotLines), asciigraph.YAxisValueFormatter(short),
		asciigraph.XAxisRange(0, p.To.Sub(p.From).Seconds()), asciigraph.XAxisTickCount(5),
		asciigraph.XAxisValueFormatter(func(s float64) string {
			return p.From.Add(time.Duration(s * float64(time.Second))).Format("15:04")
		}))
	for line := range strings.Lines(graph) {
		out.line(strings.TrimRight(line, " \n"))
	}
	return out.b.String()
}

// columns gives the means, and the least and the greatest sample as text.
func (p Plot) columns() (means []float64, least, most string) {
	sums, n := make([]float64, plotColumns), make([]int, plotColumns)
	span := p.To.Sub(p.From)
	low, high := math.Inf(1), math.Inf(-1)
	for _, s := range p.Samples {
		v, err := strconv.ParseFloat(s.Value, 64) // a picture needs no exact value
		at := s.At.Sub(p.From)
		if err != nil || at < 0 || at > span || span <= 0 {
			continue
		}
		if v < low {
			low, least = v, s.Value
		}
		if v > high {
			high, most = v, s.Value
		}
		i := min(plotColumns-1, int(int64(plotColumns)*int64(at/time.Millisecond)/max(1, int64(span/time.Millisecond))))
		sums[i] += v
		n[i]++
	}
	for i := range sums {
		mean := math.NaN()
		if n[i] > 0 {
			mean = sums[i] / float64(n[i])
		}
		means = append(means, mean)
	}
	return bridged(means), least, most
}

// bridged fills gaps that come only of the columns being narrower than the
// pauses between readings: as wide as the usual one.
func bridged(means []float64) []float64 {
	usual := map[int]int{} // how often a distance stands between two columns
	last := -1
	for i, v := range means {
		if math.IsNaN(v) {
			continue
		}
		if last >= 0 {
			usual[i-last]++
		}
		last = i
	}
	step, count := 1, 0
	for d, n := range usual {
		if n > count || n == count && d < step {
			step, count = d, n
		}
	}
	out := append([]float64{}, means...)
	last = -1
	for i, v := range means {
		if math.IsNaN(v) {
			continue
		}
		if last >= 0 && i-last <= step+step/2 {
			for k := last + 1; k < i; k++ {
				out[k] = means[last] + (v-means[last])*float64(k-last)/float64(i-last)
			}
		}
		last = i
	}
	return out
}

// short gives a number of the axis in seven columns at most.
func short(v float64) string {
	switch a := math.Abs(v); {
	case a >= 1e6:
		return fmt.Sprintf("%.3g", v)
	case a >= 1000:
		return fmt.Sprintf("%.0f", v)
	case a >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.3f", v)
}

// Histogram is the answer to `plot METER answers`.
type Histogram struct {
	Meter   string `json:"meter"`
	Answers int    `json:"answers"`
	Bars    []Bar  `json:"bars"`
}

// Bar is how many answers came under a bound, and not under the one before.
type Bar struct {
	Under float64 `json:"under_ms"`
	N     int     `json:"n"`
}

// barColumns is the longest bar; mostBars is what fits a screen.
const (
	barColumns = 50
	mostBars   = 18
)

// Text draws the bars.
func (h Histogram) Text(lang string) string {
	out := page{lang: lang}
	out.add(dlt645.Text{EN: "%s  answer times, request sent to first byte, %d answers", ZH: "%s  应答时间（请求发出至首字节），%d 次应答"}, h.Meter, h.Answers)
	bars := h.Bars
	for len(bars) > mostBars {
		bars = paired(bars)
	}
	most := 1
	for _, b := range bars {
		most = max(most, b.N)
	}
	for _, b := range bars {
		n := (b.N*barColumns + most - 1) / most
		out.line(fmt.Sprintf("%s %6.0f ms %s %d", say(lang, dlt645.Text{EN: "under", ZH: "小于"}), b.Under, strings.Repeat("█", n), b.N))
	}
	return out.b.String()
}

// paired puts two bars each together.
func paired(bars []Bar) []Bar {
	var out []Bar
	for i := 0; i < len(bars); i += 2 {
		b := bars[i]
		if i+1 < len(bars) {
			b = Bar{bars[i+1].Under, b.N + bars[i+1].N}
		}
		out = append(out, b)
	}
	return out
}
