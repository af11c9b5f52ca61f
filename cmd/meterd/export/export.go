// Package export writes what the ring holds for a spreadsheet: one file for each
// meter and month, in CSV, with a row for each reading and a column for each
// point.
//
//	time,meter,source,voltage.a (V),energy.forward.total (kWh)
//	2026-11-20 10:15:00,Unit 101,live,220.1,
//	2026-11-20 00:00:00,Unit 101,memory,,1234.56
//
// It begins with the mark by which Excel knows UTF-8. It only reads the ring,
// needs memory by the number of files alone, and lets others go first.
package export

import (
	"bytes"
	"context"
	"encoding/csv"
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

// Config says what is written.
type Config struct {
	Ring   *store.Ring
	Points *meter.Points
	Meters []*meter.Handle // whose names are known
	Zone   *time.Location
	// Write writes bytes to the end of a file of that name; first: it is made
	// anew.
	Write func(name string, first bool, b []byte) error
}

// Result is what was written.
type Result struct {
	Files    int
	Meters   int
	Readings int
	Skipped  int // readings beyond the most files that are written
}

const (
	// mostFiles bounds them, and with bufferSize the memory that is needed.
	mostFiles  = 2048
	bufferSize = 4 << 10
	// A pause for others comes after some records.
	pauseEvery = 64
	pause      = time.Millisecond
)

// Undated stands for the month in the name of a file whose readings were taken
// before the clock was right.
const Undated = "undated"

// sheet is a file that is written.
type sheet struct {
	columns []string
	buffer  bytes.Buffer
	begun   bool
}

// key names a file.
type key struct {
	meter dlt645.Address
	month string
}

func (k key) name() string { return k.meter.String() + "-" + k.month + ".csv" }

// Readings writes all readings. What it had written when it failed or the context
// ended is told too.
func Readings(ctx context.Context, c Config) (Result, error) {
	sheets := map[key]*sheet{}
	var r Result
	last := c.Ring.Last() // what comes later may have points that no column is for
	err := c.walk(ctx, last, func(reading *meter.Reading) error {
		s := sheets[c.keyOf(reading)]
		if s == nil {
			if len(sheets) == mostFiles {
				r.Skipped++
				return nil
			}
			s = &sheet{}
			sheets[c.keyOf(reading)] = s
		}
		for _, v := range reading.Values {
			if !slices.Contains(s.columns, v.Point) {
				s.columns = append(s.columns, v.Point)
			}
		}
		return nil
	})
	if err != nil {
		return r, err
	}
	names := map[dlt645.Address]string{}
	for _, m := range c.Meters {
		names[m.Address] = m.Name
	}
	meters := map[dlt645.Address]bool{}
	err = c.walk(ctx, last, func(reading *meter.Reading) error {
		k := c.keyOf(reading)
		s := sheets[k]
		if s == nil {
			return nil
		}
		if !s.begun && s.buffer.Len() == 0 {
			c.head(s)
		}
		row := []string{reading.Time.In(c.Zone).Format(time.DateTime), plain(names[reading.Meter]), source(reading)}
		for _, point := range s.columns {
			text := ""
			if v, ok := reading.Value(point); ok && v.Known() {
				text = plain(v.String())
			}
			row = append(row, text)
		}
		writeRow(&s.buffer, row)
		meters[reading.Meter] = true
		r.Readings++
		if s.buffer.Len() >= bufferSize {
			return c.flush(k, s)
		}
		return nil
	})
	r.Meters = len(meters)
	for _, k := range slices.SortedFunc(maps.Keys(sheets), func(a, b key) int { return strings.Compare(a.name(), b.name()) }) {
		if err == nil && sheets[k].buffer.Len() > 0 {
			err = c.flush(k, sheets[k])
		}
		if sheets[k].begun {
			r.Files++
		}
	}
	return r, err
}

// walk hands each reading up to a number to f.
func (c Config) walk(ctx context.Context, last uint64, f func(*meter.Reading) error) error {
	rd := c.Ring.NewReader(0)
	n := 0
	for e, ok := rd.Next(); ok && e.Seq <= last; e, ok = rd.Next() {
		var r meter.Reading
		if e.Gap == nil && r.UnmarshalBinary(e.Data) == nil {
			if err := f(&r); err != nil {
				return err
			}
		}
		if n++; n%pauseEvery == 0 {
			time.Sleep(pause)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

func (c Config) keyOf(r *meter.Reading) key {
	if !r.Trusted {
		return key{r.Meter, Undated}
	}
	return key{r.Meter, r.Time.In(c.Zone).Format("2006-01")}
}

// head begins a file: the mark, and a heading for each column.
func (c Config) head(s *sheet) {
	slices.Sort(s.columns)
	head := []string{"time", "meter", "source"}
	for _, point := range s.columns {
		if p, ok := c.Points.Lookup(point); ok && p.Unit != "" {
			point += " (" + p.Unit + ")"
		}
		head = append(head, plain(point))
	}
	s.buffer.WriteString("\ufeff")
	writeRow(&s.buffer, head)
}

func (c Config) flush(k key, s *sheet) error {
	err := c.Write(k.name(), !s.begun, s.buffer.Bytes())
	if err != nil {
		return fmt.Errorf("%s: %w", k.name(), err)
	}
	s.begun = true
	s.buffer.Reset()
	return nil
}

func writeRow(w io.Writer, row []string) {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	out.Write(row) // into memory
	out.Flush()
}

// source tells where a reading comes from.
func source(r *meter.Reading) string {
	switch {
	case r.Recalled && r.Doubtful:
		return "memory, doubtful"
	case r.Recalled:
		return "memory"
	}
	return "live"
}

// plain gives a text that no spreadsheet takes for a formula. A number may begin
// with its sign.
func plain(s string) string {
	if s == "" || !strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return s
	}
	if _, err := dlt645.ParseDecimal(s); err == nil {
		return s
	}
	return "'" + s
}
