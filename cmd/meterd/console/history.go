package console

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"meterd/dlt645"
)

// RecordDay is how whole the record of a day is, in values.
type RecordDay struct {
	Day     string         `json:"day"`
	Live    int            `json:"live"`
	Made    int            `json:"made_up"` // from the meters' memory
	Missing int            `json:"missing"`
	Open    int            `json:"open"` // moments that may still be made up
	Causes  map[string]int `json:"causes,omitempty"`
}

// mark is a day in the calendar.
func (d RecordDay) mark() byte {
	switch {
	case d.Live+d.Made+d.Missing+d.Open == 0:
		return '.'
	case d.Live+d.Made == 0:
		return 'X'
	case d.Missing+d.Open > 0:
		return '-'
	case d.Made > 0:
		return '+'
	}
	return '#'
}

// whole reports whether nothing lacks, and something is there.
func (d RecordDay) whole() bool { return d.Missing+d.Open == 0 && d.Live+d.Made > 0 }

// RecordPart is one kind of a meter's record.
type RecordPart struct {
	Of   string      `json:"of"`
	Step string      `json:"step"` // from moment to moment
	Days []RecordDay `json:"days"` // the newest first
}

// Sort puts the days in their order, the newest first.
func (part *RecordPart) Sort() {
	slices.SortFunc(part.Days, func(a, b RecordDay) int { return strings.Compare(b.Day, a.Day) })
}

// add takes the days of another part of the same kind and step.
func (part *RecordPart) add(o RecordPart) {
	for _, d := range o.Days {
		i := slices.IndexFunc(part.Days, func(h RecordDay) bool { return h.Day == d.Day })
		if i < 0 {
			part.Days = append(part.Days, d)
			continue
		}
		h := &part.Days[i]
		h.Live, h.Made, h.Missing, h.Open = h.Live+d.Live, h.Made+d.Made, h.Missing+d.Missing, h.Open+d.Open
		for c, n := range d.Causes {
			if h.Causes == nil {
				h.Causes = map[string]int{}
			}
			h.Causes[c] += n
		}
	}
	part.Sort()
}

// Add takes a part of a meter's record. Those of one kind and step are one.
func (m *MeterRecord) Add(part RecordPart) {
	for i := range m.Parts {
		if m.Parts[i].Of == part.Of && m.Parts[i].Step == part.Step {
			m.Parts[i].add(part)
			return
		}
	}
	m.Parts = append(m.Parts, part)
}

// MeterRecord is the record of one meter.
type MeterRecord struct {
	Meter   string       `json:"meter"`
	Address string       `json:"address"`
	Parts   []RecordPart `json:"parts"`
}

// History is the answer to `history`.
type History struct {
	From   string        `json:"from"` // the first day
	To     string        `json:"to"`   // the last one, today
	Meters []MeterRecord `json:"meters"`
}

// mostCalendar is how many meters a calendar shows.
const mostCalendar = 200

// Text draws a calendar: a mark for each day and kind.
func (h History) Text(lang string) string {
	p := page{lang: lang}
	p.add(dlt645.Text{EN: "record from %s to %s, a mark for each day", ZH: "记录完整性：%s 至 %s，每天一个标记"}, h.From, h.To)
	p.add(dlt645.Text{
		EN: "# whole   + made up from the meter's memory   - in part   X missing, or to be made up still   . nothing",
		ZH: "# 完整   + 由电表补抄   - 部分   X 缺失或待补抄   . 无",
	})
	if len(h.Meters) == 0 {
		p.add(dlt645.Text{EN: "nothing is to be made up: see [[profile.history]]", ZH: "未配置补抄：见 [[profile.history]]"})
	}
	for i, m := range h.Meters {
		if i == mostCalendar {
			p.add(dlt645.Text{EN: "… and %d more meters", ZH: "… 另有 %d 块"}, len(h.Meters)-i)
			break
		}
		for _, part := range m.Parts {
			p.line(pad(fit(m.Meter, 20), 20) + " " + pad(part.Of+" "+part.Step, 12) + " " + h.marks(part) + "  " + part.sum(lang))
		}
	}
	return p.b.String()
}

// marks gives a part's days, the oldest first.
func (h History) marks(part RecordPart) string {
	from, err := time.Parse(time.DateOnly, h.From)
	to, err2 := time.Parse(time.DateOnly, h.To)
	if err != nil || err2 != nil {
		return ""
	}
	var b []byte
	for day := from; !day.After(to); day = day.AddDate(0, 0, 1) {
		i := slices.IndexFunc(part.Days, func(d RecordDay) bool { return d.Day == day.Format(time.DateOnly) })
		if i < 0 {
			b = append(b, '.')
			continue
		}
		b = append(b, part.Days[i].mark())
	}
	return string(b)
}

// sum tells the values of all days, and why those lack that do.
func (part RecordPart) sum(lang string) string {
	var all RecordDay
	causes := map[string]int{}
	for _, d := range part.Days {
		all.Live, all.Made, all.Missing, all.Open = all.Live+d.Live, all.Made+d.Made, all.Missing+d.Missing, all.Open+d.Open
		for c, n := range d.Causes {
			causes[c] += n
		}
	}
	text := say(lang, dlt645.Text{EN: "%d live, %d made up", ZH: "实时 %d，补抄 %d"}, all.Live, all.Made)
	if all.Open > 0 {
		text += say(lang, dlt645.Text{EN: ", %d to come", ZH: "，待补 %d"}, all.Open)
	}
	if all.Missing > 0 {
		text += say(lang, dlt645.Text{EN: ", %d missing", ZH: "，缺失 %d"}, all.Missing)
		names := make([]string, 0, len(causes))
		for c := range causes {
			names = append(names, c)
		}
		slices.SortFunc(names, func(a, b string) int { return causes[b] - causes[a] })
		text += " (" + strings.Join(names, ", ") + ")"
	}
	return text
}

// RecordStatus is how whole the record of yesterday is.
type RecordStatus struct {
	Day     string `json:"day"`
	Meters  int    `json:"meters"`
	Whole   int    `json:"whole"`
	Values  int    `json:"values"`
	Made    int    `json:"made_up"`
	Missing int    `json:"missing"`
	Open    int    `json:"open"`
}

// Add takes what is known of one meter's day.
func (s *RecordStatus) Add(m MeterRecord) {
	whole, any := true, false
	for _, part := range m.Parts {
		for _, d := range part.Days {
			if d.Day != s.Day {
				continue
			}
			any = true
			whole = whole && d.whole()
			s.Values, s.Made, s.Missing, s.Open = s.Values+d.Live+d.Made, s.Made+d.Made, s.Missing+d.Missing, s.Open+d.Open
		}
	}
	if any {
		s.Meters++
	}
	if any && whole {
		s.Whole++
	}
}

func (s *RecordStatus) lines(lang string) []string {
	return wrap(say(lang, dlt645.Text{
		EN: "record: yesterday %d of %d meters whole (%d values, %d from the meters' memory, %d missing)",
		ZH: "记录：昨日 %d/%d 块电表完整（%d 个数值，其中补抄 %d，缺失 %d）"}, s.Whole, s.Meters, s.Values, s.Made, s.Missing), width, 2, "  ")
}

// Fetching is the answer to `history fetch`.
type Fetching struct {
	Meter   string `json:"meter"`
	Moments int    `json:"moments"`
}

// Text tells how much is fetched now.
func (f Fetching) Text(lang string) string {
	if f.Moments == 0 {
		return say(lang, dlt645.Text{EN: "%s: nothing lacks there", ZH: "%s：该时段无缺失"}, f.Meter) + "\n"
	}
	return fmt.Sprintf("%s\n", say(lang, dlt645.Text{EN: "%s: %d moments are asked for, while the line is idle; history shows what came", ZH: "%s：将在总线空闲时补抄 %d 个时刻；history 可查看结果"}, f.Meter, f.Moments))
}
