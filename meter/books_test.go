package meter

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"meterd/dlt645"
)

func decimal(t testing.TB, s string) dlt645.Decimal {
	t.Helper()
	d, err := dlt645.ParseDecimal(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func shown(d *dlt645.Decimal) string {
	if d == nil {
		return "-"
	}
	return d.String()
}

// What the books tell after each of some readings and freezes: day, month,
// yesterday, last month; "held" where the reading does not count. Each line
// follows a restart. "freeze" is the register as the meter froze it at 00:00,
// "number" another meter, "ratio" another ratio.
func TestWhatTheBooksTell(t *testing.T) {
	for name, lines := range map[string]string{
		"the first reading ever seen says nothing": `
			2026-11-20 12:00  read 5000.00   - - - -
			2026-11-20 13:00  read 5001.00   - - - -`,
		"a freeze makes the day": `
			2026-11-20 12:00  read 5000.00   - - - -
			2026-11-20 12:01  freeze 2026-11-20 4990.00
			2026-11-20 12:15  read 5001.00   11.00 - - -
			2026-11-20 12:16  freeze 2026-11-01 4800.00
			2026-11-20 12:17  freeze 2026-11-19 4970.00
			2026-11-20 12:18  freeze 2026-10-01 4300.00
			2026-11-20 12:30  read 5002.00   12.00 202.00 20.00 500.00`,
		"without freezes the day begins with our last reading before it": `
			2026-11-20 23:45  read 5000.00   - - - -
			2026-11-21 00:15  read 5000.50   0.50 - - -
			2026-11-21 12:00  read 5010.00   10.00 - - -
			2026-11-22 00:15  read 5020.00   10.00 - - -`,
		"or with the reading of midnight": `
			2026-11-20 23:45  read 5000.00   - - - -
			2026-11-21 00:00  read 5000.40   0.00 - - -
			2026-11-21 00:15  read 5000.50   0.10 - - -`,
		"but not with one of a day long before": `
			2026-11-18 12:00  read 5000.00   - - - -
			2026-11-20 12:00  read 5040.00   - - - -`,
		"a meter that freezes is counted from nothing else": `
			2026-11-20 23:45  read 5000.00   - - - -
			2026-11-21 00:00  read 5000.40   - - - -
			2026-11-21 00:15  read 5000.50   - - - -
			2026-11-21 00:16  freeze 2026-11-21 5000.39
			2026-11-21 00:30  read 5000.60   0.21 - - -`,
		"a freeze replaces our own": `
			2026-11-20 23:00  read 5000.00   - - - -
			2026-11-21 00:15  read 5002.00   2.00 - - -
			2026-11-21 00:16  freeze 2026-11-21 5001.75
			2026-11-21 00:30  read 5002.50   0.75 - - -`,
		"the first of the month": `
			2026-10-31 12:00  read 5000.00   - - - -
			2026-10-31 12:01  freeze 2026-10-31 4990.00
			2026-10-31 12:02  freeze 2026-10-01 4500.00
			2026-10-31 23:45  read 5010.00   20.00 510.00 - -
			2026-11-01 00:15  read 5010.50   0.50 0.50 - -
			2026-11-01 00:16  freeze 2026-11-01 5010.25
			2026-11-01 00:30  read 5011.00   0.75 0.75 20.25 510.25`,
		"a leap day": `
			2028-02-29 12:00  read 5000.00   - - - -
			2028-02-29 12:01  freeze 2028-02-29 4990.00
			2028-03-01 00:15  read 5020.00   20.00 20.00 - -
			2028-03-01 00:16  freeze 2028-03-01 5015.00
			2028-03-01 00:30  read 5020.50   5.50 5.50 25.00 -`,
		"a slip upwards counts for nothing": `
			2026-11-20 12:00  read 5000.00   - - - -
			2026-11-20 12:01  freeze 2026-11-20 4990.00
			2026-11-20 12:15  read 999999.00 held
			2026-11-20 12:30  read 5001.00   11.00 - - -`,
		"and one downwards": `
			2026-11-20 12:00  read 5000.00   - - - -
			2026-11-20 12:01  freeze 2026-11-20 4990.00
			2026-11-20 12:15  read 0.00      held
			2026-11-20 12:30  read 5001.00   11.00 - - -`,
		"two slips that do not agree": `
			2026-11-20 12:00  read 5000.00   - - - -
			2026-11-20 12:01  freeze 2026-11-20 4990.00
			2026-11-20 12:15  read 700000.00 held
			2026-11-20 12:30  read 2.00      held
			2026-11-20 12:45  read 5001.00   11.00 - - -`,
		"a jump that the next one confirms is what the register says": `
			2026-11-20 12:00  read 5000.00   - - - -
			2026-11-20 12:01  freeze 2026-11-20 4990.00
			2026-11-20 12:15  read 6000.00   held
			2026-11-20 12:30  read 6001.00   1011.00 - - -`,
		"a register that goes round": `
			2026-11-20 12:00  read 999998.00 - - - -
			2026-11-20 12:01  freeze 2026-11-20 999990.00
			2026-11-20 12:15  read 1.50      held
			2026-11-20 12:30  read 2.00      12.00 - - -
			2026-11-20 12:31  freeze 2026-11-19 999980.00
			2026-11-20 12:45  read 2.50      12.50 - 10.00 -
			2026-11-21 00:15  read 9.00      6.50 - - -
			2026-11-21 00:16  freeze 2026-11-21 8.00
			2026-11-21 00:30  read 9.50      1.50 - 18.00 -`,
		"a register that goes round before the freeze is known": `
			2026-11-20 12:00  read 999998.00 - - - -
			2026-11-20 12:15  read 1.50      held
			2026-11-20 12:30  read 2.00      - - - -
			2026-11-20 12:31  freeze 2026-11-20 999990.00
			2026-11-20 12:45  read 2.50      12.50 - - -`,
		"another meter, whose number was read": `
			2026-11-20 12:00  read 5000.00   - - - -
			2026-11-20 12:01  freeze 2026-11-20 4990.00
			2026-11-20 14:00  number
			2026-11-20 14:01  read 3.00      10.00 - - -
			2026-11-20 14:02  refused 2026-11-20 1.00
			2026-11-20 15:00  read 4.25      11.25 - - -
			2026-11-21 00:00  read 6.00      0.00 - - -
			2026-11-21 00:16  freeze 2026-11-21 5.95
			2026-11-21 00:30  read 6.50      0.55 - 12.95 -`,
		"another meter, of which only the register tells": `
			2026-11-20 12:00  read 5000.00   - - - -
			2026-11-20 12:01  freeze 2026-11-20 4990.00
			2026-11-20 14:00  read 3.00      held
			2026-11-20 14:15  read 3.50      10.50 - - -
			2026-11-20 14:16  refused 2026-11-19 1.00`,
		"a register that goes round at midnight, and nothing is frozen": `
			2026-11-20 23:45  read 999998.00 - - - -
			2026-11-21 00:15  read 1.50      held
			2026-11-21 00:30  read 2.00      4.00 - - -`,
		"a freeze of a register of which nobody knows yet whose it is": `
			2026-11-20 12:00  read 999998.00 - - - -
			2026-11-20 12:15  read 1.50      held
			2026-11-20 12:16  refused 2026-11-20 0.50
			2026-11-20 12:30  read 2.00      - - - -
			2026-11-20 12:31  freeze 2026-11-20 999999.00
			2026-11-20 12:45  read 2.50      3.50 - - -`,
		"another meter over midnight, whose number was read, and nothing is frozen": `
			2026-10-31 23:45  read 5000.00   - - - -
			2026-11-01 00:10  number
			2026-11-01 00:15  read 3.00      0.00 0.00 - -
			2026-11-01 12:00  read 4.00      1.00 1.00 - -
			2026-11-02 00:15  read 5.00      1.00 2.00 - -`,
		"another meter over midnight, of which only the register tells, and nothing is frozen": `
			2026-11-20 23:45  read 5000.00   - - - -
			2026-11-21 00:15  read 3.00      held
			2026-11-21 00:30  read 3.50      0.50 - - -`,
		"another meter, that came while the clock was doubted": `
			2026-11-20 12:00  read 5000.00   - - - -
			2026-11-20 12:01  freeze 2026-11-20 4990.00
			2026-11-20 14:00  number undated
			2026-11-20 14:01  read 3.00      10.00 - - -
			2026-11-20 14:02  refused 2026-11-20 1.00
			2026-11-20 14:03  refused 2026-11-19 1.00
			2026-11-21 00:30  read 6.50      3.50 - - -
			2026-11-21 00:31  freeze 2026-11-21 5.95
			2026-11-21 00:45  read 6.75      0.80 - 12.95 -`,
		"another ratio": `
			2026-11-20 12:00  read 5000.00   - - - -
			2026-11-20 12:01  freeze 2026-11-20 4990.00
			2026-11-20 14:00  ratio
			2026-11-20 14:01  read 400000.00 - - - -
			2026-11-20 14:02  refused 2026-11-20 399200.00
			2026-11-21 00:00  read 400100.00 0.00 - - -
			2026-11-21 00:15  read 400110.00 10.00 - - -`,
		"a freeze that the register cannot have had": `
			2026-11-20 12:00  read 5000.00   - - - -
			2026-11-20 12:01  refused 2026-11-20 5001.00
			2026-11-20 12:02  freeze 2026-11-20 4990.00
			2026-11-20 12:03  refused 2026-11-19 4991.00
			2026-11-20 12:15  read 5001.00   11.00 - - -`,
		"a clock that is put back over midnight, and on again": `
			2026-11-20 23:50  read 5000.00   - - - -
			2026-11-20 23:51  freeze 2026-11-20 4990.00
			2026-11-21 00:05  read 5001.00   1.00 - - -
			2026-11-20 23:52  read 5001.10   11.10 - - -
			2026-11-21 00:10  read 5001.50   0.40 - - -`,
	} {
		t.Run(name, func(t *testing.T) {
			b := Books{}
			for _, line := range strings.Split(strings.TrimSpace(lines), "\n") {
				f := strings.Fields(line)
				at, err := time.Parse("2006-01-02 15:04", f[0]+" "+f[1])
				if err != nil {
					t.Fatal(err)
				}
				kept, _ := json.Marshal(b)
				b = Books{}
				if err := json.Unmarshal(kept, &b); err != nil {
					t.Fatal(err)
				}
				switch f[2] {
				case "read":
					got := "held"
					b.dated(at)
					if b.take(decimal(t, f[3]), at.Add(2*time.Second), at, usualMost) {
						g := b.figures(at, !strings.HasPrefix(name, "a meter that freezes"))
						got = fmt.Sprint(shown(g.Day), " ", shown(g.Month), " ", shown(g.Yesterday), " ", shown(g.LastMonth))
					}
					if want := strings.Join(f[4:], " "); got != want {
						t.Errorf("%s: got %s", strings.Join(f, " "), got)
					}
				case "freeze", "refused":
					day, err := time.Parse(time.DateOnly, f[3])
					if err != nil {
						t.Fatal(err)
					}
					if taken := b.froze(day, decimal(t, f[4])); taken != (f[2] == "freeze") {
						t.Errorf("%s: taken %v", strings.Join(f, " "), taken)
					}
				case "number":
					b.replaced(came(at, len(f) == 3))
				case "ratio":
					b.scaled(1, at.Unix())
					b.scaled(80, at.Unix())
				}
			}
		})
	}
}

// Which days' freezes the books ask for.
func TestWhichFreezesTheBooksNeed(t *testing.T) {
	shanghai := time.FixedZone("CST", 8*3600)
	for _, c := range []struct {
		at    string
		since string
		have  []Mark
		want  string
	}{
		{"2026-11-20 12:00", "", nil, "11-20 11-19 11-01 10-01"},
		{"2026-11-01 12:00", "", nil, "11-01 10-31 10-01"},
		{"2026-11-02 12:00", "", nil, "11-02 11-01 10-01"},
		{"2026-11-20 12:00", "", []Mark{{Day: "2026-11-20", Own: true}, {Day: "2026-11-01"}}, "11-20 11-19 10-01"},
		{"2026-11-20 12:00", "2026-11-19 10:00", nil, "11-20"},
		{"2026-11-20 12:00", "2026-11-20 10:00", nil, ""},
		{"2028-03-01 12:00", "", nil, "03-01 02-29 02-01"},
	} {
		at, err := time.ParseInLocation("2006-01-02 15:04", c.at, shanghai)
		if err != nil {
			t.Fatal(err)
		}
		b := Books{Marks: c.have}
		if c.since != "" {
			since, err := time.ParseInLocation("2006-01-02 15:04", c.since, shanghai)
			if err != nil {
				t.Fatal(err)
			}
			b.Since = since.Unix()
		}
		var got []string
		for _, d := range b.wanted(at) {
			got = append(got, d.Format("01-02"))
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("at %s: %s, want %s", c.at, s, c.want)
		}
	}
}

// How far a register can have moved follows from the nameplate.
func TestHighestPowerOfAMeter(t *testing.T) {
	for _, c := range []struct {
		volt, most string
		h          Handle
		want       string
	}{
		{"220.0V", "60A", Handle{}, "59.4000"},
		{"", "", Handle{}, "79.2"},
		{"57.7V", "6A", Handle{CT: 80, PT: 100}, "12463.2000"},
		{"unknown", "60A", Handle{}, "79.2"},
		{"220.0V", "60A", Handle{MaxPower: dlt645.Decimal{Coef: 15}}, "15"},
	} {
		var l Learned
		r := Reading{Values: []PointValue{{"meter.rated.voltage", text(c.volt)}, {"meter.rated.most", text(c.most)}}}
		l.rated(&r)
		if got := l.most(&c.h).String(); got != c.want {
			t.Errorf("%q and %q: %s kW, want %s", c.volt, c.most, got, c.want)
		}
	}
}
