package explain

import (
	"fmt"
	"strings"

	"meterd/dlt645"
	"meterd/meter"
)

// Summary tells the frames in what passed, in one line.
func Summary(wire []byte, points *meter.Points, language string) string {
	var says []string
	var f dlt645.Frame
	for rest := wire; ; {
		at, ok := dlt645.Scan(rest, &f)
		if !ok {
			break
		}
		rest = rest[at.End:]
		s := f.Address.String() + " " + f.Control.Function().Name(f.Protocol())
		if r := f.Refusal(); r != nil {
			s += " " + r.Text().In(language)
		}
		if di, ok := f.DI(); ok {
			s += " " + di.String()
			if f.Control.Response() && !f.Control.More() {
				s += valuesText(di, f.Payload(), points, language)
			}
		}
		says = append(says, s)
	}
	if len(says) == 0 {
		return dlt645.Text{EN: "no frame: ", ZH: "无有效帧："}.In(language) + strings.TrimPrefix(dlt645.Diagnose(wire).Error(), "dlt645: ")
	}
	return strings.Join(says, "; ")
}

func valuesText(di dlt645.DI, data []byte, points *meter.Points, language string) string {
	items, err := dlt645.Decode(nil, di, data)
	if err != nil {
		return ""
	}
	var b strings.Builder
	for i, it := range items {
		if i == 4 {
			b.WriteString(" …")
			break
		}
		v := MeaningOf(it, points, language)
		name := v.Name
		if v.Point != nil {
			name = *v.Point
		}
		fmt.Fprintf(&b, " %s=%s%s", name, it.Value, v.Unit)
	}
	return b.String()
}
