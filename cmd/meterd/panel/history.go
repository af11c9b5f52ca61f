package panel

import (
	"context"
	"slices"
	"strconv"
	"time"

	"meterd/cmd/meterd/config"
	"meterd/cmd/meterd/console"
	"meterd/cmd/meterd/record"
	"meterd/dlt645"
	"meterd/meter"
)

var historyUsage = dlt645.Text{EN: "history [METER] [-days N], or history fetch METER [FROM TO]", ZH: "history [电表] [-days N]，或 history fetch 电表 [起 止]"}

// mostHistoryDays is how many days are told of.
const mostHistoryDays = 10

// history tells how whole the record is, or asks for more of it.
func (p *Panel) recordHistory(ctx context.Context, args []string, _ func(console.Answer)) (console.Answer, error) {
	if len(args) > 0 && args[0] == "fetch" {
		return p.fetchHistory(ctx, args[1:])
	}
	days := mostHistoryDays
	var only *meter.Handle
	for i := 0; i < len(args); i++ {
		switch {
		case args[i] == "-days":
			n, err := strconv.Atoi(next(args, i))
			if err != nil || n < 1 || n > mostHistoryDays {
				return nil, console.Tell(dlt645.Text{EN: "-days takes a number, 1 to %d", ZH: "-days 为 1 至 %d"}, historyUsage, mostHistoryDays)
			}
			days, i = n, i+1
		case only == nil:
			h, err := p.find(args[i])
			if err != nil {
				return nil, err
			}
			only = h
		default:
			return nil, console.Tell(dlt645.Text{EN: "%q is too much", ZH: "多余的参数 %q"}, historyUsage, args[i])
		}
	}
	now := time.Now().In(p.Config.Gateway.Zone)
	h := console.History{From: now.AddDate(0, 0, 1-days).Format(time.DateOnly), To: now.Format(time.DateOnly), Meters: []console.MeterRecord{}}
	for _, m := range p.Records() {
		if only != nil && m.Address != only.Address.String() {
			continue
		}
		for i := range m.Parts {
			m.Parts[i].Days = slices.DeleteFunc(m.Parts[i].Days, func(d console.RecordDay) bool { return d.Day < h.From })
		}
		h.Meters = append(h.Meters, m)
	}
	return h, nil
}

func next(args []string, i int) string {
	if i+1 < len(args) {
		return args[i+1]
	}
	return ""
}

// Records gives the record of each meter of which something is made up.
func (p *Panel) Records() (all []console.MeterRecord) {
	for _, line := range p.Lines {
		states := line.Meters()
		for i, l := range line.Learned() {
			m := console.MeterRecord{Meter: states[i].Name, Address: l.Address}
			for _, r := range l.Records {
				if r.Out {
					continue
				}
				m.Add(recordPart(r, p.Config.Gateway.Zone))
			}
			if len(m.Parts) > 0 {
				all = append(all, m)
			}
		}
	}
	return all
}

func recordPart(r *meter.Record, zone *time.Location) console.RecordPart {
	part := console.RecordPart{Of: string(r.Of), Step: config.Short(time.Duration(r.Step) * time.Second), Days: []console.RecordDay{}}
	open := r.Open(zone)
	for _, d := range r.Days {
		day := console.RecordDay{Day: d.Day, Live: d.Live, Made: d.Made, Missing: d.Missing, Open: open[d.Day]}
		delete(open, d.Day)
		for c, n := range d.Causes {
			if day.Causes == nil {
				day.Causes = map[string]int{}
			}
			day.Causes[string(c)] = n
		}
		part.Days = append(part.Days, day)
	}
	for day, n := range open {
		part.Days = append(part.Days, console.RecordDay{Day: day, Open: n})
	}
	part.Sort()
	return part
}

// RecordStatus tells how whole yesterday is; nil where nothing is made up.
func (p *Panel) RecordStatus(now time.Time) *console.RecordStatus {
	s := &console.RecordStatus{Day: now.In(p.Config.Gateway.Zone).AddDate(0, 0, -1).Format(time.DateOnly)}
	for _, m := range p.Records() {
		s.Add(m)
	}
	if s.Meters == 0 {
		return nil
	}
	return s
}

// fetchHistory asks for what lacks of a meter between two times, although it
// counts as missing. What the ring holds is not asked for again.
func (p *Panel) fetchHistory(ctx context.Context, args []string) (console.Answer, error) {
	if len(args) != 1 && len(args) != 3 {
		return nil, console.Tell(dlt645.Text{EN: "history fetch takes a meter, and from when to when", ZH: "history fetch 需要电表和起止时间"}, historyUsage)
	}
	h, err := p.find(args[0])
	if err != nil {
		return nil, err
	}
	line, err := p.lineOf(h.Bus)
	if err != nil {
		return nil, err
	}
	to := time.Now()
	from := to.Add(-3 * 24 * time.Hour)
	if len(args) == 3 {
		for i, at := range []*time.Time{&from, &to} {
			t, ok := p.when(args[1+i])
			if !ok {
				return nil, console.Tell(dlt645.Text{EN: "%q is no time", ZH: "%q 不是时间"}, dlt645.Text{EN: "write 2026-11-20 or 2026-11-20T10:00", ZH: "写作 2026-11-20 或 2026-11-20T10:00"}, args[1+i])
			}
			*at = t
		}
	}
	if !from.Before(to) {
		return nil, console.Tell(dlt645.Text{EN: "the end is before the beginning", ZH: "结束早于开始"}, historyUsage)
	}
	have := map[int64][]string{}
	rd := p.Ring.NewReader(record.Before(ctx, p.Ring, from))
	for e, ok := rd.Next(); ok && ctx.Err() == nil; e, ok = rd.Next() {
		var r meter.Reading
		if e.Gap != nil || r.UnmarshalBinary(e.Data) != nil || r.Meter != h.Address || r.Round.Before(from) || r.Round.After(to) {
			continue
		}
		for _, v := range r.Values {
			have[r.Round.Unix()] = append(have[r.Round.Unix()], v.Point)
		}
	}
	return console.Fetching{Meter: h.Name, Moments: line.Fetch(h, from.In(p.Config.Gateway.Zone), to.In(p.Config.Gateway.Zone), have)}, nil
}

// when reads a day, or a time of a day.
func (p *Panel) when(s string) (time.Time, bool) {
	for _, layout := range []string{time.DateOnly, "2006-01-02T15:04"} {
		if t, err := time.ParseInLocation(layout, s, p.Config.Gateway.Zone); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

func (p *Panel) historyWords(args []string) []string {
	if len(args) == 0 {
		return append(p.meterWords(args), "fetch", "-days")
	}
	if len(args) == 1 && args[0] == "fetch" {
		return p.meterWords(nil)
	}
	return []string{"-days"}
}
