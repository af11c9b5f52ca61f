package report

import (
	"testing"
	"time"

	"meterd/dlt645"
	"meterd/meter"
)

// TestADayOfTwoConfigurations has no difference of freezes: there may be two
// transformer ratios in it.
func TestADayOfTwoConfigurations(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		after time.Duration // the first midnight
		want  string
	}{{12 * time.Hour, ""}, {-time.Hour, "10.00"}, {25 * time.Hour, "10.00"}} {
		w := newWindow(now, time.UTC)
		m := &tally{}
		m.begin(&w)
		for i, coef := range []int64{500000, 501000} {
			at := w.days[days-4+i]
			r := meter.Reading{Time: at, Round: at, Trusted: true, Recalled: true, Values: []meter.PointValue{{Point: "energy.forward.total", Value: dlt645.Value{Kind: dlt645.Number, Dec: dlt645.Decimal{Coef: coef, Scale: 2}}}}}
			m.read(&r, &w, map[string]string{})
		}
		w.configured(w.days[days-4].Add(c.after))
		if v := m.used(days-4, &w); v.String() != c.want {
			t.Errorf("a configuration %v after the first midnight: %q, want %q", c.after, v, c.want)
		}
	}
}
