package tool

import (
	"encoding/csv"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"meterd/cmd/meterd/cli"
	"meterd/dlt645"
	"meterd/meter"
	"meterd/store"
)

// Ring is the command "ring".
func Ring(f *flag.FlagSet, args []string, s cli.Streams) error {
	if len(args) == 0 {
		f.Usage()
		return cli.ErrUsage
	}
	what := args[0]
	asJSON := f.Bool("json", false, "verify: the result as JSON")
	yes := f.Bool("yes", false, "format: what stands there may go")
	file := f.String("config", "", "report: the configuration, for names, time zone and plan")
	size := f.String("size", "", "format: of the new ring, such as 64MiB; a ring keeps its size, and a device has its own")
	if strings.HasPrefix(what, "-") {
		return cli.Parse(f, args, 2, 2)
	}
	if err := cli.Parse(f, args[1:], 1, 1); err != nil {
		return err
	}
	if what == "format" {
		return formatRing(f, cli.Plain(s.Out), *size, *yes)
	}
	if what == "report" {
		return reportRing(f.Arg(0), *file, s)
	}
	look, ok := map[string]func(*store.Ring, io.Writer, bool) error{"verify": verifyRing, "dump": dumpRing, "export": exportRing}[what]
	if !ok {
		return cli.Wrong(f, "ring %s is not known: verify, dump, export, report or format", what)
	}
	r, err := store.OpenReadOnly(f.Arg(0), meter.Packing{})
	if err != nil {
		return cli.Fail("name the file of [store] path, or a copy of it", "%v", err)
	}
	defer r.Close()
	return look(r, s.Out, *asJSON)
}

// gapJSON is the shape of docs/cli.md.
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
		Torn    bool              `json:"torn"` // a write was torn when power was cut last: nothing durable
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
	result.Corrupt, result.Torn = r.Stats().Corrupt, r.Stats().Torn
	if asJSON {
		if err := json.NewEncoder(w).Encode(result); err != nil {
			return err
		}
	} else {
		w := cli.Plain(w)
		fmt.Fprintf(w, "%d records, %d to %d, %d damaged frames\n", result.Records, result.First, result.Last, result.Corrupt)
		if result.Torn {
			fmt.Fprintln(w, "the last write is torn: it was not durable yet")
		}
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
	starts := startsIn(r)
	rd := r.NewReader(0)
	for e, ok := rd.Next(); ok; e, ok = rd.Next() {
		if err := enc.Encode(starts.dump(e)); err != nil {
			return err
		}
	}
	return nil
}

// starts tells when the starts of the system began that a ring's records are
// of: what was taken while the clock was doubted is dated by what was taken
// when it was not.
type starts map[uint32]time.Time

func startsIn(r *store.Ring) starts {
	found := starts{}
	rd := r.NewReader(0)
	for e, ok := rd.Next(); ok; e, ok = rd.Next() {
		if boot, began, trusted, ok := meter.Began(e.Data); ok && trusted {
			found[boot] = began
		}
	}
	return found
}

// reading reads a record that is a reading, with its right time where that is
// known.
func (s starts) reading(rec []byte) (r meter.Reading, err error) {
	if err = r.UnmarshalBinary(rec); err != nil || r.Trusted {
		return r, err
	}
	if began, ok := s[r.Boot]; ok {
		r.Date(began)
	}
	return r, nil
}

func (s starts) dump(e store.Entry) any {
	if e.Gap != nil {
		return map[string]gapJSON{"gap": gapOf(e.Gap)}
	}
	if meter.IsEvent(e.Data) {
		return s.dumpEvent(e)
	}
	reading, err := s.reading(e.Data)
	if err != nil {
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
		// Recalled tells that the values come from the meter's memory, doubtful that
		// their moment is not sure.
		Recalled bool `json:"recalled,omitempty"`
		Doubtful bool `json:"doubtful,omitempty"`
	}
	return record{e.Seq, stampText(reading.Time), reading.Trusted, stampText(reading.Round), reading.Meter.String(), values, reading.Recalled, reading.Doubtful}
}

func (s starts) dumpEvent(e store.Entry) any {
	var ev meter.Event
	if err := ev.UnmarshalBinary(e.Data); err != nil {
		return map[string]any{"seq": e.Seq, "event": "unknown", "data": fmt.Sprintf("%X", e.Data)}
	}
	if began, ok := s[ev.Boot]; ok && !ev.Trusted {
		ev.Date(began)
	}
	type record struct {
		Seq     uint64 `json:"seq"`
		Time    string `json:"time"`
		Trusted bool   `json:"trusted"`
		Event   string `json:"event"`
		Meter   string `json:"meter,omitempty"`
		By      string `json:"by,omitempty"`
		Text    string `json:"text,omitempty"`
		*command
	}
	r := record{Seq: e.Seq, Time: stampText(ev.Time), Trusted: ev.Trusted, Event: ev.Kind, By: ev.By, Text: ev.Text}
	if c := ev.Command; c != nil {
		r.command = &command{ID: c.ID}
		if c.Done {
			outcome := c.Outcome.String()
			r.command.Outcome = &outcome
		}
	}
	if ev.Meter != (dlt645.Address{}) {
		r.Meter = ev.Meter.String()
	}
	return r
}

// command is what a command has left in the ring: its intent, and then what
// became of it.
type command struct {
	ID      string  `json:"command"`
	Outcome *string `json:"outcome"` // null: it is about to be carried out
}

func stampText(t time.Time) string { return t.Format("2006-01-02T15:04:05.000Z07:00") }

// anyRecalled reports whether the ring holds what was made up from a meter's
// memory: only then has an export a column for it.
func anyRecalled(r *store.Ring) bool {
	rd := r.NewReader(0)
	for e, ok := rd.Next(); ok; e, ok = rd.Next() {
		var reading meter.Reading
		if e.Gap == nil && reading.UnmarshalBinary(e.Data) == nil && reading.Recalled {
			return true
		}
	}
	return false
}

// sourceOf tells where the values of a reading come from.
func sourceOf(r meter.Reading) string {
	switch {
	case r.Recalled && r.Doubtful:
		return "memory, doubtful"
	case r.Recalled:
		return "memory"
	}
	return "live"
}

func exportRing(r *store.Ring, w io.Writer, _ bool) error {
	out := csv.NewWriter(w)
	head := []string{"time", "meter", "point", "value", "unit"}
	recalls := anyRecalled(r)
	if recalls {
		head = append(head, "source")
	}
	out.Write(head) // Flush tells an error
	var points meter.Points
	starts := startsIn(r)
	rd := r.NewReader(0)
	for e, ok := rd.Next(); ok; e, ok = rd.Next() {
		reading, err := starts.reading(e.Data)
		if e.Gap != nil || err != nil {
			continue
		}
		for _, v := range reading.Values {
			p, _ := points.Lookup(v.Point)
			row := []string{stampText(reading.Time), reading.Meter.String(), v.Point, v.Value.String(), p.Unit}
			if recalls {
				row = append(row, sourceOf(reading))
			}
			out.Write(row)
		}
	}
	out.Flush()
	return out.Error()
}
