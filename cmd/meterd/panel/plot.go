package panel

import (
	"context"
	"slices"
	"strconv"
	"time"

	"meterd/cmd/meterd/console"
	"meterd/cmd/meterd/explain"
	"meterd/cmd/meterd/record"
	"meterd/dlt645"
	"meterd/meter"
)

const (
	plotHours     = 24
	mostPlotHours = 31 * 24
	plotPoint     = "power.active.total"
	// answers is the word for the histogram of answer times.
	answers = "answers"
	// mostSamples bounds what one picture is drawn of.
	mostSamples = 50000
)

var plotUsage = dlt645.Text{EN: "plot METER [POINT|answers] [-h HOURS]", ZH: "plot 电表 [测点|answers] [-h 小时数]"}

// plot draws a point of a meter from what the ring holds, or its answer
// times.
func (p *Panel) plot(ctx context.Context, args []string, _ func(console.Answer)) (console.Answer, error) {
	hours, words := plotHours, []string{}
	for i := 0; i < len(args); i++ {
		if args[i] != "-h" {
			words = append(words, args[i])
			continue
		}
		i++
		n := 0
		if i < len(args) {
			n, _ = strconv.Atoi(args[i])
		}
		if n < 1 || n > mostPlotHours {
			return nil, console.Tell(dlt645.Text{EN: "-h takes hours, 1 to %d", ZH: "-h 为小时数，1 至 %d"}, plotUsage, mostPlotHours)
		}
		hours = n
	}
	if len(words) < 1 || len(words) > 2 {
		return nil, console.Tell(dlt645.Text{EN: "plot takes a meter", ZH: "plot 需要电表"}, plotUsage)
	}
	m, err := p.find(words[0])
	if err != nil {
		return nil, err
	}
	name := plotPoint
	if len(words) == 2 {
		name = words[1]
	}
	if name == answers {
		return p.answerTimes(m, words[0])
	}
	point, ok := p.Config.Points.Lookup(name)
	if !ok {
		return nil, console.Tell(dlt645.Text{EN: "there is no point %q", ZH: "没有测点 %q"}, dlt645.Text{EN: "Tab completes their names; a family such as voltage is several", ZH: "可用 Tab 补全名称；voltage 等为一组测点"}, name)
	}
	to := time.Now().In(p.Config.Gateway.Zone)
	drawn := console.Plot{Meter: words[0], Point: point.Name, Unit: point.Unit, From: to.Add(-time.Duration(hours) * time.Hour), To: to}
	drawn.Samples = p.history(ctx, m.Address, point.Name, drawn.From)
	if len(drawn.Samples) == 0 {
		return nil, console.Tell(dlt645.Text{EN: "the ring holds no %s of this meter from the last %d hours", ZH: "存储中没有该电表最近 %[2]d 小时的 %[1]s"},
			dlt645.Text{EN: "is the point in the meter's profile? meter NAME shows what is read", ZH: "该测点是否在电表的 profile 中？meter 命令可查看"}, name, hours)
	}
	return drawn, nil
}

func (p *Panel) answerTimes(m *meter.Handle, name string) (console.Answer, error) {
	h := console.Histogram{Meter: name}
	for _, l := range p.Desk.Line(m).Learned() {
		if l.Address != m.Address.String() {
			continue
		}
		for _, b := range l.Times.Buckets() {
			h.Bars = append(h.Bars, console.Bar{Under: explain.Millis(b.Under), N: b.N})
			h.Answers += b.N
		}
	}
	if h.Answers == 0 {
		return nil, console.Tell(dlt645.Text{EN: "no answer of %s is known yet", ZH: "尚无 %s 的应答"}, tryMeters, name)
	}
	return h, nil
}

// history gives the samples of a point since a time, from the ring.
func (p *Panel) history(ctx context.Context, a dlt645.Address, point string, from time.Time) []console.Sample {
	var out []console.Sample
	rd := p.Ring.NewReader(record.Before(ctx, p.Ring, from))
	for ctx.Err() == nil && len(out) < mostSamples {
		e, ok := rd.Next()
		if !ok {
			break
		}
		var r meter.Reading
		if e.Gap != nil || r.UnmarshalBinary(e.Data) != nil || r.Meter != a || !r.Trusted || r.Time.Before(from) {
			continue
		}
		if v, ok := r.Value(point); ok && v.Known() {
			out = append(out, console.Sample{At: r.Time.In(p.Config.Gateway.Zone), Value: v.String()})
		}
	}
	slices.SortStableFunc(out, func(a, b console.Sample) int { return a.At.Compare(b.At) }) // what was made up came later
	return out
}

func (p *Panel) plotWords(args []string) []string {
	if len(args) == 0 {
		return p.meterWords(args)
	}
	var words []string
	for _, name := range p.Config.Points.Names() {
		if _, ok := p.Config.Points.Lookup(name); ok {
			words = append(words, name)
		}
	}
	return append(words, answers, "-h")
}
