package console

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// day is a day of power, read every 15 minutes, with two hours missing.
func day() Plot {
	from := time.Date(2026, 11, 19, 10, 0, 0, 0, time.FixedZone("CST", 8*3600))
	p := Plot{Meter: "Unit 101", Point: "power.active.total", Unit: "kW", From: from, To: from.Add(24 * time.Hour)}
	for i := range 96 {
		if i >= 40 && i < 48 {
			continue
		}
		w := 5000 + 4000*math.Sin(float64(i)/96*2*math.Pi)
		p.Samples = append(p.Samples, Sample{At: from.Add(time.Duration(i) * 15 * time.Minute), Value: strings.TrimRight(time.Duration(int64(w)*int64(time.Millisecond)).String(), "s")})
	}
	return p
}

func TestPlots(t *testing.T) {
	h := Histogram{Meter: "一号楼 101", Answers: 1000}
	for i, n := range []int{1, 40, 300, 400, 200, 50, 8, 0, 0, 1} {
		h.Bars = append(h.Bars, Bar{Under: 20 * math.Pow(1.2, float64(i)), N: n})
	}
	for name, a := range map[string]Answer{"plot": day(), "histogram": h} {
		for _, lang := range []string{"en", "zh"} {
			path := filepath.Join("testdata", "screens", name+"-"+lang+".txt")
			got := a.Text(lang)
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
			}
			for _, r := range plain().Replace(a.Text("en")) {
				if r > 127 && name == "plot" {
					t.Errorf("%s is not ASCII for a terminal that knows no more: %q", name, r)
				}
			}
		}
	}
}

func TestPlotsFitTheScreen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from := time.Date(2026, 11, 19, 10, 0, 0, 0, time.UTC)
		p := Plot{Meter: "m", Point: "p", From: from, To: from.Add(time.Duration(rapid.IntRange(1, 744).Draw(t, "hours")) * time.Hour)}
		for range rapid.IntRange(1, 200).Draw(t, "samples") {
			p.Samples = append(p.Samples, Sample{
				At:    from.Add(time.Duration(rapid.Int64Range(-3600, 744*3600).Draw(t, "at")) * time.Second),
				Value: rapid.SampledFrom([]string{"0", "-0.0001", "220.1", "99999999.99", "-799999.9999", "2026-11-20", ""}).Draw(t, "value"),
			})
		}
		h := Histogram{Meter: "m"}
		for i := range rapid.IntRange(0, 50).Draw(t, "bars") {
			h.Bars = append(h.Bars, Bar{Under: math.Pow(1.2, float64(i)), N: rapid.IntRange(0, 4_000_000).Draw(t, "n")})
		}
		for _, lang := range []string{"en", "zh"} {
			onScreen(t, p.Text(lang), statusLines)
			onScreen(t, h.Text(lang), statusLines)
		}
	})
}
