package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"meterd/dlt645"
	"meterd/meter"
	"meterd/store"
)

func runRing(args []string, s streams) error {
	f := flags("ring", s)
	if len(args) == 0 {
		f.Usage()
		return errUsage
	}
	what := args[0]
	asJSON := f.Bool("json", false, "verify: the result as JSON")
	if strings.HasPrefix(what, "-") {
		return parse(f, args, 2, 2)
	}
	if err := parse(f, args[1:], 1, 1); err != nil {
		return err
	}
	look, ok := map[string]func(*store.Ring, io.Writer, bool) error{"verify": verifyRing, "dump": dumpRing, "export": exportRing}[what]
	if !ok {
		return wrong(f, "ring %s is not known: verify, dump or export", what)
	}
	r, err := store.OpenReadOnly(f.Arg(0), meter.Packing{})
	if err != nil {
		return failHint("name the file of [store] path, or a copy of it", "%v", err)
	}
	defer r.Close()
	return look(r, s.out, *asJSON)
}

// gapJSON is the shape that cli.md fixes.
type gapJSON struct {
	From  uint64      `json:"from"`
	To    uint64      `json:"to"`
	Cause store.Cause `json:"cause"`
}

func gapOf(g *store.Gap) gapJSON { return gapJSON{g.From, g.To, g.Cause} }

func verifyRing(r *store.Ring, w io.Writer, asJSON bool) error {
	result := struct {
		Records int               `json:"records"`
		First   uint64            `json:"first"`
		Last    uint64            `json:"last"`
		Gaps    []gapJSON         `json:"gaps"`
		Corrupt int               `json:"corrupt_frames"`
		Cursors map[string]uint64 `json:"cursors"`
	}{Gaps: []gapJSON{}, Cursors: r.Cursors()}
	rd := r.NewReader(0)
	for e, ok := rd.Next(); ok; e, ok = rd.Next() {
		if e.Gap != nil {
			result.Gaps = append(result.Gaps, gapOf(e.Gap))
			continue
		}
		if result.Records == 0 {
			result.First = e.Seq
		}
		result.Records, result.Last = result.Records+1, e.Seq
	}
	result.Corrupt = r.Stats().Corrupt
	if asJSON {
		if err := json.NewEncoder(w).Encode(result); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(w, "%d records, %d to %d, %d damaged frames\n", result.Records, result.First, result.Last, result.Corrupt)
		for _, g := range result.Gaps {
			fmt.Fprintf(w, "gap %d to %d: %s\n", g.From, g.To, g.Cause)
		}
		for _, name := range slices.Sorted(maps.Keys(result.Cursors)) {
			fmt.Fprintf(w, "cursor %s at %d\n", name, result.Cursors[name])
		}
	}
	if result.Corrupt > 0 {
		return fmt.Errorf("%d frames are damaged", result.Corrupt)
	}
	return nil
}

func dumpRing(r *store.Ring, w io.Writer, _ bool) error {
	enc := json.NewEncoder(w)
	rd := r.NewReader(0)
	for e, ok := rd.Next(); ok; e, ok = rd.Next() {
		if err := enc.Encode(dumpEntry(e)); err != nil {
			return err
		}
	}
	return nil
}

func dumpEntry(e store.Entry) any {
	if e.Gap != nil {
		return map[string]gapJSON{"gap": gapOf(e.Gap)}
	}
	if meter.IsEvent(e.Data) {
		return dumpEvent(e)
	}
	var reading meter.Reading
	if err := reading.UnmarshalBinary(e.Data); err != nil {
		return map[string]any{"seq": e.Seq, "event": "unknown", "data": fmt.Sprintf("%X", e.Data)}
	}
	values := map[string]string{}
	for _, v := range reading.Values {
		values[v.Point] = v.Value.String()
	}
	type record struct {
		Seq     uint64            `json:"seq"`
		Time    string            `json:"time"`
		Trusted bool              `json:"trusted"`
		Round   string            `json:"round"`
		Meter   string            `json:"meter"`
		Values  map[string]string `json:"values"`
	}
	return record{e.Seq, stampText(reading.Time), reading.Trusted, stampText(reading.Round), reading.Meter.String(), values}
}

func dumpEvent(e store.Entry) any {
	var ev meter.Event
	if err := ev.UnmarshalBinary(e.Data); err != nil {
		return map[string]any{"seq": e.Seq, "event": "unknown", "data": fmt.Sprintf("%X", e.Data)}
	}
	type record struct {
		Seq     uint64 `json:"seq"`
		Time    string `json:"time"`
		Trusted bool   `json:"trusted"`
		Event   string `json:"event"`
		Meter   string `json:"meter,omitempty"`
		By      string `json:"by,omitempty"`
		Text    string `json:"text,omitempty"`
	}
	r := record{Seq: e.Seq, Time: stampText(ev.Time), Trusted: ev.Trusted, Event: ev.Kind, By: ev.By, Text: ev.Text}
	if ev.Meter != (dlt645.Address{}) {
		r.Meter = ev.Meter.String()
	}
	return r
}

func stampText(t time.Time) string { return t.Format("2006-01-02T15:04:05.000Z07:00") }

func exportRing(r *store.Ring, w io.Writer, _ bool) error {
	out := csv.NewWriter(w)
	out.Write([]string{"time", "meter", "point", "value", "unit"}) // Flush tells an error
	var points meter.Points
	rd := r.NewReader(0)
	for e, ok := rd.Next(); ok; e, ok = rd.Next() {
		var reading meter.Reading
		if e.Gap != nil || reading.UnmarshalBinary(e.Data) != nil {
			continue
		}
		for _, v := range reading.Values {
			p, _ := points.Lookup(v.Point)
			out.Write([]string{stampText(reading.Time), reading.Meter.String(), v.Point, v.Value.String(), p.Unit})
		}
	}
	out.Flush()
	return out.Error()
}
